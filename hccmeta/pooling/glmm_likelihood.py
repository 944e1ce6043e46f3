"""Marginal likelihood with one normal random effect per study: log of integral exp(f(eta + tau z)) phi(z) dz.

A kernel `f(delta) -> value, slope, curvature` is a study's log-likelihood of its logit (or log odds ratio) `delta`,
its first derivative and minus its second derivative. Arrays run over (fits, studies) or (fits, studies, nodes).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import gammaln

DROP = 25.0  # the integrand is followed until it has fallen by exp(-DROP) from its peak
BLOCK = 15_000  # nodes evaluated at a time: larger arrays leave the fast memory
LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class Binomial:
    """Binomial kernel of events among n patients, shape (fits, studies); n = 0 marks an absent study."""

    events: np.ndarray
    n: np.ndarray

    @property
    def constant(self):
        """Logarithm of the binomial coefficients."""
        return gammaln(self.n + 1) - gammaln(self.events + 1) - gammaln(self.n - self.events + 1)

    @property
    def guess(self):
        """Logit with half an event added and its information: where the likelihood lies."""
        x, n = self.events + 0.5, self.n + 1.0
        return np.log(x / (n - x)), np.where(self.n > 0, x * (n - x) / n, 0.0)

    def take(self, rows):
        return Binomial(self.events[rows], self.n[rows])

    def __call__(self, delta):
        x, n = (self.events, self.n) if delta.ndim == 2 else (self.events[..., None], self.n[..., None])
        half_tanh = 0.5 * np.tanh(0.5 * delta)
        mean = n * (0.5 + half_tanh)
        log_larger = np.log(0.5 + np.abs(half_tanh))  # log max(p, 1 - p)
        return x * delta - n * (np.maximum(delta, 0) - log_larger), x - mean, mean * (0.5 - half_tanh)


def locate(kernel, eta, tau):
    """Mode of the integrand in z, how far it reaches on both sides (to exp(-DROP) of its peak), log of the peak."""
    where, information = kernel.guess
    z = tau * information * (where - eta) / (1 + tau**2 * information)
    limit = 2 / np.maximum(tau, 0.2)
    for _ in range(200):
        value, slope, curvature = kernel(eta + tau * z)
        precision = 1 + tau**2 * curvature
        step = (tau * slope - z) / precision
        if (step**2 * precision).max() < 1e-2:
            break
        z = z + np.clip(step, -limit, limit)
    peak = value - z**2 / 2
    side = np.array([-1.0, 1.0])
    reach = np.sqrt(2 * DROP / precision)[..., None] * np.ones(2)
    for _ in range(2):  # the log integrand is concave: from the second step on Newton comes from outside
        end = z[..., None] + side * reach
        value, slope, _ = kernel(eta[..., None] + tau[..., None] * end)
        excess, fall = peak[..., None] - value + end**2 / 2 - DROP, side * (end - tau[..., None] * slope)
        reach = np.where(fall > 0, reach - excess / np.maximum(fall, 1e-100), 4 * reach)
        reach = np.minimum(reach, np.sqrt(2 * DROP) + 0.1)
    return z, reach, peak


@cache
def half_rule(order):
    """Gauss-Legendre nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1) / 2, weights / 2


def nodes_around(mode, reach, order):
    """Nodes and weights in z: one Gauss-Legendre rule on each side of the mode.

    The rule is densest at its ends, where a skewed integrand is sharp: at the mode and where it has died out.
    """
    nodes, weights = half_rule(order)
    z = np.concatenate([mode[..., None] - reach[..., :1] * nodes, mode[..., None] + reach[..., 1:] * nodes], -1)
    return z, np.concatenate([reach[..., :1] * weights, reach[..., 1:] * weights], -1)


