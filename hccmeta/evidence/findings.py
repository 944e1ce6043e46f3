"""One finding of the audit: a printed number, what it should be, and how sure we are."""

from __future__ import annotations

from hccmeta.evidence.cells import Row

COLUMNS = ("study_id", "table", "key", "rule", "severity", "printed", "implied", "message")
SEVERITIES = ("error", "warning", "info")
_KEYS = {
    "responses": ("response_id",), "survival": ("survival_id",), "hazard_ratios": ("hr_id",),
    "adverse_events": ("ae_id",), "prognostic_factors": ("factor_id",), "comparisons": ("comparison_id",),
    "designs": ("design_id",),
    "characteristics": ("arm_id", "population", "variable", "level", "timepoint"),
}  # fmt: skip


class Audit:
    """Typed rows of the tables, with the look-ups that the audit rules share."""

    def __init__(self, tables):
        self.data = {name: _typed(frame) for name, frame in tables}
        self.study_of = {row["arm_id"]: row["study_id"] for row in self["arms"]}
        self.arm_n = {row["arm_id"]: row["n"] for row in self["arms"]}

    def __getitem__(self, table: str) -> list[Row]:
        return self.data.get(table, [])

    def finding(self, table: str, row, rule: str, severity: str, printed, implied, why: str) -> dict:
        """Dict with the columns of `audit_numbers`; the message repeats key, printed and implied."""
        arm = row["arm_id"] or row["experimental_arm"] or row["arm_1"]
        study = row["study_id"] or self.study_of.get(arm, arm)
        key = " / ".join(str(row[name]) for name in _KEYS[table] if row[name] is not None)
        message = f"{study}, {key}: printed {printed}, implied {implied}. {why}"
        return dict(zip(COLUMNS, (study, table, key, rule, severity, printed, implied, message), strict=True))


def _typed(frame) -> list[Row]:
    columns = {name: frame[name].astype(object).where(frame[name].notna(), None).to_list() for name in frame}
    return [Row(i + 2, {name: values[i] for name, values in columns.items()}) for i in range(len(frame))]


def span(low, high, digits: int | None = None) -> str:
    """`low` or `low to high`, each with the given number of decimals."""
    texts = [f"{value:.{digits}f}" if digits is not None else f"{value:g}" for value in (low, high)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)
