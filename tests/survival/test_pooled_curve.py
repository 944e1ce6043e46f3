"""The pooled survival curve equals metaSurvival and stops, refuses and says what it must."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hccmeta.errors import DataError, MethodError, TooFewStudies
from hccmeta.survival.combescure import between_matrix
from hccmeta.survival.curves import kaplan_meier
from hccmeta.survival.pooled import pool_survival_curves
from hccmeta.survival.pooled_sensitivity import grid_sensitivity, leave_one_curve_out

SETS = json.loads((Path(__file__).parents[1] / "reference" / "pooled_survival_r.json").read_text())["sets"]
MONTE_CARLO = 0.01


def curves(name):
    return pd.DataFrame(SETS[name]["table"]).rename(columns={"surv": "survival", "n_risk": "n_at_risk"})


def simulated(seed, scales, n=80, follow_up=36.0):
    rng = np.random.default_rng(seed)
    tables = []
    for i, scale in enumerate(scales):
        t, c = rng.exponential(scale, n), rng.uniform(follow_up / 2, follow_up, n)
        ipd = pd.DataFrame({"time": np.minimum(t, c), "event": (t <= c).astype(int)})
        tables.append(kaplan_meier(ipd).assign(study=f"S{i + 1}"))
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("model", "theirs", "tolerance"), [("common", "fixed", 1e-9), ("random", "random", 1e-7)])
def test_equals_metasurvival(name, model, theirs, tolerance):
    expected = SETS[name]["expected"]
    result = pool_survival_curves(curves(name), model=model)
    table = result.to_frame()
    assert table["time"].tolist() == expected["time"]
    for ours, their in dict(survival="surv", ci_low="lower", ci_high="upper").items():
        np.testing.assert_allclose(table[ours], expected[theirs][their], rtol=0, atol=tolerance)
    Q, H, I2 = expected["heterogeneity"]
    assert [result.Q, result.H, 100 * result.I2] == pytest.approx([Q, H, I2], rel=1e-9, abs=1e-9)
    assert result.median == pytest.approx(expected[f"median_{theirs}"][0], rel=tolerance)
    assert result.rmst == pytest.approx(expected[f"mean_{theirs}"][0], rel=tolerance)
    ours = [result.median_low, result.median_high, result.rmst_low, result.rmst_high]
    assert ours == pytest.approx(expected[f"median_{theirs}"][1:] + expected[f"mean_{theirs}"][1:], rel=MONTE_CARLO)


def test_few_studies_over_many_intervals_get_a_small_between_matrix():
    published = pool_survival_curves(curves("psurv_k12_unequal_fu"))
    assert published.structure == "full" and any("k < 2p" in note for note in published.notes)
    result = pool_survival_curves(curves("psurv_k12_unequal_fu"), between=None)
    assert result.structure == "compound" and any("k < 2p" in note for note in result.notes)
    off = result.between[~np.eye(8, dtype=bool)]
    assert np.ptp(np.diag(result.between)) < 1e-15 and np.ptp(off) < 1e-15 and abs(off[0]) <= result.between[0, 0]
    wide = pool_survival_curves(curves("psurv_k12_unequal_fu"), times=[6, 12, 18])
    assert wide.structure == "full" and not wide.notes


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_between_matrix_has_no_negative_eigenvalue(seed, k, p):
    rng = np.random.default_rng(seed)
    y, w = rng.normal(1, 0.3, (k, p)), rng.uniform(5, 300, (k, p)) * (rng.random((k, p)) > 0.2)
    for structure in ("full", "diagonal", "compound"):
        matrix = between_matrix(y, w, structure)
        assert np.allclose(matrix, matrix.T) and np.linalg.eigvalsh(matrix).min() > -1e-9


def test_equal_curves_pool_to_themselves_without_heterogeneity():
    one = pd.DataFrame({"time": [6, 12], "survival": [0.8, 0.5], "n_at_risk": [4000, 3200]})
    result = pool_survival_curves(pd.concat([one.assign(study=s) for s in "ABCD"]))
    np.testing.assert_allclose(result.to_frame()["survival"], [0.8, 0.5], atol=2e-4)
    assert result.Q < 1e-20 and result.I2 == 0 and (result.between == 0).all()


def test_order_of_the_studies_does_not_matter():
    df = curves("psurv_k6_homog")
    turned = pd.concat([g for _, g in reversed(list(df.groupby("study")))])
    a, b = (pool_survival_curves(x).to_frame()["survival"] for x in (df, turned))
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_kaplan_meier_tables_are_read_at_any_time():
    table = simulated(3, [12, 16, 20, 14])
    result = pool_survival_curves(table, times=[4, 9, 17])
    assert result.to_frame()["n_studies"].tolist() == [4, 4, 4]
    first = table[(table["study"] == "S1") & (table["time"] <= 4)]["survival"].iloc[-1]
    alone = pool_survival_curves(table[table["study"] == "S1"], times=[4], min_studies=1, model="common")
    assert alone.to_frame()["survival"].item() == pytest.approx((80 * first + 0.25) / 80.5, rel=1e-12)


def test_a_grid_is_chosen_and_said():
    result = pool_survival_curves(simulated(5, [10, 14, 20]))
    times = result.to_frame()["time"].to_numpy()
    assert len(times) <= 12 and np.ptp(np.diff(times)) == 0
    assert any("share no grid" in note for note in result.notes)


def test_stops_with_few_studies_or_patients_and_names_those_that_remain():
    df = curves("psurv_k12_unequal_fu")
    cut = pool_survival_curves(df, min_studies=8).to_frame()
    assert cut["time"].max() == 36 and (cut["n_studies"] >= 8).all()
    assert cut["studies"].iloc[-1] == "2, 5, 6, 7, 8, 10, 11, 12"
    result = pool_survival_curves(df, min_at_risk=100)
    assert result.to_frame()["n_at_risk"].min() >= 100 and "stops at" in result.notes[0]
    with pytest.raises(TooFewStudies, match="min_studies"):
        pool_survival_curves(df[df["study"] <= 2])


def test_nobody_is_carried_beyond_the_follow_up():
    df = curves("psurv_k12_unequal_fu")
    short = df[(df["study"] == 2) & (df["time"] <= 12)]
    result = pool_survival_curves(pd.concat([df[df["study"] != 2], short]))
    assert "2" not in result.to_frame()["studies"].iloc[2].split(", ")


def test_unlike_curves_are_mixed_only_on_request():
    df = curves("psurv_k6_homog")
    df["time_origin"] = np.where(df["study"] == 1, "surgery", "start_ici")
    with pytest.raises(DataError, match="time_origin .surgery: 1; start_ici: 2, 3"):
        pool_survival_curves(df)
    assert "Illustrative" in pool_survival_curves(df, allow_mixed=True).notes[0]


def test_median_not_reached_is_empty():
    one = pd.DataFrame({"time": [6, 12], "survival": [0.95, 0.9], "n_at_risk": [100, 90]})
    result = pool_survival_curves(pd.concat([one.assign(study=s) for s in "ABC"]))
    assert np.isnan(result.median) and np.isnan(result.median_high)


def test_every_problem_is_in_one_error():
    df = pd.DataFrame({"study": list("AABB"), "time": [6, 12, 6, -1], "survival": [0.6, 0.7, 1.2, 0.5],
                       "n_at_risk": [30, 20, 30, 20]})  # fmt: skip
    with pytest.raises(DataError) as error:
        pool_survival_curves(df)
    assert {(p["row"], p["column"]) for p in error.value.problems} == {(3, "time"), (2, "survival"), (1, "survival")}
    assert len(error.value.problems) == 3 and "survival = 0.7: expected survival that never rises" in str(error.value)
    with pytest.raises(DataError, match="known at its own times only"):
        pool_survival_curves(curves("psurv_k6_homog"), times=[5])
    with pytest.raises(MethodError, match="combescure"):
        pool_survival_curves(df, method="mean")
    with pytest.raises(MethodError, match="increasing"):
        pool_survival_curves(curves("psurv_k6_homog"), times=[12, 6])


def test_grid_and_single_studies():
    table = simulated(7, [10, 14, 20, 16])
    grids = grid_sensitivity(table, steps=[3, 6, 60], at=[12])
    assert grids["n_intervals"].tolist()[2] == 0 and np.isnan(grids["survival"].iloc[2])
    assert abs(grids["survival"].iloc[0] - grids["survival"].iloc[1]) < 0.02
    without = leave_one_curve_out(table, at=[12]).set_index("omitted")
    rest = table[table["study"] != "S3"]
    grid = pool_survival_curves(table).to_frame()["time"]
    assert without.loc["S3", "median"] == pool_survival_curves(rest, times=grid).median
    alone = leave_one_curve_out(rest, at=[12])
    assert alone["n_intervals"].tolist()[1:] == [0, 0, 0]


def test_a_follow_up_that_ends_within_an_interval_does_not_count_there():
    table = simulated(11, [14, 14, 14, 14])
    short = table[(table["study"] != "S2") | (table["time"] <= 10)]
    result = pool_survival_curves(short, times=[6, 12]).to_frame()
    assert result["studies"].tolist() == ["S1, S2, S3, S4", "S1, S3, S4"]


def test_the_next_study_varies_more_than_the_mean():
    table = pool_survival_curves(simulated(13, [6, 12, 24, 48, 10, 30]), times=[6, 12]).to_frame()
    assert ((table["pi_low"] < table["ci_low"] - 0.05) & (table["pi_high"] > table["ci_high"] + 0.05)).all()
    assert pool_survival_curves(simulated(13, [6, 12, 24]), times=[6], model="common").to_frame()["pi_low"].isna().all()


@pytest.mark.parametrize("wrong", ["x", None, -1, 1.5, np.nan, True, [1]], ids=str)
def test_options_of_a_pooled_curve_are_whole_numbers(wrong):
    table = pd.DataFrame({"study": list("AABBCC"), "time": [6, 12] * 3, "survival": [0.8, 0.6, 0.7, 0.5, 0.9, 0.6],
                          "n_at_risk": [50, 40, 60, 42, 40, 36]})  # fmt: skip
    for name in ("min_studies", "min_at_risk", "seed"):
        with pytest.raises(MethodError, match=f"{name} = .* whole number"):
            pool_survival_curves(table, **{name: wrong})
