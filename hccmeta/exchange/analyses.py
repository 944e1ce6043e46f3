"""The headline analyses as a list: name -> what it says and how to compute it, for export and comparison."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import isnan
from typing import NamedTuple

from ..effects.proportion import effects_proportion
from ..effects.ratio import effects_ratio_ci
from ..effects.two_arm import effects_two_arm
from ..evidence.pairs import contrast_hazard_ratios, pair_responses
from ..evidence.safety import select_adverse_events
from ..evidence.select import select_responses
from ..evidence.selections import apply_selection, load_selection
from ..evidence.sieve import ADVANCED, RT_ICI
from ..pooling.inverse_variance import pool
from ..report.response import PERIOPERATIVE, pool_logit, pool_rates, summarised
from ..report.safety import by_attribution

LEVEL = 0.95
ENDPOINTS = ("ORR", "DCR", "CR", "PR", "SD", "PD")
SCOPES = ("in_field", "out_of_field", "non_irradiated", "tumour_thrombus")
CRITERIA = ("RECIST1.1", "mRECIST")
GRADES = ("any", "ge3", "3-4", "3", "5")
EVIDENCE = ("full_text", "abstract", "secondary")
MODERATORS = ("setting", "rt_modality", "timing", "line", "rt_target")


class Analysis(NamedTuple):
    """One headline analysis; `compute` returns a PooledResult as the report shows it, k = 0 or None without a row."""

    label: str
    compute: Callable


def headline_analyses(tables) -> dict[str, Analysis]:
    """Response, comparison and safety analyses of the report at their default settings.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    dict
        Name (lower-case, a file name) -> Analysis, in the order of the notebooks.
    """
    rates = partial(pool_rates, level=LEVEL)
    selected = cache(lambda **options: select_responses(tables, where=RT_ICI, **options))

    def responses(*, keep=None, pooled=rates, **options):
        rows = selected(**options)
        return pooled(rows if keep is None else rows[keep(rows)])

    found = {
        f"response_{name.lower()}": Analysis(f"{name}, RT + ICI, advanced disease", partial(responses, endpoint=name))
        for name in ENDPOINTS
    }
    orr = partial(responses, endpoint="ORR")
    found["response_orr_logit"] = Analysis("ORR, logit, REML, Hartung-Knapp", partial(orr, pooled=_logit("random")))
    found["response_orr_common"] = Analysis("ORR, logit, common effect", partial(orr, pooled=_logit("common")))
    for name in CRITERIA:
        compute = partial(orr, criteria=name)
        found[f"response_orr_{_slug(name)}"] = Analysis(f"ORR, {name} only", compute)
    found["response_orr_without_check"] = Analysis(
        "ORR, without rows marked check", partial(orr, keep=lambda rows: rows["use"] == "ok")
    )
    for grade in EVIDENCE:
        keep = partial(_is, "evidence_grade", grade)
        found[f"response_orr_{grade}"] = Analysis(f"ORR, rows read in: {grade}", partial(orr, keep=keep))
    for scope in SCOPES:
        compute = partial(orr, lesion_scope=scope)
        found[f"response_orr_{scope}"] = Analysis(f"ORR, {scope.replace('_', ' ')}", compute)
    for name, words in PERIOPERATIVE.items():
        compute = partial(responses, endpoint=name, settings=("perioperative",), criteria=("pathologic", *_ANY))
        found[f"perioperative_{name.lower()}"] = Analysis(f"{words}, perioperative RT + ICI", compute)
    found |= _subgroups(selected(endpoint="ORR"), orr)
    return found | _comparisons(tables) | _harms(tables, rates) | _named_set(tables, rates)


_ANY = ("RECIST1.1", "mRECIST", "not_stated")


def _logit(model: str):
    return partial(pool_logit, level=LEVEL, model=model)


def _is(column: str, value, rows):
    return (rows[column] == value).fillna(False).astype(bool)


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text.lower())


def _subgroups(rows, orr) -> dict[str, Analysis]:
    found = {}
    for column in MODERATORS:
        for level in rows[column].dropna().unique():
            name = f"response_orr_by_{column}_{_slug(str(level))}"
            found[name] = Analysis(f"ORR, {column} = {level}", partial(orr, keep=partial(_is, column, level)))
    return found


def _comparisons(tables) -> dict[str, Analysis]:
    paired = cache(lambda: pair_responses(tables, endpoint="ORR"))

    def pairs(measure):
        rows = paired()
        return summarised(pool(effects_two_arm(rows, measure=measure), level=LEVEL)) if len(rows) else None

    def hazard(endpoint):
        rows = contrast_hazard_ratios(tables, endpoint=endpoint)
        return summarised(pool(effects_ratio_ci(rows), level=LEVEL)) if len(rows) else None

    words = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}
    found = {
        f"comparison_orr_{measure.lower()}": Analysis(f"ORR, {text}, RT + ICI v ICI", partial(pairs, measure))
        for measure, text in words.items()
    }
    return found | {
        f"comparison_{name.lower()}_hr": Analysis(f"{name}, hazard ratio, RT + ICI v ICI", partial(hazard, name))
        for name in ("OS", "PFS")
    }


def _harms(tables, rates) -> dict[str, Analysis]:
    settings = (*ADVANCED, "perioperative")
    grades = {
        grade: select_adverse_events(tables, event="any", grade=grade, where=RT_ICI, settings=settings)
        for grade in GRADES
    }
    return {
        f"safety_any_event_{_slug(grade)}_{cause}": Analysis(
            f"any adverse event, grade {grade}, {cause.replace('_', ' ')}", partial(rates, rows)
        )
        for (grade, cause), rows in by_attribution(grades).items()
    }


def _named_set(tables, rates, name: str = "set_a") -> dict[str, Analysis]:
    """The saved list of arms that stands beside published pools; nothing where the tables lack one of its arms."""
    chosen = load_selection(name)
    if not set(chosen["arms"] or ()) <= set(tables.arms["arm_id"]):
        return {}
    subset = apply_selection(tables, chosen)
    selected = cache(lambda overlap: select_responses(subset, overlap=overlap))

    def inverse_variance(overlap, measure):
        effects = effects_proportion(selected(overlap), measure=measure)
        return pool(effects, tau2_method="DL", ci_method="z", level=LEVEL)

    words = {"keep": "overlap kept", "largest": "one row per cohort"}
    found = {
        f"{name}_{overlap}_{measure.lower()}": Analysis(
            f"ORR, {name}, {text}, DerSimonian-Laird, {measure}", partial(inverse_variance, overlap, measure)
        )
        for overlap, text in words.items()
        for measure in ("PRAW", "PLO")
    }
    one = Analysis(f"ORR, {name}, one row per cohort, binomial-normal", lambda: rates(selected("largest")))
    return found | {f"{name}_largest": one}


def landmark_results(tables, *, draws: int = 200, seed: int = 1, times=(6, 12, 24)) -> dict:
    """Label -> PooledResult of overall survival at fixed times, on the log(-log) scale; takes reconstructed curves."""
    from ..report.pooled_survival import landmark_table
    from ..report.survival import reconstruct_all
    from ..survival.landmarks import pool_landmarks

    curves = reconstruct_all(tables, n_imputations=draws, seed=seed)
    landmarks = landmark_table(tables, curves, endpoint="OS", times=times)
    advanced = landmarks[landmarks["setting"] != "perioperative"]
    found = {}
    for name, rows in (("advanced", advanced), ("all_settings", landmarks)):
        if len(rows):
            results = pool_landmarks(rows, level=LEVEL, allow_mixed=True).results
            found |= {
                f"survival_os_{time:g}_months_{name}": (f"OS at {time:g} months, {name.replace('_', ' ')}", result)
                for time, result in results.items()
            }
    return found


def headline_results(tables, *, landmarks: bool = True) -> dict:
    """Name -> (label, PooledResult) of every headline analysis with an estimate: one study, or three and more."""
    found = {name: (one.label, one.compute()) for name, one in headline_analyses(tables).items()}
    if landmarks:
        found |= landmark_results(tables)
    return {
        name: (label, result)
        for name, (label, result) in found.items()
        if result is not None and result.k and not isnan(result.estimate)
    }
