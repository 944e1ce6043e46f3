"""The curated tables: what stands in them, what a selection draws from them, and figures computed beforehand."""

import numpy as np
import pytest
from scipy.special import expit

import hccmeta as hm
from hccmeta.evidence.sieve import arm_table

RT_ICI = {"treatment": ["RT + ICI"]}
ADVANCED = {"unresectable", "recurrent_metastatic", "mixed", "not_stated"}
# Studies whose patients may overlap: same treatment and hospital or region, overlapping years.
SHARED = {
    "guangxi_rtpd1": {"lijx2022rt"}, "hk_sbrtio": {"sbrtiosbrt", "sbrtiotace2021"},
    "lenvatinib77": {"sbrtlen2023", "sbrtvslen2023"}, "taiwan_proton": {"linkouproton"},
    "tsinghua_pvtt": {"lig2023", "xiao2024"}, "zhongshan_rtpd1": {"chenyx2023", "zhongshan"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


@pytest.fixture(scope="module")
def set_a():
    return hm.load_tables(selection="set_a")


def pooled(rows, measure):
    """DerSimonian-Laird estimate and z interval in percent, and I2 in percent."""
    result = hm.pool(hm.effects_proportion(rows, measure=measure), tau2_method="DL", ci_method="z")
    ends = np.array([result.estimate, result.ci_low, result.ci_high])
    shares = expit(ends) if measure == "PLO" else ends
    return [round(100 * float(share), 1) for share in shares], round(100 * float(result.I2_Q))


# Computed with numpy alone from the counts of the abstracts.
@pytest.mark.parametrize(("options", "k", "events", "n", "raw", "logit"), [
    ({"overlap": "keep"}, 12, 228, 459, ([54.2, 43.0, 65.3], 85), ([52.0, 42.9, 60.9], 70)),
    ({}, 11, 214, 443, ([51.2, 40.6, 61.8], 82), ([49.7, 41.2, 58.1], 66)),
    ({"overlap": "keep", "where": {"rt_modality": ["EBRT", "SBRT", "IMRT", "not_stated"]}}, 10, 200, 382,
     ([57.8, 45.5, 70.1], 86), ([55.6, 45.4, 65.4], 71)),
], ids=["twelve arms", "one row per cohort", "without Y-90"])  # fmt: skip
def test_set_a_gives_the_figures_computed_beforehand(set_a, options, k, events, n, raw, logit):
    rows = hm.select_responses(set_a, **options)
    assert (len(rows), rows["events"].sum(), rows["n"].sum()) == (k, events, n)
    assert pooled(rows, "PRAW") == raw
    assert pooled(rows, "PLO") == logit


def test_the_default_selection_is_independent_and_advanced(tables):
    rows = hm.select_responses(tables, where=RT_ICI)
    assert len(rows) >= 13 and rows["arm_id"].is_unique and rows["cohort_id"].is_unique
    assert set(rows["setting"]) <= ADVANCED and set(rows["use"]) <= {"ok", "check"}
    assert not set(rows["arm_id"]) & {"pan2024_rt", "notablehcc_rt", "xiao2024_rt", "song2025_all", "jlc2022_rt"}
    left = rows.attrs["discarded"].set_index("arm_id")["reason"]
    assert "zhongshan" in left["chenyx2023_rt"] and "sbrtiosbrt" in left["sbrtiotace2021_rtici"]


def test_the_contrast_of_radiotherapy_on_the_same_drugs(tables):
    from hccmeta.evidence.pairs import contrast_hazard_ratios, pair_responses

    pairs = pair_responses(tables).set_index("study_id")
    assert set(pairs.index) == {"suk2022", "hu2023", "liu2024", "foshan2025", "zhongshan"}
    assert pairs.loc["zhongshan", ["events_1", "n_1", "events_2", "n_2"]].to_list() == [29, 71, 14, 71]
    for endpoint in ("OS", "PFS"):
        assert contrast_hazard_ratios(tables, endpoint=endpoint)["study_id"].to_list() == ["liu2024"]


def test_enough_rows_to_answer_with(tables):
    arms = arm_table(tables).set_index("arm_id")
    usable = ("ok", "check")

    def of_rt_ici(rows):
        rows = rows[rows["use"].isin(usable)]
        return rows[rows["arm_id"].map(arms["treatment"]).eq("RT + ICI").to_numpy()]

    responses = of_rt_ici(tables.responses)
    counted = responses[(responses["endpoint"] == "ORR") & responses["events"].notna() & responses["n"].notna()]
    assert counted["arm_id"].nunique() >= 14
    survival = of_rt_ici(tables.survival)
    landmarks = survival[(survival["endpoint"] == "OS") & (survival["statistic"] == "landmark")]
    assert landmarks["arm_id"].nunique() >= 6
    ratios = tables.hazard_ratios[tables.hazard_ratios["control_arm"].notna()]
    whole = ratios[ratios["subgroup_variable"].isna() & ratios["use"].isin(usable) & ratios["ci_low"].notna()]
    assert len(whole) >= 35 and ratios["subgroup_variable"].notna().sum() >= 90


def test_full_text_wins_over_the_abstract(tables):
    founding = ["wang2022", "jlc2022", "pan2024", "liu2024", "zhai2025"]
    study_of = tables.arms.set_index("arm_id")["study_id"]
    for name in ("responses", "survival", "hazard_ratios", "adverse_events", "characteristics"):
        rows = getattr(tables, name)
        owner = rows["arm_id"].map(study_of) if "arm_id" in rows else rows["study_id"]
        assert set(rows.loc[owner.isin(founding), "evidence_grade"]) == {"full_text"}
    grades = tables.responses.groupby("evidence_grade").size()
    assert grades["abstract"] > 50 and grades["secondary"] > 50


def test_studies_that_may_share_patients_share_a_cohort(tables):
    studies = tables.studies
    found = studies[studies["cohort_id"] != studies["study_id"]].groupby("cohort_id")["study_id"].agg(set).to_dict()
    assert found == SHARED
    assert studies.loc[studies["cohort_id"].isin(found), "overlap_note"].notna().all()


def test_intervals_keep_the_level_that_was_printed(tables):
    levels = tables.survival.dropna(subset=["ci_level"]).set_index("survival_id")["ci_level"]
    assert levels["kim2024_rt_os_median"] == 0.9 and levels["rtog1112_sor_os_median"] == 0.9
    ratios = tables.hazard_ratios.set_index("hr_id")["ci_level"]
    assert ratios["rationale301_tislevsor_os"] == 0.95003
    assert (ratios["himalaya_stridevsor_os"], ratios["himalaya_durvavsor_os"]) == (0.9602, 0.9567)


def test_landmark_rates_are_fractions_of_their_print(tables):
    marks = tables.survival[(tables.survival["statistic"] == "landmark") & tables.survival["value"].notna()]
    printed = marks["printed"].str.extract(r"([\d.]+)\s*%")[0].astype(float)
    assert printed.notna().all()
    assert np.allclose(marks["value"].to_numpy() * 100, printed.to_numpy())


def test_matched_patients_have_their_own_number(tables):
    rows = hm.select_survival(
        tables, endpoint="OS", statistic="landmark", time_months=36, population="psm", where={"study_id": "sbrtiosbrt"}
    )
    assert rows.set_index("arm_id")["n"].to_dict() == {"sbrtiosbrt_rtici": 25, "sbrtiosbrt_rt": 50}


def test_a_count_that_the_percentage_does_not_give_is_not_entered(tables):
    rows = tables.responses.set_index("response_id")
    assert rows.loc["lijx2022rt_tacesor_dcr_r11", ["events", "printed_pct"]].isna().to_list() == [True, False]
    inferred = rows[rows["events_how"] == "from_percent"]
    assert inferred[["events_min", "events_max"]].notna().all(axis=None) and (inferred["how"] == "inferred").all()
    spread = inferred["events_max"] - inferred["events_min"]
    assert spread["checkmate9dw_nivoipi_orr_r11_late"] == 3 and (spread == 0).sum() > 50


def test_comparators_and_groups_on_unknown_drugs_are_kept_apart(tables):
    arms = arm_table(tables).set_index("arm_id")
    assert "RT + ICI" not in set(arms.loc[arms["category"].str.startswith("comparator"), "treatment"])
    assert set(arms.loc[["song2025_all", "hu2023_all", "triplehepatotox_control"], "treatment"]) == {"unclear"}
    assert set(arms.index[arms["setting"] == "perioperative"]) == {"pan2024_rt", "notablehcc_rt", "xiao2024_rt"}
    assert set(arms.index[(arms["rt_modality"] == "Y90") & (arms["treatment"] == "RT + ICI")]) == {
        "jlc2022_rt", "nasirhcc_rt", "tai2021_rt",
    }  # fmt: skip


def test_every_record_supplied_is_accounted_for(tables):
    records = tables.screening.set_index("record_id")
    assert len(records) == 64 and set(records["stage"]) == {"included", "excluded"}
    included = set(records.index[records["stage"] == "included"])
    assert included == set(tables.studies["study_id"])
    assert records.loc[records["stage"] == "excluded", "reason"].notna().all()
    assert len(tables.search) == 0


def test_an_included_study_has_an_outcome(tables):
    study_of = tables.arms.set_index("arm_id")["study_id"]
    known = set(tables.hazard_ratios["study_id"]) | {"wang2022"}  # a protocol has none
    for name in ("responses", "survival", "adverse_events"):
        known |= set(getattr(tables, name)["arm_id"].map(study_of))
    assert set(tables.studies["study_id"]) <= known


def test_certainty_is_judged_in_full_and_never_raised(tables):
    domains = {
        "starting_level", "risk_of_bias", "inconsistency", "indirectness", "imprecision", "publication_bias",
        "upgrade", "overall",
    }  # fmt: skip
    levels = ["very_low", "low", "moderate", "high"]
    for _, rows in tables.certainty.groupby(["question", "outcome"]):
        judged = rows.set_index("domain")["judgement"]
        assert set(judged.index) == domains
        steps = (judged == "serious").sum() + 2 * (judged == "very_serious").sum()
        expected = max(0, levels.index(judged["starting_level"]) - steps)
        assert judged["upgrade"] == "none" and levels.index(judged["overall"]) == expected


def test_missing_results_are_judged_twice_for_every_headline_and_never_better_than_their_worst_domains(tables):
    rows = tables.missing_results
    assert set(rows["synthesis"]) == set(tables.certainty["outcome"])
    order = ["low", "some_concerns", "high"]
    for _, judged in rows[rows["assessment"] == "agreed"].groupby("synthesis"):
        by_domain = judged.set_index("domain")["judgement"].map(order.index)
        assert len(by_domain) == 6 and by_domain["overall"] == by_domain.max()


def test_bias_is_judged_for_every_study_behind_the_headline_and_every_randomised_trial(tables):
    judged = tables.risk_of_bias[tables.risk_of_bias["assessment"] == "agreed"]
    contrasts = {row for row in zip(judged["study_id"], judged["outcome"], strict=True)}
    for study in hm.pair_responses(tables)["study_id"]:
        assert {(study, "ORR with v without RT"), (study, "ORR")} & contrasts
    pooled = hm.select_responses(tables, where={"treatment": ["RT + ICI"]})["study_id"]
    trials = tables.studies.loc[tables.studies["design"] == "rct", "study_id"]
    assert set(pooled) | set(trials) <= set(judged["study_id"])
    assert set(judged.loc[judged["study_id"].isin(trials), "tool"]) == {"RoB 2"}


def test_the_matrix_of_results_agrees_with_the_results(tables):
    results = hm.headline_results(tables)
    matrix = hm.results_matrix(tables, results).set_index("study")
    for name, result in results.items():
        assert (matrix[name] == "in the result").sum() == result.k
    assert matrix.loc["Liu 2024", "OS"] == "in the result" and matrix.loc["Su K 2022", "OS"] == "something printed"
    assert matrix.loc["Zhai 2025", "OS"] == "" and matrix.loc["Li JX 2022 (SBRT)", "adverse events 3-4"].startswith("n")


def test_the_published_estimate_stands_as_printed(tables):
    rows = tables.published_metas.set_index("meta_row_id")
    one = rows.loc["cui2025_orrpooledproportion"]
    assert (one["value"], one["ci_low"], one["ci_high"], one["k"], one["n"]) == (0.544, 0.468, 0.62, 16, 633)
    assert rows["status"].value_counts().to_dict() == {"printed": 33, "not_available": 8, "derived": 3}
