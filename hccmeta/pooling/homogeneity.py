"""Chi-square tests of a set of 2 x 2 tables: Cochran-Mantel-Haenszel, Breslow-Day, Tarone."""

from __future__ import annotations

from math import exp, nan

import numpy as np
from scipy.special import chdtrc


def cochran_mantel_haenszel(a, b, c, d):
    """Test of a common odds ratio of 1: (|sum(O - E)| - 1/2)^2 / sum V, 1 df; 0 where |sum(O - E)| is below 1/2.

    There packages differ: metafor squares the negative difference, R's mantelhaen.test leaves out the correction.
    """
    total = a + b + c + d
    use = total > 1
    a, b, c, d, total = (cell[use] for cell in (a, b, c, d, total))
    V = ((a + b) * (c + d) * (a + c) * (b + d) / (total**2 * (total - 1))).sum()
    if V == 0:
        return dict(cmh=nan, cmh_p=nan)
    gap = abs((a - (a + b) * (a + c) / total).sum())
    statistic = float((gap - min(0.5, gap)) ** 2 / V)
    return dict(cmh=statistic, cmh_p=float(chdtrc(1, statistic)))


def breslow_day(a, b, c, d, log_odds_ratio):
    """Breslow and Day's test of equal odds ratios over tables with a contrast, and Tarone's (1985) correction."""
    use = (a + c > 0) & (b + d > 0)
    a, b, c, d = (cell[use] for cell in (a, b, c, d))
    none = dict(breslow_day=nan, breslow_day_p=nan, tarone=nan, tarone_p=nan)
    if len(a) < 2 or np.isnan(log_odds_ratio):
        return none
    n1, n2, events = a + b, c + d, a + c
    expected = expected_events(n1, n2, events, exp(log_odds_ratio))
    cells = (expected, n1 - expected, events - expected, n2 - events + expected)
    variance = 1 / sum(1 / cell for cell in cells)
    statistic = float(((a - expected) ** 2 / variance).sum())
    corrected = statistic - float((a - expected).sum() ** 2 / variance.sum())
    df = len(a) - 1
    return dict(breslow_day=statistic, breslow_day_p=float(chdtrc(df, statistic)), tarone=corrected,
                tarone_p=float(chdtrc(df, max(corrected, 0.0))))  # fmt: skip


def expected_events(n1, n2, events, odds_ratio):
    """Events of arm 1 that give each table this odds ratio with its margins: the root between the margins' limits."""
    if abs(odds_ratio - 1) < 1e-12:
        return n1 * events / (n1 + n2)
    A = 1 - odds_ratio
    B = n2 - events + odds_ratio * (n1 + events)
    C = -odds_ratio * n1 * events
    root = np.sqrt(B * B - 4 * A * C)
    first, second = (-B + root) / (2 * A), (-B - root) / (2 * A)
    inside = (first >= np.maximum(0, events - n2)) & (first <= np.minimum(n1, events))
    return np.where(inside, first, second)
