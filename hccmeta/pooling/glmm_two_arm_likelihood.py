"""Likelihoods of two arms with a normal log odds ratio delta = theta + tau z in each study.

Arm 1 has logit alpha + delta / 2, arm 2 alpha - delta / 2. CM.EL conditions on a study's events (alpha drops out),
UM.FS takes the best alpha of each study, UM.RS draws alpha from a normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from hccmeta.pooling.glmm_likelihood import LOG_SQRT_2PI, Binomial, locate, nodes_around


@dataclass(frozen=True)
class Tables:
    """2x2 tables, one entry per study: events and patients of arm 1 and arm 2."""

    x1: np.ndarray
    n1: np.ndarray
    x2: np.ndarray
    n2: np.ndarray

    @property
    def support(self):
        """Lowest and highest number of events that arm 1 can have given the study's events."""
        total = self.x1 + self.x2
        return np.maximum(0.0, total - self.n2), np.minimum(self.n1, total)

    @property
    def log_odds_ratio(self):
        """Log odds ratio with half an event added to every cell, and its information."""
        cells = [cell + 0.5 for cell in (self.x1, self.n1 - self.x1, self.x2, self.n2 - self.x2)]
        a, b, c, d = cells
        return np.log(a * d / (b * c)), 1 / sum(1 / cell for cell in cells)

    @property
    def log_odds(self):
        """Logit of both arms together with half an event added."""
        total, patients = self.x1 + self.x2, self.n1 + self.n2
        return np.log((total + 0.5) / (patients - total + 0.5))

    @property
    def constant(self):
        """Logarithm of the binomial coefficients of both arms."""
        return Binomial(self.x1, self.n1).constant + Binomial(self.x2, self.n2).constant

    def take(self, keep):
        return Tables(self.x1[keep], self.n1[keep], self.x2[keep], self.n2[keep])


class Hypergeometric:
    """Non-central hypergeometric kernel: events of arm 1 given the events of the study, log odds ratio `delta`.

    The sum over possible events runs over 81 of them around the mode, one in every half standard deviation where
    that is more than one: a lattice sum of so smooth a law is exact to rounding.
    """

    offsets = np.arange(-40, 41)

    def __init__(self, tables):
        self.tables = tables
        terms = [hypergeometric_weights(*study) for study in zip(*vars(tables).values(), strict=True)]
        self.log_weight = np.concatenate([log_w for _, log_w in terms])
        self.size = np.array([len(j) for j, _ in terms])
        self.first = np.cumsum(self.size) - self.size
        self.constant = float(self.log_weight[self.first + (tables.x1 - tables.support[0]).astype(int)].sum())
        where, information = tables.log_odds_ratio
        self.guess = where[None, :], information[None, :]

    def take(self, rows):
        return self

    def __call__(self, delta):
        shape, tables = (-1, *(1,) * (delta.ndim - 2)), self.tables
        x1, n1, x2, n2 = (count.reshape(shape) for count in vars(tables).values())
        total = x1 + x2
        lowest, size, first = (array.reshape(shape) for array in (tables.support[0], self.size, self.first))
        mode, sd = approximate_law(delta, n1, total, n2)
        stride = np.maximum(1, np.floor(sd / 2))
        place = np.round(mode - lowest)[..., None] + stride[..., None] * self.offsets
        inside = (place >= 0) & (place < size[..., None])
        at = first[..., None] + np.clip(place, 0, size[..., None] - 1).astype(int)
        events = lowest[..., None] + place
        term = np.where(inside, self.log_weight[at] + delta[..., None] * (events - x1[..., None]), -np.inf)
        top = term.max(-1)
        weight = np.exp(term - top[..., None])
        sum_of_weights = weight.sum(-1)
        mean = np.vecdot(weight, events) / sum_of_weights
        variance = np.vecdot(weight, (events - mean[..., None]) ** 2) / sum_of_weights
        return -top - np.log(sum_of_weights * stride), x1 - mean, variance


