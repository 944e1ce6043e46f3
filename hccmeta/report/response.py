"""Tables behind the response notebook: pools that may be empty, and rows shown side by side without pooling."""

from __future__ import annotations

from math import isfinite, isnan, nan

from ..effects.proportion import effects_proportion
from ..evidence.load import needs_tables
from ..evidence.select import select_responses
from ..evidence.sieve import arm_table
from ..pooling.glmm import pool_proportion
from ..pooling.glmm_moderators import without_summary
from ..pooling.inverse_variance import pool
from ..pooling.result import PooledResult
from .sentences import FEWEST, result_text

PERIOPERATIVE = {
    "ORR": "objective response", "PCR": "complete pathological response", "MPR": "major pathological response",
    "PCR_OR_MPR": "complete or major pathological response", "RESECTION": "resected",
}  # fmt: skip


def summarised(result: PooledResult, *, min_k: int = FEWEST) -> PooledResult:
    """The result, without estimate where two studies or more are fewer than `min_k`: they stand side by side.

    Two studies hardly tell how much studies differ; an interval over them follows from the model, not from the data.
    """
    return without_summary(result, min_k) if 1 < result.k < min_k else result


def pool_rates(rows, *, level: float = 0.95, min_k: int = FEWEST) -> PooledResult:
    """Pooled proportion by the exact binomial-normal likelihood.

    Parameters
    ----------
    rows : DataFrame
        study, events, n, as `select_responses` or `select_adverse_events` give them.
    level : float
        Level of the intervals as a fraction.
    min_k : int
        Fewer studies than this (but more than one) come back without an estimate.

    Returns
    -------
    PooledResult
        With k = 0 where no row is left; one study alone keeps its own estimate.
    """
    if len(rows):
        return summarised(pool_proportion(rows, level=level), min_k=min_k)
    empty = rows.assign(label=rows["study"], yi=nan, vi=nan, weight=nan, included=False, reason="")
    return PooledResult("PLO", 0, nan, nan, nan, nan, level=level, studies=empty)


def pool_logit(rows, *, min_k: int = FEWEST, **options) -> PooledResult:
    """Pooled logit proportion by inverse variance (options of `pool`), with the rules of `pool_rates`."""
    if len(rows):
        return summarised(pool(effects_proportion(rows), **options), min_k=min_k)
    return pool_rates(rows, level=options["level"])


def as_rows(results: dict):
    """Pooled results as rows of one forest plot, without a summary: each row is its own analysis.

    Parameters
    ----------
    results : dict
        Label -> PooledResult; those without an estimate (no study, or too few to pool) are left out.

    Returns
    -------
    DataFrame
        study (label with k), measure, yi, vi, estimate, ci_low, ci_high (reported scale).
    """
    import pandas as pd

    rows = [
        {
            "study": f"{label} (k = {result.k})", "measure": result.measure, "yi": result.estimate, "vi": result.se**2,
            "estimate": result.display.estimate, "ci_low": result.display.ci_low, "ci_high": result.display.ci_high,
        }
        for label, result in results.items()
        if not isnan(result.estimate)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["study", "measure", "yi", "vi", "estimate", "ci_low", "ci_high"])


def variants_sentence(variants: dict, *, outcome: str) -> str:
    """How far the pooled value moves between choices of rows."""
    shown = {label: result for label, result in variants.items() if result.k and isfinite(result.display.estimate)}
    if len(shown) < 2:
        return f"Only one choice of rows reports the {outcome}."
    values = sorted(100 * result.display.estimate for result in shown.values())
    parts = "; ".join(f"{label}: {result_text(result)}" for label, result in variants.items() if result.k)
    return (
        f"The pooled {outcome} lies between {values[0]:.1f} and {values[-1]:.1f} % over the choices of rows. {parts}."
    )


def stack_rows(tables: dict, *, by: str):
    """Selections stacked into rows of one forest plot: study becomes `study, by`."""
    import pandas as pd

    frames = [rows.assign(study=rows["study"] + f", {by} {level}") for level, rows in tables.items() if len(rows)]
    for frame in frames:
        frame.attrs.clear()
    rows = pd.concat(frames, ignore_index=True) if frames else next(iter(tables.values()))
    return effects_proportion(rows) if len(rows) else rows


@needs_tables
def scope_table(tables, *, endpoint: str, scopes, criteria, where=None):
    """Response of every study by the lesions judged and the criteria; rows of one study are the same patients.

    Returns
    -------
    DataFrame
        study (label with scope and criteria), lesion_scope, scope_printed, criteria, events, n, use, yi, vi, measure.
    """
    import pandas as pd

    settings = ("unresectable", "recurrent_metastatic", "mixed", "perioperative", "not_stated")
    frames = []
    for scope in scopes:
        for one in criteria:
            rows = select_responses(
                tables,
                endpoint=endpoint,
                criteria=one,
                lesion_scope=scope,
                where=where,
                settings=settings,
                overlap="keep",
            )
            rows = rows.assign(study=rows["study"] + f": {scope.replace('_', ' ')}, {one.replace('_', ' ')}")
            rows.attrs.clear()
            frames.append(rows)
    found = pd.concat(frames, ignore_index=True).sort_values(["year", "study_id"], kind="stable", ignore_index=True)
    return effects_proportion(found) if len(found) else found


@needs_tables
def perioperative_table(tables):
    """Response, pathological response and resection of the perioperative arms, one row per endpoint."""
    arms = arm_table(tables).set_index("arm_id")
    rows = tables.responses
    rows = rows[rows["arm_id"].map(arms["setting"]).eq("perioperative") & rows["endpoint"].isin(PERIOPERATIVE)]
    rows = rows[rows["use"].isin(["ok", "check"]) & rows["events"].notna() & rows["n"].notna()]
    words = rows["endpoint"].map(PERIOPERATIVE)
    scope = rows["lesion_scope"].where(rows["lesion_scope"] != "overall", "").str.replace("_", " ")
    label = rows["arm_id"].map(arms["study"]) + ": " + words + scope.map(lambda text: f" ({text})" if text else "")
    return effects_proportion(rows.assign(study=label).reset_index(drop=True)) if len(rows) else rows
