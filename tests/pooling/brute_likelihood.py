"""Log-likelihoods by direct numerical integration, without any of the package's code."""

import numpy as np
from scipy import optimize, stats
from scipy.special import expit, gammaln, log_expit

WIDE = np.linspace(-11, 11, 4001)
UNIT = np.linspace(0, 1, 4001)


def binomial_normal(x, n, mu, tau):
    """Marginal log-likelihood of proportions on a dense even grid over where the integrand lives."""
    total = 0.0
    for events, size in zip(x, n, strict=True):
        constant = gammaln(size + 1) - gammaln(events + 1) - gammaln(size - events + 1)

        def log_integrand(z, events=events, size=size):
            eta = mu + tau * z
            return events * log_expit(eta) + (size - events) * log_expit(-eta) - z**2 / 2

        low, high = _where_it_lives(log_integrand, mu, tau, size)
        values = log_integrand(low + (high - low) * UNIT)
        top = values.max()
        total += constant + top + np.log(np.trapezoid(np.exp(values - top), dx=(high - low) / 4000))
        total -= 0.5 * np.log(2 * np.pi)
    return total


def _where_it_lives(log_integrand, mu, tau, size):
    coarse = log_integrand(WIDE)
    best = WIDE[coarse.argmax()]
    found = optimize.minimize_scalar(lambda z: -log_integrand(z), bounds=(best - 0.006, best + 0.006),
                                     method="bounded", options={"xatol": 1e-12})  # fmt: skip
    inside = WIDE[coarse > -found.fun - 40]
    if len(inside) > 100:
        return inside[0] - 0.006, inside[-1] + 0.006
    p = expit(mu + tau * found.x)
    reach = 12 / np.sqrt(1 + tau**2 * size * p * (1 - p))
    return found.x - reach, found.x + reach


def best_over_tau(x, n, mu):
    """Highest log-likelihood at a given mu."""
    brackets = ((0, 0.5), (0, 2), (1, 8), (5, 40))
    fits = [optimize.minimize_scalar(lambda t: -binomial_normal(x, n, mu, t), bounds=b, method="bounded",
                                     options={"xatol": 1e-7}) for b in brackets]  # fmt: skip
    return -min(fit.fun for fit in fits)


def conditional(tables, theta, tau):
    """Log-likelihood of 2x2 tables given their margins, scipy's non-central hypergeometric law."""
    z, total = np.linspace(-9, 9, 601), 0.0
    for x1, n1, x2, n2 in tables:
        chance = stats.nchypergeom_fisher.pmf(x1, n1 + n2, n1, x1 + x2, np.exp(theta + tau * z))
        total += np.log(np.trapezoid(chance * np.exp(-(z**2) / 2), z) / np.sqrt(2 * np.pi))
    return total


def _binomial(x, n, logit):
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) + x * log_expit(logit) + (n - x) * log_expit(-logit)


def random_study_effects(tables, theta, middle, sd, tau):
    """Log-likelihood of 2x2 tables with alpha ~ N(middle, sd^2), delta ~ N(theta, tau^2), on a square grid."""
    z = np.linspace(-8, 8, 161)
    a, d = np.meshgrid(middle + sd * z, theta + tau * z, indexing="ij")
    density = -(z[:, None] ** 2 + z[None, :] ** 2) / 2 - np.log(2 * np.pi)
    total = 0.0
    for x1, n1, x2, n2 in tables:
        log_chance = _binomial(x1, n1, a + d / 2) + _binomial(x2, n2, a - d / 2)
        total += np.log(np.trapezoid(np.trapezoid(np.exp(log_chance + density), z), z))
    return total


def fixed_study_effects(tables, theta, tau):
    """Log-likelihood of 2x2 tables with every study's alpha at its maximum."""
    z, total = np.linspace(-9, 9, 601), 0.0
    for x1, n1, x2, n2 in tables:
        def negative(alpha, x1=x1, n1=n1, x2=x2, n2=n2):
            delta = theta + tau * z
            log_chance = _binomial(x1, n1, alpha + delta / 2) + _binomial(x2, n2, alpha - delta / 2)
            top = log_chance.max()
            return -top - np.log(np.trapezoid(np.exp(log_chance - top - z**2 / 2), z) / np.sqrt(2 * np.pi))

        total -= optimize.minimize_scalar(negative, bounds=(-9, 9), method="bounded", options={"xatol": 1e-9}).fun
    return total
