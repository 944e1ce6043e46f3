"""Single-arm trials with a binary endpoint: sample size of the one-sample test, and the chance that one succeeds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import bdtrc, expit, ndtri

from hccmeta.errors import MethodError, check_choice

METHODS = (
    "exact", "normal", "normal_corrected", "normal_null", "normal_alternative", "arcsine", "arcsine_corrected",
)  # fmt: skip
_LARGEST_N = 200_000


@dataclass(frozen=True)
class SingleArmDesign:
    """Sample size of a single-arm trial: reject p0 with `r` or more responses among `n_first` patients.

    `n_first` is the smallest n that reaches the power, `n_stable` the smallest from which every larger n does (the
    exact power saw-tooths; equal for the formulas); `attained_alpha` and `attained_power` are exact, at n_first;
    `n_formula` is the formula before rounding up (NaN for exact); `n_total` is n_first over (1 - dropout), rounded up.
    """

    p0: float
    p1: float
    alpha: float
    power: float
    sides: int
    method: str
    dropout: float
    n_first: int
    n_stable: int
    r: int
    attained_alpha: float
    attained_power: float
    n_formula: float
    n_total: int

    def to_frame(self):
        import pandas as pd

        return pd.DataFrame([asdict(self)])


def single_arm_design(*, p0, p1, alpha, power, sides=1, method="exact", dropout=0.0) -> SingleArmDesign:
    """Sample size of a one-sample test of a proportion, p0 against p1 > p0.

    Parameters
    ----------
    p0, p1 : float
        Response probability under the null hypothesis and under the alternative (fractions).
    alpha, power : float
        Type I error (the total of both sides) and power (fractions).
    sides : {1, 2}
        2 puts alpha / 2 on each side; power counts the upper side.
    method : str
        exact (binomial test), normal (z test with the variances of both hypotheses), normal_corrected (with
        continuity correction), normal_null or normal_alternative (variance of p0 or p1 alone), arcsine,
        arcsine_corrected.
    dropout : float
        Share of patients lost (fraction).

    Returns
    -------
    SingleArmDesign
        n_first, n_stable, r, attained_alpha, attained_power, n_formula, n_total, and the options.

    Raises
    ------
    MethodError
        Unknown option, probabilities out of order or range, or more than 200,000 patients.

    Notes
    -----
    normal: n = ((z_a sqrt(p0 q0) + z_b sqrt(p1 q1)) / (p1 - p0))^2;
    corrected: n (1 + sqrt(1 + 2 / (n (p1 - p0))))^2 / 4.
    exact: r is the smallest count with P(X >= r | p0) <= alpha / sides; power is P(X >= r | p1).

    References
    ----------
    A'Hern 2001, 10.1002/sim.721; Fleiss et al. 2003, 10.1002/0471445428

    Examples
    --------
    >>> design = single_arm_design(p0=0.1, p1=0.3, alpha=0.05, power=0.8)
    >>> design.n_first, design.r, design.n_stable
    (25, 6, 29)
    """
    _check_options(p0, p1, alpha, power, sides, method, dropout)
    tail = alpha / sides
    if method == "exact":
        n, n_stable, n_formula = *_exact_sizes(p0, p1, tail, power), math.nan
    else:
        n_formula = _formula(p0, p1, tail, power, method)
        n = n_stable = max(1, math.ceil(n_formula - 1e-9))
        _refuse_large(n)
    r = _critical_count(n, p0, tail, method)
    failures = _critical_count(n, 1 - p0, tail, method)
    lower_side = float(_upper(failures, n, 1 - p0)) if sides == 2 else 0.0
    return SingleArmDesign(
        p0, p1, alpha, power, sides, method, dropout, n, n_stable, r,
        attained_alpha=float(_upper(r, n, p0)) + lower_side,
        attained_power=float(_upper(r, n, p1)),
        n_formula=n_formula,
        n_total=math.ceil(n / (1 - dropout) - 1e-9),
    )  # fmt: skip


def exact_power(n: int, *, p0, p1, alpha, sides=1) -> tuple[int, float]:
    """Critical count r and exact power of the binomial test at a given n."""
    r = _critical_count(n, p0, alpha / sides, "exact")
    return r, float(_upper(r, n, p1))


def predictive_success(*, n, r, logit_mean=None, logit_se=0.0, tau2=0.0, beta=None) -> float:
    """Probability that a new single-arm trial sees r or more responses among n, given what is known.

    Parameters
    ----------
    n, r : int
        Patients of the new trial and the smallest count that is a success.
    logit_mean, logit_se, tau2 : float
        Pooled logit, its standard error and the between-study variance (`estimate`, `se`, `tau2` of
        `pool_proportion`): the new trial's logit is normal with variance tau2 + logit_se^2.
    beta : tuple of float
        (a, b) of a Beta prior instead; exact beta-binomial.

    Returns
    -------
    float
        Probability in [0, 1].

    Raises
    ------
    MethodError
        Both or neither distribution given, or values out of range.

    References
    ----------
    Spiegelhalter et al. 1986, 10.1016/0197-2456(86)90003-6

    Examples
    --------
    >>> round(predictive_success(n=42, r=16, beta=(1, 1)), 4)
    0.6279
    """
    if (logit_mean is None) == (beta is None):
        raise MethodError("Give either logit_mean (with logit_se and tau2) or beta = (a, b).")
    numbers = {"n": n, "r": r, "logit_se": logit_se, "tau2": tau2} | ({} if beta else {"logit_mean": logit_mean})
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
            raise MethodError(f"{name} = {value!r} must be a finite number.")
    if not (n >= 1 and n == int(n) and 0 <= r <= n + 1 and r == int(r)):
        raise MethodError(f"n = {n!r} and r = {r!r}: whole numbers with 0 <= r <= n + 1 are needed.")
    if beta is not None:
        from scipy.stats import betabinom

        if len(beta) != 2 or not min(beta) > 0:
            raise MethodError(f"beta = {beta!r}: two numbers above 0 are needed.")
        return float(betabinom.sf(r - 1, n, *beta))
    if not (math.isfinite(logit_mean) and logit_se >= 0 and tau2 >= 0):
        raise MethodError("logit_mean must be finite, logit_se and tau2 at least 0.")
    z = np.linspace(-10, 10, 8001)
    weight = np.exp(-(z**2) / 2)
    success = _upper(r, n, expit(logit_mean + math.sqrt(tau2 + logit_se**2) * z))
    return float((weight * success).sum() / weight.sum())


def _check_options(p0, p1, alpha, power, sides, method, dropout) -> None:
    check_choice("sides", sides, (1, 2))
    check_choice("method", method, METHODS)
    for name, value in (("p0", p0), ("p1", p1), ("alpha", alpha), ("power", power), ("dropout", dropout)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise MethodError(f"{name} = {value!r} must be a number between 0 and 1.")
    if not 0 < p0 < p1 < 1:
        raise MethodError(f"p0 = {p0!r}, p1 = {p1!r}: 0 < p0 < p1 < 1 is needed (count the failures if p1 is smaller).")
    if not (0 < alpha < 1 and 0 < power < 1 and alpha / sides < power):
        raise MethodError(f"alpha = {alpha!r}, power = {power!r}: fractions with alpha below power are needed.")
    if not 0 <= dropout < 1:
        raise MethodError(f"dropout = {dropout!r}: a fraction below 1 is needed.")


def _refuse_large(n: float) -> None:
    if n > _LARGEST_N:
        raise MethodError(f"The design needs more than {_LARGEST_N} patients: p0 and p1 are too close.")


def _upper(r, n, p):
    """P(X >= r) of a binomial."""
    r, n, p = np.broadcast_arrays(r, n, p)
    inside = (r > 0) & (r <= n)
    tail = bdtrc(np.where(inside, r - 1, 0).astype(float), n, p)
    return np.where(inside, tail, (r <= 0).astype(float))


def _critical(n: np.ndarray, p0: float, tail: float) -> np.ndarray:
    """Smallest r with P(X >= r | p0) <= tail, per n (n + 1 where no count rejects)."""
    low, high = np.zeros_like(n), n + 1
    while (low < high).any():
        middle = (low + high) // 2
        rejects = _upper(middle, n, p0) <= tail * (1 + 1e-12)
        low, high = np.where(rejects, low, middle + 1), np.where(rejects, middle, high)
    return low


def _exact_sizes(p0, p1, tail, power) -> tuple[int, int]:
    """n_first and n_stable; beyond twice the corrected normal size the saw-tooth lies above the power."""
    last = math.ceil(2 * _formula(p0, p1, tail, power, "normal_corrected")) + 100
    _refuse_large(last / 2)
    n = np.arange(1, last + 1)
    enough = _upper(_critical(n, p0, tail), n, p1) >= power
    return int(n[enough][0]), int(n[~enough][-1]) + 1 if (~enough).any() else 1


def _formula(p0, p1, tail, power, method) -> float:
    z_alpha, z_beta, gap = -ndtri(tail), ndtri(power), p1 - p0
    s0, s1 = math.sqrt(p0 * (1 - p0)), math.sqrt(p1 * (1 - p1))
    if method.startswith("arcsine"):
        gap_arcsine = 2 * (math.asin(math.sqrt(p1)) - math.asin(math.sqrt(p0)))
        n = ((z_alpha + z_beta) / gap_arcsine) ** 2
    elif method == "normal_null":
        n = ((z_alpha + z_beta) * s0 / gap) ** 2
    elif method == "normal_alternative":
        n = ((z_alpha + z_beta) * s1 / gap) ** 2
    else:
        n = ((z_alpha * s0 + z_beta * s1) / gap) ** 2
    return n * (1 + math.sqrt(1 + 2 / (n * gap))) ** 2 / 4 if method.endswith("corrected") else n


def _critical_count(n: int, p0: float, tail: float, method: str) -> int:
    """Smallest count that rejects p0: by the binomial tail, or by the z statistic as the method computes it."""
    if method == "exact":
        return int(_critical(np.array([n]), p0, tail)[0])
    x = np.arange(n + 1)
    share = np.clip((x - 0.5 * method.endswith("corrected")) / n, 0, 1)
    if method.startswith("arcsine"):
        z = 2 * math.sqrt(n) * (np.arcsin(np.sqrt(share)) - math.asin(math.sqrt(p0)))
    else:
        z = (share - p0) / math.sqrt(p0 * (1 - p0) / n)
    rejects = x[z >= -ndtri(tail)]
    return int(rejects[0]) if len(rejects) else n + 1
