"""From weighted particles to data sets of patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hccmeta.km.printed_gap import EVENT, encode
from hccmeta.km.printed_rmst import meet_restricted_means

WORST_FIT = -12.5
RMST_CANDIDATES = 4


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
    """As many draws as asked for, in proportion to their weights, moved so that they show a printed RMST."""
    if not plan.rmst:
        return _patients(particles, resample(particles.log_weight, n_draws, rng), plan, rng)
    likely = resample(particles.log_weight, RMST_CANDIDATES * n_draws, rng)
    for candidates, weight in ((likely, 0.0), (np.arange(len(particles.n)), particles.log_weight)):
        draws = _patients(particles, candidates, plan, rng)
        times, fit, missed = meet_restricted_means(draws.times, draws.events, plan, rng)
        if not missed:
            kept = resample(fit + weight, n_draws, rng)
            return replace(draws, times=times[kept], events=draws.events[kept])
    raise NoPatients(missed)


def _patients(particles, chosen, plan, rng):
    columns, index = [], chosen
    for parent, codes in reversed(particles.past):
        first = index
        columns.append(codes[index])
        index = parent[index]
    codes = np.sort(np.concatenate(columns, axis=1), axis=1)[:, : plan.n]
    events = (codes & EVENT).astype(int)
    times = codes.view(np.float64)
    if plan.first_seen[0] > 0:
        times[:, 0] = _shortest(times, plan, rng)
    return Draws(times, events, len(np.unique(first)), float(particles.evidence))


def _shortest(times, plan, rng):
    """The shortest follow-up belongs to the first patient, unless that is a printed event time."""
    low, high = plan.first_seen
    printed = encode(np.array(plan.event_times), EVENT).view(np.float64)
    first = np.minimum(times[:, 0], rng.uniform(low, high, len(times)))
    return np.where(np.isin(times[:, 0], printed), times[:, 0], first)
