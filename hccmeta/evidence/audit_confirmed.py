"""Audit of confirmed misprints: rows that break an arithmetic rule and carry `print_confirmed`."""

from __future__ import annotations

from hccmeta.evidence import rules_counts, rules_survival
from hccmeta.evidence.printed import print_number

_RULES = (
    rules_counts.events_within_n, rules_counts.n_within_arm, rules_counts.whole_arm_has_its_n,
    rules_counts.same_n_in_a_block, rules_counts.grades_nest, rules_survival.counts_fit_group,
    rules_survival.times_within_follow_up,
)  # fmt: skip


def confirmed_misprint(audit):
    """Which rule over several columns does the paper's own print break?"""
    for rule in _RULES:
        for table, rows, column, fix in rule(audit):
            row = rows[0]
            shown = print_number(row["printed"], row[column])
            why = f"Rule broken: {rule.__doc__.splitlines()[0]}"
            yield audit.finding(table, row, rule.__name__, "error", shown, fix.split(":")[0].rstrip("."), why)


RULES = (confirmed_misprint,)
