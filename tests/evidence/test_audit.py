"""The audit: the papers' own errors are found with printed and implied value, clean rows give none."""

import numpy as np
import pytest

import hccmeta as hm
from hccmeta.evidence.audit import report_audit
from hccmeta.evidence.audit_groups import contingency_tests
from hccmeta.evidence.audit_ratios import wald_z
from hccmeta.evidence.cells import Row
from hccmeta.evidence.printed import printed_numbers
from hccmeta.evidence.rules_counts import counts_that_print

from .made_up import characteristic, clean_rows, ratio, response, survival, write_folder

CONFIRMED = {"print_confirmed": "yes"}


@pytest.fixture
def audit(tmp_path):
    """Findings of the clean rows after a change, as {(rule, severity): [(printed, implied)]}."""

    def run(change=lambda rows: None):
        rows = clean_rows()
        change(rows)
        found = hm.audit_numbers(hm.load_tables(write_folder(tmp_path / "extracted", rows)))
        table = {}
        for row in found.itertuples():
            assert row.study_id and row.printed in row.message and row.implied in row.message
            assert row.study_id in row.message and row.key in row.message
            table.setdefault((row.rule, row.severity), []).append((row.printed, row.implied))
        return table

    return run


def test_clean_rows_give_information_only(audit):
    found = audit()
    assert {severity for _, severity in found} == {"info"}
    assert found["interval_recomputed", "info"] == [("29.3-61.5", "29.3-61.5")]
    assert found["contingency_p", "info"] == [("0.034", "0.034")]
    assert found["sample_size", "info"] == [("25", "25")]


def test_percentage_that_is_cut_off_is_a_warning_and_names_both(audit):
    cut = {"endpoint": "DCR", "events": 11, "n": 30, "printed_pct": 36.6, "printed": "11(36.6)"}
    found = audit(lambda rows: rows["responses"].append(response("delta2022_rt", "DCR", 11, 30, 36.6) | cut))
    assert found["percentage_v_count", "warning"] == [("36.6", "36.7")]


def test_percentage_of_another_count_and_of_none_are_errors(audit):
    def change(rows):
        rows["adverse_events"][2] |= CONFIRMED | {"printed_pct": 32.5, "printed": "12 (32.5%)"}
        rows["adverse_events"][3] |= CONFIRMED | {"printed_pct": 5.4, "printed": "2 (5.4%)"}
        rows["characteristics"].append(
            characteristic("alpha2020_rt", "hbv", None, None, 40, 87.1, statistic="percent", printed="87.1%")
        )

    found = audit(change)
    assert found["percentage_v_count", "error"] == [("32.5", "30.0"), ("5.4", "5.0"), ("87.1", "85.0 or 87.5")]


def test_cells_sums_and_rates_that_do_not_add_up(audit):
    def change(rows):
        for row in rows["responses"]:
            row |= CONFIRMED
        rows["responses"][2] |= {"events": 10, "printed_pct": 25.0, "printed": "10 (25.0%)"}

    found = audit(change)
    assert found["cells_v_total", "error"] == [("40", "38")]
    assert found["sums_v_rates", "error"] == [("30", "28")]


def test_patients_without_a_category_are_a_warning_where_the_rates_leave_them_out(audit):
    def change(rows):
        rows["responses"][2] |= CONFIRMED | {"events": 10, "printed_pct": 25.0, "printed": "10 (25.0%)"}
        rows["responses"][5] |= CONFIRMED | {"events": 28, "printed_pct": 70.0, "printed": "28 (70.0%)"}

    found = audit(change)
    assert found["cells_v_total", "warning"] == [("40", "38")] and ("sums_v_rates", "error") not in found


@pytest.mark.parametrize(("method", "low", "high"), [
    ("clopper-pearson", 0.293, 0.615), ("wilson", 0.307, 0.602), ("wald", 0.296, 0.604), ("jeffreys", 0.304, 0.603),
    ("mid-p", 0.302, 0.605),
])  # fmt: skip
def test_interval_names_the_method_that_gives_it(tmp_path, rows, method, low, high):
    rows["responses"][4] |= {
        "ci_low": low, "ci_high": high, "printed": f"18 (45.0%; 95% CI {100 * low:.1f}-{100 * high:.1f})",
    }  # fmt: skip
    found = hm.audit_numbers(hm.load_tables(write_folder(tmp_path / "extracted", rows)))
    row = found[found["rule"] == "interval_recomputed"].iloc[0]
    assert row["severity"] == "info" and method in row["message"]


