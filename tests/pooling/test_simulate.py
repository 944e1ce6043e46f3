"""Simulation: known truths come back, and a seed fixes every number."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.pooling import backends


def by_method(table):
    return table.set_index(["method", "measure", "ci_method"])


def test_one_arm_covers_about_its_level_and_power_follows_the_null():
    table = by_method(hm.simulate_meta(k=10, n=(30, 120), tau2=0.2, p=0.3, null=0.2, n_sim=500, seed=4))
    t = table.loc["GLMM", "PLO", "t"]
    assert 0.91 <= t["coverage"] <= 0.98
    assert abs(t["bias"]) < 0.01
    assert t["tau2_mean"] == pytest.approx(0.2, abs=0.04)
    assert t["coverage_se"] == pytest.approx(np.sqrt(t["coverage"] * (1 - t["coverage"]) / 500))
    assert table.loc["GLMM", "PLO", "z"]["width"] < t["width"]
    assert table.loc["GLMM", "PLO", "z"]["power"] > 0.8
    unlike = by_method(hm.simulate_meta(k=10, n=(30, 120), tau2=0.2, p=0.3, null=0.3, n_sim=500, seed=4))
    assert unlike["power"].to_numpy() == pytest.approx(1 - table["coverage"].to_numpy())


def test_common_effect_intervals_are_too_short_under_heterogeneity():
    table = by_method(hm.simulate_meta(k=8, n=80, tau2=0.2, effect=-0.3, n_sim=600, seed=1))
    assert table.loc["common", "GEN", "z"]["coverage"] < 0.75
    adhoc = table.loc["REML", "GEN", "HK-adhoc"]
    assert 0.92 <= adhoc["coverage"] <= 0.985
    assert adhoc["coverage"] >= table.loc["REML", "GEN", "z"]["coverage"]
    assert abs(adhoc["bias"]) < 0.03
    assert adhoc["tau2_mean"] == pytest.approx(0.2, abs=0.03)


def test_two_arms_without_effect_reject_about_five_percent():
    table = by_method(hm.simulate_meta(k=6, n=(60, 200), tau2=0.0, p=0.4, effect=0.0, n_sim=600, seed=2))
    common = table.loc["common", "OR", "z"]
    assert 0.02 <= common["power"] <= 0.09
    assert common["power"] == pytest.approx(1 - common["coverage"])
    assert abs(common["bias"]) < 0.03


def test_methods_without_an_estimate_do_not_cover():
    table = hm.simulate_meta(k=2, n=5, tau2=0.0, p=0.01, effect=0.0, n_sim=200, seed=1)
    assert (table["fitted"] < 0.5).all()
    assert (table["coverage"] <= table["fitted"]).all()


def test_the_seed_fixes_the_numbers_on_every_backend(monkeypatch):
    setting = dict(k=4, n=[20, 30, 40, 50], tau2=0.1, p=0.2, n_sim=600, seed=9)
    serial = hm.simulate_meta(**setting, backend="serial")
    monkeypatch.setattr(backends, "WORTH_PROCESSES", 0)
    pd.testing.assert_frame_equal(serial, hm.simulate_meta(**setting))
    assert not serial["bias"].equals(hm.simulate_meta(**setting | {"seed": 10})["bias"])
    assert (serial["n_sim"] == 600).all()


@pytest.mark.parametrize(("change", "words"), [
    (dict(k=0, n=1.5), "k = 0.*n = 1.5"), (dict(tau2=-1), "tau2 = -1"), (dict(p=1.0), "p = 1.0"),
    (dict(p=None), "p or effect"), (dict(n=[10, 20, 30]), "3 numbers"), (dict(null=2), "null = 2"),
    (dict(backend="cluster"), "'dask'"),
])  # fmt: skip
def test_impossible_settings_are_refused(change, words):
    with pytest.raises(hm.MethodError, match=words):
        hm.simulate_meta(**dict(k=5, n=20, tau2=0.1, p=0.3) | change)
