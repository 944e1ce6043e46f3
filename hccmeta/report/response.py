"""Tables behind the response notebook: pools that may be empty, and rows shown side by side without pooling."""

from __future__ import annotations

from math import isfinite, isnan, nan
from statistics import NormalDist

from ..effects.inputs import label_rows
from ..effects.proportion import effects_proportion, proportion_ci
from ..effects.scales import PROPORTIONS, back_transform
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.select import select_responses
from ..evidence.sieve import arm_table
from ..pooling.glmm import pool_proportion
from ..pooling.glmm_moderators import without_summary
from ..pooling.inverse_variance import pool
from ..pooling.result import PooledResult
from .sentences import FEWEST, counts_text, result_text

PERIOPERATIVE = {
    "ORR": "objective response", "PCR": "complete pathological response", "MPR": "major pathological response",
    "PCR_OR_MPR": "complete or major pathological response", "RESECTION": "operated",
}  # fmt: skip
AFTER_SURGERY = ("PCR", "MPR", "PCR_OR_MPR", "RESECTION")
AMENABLE = "amenable to curative surgery"
_ORDER = [PERIOPERATIVE[name] for name in ("RESECTION", "PCR", "MPR", "PCR_OR_MPR", "ORR")]
POPULATIONS = {"resected": ", operated", "evaluable": ", evaluable"}


def summarised(result: PooledResult, *, min_k: int = FEWEST) -> PooledResult:
    """The result, without estimate where two studies or more are fewer than `min_k`: they stand side by side.

    Two studies hardly tell how much studies differ; an interval over them follows from the model, not from the data.
    """
    return without_summary(result, min_k) if 1 < result.k < min_k else result


@takes(rows=("events", "n"))
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
    empty = rows.assign(label=label_rows(rows), yi=nan, vi=nan, weight=nan, included=False, reason="")
    return PooledResult("PLO", 0, nan, nan, nan, nan, level=level, studies=empty)


@takes(rows=("events", "n"))
def pool_logit(rows, *, min_k: int = FEWEST, **options) -> PooledResult:
    """Pooled logit proportion by inverse variance (options of `pool`), with the rules of `pool_rates`."""
    if len(rows):
        return summarised(pool(effects_proportion(rows), **options), min_k=min_k)
    return pool_rates(rows, level=options["level"])


