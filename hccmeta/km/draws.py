"""Random data sets that agree with the clicks within their noise."""

from __future__ import annotations

import numpy as np

from hccmeta.km.expected import Counts
from hccmeta.km.placement import order_of_path, patients, within_intervals
from hccmeta.km.posterior import Posterior


def draw_patients(posterior: Posterior, counts: Counts, time_noise: float, draws: int, rng: np.random.Generator):
    """Draws of (time, event), one pair of arrays per draw, each with the printed counts and total exactly.

    Paths come from backward sampling. Within a gap events are uniform; an event on a clicked drop has the click's time
    with its noise.
    """
    stages, n = posterior.stages, posterior.model.n
    events, censored, on_drop = posterior.draws(draws, rng)
    stage_time = np.append(0.0, stages.time)
    clicked = np.append(False, ~np.isnan(stages.survival))
    noise = 0.0 if posterior.exact else time_noise * posterior.model.sigma * counts.end
    for row in range(draws):
        order = order_of_path(events[row], censored[row], posterior.counted, n)
        moved = np.maximum.accumulate(stage_time + noise * clicked * rng.standard_normal(len(stage_time)))
        total = events[row, -1]
        stage = np.searchsorted(events[row], np.arange(1, total + 1), side="left")
        share = np.where(_at_click(stages, stage, on_drop[row], rng), 1.0, rng.random(total))
        times = moved[stage - 1] + share * (moved[stage] - moved[stage - 1])
        times = times[np.lexsort((times, stage))]
        yield patients(within_intervals(times, order, counts), order, counts)


def _at_click(stages, stage, on_drop, rng):
    """Whether each event has its stage's time: the last of a stage if on a clicked drop, earlier ones as ties."""
    newest = np.append(np.diff(stage) > 0, True)[: len(stage)]
    if stages.at_click is None:
        return newest & on_drop[stage]
    clicked = ~np.isnan(stages.survival)
    ties = np.array([chance[2] / chance[1] for chance in stages.at_click])
    tied = rng.random(len(stage)) < (ties / (ties + stages.events))[stage - 1]
    return clicked[stage - 1] & (newest | tied)
