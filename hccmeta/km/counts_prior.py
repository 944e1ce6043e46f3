"""How many events or censorings a gap of the curve may hold."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln


def counts_prior(mean, most: int, dispersion: float, negligible: float) -> np.ndarray:
    """Negative binomial chances of 0, 1, ... with variance mean (1 + mean/dispersion), 0 where negligible.

    One row per mean.
    """
    mean = np.maximum(mean, 1e-9)
    highest = int(min(most, _highest(mean, dispersion).max()))
    weight = _weights(mean, dispersion, _log_choices(dispersion, highest), negligible)
    weight = weight[:, : np.flatnonzero(weight.any(axis=0))[-1] + 1]
    return weight / weight.sum(axis=1, keepdims=True)


def counts_priors(mean, most: int, dispersion, negligible: float) -> list[np.ndarray]:
    """The same for each mean with its own dispersion: arrays of one row, as long as they need to be."""
    mean = np.maximum(mean, 1e-9)
    highest = np.minimum(most, _highest(mean, dispersion).astype(int))
    kinds, kind = np.unique(dispersion, return_inverse=True)
    choices = np.array([_log_choices(one, int(highest.max())) for one in kinds.tolist()])[kind]
    weight = _weights(mean, dispersion, choices, negligible)
    weight[np.arange(weight.shape[1]) > highest[:, None]] = 0
    ends = weight.shape[1] - np.argmax(weight[:, ::-1] > 0, axis=1)
    return [row[None, :end] / row[:end].sum() for row, end in zip(weight, ends, strict=True)]


def _highest(mean, dispersion):
    return mean + 12 * np.sqrt(mean + mean**2 / dispersion) + 12


def _weights(mean, dispersion, choices, negligible):
    logs = choices + np.log(mean / (mean + dispersion))[:, None] * np.arange(choices.shape[-1])
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    weight[weight <= negligible] = 0
    return weight


@lru_cache(maxsize=1024)
def _log_choices(dispersion, most):
    k = np.arange(most + 1)
    return gammaln(k + dispersion) - gammaln(k + 1)
