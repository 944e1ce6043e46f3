"""Multiverse: every cell is an analysis that can be run by hand, and no analysis appears twice."""

import numpy as np
import pandas as pd
import pytest
import yaml

import hccmeta as hm
from hccmeta.paths import project_root
from hccmeta.pooling import backends
from hccmeta.pooling.multiverse import known_values

ARMS = pd.DataFrame({
    "study": list("ABCDEFGH"), "study_id": list("ABCDEFGH"), "arm_id": list("abcdefgh"),
    "cohort_id": ["1", "2", "3", "4", "5", "6", "7", "7"], "events": [3, 9, 0, 20, 7, 11, 5, 6],
    "n": [25, 30, 22, 45, 31, 40, 18, 28], "criteria": ["RECIST1.1", "mRECIST"] * 4, "use": ["ok"] * 7 + ["check"],
})  # fmt: skip
TWO_ARMS = pd.DataFrame({"study": list("ABCDE"), "events_1": [0, 3, 5, 7, 2], "n_1": [20, 25, 30, 22, 41],
                         "events_2": [1, 5, 6, 9, 8], "n_2": [22, 24, 33, 21, 40]})  # fmt: skip
CHOICES = ["method", "measure", "to", "model", "tau2_method", "ci_method"]


def by_hand(df, row):
    """The analysis of one cell, called directly."""
    if row["method"] == "GLMM":
        pooled = hm.pool_proportion if "events" in df.columns else hm.pool_two_arm
        return pooled(df, ci_method=row["ci_method"])
    if row["method"] in ("Mantel-Haenszel", "Peto"):
        return hm.pool_peto(df) if row["method"] == "Peto" else hm.pool_mantel_haenszel(df, measure=row["measure"])
    if "events" in df.columns:
        effects = hm.effects_proportion(df, measure=row["measure"], to=row["to"] or "only0")
    elif "events_1" in df.columns:
        effects = hm.effects_two_arm(df, measure=row["measure"], to=row["to"] or "only0")
    else:
        effects = hm.effects_ratio_ci(df) if "ci_low" in df.columns else df
    options = dict(model=row["model"], ci_method=row["ci_method"])
    return hm.pool(effects, **options, **({"tau2_method": row["tau2_method"]} if row["tau2_method"] else {}))


def check_cells(df, cells):
    for row in cells.to_dict("records"):
        display = by_hand(df, row).display
        want = display.estimate, display.ci_low, display.ci_high
        assert (row["estimate"], row["ci_low"], row["ci_high"]) == pytest.approx(want, rel=1e-6, abs=1e-9), row


