"""docs/validation.md: how far every area is from outside values. Generated from tests/reference and stored results.

A new area is a module with `compare()` that yields Checks, and a line in AREAS.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil, floor, log10
from pathlib import Path
from string import Template

import numpy as np

from benchmarks import compare_effects, compare_glmm, compare_pooling, compare_sensitivity, compare_survival
from benchmarks.accuracy import stored
from benchmarks.disagreements import reason
from benchmarks.validation_accuracy import fields, table

TEMPLATE = Path(__file__).parent / "validation.template.md"
PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
TWELVE_DIGITS = 1e-10
SHOWN = 4
AREAS = (
    ("effects", "metafor 5.0-1 `escalc`, base R", compare_effects),
    ("pooling", "metafor 5.0-1", compare_pooling),
    ("binomial-normal models", "61-node quadrature in R; metafor 5.0-1", compare_glmm),
    ("subgroups, regression, sensitivity", "metafor 5.0-1, meta 8.3-0", compare_sensitivity),
    ("survival", "survival 3.5-3, survRM2, metaSurvival 0.1.0", compare_survival),
)


def checks():
    """All comparisons, per area."""
    return {title: list(module.compare()) for title, _, module in AREAS}


def page(found=None):
    """The whole page as text."""
    found = checks() if found is None else found
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(against_r=_against_r(found), disagreements=_disagreements(found), **fields(stored()))


def write():
    PAGE.write_text(page(), encoding="utf-8")


def outside(one):
    """Which numbers of a Check are further off than its tolerance."""
    return one.difference > one.tolerance


def magnitude(difference):
    """Rounded up to one significant digit, not below what the stored digits tell apart."""
    difference = max(difference, TWELVE_DIGITS)
    unit = 10.0 ** floor(log10(difference) + 1e-9)
    return f"{ceil(difference / unit - 1e-9) * unit:.0e}"


def _against_r(found):
    rows, total = [], 0
    for title, versus, _ in AREAS:
        groups = defaultdict(list)
        for one in found[title]:
            groups[one.group].append(one)
        for group, members in groups.items():
            difference = np.concatenate([one.difference for one in members])
            off = np.concatenate([outside(one) for one in members])
            tolerance = " to ".join(f"{value:.0e}" for value in sorted({one.tolerance for one in members}))
            total += len(difference)
            rows.append((title, group, versus, f"{len(difference):,}", magnitude(difference[~off].max(initial=0.0)),
                         tolerance, int(off.sum()) or None))  # fmt: skip
    rows.append(("all", None, None, f"{total:,}", None, None, sum(row[-1] or 0 for row in rows)))
    head = ["area", "quantity", "compared with", "comparisons", "largest difference", "tolerance", "outside"]
    return table(head, rows)


def _disagreements(found):
    by_reason = defaultdict(list)
    for one in (one for members in found.values() for one in members if outside(one).any()):
        by_reason[reason(one) or "No reason known."].append(one)
    rows, notes = [], []
    for number, (text, members) in enumerate(by_reason.items(), 1):
        notes.append(f"{number}. {text}")
        found_here = [row for one in members for row in _rows(one, number)]
        rows += found_here[:SHOWN]
        if len(found_here) > SHOWN:
            rows.append((f"{len(found_here) - SHOWN} more", None, None, None, number))
    return "\n".join([*notes, "", table(["set", "quantity", "here", "R", "reason"], rows)]) if rows else "None."


def _rows(one, number):
    off = outside(one)
    for ours, theirs in zip(one.ours[off], one.theirs[off], strict=True):
        yield one.where, one.quantity, None if np.isnan(ours) else f"{ours:.7g}", f"{theirs:.7g}", number