def approximate_law(delta, n1, total, n2):
    """Approximate mode j and standard deviation of arm 1's events: (n1 - j)(total - j) e^delta = j (n2 - total + j)."""
    ratio = np.exp(np.clip(delta, -300, 300))
    b = ratio * (n1 + total) + n2 - total
    root = np.sqrt(np.maximum(b * b - 4 * (ratio - 1) * ratio * n1 * total, 0))
    from_above = 2 * ratio * n1 * total / np.where(b > 0, b + root, 1.0)
    from_below = (root - b) / np.maximum(2 - 2 * ratio, 1e-9)
    mode = np.where(b > 0, from_above, from_below)
    mode = np.clip(mode, np.maximum(0, total - n2), np.minimum(n1, total))
    cells = (mode, n1 - mode, total - mode, n2 - total + mode)
    return mode, 1 / np.sqrt(sum(1 / np.maximum(cell, 0.25) for cell in cells))


def hypergeometric_weights(x1, n1, x2, n2):
    """Possible events of arm 1 given x1 + x2, and log C(n1, j) C(n2, x1 + x2 - j)."""
    total = x1 + x2
    j = np.arange(max(0.0, total - n2), min(n1, total) + 1)
    choose = gammaln(n1 + 1) - gammaln(j + 1) - gammaln(n1 - j + 1)
    return j, choose + gammaln(n2 + 1) - gammaln(total - j + 1) - gammaln(n2 - total + j + 1)


class Pair:
    """Kernel of `delta` for two binomial arms around a given alpha; all arrays (fits, studies)."""

    def __init__(self, tables, alpha):
        shape = alpha.shape
        self.alpha = alpha
        self.arms = [Binomial(np.broadcast_to(x, shape), np.broadcast_to(n, shape))
                     for x, n in ((tables.x1, tables.n1), (tables.x2, tables.n2))]  # fmt: skip
        (y1, w1), (y2, w2) = (arm.guess for arm in self.arms)
        self.guess = (2 * (w1 * (y1 - alpha) + w2 * (alpha - y2)) / (w1 + w2), (w1 + w2) / 4)

    def both(self, delta):
        alpha = self.alpha if delta.ndim == 2 else self.alpha[..., None]
        return self.arms[0](alpha + delta / 2), self.arms[1](alpha - delta / 2)

    def __call__(self, delta):
        (value1, slope1, curvature1), (value2, slope2, curvature2) = self.both(delta)
        return value1 + value2, (slope1 - slope2) / 2, (curvature1 + curvature2) / 4


def given_alpha(tables, alpha, eta, tau, order):
    """Log-likelihood of each study integrated over z: value, gradient and Hessian in (alpha, eta, tau), last axes."""
    pair, tau = Pair(tables, alpha), tau[:, None]
    mode, reach, peak = locate(pair, eta, tau)
    z, weight = nodes_around(mode, reach, order)
    (value1, slope1, curvature1), (value2, slope2, curvature2) = pair.both(eta[..., None] + tau[..., None] * z)
    weight *= np.exp(np.minimum(value1 + value2 - z * z / 2 - peak[..., None], 500))
    total = weight.sum(-1)
    weight /= total[..., None]
    together, apart, cross = curvature1 + curvature2, (slope1 - slope2) / 2, (curvature1 - curvature2) / 2
    slopes = slope1 + slope2, apart, apart * z
    curvatures = {(0, 0): together, (0, 1): cross, (0, 2): cross * z,
                  (1, 1): together / 4, (1, 2): together * z / 4, (2, 2): together * z * z / 4}  # fmt: skip
    value = peak + np.log(total) - LOG_SQRT_2PI
    return value, *louis(weight, slopes, curvatures)


def louis(weight, slopes, curvatures):
    """Gradient E[g] and Hessian E[g g' - c] - E[g] E[g]' of a log integral from its nodes (last axis)."""
    size = len(slopes)
    gradient = np.stack([np.vecdot(weight, slope) for slope in slopes], -1)
    hessian = np.empty((*gradient.shape, size))
    for (i, j), curvature in curvatures.items():
        cell = np.vecdot(weight, slopes[i] * slopes[j] - curvature) - gradient[..., i] * gradient[..., j]
        hessian[..., i, j] = hessian[..., j, i] = cell
    return gradient, hessian


