"""From weighted particles to data sets of patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.km.ensemble import restricted_mean
from hccmeta.km.printed_gap import EVENT, encode

WORST_FIT = -12.5
RMST_CANDIDATES = 4000
RMST_OFF = 5


class NoPatients(Exception):
    """No set of patients was found that meets the item `name`."""

    def __init__(self, name: str):
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Draws:
    """Times and events, each (draws, n), sorted in time; `distinct`: beginnings that differ; `evidence`: log scale."""

    times: np.ndarray
    events: np.ndarray
    distinct: int
    evidence: float


def resample(log_weight, size: int, rng) -> np.ndarray:
    """Systematic resampling: indices in proportion to the weights."""
    weight = np.exp(log_weight - log_weight.max())
    cumulative = np.cumsum(weight) / weight.sum()
    return np.minimum(np.searchsorted(cumulative, (np.arange(size) + rng.random()) / size), len(weight) - 1)


def choose(particles, n_draws, plan, rng):
    """As many draws as asked for, in proportion to their weights and to how near they come to a printed RMST."""
    if not plan.rmst:
        return _patients(particles, resample(particles.log_weight, n_draws, rng), plan)
    candidates = resample(particles.log_weight, RMST_CANDIDATES, rng)
    draws = _patients(particles, candidates, plan)
    fit = np.zeros(RMST_CANDIDATES)
    for item in plan.rmst:
        distance = np.abs(restricted_mean(draws.times, draws.events, item.time) - item.value)
        if distance.min() > RMST_OFF * item.half:
            raise NoPatients(item.name)
        fit += -0.5 * (np.maximum(distance - item.half, 0) / (0.1 * item.half)) ** 2
    return _patients(particles, candidates[resample(fit, n_draws, rng)], plan)


def _patients(particles, chosen, plan):
    columns, index = [], chosen
    for parent, codes in reversed(particles.past):
        first = index
        columns.append(codes[index])
        index = parent[index]
    codes = np.sort(np.concatenate(columns, axis=1), axis=1)[:, : plan.n]
    events = (codes & EVENT).astype(int)
    times = codes.view(np.float64)
    if plan.start > 0:
        times[:, 0] = _shortest(times[:, 0], plan)
    return Draws(times, events, len(np.unique(first)), float(particles.evidence))


def _shortest(first, plan):
    """The shortest follow-up belongs to the first patient, unless that is a printed event time."""
    printed = encode(np.array(plan.event_times), EVENT).view(np.float64)
    return np.where(np.isin(first, printed), first, plan.start)
