"""Meta-regression: as metafor, and what must hold for every design."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import load

import hccmeta as hm

OPTIONS = {
    "REML_z": dict(tau2_method="REML"), "REML_knha": dict(tau2_method="REML", ci_method="HK"),
    "DL_z": dict(tau2_method="DL"), "EE_z": dict(model="common"),
}  # fmt: skip
TOLERANCE = 1e-5


def cases():
    for record in load("regression.json", "sets"):
        for name, block in record["fits"].items():
            for fit, want in block.items():
                if fit != "formula":
                    formula = block["formula"].replace("factor(", "C(")
                    yield pytest.param(record, formula, OPTIONS[fit], want, id=f"{record['id']}-{name}-{fit}")


def table_of(record, want):
    df = pd.DataFrame({"yi": record["yi"], "vi": record["vi"], "measure": record["measure"], **record["moderators"]})
    for name in record["moderators"]:
        shown = [term[len(name) :] for term in want["coef_names"] if term.startswith(name)]
        if df[name].dtype == object and shown:  # R's reference level is the one without a coefficient
            df[name] = pd.Categorical(df[name], [*(set(df[name]) - set(shown)), *shown])
    return df


@pytest.mark.parametrize(("record", "formula", "options", "want"), list(cases()))
def test_as_metafor(record, formula, options, want):
    got = hm.meta_regression(table_of(record, want), formula, **options)
    se, scale = np.array(want["se"]), np.median(record["vi"])
    for ours, theirs in (("estimate", "beta"), ("se", "se"), ("ci_low", "ci_lb"), ("ci_high", "ci_ub")):
        np.testing.assert_allclose(got.coefficients[ours] / se, np.array(want[theirs]) / se, rtol=TOLERANCE, atol=1e-6)
    np.testing.assert_allclose(got.coefficients["p_value"], want["pval"], rtol=1e-4, atol=1e-9)
    spread = np.outer(se, se)
    vcov = np.reshape(want["vcov"], spread.shape)
    np.testing.assert_allclose(got.vcov / spread, vcov / spread, rtol=TOLERANCE, atol=1e-6)
    assert got.tau2 == pytest.approx(want["tau2"], rel=TOLERANCE, abs=1e-8 * scale)
    assert (got.QE, got.QE_df, got.QE_p) == (pytest.approx(want["QE"]), want["df_resid"], pytest.approx(want["QEp"]))
    assert (got.QM, got.QM_df) == (pytest.approx(want["QM"], rel=TOLERANCE, abs=1e-8), want["QM_df"][0])
    assert got.QM_p == pytest.approx(want["QMp"], rel=1e-4, abs=1e-12)
    if options.get("model") != "common":
        assert 100 * got.I2 == pytest.approx(want["I2"], rel=1e-4, abs=1e-5)
        assert got.se_tau2 == pytest.approx(want["se_tau2"], rel=TOLERANCE, abs=1e-8 * scale)
        if want["R2"] and got.tau2_null > 1e-8 * scale:
            assert 100 * got.R2 == pytest.approx(want["R2"], rel=1e-4, abs=1e-4)


def test_the_reference_is_complete():
    assert len(list(cases())) == 56


TAU2 = {  # metafor 3.8-1: tau2, se.tau2 of rma(yi, vi, mods = ~ ablat + factor(alloc)), trials of BCG, log odds ratio
    "REML": (0.1401677151, 0.1109252316446), "DL": (0.1082925386, 0.09487043247274), "ML": (0.0, 0.004927210878271),
    "PM": (0.1635603532, 0.1207765694109), "EB": (0.1635603532, 0.1207765694109),
    "HS": (0.0202361881, 0.01025945923717), "HE": (0.1674393031, 0.1766357124355),
}  # fmt: skip


@pytest.mark.parametrize("method", TAU2)
def test_tau2_and_its_standard_error(method):
    bcg = next(record for record in load("regression.json", "sets") if record["id"] == "bin_bcg")
    df = pd.DataFrame({"yi": bcg["yi"], "vi": bcg["vi"], **bcg["moderators"]})
    got = hm.meta_regression(df, "~ ablat + C(alloc)", tau2_method=method)
    assert (got.tau2, got.se_tau2) == pytest.approx(TAU2[method], rel=1e-7)


@pytest.mark.parametrize("method", [*TAU2, "SJ"])
def test_without_moderators_tau2_and_its_standard_error_are_those_of_pool(method):
    rows = studies(1, k=1500)
    got, pooled = hm.meta_regression(rows, "~ 1", tau2_method=method), hm.pool(rows, tau2_method=method)
    assert (got.tau2, got.se_tau2) == pytest.approx((pooled.tau2, pooled.se_tau2), rel=1e-7)


@pytest.mark.parametrize("precise", [1.0, 1e-3, 1e-7])
def test_standard_error_of_tau2_is_that_of_the_whole_projection_matrix(precise):
    rows = studies(7, k=12)
    rows.loc[[0, 5], "vi"] *= precise
    got = hm.meta_regression(rows, "~ x + group", tau2_method="REML")
    X = np.column_stack([np.ones(12), rows["x"], rows["group"] == "b", rows["group"] == "c"]).astype(float)
    w = 1 / (rows["vi"].to_numpy() + got.tau2)
    projection = np.diag(w) - (w[:, None] * X) @ np.linalg.solve(X.T @ (w[:, None] * X), X.T * w)
    assert got.se_tau2 == pytest.approx(np.sqrt(2 / (projection**2).sum()), rel=1e-7)


def test_tau2_beside_one_very_precise_study():
    """(Q - (k - p)) / tr P in 60 digits (mpmath)."""
    df = pd.DataFrame({"yi": [0.4, 0.1, 1.2, 2.9, 0.3], "vi": [1e-8, 0.35, 0.2, 0.3, 0.25], "x": range(5)})
    assert hm.meta_regression(df, "~ x", tau2_method="DL").tau2 == pytest.approx(0.98957100613600886, rel=1e-7)


def studies(seed, k=14):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(-4, 0, k))
    x = rng.normal(size=k)
    group = np.resize(["a", "b", "c"], k)
    yi = rng.normal(0.2 + 0.3 * x + (group == "b") * 0.4, np.sqrt(0.05 + vi))
    return pd.DataFrame({"yi": yi, "vi": vi, "x": x, "group": group, "year": rng.integers(2010, 2025, k)})


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([1e-6, 1e6]), st.floats(-1e4, 1e4), st.sampled_from(["REML", "ML", "PM"]))
def test_the_unit_and_origin_of_moderator_and_effect_do_not_matter(seed, unit, origin, tau2_method):
    df = studies(seed)
    other = df.assign(x=df["x"] * unit + origin * unit, yi=df["yi"] * 1e3, vi=df["vi"] * 1e6)
    one, two = (hm.meta_regression(t, "~ x + C(group)", tau2_method=tau2_method) for t in (df, other))
    assert two.tau2 / 1e6 == pytest.approx(one.tau2, rel=1e-5, abs=1e-9)
    assert two.QM == pytest.approx(one.QM, rel=1e-5)
    slope, scaled = (r.coefficients.set_index("term").loc["x"] for r in (one, two))
    assert scaled["estimate"] * unit / 1e3 == pytest.approx(slope["estimate"], rel=1e-4, abs=1e-7)
    assert scaled["vif"] == pytest.approx(slope["vif"], rel=1e-4)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["REML", "DL", "PM"]))
def test_a_factor_alone_is_the_subgroup_analysis_with_common_tau2(seed, tau2_method):
    df = studies(seed)
    groups = hm.pool_by(df, "group", tau2="common", tau2_method=tau2_method, ci_method="z")
    regression = hm.meta_regression(df, "~ C(group)", tau2_method=tau2_method)
    assert regression.tau2 == pytest.approx(groups.tau2_common, rel=1e-6, abs=1e-9)
    assert (regression.QM, regression.QM_df) == (pytest.approx(groups.Q_between, rel=1e-5), groups.df)
    means = hm.predict_effects(regression, pd.DataFrame({"group": ["a", "b", "c"]}))
    for level, mean in zip("abc", means.itertuples(), strict=True):
        assert mean.estimate == pytest.approx(groups.groups[level].estimate, rel=1e-6)
        assert mean.ci_low == pytest.approx(groups.groups[level].ci_low, rel=1e-5, abs=1e-7)


def test_without_moderators_it_is_the_pooled_effect():
    df = studies(5)
    regression, pooled = hm.meta_regression(df, "~ 1"), hm.pool(df, ci_method="z")
    row = regression.coefficients.iloc[0]
    assert (row["estimate"], row["se"]) == (pytest.approx(pooled.estimate), pytest.approx(pooled.se))
    assert (regression.log_lik, regression.aic) == pytest.approx((pooled.log_lik, pooled.aic))
    assert regression.bic == pytest.approx(pooled.bic)
    assert (regression.I2, regression.QE) == (pytest.approx(pooled.I2), pytest.approx(pooled.Q))
    assert np.isnan(regression.QM)


def test_information_criteria_count_every_coefficient():
    df = studies(9)
    reml, ml = (hm.meta_regression(df, "~ x + C(group)", tau2_method=method) for method in ("REML", "ML"))
    for result, observations in ((reml, 14 - 4), (ml, 14)):
        assert result.aic == pytest.approx(2 * 5 - 2 * result.log_lik)
        assert result.bic == pytest.approx(5 * np.log(observations) - 2 * result.log_lik)


def test_variance_inflation_is_one_over_one_minus_r_squared_with_equal_weights():
    df = studies(2).assign(vi=0.1)
    df["z"] = df["x"] + 0.1 * np.arange(len(df))
    result = hm.meta_regression(df, "~ x + z + year", model="common")
    for term in ("x", "z", "year"):
        others = np.column_stack([np.ones(len(df)), df[[name for name in ("x", "z", "year") if name != term]]])
        fitted = others @ np.linalg.lstsq(others, df[term], rcond=None)[0]
        r2 = 1 - ((df[term] - fitted) ** 2).sum() / ((df[term] - df[term].mean()) ** 2).sum()
        assert result.coefficients.set_index("term").loc[term, "vif"] == pytest.approx(1 / (1 - r2), rel=1e-6)
    assert np.isnan(result.coefficients.loc[0, "vif"])


def test_predictions_at_the_studies_are_the_fitted_values():
    result = hm.meta_regression(studies(3), "~ x * C(group)", ci_method="HK")
    shown = hm.predict_effects(result, studies(3))
    np.testing.assert_allclose(shown["estimate"], result.studies["fitted"])
    assert (shown["pi_low"] <= shown["ci_low"]).all()
    with pytest.raises(hm.DataError, match="group"):
        hm.predict_effects(result, studies(3)[["x"]])


def test_rows_without_a_moderator_stay_in_the_table_with_the_reason():
    df = studies(4)
    df.loc[3, "x"] = np.nan
    df.loc[7, "group"] = None
    df.loc[9, "vi"] = np.nan
    result = hm.meta_regression(df, "~ x + C(group)")
    assert result.k == 11
    assert result.studies.loc[[3, 7, 9], "reason"].tolist() == ["moderator missing"] * 2 + ["variance missing"]
    assert result.studies.loc[[3, 7, 9], "fitted"].isna().all()
    clean = hm.meta_regression(df.drop(index=[3, 7, 9]), "~ x + C(group)")
    assert result.tau2 == pytest.approx(clean.tau2)
    assert any("3 of 14 rows" in note for note in result.notes)


def test_levels_that_no_study_has_make_no_coefficient():
    df = studies(6).assign(group=lambda t: pd.Categorical(t["group"], ["unused", "b", "a", "c"]))
    terms = hm.meta_regression(df, "~ group").coefficients["term"].tolist()
    assert terms == ["Intercept", "group[T.a]", "group[T.c]"]


@pytest.mark.parametrize(("formula", "error", "words"), [
    ("~ x + double", hm.MethodError, "double"), ("~ same", hm.MethodError, "same has the same value"),
    ("~ C(group) + in_b", hm.MethodError, r"in_b"), ("yi ~ x", hm.MethodError, "right side only"),
    ("~ x +", hm.MethodError, "cannot be read"), ("~ nowhere", hm.DataError, "nowhere"),
    ("~ log(x)", hm.DataError, "not a finite number"), ("~ C(label)", hm.TooFewStudies, "14 coefficients"),
    ("~ empty", hm.TooFewStudies, "no study"),
])  # fmt: skip
def test_designs_that_cannot_be_fitted_say_why(formula, error, words):
    df = studies(7)
    df = df.assign(double=2 * df["x"] + 1, same="u", in_b=(df["group"] == "b") * 1.0, label=df.index.astype(str),
                   empty=np.nan)  # fmt: skip
    with pytest.raises(error, match=words):
        hm.meta_regression(df, formula)


def test_knapp_hartung_belongs_to_random_effects():
    with pytest.raises(hm.MethodError, match="random"):
        hm.meta_regression(studies(1), "~ x", model="common", ci_method="HK")


def small(n=5):
    return pd.DataFrame({"yi": [0.1, 0.3, 0.4, 0.8, 0.9, 1.0][:n], "vi": [0.04, 0.05, 0.04, 0.06, 0.05, 0.04][:n],
                         "x": [0.0, 0, 0, 1, 1, 1][:n]})  # fmt: skip


def test_few_orders_are_all_counted():
    from itertools import permutations

    df = small(6)
    found = hm.permutation_test(df, "~ x").set_index("term")
    orders = {tuple(order) for order in permutations(df["x"])}
    stats = [abs(hm.meta_regression(df.assign(x=order), "~ x").coefficients.loc[1, "stat"]) for order in orders]
    observed = abs(found.loc["x", "statistic"])
    share = np.mean([stat >= observed * (1 - 1e-8) for stat in stats])
    assert found["exact"].all()
    assert found["n_permutations"].tolist() == [20, 20]
    assert found.loc["x", "p_permutation"] == pytest.approx(share)
    assert found.loc["QM", "p_permutation"] == pytest.approx(share)


def test_sampled_orders_agree_with_all_of_them_and_with_their_seed():
    df = studies(8, k=6)
    every = hm.permutation_test(df, "~ x", n_permutations=720)
    some = hm.permutation_test(df, "~ x", n_permutations=300, seed=3)
    assert every["exact"].all()
    assert not some["exact"].any()
    p = every["p_permutation"][0]
    assert some["p_permutation"][0] == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 300) + 2 / 300)
    again = hm.permutation_test(df, "~ x", n_permutations=300, seed=3)
    pd.testing.assert_frame_equal(some, again)


def test_no_sampled_p_value_is_below_one_over_the_draws():
    df = pd.DataFrame({"yi": np.arange(14.0), "vi": 0.01, "x": np.arange(14.0)})
    found = hm.permutation_test(df, "~ x", n_permutations=20)
    assert found["p_permutation"].tolist() == [1 / 20, 1 / 20]


def test_permutations_need_a_moderator_and_a_number():
    with pytest.raises(hm.TooFewStudies, match="no moderator"):
        hm.permutation_test(small(), "~ 1")
    with pytest.raises(hm.MethodError, match="n_permutations"):
        hm.permutation_test(small(), "~ x", n_permutations=2.5)
