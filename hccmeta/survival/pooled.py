"""Pooled survival curve of several studies (Combescure, Foucher and Jackson)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, ndtri

from hccmeta.effects.inputs import check_level, check_seed, check_whole
from hccmeta.errors import MethodError, TooFewStudies, check_choice
from hccmeta.survival.combescure import STRUCTURES, fit_summary, log_survival_variance, survival_of
from hccmeta.survival.curves import check_months
from hccmeta.survival.grid import choose_grid, read_curves, read_intervals, stop

if TYPE_CHECKING:
    import pandas as pd

MODELS = ("random", "common")
N_DRAWS = 10_000


@dataclass(frozen=True, eq=False)
class PooledCurve:
    """A pooled survival curve on its grid of times; months and fractions.

    Attributes
    ----------
    table : DataFrame
        As `.to_frame()`.
    median, median_low, median_high : float
        Months at which the curve, joined by straight lines, crosses 1/2 (NaN: not reached), with limits by simulation.
    rmst, rmst_low, rmst_high : float
        Area under the same line up to the last time (months), with limits by simulation.
    Q, Q_df, Q_p : float
        Heterogeneity about the common curve: chi-square on (cells - intervals) degrees of freedom.
    H, I2 : float
        H = Q / (cells - studies) and I2 = max(0, 1 - 1 / H), the indices of metaSurvival; I2 is a fraction.
    between : ndarray
        Between-study covariance of the intervals on the arcsine scale, (p, p); zeros for the common curve.
    structure, model, level
        Structure of `between` ("full", "diagonal", "compound"; "" for common) and the options used.
    mu, vcov : ndarray
        Means per interval on the arcsine scale and their covariance.
    studies : tuple of str
        Studies in input order.
    notes : tuple of str
        Cautions that belong under the curve.
    """

    table: pd.DataFrame = field(repr=False)
    median: float
    median_low: float
    median_high: float
    rmst: float
    rmst_low: float
    rmst_high: float
    Q: float
    Q_df: int
    Q_p: float
    H: float
    I2: float
    between: np.ndarray = field(repr=False)
    structure: str
    model: str
    level: float
    mu: np.ndarray = field(repr=False)
    vcov: np.ndarray = field(repr=False)
    studies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """time, survival, ci_low, ci_high, n_studies, n_at_risk (start of the interval), pi_low, pi_high, studies."""
        return self.table.copy()


def pool_survival_curves(curves, *, times=None, method="combescure", model="random", level=0.95, between="full",
                         min_studies=3, min_at_risk=20, allow_mixed=False, seed=0):  # fmt: skip
    """Distribution-free summary survival curve of several studies.

    Parameters
    ----------
    curves : DataFrame
        study, time (months), survival (fraction), n_at_risk. n_at_risk of a row is the number under observation since
        the row before, as in Kaplan-Meier tables from time 0 (`kaplan_meier` with a column study) and in tables of
        intervals with the number at their start. A table without a row at time 0 is known at its own times only.
        endpoint, time_origin, setting: where present they must not differ.
    times : sequence of float, optional
        Ends of the intervals, in months. None: the grid that the curves share, else round steps, at most 12.
    method : {"combescure"}
    model : {"random", "common"}
    level : float
    between : {None, "full", "diagonal", "compound"}
        Between-study matrix of the intervals: unrestricted (as published), without covariances, or with one variance
        and one covariance. None: full with at least twice as many studies as intervals, else compound. A note says
        when the unrestricted matrix is noise.
    min_studies, min_at_risk : int
        The curve stops where fewer studies or fewer patients remain.
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the note calls the curve illustrative.
    seed : int
        Of the 10,000 draws behind the limits of median and RMST.

    Returns
    -------
    PooledCurve

    Raises
    ------
    DataError
        Missing columns, values out of range, curves that rise, unlike curves, times at which a curve is not known.
    MethodError
    TooFewStudies
        Fewer than `min_studies` studies or `min_at_risk` patients in the first interval.

    Notes
    -----
    y = asin sqrt((n q + 1/4) / (n + 1/2)), var 1 / (4 (n + 1/2)), q the survival within an interval; inverse-variance
    means (common) or GLS with the between-study matrix (random); S = prod sin^2(mean); limits S exp(+- z se(log S)),
    z = 1.96 at level 0.95 as published. Prediction limits add the between-study matrix. No study is carried beyond its
    follow-up.

    References
    ----------
    Combescure, Foucher and Jackson 2014, 10.1002/sim.6111; Jackson, White and Thompson 2010, 10.1002/sim.3602

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("AABBCC"), "time": [6, 12] * 3, "survival": [.8, .6, .7, .5, .9, .6],
    ...                    "n_at_risk": [50, 40, 60, 42, 40, 36]})
    >>> pool_survival_curves(df, model="common").to_frame()["survival"].round(3).tolist()
    [0.79, 0.561]
    """
    check_choice("method", method, ("combescure",))
    check_choice("model", model, MODELS)
    check_choice("between", between, (None, *STRUCTURES))
    check_level(level)
    check_whole("min_studies", min_studies, 1)
    check_whole("min_at_risk", min_at_risk, 0)
    check_seed(seed)
    checked, notes = read_curves(curves, allow_mixed=allow_mixed, caller="pool_survival_curves")
    if times is None:
        grid, chosen = choose_grid(checked, min_studies, min_at_risk)
    else:
        grid, chosen = check_grid(times), ()
    cells, stopped = stop(read_intervals(checked, grid), min_studies, min_at_risk)
    if not len(cells.times):
        raise TooFewStudies(
            f"A pooled curve needs {min_studies} studies and {min_at_risk} patients in its first interval "
            "(min_studies, min_at_risk); there are fewer."
        )
    structure, restricted = resolve_structure(between, model, cells.n)
    fit = fit_summary(cells.start, cells.end, cells.n, model=model, between=structure)
    return _record(fit, cells, tuple(checked), structure, model, level, seed, notes + chosen + stopped + restricted)


def check_grid(times):
    """Increasing positive months, or one MethodError."""
    grid = check_months("times", times)
    if not len(grid) or grid[0] <= 0 or (np.diff(grid) <= 0).any():
        raise MethodError(f"times = {times!r} must be increasing months above 0: the ends of the intervals.")
    return grid


def resolve_structure(between, model, n):
    """Structure of the between-study matrix that None stands for, and the note that says so."""
    if model == "common":
        return "", ()
    k, p = int((n > 0).any(axis=1).sum()), n.shape[1]
    if k >= 2 * p:
        return between or "full", ()
    if between == "full":
        return "full", (
            f"{k} studies over {p} intervals: the unrestricted between-study matrix of the published method is noise "
            "here (k < 2p); between=None restricts it.",
        )  # fmt: skip
    if between is not None:
        return between, ()
    return "compound", (
        f"{k} studies over {p} intervals: an unrestricted between-study matrix would be noise (k < 2p), so it has one "
        "variance and one covariance (compound symmetry).",
    )  # fmt: skip


def multiplier(level):
    """Normal quantile of the limits; at 0.95 the published 1.96."""
    return 1.96 if level == 0.95 else float(ndtri((1 + level) / 2))


def _record(fit, cells, studies, structure, model, level, seed, notes):
    z, survival = multiplier(level), survival_of(fit.mu)
    variance = log_survival_variance(fit.mu, fit.vcov)
    columns = dict(time=cells.times, survival=survival, **_limits("ci", survival, z * np.sqrt(variance)))
    present = cells.n > 0
    columns |= dict(n_studies=present.sum(axis=0), n_at_risk=cells.n.sum(axis=0))
    if model == "random":
        variance = log_survival_variance(fit.mu, fit.vcov + fit.between)
    reach = z * np.sqrt(variance) if model == "random" else np.full(len(survival), nan)
    columns |= _limits("pi", survival, reach)
    columns["studies"] = [", ".join(np.array(studies)[has]) for has in present.T]
    df = fit.n_cells - len(fit.mu)
    spread = fit.n_cells - int(present.any(axis=1).sum())
    H = fit.Q / spread if spread > 0 else nan
    return PooledCurve(
        table=_frame(columns), **_simulated(fit, cells.times, level, seed), Q=fit.Q, Q_df=df,
        Q_p=float(chdtrc(df, fit.Q)) if df > 0 else nan, H=H, I2=max(0.0, 1 - 1 / H) if H > 0 else 0.0,
        between=fit.between, structure=structure, model=model, level=level, mu=fit.mu, vcov=fit.vcov, studies=studies,
        notes=notes,
    )  # fmt: skip


def _frame(columns):
    import pandas as pd

    return pd.DataFrame(columns)


def _limits(name, survival, reach):
    return {f"{name}_low": survival * np.exp(-reach), f"{name}_high": np.minimum(survival * np.exp(reach), 1)}


def _simulated(fit, times, level, seed):
    """Median and RMST of the curve, limits from draws of the means; a median that most draws do not reach is NaN."""
    rng = np.random.default_rng(seed)
    curves = survival_of(rng.multivariate_normal(fit.mu, fit.vcov, size=N_DRAWS, method="eigh"))
    estimate = survival_of(fit.mu)[None]
    tails = ((1 - level) / 2, (1 + level) / 2)
    low, high = np.quantile(median_time(curves, times), tails, method="inverted_cdf")
    area_low, area_high = np.quantile(area(curves, times), tails)
    not_reached = {np.inf: nan}
    return dict(
        median=not_reached.get(m := float(median_time(estimate, times)[0]), m),
        median_low=not_reached.get(float(low), float(low)), median_high=not_reached.get(float(high), float(high)),
        rmst=float(area(estimate, times)[0]), rmst_low=float(area_low), rmst_high=float(area_high),
    )  # fmt: skip


def median_time(curves, times):
    """Months at which each curve (rows), joined by straight lines from (0, 1), first reaches 1/2; inf if never."""
    s = np.column_stack([np.ones(len(curves)), curves])
    t = np.concatenate([[0.0], times])
    reached = s <= 0.5
    at = reached.argmax(axis=1)
    before = np.maximum(at - 1, 0)
    row = np.arange(len(s))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (s[row, before] - 0.5) / (s[row, before] - s[row, at])
        crossing = t[before] + share * (t[at] - t[before])
    return np.where(reached.any(axis=1), crossing, np.inf)


def area(curves, times):
    """Area under each curve (rows), joined by straight lines from (0, 1), up to the last time."""
    s = np.column_stack([np.ones(len(curves)), curves])
    return np.trapezoid(s, np.concatenate([[0.0], times]), axis=1)