def marginal(kernel, eta, tau, order):
    """Log-likelihood of each study and its first and second derivatives in (eta, tau)."""
    tau = tau[:, None]
    mode, reach, peak = locate(kernel, eta, tau)
    z, weight = nodes_around(mode, reach, order)
    value, slope, curvature = kernel(eta[..., None] + tau[..., None] * z)
    weight *= np.exp(value - 0.5 * z * z - peak[..., None])
    total = weight.sum(-1)
    weight /= total[..., None]
    d_eta, d_tau = np.vecdot(weight, slope), np.vecdot(weight, slope * z)
    second = weight * (slope * slope - curvature)
    hessian = second.sum(-1) - d_eta**2, np.vecdot(second, z) - d_eta * d_tau, np.vecdot(second * z, z) - d_tau**2
    return peak + np.log(total) - LOG_SQRT_2PI, (d_eta, d_tau), hessian


def posterior(kernel, eta, tau, order):
    """Mean and standard deviation of each study's own `delta` given its data: the shrunken estimates."""
    tau = tau[:, None]
    mode, reach, peak = locate(kernel, eta, tau)
    z, weight = nodes_around(mode, reach, order)
    weight *= np.exp(kernel(eta[..., None] + tau[..., None] * z)[0] - z**2 / 2 - peak[..., None])
    weight /= weight.sum(-1, keepdims=True)
    mean = np.vecdot(weight, z)
    return eta + tau * mean, tau * np.sqrt(np.vecdot(weight, (z - mean[..., None]) ** 2))


def _joined(parts):
    log_liks, slopes, curves = zip(*parts, strict=True)
    together = [tuple(np.concatenate(pieces) for pieces in zip(*group, strict=True)) for group in (slopes, curves)]
    return np.concatenate(log_liks), *together


@dataclass(frozen=True)
class MarginalModel:
    """Marginal log-likelihood of (coefficients, tau) for a batch of fits that share one design (studies, terms)."""

    kernel: Binomial
    design: np.ndarray
    order: int = 14

    @property
    def n_coefficients(self):
        return self.design.shape[1]

    def refined(self):
        return replace(self, order=2 * self.order)

    def take(self, rows):
        return replace(self, kernel=self.kernel.take(rows))

    def start(self, rows, tau):
        """Weighted least squares of the empirical logits with weights 1 / (1 / information + tau**2).

        With an intercept alone the maximum at tau = 0 is known: the logit of all events among all patients.
        """
        kernel, design = self.kernel.take(rows), self.design
        where, information = kernel.guess
        weight = information / (1 + information * tau[:, None] ** 2)
        normal = np.einsum("ki,bk,kj->bij", design, weight, design)
        found = np.linalg.solve(normal, ((weight * where) @ design)[..., None])[..., 0]
        if isinstance(kernel, Binomial) and self.n_coefficients == 1 and (design == 1).all():
            events, n = kernel.events.sum(1, keepdims=True), kernel.n.sum(1, keepdims=True)
            found = np.where(tau[:, None] == 0, np.log(events / (n - events)), found)
        return found

    def __call__(self, theta, rows):
        design, p = self.design, self.n_coefficients
        eta, tau = theta[:, :-1] @ design.T, theta[:, -1]
        size = max(1, BLOCK // (2 * len(design) * self.order))
        blocks = [slice(i, i + size) for i in range(0, len(rows), size)]
        parts = [marginal(self.kernel.take(rows[block]), eta[block], tau[block], self.order) for block in blocks]
        log_lik, slope, curve = parts[0] if len(parts) == 1 else _joined(parts)
        gradient, hessian = np.empty((len(theta), p + 1)), np.empty((len(theta), p + 1, p + 1))
        gradient[:, :p], gradient[:, p] = slope[0] @ design, slope[1].sum(1)
        hessian[:, :p, :p] = np.einsum("ki,bk,kj->bij", design, curve[0], design)
        hessian[:, :p, p] = hessian[:, p, :p] = curve[1] @ design
        hessian[:, p, p] = curve[2].sum(1)
        return log_lik.sum(1), gradient, hessian