@pytest.mark.parametrize("df", [
    ARMS.drop(columns=["criteria", "use", "cohort_id"]), TWO_ARMS,
    pd.DataFrame({"estimate": [0.5, 0.7, 0.9], "ci_low": [0.3, 0.5, 0.6], "ci_high": [0.83, 0.98, 1.35]}),
    pd.DataFrame({"yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]}),
], ids=["proportions", "two arms", "ratios", "effects"])  # fmt: skip
def test_every_cell_is_the_analysis_it_names(df):
    cells = hm.multiverse(df)
    assert not cells.duplicated(CHOICES).any()
    assert cells["estimate"].notna().all()
    check_cells(df, cells)


def test_all_values_known_can_be_asked_for():
    known = {key: values for key, values in known_values("two arms").items() if values}
    cells = hm.multiverse(TWO_ARMS, known)
    assert set(cells["measure"]) == {"OR", "RR", "RD"}
    assert set(cells["method"]) == {"GLMM", "inverse variance", "Mantel-Haenszel", "Peto"}
    random, common = cells[cells["model"] == "random"], cells[cells["model"] == "common"]
    assert (random["tau2_method"] != "").all()
    assert (common["tau2_method"] == "").all()
    assert not common["ci_method"].str.startswith("HK").any()
    assert set(random.loc[random["method"] == "inverse variance", "tau2_method"]) == set(known["tau2_method"])


def test_rows_follow_from_the_columns():
    cells = hm.multiverse(ARMS, {"measure": ["PLO"], "method": ["inverse variance"], "model": ["common"]})
    one = cells.drop_duplicates(["criteria", "use", "overlap"]).set_index(["criteria", "use", "overlap"])
    assert one["k"].to_dict() == {
        ("all", "all", "largest"): 7, ("all", "all", "keep"): 8, ("all", "ok only", "largest"): 7,
        ("RECIST1.1 only", "all", "largest"): 4, ("mRECIST only", "all", "largest"): 4,
        ("mRECIST only", "ok only", "largest"): 3,
    }  # fmt: skip
    estimates = one["estimate"].to_dict()  # H is larger than G of the same cohort, and doubtful
    assert estimates["all", "all", "largest"] != estimates["all", "ok only", "largest"]
    assert any("the same rows" in text for text in cells.attrs["left_out"])


def test_an_arm_with_two_criteria_counts_once_by_the_one_preferred():
    other = ARMS.iloc[[0]].assign(criteria="mRECIST", events=10)
    grid = {"measure": ["PLO"], "method": ["inverse variance"], "model": ["common"], "to": ["only0"], "use": ["all"],
            "overlap": ["keep"], "ci_method": ["z"]}  # fmt: skip
    cells = hm.multiverse(pd.concat([ARMS, other]), grid).set_index("criteria")
    assert cells["k"].to_dict() == {"RECIST1.1 first": 8, "mRECIST first": 8, "RECIST1.1 only": 4, "mRECIST only": 5}
    swapped = ARMS.assign(events=[10, *ARMS["events"][1:]])
    assert cells.loc["mRECIST first", "estimate"] == pytest.approx(
        hm.pool(hm.effects_proportion(swapped), model="common").display.estimate
    )


def test_uncertain_counts_are_pooled_at_both_ends():
    df = ARMS[["study", "events", "n"]].assign(events_min=ARMS["events"], events_max=ARMS["events"] + 2)
    cells = hm.multiverse(df, {"measure": ["PLO"], "method": ["GLMM"], "ci_method": ["z"]}).set_index("counts")
    assert cells.index.tolist() == ["extracted", "highest"]
    assert cells.loc["highest", "estimate"] > cells.loc["extracted", "estimate"]


def test_abstracts_can_be_left_out():
    df = ARMS[["study", "events", "n"]].assign(evidence_grade=["full_text"] * 6 + ["abstract"] * 2)
    k = hm.multiverse(df).groupby("evidence_grade", sort=False)["k"].first()
    assert k.to_dict() == {"all": 8, "full text only": 6}


def test_the_grid_of_the_project_is_known_and_used():
    grid = yaml.safe_load((project_root() / "config" / "multiverse.yaml").read_text())
    assert set(grid) == {"proportions", "two arms", "ratios", "effects"}
    cells = hm.multiverse(ARMS)
    for key in ("method", "measure", "tau2_method", "ci_method", "model"):
        assert set(cells[key]) - {"", "ML"} <= set(grid["proportions"][key]), key


def test_order_and_values_do_not_depend_on_the_backend(monkeypatch):
    serial = hm.multiverse(ARMS, backend="serial")
    monkeypatch.setattr(backends, "WORTH_PROCESSES", 0)
    pd.testing.assert_frame_equal(serial, hm.multiverse(ARMS, backend="processes"))
    shuffled = hm.multiverse(ARMS.sample(frac=1, random_state=2), backend="serial")
    np.testing.assert_allclose(shuffled["estimate"], serial["estimate"], rtol=1e-6)


def test_dask_says_what_to_install():
    with pytest.raises(hm.MethodError, match="pip install"):
        hm.multiverse(ARMS, backend="dask")


@pytest.mark.parametrize(("choices", "words"), [
    ({"scale": ["PLO"]}, "'measure'"), ({"measure": ["OR"]}, "'PLO'"), ({"measure": "PLO"}, "must be a list"),
    ({"overlap": ["raise"]}, "'largest'"), ({"counts": ["lowest"]}, "no such choice"), ([], "dict"),
    ({"method": ["inverse variance"], "ci_method": ["profile"]}, "no analysis"),
])  # fmt: skip
def test_choices_that_are_not_there_are_refused(choices, words):
    with pytest.raises(hm.MethodError, match=words):
        hm.multiverse(ARMS, choices)


def test_too_few_rows_and_unknown_tables_are_refused():
    with pytest.raises(hm.TooFewStudies, match="1 study"):
        hm.multiverse(ARMS.iloc[:1])
    with pytest.raises(hm.DataError, match="events and n"):
        hm.multiverse(pd.DataFrame({"y": [1]}))
