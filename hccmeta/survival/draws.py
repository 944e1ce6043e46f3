"""Many draws of one study's patients at once: Kaplan-Meier quantities as arrays with one row per draw.

lifelines fits one curve in 5 ms; a pool over 200 draws of ten studies needs thousands. With patients in order of time,
events before censorings, ties vanish: (1 - 2/n) = (1 - 1/n)(1 - 1/(n - 1)), and Greenwood's terms add up the same way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hccmeta.effects.inputs import label_rows
from hccmeta.errors import DataError
from hccmeta.survival.patients import merge_near_ties, read_patients, split_draws


class Draws(NamedTuple):
    """(m, n) follow-up times in order and their events; `survival` and Greenwood's `variance` after each patient."""

    time: np.ndarray
    event: np.ndarray
    survival: np.ndarray
    variance: np.ndarray


def make_draws(time, event) -> Draws:
    """Sort the patients of every draw and compute the product limit."""
    order = np.lexsort((1 - event, time))
    time, event = np.take_along_axis(time, order, 1), np.take_along_axis(event, order, 1)
    left = np.arange(time.shape[1], 0, -1)
    with np.errstate(divide="ignore"):
        greenwood = np.where(event == 1, 1 / (left * (left - 1.0)), 0.0)
    return Draws(time, event, np.cumprod(1 - event / left, axis=1), np.cumsum(greenwood, axis=1))


def read_draws(patients, *, caller):
    """Draws per study from study, imputation (or draw), time, event; without that column each study is one draw.

    Draws of a study are put in a random order of their own (fixed seed), so that equal seeds in the reconstruction of
    two studies cannot tie their draws together.
    """
    patients, numbers = split_draws(patients, caller=caller)
    named = bool({"study", "study_id", "arm_id"} & set(getattr(patients, "columns", ())))
    checked = read_patients(patients, caller=caller, labels=() if named else ("study",))
    study = label_rows(checked)
    draw = np.zeros(len(checked), int) if numbers is None else numbers
    out = {}
    for position, name in enumerate(dict.fromkeys(study)):
        of = study == name
        numbers, size = np.unique(draw[of], return_counts=True)
        if len(set(size)) > 1:
            raise DataError(f"{caller}: every draw of {name} must have the same number of patients; they have "
                            f"{', '.join(map(str, sorted(set(size.tolist()))))}.")  # fmt: skip
        order = np.argsort(draw[of], kind="stable")
        shape = len(numbers), size[0]
        time = merge_near_ties(checked["time"].to_numpy()[of][order]).reshape(shape)
        event = checked["event"].to_numpy()[of][order].reshape(shape)
        shuffled = np.random.default_rng(position).permutation(len(numbers))
        out[name] = make_draws(time[shuffled], event[shuffled])
    check_same_number(out, caller)
    return out


def check_same_number(draws, caller):
    """All studies have the same number of draws, or one (patients known without uncertainty)."""
    several = {len(d.time) for d in draws.values()} - {1}
    if len(several) > 1:
        raise DataError(f"{caller}: the studies have {', '.join(map(str, sorted(several)))} draws; give all the same "
                        "number, or one for patients that are known.")  # fmt: skip


def number_of_draws(draws):
    return max(len(d.time) for d in draws.values())


def position(draws: Draws, times):
    """Patients of each draw whose time is at or before `times`, (m, len(times))."""
    return (draws.time[:, :, None] <= np.asarray(times, float)).sum(axis=1)


def at_times(draws: Draws, times):
    """Survival, Greenwood's variance of log S and patients still under observation at `times`, each (m, len(times)).

    Survival and variance are NaN beyond the last time of a draw that ends with a censored patient.
    """
    times = np.asarray(times, float)
    here = position(draws, times)
    padded = [np.column_stack([np.full(len(draws.time), start), a]) for start, a in ((1.0, draws.survival),
                                                                                   (0.0, draws.variance))]  # fmt: skip
    survival, variance = (np.take_along_axis(a, here, 1) for a in padded)
    beyond = (times > draws.time[:, -1:]) & (draws.survival[:, -1:] > 0)
    return np.where(beyond, np.nan, survival), np.where(beyond, np.nan, variance), draws.time.shape[1] - here


def medians(draws: Draws):
    """Median of each draw by survfit's convention (middle of a piece flat at 1/2); inf where it is not reached."""
    s = draws.survival
    below, flat = s <= 0.5 + 1e-9, np.abs(s - 0.5) <= 1e-9
    first = below.argmax(axis=1)
    row = np.arange(len(s))
    lower = s < 0.5 - 1e-9
    following = np.where(lower.any(axis=1), draws.time[row, lower.argmax(axis=1)], draws.time[:, -1])
    at = draws.time[row, first]
    return np.where(below.any(axis=1), np.where(flat[row, first], (at + following) / 2, at), np.inf)


def restricted_means(draws: Draws, horizon):
    """Restricted mean of each draw and its variance (as product_limit.restricted_mean); NaN beyond a censored end."""
    m = len(draws.time)
    edge = np.minimum(np.column_stack([np.zeros(m), draws.time, np.full(m, np.inf)]), horizon)
    piece = np.column_stack([np.ones(m), draws.survival]) * np.diff(edge, axis=1)
    after = piece[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    left = np.arange(draws.time.shape[1], 0, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where((after > 0) & (draws.event == 1), after**2 / (left * (left - 1.0)), 0.0)
    beyond = (horizon > draws.time[:, -1]) & (draws.survival[:, -1] > 0)
    return np.where(beyond, np.nan, piece.sum(axis=1)), np.where(beyond, np.nan, terms.sum(axis=1))


def resample(draws: Draws, rng) -> Draws:
    """One bootstrap sample of the patients of every draw."""
    pick = rng.integers(0, draws.time.shape[1], draws.time.shape)
    return make_draws(np.take_along_axis(draws.time, pick, 1), np.take_along_axis(draws.event, pick, 1))
