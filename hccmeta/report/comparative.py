"""Tables and sentences behind the notebook of comparative effects."""

from __future__ import annotations

from math import isnan

from ..effects.ratio import effects_ratio_ci
from ..effects.two_arm import effects_two_arm
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.pairs import RT_CONTRAST, hazard_ratio_rows, pair_responses
from ..evidence.sieve import arm_table, arms_where
from ..pooling.inverse_variance import pool
from .response import summarised
from .sentences import estimate_text, result_text, studies_text

ENDPOINTS = {"OS": "death", "PFS": "progression or death"}
COUNTS = ("events_1", "n_1", "events_2", "n_2")
MEASURES = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}


@needs_tables
@takes(hazard={"endpoint": ("study_id",)})
def printed_hazard_ratios(tables, hazard: dict):
    """All printed hazard ratios of the studies that carry a contrast, ready for `plot_forest` (no summary).

    Parameters
    ----------
    tables : Tables
    hazard : dict
        Endpoint -> selected rows (`contrast_hazard_ratios`).

    Returns
    -------
    DataFrame
        study (label of study and analysis), endpoint, model, population, estimate, ci_low, ci_high, yi, vi, ...
    """
    import pandas as pd

    labels = tables.studies.set_index("study_id")["label"]
    frames = []
    for endpoint, rows in hazard.items():
        for study_id in rows["study_id"].unique():
            found = hazard_ratio_rows(tables, study_id, endpoint=endpoint)
            frames.append(found.assign(study=labels[study_id] + ": " + found["study"]))
    if not frames:
        return tables.hazard_ratios.iloc[:0].assign(study="", estimate=float("nan"))
    return effects_ratio_ci(pd.concat(frames, ignore_index=True))


@needs_tables
def whole_population_hazard_ratios(tables, *, where=None):
    """Every hazard ratio between two arms in whole populations, grouped by contrast; nothing here is ever pooled.

    Parameters
    ----------
    tables : Tables
    where : dict, optional
        Column of the experimental arm or its study -> list of values.

    Returns
    -------
    DataFrame
        contrast (classes of both arms), study (label of study, endpoint and analysis), study_id, endpoint, model,
        population, data_cut, n, estimate, ci_low, ci_high, ci_level, p_value, use, use_reason, evidence_grade, locator,
        source. Ratios without a printed interval have none.
    """
    rows = tables.hazard_ratios
    arms = arm_table(tables).set_index("arm_id")
    rows = rows[rows["control_arm"].notna() & rows["subgroup_variable"].isna()]
    rows = rows[rows["experimental_arm"].isin(arms_where(tables, where)["arm_id"])]
    sides = [rows[name].map(arms["treatment"]) for name in ("experimental_arm", "control_arm")]
    label = rows["experimental_arm"].map(arms["study"]) + ": " + rows["endpoint"]
    label += rows["population"].map({"psm": ", matched", "per_protocol": ", per protocol"}).fillna("")
    label += rows["model"].map({"univariable": ", crude", "multivariable": ", adjusted"}).fillna("")
    late = rows["analysis"].map({"long_follow_up": "longer follow-up"})
    label += rows["data_cut"].fillna(late).map(", {}".format, na_action="ignore").fillna("")
    several = rows["study_id"].map(rows.groupby("study_id")["experimental_arm"].nunique()) > 1
    label += (" (" + rows["experimental_arm"].map(arms["arm_label"]) + ")").where(several, "")
    rows = rows.assign(
        contrast=sides[0] + " v " + sides[1].replace("neither", "neither RT nor ICI"), study=label, estimate=rows["hr"]
    )
    order = rows["contrast"].map(rows["contrast"].value_counts()).mask(rows["contrast"] == RT_CONTRAST, 0)
    rows = rows.assign(_order=order).sort_values(["_order", "contrast", "endpoint", "study_id"], kind="stable")
    return rows[_HAZARD].reset_index(drop=True)


_HAZARD = ["contrast", "study", "study_id", "endpoint", "model", "population", "data_cut", "n", "estimate", "ci_low",
           "ci_high", "ci_level", "p_value", "use", "use_reason", "evidence_grade", "locator", "source"]  # fmt: skip


@takes(table=("contrast", "study_id", "estimate", "ci_low", "use"))
def hazard_ratio_sentence(table) -> str:
    """How many hazard ratios each contrast has, and that contrasts are never mixed."""
    if table.empty:
        return "No hazard ratio between two arms is printed in this selection."
    parts = []
    for contrast, rows in table.groupby("contrast", sort=False):
        usable = rows.loc[rows["use"] != "do_not_pool", "estimate"]
        all_of = "" if len(usable) == len(rows) else f"{len(usable)} usable ones "
        span = f", {all_of}{usable.min():.2f} to {usable.max():.2f}" if len(usable) > 1 else ""
        parts.append(f"{contrast}: {len(rows)} ({studies_text(rows['study_id'].nunique())}{span})")
    missing = int(table["ci_low"].isna().sum())
    bare = f", {missing} of them without an interval" if missing else ""
    return (
        f"The tables hold {len(table)} hazard ratios of whole populations{bare} - {'; '.join(parts)}. Each contrast "
        f"answers another question and none is pooled with another; only {RT_CONTRAST} asks what radiotherapy adds."
    )


