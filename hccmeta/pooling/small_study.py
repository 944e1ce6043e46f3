"""Small-study effects: regression and rank tests of funnel asymmetry, and the LFK index."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from hccmeta.effects.inputs import Columns, check_level
from hccmeta.effects.scales import PROPORTIONS
from hccmeta.errors import MetaWarning, MethodError, TooFewStudies, check_choice
from hccmeta.pooling.inverse_variance import quantile, read_effects, two_sided_p
from hccmeta.pooling.residual_tau2 import residual_tau2, weighted_fit
from hccmeta.pooling.tau2 import TAU2_METHODS

if TYPE_CHECKING:
    import pandas as pd

TESTS = ("egger", "begg", "thompson", "peters", "harbord", "macaskill", "lfk")
PREDICTORS = ("sei", "vi", "ni", "ninv", "sqrtni", "sqrtninv")
SAME_PRECISION = 1e-7  # a predictor that varies less than this share of its size is constant (as R's lm)
ON_ONE_LINE = 1e-13  # residuals below this share of the effects are rounding
BEGG_EXACT = 50  # normal from here on, or with ties (as R's cor.test)
LEAST_K = 10
LFK_CAUTION = (
    "The LFK index has no p value and no fixed error rate: its share of false positives above 1 depends on the number "
    "and size of the studies and on their heterogeneity (Schwarzer et al. 2024). Do not read it as a test."
)


@dataclass(frozen=True, eq=False)
class SmallStudyTest:
    """One test of funnel asymmetry.

    Attributes
    ----------
    test : str
    statistic, df, p_value : float
        t of the slope with df = k - 2; Kendall's tau (begg); the index (lfk). NaN where not defined.
    slope, se : float
        Slope on the predictor and its standard error, model scale; NaN for begg and lfk.
    limit, limit_low, limit_high : float
        Effect of an infinitely large study by the regression, model scale; NaN where its predictor does not vanish.
    k : int
    notes : tuple of str
    """

    test: str
    statistic: float
    df: float
    p_value: float
    k: int
    slope: float = nan
    se: float = nan
    limit: float = nan
    limit_low: float = nan
    limit_high: float = nan
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One tidy row."""
        import pandas as pd

        row = {f.name: getattr(self, f.name) for f in fields(self)}
        return pd.DataFrame([row | {"notes": " ".join(self.notes)}])


class Line(NamedTuple):
    """Data of a regression test: effect, variance (1 / weight), predictor."""

    y: np.ndarray
    v: np.ndarray
    x: np.ndarray
    vanishes: bool  # the predictor goes to 0 as the study grows


