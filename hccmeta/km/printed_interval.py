"""Standard error of log S that the printed interval of a landmark implies, on the scale that fits it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from hccmeta.km.printed_items import Item

SCALES = {
    "plain": (lambda s: s, lambda y: y, lambda s: 1 / s),
    "log": (np.log, np.exp, lambda s: 1.0),
    "log-log": (lambda s: -np.log(-np.log(s)), lambda y: np.exp(-np.exp(-y)), lambda s: -np.log(s)),
}
LEAST_SPREAD = 0.06
ROUNDED_TWICE = 2.0


def log_s_error(item: Item) -> tuple[float, float] | None:
    """(standard error of log S, spread of its logarithm: rounding, and the scales that fit about as well).

    Papers seldom name the scale: it is the one on which both sides are equal within the rounding. A limit cut off at
    0 or 1 has no width of its own, but must come out so. None where neither limit tells.
    """
    s, half = item.value, item.half
    limits = [(x, sign) for x, sign in ((item.low, -1), (item.high, 1)) if 0 <= x <= 1]
    inner = [(x, sign) for x, sign in limits if half < x < 1 - half and sign * (x - s) > 0]
    if not 0 < s < 1 or not inner:
        return None
    z = ndtri(0.5 + item.level / 2)
    found = []
    for transform, inverse, slope in SCALES.values():
        widths = [sign * (transform(x) - transform(s)) for x, sign in inner]
        slack = np.mean([transform(x + half) - transform(x - half) for x, _ in inner]) / 2
        width = np.mean(widths)
        shown = [np.clip(inverse(transform(s) + sign * width), 0, 1) - x for x, sign in limits]
        found.append((np.abs(shown).max() / half, width * slope(s) / z, slack / width))
    misfit, error, rounding = np.array(found).T
    fits = misfit <= max(ROUNDED_TWICE, misfit.min())
    log_error, rounding = np.log(error[fits]), rounding[fits].max()
    unexplained = max(misfit.min() - 1, 0) * rounding
    spread = np.linalg.norm([LEAST_SPREAD, rounding, np.ptp(log_error), unexplained])
    return float(np.exp(log_error.mean())), float(spread)
