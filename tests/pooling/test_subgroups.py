"""Subgroup analysis against metafor 5.0-1, and its boundaries."""

import numpy as np
import pandas as pd
import pytest
from metafor_values import ITERATED, agree, load

import hccmeta as hm

OPTIONS = {
    "REML_z": {"tau2_method": "REML", "ci_method": "z"},
    "DL_z": {"tau2_method": "DL", "ci_method": "z"},
    "REML_knha": {"tau2_method": "REML", "ci_method": "HK"},
}
CASES = [pytest.param(record, name, id=f"{record['id']}-{record['measure']}-{i}-{name}")
         for i, record in enumerate(load("subgroups.json", "sets")) for name in record["fits"]]  # fmt: skip


def table(record):
    df = pd.DataFrame({"yi": record["yi"], "vi": record["vi"], "level": record["by"]})
    return df.astype({"yi": float, "vi": float}).dropna(subset=["yi", "vi"])


@pytest.mark.parametrize(("record", "name"), CASES)
def test_separate_tau2(record, name):
    want = record["fits"][name]
    result = hm.pool_by(table(record), "level", tau2="separate", **OPTIONS[name])
    for level, (estimate, se, low, high, tau2) in want["separate"].items():
        group = result.groups[level]
        got = [group.estimate, group.se, group.ci_low, group.ci_high]
        agree(got, [estimate, se, low, high], 10 * ITERATED, 10 * ITERATED * se)
        agree(group.tau2, tau2, 10 * ITERATED, 1e-8)
    agree([result.Q_between, result.df, result.p_value], want["between_separate"], 10 * ITERATED, 1e-8)


@pytest.mark.parametrize(("record", "name"), CASES)
def test_common_tau2(record, name):
    want = record["fits"][name]
    result = hm.pool_by(table(record), "level", tau2="common", **OPTIONS[name])
    for level, *numbers in zip(record["levels"], *want["common"], strict=True):
        group = result.groups[str(level)]
        got = [group.estimate, group.se, group.ci_low, group.ci_high]
        agree(got, numbers, 10 * ITERATED, 10 * ITERATED * numbers[1])
    agree(result.tau2_common, want["tau2"], 10 * ITERATED, 1e-8)
    if name.endswith("_z"):
        agree([result.Q_between, result.df, result.p_value], want["between_common"], 10 * ITERATED, 1e-8)


DF = pd.DataFrame({
    "yi": [0.1, 0.3, 0.2, 0.9, 1.1, 1.4, 2.0, 0.5], "vi": [0.04, 0.05, 0.03, 0.04, 0.06, 0.05, 0.05, 0.04],
    "line": ["first", "first", "first", "later", "later", "later", "third", None],
})  # fmt: skip


def test_a_group_of_one_is_shown_without_a_summary():
    result = hm.pool_by(DF, "line")
    assert list(result.groups) == ["first", "later", "third"]
    assert np.isnan(result.groups["third"].estimate)
    assert len(result.groups["third"].studies) == 1
    assert result.df == 1
    both = hm.pool_by(DF[DF["line"].isin(["first", "later"])], "line")
    assert result.Q_between == pytest.approx(both.Q_between)
    assert any("third" in note for note in result.notes)
    assert any("1 rows without a value of line" in note for note in result.notes)
    assert result.to_frame()["group"].tolist() == ["first", "later", "third"]
    assert hm.pool_by(DF, "line", min_k=1).df == 2


@pytest.mark.parametrize("method", ["REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE"])
def test_groups_alone_equal_pool(method):
    result = hm.pool_by(DF, "line", tau2_method=method)
    for level in ("first", "later"):
        alone = hm.pool(DF[DF["line"] == level], tau2_method=method)
        got = result.groups[level]
        assert (got.estimate, got.ci_low, got.tau2) == (alone.estimate, alone.ci_low, alone.tau2)


def test_shifting_a_group_moves_no_residual_tau2():
    shifted = DF.assign(yi=DF["yi"] + np.where(DF["line"] == "later", 5.0, 0.0))
    for method in ("REML", "DL", "PM", "ML", "HE", "SJ"):
        one, other = (hm.pool_by(df, "line", tau2="common", tau2_method=method) for df in (DF, shifted))
        assert one.tau2_common == pytest.approx(other.tau2_common, rel=1e-6, abs=1e-10)
        assert other.Q_between > one.Q_between


def test_between_groups_is_cochrans_q_under_the_common_effect():
    two = DF.iloc[:6]
    result = hm.pool_by(two, "line", model="common")
    inside = sum(group.Q for group in result.groups.values())
    assert result.Q_between == pytest.approx(hm.pool(two, model="common").Q - inside)


def test_categories_keep_their_order_and_numbers_are_text():
    ordered = DF.assign(line=pd.Categorical(DF["line"], categories=["third", "later", "first", "never"]))
    assert list(hm.pool_by(ordered, "line").groups) == ["third", "later", "first"]
    assert list(hm.pool_by(DF.assign(line=[2, 2, 2, 1, 1, 1, 1, 2]), "line").groups) == ["2", "1"]


def test_refusals():
    with pytest.raises(hm.DataError, match="'stage'"):
        hm.pool_by(DF, "stage")
    with pytest.raises(hm.MethodError, match="'separate', 'common'"):
        hm.pool_by(DF, "line", tau2="pooled")
    with pytest.raises(hm.MethodError, match="min_k"):
        hm.pool_by(DF, "line", min_k=0)
    with pytest.raises(hm.TooFewStudies):
        hm.pool_by(DF.assign(line=None), "line")
