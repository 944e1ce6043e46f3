"""The value axis of a measure: its name, its null value, limits that show every estimate, readable ticks."""

from __future__ import annotations

import numpy as np

from ..effects.scales import PROPORTIONS, RATIOS, SCALES
from . import style

X_LABELS = {
    "OR": "Odds ratio", "RR": "Risk ratio", "HR": "Hazard ratio", "IRR": "Incidence rate ratio",
    "RD": "Risk difference", "MD": "Mean difference", "SMD": "Standardised mean difference",
    "MEDIAN": "Median (months)", "IRLN": "Incidence rate",
} | dict.fromkeys(PROPORTIONS, "Proportion")  # fmt: skip
SHARES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
MODEL_SCALE = {
    "PLO": lambda p: np.log(p / (1 - p)), "PLN": np.log, "PAS": lambda p: np.arcsin(np.sqrt(p)), "PRAW": lambda p: p,
}  # fmt: skip
LONGEST = 690.0  # log of what a float can hold
FROM_ZERO = ("MEDIAN", "IRLN")


def null_value(measure: str) -> float | None:
    """Value of no effect; single-arm measures have none."""
    if measure in RATIOS:
        return 1.0
    return None if measure in PROPORTIONS or measure in FROM_ZERO else 0.0


def value_limits(core, ends, measure: str) -> tuple[float, float]:
    """Limits that show every value of `core` and as much of the interval `ends` as leaves the middle readable.

    An interval is cut where it reaches further from the estimates than their own spread and three times the usual
    half-width. Proportions are always shown on 0-1.
    """
    if measure in PROPORTIONS:
        return 0.0, 1.0
    log, null = measure in RATIOS, null_value(measure)
    core, ends = (np.asarray(values, float) for values in (core, ends))
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            core, ends = np.log(core), np.log(ends)
        null = 0.0
    core, ends = core[np.isfinite(core)], ends[np.isfinite(ends)]
    if null is not None or measure in FROM_ZERO:
        core = np.append(core, 0.0)
    if len(core) == 0:
        core = np.array([0.0])
    half = np.abs(ends[:, None] - core[None, :]).min(axis=1) if len(ends) else np.array([0.0])
    reach = max(np.ptp(core), 3 * float(np.median(half)))
    low = max(min(ends.min(initial=np.inf), core.min()), core.min() - reach)
    high = min(max(ends.max(initial=-np.inf), core.max()), core.max() + reach)
    low, high = _whole(low, high, ends)
    if log:
        low, high = min(low, np.log(0.8)), max(high, np.log(1.25))
    elif low == high:
        low, high = low - 1.0, high + 1.0
    pad = 0.04 * (high - low)
    low, high = (0.0 if measure in FROM_ZERO else low - pad), high + pad
    return tuple(map(float, np.exp(np.clip([low, high], -LONGEST, LONGEST)))) if log else (float(low), float(high))


def _whole(low: float, high: float, ends) -> tuple[float, float]:
    """Limits widened where an end would be cut by less than a sixth of the axis."""
    slack = (high - low) / 6
    lowest, highest = ends.min(initial=low), ends.max(initial=high)
    return lowest if lowest > low - slack else low, highest if highest < high + slack else high


def ratio_ticks(low: float, high: float) -> list[float]:
    """Round numbers on a log axis: powers of ten on a long one, 1-2-5, and finer ones where these are fewer than 4."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
        finer = [float(f"{decade * step:.3g}") for decade in decades for step in steps]
        finer = [tick for tick in finer if low <= tick <= high]
        if len(ticks) >= 4 or (len(finer) > 9 and len(ticks) >= 3):
            break
        ticks = finer
    return ticks[:: -(-len(ticks) // 9)] if ticks else [low, high]


def set_value_axis(ax, measure: str, limits, label: str = "") -> None:
    """Scale, ticks and label of the x axis: log for ratios, percent for proportions."""
    if measure in RATIOS:
        ax.set_xscale("log")
        ticks = ratio_ticks(*limits)
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
    elif measure in PROPORTIONS:
        ax.set_xticks(np.linspace(0, 1, 6), [f"{v:.0f} %" for v in np.linspace(0, 100, 6)])
    ax.set_xlim(*limits)
    style.name_axis(ax.xaxis, label or X_LABELS.get(measure, "Effect"))


def set_model_axis(axis, measure: str) -> None:
    """Ticks at round numbers of the reported scale on an axis that is in the model scale."""
    low, high = sorted(axis.get_view_interval())
    if SCALES[measure] == "log" and measure not in PROPORTIONS:
        ticks = ratio_ticks(*np.exp(np.clip([low, high], -LONGEST, LONGEST)))
        axis.set_ticks(np.log(ticks), labels=[f"{tick:g}" for tick in ticks])
    elif measure in MODEL_SCALE:
        ticks = [share for share in SHARES if low <= MODEL_SCALE[measure](share) <= high]
        while len(ticks) > 7:
            ticks = ticks[len(ticks) % 2 :: 2]
        axis.set_ticks([float(MODEL_SCALE[measure](tick)) for tick in ticks], labels=[f"{100 * t:g} %" for t in ticks])


def shown_number(value: float, digits: int = 2) -> str:
    """Number as printed in a column: two decimals, fewer for large and more for tiny values."""
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1e5 or 0 < abs(value) < 0.005:
        return f"{value:.2g}"
    return f"{value:.{0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else digits}f}"


def shown_interval(low: float, high: float, measure: str) -> str:
    """`[33.6, 54.4]` in percent for proportions, `[0.35, 0.94]` otherwise."""
    if measure in PROPORTIONS:
        return f"[{100 * low:.1f}, {100 * high:.1f}]"
    digits = 1 if measure == "MEDIAN" else 2
    return f"[{shown_number(low, digits)}, {shown_number(high, digits)}]"


def shown_estimate(estimate: float, measure: str) -> str:
    if measure in PROPORTIONS:
        return f"{100 * estimate:.1f} %"
    return shown_number(estimate, 1 if measure == "MEDIAN" else 2)
