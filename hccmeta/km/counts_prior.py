"""How many events or censorings a gap of the curve may hold."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln


def counts_prior(mean, most: int, dispersion: float, negligible: float) -> np.ndarray:
    """Negative binomial chances of 0, 1, ... with variance mean (1 + mean/dispersion), 0 where negligible.

    One row per mean.
    """
    mean = np.maximum(np.atleast_1d(mean), 1e-9)
    highest = mean.max()
    most = int(min(most, highest + 12 * np.sqrt(highest + highest**2 / dispersion) + 12))
    logs = _log_choices(dispersion, most) + np.log(mean / (mean + dispersion))[:, None] * np.arange(most + 1)
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    weight[weight <= negligible] = 0
    weight = weight[:, : np.flatnonzero(weight.any(axis=0))[-1] + 1]
    return weight / weight.sum(axis=1, keepdims=True)


@lru_cache(maxsize=1024)
def _log_choices(dispersion, most):
    k = np.arange(most + 1)
    return gammaln(k + dispersion) - gammaln(k + 1)