def test_interval_that_no_method_gives_and_one_of_another_level(audit):
    def change(rows):
        rows["responses"][4] |= {"ci_high": 0.651, "printed": "18 (45.0%; 95% CI 29.3-65.1)"}

    assert audit(change)["interval_recomputed", "error"] == [("29.3-65.1", "29.3-61.5")]

    def last_digit(rows):
        rows["responses"][4] |= {"ci_high": 0.616, "printed": "18 (45.0%; 95% CI 29.3-61.6)"}

    assert audit(last_digit)["interval_recomputed", "error"] == [("29.3-61.6", "29.3-61.5")]

    def other_level(rows):
        rows["responses"][4] |= {"ci_low": 0.316, "ci_high": 0.591, "printed": "18 (45.0%; 95% CI 31.6-59.1)"}

    assert ("interval_recomputed", "error") in audit(other_level)


def test_median_outside_its_interval_and_equal_to_overall_survival(audit):
    def change(rows):
        rows["survival"][5] |= CONFIRMED | {
            "value": 16.2, "ci_low": 4, "ci_high": 7, "ci_level": 0.95, "printed": "16.2 (95% CI 4-7)",
        }  # fmt: skip

    found = audit(change)
    assert found["estimate_v_interval", "error"] == [("16.2", "4-7")]
    assert found["progression_v_survival", "warning"] == [("16.2", "below the OS of 16.2")]


def test_landmarks_that_rise_or_contradict_the_median(audit):
    def change(rows):
        rows["survival"][4] |= CONFIRMED | {"value": 0.71, "printed": "71%"}

    found = audit(change)
    assert found["landmark_order", "error"] == [("71", "at most 68")]
    assert found["median_v_landmark", "error"] == [("71", "at most 50")]


def test_landmark_against_events_and_follow_up(audit):
    def change(rows):
        rows["survival"].append(survival("alpha2020_rt", "OS", "landmark", 0.5, "50%", time_months=30))
        rows["survival"][4] |= {"value": 0.5, "printed": "50%"}
        rows["survival"].append(survival("alpha2020_rt", "OS", "landmark", 0.99, "99.0%", time_months=1))
        rows["survival"][8] |= {"value": 2.0}

    found = audit(change)
    assert found["landmark_v_events", "error"] == [("99.0", "100.0"), ("50", "at most 45.0")]


def test_hazard_ratio_interval_and_p_value(audit):
    def change(rows):
        rows["hazard_ratios"][0] |= {
            "hr": 0.44, "ci_low": 0.25, "ci_high": 0.77, "p_value": 0.025,
            "printed": "HR = 0.44, 95% CI = 0.25-0.77, P= 0.025",
        }  # fmt: skip
        rows["hazard_ratios"][1] |= {"p_value": 0.3, "printed": "0.53 (95% CI 0.30-0.94), p = 0.3"}

    found = audit(change)
    assert [printed for printed, _ in found["interval_v_p", "error"]] == ["0.025", "0.3"]
    assert found["interval_v_p", "error"][0][1] == "0.003 to 0.0059"


def test_a_one_sided_p_value_is_no_error(audit):
    def change(rows):
        rows["hazard_ratios"][0] |= {
            "hr": 0.85, "ci_low": 0.71, "ci_high": 1.02, "p_value": 0.04, "printed": "0.85 (0.71-1.02), P = 0.04",
        }  # fmt: skip
        rows["hazard_ratios"][1] |= {
            "hr": 0.85, "ci_low": 0.71, "ci_high": 1.02, "p_value": 0.01, "printed": "0.85 (0.71-1.02), P = 0.01",
        }  # fmt: skip

    found = audit(change)
    assert found["interval_v_p", "warning"] == [("0.04", "0.06 to 0.1")]
    assert [printed for printed, _ in found["interval_v_p", "error"]] == ["0.01"]