@needs_tables
def abscopal_sentence(tables, *, endpoint: str = "ORR", level: float = 0.95) -> str:
    """Response of lesions that were not irradiated, with and without radiotherapy elsewhere in the same patients."""
    parts = []
    for population, words in (("psm", "matched"), ("all", "all patients")):
        pairs = pair_responses(tables, endpoint=endpoint, lesion_scope="non_irradiated", population=(population,))
        if pairs.empty:
            continue
        effects = effects_two_arm(pairs, measure="OR")
        for position, row in enumerate(pairs.to_dict("records")):
            shown = estimate_text(pool(effects.iloc[[position]], model="common", level=level))
            counts = f"{row['events_1']}/{row['n_1']} v {row['events_2']}/{row['n_2']}"
            parts.append(f"{row['study']}, {words}: {counts}, odds ratio {shown}")
    if not parts:
        return "No study in this selection compares lesions that were not irradiated."
    studies = len({part.split(",")[0] for part in parts})
    return (
        f"{endpoint} of lesions outside the field, with v without radiotherapy on the same drugs - {'; '.join(parts)}. "
        f"{studies_text(studies).capitalize()}, not randomised: an abscopal effect is neither shown nor excluded."
    )


@needs_tables
def scope_pairs(tables, *, endpoint: str):
    """Response of two arms by population and lesions judged: the rows of one study are the same patients."""
    import pandas as pd

    frames = []
    for scope in ("overall", "in_field", "non_irradiated"):
        for population in ("psm", "all"):
            rows = pair_responses(tables, endpoint=endpoint, lesion_scope=scope, population=(population,))
            words = f"{scope.replace('_', ' ')}, " + ("matched" if population == "psm" else "all patients")
            frames.append(rows.assign(study=rows["study"] + f": {words}", lesion_scope=scope))
    found = pd.concat([rows for rows in frames if len(rows)] or frames[:1], ignore_index=True)
    return found.sort_values(["year", "study_id"], kind="stable", ignore_index=True)


@takes(effects={"measure": ("study", "population", "lesion_scope", *COUNTS, "use", "note", "yi", "vi")})
def two_arm_table(effects: dict, *, level: float):
    """Odds ratio, risk ratio and risk difference of each row with their intervals, on the reported scale."""
    import pandas as pd

    rows = []
    for measure, table in effects.items():
        for position, row in enumerate(table.to_dict("records")):
            shown = pool(table.iloc[[position]], model="common", level=level).display
            rows.append({
                "study": row["study"], "population": row["population"], "lesion_scope": row["lesion_scope"],
                "measure": measure, "events_1": row["events_1"], "n_1": row["n_1"], "events_2": row["events_2"],
                "n_2": row["n_2"], "estimate": shown.estimate, "ci_low": shown.ci_low, "ci_high": shown.ci_high,
                "use": row["use"], "note": row["note"],
            })  # fmt: skip
    columns = ["study", "population", "lesion_scope", "measure", "events_1", "n_1", "events_2", "n_2"]
    return pd.DataFrame(rows, columns=[*columns, "estimate", "ci_low", "ci_high", "use", "note"])


@takes(pairs=COUNTS, hazard={"endpoint": ("estimate", "ci_low", "ci_high")})
def pool_contrasts(pairs, hazard: dict, *, endpoint: str, level: float) -> dict:
    """Label -> PooledResult of the response effects and the hazard ratios, one row per independent study."""
    results = {}
    if len(pairs):
        for measure, words in MEASURES.items():
            results[f"{endpoint}, {words}"] = summarised(pool(effects_two_arm(pairs, measure=measure), level=level))
    for name, rows in hazard.items():
        if len(rows):
            results[f"{name}, hazard ratio"] = summarised(pool(effects_ratio_ci(rows), level=level))
    return results


@takes(pairs=("study", *COUNTS, "use"), hazard={"endpoint": ("study", "estimate", "ci_low", "ci_high")})
def comparative_sentence(pairs, hazard: dict, *, endpoint: str, level: float) -> str:
    """What the contrast shows for survival and response, with the number of studies behind each."""
    results = pool_contrasts(pairs, hazard, endpoint=endpoint, level=level)
    if not results:
        return "No study in this selection compares RT + ICI with the same drugs without radiotherapy."
    parts = []
    for name, rows in hazard.items():
        if len(rows):
            result = results[f"{name}, hazard ratio"]
            source = f" ({rows['study'].iloc[0]} only, {_kind(rows.iloc[0])})" if result.k == 1 else ""
            shown = estimate_text(result) if result.k == 1 else result_text(result)
            parts.append(f"hazard ratio of {ENDPOINTS[name]} {shown}{source}")
    if len(pairs):
        shown = [f"{words} {estimate_text(results[f'{endpoint}, {words}'])}" for words in MEASURES.values()]
        odds = results[f"{endpoint}, odds ratio"]
        source = f"{pairs['study'].iloc[0]} only" if odds.k == 1 else studies_text(odds.k)
        doubtful = pairs.loc[pairs["use"] == "check", "study"]
        source += f", marked check: {', '.join(doubtful)}" if len(doubtful) else ""
        few = isnan(odds.estimate)
        parts.append(f"{endpoint} {result_text(odds)}" if few else f"{endpoint} {', '.join(shown)} ({source})")
    return (
        f"With against without radiotherapy on the same drugs: {'; '.join(parts)}. Where treatment was not "
        "randomised, irradiated patients differ from the others and had to live long enough for it (immortal time)."
    )


def _kind(row) -> str:
    """`adjusted, 144 patients, not randomised`: what one hazard ratio is."""
    import pandas as pd

    model = {"multivariable": "adjusted", "univariable": "crude"}.get(row["model"])
    size = None if pd.isna(row["n"]) else f"{row['n']:.0f} patients"
    design = "randomised" if row["design"] == "rct" else "not randomised"
    return ", ".join(word for word in (model, size, design) if word)
