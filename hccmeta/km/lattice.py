"""Hidden Markov model of a Kaplan-Meier curve behind clicks, on whole numbers of censorings and events.

A state is (censorings so far, events so far, survival); between two clicks patients are first censored, then have
events: S' = S (1 - d/(n - c)). A click lies on the flat part at S or on the drop below it. States that agree in both
counts and in a narrow band of S are merged, so the work is bounded while different S for equal counts stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from hccmeta.km.counts_prior import counts_prior, counts_priors
from hccmeta.km.events_ahead import EventsAhead

SQRT_2PI = np.sqrt(2 * np.pi)
VISIBLE_DROP = 0.3


@dataclass(frozen=True)
class Stages:
    """What is seen along the curve, in time order: clicks (survival) and printed counts (n_at_risk).

    `survival` is NaN where nothing was clicked, `n_at_risk` -1 where nothing is printed, `least_at_risk` the next
    printed count. `events` and `censorings` are the numbers expected since the stage before; `on_drop` is the chance
    that a click lies on a vertical and `same_drop` the weight of it lying on the vertical of the click before.
    `at_click` holds the chances of 0, 1, 2, ... events exactly at the click (feet of drops), None for a traced line.
    `on_course` is the number at risk on a straight line to the next printed count (NaN: none comes); the search prefers
    states that can meet the counts, and the total number of events where `ahead` tells how many should still come.
    `at_risk` is the number at risk that `events` and `censorings` assume, where it is not printed.
    """

    time: np.ndarray
    survival: np.ndarray
    n_at_risk: np.ndarray
    least_at_risk: np.ndarray
    events: np.ndarray
    censorings: np.ndarray
    on_drop: np.ndarray
    same_drop: np.ndarray
    at_click: list | None
    on_course: np.ndarray
    ahead: EventsAhead | None
    at_risk: np.ndarray | None


@dataclass(frozen=True)
class Model:
    """Size of the study, click noise and the limits of the search."""

    n: int
    total_events: int | None
    sigma: float
    bin_width: float
    outlier: float = 1e-6
    prune: float = 1e-5
    most_states: int = 500
    events_dispersion: float = 3.0
    censorings_dispersion: float = 2.0

    @property
    def most_events(self) -> int:
        return self.n if self.total_events is None else self.total_events


@dataclass
class Layer:
    """States at one stage with their filtered weights, and the edges that lead to them.

    `on_drop` marks states whose next event is under way at the click. Edges are sorted by child and begin at `starts`;
    `parent` >= 0 is a state of `middle` (after the gap's censorings), `parent` < 0 the state -1 - parent of the layer
    before (same drop). `before_click` is the survival just before the events at a click of the corner style.
    """

    on_drop: np.ndarray
    censored: np.ndarray
    events: np.ndarray
    survival: np.ndarray
    weight: np.ndarray
    middle: Layer | None = None
    parent: np.ndarray | None = None
    chance: np.ndarray | None = None
    child: np.ndarray | None = None
    starts: np.ndarray | None = None
    before_click: np.ndarray | None = None


def forward(stages: Stages, model: Model) -> tuple[list[Layer], float] | None:
    """Filtered layers and log-likelihood; None where no lattice path fits."""
    zero = np.zeros(1, np.int64)
    layer = Layer(zero.astype(bool), zero, zero, np.ones(1), np.ones(1))
    layers, log_likelihood = [layer], 0.0
    censorings = _losses(stages.censorings, model.n, model.censorings_dispersion, stages, model)
    events = _losses(stages.events, model.most_events, model.events_dispersion, stages, model)
    for i in range(len(stages.time)):
        middle = _censor(layer, censorings, stages, i, model)
        layer = None if middle is None else _events_and_click(layer, middle, events, stages, i, model)
        if layer is None:
            return None
        total = layer.weight.sum()
        layer.weight = layer.weight / total
        layer.chance = layer.chance / total
        log_likelihood += np.log(total)
        layers.append(layer)
    final = (layer.weight * allowed_at_end(layer, model)).sum()
    return (layers, log_likelihood + np.log(final)) if final > 0 else None


def allowed_at_end(layer: Layer, model: Model) -> np.ndarray:
    """1 for states of the last layer that meet the total number of events, else 0."""
    if model.total_events is None:
        return np.ones(len(layer.weight))
    return (layer.events + layer.on_drop == model.total_events).astype(float)


def smooth(layers: list[Layer], model: Model) -> list[np.ndarray]:
    """Posterior weight of every state given all clicks and counts (backward pass)."""
    ahead = allowed_at_end(layers[-1], model)
    posterior = [None] * len(layers)
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        weight = layer.weight * ahead
        posterior[i] = weight / weight.sum()
        if i == 0:
            break
        edge = layer.chance * ahead[layer.child]
        middle, held = layer.middle, layer.parent < 0
        behind = np.bincount(layer.parent[~held], edge[~held], len(middle.weight))
        ahead = np.bincount(middle.parent, middle.chance * behind[middle.child], len(layers[i - 1].weight))
        if held.any():
            ahead = ahead + np.bincount(-1 - layer.parent[held], edge[held], len(ahead))
        ahead = ahead / ahead.max()
    return posterior


def source_weight(layer: Layer, before: Layer) -> np.ndarray:
    """Filtered weight of the parent of every edge into `layer`."""
    held = layer.parent < 0
    weight = layer.middle.weight[np.where(held, 0, layer.parent)]
    return np.where(held, before.weight[np.where(held, -1 - layer.parent, 0)], weight)


def _censor(layer: Layer, losses, stages: Stages, i: int, model: Model) -> Layer | None:
    """Finish the drop under way, then censor 0, 1, 2, ... patients."""
    at_risk = np.maximum(model.n - layer.censored - layer.events, 1)
    survival = np.where(layer.on_drop, layer.survival * (1 - 1 / at_risk), layer.survival)
    events = layer.events + layer.on_drop
    at_risk = model.n - layer.censored - events
    chance = losses(i, at_risk)
    least = stages.least_at_risk[i]
    fits = at_risk[:, None] - np.arange(chance.shape[1]) >= max(least, 1)
    fits[:, 0] = at_risk >= least
    chances = chance * fits
    promising = layer.weight
    if stages.ahead is not None and i > 0:
        now_at_risk = model.n - layer.censored - layer.events
        missing = model.total_events - layer.events
        promising = promising * stages.ahead.chance(i - 1, missing, layer.survival, now_at_risk)
    keep = _heaviest((promising[:, None] * chances).ravel(), model)
    if not len(keep):
        return None
    row, c = np.divmod(keep, chances.shape[1])
    chance = chances[row, c]
    state = (np.zeros(len(row), bool), layer.censored[row] + c, events[row], survival[row])
    return _merge(state, layer.weight[row] * chance, row, chance, model)


def _losses(mean, most, dispersion, stages, model):
    """Function of stage and numbers at risk: chances of 0, 1, ... losses, one row for all states or one per state.

    Without printed counts the mean of a state is in proportion to its number at risk. The variance is at most three
    times the mean: wider, the search keeps too few losses in long gaps of large trials.
    """
    dispersion, negligible = np.maximum(dispersion, mean / 2), model.prune / 10
    if stages.at_risk is None:
        rows = counts_priors(mean, most, dispersion, negligible)
        return lambda i, at_risk: rows[i]

    def chances(i, at_risk):
        number, state = np.unique(at_risk, return_inverse=True)
        return counts_prior(mean[i] * number / stages.at_risk[i], most, float(dispersion[i]), negligible)[state]

    return chances


def _events_and_click(before: Layer, middle: Layer, losses, stages: Stages, i: int, model: Model) -> Layer | None:
    """0, 1, 2, ... events after the censorings, and what was seen at the stage."""
    chance = losses(i, model.n - middle.censored - middle.events)
    row, events, at_risk, d = _add_events(middle.censored, middle.events, chance.shape[1], stages, i, model)
    survival = middle.survival[row] * at_risk / np.maximum(at_risk + d, 1)
    chance = chance[row if len(chance) > 1 else 0, d]
    clicked = stages.survival[i]
    on_drop, before_click = np.zeros(len(row), bool), None
    if not np.isnan(clicked) and stages.at_click is not None:
        before_click, parent, here = survival, row, stages.at_click[i]
        again, events, at_risk, d = _add_events(middle.censored[row], events, len(here), stages, i, model)
        row, before_click = parent[again], before_click[again]
        survival = before_click * at_risk / np.maximum(at_risk + d, 1)
        chance = chance[again] * here[d] * _on_flat(clicked, survival, model)
        on_drop = np.zeros(len(row), bool)
    elif not np.isnan(clicked):
        visible = survival > VISIBLE_DROP * model.sigma * at_risk
        share = np.where(visible, stages.on_drop[i], 0.0)
        falls = visible & (at_risk > max(stages.least_at_risk[i], 0)) & (events < model.most_events)
        falls = np.nonzero(falls)[0]
        flat = chance * (1 - share) * _on_flat(clicked, survival, model)
        drop = (chance[falls] * share[falls]) * _on_drop(clicked, survival[falls], at_risk[falls], model)
        chance = np.concatenate([flat, drop])
        on_drop = np.arange(len(chance)) >= len(flat)
        row, events, survival, at_risk = (np.concatenate([x, x[falls]]) for x in (row, events, survival, at_risk))
    weight = middle.weight[row] * chance
    if not len(weight) or not weight.max() > 0:
        return None
    keep = _worth_keeping(weight, survival, at_risk, events, stages, i, model)
    weight, parent, chance = weight[keep], row[keep], chance[keep]
    state = [on_drop[keep], middle.censored[parent], events[keep], survival[keep]]
    if before_click is not None:
        before_click = before_click[keep]
    elif stages.same_drop[i] > 0 and before.on_drop.any():
        held, held_chance = _same_drop(before, clicked, stages, i, model, weight.max())
        same = (before.on_drop[held], before.censored[held], before.events[held], before.survival[held])
        state = [np.concatenate(pair) for pair in zip(state, same, strict=True)]
        weight = np.concatenate([weight, before.weight[held] * held_chance])
        parent, chance = np.concatenate([parent, -1 - held]), np.concatenate([chance, held_chance])
    layer = _merge(state, weight, parent, chance, model, before_click)
    layer.middle = middle
    return layer


def _add_events(censored, events, options, stages, i, model):
    """Every state with 0..options-1 more events that the printed counts and the total allow."""
    d = np.arange(options)
    more = events[:, None] + d
    left = model.n - censored[:, None] - more
    fits = (left >= stages.least_at_risk[i]) & (more <= model.most_events)
    if model.total_events is not None:
        fits &= more + left >= model.total_events
    if stages.n_at_risk[i] >= 0:
        fits &= left == stages.n_at_risk[i]
    row, d = np.nonzero(fits)
    return row, more[row, d], left[row, d], d


def _on_flat(clicked, survival, model):
    return np.exp(-0.5 * ((clicked - survival) / model.sigma) ** 2) + model.outlier


def _on_drop(clicked, survival, at_risk, model):
    """Normal noise averaged over a click's place on the drop from S to S (1 - 1/n)."""
    height = np.maximum(survival / np.maximum(at_risk, 1), 1e-12)
    share = ndtr((survival - clicked) / model.sigma) - ndtr((survival - height - clicked) / model.sigma)
    return share * SQRT_2PI * model.sigma / height + model.outlier


def _same_drop(before, clicked, stages, i, model, largest):
    """States of the layer before that stay on their drop, with their chances."""
    at_risk = model.n - before.censored - before.events
    held = np.flatnonzero(before.on_drop & (at_risk > stages.least_at_risk[i]))
    chance = stages.same_drop[i] * _on_drop(clicked, before.survival[held], at_risk[held], model)
    keep = before.weight[held] * chance > model.prune * largest
    return held[keep], chance[keep]


def _worth_keeping(weight, survival, at_risk, events, stages, i, model):
    """Edges whose weight, times the chance to meet the next count and the total from there, is not negligible."""
    score = weight
    if not np.isnan(stages.on_course[i]):
        to_lose = stages.on_course[i] - stages.least_at_risk[i]
        score = score * np.exp(-0.25 * (at_risk - stages.on_course[i]) ** 2 / (1 + to_lose))
    if stages.ahead is not None:
        score = score * stages.ahead.chance(i, model.total_events - events, survival, at_risk)
    return _heaviest(score, model)


def _heaviest(score, model):
    """Edges with a score that is not negligible, at most six for each state of the search."""
    keep = np.nonzero(score > 0.1 * model.prune * score.max())[0]
    most = 6 * model.most_states
    return keep if len(keep) <= most else np.sort(keep[np.argpartition(-score[keep], most)[:most]])


def _merge(state, weight, parent, chance, model, before_click=None) -> Layer:
    """Merge states with equal counts and nearly equal survival; sort the edges by the state they lead to."""
    on_drop, censored, events, survival = state
    bins = (survival / model.bin_width).astype(np.int64)
    key = ((on_drop * (model.n + 1) + censored) * (model.n + 1) + events) * (bins.max() + 1) + bins
    order = np.argsort(key, kind="stable")
    key = key[order]
    new = np.ones(len(key), bool)
    np.not_equal(key[1:], key[:-1], out=new[1:])
    starts = np.nonzero(new)[0]
    first, weight = order[starts], weight[order]
    merged = np.add.reduceat(weight, starts)
    return Layer(
        on_drop=on_drop[first],
        censored=censored[first],
        events=events[first],
        survival=np.add.reduceat(weight * survival[order], starts) / merged,
        weight=merged,
        parent=parent[order],
        chance=chance[order],
        child=np.cumsum(new) - 1,
        starts=starts,
        before_click=None if before_click is None else before_click[order],
    )