def test_hazard_ratio_that_misses_the_middle_of_its_interval(audit):
    def change(rows):
        rows["hazard_ratios"].append(ratio("beta2021_pfs", 0.66, 0.30, 1.00, 0.05, "0.66 (0.30-1.00), p = 0.05",
                                           endpoint="PFS", print_confirmed="yes"))  # fmt: skip

    assert audit(change)["ratio_v_interval", "warning"] == [("0.66", "0.55")]


def test_a_limit_that_is_cut_off_is_information(audit):
    def change(rows):
        rows["hazard_ratios"].append(ratio("beta2021_pfs", 0.30, 0.09, 0.91, 0.034, "0.30 [0.09-0.91]; p = 0.034",
                                           endpoint="PFS"))  # fmt: skip

    found = audit(change)
    assert found["ratio_v_interval", "info"] == [("0.30", "0.29")] and ("interval_v_p", "error") not in found


def test_interval_narrower_than_its_events_allow(audit):
    def change(rows):
        rows["hazard_ratios"][0] |= {
            "ci_low": 0.45, "ci_high": 0.75, "p_value": 0.0001, "p_relation": "<",
            "printed": "0.58 (95% CI 0.45-0.75), p < 0.0001",
        }  # fmt: skip

    assert ("interval_v_events", "warning") in audit(change)


def test_two_by_two_p_value_of_no_test_and_paired_comparison(audit):
    def change(rows):
        rows["comparisons"][0] |= {"value": 0.003, "printed": "p = 0.003"}
        rows["comparisons"].append(rows["comparisons"][0] | {
            "comparison_id": "alpha2020_criteria", "study_id": "alpha2020", "arm_1": "alpha2020_rt", "arm_2": None,
            "paired": "yes", "events_1": 18, "n_1": 40, "events_2": 22, "n_2": 40, "source": "doi:10.1000/alpha2020",
        })  # fmt: skip
        rows["comparisons"].append(rows["comparisons"][0] | {
            "comparison_id": "beta2021_dcr_p", "endpoint": "DCR", "variable": "control",
        })  # fmt: skip

    found = audit(change)
    assert found["contingency_p", "error"] == [("0.003", "0.025 to 0.04")]
    assert found["paired_not_checkable", "info"] == [("0.003", "not checkable")]
    assert found["contingency_p", "info"] == [("0.003", "not checkable")]


def test_standardised_difference_levels_and_matched_totals(audit):
    def change(rows):
        for arm, n, young in (("beta2021_rt", 39, 28), ("beta2021_nort", 105, 72)):
            for level, events in (("<=60", young), (">60", n - young)):
                rows["characteristics"].append(
                    characteristic(arm, "age", level, events, n, round(100 * events / n, 1))
                )
        smd = {"variable": "age", "level": "<=60", "endpoint": None, "test": "SMD", "statistic": "SMD", "relation": "="}
        rows["comparisons"] += [
            rows["comparisons"][0] | smd | {"comparison_id": f"beta2021_smd_{value}", "value": value / 1000,
                                            "printed": f"{value / 1000:.3f}"}
            for value in (72, 172)
        ]  # fmt: skip
        rows["characteristics"][0] |= CONFIRMED | {"events": 33, "printed": "33 | 85.0"}
        rows["responses"][10] |= {"n": 37, "events": 20, "printed_pct": 54.1, "printed": "20 (54.1%)"}
        rows["characteristics"] += [
            characteristic("beta2021_rt", name, "yes", 19, 38, 50.0, population="psm") for name in ("hbv", "pvtt")
        ]

    found = audit(change)
    assert found["standardised_difference", "error"] == [("0.172", "0.072")]
    assert found["levels_v_total", "error"] == [("40", "39")]
    assert found["matched_totals", "error"] == [("37", "38")]


def test_a_fact_printed_twice_with_two_values(audit):
    again = {"response_id": "alpha2020_rt_dcr_discussion", "use": "do_not_pool", "use_reason": "second print",
             "locator": "Discussion", "events": None, "events_how": "not_printed", "printed_pct": 77.5,
             "printed": "77.5%"}  # fmt: skip
    found = audit(lambda rows: rows["responses"].append(rows["responses"][5] | again))
    assert found["printed_twice", "error"] == [("77.5", "75.0")]
    coarser = again | {"printed_pct": 75, "printed": "75%"}
    rounded = audit(lambda rows: rows["responses"].append(rows["responses"][5] | coarser))
    assert ("printed_twice", "error") not in rounded and ("printed_twice", "warning") not in rounded


