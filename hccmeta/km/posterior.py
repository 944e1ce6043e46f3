"""Fit the lattice to clicks: click noise, posterior mean curve, the whole-number path nearest to it, random paths."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hccmeta.km.denoise import Path
from hccmeta.km.expected import Counts, build_stages, clicked_drops, drops_may_all_be_clicked, expected_events
from hccmeta.km.lattice import Layer, Model, Stages, forward, smooth
from hccmeta.km.lattice_paths import draw_paths, mid_survival, nearest_path

BIN_SHARE = 0.6
LARGE, MANY_STATES = 500, 1500
NAT = 1e-7
ASTRAY = 5.0
DEEP = {"prune": 1e-9, "most_states": 4000}


@dataclass(frozen=True)
class Posterior:
    """Lattice given the clicks: layers with posterior weights and the posterior mean curve (a polyline).

    `astray` tells that the clicks leave the curve for good: a wider search may find it.
    """

    stages: Stages
    model: Model
    layers: list[Layer]
    weights: list[np.ndarray]
    curve_time: np.ndarray
    curve_survival: np.ndarray
    astray: bool

    @property
    def counted(self) -> np.ndarray:
        """Which layers stand at a printed count."""
        return np.append(False, self.stages.n_at_risk >= 0)

    @property
    def exact(self) -> bool:
        """Whether the clicks were taken at their word."""
        return self.model.outlier == 0

    def nearest(self):
        """Events and censorings so far and on_drop along the path nearest to the mean curve, each (1, stages)."""
        time = np.append(0.0, self.stages.time)
        width = np.gradient(np.maximum.accumulate(time + 1e-12 * np.arange(len(time)))) / time[-1]
        pairs = zip(self.layers, self.weights, strict=True)
        mean = np.array([(weight * mid_survival(layer, self.model)).sum() for layer, weight in pairs])
        return nearest_path(self.layers, self.weights, mean, width, self.model, per_nat=NAT)

    def draws(self, number: int, rng: np.random.Generator):
        """Events and censorings so far and on_drop along random paths, each (number, stages)."""
        return draw_paths(self.layers, self.model, number, rng)


def fit_exact_corners(path: Path, counts: Counts, n: int, total_events: int | None) -> Posterior | None:
    """Posterior if every click is the foot of a drop to the last digit; None where no lattice path does that."""
    expected = total_events if total_events is not None else expected_events(counts, path, None).sum()
    exact = Model(n, total_events, path.rounding, 2e-7, outlier=0.0, prune=1e-9)
    complete = drops_may_all_be_clicked(path, counts, expected)
    for every_drop in (True, False) if complete else (False,):
        stages = build_stages(path, counts, n, total_events, style="corner", sigma=exact.sigma, every_drop=every_drop)
        found = forward(stages, exact)
        if found:
            return _posterior(stages, exact, found[0])
    return None


def fit_posterior(
    path: Path, counts: Counts, n: int, total_events: int | None, *, style: str, sigma: float
) -> Posterior | None:
    """Posterior of the curve given clicks and counts; None where no lattice path meets the counts near the clicks."""
    expected = total_events if total_events is not None else expected_events(counts, path, None).sum()
    every_drop = expected - clicked_drops(path, counts) <= 0.12 * expected
    search = {"most_states": MANY_STATES} if n > LARGE else {}
    for _ in range(6):
        stages = build_stages(path, counts, n, total_events, style=style, sigma=sigma, every_drop=every_drop)
        model = Model(n, total_events, sigma, BIN_SHARE * sigma, **search)
        found = forward(stages, model)
        if found:
            posterior = _posterior(stages, model, found[0])
            if not posterior.astray:
                return posterior
            model = replace(model, **DEEP)
            deeper = forward(stages, model)
            return _posterior(stages, model, deeper[0]) if deeper and deeper[1] > found[1] else posterior
        sigma *= 1.7
    return None


def _posterior(stages, model, layers):
    weights = smooth(layers, model)
    above, below = np.empty((2, len(stages.time)))
    for i in range(len(stages.time)):
        layer, weight = layers[i + 1], weights[i + 1]
        if layer.before_click is None:
            above[i] = (weight * layer.survival).sum()
        else:
            edge = layer.middle.weight[layer.parent] * layer.chance * (weight / layer.weight)[layer.child]
            above[i] = (edge * layer.before_click).sum() / edge.sum()
        at_risk = np.maximum(model.n - layer.censored - layer.events, 1)
        below[i] = (weight * layer.survival * np.where(layer.on_drop, 1 - 1 / at_risk, 1.0)).sum()
    time = np.append(0.0, np.repeat(stages.time, 2))
    curve = np.minimum.accumulate(np.append(1.0, np.stack([above, below], axis=1)))
    return Posterior(stages, model, layers, weights, time, curve, _astray(stages, model, above, below))


def _astray(stages, model, above, below):
    """Whether three clicks in a row lie off the curve by ASTRAY times the noise: the search has lost the curve."""
    off = np.maximum(stages.survival - above, 0) + np.minimum(stages.survival - below, 0)
    off = off[~np.isnan(off)] / model.sigma
    return len(off) >= 3 and float(np.abs(np.convolve(off, np.ones(3) / 3, "valid")).max()) > ASTRAY