def small_study_test(effects, *, test="egger", predictor="sei", tau2_method="DL", level=0.95):
    """Test of funnel asymmetry: do small studies show other effects than large ones?

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale), measure. peters and macaskill need events, n or events_1, n_1, events_2, n_2; harbord
        needs the latter.
    test : {"egger", "begg", "thompson", "peters", "harbord", "macaskill", "lfk"}
    predictor : {"sei", "vi", "ni", "ninv", "sqrtni", "sqrtninv"}
        For egger and thompson: standard error, variance, n, 1/n, sqrt(n), 1/sqrt(n); n of all arms.
    tau2_method : str
        For thompson: estimator of the residual heterogeneity, as in `pool`.
    level : float
        Level of the limit's interval.

    Returns
    -------
    SmallStudyTest
        .test, .statistic, .df, .p_value, .slope, .limit, .notes.

    Raises
    ------
    DataError
        Columns missing or impossible counts.
    MethodError
        Unknown option; harbord for another measure than OR and RR; studies that all have the same precision.
    TooFewStudies
        Fewer than three studies.

    Notes
    -----
    egger: y = a + b se, weights 1 / v; thompson: 1 / (v + tau2), additive; peters: on 1/n, weights of the overall event
    rate; macaskill: on n, weights 1 / v; harbord: score / V on 1 / sqrt(V), weights V. All t with k - 2 df.
    begg: Kendall's tau of standardised effects and v, exact below k = 50 without ties. lfk: asymmetry of the Doi plot,
    an index without p value that flags many symmetric funnels. Warns below k = 10, and for proportions.

    References
    ----------
    Egger 1997, 10.1136/bmj.315.7109.629; Begg 1994, 10.2307/2533446; Thompson 1999,
    10.1002/(SICI)1097-0258(19991030)18:20<2693::AID-SIM235>3.0.CO;2-V; Peters 2006, 10.1001/jama.295.6.676;
    Harbord 2006, 10.1002/sim.2380; Macaskill 2001, 10.1002/sim.698; Furuya-Kanamori 2018,
    10.1097/XEB.0000000000000141; Schwarzer 2024, 10.1002/jrsm.1714

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.4, 0.2, 0.9, 0.8] * 2, "vi": [0.01, 0.04, 0.09, 0.16, 0.25] * 2})
    >>> result = small_study_test(df)
    >>> round(result.statistic, 2), round(result.p_value, 3)
    (5.13, 0.001)
    """
    check_choice("test", test, TESTS)
    check_choice("predictor", predictor, PREDICTORS)
    check_choice("tau2_method", tau2_method, TAU2_METHODS)
    check_level(level)
    if predictor != "sei" and test not in ("egger", "thompson"):
        raise MethodError(f"predictor belongs to egger and thompson; {test} has its own.")
    table = read_effects(effects, caller="small_study_test")
    notes = cautions(table, "A test of small-study effects")
    if table.k < 3:
        raise TooFewStudies(f"small_study_test needs at least three studies with yi and vi; there are {table.k}.")
    if test == "begg":
        found = _begg(table)
    elif test == "lfk":
        found, notes = _lfk(table), (*notes, LFK_CAUTION)
    elif test == "thompson":
        found = _regression(_own_line(table, predictor), level, tau2_method=tau2_method)
    elif test == "egger":
        found = _regression(_own_line(table, predictor), level)
    else:
        found = _regression({"peters": _peters, "harbord": _harbord, "macaskill": _macaskill}[test](table), level)
    if np.isnan(found["statistic"]):
        notes = (*notes, "The effects leave no variation to test against.")
    return SmallStudyTest(test=test, **found, notes=notes)


def cautions(table, what):
    """Warn below 10 studies and on proportions; the sentences come back as notes."""
    notes = []
    if table.k < LEAST_K:
        notes.append(f"{what} has little power below {LEAST_K} studies (k = {table.k}): show the funnel alone.")
    if table.measure in PROPORTIONS:
        notes.append(
            f"{what} misleads on proportions: effect and variance are tied to each other, so the funnel is asymmetric "
            "without any missing study."
        )
    for note in notes:
        warnings.warn(note, MetaWarning, stacklevel=3)
    return tuple(notes)


def _regression(line, level, *, tau2_method=None):
    """Weighted regression y = a + b x: residual variance multiplicative, or additive (tau2) by `tau2_method`."""
    y, v, x = line.y, line.v, line.x
    k, w = len(y), 1 / v
    if k < 3:
        raise TooFewStudies(f"The test needs at least three studies with events and non-events; there are {k}.")
    centred = x - (w * x).sum() / w.sum()
    if (w * centred * centred).sum() <= SAME_PRECISION**2 * (w * x * x).sum():
        raise MethodError("All studies have the same precision: there is no small-study effect to test.")
    X = np.column_stack([np.ones(k), x])
    fit = weighted_fit(y, v, X, residual_tau2(y, v, X, tau2_method) if tau2_method else 0.0)
    df = k - 2.0
    scale = 1.0 if tau2_method else fit.Q / df
    (limit, slope), (limit_se, se) = fit.beta.tolist(), np.sqrt(scale * np.diag(fit.vcov)).tolist()
    on_one_line = not tau2_method and fit.Q <= ON_ONE_LINE**2 * (w * y * y).sum()
    statistic = nan if on_one_line else slope / se
    found = dict(statistic=statistic, df=df, p_value=two_sided_p(statistic, df), k=k, slope=slope, se=se)
    if line.vanishes:
        half = quantile(level, df) * limit_se
        found |= dict(limit=limit, limit_low=limit - half, limit_high=limit + half)
    return found


