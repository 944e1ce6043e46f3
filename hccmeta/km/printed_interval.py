"""Standard error of log S that the printed interval of a landmark implies, on the scale that fits it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from hccmeta.km.ensemble import SCALES
from hccmeta.km.printed_items import Item

LEAST_SPREAD = 0.06
ROUNDED_TWICE = 2.0


def log_s_error(item: Item) -> tuple[float, float] | None:
    """(standard error of log S, spread of its logarithm: rounding, and the scales that fit about as well).

    Papers seldom name the scale: it is the one on which both sides are equal within the rounding. A limit cut off at
    0 or 1 has no width of its own, but must come out so. None where neither limit tells.
    """
    if (read := _on_each_scale(item)) is None:
        return None
    misfit, error, rounding = read
    fits = misfit <= max(ROUNDED_TWICE, misfit.min())
    log_error, rounding = np.log(error[fits]), rounding[fits].max()
    unexplained = max(misfit.min() - 1, 0) * rounding
    spread = np.linalg.norm([LEAST_SPREAD, rounding, np.ptp(log_error), unexplained])
    return float(np.exp(log_error.mean())), float(spread)


def scale_of(item: Item) -> str:
    """Scale that fits the interval best; log-log where it does not tell."""
    read = _on_each_scale(item)
    return "log-log" if read is None else list(SCALES)[int(read[0].argmin())]


def _on_each_scale(item):
    """By scale: misfit of the limits in units of their rounding, standard error of log S, share of rounding in it."""
    s, half = item.value, item.half
    limits = [(x, sign) for x, sign in ((item.low, -1), (item.high, 1)) if 0 <= x <= 1]
    inner = [(x, sign) for x, sign in limits if half < x < 1 - half and sign * (x - s) > 0]
    if not 0 < s < 1 or not inner:
        return None
    z = ndtri(0.5 + item.level / 2)
    found = []
    for transform, inverse, slope in SCALES.values():
        width = np.mean([sign * (transform(x) - transform(s)) for x, sign in inner])
        slack = np.mean([transform(x + half) - transform(x - half) for x, _ in inner]) / 2
        shown = [np.clip(inverse(transform(s) + sign * width), 0, 1) - x for x, sign in limits]
        found.append((np.abs(shown).max() / half, width * slope(s) / z, slack / width))
    return np.array(found).T
