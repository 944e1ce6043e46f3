"""Plausible censoring: staggered entry up to the longest follow-up, plus drop-out, given the median follow-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEARLY = 0.9999
AFTER_LANDMARK, AFTER_QUANTILE = 0.35, 1.2


@dataclass(frozen=True)
class Censoring:
    """G(t) = exp(-drop_out t / end) (1 - (t - first) / (end - first))^power, one row per draw."""

    drop_out: np.ndarray
    first: np.ndarray
    power: np.ndarray
    end: np.ndarray

    def take(self, index) -> Censoring:
        return Censoring(self.drop_out[index], self.first[index], self.power[index], self.end[index])

    def parts(self) -> tuple:
        return self.drop_out, self.first, self.power, self.end

    def survivor(self, times) -> np.ndarray:
        """Probability of not being censored by `times`, shape (draws, times)."""
        first, end = self.first[:, None], self.end[:, None]
        share = np.clip((end - times) / np.maximum(end - first, 1e-9), 0.0, 1.0)
        return np.exp(-self.drop_out[:, None] * np.minimum(times, end) / end) * share ** self.power[:, None]


def draw_censoring(size: int, *, end, middle, seen, deaths_censored: bool, rng) -> Censoring:
    """Draw `size` censoring distributions.

    Drop-out is normal(0.25, 0.6) cut at 0, one in six draws with far more; where deaths are censored, mostly far more.
    Without drop-out G is 1 until the shortest potential follow-up and falls to 0 at the longest: straight in half of
    the draws (steady entry), bent in the others. `end` and the time of `middle` (time, G), through which all pass, are
    ranges: what prints as the longest and the median follow-up; None where nothing is printed. `seen`: the last
    landmark and the last time known from any item.
    """
    longest = rng.uniform(*end, size) if end else _longest(seen, rng, size)
    time, g = (rng.uniform(*middle[0], size), middle[1]) if middle else (longest * rng.uniform(0.1, 0.95, size), 0.5)
    time = np.minimum(time, NEARLY * longest)
    share, most = (2 / 3, 8.0) if deaths_censored else (1 / 6, 3.0)
    usual = np.maximum(rng.normal(0.25, 0.6, size), 0)
    drop_out = np.where(rng.random(size) < share, rng.uniform(0, most, size), usual)
    drop_out = np.minimum(drop_out, -NEARLY * np.log(g) * longest / time)
    by_entry = g * np.exp(drop_out * time / longest)
    steady = np.maximum(longest - (longest - time) / by_entry, 0.0)
    first = np.where(rng.random(size) < 0.5, steady, rng.uniform(0, 0.98, size) * time)
    power = np.log(by_entry) / np.log((longest - time) / (longest - first))
    return Censoring(drop_out, first, power, longest)


def _longest(seen, rng, size):
    """Landmarks are printed up to near the end of follow-up; a quantile may come long before it."""
    landmark, last = seen
    return last * (1.05 + rng.exponential(AFTER_LANDMARK if landmark >= last else AFTER_QUANTILE, size))


def likeness(censoring: Censoring, worked: Censoring, last: float) -> np.ndarray:
    """Log of how near each G is to one of those that worked, at four times; never below log 0.02."""
    at = last * np.array([0.25, 0.5, 0.75, 1.0])
    distance = censoring.survivor(at)[:, None, :] - worked.survivor(at)[None, :, :]
    return np.log(0.02 + np.exp(-0.5 * (distance**2).sum(axis=2) / 0.06**2).max(axis=1))