@takes(results={"label": PooledResult})
def as_rows(results: dict):
    """Pooled results as rows of one forest plot, without a summary: each row is its own analysis.

    Parameters
    ----------
    results : dict
        Label -> PooledResult. One study alone, and studies too few to pool, are shown by name.

    Returns
    -------
    DataFrame
        group (the label), study (label with k, or label and study), k, measure, events, n (of a single study), yi, vi,
        estimate, ci_low, ci_high (reported scale).
    """
    import pandas as pd

    rows = []
    for label, result in results.items():
        base = {"group": label, "k": result.k, "measure": result.measure}
        if result.k > 1 and not isnan(result.estimate):
            shown = result.display
            rows.append(base | {
                "study": f"{label} (k = {result.k})", "events": nan, "n": nan, "yi": result.estimate,
                "vi": result.se**2, "estimate": shown.estimate, "ci_low": shown.ci_low, "ci_high": shown.ci_high,
            })  # fmt: skip
            continue
        for row in result.studies[result.studies["included"].astype(bool)].to_dict("records"):
            rows.append(base | _single(row, result) | {"study": f"{label}: {row['label']}"})
    columns = ["group", "study", "k", "measure", "events", "n", "yi", "vi", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def _single(row: dict, result: PooledResult) -> dict:
    """One study of a result with its exact interval, or the interval of its effect."""
    if result.measure in PROPORTIONS:
        low, high = proportion_ci(row["events"], row["n"], level=result.level)
        counts = {"events": row["events"], "n": row["n"], "estimate": row["events"] / row["n"]}
        return counts | {"yi": row["yi"], "vi": row["vi"], "ci_low": float(low), "ci_high": float(high)}
    half = NormalDist().inv_cdf((1 + result.level) / 2) * row["vi"] ** 0.5
    ends = {"estimate": 0.0, "ci_low": -half, "ci_high": half}
    ends = {name: back_transform(row["yi"] + shift, result.measure) for name, shift in ends.items()}
    return {"events": nan, "n": nan, "yi": row["yi"], "vi": row["vi"]} | ends


@takes(variants={"label": PooledResult})
def variants_sentence(variants: dict, *, outcome: str) -> str:
    """How far the pooled value moves between choices of rows."""
    shown = {label: result for label, result in variants.items() if result.k and isfinite(result.display.estimate)}
    if len(shown) < 2:
        return f"Only one choice of rows reports the {outcome}."
    values = sorted(100 * result.display.estimate for result in shown.values())
    parts = "; ".join(f"{label}: {result_text(result)}" for label, result in variants.items() if result.k)
    return (
        f"The pooled {outcome} lies between {values[0]:.1f} and {values[-1]:.1f} % over the choices of rows - {parts}. "
        "Of overlapping studies the largest that fits the choice stands in it."
    )


@needs_tables
def scope_table(tables, *, endpoint: str, scopes, criteria, where=None):
    """Response by the lesions judged and the criteria, of the studies that judge more than one kind of lesions.

    Rows of one study are the same patients.

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
    found = found[found.groupby("study_id")["lesion_scope"].transform("nunique") > 1].reset_index(drop=True)
    return effects_proportion(found) if len(found) else found


@takes(table=("study", "study_id", "lesion_scope", "criteria", "events", "n", "use", "use_reason"))
def scope_sentence(table, *, endpoint: str) -> str:
    """Response of irradiated lesions beside all lesions, and of lesions that were not irradiated."""
    paired = []
    for (_, criteria), rows in table[table["lesion_scope"].isin(["overall", "in_field"])].groupby(
        ["study_id", "criteria"], sort=False
    ):
        scopes = rows.set_index("lesion_scope")
        if {"in_field", "overall"} <= set(scopes.index):
            name = rows["study"].iloc[0].split(":")[0]
            both = " v ".join(f"{counts_text(scopes.loc[one])} {words}" for one, words in
                              (("in_field", "in the field"), ("overall", "of all lesions")))  # fmt: skip
            paired.append(f"{name}, {criteria.replace('_', ' ')}: {both}")
    apart = [
        f"{row['study'].split(':')[0]}: {counts_text(row)}"
        for row in table[table["lesion_scope"] == "non_irradiated"].to_dict("records")
    ]
    first = f"{endpoint} of irradiated and of all lesions - {'; '.join(paired)}" if paired else (
        "No study of this selection reports irradiated lesions beside all lesions"
    )  # fmt: skip
    second = (
        f"{endpoint} of lesions that were not irradiated - {'; '.join(apart)}"
        if apart
        else "no study reports lesions that were not irradiated"
    )
    doubtful = table[(table["lesion_scope"] == "overall") & (table["use"] == "check")]
    third = [
        f"{row['study'].split(':')[0]} {counts_text(row)}: {row['use_reason']}" for row in doubtful.to_dict("records")
    ]
    noted = f" Printed as overall response, with a doubt - {'; '.join(third)}." if third else ""
    return f"{first}. {second[:1].upper()}{second[1:]}.{noted}"


@needs_tables
def perioperative_table(tables):
    """Conversion to surgery, pathological response and response of the perioperative arms, one row per endpoint.

    Nothing is pooled, so rows that must not be pooled are shown with their reason; surgery after treatment of
    disease that was unresectable at first stands here too.

    Returns
    -------
    DataFrame
        study (with lesions, and the patients counted where not all), outcome, arm_id, setting, population, events, n,
        use, use_reason, evidence_grade, locator, source, yi, vi, measure.
    """
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    arms = arms[arms["treatment"] == "RT + ICI"]
    rows = tables.responses[
        tables.responses["arm_id"].isin(arms.index) & tables.responses["endpoint"].isin(PERIOPERATIVE)
    ]
    rows = rows.assign(setting=rows["arm_id"].map(arms["setting"]), outcome=rows["endpoint"].map(PERIOPERATIVE))
    rows = rows[rows["setting"].eq("perioperative") | rows["endpoint"].isin(AFTER_SURGERY)]
    told = tables.characteristics
    told = told[told["variable"].eq("amenable_to_curative_surgery") & told["arm_id"].isin(arms.index)]
    told = told.assign(outcome=AMENABLE, setting=told["arm_id"].map(arms["setting"]), lesion_scope="overall",
                       use="ok")  # fmt: skip
    rows = pd.concat([rows, told[[name for name in told if name in rows]]], ignore_index=True)
    rows = rows[(rows["use"] != "subgroup") & rows["events"].notna() & rows["n"].notna()]
    scope = rows["lesion_scope"].where(rows["lesion_scope"] != "overall", "").str.replace("_", " ")
    label = rows["arm_id"].map(arms["study"]) + scope.map(lambda text: f", {text}" if text else "")
    label += rows["population"].map(POPULATIONS).fillna("")
    order = {name: place for place, name in enumerate([AMENABLE, *_ORDER])}
    rows = rows.assign(study=label, _order=rows["outcome"].map(order)).sort_values("_order", kind="stable")
    rows = rows.drop(columns="_order").reset_index(drop=True)
    return effects_proportion(rows) if len(rows) else rows


@takes(table=("study", "outcome", "lesion_scope", "events", "n"))
def perioperative_sentence(table) -> str:
    """Conversion to surgery and pathological response, study by study with the patients they are counted in."""
    table = table[table["lesion_scope"].isin(["overall", "tumour_thrombus"])]
    table = table[table["outcome"] != PERIOPERATIVE["ORR"]]
    if table.empty:
        return "No arm of this selection reports conversion to surgery or pathological response."
    parts = []
    for outcome, rows in table.groupby("outcome", sort=False):
        shown = [f"{row['study']} {counts_text(row)}" for row in rows.to_dict("records")]
        parts.append(f"{outcome}: {', '.join(shown)}")
    return f"Around surgery - {'; '.join(parts)}. Other patients in every count, so nothing is pooled."
