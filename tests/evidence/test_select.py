"""Selection: one row per arm and independent group, the preferences visible, nothing lost without a reason."""

import random

import pandas as pd
import pytest

import hccmeta as hm

from .made_up import arm, clean_rows, ratio, response, study, survival, write_folder

PERIOPERATIVE = ("unresectable", "perioperative")


@pytest.fixture
def load(tmp_path):
    """Tables of the clean rows after a change."""

    def tables(change=lambda rows: None):
        rows = clean_rows()
        change(rows)
        return hm.load_tables(write_folder(tmp_path / "extracted", rows))

    return tables


def reasons(selected):
    discarded = selected.attrs["discarded"]
    return dict(zip(discarded.iloc[:, 0], discarded["reason"], strict=True))


def test_one_row_per_arm_and_cohort_in_order_of_year(load):
    selected = hm.select_responses(load())
    assert selected["arm_id"].to_list() == ["alpha2020_rt", "beta2021_rt", "beta2021_nort"]
    assert selected["events"].to_list() == [18, 21, 35] and selected["n"].to_list() == [40, 39, 105]
    assert selected["criteria"].unique().tolist() == ["RECIST1.1"]
    assert selected["study"].to_list() == ["Alpha 2020", "Beta 2021, RT", "Beta 2021, NORT"]
    told = reasons(selected)
    assert "alpha2020_rt" in selected["arm_id"].values and "alpha2020" in told["gamma2022_rt_orr_mr_overall_all"]
    assert told["delta2022_rt_orr_r11_overall_all"] == "setting is perioperative"
    assert told["omega2023_rt_orr_r11_overall_all"] == "case report"
    assert told["alpha2020_rt_orr_mr_overall_all"] == "RECIST1.1 preferred"
    assert told["alpha2020_rt_orr_r11_in_field_all"] == "lesion_scope is in_field"
    assert told["beta2021_rt_orr_r11_overall_psm"] == "all preferred"


def test_preferences_are_ordered_and_closed(load):
    tables = load()
    first = hm.select_responses(tables, criteria=("mRECIST", "RECIST1.1"))
    assert first.set_index("arm_id")["criteria"].to_dict() == {
        "alpha2020_rt": "mRECIST", "beta2021_rt": "RECIST1.1", "beta2021_nort": "RECIST1.1",
    }  # fmt: skip
    only = hm.select_responses(tables, criteria="mRECIST", overlap="keep")
    assert only["arm_id"].to_list() == ["alpha2020_rt", "gamma2022_rt"]
    matched = hm.select_responses(tables, population=("psm", "all"))
    assert matched.set_index("arm_id").loc["beta2021_nort", ["events", "n", "population"]].to_list() == [10, 38, "psm"]
    with pytest.raises(hm.MethodError, match="'RECIST1.1'"):
        hm.select_responses(tables, criteria="RECIST")
    with pytest.raises(hm.MethodError, match="endpoint"):
        hm.select_responses(tables, endpoint="OS")
    with pytest.raises(hm.MethodError, match="overlap"):
        hm.select_responses(tables, overlap="first")
    with pytest.raises(hm.MethodError, match="settings"):
        hm.select_responses(tables, settings=("advanced",))


def test_shared_cohort_keeps_the_largest_refuses_or_keeps_all(load):
    tables = load()
    assert "gamma2022_rt" in hm.select_responses(tables, overlap="keep")["arm_id"].values
    with pytest.raises(hm.DataError, match="alpha2020, gamma2022") as caught:
        hm.select_responses(tables, overlap="raise")
    assert caught.value.problems[0]["value"] == "shared"
    larger = load(lambda rows: rows["responses"].append(response("gamma2022_rt", "DCR", 15, 20, 75.0)))
    assert hm.select_responses(larger, endpoint="DCR")["arm_id"].to_list() == ["alpha2020_rt"]
    without = hm.select_responses(tables, where={"study_id": ["beta2021", "gamma2022"]}, overlap="raise")
    assert "gamma2022_rt" in without["arm_id"].values


def test_both_arms_of_one_study_stay_and_a_pooled_arm_leaves(load):
    def pooled(rows):
        rows["arms"].append(arm("beta2021_both", 144, role="pooled"))
        rows["responses"].append(response("beta2021_both", "ORR", 56, 144, 38.9))

    selected = hm.select_responses(load(pooled))
    assert "beta2021_both" not in selected["arm_id"].values
    assert reasons(selected)["beta2021_both_orr_r11_overall_all"] == "pooled arm: its parts are in"
    alone = hm.select_responses(load(pooled), where={"arm_id": "beta2021_both"})
    assert alone["arm_id"].to_list() == ["beta2021_both"]


