"""A pooled result in five numbers: compared, and written with its unit."""

from __future__ import annotations

import math
from typing import NamedTuple

_TOLERANCE = 1e-9


class Shown(NamedTuple):
    """Estimate and interval on the reported scale, measure, number of studies."""

    estimate: float
    low: float
    high: float
    measure: str
    k: str

    @property
    def percent(self) -> bool:
        return self.measure.startswith("P") or self.measure == "RD"


def shown_of(result) -> Shown | None:
    """The numbers of a PooledResult, without estimate where its studies are too few to pool; None without a study."""
    if result is None or not result.k:
        return None
    shown = result.display
    return Shown(shown.estimate, shown.ci_low, shown.ci_high, result.measure, str(result.k))


def same(one: Shown | None, two: Shown | None) -> bool:
    """Equal up to rounding of the arithmetic."""
    if one is None or two is None:
        return one is two
    pairs = zip(one[:3], two[:3], strict=True)
    close = all(math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE) or (a != a and b != b) for a, b in pairs)
    return close and one[3:] == two[3:]


def shown_text(result: Shown | None) -> str:
    if result is None:
        return "no study"
    if math.isnan(result.estimate):
        return f"not pooled, k = {result.k}"
    scale, unit, digits = (100, " %", 1) if result.percent else (1, "", 2)
    low, high = (f"{scale * value:.{digits}f}" for value in (result.low, result.high))
    return f"{scale * result.estimate:.{digits}f}{unit} [{low} to {high}], k = {result.k}"


def change_text(one: Shown | None, two: Shown | None) -> str:
    """Old and new value, and the difference in percentage points or on the scale of the ratio."""
    text = f"{shown_text(one)} -> {shown_text(two)}"
    difference = math.nan if one is None or two is None else two.estimate - one.estimate
    if math.isnan(difference) or one.measure != two.measure:
        return text
    return f"{text} ({100 * difference:+.2f} points)" if one.percent else f"{text} ({difference:+.3f})"
