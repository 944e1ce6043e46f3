"""What the audit says of the founding papers: conflicts that anyone can re-read in their text."""

import pytest

import hccmeta as hm


@pytest.fixture(scope="module")
def findings():
    found = hm.audit_numbers(hm.load_tables())
    return {(row.study_id, row.rule, row.severity, row.printed, row.implied) for row in found.itertuples()}


def test_project_tables_have_no_problem():
    assert hm.check_tables().empty


@pytest.mark.parametrize("expected", [
    # Table 2, matched S+L: PD 12 (34.2%) of 38; cells 1 + 7 + 16 + 12; DCR 26; P of the ORR 23/38 v 8/38
    ("liu2024", "percentage_v_count", "error", "34.2", "31.6"),
    ("liu2024", "cells_v_total", "error", "38", "36"),
    ("liu2024", "sums_v_rates", "error", "26", "24"),
    ("liu2024", "contingency_p", "error", "0.003", "0.00046 to 0.0011"),
    # after matching: median PFS 25 (19-20) and 15.9 (4-7) months; OS HR 0.44 (0.25-0.77) with P = 0.025
    ("liu2024", "estimate_v_interval", "error", "25", "19-20"),
    ("liu2024", "estimate_v_interval", "error", "15.9", "4-7"),
    ("liu2024", "interval_v_p", "error", "0.025", "0.003 to 0.0059"),
    # DCR 11(36.6) of 30; ORR 9 of 30 with 90% CI 16.6-46.5
    ("pan2024", "percentage_v_count", "warning", "36.6", "36.7"),
    ("pan2024", "interval_recomputed", "info", "16.6-46.5", "16.6-46.5"),
    # 47% against 27.3%, two-sided alpha 0.1, power 90%: 42 evaluable patients
    ("wang2022", "sample_size", "error", "42", "44, 49, 51, 54, 55, 56, 59"),
    # Discussion: DCR 97.5%, Table 3: 105 (97.2%)
    ("zhai2025", "printed_twice", "error", "97.5", "97.2"),
    # two criteria in the same patients
    ("zhai2025", "paired_not_checkable", "info", "<0.001", "not checkable"),
])  # fmt: skip
def test_known_conflicts_are_found(findings, expected):
    assert expected in findings