def test_sample_sizes_list_what_gives_them(audit):
    def design(n, sides, total=None, **more):
        return lambda rows: rows["designs"].append(
            rows["designs"][0] | {"design_id": "new", "n_evaluable": n, "n_total": total, "sides": sides} | more
        )

    planned = {"p0": 0.273, "p1": 0.47, "alpha": 0.1, "power": 0.9}
    assert audit(design(42, 2, **planned))["sample_size", "error"] == [("42", "44, 49, 51, 54, 55, 56, 59")]
    assert audit(design(42, 1, **planned))["sample_size", "info"][1] == ("42", "42")
    assert ("sample_size", "error") not in audit(design(42, None, **planned))
    between = audit(design(28, 1, p0=0.05, p1=0.195))
    assert between["sample_size", "warning"][0][0] == "28"
    assert audit(design(25, 1, total=26))["dropout_arithmetic", "error"] == [("26", "28")]


def test_confirmed_misprints_of_every_other_rule_become_findings(audit):
    def change(rows):
        rows["adverse_events"][1] |= CONFIRMED | {"events": 37, "printed_pct": 92.5, "printed": "37 (92.5%)"}
        rows["survival"][9] |= CONFIRMED | {"value": 13.0, "printed": "13.0"}

    found = audit(change)
    assert found["grades_nest", "error"][0][0] == "37" and found["times_within_follow_up", "error"]


def test_counts_that_print_are_all_counts_within_the_rounding():
    for n in (7, 8, 30, 108, 160):
        for digits in (0, 1):
            for count in range(n + 1):
                printed = round(100 * count / n, digits)
                counts = counts_that_print(printed, n, digits)
                assert count in counts
                assert all(abs(100 * other / n - printed) <= 0.5 * 10**-digits + 1e-9 for other in counts)
                assert all(other in counts or abs(100 * other / n - printed) >= 0.5 * 10**-digits - 1e-9
                           for other in range(n + 1))  # fmt: skip


def test_numbers_are_read_from_print_with_their_digits():
    numbers = printed_numbers("17.0 months (95% CI 15.6–18.0), n = 1,234; −0.117; PD-1; P<0.001; Nine patients")
    assert [(number.text, number.decimals) for number in numbers if not number.loose] == [
        ("17.0", 1), ("95", 0), ("15.6", 1), ("18.0", 1), ("1,234", 0), ("-0.117", 3), ("0.001", 3), ("nine", 0),
    ]  # fmt: skip
    assert [number.value for number in numbers if number.text in ("1,234", "-0.117", "nine")] == [1234, -0.117, 9]
    assert [number.relation for number in numbers if number.text == "0.001"] == ["<"]


def test_contingency_tests_give_what_r_gives():
    # R 4.2.2: fisher.test, chisq.test(correct = FALSE), chisq.test on matrix(c(3, 1, 1, 3), 2)
    values = contingency_tests(np.array([[3, 1], [1, 3]]))
    assert values == pytest.approx(
        {"chi-square": 0.1572992, "chi-square with Yates' correction": 0.4795001, "Fisher's exact test": 0.4857143}
    )
    assert contingency_tests(np.array([[5, 7], [0, 0]])) == {"no difference possible": 1.0}


def test_wald_range_covers_the_unrounded_value():
    printed = Row(2, {"hr": 0.58, "ci_low": 0.35, "ci_high": 0.94, "ci_level": 0.95, "printed": "0.58 (0.35-0.94)"})
    low, high = wald_z(printed)
    assert low < abs(np.log(0.58)) / ((np.log(0.94) - np.log(0.35)) / 3.919928) < high


def test_report_names_every_finding_and_counts_them(folder):
    findings = hm.audit_numbers(hm.load_tables(folder))
    text = report_audit(findings)
    assert text.splitlines()[-1] == f"0 error, 0 warning, {len(findings)} info"
    assert all(message in text for message in findings["message"])
