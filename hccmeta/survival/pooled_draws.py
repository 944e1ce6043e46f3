"""The pooled survival curve over draws of reconstructed patients, with and without their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import check_level, label_rows
from hccmeta.errors import TooFewStudies, check_choice
from hccmeta.survival.combescure import STRUCTURES, fit_summary, log_survival_variance, survival_of
from hccmeta.survival.draws import at_times, number_of_draws, position, read_draws
from hccmeta.survival.grid import Intervals, stop
from hccmeta.survival.landmark_variance import from_scale
from hccmeta.survival.mixture import check_mixture
from hccmeta.survival.pooled import MODELS, check_grid, median_time, resolve_structure
from hccmeta.survival.rubin import median_over_draws, rubin

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class PooledCurveOverDraws:
    """A pooled survival curve that carries the uncertainty of the reconstruction; months and fractions.

    Attributes
    ----------
    table : DataFrame
        As `.to_frame()`.
    median, median_low, median_high : float
        Months, by quantiles over draw x sampling; NaN where not reached.
    median_low_without, median_high_without : float
        Limits without the draws: the middle one of the limits of each draw.
    m, model, structure, level
    notes : tuple of str
    """

    table: pd.DataFrame = field(repr=False)
    median: float
    median_low: float
    median_high: float
    median_low_without: float
    median_high_without: float
    m: int
    model: str
    structure: str
    level: float
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """time, survival, ci_* and ci_*_without, pi_*, share (of the draws), n_studies, n_at_risk, studies.

        Studies and patients at risk at the start of the interval are the fewest of any draw; pi_* of the random model.
        """
        return self.table.copy()


def pool_curves_over_draws(patients, *, times, model="random", level=0.95, between=None, min_studies=3,
                           min_at_risk=20, allow_mixed=False, seed=0):  # fmt: skip
    """Distribution-free summary curve of every draw, combined by Rubin's rules on log(-log S).

    Parameters
    ----------
    patients : DataFrame
        study, imputation (or draw), time, event; studies with one imputation are known without uncertainty. endpoint,
        time_origin, setting: where present they must not differ.
    times : sequence of float
        Ends of the intervals, in months.
    model, level, between, min_studies, min_at_risk, allow_mixed
        Of pool_survival_curves; the curve stops where a draw has too few studies or patients.
    seed : int
        Of the draws behind the limits of the median.

    Returns
    -------
    PooledCurveOverDraws

    Raises
    ------
    DataError, MethodError, TooFewStudies

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"imputation": [0] * 10 + [1] * 10, "time": [*range(1, 11), *range(2, 12)], "event": 1})
    >>> df = pd.concat([one.assign(study=s) for s in "ABC"], ignore_index=True)
    >>> pool_curves_over_draws(df, times=[4], model="common").to_frame()["survival"].round(2).item()
    0.65
    """
    import pandas as pd

    check_choice("model", model, MODELS)
    check_choice("between", between, (None, *STRUCTURES))
    check_level(level)
    grid, draws = check_grid(times), read_draws(patients, caller="pool_curves_over_draws")
    mixed = check_mixture(patients, label_rows(patients), allow_mixed, "pool_curves_over_draws")
    start, end, n = _cells(draws, grid)
    fewest, stopped = stop(Intervals(grid, start.min(axis=0), end.min(axis=0), n.min(axis=0)), min_studies, min_at_risk)
    p = len(fewest.times)
    if not p:
        raise TooFewStudies(
            f"A pooled curve needs {min_studies} studies and {min_at_risk} patients in its first interval "
            "(min_studies, min_at_risk) in every draw; there are fewer."
        )
    structure, restricted = resolve_structure(between, model, fewest.n)
    fits = [fit_summary(s, e, r, model=model, between=structure)
            for s, e, r in zip(start[:, :, :p], end[:, :, :p], n[:, :, :p], strict=True)]  # fmt: skip
    log_s = np.log([survival_of(f.mu) for f in fits])
    variance = np.array([log_survival_variance(f.mu, f.vcov) for f in fits]) / log_s**2
    r = rubin(np.log(-log_s), variance, level=level)
    columns = dict(time=fewest.times, survival=from_scale(r.estimate, "loglog"))
    variance = np.array([log_survival_variance(f.mu, f.vcov + f.between) for f in fits]) / log_s**2
    further = rubin(np.log(-log_s), variance if model == "random" else variance * nan, level=level)
    limits = {"ci_{}": (r.ci_low, r.ci_high), "ci_{}_without": (r.within_low, r.within_high),
              "pi_{}": (further.ci_low, further.ci_high)}  # fmt: skip
    for name, (low, high) in limits.items():
        columns |= {name.format("low"): from_scale(high, "loglog"), name.format("high"): from_scale(low, "loglog")}
    present = fewest.n > 0
    columns |= dict(share=r.share, n_studies=present.sum(axis=0), n_at_risk=fewest.n.sum(axis=0))
    columns["studies"] = [", ".join(np.array(list(draws))[has]) for has in present.T]
    return PooledCurveOverDraws(
        table=pd.DataFrame(columns), **_median(fits, fewest.times, level, seed), m=len(fits), model=model,
        structure=structure, level=level, notes=mixed + stopped + restricted,
    )  # fmt: skip


def _cells(draws, grid):
    """(m, k, p) survival at both ends of the intervals and patients at their start; a single draw is repeated."""
    m, edges = number_of_draws(draws), np.concatenate([[0.0], grid])
    shape = m, len(draws), len(grid)
    start, end, n = np.empty(shape), np.empty(shape), np.empty(shape)
    for i, study in enumerate(draws.values()):
        s = at_times(study, edges)[0]
        s[:, 0] = 1.0
        entering = study.time.shape[1] - position(study, edges)[:, :-1]
        entering[:, 0] += ((study.time == 0) & (study.event == 1)).sum(axis=1)
        use = ~np.isnan(s[:, 1:]) & (s[:, :-1] > 0) & (entering > 0)
        start[:, i], end[:, i] = np.where(use, s[:, :-1], nan), np.where(use, s[:, 1:], nan)
        n[:, i] = np.where(use, entering, 0)
    return start, end, n


def _median(fits, times, level, seed):
    rng = np.random.default_rng(seed)
    each = -(-SAMPLES // len(fits))
    sampled = np.array([
        median_time(survival_of(rng.multivariate_normal(f.mu, f.vcov, size=each, method="eigh")), times) for f in fits
    ])  # fmt: skip
    own = np.concatenate([median_time(survival_of(f.mu)[None], times) for f in fits])
    return median_over_draws(own, sampled, level)