def _own_line(table, predictor):
    """Effects on a function of their standard error or sample size, weights 1 / v."""
    if predictor in ("sei", "vi"):
        x = np.sqrt(table.v) if predictor == "sei" else table.v
    else:
        n = _patients(table)
        x = {"ni": n, "ninv": 1 / n, "sqrtni": np.sqrt(n), "sqrtninv": 1 / np.sqrt(n)}[predictor]
    return Line(table.y, table.v, x, vanishes=predictor not in ("ni", "sqrtni"))


def _macaskill(table):
    return _own_line(table, "ni")


def _peters(table):
    """Effects on 1 / n with weights of the overall event rate."""
    cells = _cells(table)
    events, others = sum(cells[::2]), sum(cells[1::2])
    keep = (events > 0) & (others > 0)
    events, others = events[keep], others[keep]
    return Line(table.y[keep], 1 / events + 1 / others, 1 / (events + others), vanishes=True)


def _harbord(table):
    """Z / V on 1 / sqrt(V) with weights V: efficient score Z and its variance V of the log odds or risk ratio."""
    check_choice("measure (for harbord)", table.measure, ("OR", "RR"))
    a, b, c, d = _cells(table, two_arms=True)
    keep = (a + c > 0) & (b + d > 0)
    a, b, c, d = (cell[keep] for cell in (a, b, c, d))
    n1, n2, events, others = a + b, c + d, a + c, b + d
    n = n1 + n2
    Z = a - events * n1 / n
    V = n1 * n2 * events * others / (n * n * (n - 1))
    if table.measure == "RR":
        Z, V = Z * n / others, n1 * n2 * events / (n * others)
    return Line(Z / V, 1 / V, 1 / np.sqrt(V), vanishes=True)


def _patients(table):
    return sum(_cells(table))


def _cells(table, *, two_arms=False):
    """Events and non-events of one arm, or of two, for the studies that count."""
    one = not two_arms and "events" in table.source.columns
    pairs = [("events", "n")] if one else [("events_1", "n_1"), ("events_2", "n_2")]
    columns = Columns(table.source.loc[table.included], [name for pair in pairs for name in pair],
                      caller="small_study_test")  # fmt: skip
    for events, n in pairs:
        columns.counts(events, n)
        for name in (events, n):
            if columns.has(name):
                columns.rule(np.isnan(columns[name]), name, "a count", "this test needs the counts of every study")
    columns.refuse()
    return [cell for events, n in pairs for cell in (columns[events], columns[n] - columns[events])]


def _begg(table):
    """Kendall's tau of standardised effects and their variances."""
    from scipy.stats import kendalltau

    y, v = table.y, table.v
    total = (1 / v).sum()
    deviation = y - (y / v).sum() / total
    deviation[np.abs(deviation) <= ON_ONE_LINE * np.abs(y).max()] = 0.0
    standardised = deviation / np.sqrt(np.maximum(v - 1 / total, np.finfo(float).tiny))
    exact = table.k < BEGG_EXACT and len(np.unique(standardised)) == len(np.unique(v)) == table.k
    tau, p_value = kendalltau(standardised, v, method="exact" if exact else "asymptotic")
    return dict(statistic=float(tau), df=nan, p_value=float(p_value), k=table.k)


def _lfk(table):
    """Mean height of the Doi plot against the line through its ends, times 5 / 2."""
    order = np.argsort(table.y, kind="stable")
    y, v = table.y[order], table.v[order]
    n = 100 * v.max() / v
    z = ndtri((np.cumsum(n) - n / 2 - 0.5) / n.sum())
    spread = y[-1] - y[0]
    if spread <= ON_ONE_LINE * np.abs(y).max():
        return dict(statistic=nan, df=nan, p_value=nan, k=table.k)
    from_middle = (y - y[np.abs(z).argmin()]) / spread
    return dict(statistic=float(2.5 * (z + np.ptp(z) * from_middle).mean()), df=nan, p_value=nan, k=table.k)
