"""How a curve was clicked: how large the noise, along the drawn line or at the feet of the drops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import ndtr

from hccmeta.km.denoise import USUAL_NOISE, Path
from hccmeta.km.expected import Counts, build_stages, expected_events
from hccmeta.km.lattice import SQRT_2PI, Model, forward, smooth

USUAL_WEIGHT = 4
ISOTONIC_SHARE = 0.75
ENOUGH_MOVED = 15
RESOLVED = 0.15
EVEN = 0.4
AS_MANY = 0.1
EVEN_TRACE = 15.0
ENOUGH_CLICKS = 32


def style_and_noise(path: Path, counts: Counts, n: int, total_events: int | None, style: str | None):
    """Style (trace or corner) and click noise of S.

    Without a style, more clicks than drops have corners, or nearly even steps along the line that are not as many as
    the events, are a trace without asking; otherwise the style that makes the clicks more likely is taken (with even
    steps, corners only if far more likely). The noise is that of the distance to the monotone path (which takes up a
    quarter of the variance) where many clicks are off it, otherwise one EM step on the lattice of some of the clicks,
    with the usual noise of clicking as prior.
    """
    sigma = _first_noise(path, n)
    total = total_events if total_events is not None else expected_events(counts, path, None).sum()
    clicks, even = len(path.time) - 2, style is None and _evenly_spaced(path)
    if style is None and (clicks > 2.5 * max(total, 1) or (even and abs(clicks - total) > AS_MANY * total)):
        style = "trace"
    known = path.exact or path.moved >= ENOUGH_MOVED
    if style and known:
        return style, sigma
    found = {}
    if style:
        path = _thinned(path)
    for one in (style,) if style else ("trace", "corner"):
        model = Model(n, total_events, sigma, bin_width=sigma, prune=1e-3, most_states=200)
        stages = build_stages(path, counts, n, total_events, style=one, sigma=sigma, every_drop=False)
        found[one] = (stages, model, forward(stages, model))

    def likelihood(one):
        fitted = found[one][2]
        return (fitted[1] if fitted else -np.inf) - (EVEN_TRACE if even and one == "corner" else 0.0)

    style = max(found, key=likelihood)
    stages, model, fitted = found[style]
    return style, sigma if known or not fitted else _improved_noise(stages, model, fitted[0], path, n)


def _thinned(path):
    """At most ENOUGH_CLICKS clicks: more tell little more of the noise."""
    step = -(-len(path.time) // ENOUGH_CLICKS)
    keep = np.unique(np.append(np.arange(0, len(path.time), step), len(path.time) - 1))
    parts = ("raw_time", "raw_survival", "time", "survival")
    return replace(path, **{name: getattr(path, name)[keep] for name in parts})


def _first_noise(path, n):
    floor = max(RESOLVED / n, path.rounding)
    if path.exact:
        return floor
    ssq = path.moved * path.sigma**2 / ISOTONIC_SHARE + USUAL_WEIGHT * USUAL_NOISE**2
    return max(float(np.sqrt(ssq / (path.moved + USUAL_WEIGHT))), floor)


def _improved_noise(stages, model, layers, path, n):
    """EM step: expected squared distance of the clicks to the flat part or the point of the drop they lie on."""
    sigma, weights = model.sigma, smooth(layers, model)
    ssq, number = USUAL_WEIGHT * USUAL_NOISE**2, float(USUAL_WEIGHT)
    for i in np.flatnonzero(~np.isnan(stages.survival)):
        layer, weight = layers[i + 1], weights[i + 1]
        high = (layer.survival - stages.survival[i]) / sigma
        low = high - layer.on_drop * layer.survival / np.maximum(n - layer.censored - layer.events, 1) / sigma
        inside = np.maximum(ndtr(high) - ndtr(low), 1e-9)
        bends = (high * np.exp(-0.5 * high**2) - low * np.exp(-0.5 * low**2)) / SQRT_2PI
        square = np.where(layer.on_drop, np.maximum(1 - bends / inside, 0), high**2)
        weight = weight * (square < 16)
        ssq, number = ssq + sigma**2 * (weight * square).sum(), number + weight.sum()
    return max(float(np.sqrt(ssq / number)), RESOLVED / n, path.rounding)


def _evenly_spaced(path):
    """Whether steps along the line vary little once click noise is taken off; False where noise hides it."""
    step = np.diff(path.raw_time / path.end - path.raw_survival)[:-1]
    if len(step) < 8 or not step.mean() > 0:
        return False
    noise = (2 * path.sigma / step.mean()) ** 2
    return noise < 0.5 and (step.std() / step.mean()) ** 2 - noise < EVEN**2
