"""Patients behind a digitised Kaplan-Meier curve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import check_seed, check_whole
from hccmeta.errors import MethodError, check_choice
from hccmeta.km.accuracy import accuracy_table
from hccmeta.km.clicks_input import read_clicks
from hccmeta.km.draws import draw_patients
from hccmeta.km.expected import Counts, expected_counts, expected_events
from hccmeta.km.placement import order_of_intervals, order_of_path, patients, times_on_curve
from hccmeta.km.posterior import Posterior, fit_exact_corners, fit_posterior
from hccmeta.km.style import style_and_noise

if TYPE_CHECKING:
    import pandas as pd

LEVELS_TOLD_APART = 0.02
MOST_TIME_NOISE = 10.0


@dataclass(frozen=True)
class ReconstructedIPD:
    """Patients reconstructed from a curve.

    Attributes
    ----------
    ipd : DataFrame
        time, event (1 = event, 0 = censored), one row per patient.
    km : DataFrame
        time, survival, n_at_risk, events of the Kaplan-Meier curve of these patients.
    n, total_events : int
    accuracy : DataFrame
        item, time, asked, made, difference: patients, events and every printed count; the distance of the clicks to
        the curve (survival scale); the click noise.
    style : str
        How the clicks were read: trace or corner.
    notes : tuple of str
        What was assumed, and what was changed or dropped to fit inconsistent input.
    """

    ipd: pd.DataFrame
    km: pd.DataFrame
    n: int
    total_events: int
    accuracy: pd.DataFrame
    style: str
    notes: tuple[str, ...] = ()
    _model: tuple[Posterior | None, Counts, float] | None = field(default=None, repr=False, compare=False)

    def sample(self, draws: int = 200, *, seed: int = 0) -> pd.DataFrame:
        """Random data sets that agree with the clicks within their noise and with the printed counts exactly.

        Returns
        -------
        DataFrame
            draw, time, event; `draws` data sets of n patients each.
        """
        import pandas as pd

        check_whole("draws", draws, 1)
        check_seed(seed)
        posterior, counts, time_noise = self._model
        if posterior is None:
            raise MethodError("No draws: the counts could only be met away from the clicks (see notes).")
        pairs = draw_patients(posterior, counts, time_noise, draws, np.random.default_rng(seed))
        time, event = (np.concatenate(column) for column in zip(*pairs, strict=True))
        return pd.DataFrame({"draw": np.repeat(np.arange(draws), self.n), "time": time, "event": event})


def reconstruct_ipd(
    curve, at_risk=None, *, n=None, total_events=None, style=None, on_conflict="raise", time_noise=0.3
) -> ReconstructedIPD:
    """Patients whose Kaplan-Meier curve is nearest to the posterior mean curve given clicks and printed counts.

    Parameters
    ----------
    curve : DataFrame
        time (months or any unit), survival (fraction 0-1); unsorted, noisy, not monotone is fine. Points up to 0.05
        beyond 0-1, or before time 0 by up to 2 % of the axis, are moved onto the axes; farther ones are refused.
    at_risk : DataFrame, optional
        time, n_at_risk (number with time >= t); every count is met exactly.
    n : int, optional
        Patients; needed where no count at time 0 is printed.
    total_events : int, optional
        Met exactly.
    style : {None, "trace", "corner"}
        Points along the drawn line, feet of the drops, or None to find out.
    on_conflict : {"raise", "fit"}
        Refuse input that contradicts itself, or fit it with `notes` saying what was changed or dropped.
    time_noise : float
        Click noise of time as a share of the time axis, relative to that of survival: height over width of the axes.

    Returns
    -------
    ReconstructedIPD
        ipd (time, event), km, n, total_events, accuracy, style, notes; `.sample()` draws further data sets.

    Raises
    ------
    DataError
        Lists every problem of the input.
    MethodError
        Unknown style or on_conflict.

    Notes
    -----
    Clicks are emissions of a hidden Markov model on (censorings, events, survival) with S' = S (1 - d/(n - c)); counts
    and total are hard constraints. Events stand where the posterior mean curve crosses the middle of their drop,
    censorings lie evenly between. Without counts, censoring is expected uniform over time up to the last click, from
    0.3 of it on or from where it gives the total number of events.

    References
    ----------
    Guyot 2012, 10.1186/1471-2288-12-9 (the problem and the interval method).

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"time": [0, 2, 5, 7, 12], "survival": [1, 0.9, 0.8, 0.6857, 0.6857]})
    >>> at_risk = pd.DataFrame({"time": [0, 6], "n_at_risk": [10, 7]})
    >>> result = reconstruct_ipd(curve, at_risk, total_events=3, style="corner")
    >>> result.ipd[result.ipd.event == 1].time.tolist()
    [2.0, 5.0, 7.0]
    """
    check_choice("style", style, (None, "trace", "corner"))
    check_choice("on_conflict", on_conflict, ("raise", "fit"))
    number = isinstance(time_noise, (int, float, np.number)) and not isinstance(time_noise, bool)
    if not number or not 0 <= time_noise <= MOST_TIME_NOISE:
        raise MethodError(f"time_noise = {time_noise!r} must be a number from 0 to {MOST_TIME_NOISE:g}.")
    clicks = read_clicks(curve, at_risk, n, total_events, on_conflict=on_conflict, time_noise=time_noise)
    asked, path, n, total_events = total_events, clicks.path, clicks.n, clicks.total_events
    counts = clicks.counts or expected_counts(path, n, total_events)
    posterior = None
    if path.monotone and (style == "corner" or (style is None and path.rounding < LEVELS_TOLD_APART / n)):
        posterior = fit_exact_corners(path, counts, n, total_events)
    if posterior:
        style = "corner"
    else:
        style, sigma = style_and_noise(path, counts, n, total_events, style)
        posterior = fit_posterior(path, counts, n, total_events, style=style, sigma=sigma)
    if posterior:
        events, censored, _ = posterior.nearest()
        order = order_of_path(events[0], censored[0], posterior.counted, n)
        times = times_on_curve(order, counts, posterior.curve_time, posterior.curve_survival)
    else:
        order = order_of_intervals(expected_events(counts, path, total_events), counts, n, total_events)
        times = times_on_curve(order, counts, path.time, path.survival)
    time, event = patients(times, order, counts)
    ipd, km = _tables(time, event)
    noise = posterior.model.sigma if posterior else path.sigma
    accuracy = accuracy_table(ipd, km, path, n=n, total_events=asked, at_risk=at_risk, noise=noise)
    model = (posterior, counts, time_noise)
    return ReconstructedIPD(ipd, km, n, int(event.sum()), accuracy, style, (*clicks.notes, *_assumed(clicks)), model)


def _assumed(clicks):
    if clicks.counts is not None:
        return []
    start = "a start solved from the total events" if clicks.total_events is not None else "0.3 of the follow-up"
    return [f"No at-risk counts: censoring taken as uniform between {start} and the last click."]


def _tables(time, event):
    """Patients, and their Kaplan-Meier curve at time 0 and at every event."""
    import pandas as pd

    when, events = np.unique(time[event == 1], return_counts=True)
    at_risk = len(time) - np.searchsorted(time, when, side="left")
    km = {
        "time": np.append(0.0, when),
        "survival": np.append(1.0, np.cumprod(1 - events / at_risk)),
        "n_at_risk": np.append(len(time), at_risk),
        "events": np.append(0, events),
    }
    return pd.DataFrame({"time": time, "event": event}), pd.DataFrame(km)
