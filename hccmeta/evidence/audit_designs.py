"""Audit of sample sizes: does any variant of a design's own assumptions give the printed number?"""

from __future__ import annotations

import math
from typing import NamedTuple

from hccmeta.trials import METHODS, exact_power, single_arm_design

_NAMES = {
    "exact": "exact binomial", "normal": "normal", "normal_corrected": "normal with continuity correction",
    "normal_null": "normal, variance of p0", "normal_alternative": "normal, variance of p1", "arcsine": "arcsine",
    "arcsine_corrected": "arcsine with continuity correction",
}  # fmt: skip


class Variant(NamedTuple):
    sides: int
    name: str
    n: int
    n_formula: float


def sample_size(audit):
    """Which combination of one- or two-sided, exact or normal gives the printed sample size?"""
    for row in audit["designs"]:
        if None in (row["p0"], row["p1"], row["alpha"], row["power"]) or not 0 < row["p0"] < row["p1"] < 1:
            continue
        printed = row["n_evaluable"] or row["n_total"]
        if printed is None:
            continue
        variants = _variants(row)
        fits = [f"{_sides(v.sides)} {v.name}" for v in variants if v.n == printed]
        if row["dropout"]:
            fits += [
                f"{_sides(v.sides)} {v.name} with {row['dropout']:.0%} dropout added"
                for v in variants
                if printed in _inflated(v, row["dropout"])
            ]
        stated = (row["sides"],) if row["sides"] else (1, 2)
        asked = [v for v in variants if v.sides in stated]
        under = [name for name in fits if name.startswith(tuple(_sides(sides) for sides in stated))]
        sizes = sorted({v.n for v in asked})
        implied = str(printed) if under else ", ".join(map(str, sizes))
        severity, why = _verdict(row, printed, fits, under, asked, stated)
        yield audit.finding("designs", row, "sample_size", severity, str(printed), implied, why)


def _verdict(row, printed: int, fits, under, asked, stated) -> tuple[str, str]:
    listed = "; ".join(fits) if fits else "none"
    assumptions = f"p0 {row['p0']:g}, p1 {row['p1']:g}, alpha {row['alpha']:g}, power {row['power']:g}"
    text = f"{assumptions}: variants that give {printed}: {listed}."
    if under:
        return "info", text
    text += f" As stated ({' or '.join(map(_sides, stated))}): " + "; ".join(f"{v.name} {v.n}" for v in asked) + "."
    assumed = {name: row[name] for name in ("p0", "p1", "alpha")}
    reached = [(sides, *exact_power(printed, sides=sides, **assumed)) for sides in stated]
    for sides, r, power in reached:
        if power >= row["power"]:
            text += f" {printed} is not the smallest n, but reaches power {power:.3f} ({_sides(sides)} exact, r = {r})."
            return ("info" if row["how"] == "inferred" else "warning"), text
    best = max(power for _, _, power in reached)
    text += f" With {printed} the exact power is {best:.3f}."
    if row["how"] == "inferred":
        return "info", text + " The assumptions are a reading of ours, not the paper's words."
    return "error", text


def _variants(row) -> list[Variant]:
    found = []
    for sides in (1, 2):
        for method in METHODS:
            design = single_arm_design(
                p0=row["p0"], p1=row["p1"], alpha=row["alpha"], power=row["power"], sides=sides, method=method
            )
            found.append(Variant(sides, _NAMES[method], design.n_first, design.n_formula))
            if design.n_stable != design.n_first:
                found.append(Variant(sides, _NAMES[method] + ", from which power holds", design.n_stable, math.nan))
    return found


def _inflated(variant: Variant, dropout: float) -> set[int]:
    """Sizes with dropout added: over (1 - d) or times (1 + d), from the rounded and the unrounded size."""
    sizes = {variant.n, variant.n if math.isnan(variant.n_formula) else variant.n_formula}
    return {math.ceil(size / (1 - dropout) - 1e-9) for size in sizes} | {
        math.ceil(size * (1 + dropout) - 1e-9) for size in sizes
    }


def _sides(sides: int) -> str:
    return "one-sided" if sides == 1 else "two-sided"


def dropout_arithmetic(audit):
    """Is the planned total the evaluable number with the stated dropout?"""
    for row in audit["designs"]:
        n, total, dropout = row["n_evaluable"], row["n_total"], row["dropout"]
        if None in (n, total, dropout):
            continue
        divided, multiplied = n / (1 - dropout), n * (1 + dropout)
        if total in {math.ceil(divided - 1e-9), round(divided), math.ceil(multiplied - 1e-9), round(multiplied)}:
            continue
        implied = str(math.ceil(divided - 1e-9))
        why = f"{n} evaluable patients and {dropout:.0%} dropout."
        severity = "warning" if total > divided else "error"
        yield audit.finding("designs", row, "dropout_arithmetic", severity, str(total), implied, why)


RULES = (sample_size, dropout_arithmetic)
