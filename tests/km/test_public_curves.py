"""Published curves digitised by others: what is stored, and, where the coordinates are at hand, what is measured."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import accuracy, public_curves  # noqa: E402

STORED = accuracy.stored()["public"]
needs_curves = pytest.mark.skipif(not public_curves.FOLDER.is_dir(), reason="the public curves are not on this machine")


def test_stored_round_trips_reach_the_goal():
    assert len(STORED["round_trips"]) == 47
    for known in ("counts", "events"):
        assert np.median([one[f"{known}_printed"] for one in STORED["round_trips"]]) <= 0.03
        assert np.median([one[f"{known}_truth"] for one in STORED["round_trips"]]) <= 0.01


def test_without_the_coordinates_what_is_stored_stays(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "accuracy.json"
    kept.write_bytes(accuracy.RESULTS.read_bytes())
    monkeypatch.setattr(accuracy, "RESULTS", kept)
    monkeypatch.setattr(public_curves, "FOLDER", tmp_path / "absent")
    accuracy.refresh(["public"])
    assert kept.read_bytes() == Path(public_curves.__file__).with_name("results").joinpath("accuracy.json").read_bytes()
    assert "not here" in capsys.readouterr().out


@needs_curves
@pytest.mark.parametrize("trial", public_curves.TRIALS, ids=lambda trial: trial["trial"])
def test_medians_rates_and_ratios_of_published_trials(trial):
    made = [public_curves.reconstruct(trial["folder"], arm, trial["scale"]) for arm in trial["arms"]]
    assert all(public_curves.counts_met(one) for one in made)
    stored = next(one for one in STORED["two_arms"] if one["trial"] == trial["trial"])
    log_hr = public_curves.ratio([one.ipd for one in made])["log_hr"]
    assert log_hr == pytest.approx(np.log(stored["hr"]), abs=0.005)
    assert abs(log_hr - np.log(trial["hr"])) < 0.055
    summaries = [public_curves.hm.survival_summary(one.ipd, times=[12]).set_index("statistic")["value"] for one in made]
    for printed, found in zip(trial["median"] or (), summaries, strict=False):
        assert found["median"] == pytest.approx(printed, rel=0.04)
    for printed, found in zip(trial["year"] or (), summaries, strict=False):
        assert found["landmark"] == pytest.approx(printed, abs=0.005)


@needs_curves
def test_clicks_of_single_arms_lie_on_the_curve():
    for arm in public_curves.SINGLE:
        found = public_curves.single(*arm)
        assert found["counts_met"] and found["distance"] < 0.004
