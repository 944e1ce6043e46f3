"""Single paths through the lattice of whole numbers: the one nearest to a curve, and random draws."""

from __future__ import annotations

import numpy as np

from hccmeta.km.lattice import Layer, Model, allowed_at_end, source_weight


def nearest_path(layers: list[Layer], posterior, curve, width, model: Model, *, per_nat: float):
    """Path that minimises sum width (S - curve)^2 - per_nat log(posterior) (Viterbi).

    Returns
    -------
    events, censored, on_drop : (1, stages) arrays
        An event under way at a click (on_drop) counts as happened.
    """
    cost, steps = np.zeros(1), []
    for i in range(1, len(layers)):
        layer, middle = layers[i], layers[i].middle
        to_middle = cost[middle.parent]
        cost_of_middle = np.minimum.reduceat(to_middle, middle.starts)
        held = layer.parent < 0
        to_layer = cost_of_middle[np.where(held, 0, layer.parent)]
        if held.any():
            to_layer[held] = cost[-1 - layer.parent[held]]
        cost = np.minimum.reduceat(to_layer, layer.starts)
        cost = cost + width[i] * (mid_survival(layer, model) - curve[i]) ** 2
        cost = cost - per_nat * np.log(posterior[i] + 1e-12)
        steps.append((layer, to_layer, to_middle))
    state = int(np.argmin(np.where(allowed_at_end(layers[-1], model) > 0, cost, np.inf)))
    chosen = [state]
    for layer, to_layer, to_middle in reversed(steps):
        parent = _cheapest_parent(layer, to_layer, state)
        state = -1 - parent if parent < 0 else _cheapest_parent(layer.middle, to_middle, parent)
        chosen.append(state)
    return _counts(layers, np.array(chosen[::-1])[None, :])


def draw_paths(layers: list[Layer], model: Model, draws: int, rng: np.random.Generator):
    """Random paths from the posterior (backward sampling).

    Returns
    -------
    events, censored, on_drop : (draws, stages) arrays
    """
    last = layers[-1]
    ends = np.cumsum(last.weight * allowed_at_end(last, model))
    state = np.searchsorted(ends, rng.random(draws) * ends[-1], side="right")
    chosen = np.zeros((draws, len(layers)), int)
    for i in range(len(layers) - 1, 0, -1):
        layer, before = layers[i], layers[i - 1]
        chosen[:, i] = state
        parent = layer.parent[_pick(layer, source_weight(layer, before) * layer.chance, state, rng)]
        held, middle = parent < 0, layer.middle
        weight = before.weight[middle.parent] * middle.chance
        state = np.where(held, -1 - parent, middle.parent[_pick(middle, weight, np.where(held, 0, parent), rng)])
    return _counts(layers, chosen)


def mid_survival(layer: Layer, model: Model) -> np.ndarray:
    """Survival at the click: S on the flat part, half-way down on a drop."""
    at_risk = np.maximum(model.n - layer.censored - layer.events, 1)
    return layer.survival * np.where(layer.on_drop, 1 - 0.5 / at_risk, 1.0)


def _counts(layers, chosen):
    columns = range(len(layers))
    on_drop = np.stack([layers[i].on_drop[chosen[:, i]] for i in columns], axis=1)
    events = np.stack([layers[i].events[chosen[:, i]] for i in columns], axis=1) + on_drop
    return events, np.stack([layers[i].censored[chosen[:, i]] for i in columns], axis=1), on_drop


def _cheapest_parent(layer, edge_cost, state) -> int:
    """Parent on the first of the cheapest edges into a state."""
    start = layer.starts[state]
    stop = layer.starts[state + 1] if state + 1 < len(layer.starts) else len(edge_cost)
    return int(layer.parent[start + np.argmin(edge_cost[start:stop])])


def _pick(layer, edge_weight, state, rng):
    """One incoming edge per wanted state, drawn in proportion to its weight."""
    total = np.cumsum(edge_weight)
    ends = np.append(layer.starts[1:], len(edge_weight)) - 1
    low = np.where(layer.starts[state] > 0, total[layer.starts[state] - 1], 0.0)
    target = low + rng.random(len(state)) * (total[ends[state]] - low)
    return np.clip(np.searchsorted(total, target, side="right"), layer.starts[state], ends[state])