def test_perioperative_and_case_reports_enter_only_when_asked(load):
    tables = load()
    assert "delta2022_rt" in hm.select_responses(tables, settings=PERIOPERATIVE)["arm_id"].values
    assert hm.select_responses(tables, settings="case_report")["arm_id"].to_list() == ["omega2023_rt"]
    pathologic = {"endpoint": "MPR", "criteria": "pathologic", "population": "resected"}
    assert hm.select_responses(tables, **pathologic).empty
    assert hm.select_responses(tables, **pathologic, settings="perioperative")["events"].to_list() == [6]


def test_use_decides_and_check_rows_stay_with_their_note(load):
    def judge(rows):
        rows["responses"][8] |= {"use": "check", "use_reason": "doubt", "note": "cell broken"}
        rows["responses"][9] |= {"use": "do_not_pool", "use_reason": "no denominator"}

    selected = hm.select_responses(load(judge), population="all").set_index("arm_id")
    assert selected.loc["beta2021_rt", "note"] == "cell broken"
    assert "beta2021_nort" not in selected.index
    assert reasons(selected)["beta2021_nort_orr_r11_overall_all"] == "use is do_not_pool: no denominator"


def test_where_filters_by_any_joined_column_or_function(load):
    tables = load()
    assert hm.select_responses(tables, where={"rt": "no"})["arm_id"].to_list() == ["beta2021_nort"]
    early = hm.select_responses(tables, where={"year": [2020], "rt": ("yes", "part")})
    assert early["study_id"].to_list() == ["alpha2020"]
    small = hm.select_responses(tables, where=lambda table: table["n"] < 40, overlap="keep", population="all")
    assert small["arm_id"].to_list() == ["beta2021_rt", "gamma2022_rt"]
    with pytest.raises(hm.MethodError, match="rt_modality"):
        hm.select_responses(tables, where={"modality": "IMRT"})


@pytest.mark.parametrize("options", [{}, {"endpoint": "DCR"}, {"where": {"rt": "no", "year": 2020}},
                                     {"population": "psm"}, {"lesion_scope": "in_field"},
                                     {"settings": "case_report"}])  # fmt: skip
def test_every_row_of_the_endpoint_is_selected_or_discarded_once(load, options):
    tables = load()
    selected = hm.select_responses(tables, **options)
    endpoint = options.get("endpoint", "ORR")
    rows = tables.responses.loc[tables.responses["endpoint"] == endpoint, "response_id"]
    found = [*selected["response_id"], *selected.attrs["discarded"]["response_id"]]
    assert sorted(found) == sorted(rows)
    assert selected.attrs["discarded"]["reason"].str.len().gt(0).all()


def test_a_filter_value_that_occurs_nowhere_is_answered_with_those_that_do(load):
    tables = load()
    for where in ({"rt": "never"}, {"country": ["Atlantis"]}, {"year": [1900, 2020]}, {"treatment": "RT"}):
        with pytest.raises(hm.MethodError, match="is never .*Values that occur: "):
            hm.select_responses(tables, where=where)
    with pytest.raises(hm.MethodError, match="country is never Atlantis"):
        hm.select_survival(tables, endpoint="OS", statistic="median", where={"country": "Atlantis"})
    with pytest.raises(hm.MethodError, match="country is never Atlantis"):
        hm.select_hazard_ratios(tables, where={"country": "Atlantis"})


def test_a_known_value_without_rows_gives_an_empty_table(load):
    """The schema lists it, or a saved selection left it out: nothing is wrong."""
    tables = load()
    assert hm.select_responses(tables, where={"treatment": "neither"}).empty
    chosen = type(tables)(tables.frames, tables.schemas, {"name": "mine"}, set())
    assert hm.select_responses(chosen, where={"country": "Atlantis"}).empty


def test_an_event_that_no_study_reports_is_answered_with_the_nearest():
    tables = hm.load_tables()
    with pytest.raises(hm.MethodError, match="event = 'nausea and vomitting' stands in no row.*Nearest: "):
        hm.select_adverse_events(tables, event="nausea and vomitting")
    with pytest.raises(hm.MethodError, match="stands in no row"):
        hm.pair_adverse_events(tables, event="sudden wings")


def test_order_of_the_rows_in_the_files_does_not_matter(load):
    def shuffle(seed):
        def change(rows):
            for table in ("responses", "studies"):
                random.Random(seed).shuffle(rows[table])

        return change

    wanted = hm.select_responses(load()).drop(columns="note")
    for seed in range(5):
        assert hm.select_responses(load(shuffle(seed))).drop(columns="note").equals(wanted)


def test_selections_can_be_concatenated_and_copied(load):
    tables = load()
    both = [hm.select_responses(tables), hm.select_responses(tables, criteria="mRECIST")]
    assert len(pd.concat(both)) == sum(map(len, both))
    assert len(both[0].copy().attrs["discarded"]) == len(both[0].attrs["discarded"])


