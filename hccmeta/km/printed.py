"""Patients from printed statistics: median, landmarks, events, follow-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import check_level, check_seed, check_whole
from hccmeta.errors import DataError, MethodError, check_choice
from hccmeta.km import ensemble
from hccmeta.km.printed_conflicts import Conflict
from hccmeta.km.printed_items import Item, can_be_drawn, read_items
from hccmeta.km.printed_pairs import compare_arms, matched_pairs, read_comparison
from hccmeta.km.printed_plan import Reading
from hccmeta.km.printed_reconcile import conflict_error, draw_consistent
from hccmeta.km.printed_sampler import resample
from hccmeta.km.printed_summary import add_comparisons, summarise

if TYPE_CHECKING:
    import pandas as pd

FOLLOW_UP = ("reverse KM", "all patients")
INTERVALS = ("log-log", "log", "plain")
POOL = 3
MOST_DRAWS = 100_000


@dataclass(frozen=True)
class ReconstructedEnsemble:
    """Data sets of patients that all show the printed numbers.

    Attributes
    ----------
    imputations : DataFrame
        imputation (1, 2, ...), time (months), event (1 = event, 0 = censored); n rows for each imputation, sorted.
    summary : DataFrame
        One row per printed number: item, statistic, time_months, printed, rounding, reconstructed, low, high (median
        and 95 % range of the draws), share (of draws that print the same), status (met, informed, bound, not used,
        dropped).
    n, n_imputations, endpoint
        Patients, data sets, endpoint.
    dropped : tuple of str
        Items left out because they contradict others; a caption must name them, and the arm enters no pool.
    notes : tuple of str
        Cautions for the caption.
    against : ReconstructedEnsemble or None
        The control arm, drawn together: imputations of the same number belong together.
    """

    imputations: pd.DataFrame
    summary: pd.DataFrame
    n: int
    n_imputations: int
    endpoint: str
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    against: ReconstructedEnsemble | None = None

    def patients(self) -> tuple[np.ndarray, np.ndarray]:
        """Times and events as arrays (imputation, patient)."""
        shape = self.n_imputations, self.n
        return self.imputations["time"].to_numpy().reshape(shape), self.imputations["event"].to_numpy().reshape(shape)

    def band(self, times, *, level: float = 0.95) -> pd.DataFrame:
        """Mean curve and pointwise quantiles of the draws: time, survival, low, high."""
        import pandas as pd

        check_level(level)
        try:
            at = np.atleast_1d(np.asarray(times, float))
        except (TypeError, ValueError):
            raise MethodError(f"times = {times!r:.60} must be numbers (months).") from None
        curves = ensemble.survival_at(*self.patients(), at)
        low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return pd.DataFrame({"time": at, "survival": curves.mean(axis=0), "low": low, "high": high})


def reconstruct_from_statistics(
    statistics: pd.DataFrame,
    *,
    n_imputations: int = 200,
    seed: int = 0,
    on_conflict: str = "raise",
    follow_up: str = "reverse KM",
    ci: str = "log-log",
    against: pd.DataFrame | None = None,
    hr=None,
    logrank_p=None,
) -> ReconstructedEnsemble:
    """Kaplan-Meier data sets drawn so that each of them prints the statistics that a paper reports.

    Parameters
    ----------
    statistics : DataFrame
        Rows of the `survival` table of one arm and endpoint: statistic, value (landmarks as fractions, times in
        months), and where known time_months, ci_low, ci_high, ci_level, status, printed, endpoint. `n` is needed, and
        a median, landmark, quartile or rmst. `events` is exact; `events_min`, `progressions`, `deaths`, `relapses`
        bound the events of endpoints that include them, exactly where it is the endpoint's only component (deaths
        for OS, progressions for TTP, relapses for IRFS and ORFS). An `event_time` is in every draw.
    n_imputations, seed : int
        Number of data sets (100 or more for a 95 % band) and seed.
    on_conflict : {"raise", "drop"}
        What to do with items that contradict each other.
    follow_up : {"reverse KM", "all patients"}
        Definition of the median follow-up: reverse Kaplan-Meier, or the plain median of all observed times.
    ci : {"log-log", "log", "plain"}
        Scale of the Brookmeyer-Crowley interval of the median.
    against : DataFrame, optional
        Rows of the control arm: both arms are drawn and paired so that each pair shows `hr` and `logrank_p`.
    hr, logrank_p : number or str, optional
        Unadjusted hazard ratio (this arm against the control) and log-rank p value as printed: 0.58, "0.580", "<0.001".

    Returns
    -------
    ReconstructedEnsemble

    Raises
    ------
    DataError
        Unreadable rows, too little to draw from, or items in conflict: each named, with the smallest change that
        would reconcile them.

    Notes
    -----
    Sequential Monte Carlo from one printed point to the next: censorings from staggered entry with drop-out, events
    as a bridge to the next point, kept where the product of (1 - 1/at risk) lies inside the printed rounding. n,
    events, median and landmarks hold in every draw; limits of intervals and the median follow-up weigh the draws.
    The spread between draws is what the printed numbers leave open, not sampling error.

    References
    ----------
    Guyot 2012, 10.1186/1471-2288-12-9. Brookmeyer and Crowley 1982, 10.2307/2530286.
    Schemper and Smith 1996, 10.1016/0197-2456(96)00075-X. Del Moral 2006, 10.1111/j.1467-9868.2006.00553.x.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("n", None, 30), ("events", None, 16), ("median", None, 18.7), ("landmark", 12, 0.58)]
    >>> printed = pd.DataFrame(rows, columns=["statistic", "time_months", "value"])
    >>> draws = reconstruct_from_statistics(printed, n_imputations=100)
    >>> draws.summary.set_index("item")["share"].to_dict()
    {'n': 1.0, 'events': 1.0, 'median': 1.0, 'landmark 12': 1.0}
    """
    check_choice("on_conflict", on_conflict, ("raise", "drop"))
    check_choice("follow_up", follow_up, FOLLOW_UP)
    check_choice("ci", ci, INTERVALS)
    check_whole("n_imputations", n_imputations, 1)
    if n_imputations > MOST_DRAWS:
        raise MethodError(f"n_imputations = {n_imputations!r} must be at most {MOST_DRAWS:,}.")
    check_seed(seed)
    comparisons = [c for c in (read_comparison("hr", hr), read_comparison("logrank_p", logrank_p)) if c]
    if comparisons and against is None:
        raise MethodError("hr and logrank_p compare two arms: pass the rows of the control arm as against.")
    options = {"follow_up": follow_up, "ci": ci, "on_conflict": on_conflict}
    if against is None:
        return _ensemble(_draw_arm(statistics, n_imputations, seed, **options), slice(None))
    more = POOL * n_imputations if comparisons else n_imputations
    arm_1 = _draw_arm(statistics, more, seed, **options)
    arm_0 = _draw_arm(against, more, seed + 1, **options)
    pairs, unmet, scarce = _pairs(arm_1, arm_0, comparisons, n_imputations, seed, on_conflict)
    control = _ensemble(arm_0, pairs[1])
    return _ensemble(arm_1, pairs[0], against=control, comparisons=comparisons, unmet=unmet, scarce=scarce)


def _draw_arm(table, n_draws, seed, *, follow_up, ci, on_conflict):
    items = read_items(table)
    _check_enough(items)
    reading = Reading(_endpoint(table), follow_up, ci)
    return items, reading, *draw_consistent(items, reading, n_draws, seed, on_conflict=on_conflict)


def _pairs(arm_1, arm_0, comparisons, n_pairs, seed, on_conflict):
    """Indices of the draws of both arms that belong together, and what is left out or scarce."""
    patients = [(arm[2].times, arm[2].events) for arm in (arm_1, arm_0)]
    rng = np.random.default_rng([seed, 1])
    kept, unmet = list(comparisons), []
    while not (pairs := matched_pairs(*patients, kept, n_pairs, rng)).size:
        culprits = [c for c in kept if len(kept) == 1 or not matched_pairs(*patients, [c], 1, rng).size]
        conflicts = _unmet(culprits, kept, compare_arms(*patients))
        if on_conflict == "raise":
            raise conflict_error(conflicts, ())
        unmet += conflicts
        kept = [c for c in kept if c not in (culprits or kept[1:])]
    distinct = pairs.shape[1]
    scarce = [f"only {distinct} distinct pairs of draws show what is printed between the arms"]
    return pairs[:, resample(np.zeros(distinct), n_pairs, rng)], unmet, scarce if distinct < n_pairs / 4 else []


def _unmet(culprits, comparisons, shown):
    """Conflicts of the comparisons that no pair of draws shows, or of both where each alone is shown."""
    if culprits:
        rule = "no pair of draws shows it"
        return [Conflict((c.name, "the two arms"), rule, _nearest_shown(c, shown[c.name])) for c in culprits]
    both = tuple(c.name for c in comparisons[::-1])
    fits = (shown["hr"] >= comparisons[0].low) & (shown["hr"] <= comparisons[0].high)
    low, high = np.quantile(shown[both[0]][fits] if fits.any() else shown[both[0]], [0.025, 0.975])
    return [Conflict(both, "no pair of draws shows both", f"{both[0]} between {low:.2g} and {high:.2g}")]


def _nearest_shown(comparison, values):
    low, high = np.quantile(values, [0.025, 0.975])
    fix = f"{comparison.name} between {low:.3g} and {high:.3g}"
    turned = comparison.name == "hr" and low <= 1 / comparison.printed <= high
    return f"{fix} (1 / {comparison.printed:g} would fit: is it the control against this arm?)" if turned else fix


def _ensemble(arm, chosen, *, against=None, comparisons=(), unmet=(), scarce=()):
    items, reading, draws, kept, dropped, conflicts = arm
    draws = replace(draws, times=draws.times[chosen], events=draws.events[chosen])
    notes = [f"left out: {c}" for c in [*conflicts, *unmet]] + [*_notes(kept, draws), *scarce]
    summary = summarise(items, dropped, reading, draws.times, draws.events)
    if comparisons:
        summary = add_comparisons(summary, comparisons, compare_arms((draws.times, draws.events), against.patients()))
    return ReconstructedEnsemble(
        imputations=_table(draws),
        summary=summary,
        n=draws.times.shape[1],
        n_imputations=len(draws.times),
        endpoint=reading.endpoint,
        dropped=(*dropped, *(c.names[0] for c in unmet)),
        notes=tuple(notes),
        against=against,
    )


def _endpoint(statistics) -> str:
    if "endpoint" not in statistics.columns or statistics["endpoint"].isna().all():
        return ""
    return str(statistics["endpoint"].dropna().iloc[0])


def _check_enough(items: tuple[Item, ...]) -> None:
    if not can_be_drawn(items):
        found = ", ".join(i.name for i in items)
        fix = "add a median, landmark, quartile or rmst (a median not reached needs a limit or a follow-up beside it)"
        rule = "nothing printed says where the curve runs"
        problem = {"table": "survival", "row": "", "column": "statistic", "value": found, "rule": rule, "fix": fix}
        raise DataError(f"From {found} alone no curve can be drawn: {fix}.", [problem])


def _table(draws):
    import pandas as pd

    n_draws, n = draws.times.shape
    number = np.repeat(np.arange(1, n_draws + 1), n)
    return pd.DataFrame({"imputation": number, "time": draws.times.ravel(), "event": draws.events.ravel()})


def _notes(items, draws) -> list[str]:
    kinds = [i.statistic for i in items]
    points = sum(kind in ("landmark", "median", "quartile") for kind in kinds)
    n = draws.times.shape[1]
    notes = []
    if n < 20 or points < 3:
        notes.append(f"indicative: {points} printed point(s) of the curve, {n} patients")
    if "landmark" not in kinds:
        notes.append("no landmark is printed: a hazard ratio from these draws is weak")
    if "follow_up_max" not in kinds:
        notes.append("the longest follow-up is not printed: it is drawn")
    if draws.distinct < len(draws.times) / 8:
        hint = "; is the median follow-up defined so?" if "follow_up_median" in kinds else ""
        notes.append(f"strained: only {draws.distinct} of {len(draws.times)} draws differ from the start{hint}")
    return notes