@dataclass(frozen=True)
class FixedStudyEffects:
    """UM.FS: parameters (theta, tau); every study's own alpha is at its maximum."""

    tables: Tables
    order: int = 14
    n_coefficients = 1

    def refined(self):
        return replace(self, order=2 * self.order)

    def take(self, rows):
        return self

    def start(self, rows, tau):
        return weighted_mean(*self.tables.log_odds_ratio, tau)[:, None]

    def __call__(self, theta, rows):
        eta = np.repeat(theta[:, :1], len(self.tables.x1), 1)
        alpha = np.tile(self.tables.log_odds, (len(theta), 1))
        for _ in range(100):
            value, gradient, hessian = given_alpha(self.tables, alpha, eta, theta[:, 1], self.order)
            bend = np.minimum(hessian[..., 0, 0], -1e-10)
            step = -gradient[..., 0] / bend
            gain = np.abs(gradient[..., 0] * step)
            if gain.max() < 1e-12:
                break
            alpha = alpha + np.clip(step, -2, 2)
        coupling = hessian[..., 0, 1:]
        profiled = hessian[..., 1:, 1:] - coupling[..., :, None] * coupling[..., None, :] / bend[..., None, None]
        slope = gradient[..., 1:] + coupling * step[..., None]
        return (value + gain / 2).sum(1), slope.sum(1), profiled.sum(1)


@dataclass(frozen=True)
class RandomStudyEffects:
    """UM.RS: parameters (theta, mean of alpha, sd of alpha, tau)."""

    tables: Tables
    order: int = 14
    n_coefficients = 3
    max_order = 60

    def refined(self):
        return replace(self, order=2 * self.order)

    def take(self, rows):
        return self

    def start(self, rows, tau):
        log_odds = self.tables.log_odds
        theta = weighted_mean(*self.tables.log_odds_ratio, tau)
        return np.column_stack([theta, np.full(len(tau), log_odds.mean()), np.full(len(tau), 0.1 + log_odds.std())])

    def __call__(self, theta, rows):
        k = len(self.tables.x1)
        eta, middle, sd, tau = theta[:, :1], np.repeat(theta[:, 1:2], k, 1), theta[:, 2:3], theta[:, 3]
        mode, reach, peak = locate(AlphaKernel(self, eta, tau), middle, sd)
        z, weight = nodes_around(mode, reach, self.order)
        value, gradient, hessian = self.at_alpha(middle[..., None] + sd[..., None] * z, eta, tau)
        weight *= np.exp(np.minimum(value - z * z / 2 - peak[..., None], 500))
        total = weight.sum(-1)
        weight /= total[..., None]
        design = np.zeros((*z.shape, 4, 3))
        design[..., 0, 1] = design[..., 1, 0] = design[..., 3, 2] = 1.0
        design[..., 2, 0] = z
        slope = np.einsum("...ij,...j->...i", design, gradient)
        second = design @ hessian @ design.swapaxes(-1, -2) + slope[..., :, None] * slope[..., None, :]
        mean = (weight[..., None] * slope).sum(2)
        curve = (weight[..., None, None] * second).sum(2) - mean[..., :, None] * mean[..., None, :]
        log_lik = peak + np.log(total) - LOG_SQRT_2PI
        return log_lik.sum(1), mean.sum(1), curve.sum(1)

    def at_alpha(self, alpha, eta, tau):
        """`given_alpha` at several alpha per study, shape (fits, studies, nodes)."""
        fits, k, nodes = alpha.shape
        repeated = Tables(*(np.repeat(count, nodes) for count in vars(self.tables).values()))
        flat = given_alpha(repeated, alpha.reshape(fits, -1), np.repeat(eta, k * nodes, 1), tau, self.order)
        return tuple(part.reshape(fits, k, nodes, *part.shape[2:]) for part in flat)


class AlphaKernel:
    """Kernel of alpha: a study's log-likelihood integrated over its log odds ratio."""

    def __init__(self, model, eta, tau):
        self.model, self.eta, self.tau = model, eta, tau
        patients = model.tables.n1 + model.tables.n2
        self.guess = model.tables.log_odds[None, :], (patients / 8)[None, :]

    def __call__(self, alpha):
        nodes = alpha if alpha.ndim == 3 else alpha[..., None]
        value, gradient, hessian = self.model.at_alpha(nodes, self.eta, self.tau)
        parts = value, gradient[..., 0], -hessian[..., 0, 0]
        return parts if alpha.ndim == 3 else tuple(part[..., 0] for part in parts)


def weighted_mean(y, information, tau):
    """Inverse-variance mean of the studies at each tau."""
    weight = information / (1 + information * tau[:, None] ** 2)
    return (weight * y).sum(1) / weight.sum(1)
