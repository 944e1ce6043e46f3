"""Two arms together: pairs of draws whose hazard ratio and log-rank p value print as reported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.special import erfc

from hccmeta.errors import MethodError

ROUNDS = 60


@dataclass(frozen=True)
class Comparison:
    """A printed hazard ratio or log-rank p value as the range that prints so."""

    name: str
    printed: float
    low: float
    high: float


def read_comparison(name: str, printed) -> Comparison | None:
    """0.58, "0.58", "<0.001" or ">0.05" as a range; MethodError for anything else."""
    if printed is None:
        return None
    text = str(printed).strip().lower().removeprefix("p").replace(" ", "").removeprefix("=").replace("·", ".")
    found = re.fullmatch(r"([<>]?)=?(\d+(?:\.(\d+))?)", text)
    if not found or (name == "hr" and float(found[2]) <= 0):
        raise MethodError(f'{name} = {printed!r} is not a printed number such as 0.58, "0.580" or "<0.001".')
    value, half = float(found[2]), 0.5 * 10.0 ** -len(found[3] or "") * (1 + 1e-6)
    low, high = {"": (value - half, value + half), "<": (0.0, value), ">": (value, inf)}[found[1]]
    return Comparison(name, value, low, high)


def matched_pairs(arm_1, arm_0, comparisons, n_pairs: int, rng):
    """Indices of draws of both arms that meet every comparison; at most `n_pairs`, none twice."""
    (t1, e1), (t0, e0) = arm_1, arm_0
    size = min(len(t1), len(t0))
    found = []
    for _ in range(ROUNDS):
        pair = np.stack([rng.permutation(len(t1))[:size], rng.permutation(len(t0))[:size]])
        good = np.ones(size, bool)
        shown = compare_arms((t1[pair[0]], e1[pair[0]]), (t0[pair[1]], e0[pair[1]]))
        for c in comparisons:
            good &= (shown[c.name] >= c.low) & (shown[c.name] <= c.high)
        found.append(pair[:, good])
        if sum(f.shape[1] for f in found) >= n_pairs:
            break
    distinct = np.unique(np.concatenate(found, axis=1), axis=1)
    return distinct[:, rng.permutation(distinct.shape[1])[:n_pairs]]


def compare_arms(arm_1, arm_0) -> dict[str, np.ndarray]:
    """Cox hazard ratio (arm 1 against arm 0) and two-sided log-rank p value of each pair of data sets.

    Arms are (times, events), each (data sets, patients); tied times are taken in turn.
    """
    (t1, e1), (t0, e0) = arm_1, arm_0
    times = np.concatenate([t1, t0], axis=1)
    events = np.concatenate([e1, e0], axis=1)
    first = np.broadcast_to(np.arange(times.shape[1]) < t1.shape[1], times.shape)
    order = np.lexsort((1 - events, times), axis=1)
    events, first = np.take_along_axis(events, order, 1), np.take_along_axis(first, order, 1).astype(float)
    n_1 = t1.shape[1] - np.cumsum(first, axis=1) + first
    n_0 = t0.shape[1] - np.cumsum(1 - first, axis=1) + 1 - first
    beta = np.zeros(len(times))
    for step in range(8):
        risk = n_1 * np.exp(beta)[:, None]
        share = risk / (risk + n_0)
        score = ((first - share) * events).sum(axis=1)
        information = np.maximum((share * (1 - share) * events).sum(axis=1), 1e-12)
        if step == 0:
            p_value = erfc(np.abs(score) / np.sqrt(2 * information))
        beta = beta + np.clip(score / information, -1, 1)
    return {"hr": np.exp(beta), "logrank_p": p_value}
