"""Clicks to patients on digitised arms whose patients are known, beside IPDfromKM."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hccmeta.km.clicks import reconstruct_ipd

ARMS = json.loads((Path(__file__).parents[1] / "reference" / "km_clicks.json").read_text())["arms"]


def survival(time, event, at):
    time, event = np.asarray(time), np.asarray(event)
    when = np.unique(time[event == 1])
    at_risk = (time[:, None] >= when).sum(axis=0)
    events = ((time[:, None] == when) & (event[:, None] == 1)).sum(axis=0)
    return np.append(1, np.cumprod(1 - events / at_risk))[np.searchsorted(when, at, side="right")]


def error(arm, ipd):
    at = np.linspace(0, max(arm["time"]), 1001)
    return np.sqrt(np.mean((survival(ipd.time, ipd.event, at) - survival(arm["time"], arm["event"], at)) ** 2))


def rebuild(arm, clicks, *, counts=True, total=True):
    return reconstruct_ipd(
        pd.DataFrame({"time": clicks["time"], "survival": clicks["survival"]}),
        pd.DataFrame(arm["at_risk"]) if counts else None,
        n=len(arm["time"]),
        total_events=sum(arm["event"]) if total else None,
    )


@pytest.fixture(scope="module")
def rebuilt():
    return [(arm, clicks, rebuild(arm, clicks)) for arm in ARMS for clicks in arm["clicks"]]


def test_counts_and_total_are_met_exactly(rebuilt):
    for arm, _, result in rebuilt:
        assert len(result.ipd) == len(arm["time"])
        assert result.ipd.event.sum() == result.total_events == sum(arm["event"])
        made = [(result.ipd.time >= t).sum() for t in arm["at_risk"]["time"]]
        assert made == arm["at_risk"]["n_at_risk"]


def test_style_is_found(rebuilt):
    assert [result.style for _, _, result in rebuilt] == [clicks["style"] for _, clicks, _ in rebuilt]


def test_error_below_half_a_percent_and_below_ipdfromkm(rebuilt):
    ours = np.array([error(arm, result.ipd) for arm, _, result in rebuilt])
    theirs = np.array([clicks["baseline"]["rmse"] for _, clicks, _ in rebuilt])
    assert np.median(ours) <= 0.0065
    assert np.percentile(ours, 90) <= 0.0115
    assert np.mean(ours < theirs) >= 0.9


def test_every_drop_clicked_without_noise_gives_the_curve_back(rebuilt):
    for arm, clicks, result in rebuilt:
        when = np.unique(np.array(arm["time"])[np.array(arm["event"]) == 1])
        clicked = np.abs(np.array(clicks["time"])[:, None] - when).min(axis=0).max() < 1e-3
        if clicks["style"] == "corner" and clicks["noise"] == 0 and clicked:
            assert error(arm, result.ipd) < 1e-9


def test_noise_is_estimated(rebuilt):
    for level in (0.005, 0.01):
        made = [r.accuracy.set_index("item").made["click_noise"] for _, c, r in rebuilt if c["noise"] == level]
        assert np.median(made) == pytest.approx(level, rel=0.3)


@pytest.mark.parametrize("counts, total, limit", [(True, False, 0.0069), (False, True, 0.0081), (False, False, 0.0086)])
def test_less_information(counts, total, limit):
    errors = []
    for arm in ARMS[:4]:
        for clicks in arm["clicks"]:
            result = rebuild(arm, clicks, counts=counts, total=total)
            errors.append(error(arm, result.ipd))
            assert not total or result.total_events == sum(arm["event"])
    assert np.median(errors) <= limit


def test_draws_keep_the_counts_and_their_band_covers_the_truth(rebuilt):
    covered = []
    for arm, _, result in rebuilt:
        at = np.linspace(0, max(arm["time"]), 202)[1:-1]
        draws = [draw for _, draw in result.sample(100, seed=3).groupby("draw")]
        assert all(draw.event.sum() == sum(arm["event"]) for draw in draws)
        for draw in draws[:10]:
            assert [(draw.time >= t).sum() for t in arm["at_risk"]["time"]] == arm["at_risk"]["n_at_risk"]
        low, high = np.quantile([survival(draw.time, draw.event, at) for draw in draws], [0.025, 0.975], axis=0)
        truth = survival(arm["time"], arm["event"], at)
        covered.append(np.mean((truth >= low - 1e-9) & (truth <= high + 1e-9)))
    assert 0.92 <= np.mean(covered) <= 0.98


def test_same_input_same_patients_in_any_order():
    arm, clicks = ARMS[1], ARMS[1]["clicks"][0]
    first = rebuild(arm, clicks)
    order = np.random.default_rng(0).permutation(len(clicks["time"]))
    shuffled = {**clicks, **{key: list(np.array(clicks[key])[order]) for key in ("time", "survival")}}
    pd.testing.assert_frame_equal(first.ipd, rebuild(arm, shuffled).ipd)
    pd.testing.assert_frame_equal(first.sample(5, seed=1), first.sample(5, seed=1))
