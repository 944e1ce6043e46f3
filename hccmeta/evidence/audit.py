"""The audit that finds the papers' errors: printed numbers that cannot be right, and those that cannot be checked."""

from __future__ import annotations

from hccmeta.evidence import (
    audit_confirmed,
    audit_designs,
    audit_groups,
    audit_ratios,
    audit_responses,
    audit_survival,
)
from hccmeta.evidence.findings import COLUMNS, SEVERITIES, Audit
from hccmeta.evidence.load import needs_tables

_MODULES = (audit_responses, audit_groups, audit_survival, audit_ratios, audit_designs, audit_confirmed)


@needs_tables
def audit_numbers(tables):
    """Findings on the numbers that the papers print, each recomputed from the other numbers of the same paper.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    DataFrame
        study_id, table, key, rule, severity, printed, implied, message. `severity`: error = the numbers contradict
        each other beyond rounding; warning = they fit only with a reservation that the message names; info =
        reproduced by a named method, or not checkable from what is printed.

    Notes
    -----
    Every tolerance comes from the digits of `printed`. Nothing is changed.

    References
    ----------
    Brown and Heathers 2017, 10.1177/1948550616673876

    Examples
    --------
    >>> import hccmeta as hm
    >>> findings = audit_numbers(hm.load_tables())
    >>> bool(findings["study_id"].notna().all())
    True
    """
    import pandas as pd

    audit = Audit(tables)
    found = [finding for module in _MODULES for rule in module.RULES for finding in rule(audit)]
    frame = pd.DataFrame(found, columns=list(COLUMNS)).astype("string")
    order = {name: place for place, name in enumerate(SEVERITIES)}
    return frame.sort_values(
        ["study_id", "severity"], key=lambda column: column.map(order) if column.name == "severity" else column,
        kind="stable", ignore_index=True,
    )  # fmt: skip


def report_audit(findings) -> str:
    """Text for the terminal: the findings by study, errors first, and a line that counts them."""
    lines = []
    for study, rows in findings.groupby("study_id", sort=True):
        lines.append(str(study))
        lines += [f"  {row.severity:7} {row.rule}: {row.message}" for row in rows.itertuples()]
    counts = findings["severity"].value_counts()
    lines.append(", ".join(f"{counts.get(name, 0)} {name}" for name in SEVERITIES))
    return "\n".join(lines)
