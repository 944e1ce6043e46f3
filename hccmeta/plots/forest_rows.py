"""The rows of a forest plot: what stands in each line, on the reported scale."""

from __future__ import annotations

from math import isfinite, nan, sqrt

from ..effects.inputs import label_rows
from ..effects.proportion import proportion_ci
from ..effects.scales import PROPORTIONS, SCALES, back_transform
from ..errors import DataError, MethodError, check_choice
from ..report.sentences import heterogeneity_text, p_text
from . import style
from .axis import shown_estimate, shown_interval
from .tables import NO_NAME, filled, read_table

GIVEN = ("estimate", "ci_low", "ci_high")
OPTIONAL = (*GIVEN, "ci_level", "events", "n", "events_1", "n_1", "events_2", "n_2", "weight")
DOUBT = "†"
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
BLANK = {
    "kind": "heading", "label": "", "mark": "", "indent": 0.0, "above": 0.0, "counts": "", "counts_1": "",
    "counts_2": "", "estimate": nan, "low": nan, "high": nan, "text": "", "weight": None, "weight_text": "",
    "included": True, "overall": False,
}  # fmt: skip


def _study_interval(row, measure: str, level: float):
    """Exact interval of a proportion's counts, else the interval given on the reported scale, else the model's."""
    from scipy.special import ndtri

    events, n = row.get("events"), row.get("n")
    if measure in PROPORTIONS and filled(events) and filled(n) and n > 0:
        low, high = proportion_ci(events, n, method="clopper-pearson", level=level)
        return events / n, float(low), float(high)
    given = [row.get(name) for name in GIVEN]
    its_level = row.get("ci_level")
    if all(filled(value) for value in given) and (not filled(its_level) or abs(its_level - level) < 1e-9):
        return tuple(float(value) for value in given)
    if not isfinite(row["yi"]):
        return nan, nan, nan
    if measure == "PFT" and not filled(n):
        raise DataError("plot_forest: a double arcsine (PFT) needs the column n to be shown as a proportion.")
    half = ndtri((1 + level) / 2) * sqrt(row["vi"]) if row["vi"] >= 0 else nan
    return tuple(back_transform(value, measure, n=n) for value in (row["yi"], row["yi"] - half, row["yi"] + half))


def _counts(row) -> dict:
    def pair(events, n):
        known = filled(row.get(events)) and filled(row.get(n))
        return f"{row[events]:.0f}/{row[n]:.0f}" if known else ""

    return {"counts": pair("events", "n"), "counts_1": pair("events_1", "n_1"), "counts_2": pair("events_2", "n_2")}


def _study_rows(studies, measure, level, labels: dict, reasons: dict, indent: float) -> list[dict]:
    rows = []
    for row in studies.to_dict("records"):
        estimate, low, high = _study_interval(row, measure, level)
        included, weight = bool(row["included"]), row.get("weight")
        weight = weight if included and filled(weight) else None
        name, mark = style.one_line(labels.get(row["label"], row["label"])) or NO_NAME, ""
        if not included:
            reason = row["reason"] if filled(row["reason"]) else "no reason given"
            mark = " " + str(reasons.setdefault(reason, len(reasons) + 1)).translate(SUPERSCRIPT)
        mark += f" {DOUBT}" if filled(row.get("use")) and row["use"] == "check" else ""
        interval = shown_interval(low, high, measure) if low == low else ""
        text = f"{shown_estimate(estimate, measure)} {interval}".strip() if isfinite(estimate) else ""
        rows.append(BLANK | _counts(row) | {
            "kind": "study", "label": name, "mark": mark, "indent": indent, "estimate": estimate, "low": low,
            "high": high, "text": text, "weight": weight,
            "weight_text": "" if weight is None else f"{100 * weight:.1f} %", "included": included,
        })  # fmt: skip
    return rows


def _summary_rows(result, label: str, *, overall: bool, indent: float = 0.0) -> list[dict]:
    shown, rows, measure = result.display, [], result.measure
    base = BLANK | {"overall": overall, "indent": indent}
    if isfinite(shown.estimate):
        text = f"{shown_estimate(shown.estimate, measure)} {shown_interval(shown.ci_low, shown.ci_high, measure)}"
        rows.append(base | {
            "kind": "pooled", "label": label, "estimate": shown.estimate, "low": shown.ci_low, "high": shown.ci_high,
            "text": text, "above": 0.2,
        })  # fmt: skip
    if isfinite(shown.pi_low):
        rows.append(base | {
            "kind": "prediction", "label": "Prediction interval", "estimate": shown.estimate, "low": shown.pi_low,
            "high": shown.pi_high, "text": shown_interval(shown.pi_low, shown.pi_high, measure),
        })  # fmt: skip
    return rows