def test_selected_counts_go_straight_into_effects(load):
    effects = hm.effects_proportion(hm.select_responses(load()), measure="PLO")
    assert effects["yi"].notna().all() and "study" in effects


def test_hazard_ratio_prefers_the_adjusted_model_and_leaves_subgroups_out(load):
    selected = hm.select_hazard_ratios(load())
    assert selected[["estimate", "ci_low", "ci_high", "n"]].values.tolist() == [[0.53, 0.30, 0.94, 144]]
    assert reasons(selected) == {
        "beta2021_os_young": "use is subgroup: selected patients", "beta2021_os_crude": "multivariable preferred",
    }  # fmt: skip
    crude = hm.select_hazard_ratios(load(), model=("univariable",))
    assert crude["estimate"].to_list() == [0.58]
    assert hm.select_hazard_ratios(load(), endpoint="PFS").empty


def test_comparisons_that_share_an_arm_are_not_independent(load):
    def third_arm(rows):
        rows["arms"].append(arm("beta2021_y90", 60, role="experimental", rt_modality="Y90"))
        rows["hazard_ratios"].append(
            ratio("beta2021_os_y90", 0.8, 0.5, 1.28, 0.35, "0.8 (0.5-1.28), p = 0.35", experimental_arm="beta2021_y90")
        )

    selected = hm.select_hazard_ratios(load(third_arm))
    assert selected["experimental_arm"].to_list() == ["beta2021_y90"]
    assert reasons(selected)["beta2021_os_adjusted"] == "shares an arm with beta2021_os_y90"
    assert len(hm.select_hazard_ratios(load(third_arm), overlap="keep")) == 2
    with pytest.raises(hm.DataError, match="share an arm"):
        hm.select_hazard_ratios(load(third_arm), overlap="raise")


def test_factors_piecewise_ratios_and_ratios_without_interval_leave(load):
    def change(rows):
        rows["hazard_ratios"][0] |= {"model": "piecewise"}
        rows["hazard_ratios"][1] |= {"ci_low": None, "ci_high": None, "ci_level": None}
        rows["hazard_ratios"][2] |= {
            "control_arm": None, "population": "all", "analysis": "primary", "use": "check", "use_reason": "factor",
        }  # fmt: skip

    selected = hm.select_hazard_ratios(load(change))
    assert selected.empty and reasons(selected) == {
        "beta2021_os_crude": "model is piecewise", "beta2021_os_adjusted": "no interval printed",
        "beta2021_os_young": "factor inside one arm, no comparison of arms",
    }  # fmt: skip


def test_medians_not_reached_stay_and_n_is_that_of_the_endpoint(load):
    def smaller(rows):
        rows["survival"].append(survival("beta2021_nort", "OS", "n", 100, "100", population="evaluable"))
        rows["survival"][11] |= {"population": "evaluable", "survival_id": "beta2021_nort_os_median_evaluable"}

    selected = hm.select_survival(load(smaller), endpoint="OS", statistic="median").set_index("arm_id")
    assert selected["estimate"].isna().to_dict() == {
        "alpha2020_rt": False, "beta2021_rt": True, "beta2021_nort": False,
    }  # fmt: skip
    assert selected.loc["beta2021_rt", "status"] == "not_reached"
    assert selected["n"].to_dict() == {"alpha2020_rt": 40, "beta2021_rt": 39, "beta2021_nort": 100}


def test_landmarks_need_their_time(load):
    tables = load()
    selected = hm.select_survival(tables, endpoint="OS", statistic="landmark", time_months=12)
    assert selected[["estimate", "time_months"]].values.tolist() == [[0.68, 12.0]]
    assert reasons(selected)["alpha2020_rt_os_l24_all"] == "time is 24 months"
    for options in ({"statistic": "landmark"}, {"statistic": "median", "time_months": 12}, {"statistic": "event_time"}):
        with pytest.raises(hm.MethodError):
            hm.select_survival(tables, endpoint="OS", **options)


def test_the_primary_analysis_comes_before_others(load):
    def interim(rows):
        early = response("alpha2020_rt", "ORR", 9, 40, 22.5)
        rows["responses"].insert(0, early | {"response_id": "alpha2020_rt_orr_interim", "analysis": "interim"})

    selected = hm.select_responses(load(interim))
    assert selected["analysis"].to_list() == ["primary"] * 3 and selected["events"].to_list()[0] == 18


def test_ties_of_overlapping_studies_go_to_the_earliest(load):
    def twin(rows):
        rows["studies"].append(study("aaa2023", 2023, cohort_id="shared"))
        rows["arms"].append(arm("aaa2023_rt", 40))
        rows["responses"].append(response("aaa2023_rt", "ORR", 20, 40, 50.0))

    assert "alpha2020_rt" in hm.select_responses(load(twin))["arm_id"].values
