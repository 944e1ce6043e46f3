"""The analyses of a multiverse, fitted in batches: one batch per estimator and interval, all tables at once."""

from __future__ import annotations

from math import nan

import numpy as np

from hccmeta.effects.proportion import effects_proportion
from hccmeta.effects.ratio import effects_ratio_ci
from hccmeta.effects.scales import back_transform
from hccmeta.effects.two_arm import effects_two_arm, two_arm_cells
from hccmeta.errors import HccmetaError
from hccmeta.pooling.backends import run_tasks
from hccmeta.pooling.inverse_variance import harmonic_n, read_effects
from hccmeta.pooling.many import pool_many

INVERSE, GLMM, MANTEL_HAENSZEL, PETO = "inverse variance", "GLMM", "Mantel-Haenszel", "Peto"
WITHOUT_ADDITION = ("PAS", "PFT")  # need nothing added to empty cells
NUMBERS = ("k", "estimate", "ci_low", "ci_high", "tau2", "I2")


def fit_cells(cells, tables, kind, *, backend, level):
    """k, estimate, ci_low, ci_high (reported scale), tau2, I2 and note of every cell (table number, choices)."""
    batches = {}
    for at, (i, cell) in enumerate(cells):
        batches.setdefault(_batch(kind, at, cell), []).append((at, i, cell))
    effects = {}
    for i, cell in cells:
        if cell["method"] == INVERSE and (i, cell["measure"], cell["to"]) not in effects:
            key = i, cell["measure"], cell["to"]
            effects[key] = read_effects(_effects(kind, tables[i], *key[1:]), caller="multiverse")
    tasks = [_task(members, tables, effects, level) for members in batches.values()]
    size = sum(len(members) for members in batches.values()) * max(len(table) for table in tables)
    fitted = run_tasks(_run, tasks, backend=backend, size=size)
    out = [None] * len(cells)
    for members, rows in zip(batches.values(), fitted, strict=True):
        for (at, *_), row in zip(members, rows, strict=True):
            out[at] = row
    return out


def has_empty_cell(kind, table):
    """Whether a study has 0 % or 100 % in an arm."""
    if kind == "two arms":
        return any((cell == 0).any() for cell in two_arm_cells(table, caller="multiverse"))
    return kind == "proportions" and bool(((table["events"] == 0) | (table["events"] == table["n"])).any())


def _batch(kind, at, cell):
    """Cells with the same key are fitted by one call."""
    if cell["method"] == INVERSE:
        return INVERSE, cell["model"], cell["tau2_method"], cell["ci_method"]
    return (GLMM, cell["ci_method"]) if (kind, cell["method"]) == ("proportions", GLMM) else (cell["method"], at)


def _effects(kind, table, measure, to):
    if kind == "proportions":
        return effects_proportion(table, measure=measure, to=to or "only0")
    if kind == "two arms":
        return effects_two_arm(table, measure=measure, to=to or "only0")
    return effects_ratio_ci(table, measure=measure) if kind == "ratios" else table


def _task(members, tables, effects, level):
    """What one call needs, small enough to send to another process."""
    _, i, cell = members[0]
    if cell["method"] == INVERSE:
        chosen = [effects[i, cell["measure"], cell["to"]] for _, i, cell in members]
        return dict(cell, level=level, y=_stack([one.y for one in chosen]), v=_stack([one.v for one in chosen]),
                    measures=[one.measure for one in chosen], n_back=[harmonic_n(one) for one in chosen])  # fmt: skip
    if "events" in tables[i].columns and cell["measure"] == "PLO":
        rows = [tables[i].dropna(subset=["events", "n"]) for _, i, _ in members]
        return dict(cell, level=level, events=_stack([table["events"].to_numpy(float) for table in rows]),
                    n=_stack([table["n"].to_numpy(float) for table in rows]))  # fmt: skip
    return dict(cell, level=level, table=tables[i])


def _run(task):
    """Numbers and note of every cell of a batch."""
    if task["method"] == INVERSE:
        return _inverse_variance(task)
    if "events" in task:
        from hccmeta.pooling.glmm import pool_proportion_many

        found = pool_proportion_many(task["events"], task["n"], ci_method=task["ci_method"], level=task["level"])
        return _shown(found.assign(I2=nan), ["PLO"] * len(found), [nan] * len(found))
    try:
        result = _two_arm(task)
    except HccmetaError as error:
        return [dict.fromkeys(NUMBERS, nan) | {"k": 0, "note": str(error)}]
    display = result.display
    return [dict(k=result.k, estimate=display.estimate, ci_low=display.ci_low, ci_high=display.ci_high,
                 tau2=result.tau2, I2=result.I2, note="")]  # fmt: skip


def _inverse_variance(task):
    tau2_method = task["tau2_method"] or "REML"
    found = pool_many(task["y"], task["v"], model=task["model"], tau2_method=tau2_method, ci_method=task["ci_method"],
                      level=task["level"])  # fmt: skip
    return _shown(found, task["measures"], task["n_back"])


def _shown(found, measures, n_back):
    """Rows on the reported scale."""
    rows = found[list(NUMBERS)].to_dict("records")
    for row, measure, n in zip(rows, measures, n_back, strict=True):
        for name in ("estimate", "ci_low", "ci_high"):
            row[name] = float(back_transform(row[name], measure, n=n))
        row["note"] = "" if row["k"] else "no study has an effect on this scale"
    return rows


def _two_arm(task):
    from hccmeta.pooling.glmm_two_arm import pool_two_arm
    from hccmeta.pooling.mantel_haenszel import pool_mantel_haenszel, pool_peto

    table, level = task["table"], task["level"]
    if task["method"] == MANTEL_HAENSZEL:
        return pool_mantel_haenszel(table, measure=task["measure"], level=level)
    if task["method"] == PETO:
        return pool_peto(table, level=level)
    return pool_two_arm(table, ci_method=task["ci_method"], level=level)


def _stack(rows):
    """Rows of different length as one array, filled up with NaN."""
    out = np.full((len(rows), max(1, max(len(row) for row in rows))), nan)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
