"""The distribution-free summary of survival curves: conditional survival on the arcsine scale, interval by interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STRUCTURES = ("full", "diagonal", "compound")


class SummaryFit(NamedTuple):
    """Means per interval (arcsine scale), their covariance, between-study matrix, Q about the common means, cells."""

    mu: np.ndarray
    vcov: np.ndarray
    between: np.ndarray
    Q: float
    n_cells: int


def arcsine(q, n):
    """Corrected arcsine effect of conditional survival q among n patients and its weight 4 (n + 1/2); 0 where n = 0."""
    weight = np.where(n > 0, 4 * (n + 0.5), 0.0)
    return np.where(n > 0, np.arcsin(np.sqrt((n * np.nan_to_num(q) + 0.25) / (n + 0.5))), 0.0), weight


def fit_summary(start, end, n, *, model, between) -> SummaryFit:
    """Combescure, Foucher and Jackson's summary of (k, p) survival at interval ends with n at risk at the start."""
    with np.errstate(invalid="ignore"):
        y, w = arcsine(end / start, n)
    total = w.sum(axis=0)
    common = (w * y).sum(axis=0) / total
    Q = float((w * (y - common) ** 2).sum())
    cells, p = int((w > 0).sum()), len(total)
    if model == "common":
        return SummaryFit(common, np.diag(1 / total), np.zeros((p, p)), Q, cells)
    sigma = between_matrix(y, w, between)
    information, score = np.zeros((p, p)), np.zeros(p)
    for i in range(len(y)):
        has = np.flatnonzero(w[i] > 0)
        inverse = np.linalg.inv(sigma[np.ix_(has, has)] + np.diag(1 / w[i, has]))
        information[np.ix_(has, has)] += inverse
        score[has] += inverse @ y[i, has]
    vcov = np.linalg.inv(information)
    return SummaryFit(vcov @ score, vcov, sigma, Q, cells)


def between_matrix(y, w, structure):
    """Between-study covariance by pairwise moments (Jackson, White and Thompson), never with a negative eigenvalue.

    Sigma_rs = (sum a e_r e_s - [r = s](k_rs - 1)) / (sum a - sum a^2 / sum a), a = sqrt(w_r w_s) over the studies with
    both intervals. compound: one variance and one covariance from the summed moments; diagonal: no covariance.
    """
    p = y.shape[1]
    moment, size = np.zeros((p, p)), np.zeros((p, p))
    for r in range(p):
        for s in () if structure == "diagonal" else range(r + 1, p):
            moment[r, s], size[r, s] = _pair(y[:, r], y[:, s], w[:, r], w[:, s])
        moment[r, r], size[r, r] = _pair(y[:, r], y[:, r], w[:, r], w[:, r])
        moment[r, r] -= max((w[:, r] > 0).sum() - 1, 0)
    if structure == "compound":
        return _compound(moment, size)
    upper = np.divide(moment, size, out=np.zeros((p, p)), where=size > 0)
    if structure == "diagonal":
        return np.diag(np.maximum(np.diag(upper), 0))
    values, vectors = np.linalg.eigh(np.triu(upper) + np.triu(upper, 1).T)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def _pair(y_r, y_s, w_r, w_s):
    a = np.sqrt(w_r * w_s)
    total = a.sum()
    if total == 0:
        return 0.0, 0.0
    e_r, e_s = (y - (a * y).sum() / total for y in (y_r, y_s))
    return (a * e_r * e_s).sum(), total - (a * a).sum() / total


def _compound(moment, size):
    p = len(moment)
    variance = max(np.trace(moment) / np.trace(size), 0.0) if np.trace(size) > 0 else 0.0
    pairs = np.triu(size, 1).sum()
    covariance = np.triu(moment, 1).sum() / pairs if pairs > 0 else 0.0
    covariance = np.clip(covariance, -variance / max(p - 1, 1), variance)
    return np.full((p, p), covariance) + np.diag(np.full(p, variance - covariance))


def survival_of(mu):
    """Cumulative product of sin^2 mu along the last axis."""
    return np.cumprod(np.sin(mu) ** 2, axis=-1)


def log_survival_variance(mu, vcov):
    """Variance of log S at every time: gradient 2 cot mu."""
    gradient = 2 / np.tan(mu)
    return np.diag(np.cumsum(np.cumsum(vcov * np.outer(gradient, gradient), axis=0), axis=1))
