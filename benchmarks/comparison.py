"""Comparison of our numbers with outside ones: one `Check` per array, differences relative to a natural unit."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

REFERENCE = Path(__file__).parents[1] / "tests" / "reference"
CLOSED = 1e-9
ITERATED = 1e-6
GLMM = 1e-5
COX = 1e-7


class Check(NamedTuple):
    """Numbers of one quantity: `where` names set and method, differences are |ours - theirs| / max(|theirs|, unit)."""

    group: str
    where: str
    quantity: str
    ours: np.ndarray
    theirs: np.ndarray
    difference: np.ndarray
    tolerance: float


@cache
def load(name, key):
    """One entry of a file of tests/reference."""
    return json.loads((REFERENCE / name).read_text(encoding="utf-8"))[key]


def check(group, where, quantity, ours, theirs, tolerance, *, unit=0.0):
    """Compare where the reference has a number; `unit` is the smallest size that a difference is measured against."""
    theirs = np.array([np.nan if value is None else value for value in np.ravel(theirs)], float)
    ours = np.broadcast_to(np.ravel(np.asarray(ours, float)), theirs.shape)
    known = np.isfinite(theirs)
    ours, theirs = ours[known], theirs[known]
    unit = np.broadcast_to(np.ravel(unit), known.shape)[known]
    size = np.maximum(np.abs(theirs), unit)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.where(ours == theirs, 0.0, np.abs(ours - theirs) / size)
    return Check(group, where, quantity, ours, theirs, np.where(np.isnan(difference), np.inf, difference), tolerance)
