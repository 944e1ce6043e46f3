"""One-stage pooled survival: piecewise-exponential Poisson model with random study effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import check_level, label_rows
from hccmeta.errors import DataError, TooFewStudies
from hccmeta.survival.draws import number_of_draws, read_draws
from hccmeta.survival.landmark_variance import from_scale
from hccmeta.survival.mixture import check_mixture
from hccmeta.survival.piecewise import exposures, fit_piecewise, marginal_survival
from hccmeta.survival.pooled import check_grid, median_time
from hccmeta.survival.rubin import median_over_draws, rubin

if TYPE_CHECKING:
    import pandas as pd

SAMPLES, FEWEST_SAMPLES = 4_000, 40


@dataclass(frozen=True, eq=False)
class OneStageSurvival:
    """Marginal survival of the one-stage model; months and fractions.

    Attributes
    ----------
    table : DataFrame
        As `.to_frame()`.
    median, median_low, median_high : float
        Months, quantiles over draw x sampling; NaN where not reached by the last cut.
    median_low_without, median_high_without : float
        Limits without the draws: the middle one of the limits of each draw.
    tau2, tau2_low, tau2_high : float
        Variance of the study effect on the log hazard: median over the draws, quantiles over draw x sampling (NaN
        where it is 0 in every draw).
    hazards : DataFrame
        start, end, hazard (per month, of a study at the centre), events, person_time (means over the draws).
    k, m, level
        Studies, draws, level.
    notes : tuple of str
    """

    table: pd.DataFrame = field(repr=False)
    median: float
    median_low: float
    median_high: float
    median_low_without: float
    median_high_without: float
    tau2: float
    tau2_low: float
    tau2_high: float
    hazards: pd.DataFrame = field(repr=False)
    k: int
    m: int
    level: float
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """time, survival, ci_low, ci_high, ci_low_without, ci_high_without, share (of the draws), n_studies."""
        return self.table.copy()


def pool_piecewise_exponential(patients, *, cuts, times=None, level=0.95, allow_mixed=False, seed=0):
    """Marginal survival of a piecewise-exponential model with a random effect of the study on the log hazard.

    Parameters
    ----------
    patients : DataFrame
        study, time (months), event (1, 0); imputation (or draw) for draws of reconstructed patients. endpoint,
        time_origin, setting: where present they must not differ.
    cuts : sequence of float
        Ends of the intervals of constant hazard in months, 6 to 12 of them; follow-up after the last one is not used.
    times : sequence of float, optional
        Months at which survival is given, up to the last cut; None: the cuts.
    level : float
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the note calls the curve illustrative.
    seed : int
        Of the draws behind the limits of median and tau2.

    Returns
    -------
    OneStageSurvival

    Raises
    ------
    DataError
        Bad patients, or an interval without an event in some draw.
    MethodError, NotConverged
    TooFewStudies
        Fewer than two studies.

    Notes
    -----
    log mu_ij = log(person-time_ij) + alpha_j + b_i, b_i ~ N(0, tau^2), maximum likelihood by adaptive quadrature. The
    curve averages exp(-H exp(b)) over b: it is the survival of a patient of any study, not of the study at b = 0.
    Draws are combined by Rubin's rules on log(-log S). A study censored early still informs the later intervals
    through its b_i; n_studies counts those under observation.

    References
    ----------
    Crowther et al. 2012, 10.1186/1471-2288-12-34

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"time": [float(t) for t in range(1, 21)], "event": 1})
    >>> df = pd.concat([one.assign(study=s) for s in "ABC"], ignore_index=True)
    >>> pool_piecewise_exponential(df, cuts=[5, 10]).to_frame()["survival"].round(2).tolist()
    [0.76, 0.52]
    """
    import pandas as pd

    check_level(level)
    cuts = check_grid(cuts)
    at = check_grid(cuts if times is None else times)
    if at[-1] > cuts[-1]:
        raise DataError(f"times: {at[-1]:g} months lies beyond the last cut, {cuts[-1]:g}.")
    draws = read_draws(patients, caller="pool_piecewise_exponential")
    mixed = check_mixture(patients, label_rows(patients), allow_mixed, "pool_piecewise_exponential")
    if len(draws) < 2:
        raise TooFewStudies("The one-stage model needs at least two studies; there is one.")
    m = number_of_draws(draws)
    counted = [exposures(d.time, d.event, cuts) for d in draws.values()]
    shape = m, len(cuts)
    events, person_time = (np.stack([np.broadcast_to(part, shape) for part in parts], axis=1)
                           for parts in zip(*counted, strict=True))  # fmt: skip
    _check_events(events, cuts)
    fits = [fit_piecewise(e, t) for e, t in zip(events, person_time, strict=True)]
    points = np.array([[*f.alpha, f.tau] for f in fits])
    variances = np.array([_variance(f, cuts, at) for f in fits])
    r = rubin(np.log(-np.log(marginal_survival(points, cuts, at))), variances, level=level)
    columns = dict(time=at, survival=from_scale(r.estimate, "loglog"))
    for suffix, low, high in (("", r.ci_low, r.ci_high), ("_without", r.within_low, r.within_high)):
        columns |= {f"ci_low{suffix}": from_scale(high, "loglog"), f"ci_high{suffix}": from_scale(low, "loglog")}
    watched = (person_time.min(axis=0) > 0).sum(axis=0)
    columns |= dict(share=r.share, n_studies=watched[np.searchsorted(cuts, at)])
    hazards = pd.DataFrame(dict(
        start=np.append(0.0, cuts[:-1]), end=cuts, hazard=np.exp(points[:, :-1].mean(axis=0)),
        events=events.sum(axis=1).mean(axis=0), person_time=person_time.sum(axis=1).mean(axis=0),
    ))  # fmt: skip
    zero = sum(f.tau == 0 for f in fits)
    notes = (f"tau is 0 in {zero} of {m} fits; limits do not include its uncertainty there.",) if zero else ()
    return OneStageSurvival(pd.DataFrame(columns), **_sampled(fits, points, cuts, level, seed), hazards=hazards,
                            k=len(draws), m=m, level=level, notes=mixed + notes)  # fmt: skip


def _check_events(events, cuts):
    empty = (events.sum(axis=1) == 0).any(axis=0)
    if empty.any():
        lows = np.append(0.0, cuts[:-1])
        listed = ", ".join(f"{a:g}-{b:g}" for a, b in zip(lows[empty], cuts[empty], strict=True))
        raise DataError(f"No event between {listed} months in some draw: choose wider or fewer intervals (cuts).")


def _variance(fit, cuts, at):
    """Variance of log(-log S) by the delta method; derivatives by central differences in (alpha, log tau)."""
    x = np.append(fit.alpha, np.log(fit.tau) if fit.tau > 0 else -np.inf)
    step, free = 1e-5, len(fit.alpha) + (fit.tau > 0)

    def value(moved):
        return np.log(-np.log(marginal_survival(np.append(moved[:-1], np.exp(moved[-1])), cuts, at)[0]))

    gradient = np.zeros((len(x), len(at)))
    for i in range(free):
        shift = step * (np.arange(len(x)) == i)
        gradient[i] = (value(np.where(shift > 0, x + shift, x)) - value(np.where(shift > 0, x - shift, x))) / (2 * step)
    return np.einsum("it,ij,jt->t", gradient, fit.vcov, gradient)


def _sampled(fits, points, cuts, level, seed):
    rng = np.random.default_rng(seed)
    fine = np.linspace(0, cuts[-1], 201)[1:]
    medians, tau2 = [], []
    for f in fits:
        size = max(-(-SAMPLES // len(fits)), FEWEST_SAMPLES)
        # tau itself is drawn, not its logarithm, whose normal law runs off to infinity where tau is small
        scale = np.append(np.ones(len(f.alpha)), f.tau)
        drawn = rng.multivariate_normal([*f.alpha, f.tau], f.vcov * np.outer(scale, scale), size=size, method="eigh")
        drawn[:, -1] = np.maximum(drawn[:, -1], 0)
        medians.append(median_time(marginal_survival(drawn, cuts, fine), fine))
        tau2.append(drawn[:, -1] ** 2)
    own = median_time(marginal_survival(points, cuts, fine), fine)
    tau2_low, tau2_high = np.quantile(np.concatenate(tau2), ((1 - level) / 2, (1 + level) / 2))
    if not points[:, -1].any():
        tau2_low = tau2_high = nan
    tau2 = float(np.median(points[:, -1] ** 2))
    limits = dict(tau2=tau2, tau2_low=float(tau2_low), tau2_high=float(tau2_high))
    return median_over_draws(own, medians, level) | limits
