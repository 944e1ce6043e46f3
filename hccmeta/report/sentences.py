"""Results as sentences, so that prose can never disagree with the numbers."""

from __future__ import annotations

from math import isfinite, isnan

from ..effects.scales import PROPORTIONS, back_transform
from ..errors import MethodError

FEWEST = 3
RATIO_WORDS = {"OR": "odds ratio", "RR": "risk ratio", "HR": "hazard ratio", "IRR": "incidence rate ratio"}


def percent(value: float, digits: int = 1) -> str:
    return "not estimable" if isnan(value) else f"{100 * value:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    if isnan(value):
        return "not estimable"
    return "not reached" if not isfinite(value) else f"{value:.{digits}f}"


def p_text(p_value: float) -> str:
    """P value as journals print it."""
    if isnan(p_value):
        return "p not estimable"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def studies_text(k: int, word: str = "study", plural: str = "studies") -> str:
    return f"{k} {word if k == 1 else plural}"


def interval_text(low: float, high: float, measure: str) -> str:
    """`37.1 to 58.0 %` for proportions, `12 to 40` percentage points for risk differences, `0.35 to 0.94` otherwise."""
    if measure in PROPORTIONS:
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    if measure == "RD":
        return f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{number(low)} to {number(high)}"


def estimate_text(result) -> str:
    """Estimate with its interval on the reported scale, for example `52.0 % (95 % CI 42.9 to 60.9 %)`."""
    shown = result.display
    value = percent(shown.estimate) if result.measure in PROPORTIONS else number(shown.estimate)
    if result.measure == "RD":
        value = f"{number(100 * shown.estimate, 1)} percentage points"
    return f"{value} ({100 * result.level:g} % CI {interval_text(shown.ci_low, shown.ci_high, result.measure)})"


def counts_text(row) -> str:
    """`57/108 (52.8 %)`, of a row with events and n."""
    return f"{row['events']:.0f}/{row['n']:.0f} ({percent(row['events'] / row['n'])})"


def studies_side_by_side(result) -> str:
    """Each study with its own counts or effect, for example `Liu 2024 17/39 (43.6 %), Zhai 2025 33/108 (30.6 %)`."""
    parts = []
    for row in result.studies[result.studies["included"].astype(bool)].to_dict("records"):
        if result.measure in PROPORTIONS:
            value = counts_text(row)
        else:
            value = number(back_transform(row["yi"], result.measure))
        parts.append(f"{row['label']} {value}")
    return ", ".join(parts)


def result_text(result) -> str:
    """Estimate with its number of studies, or the studies one by one where they are too few to pool.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> two = pd.DataFrame({"study": ["A", "B"], "events": [3, 33], "n": [16, 108]})
    >>> result_text(hm.pool_rates(two))
    'not pooled, 2 studies: A 3/16 (18.8 %), B 33/108 (30.6 %)'
    """
    if result.k == 0:
        return "no study"
    if isnan(result.estimate):
        return f"not pooled, {studies_text(result.k)}: {studies_side_by_side(result)}"
    return f"{estimate_text(result)}, {studies_text(result.k)}"


def heterogeneity_text(result) -> str:
    """One line for below a forest plot: k, tau2, I2, Q and the method."""
    if isnan(result.estimate):
        return f"k = {result.k}: too few to pool"
    parts = [f"k = {result.k}"]
    if isfinite(result.tau2) and result.model == "random":
        parts.append(f"τ² = {result.tau2:.3g}")
    if isfinite(result.I2):
        parts.append(f"I² = {100 * result.I2:.0f} %")
    if isfinite(result.Q):
        parts.append(f"Q = {result.Q:.2f} on {result.Q_df:.0f} df, {p_text(result.Q_p)}")
    if isfinite(result.LRT):
        parts.append(f"likelihood-ratio test of τ² = 0: {p_text(result.LRT_p)}")
    method = "common effect" if result.model == "common" else f"random effects ({result.tau2_method or result.method})"
    return "; ".join([*parts, f"{method}, {result.ci_method} interval"])


def sentence(result, *, outcome: str = "", where: str = "") -> str:
    """A pooled result, or a comparison of subgroups, as one computed sentence.

    Parameters
    ----------
    result : PooledResult or SubgroupResult
    outcome : str
        What was pooled, for example `objective response rate`.
    where : str
        In whom, for example `in advanced disease`.

    Returns
    -------
    str

    Raises
    ------
    MethodError
        `result` is neither of the two.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> counts = pd.DataFrame({"study": ["A", "B", "C"], "events": [10, 12, 20], "n": [30, 25, 41]})
    >>> text = hm.sentence(hm.pool_proportion(counts, ci_method="z"), outcome="objective response rate")
    >>> text.split("; ")[0]
    'The pooled objective response rate is 43.8 % (95 % CI 34.2 to 53.8 %) over 3 studies'
    """
    if hasattr(result, "groups"):
        return _subgroup_sentence(result, outcome)
    if not hasattr(result, "display"):
        raise MethodError(f"A sentence needs a PooledResult or a SubgroupResult, not {type(result).__name__}.")
    plain = "proportion" if result.measure in PROPORTIONS else "effect"
    subject = outcome or RATIO_WORDS.get(result.measure, plain)
    place = f" {where}" if where else ""
    if result.k == 0:
        return f"No study reports the {subject}{place}, so nothing is estimated."
    if result.k == 1:
        return f"Only one study reports the {subject}{place}: {estimate_text(result)}; nothing is pooled."
    if isnan(result.estimate):
        few = f"{studies_text(result.k)} report the {subject}{place}, too few to pool"
        return f"{few[:1].upper()}{few[1:]}: {studies_side_by_side(result)}."
    shown = result.display
    text = f"The pooled {subject}{place} is {estimate_text(result)} over {studies_text(result.k)}"
    if isfinite(shown.pi_low):
        expected = interval_text(shown.pi_low, shown.pi_high, result.measure).replace(" to ", " and ")
        text += f"; a new study would be expected between {expected} (prediction interval)"
    else:
        text += "; no prediction interval is given" + (" for so few studies" if result.k < FEWEST else "")
    if isfinite(result.I2):
        text += f"; I² {100 * result.I2:.0f} %"
    return text + "."


def _subgroup_sentence(result, outcome: str) -> str:
    parts = []
    for level, group in result.groups.items():
        if group.k and isfinite(group.estimate):
            parts.append(f"{level}: {estimate_text(group)}, {studies_text(group.k)}")
        else:
            parts.append(f"{level}: {studies_text(group.k)}, no summary")
    what = f"{outcome[:1].upper()}{outcome[1:]} by" if outcome else "By"
    test = f"test between groups {p_text(result.p_value)}" if isfinite(result.p_value) else "no test between groups"
    return f"{what} {result.by} - {'; '.join(parts)}; {test}. Subgroups of studies are exploratory."
