"""Draw patients from items that agree; name, and on request drop, the items that do not."""

from __future__ import annotations

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.printed_conflicts import KEEP_FIRST, Conflict, fewest_to_drop, find_conflicts
from hccmeta.km.printed_items import Item, can_be_drawn
from hccmeta.km.printed_plan import Reading, make_plan
from hccmeta.km.printed_sampler import Draws, NoPatients, draw_patients
from hccmeta.km.printed_summary import shown_by

TRIAL_DRAWS = 40
TRIAL_EFFORT = 6


def draw_consistent(items: tuple[Item, ...], reading: Reading, n_draws: int, seed: int, *, on_conflict: str):
    """Draws, and the conflicts whose items (`dropped`) were left out; DataError where on_conflict is "raise"."""
    kept, dropped, conflicts = items, (), find_conflicts(items, reading.endpoint)
    if conflicts:
        if on_conflict == "raise":
            raise conflict_error(conflicts, items)
        dropped = _least_harm(fewest_to_drop(conflicts, items), items, reading, seed)
        kept = _without(items, dropped)
    while True:
        try:
            draws = _draw(kept, reading, n_draws, seed)
            return draws, kept, dropped, conflicts
        except NoPatients as miss:
            conflict, culprit = _explain(miss.name, kept, reading, seed)
            conflicts = [*conflicts, conflict]
            if on_conflict == "raise" or culprit == "n":
                raise conflict_error(conflicts, items) from None
            dropped = (*dropped, culprit)
            kept = _without(kept, (culprit,))


def conflict_error(conflicts: list[Conflict], items) -> DataError:
    """One error that names every item in conflict and the smallest change."""
    rows = {i.name: i.row for i in items}
    problems = [
        {
            "table": "survival",
            "row": ", ".join(str(rows.get(name, "")) for name in conflict.names),
            "column": "value",
            "value": ", ".join(conflict.names),
            "rule": conflict.rule,
            "fix": conflict.fix,
        }
        for conflict in conflicts
    ]
    listed = ". ".join(str(conflict) for conflict in conflicts)
    return DataError(
        f"The printed statistics contradict each other. {listed}. "
        'Correct the rows, or pass on_conflict="drop" to draw without the items that do not fit.',
        problems,
    )


def _draw(items, reading, n_draws, seed, **options) -> Draws:
    plan = make_plan(items, reading)
    return draw_patients(plan, n_draws, np.random.default_rng(seed), **options)


def _without(items, names):
    return tuple(i for i in items if i.name not in names and i.name.removesuffix(" interval") not in names)


def _least_harm(sets, items, reading, seed):
    """Of equally small sets, the one whose removal leaves the rest most probable."""
    if len(sets) == 1:
        return sets[0]
    return max(sets, key=lambda names: _evidence(_without(items, names), reading, seed))


def _evidence(items, reading, seed):
    try:
        return _draw(items, reading, TRIAL_DRAWS, seed, effort=TRIAL_EFFORT).evidence
    except NoPatients:
        return -np.inf


def _explain(missed, items, reading, seed):
    """Remove one item at a time: those without which the rest holds are the conflict; and the one to drop first."""
    rank = {i.name: KEEP_FIRST.index(i.statistic) for i in items}
    found = {}
    for item in sorted((i for i in items if i.statistic != "n"), key=lambda i: -rank[i.name]):
        others = _without(items, (item.name,))
        if not can_be_drawn(others):
            continue
        try:
            draws = _draw(others, reading, TRIAL_DRAWS, seed, effort=TRIAL_EFFORT)
            found[item.name] = _nearest(item, items, draws, reading)
        except NoPatients:
            continue
    if not found:
        rule = "no patients were found that show it together with the other items, nor without any one of them"
        return Conflict((missed,), rule, "read the items again"), missed
    names = tuple(sorted(found, key=lambda name: rank[name]))
    rule = "no patients were found that show all items; without any one of these the rest holds"
    return Conflict(names, rule, ", or ".join(found[name] for name in names)), next(iter(found))


def _nearest(item, items, draws, reading):
    """What the draws without the item show in its place: the value nearest to the printed one."""
    if item.statistic.endswith("_interval"):
        return f"{item.name} left out"
    values = shown_by(item, items, draws.times, draws.events, reading)
    values = values[np.isfinite(values)]
    if not len(values) or not item.reached:
        return f"{item.name} left out (printed {'not reached' if not item.reached else f'{item.value:g}'})"
    return f"{item.name} {values[np.argmin(np.abs(values - item.value))]:.4g} (printed {item.value:g})"