def _group_rows(result, labels, reasons) -> list[dict]:
    rows: list[dict] = []
    for level, group in result.groups.items():
        heading = BLANK | {"label": f"{result.by.replace('_', ' ')}: {level}", "above": 0.45 if rows else 0.0}
        rows += [heading, *_study_rows(group.studies, group.measure, group.level, labels, reasons, 0.15)]
        label = f"Pooled, k = {group.k}" + (f", I² = {100 * group.I2:.0f} %" if isfinite(group.I2) else "")
        summary = _summary_rows(group, label, overall=False, indent=0.15) if group.k > 1 else []
        none = BLANK | {"kind": "note", "label": f"no summary, k = {group.k}", "indent": 0.15}
        rows += summary or [none]
    if result.overall is not None:
        overall = _summary_rows(result.overall, f"All studies, k = {result.overall.k}", overall=True)
        rows += [overall[0] | {"above": 0.6}, *overall[1:]] if overall else []
    return rows


def _effect_rows(effects, by: str, level: float, labels, reasons) -> tuple[list[dict], str]:
    """Rows of an effects table: studies only, with a heading per value of `by`."""
    import numpy as np

    caller, what = "plot_forest", "the effects table"
    effects = read_table(effects, numbers=("yi", "vi"), optional=OPTIONAL, caller=caller, what=what)
    if len(effects) == 0:
        raise DataError("plot_forest: the effects table has no rows.")
    if "weight" in effects.columns and not (effects["weight"].isna() | effects["weight"].between(0, 1)).all():
        raise DataError("plot_forest: weights are shares in 0-1; correct the column weight or drop it.")
    if by:
        effects = read_table(effects, texts=(by,), caller=caller, what=what)
    measures = set(map(str, effects["measure"].dropna())) if "measure" in effects.columns else set()
    if len(measures) > 1:
        raise DataError(f"plot_forest: one measure per plot, the table has {', '.join(sorted(map(str, measures)))}.")
    measure = measures.pop() if measures else "GEN"
    check_choice("measure", measure, tuple(SCALES))
    known = np.isfinite(effects["yi"]) & (effects["vi"] > 0)
    if set(GIVEN) <= set(effects.columns):
        known |= np.isfinite(effects[[*GIVEN]]).all(axis=1)
    studies = effects.assign(label=effects["label"] if "label" in effects.columns else label_rows(effects))
    if "included" not in studies.columns:
        studies = studies.assign(included=known, reason=np.where(known, "", "effect or variance missing"))
    elif "reason" not in studies.columns:
        studies = studies.assign(reason="")
    if not by:
        return _study_rows(studies, measure, level, labels, reasons, 0.0), measure
    rows: list[dict] = []
    for value, part in studies.groupby(by, sort=False):
        label = "not stated" if value == NO_NAME else value
        rows.append(BLANK | {"label": label, "above": 0.45 if rows else 0.0})
        rows += _study_rows(part, measure, level, labels, reasons, 0.15)
    return rows, measure


def forest_rows(result, labels: dict, by: str = "") -> tuple[list[dict], str, float, dict[str, int]]:
    """Rows in drawing order, the measure, the level of the intervals, and the reasons of what was left out."""
    reasons: dict[str, int] = {}
    if by and (hasattr(result, "groups") or hasattr(result, "display")):
        raise MethodError(f"by = {by!r} is only for a table of effects: pool the groups with pool_by(effects, {by!r}).")
    if hasattr(result, "groups"):
        first = next(iter(result.groups.values()))
        return _group_rows(result, labels, reasons), first.measure, first.level, reasons
    if not hasattr(result, "display"):
        rows, measure = _effect_rows(result, by, 0.95, labels, reasons)
        return rows, measure, 0.95, reasons
    rows = _study_rows(result.studies, result.measure, result.level, labels, reasons, 0.0)
    if result.k > 1:
        rows += _summary_rows(result, f"Pooled, k = {result.k}", overall=True)
    return rows, result.measure, result.level, reasons


def foot_lines(result, rows, level: float, reasons: dict[str, int]) -> list[str]:
    """Lines below the plot: heterogeneity and method, what the marks mean, and why studies were left out."""
    lines = []
    overall = result.overall if hasattr(result, "groups") else result if hasattr(result, "display") else None
    if overall is not None and overall.k > 1:
        lines.append(heterogeneity_text(overall))
    elif overall is not None:
        lines.append(f"k = {overall.k}: nothing is pooled")
    if hasattr(result, "groups") and isfinite(result.p_value):
        test = f"Q = {result.Q_between:.2f} on {result.df} df, {p_text(result.p_value)}"
        lines.append(f"Between groups: {test}; exploratory")
    kinds = {row["kind"] for row in rows}
    weighted = any(row["weight"] is not None for row in rows)
    marks = [f"Squares and lines: estimates with {100 * level:g} % confidence intervals"] if "study" in kinds else []
    if weighted:
        marks[0] += ", area by weight"
    if "pooled" in kinds:
        marks.append("diamond: pooled estimate with its confidence interval")
    if "prediction" in kinds:
        marks.append("bar: prediction interval")
    if any(not row["included"] for row in rows):
        marks.append("hollow: left out")
    doubtful = any(DOUBT in row["mark"] for row in rows)
    doubt = [f"{DOUBT} marked check in the table: its meaning is doubtful"] if doubtful else []
    notes = [f"{str(number).translate(SUPERSCRIPT)} left out: {style.one_line(reason)}"
             for reason, number in reasons.items()]  # fmt: skip
    return [*lines, *(["; ".join(marks)] if marks else []), *doubt, *notes]
