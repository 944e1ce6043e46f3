"""Answers of the front page: what is counted, what is pooled and what is only shown, against the papers."""

import math
import re

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.report.certainty import EVIDENCE
from hccmeta.report.dose import biological_dose, equivalent_dose
from hccmeta.report.moderators import MODERATORS, feature_sentence
from hccmeta.report.survival import Curves

RT_ICI = {"treatment": ["RT + ICI"]}


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


def rows_of(events, n, **columns):
    names = [f"S{i}" for i in range(len(n))]
    return pd.DataFrame({"study": names, "study_id": names, "events": events, "n": n} | columns)


# --- dose


@pytest.mark.parametrize(
    ("fractions", "size", "bed"), [(3, 18.0, 151.2), (5, 10.0, 100.0), (30, 2.0, 72.0), (15, 3.0, 58.5)]
)
def test_bed_of_common_schedules(fractions, size, bed):
    assert biological_dose(fractions * size, size) == pytest.approx(bed)


def test_eqd2_of_fractions_of_two_gray_is_the_dose():
    assert equivalent_dose(biological_dose(np.array([20.0, 50.0, 60.0]), 2.0)) == pytest.approx([20.0, 50.0, 60.0])


def test_dose_follows_from_what_each_paper_prints(tables):
    doses = hm.dose_table(tables, where=RT_ICI).set_index("study")
    shown = doses[["per_fraction_low", "per_fraction_high", "bed10_low", "bed10_high"]]
    assert shown.loc["Liu 2024"].tolist() == pytest.approx([2.0, 2.0, 62.4, 67.2])
    assert shown.loc["Hu 2023"].tolist() == pytest.approx([6.0, 8.0, 57.6, 72.0])
    assert doses.loc["Zhai 2025", ["bed10_low", "bed10_high", "bed10_how"]].tolist() == [38.0, 100.0, "printed"]
    assert doses.loc["Kim BH 2024", "bed10_how"] == "missing" and math.isnan(doses.loc["Kim BH 2024", "bed10_low"])
    assert "Wang 2022 (protocol)" not in doses.index


def test_a_dose_to_tissue_of_y90_gets_no_bed(tables):
    doses = hm.dose_table(tables, where={"rt_modality": ["Y90"]})
    assert len(doses) and doses["bed10_low"].isna().all()


def test_the_dose_figure_runs_from_low_to_high(tables):
    doses = hm.dose_table(tables, where=RT_ICI)
    middle = (doses["bed10_low"] + doses["bed10_high"]).dropna()
    assert middle.is_monotonic_increasing
    assert len(hm.dose_rows(doses)) == (doses["bed10_low"].notna() & doses["events"].notna()).sum() >= 5


# --- features


def test_a_level_of_two_studies_shows_them_and_takes_no_part_in_the_test(tables):
    columns = {name: "not stated" for name in ("rt_modality", "timing", "line", "criteria", "evidence_grade", "how")}
    columns |= {"rt_bed10": np.nan, "antiangiogenic": "none", "arm_id": "no such arm"}
    rows = rows_of([5, 6, 7, 20, 21, 22, 1, 30], [30] * 8, **columns)
    rows["line"] = ["first"] * 3 + ["later"] * 3 + ["mixed"] * 2
    found = hm.moderator_table(tables, rows)
    line = found[found["feature"] == "line"]
    assert line["study"].tolist() == ["first (k = 3)", "later (k = 3)", "mixed: S6", "mixed: S7"]
    assert line["estimate"].tolist()[2:] == pytest.approx([1 / 30, 1.0])
    without = hm.moderator_table(tables, rows.iloc[:6])
    again = without.loc[without["feature"] == "line", "p_between"].iloc[0]
    assert line["p_between"].iloc[0] == pytest.approx(again)
    text = feature_sentence(found, "line")
    assert "mixed: S6 1/30 (3.3 %), S7 30/30 (100.0 %)" in text and "3 studies" in text


def test_every_question_has_an_answer_even_where_nothing_is_stated(tables):
    rows = hm.select_responses(tables, where={"arm_id": ["zhai2025_rt"]})
    answers = hm.feature_answers(hm.moderator_table(tables, rows))
    assert set(answers) <= set(MODERATORS) and {"modality", "timing", "line", "criteria", "pvtt_share"} <= set(answers)
    assert all("No study of this selection states" in answer for _, answer in answers.values())


# --- lesions, surgery


def test_another_choice_of_criteria_lets_other_studies_step_in(tables):
    first = hm.select_responses(tables, where=RT_ICI)
    only = hm.select_responses(tables, criteria="RECIST1.1", where=RT_ICI)
    assert set(only["study"]) - set(first["study"]) == {"Chen YX 2023"}
    text = hm.variants_sentence({"first": hm.pool_rates(first), "only": hm.pool_rates(only)}, outcome="ORR")
    assert "between 51.9 and 57.8 % over the choices of rows - first: " in text and "the largest that fits" in text


def test_in_field_stands_beside_all_lesions_of_the_same_patients(tables):
    scopes = ["overall", "in_field", "non_irradiated", "tumour_thrombus"]
    table = hm.scope_table(tables, endpoint="ORR", scopes=scopes, criteria=["RECIST1.1", "mRECIST"], where=RT_ICI)
    text = hm.scope_sentence(table, endpoint="ORR")
    assert "Zhai 2025, RECIST1.1: 98/108 (90.7 %) in the field v 57/108 (52.8 %) of all lesions" in text
    assert "Liu 2024: 14/39 (35.9 %)" in text
    assert "with a doubt - Liu 2024 24/39 (61.5 %): radiation-target lesions only" in text
    assert (table.groupby("study_id")["lesion_scope"].nunique() > 1).all()


def test_lesions_outside_the_field_are_compared_with_the_same_drugs(tables):
    text = hm.abscopal_sentence(tables)
    assert f"13/38 v 7/38, odds ratio {13 * 31 / (25 * 7):.2f}" in text and "neither shown nor excluded" in text


def test_around_surgery_the_denominator_is_named_and_selected_patients_stay_out(tables):
    table = hm.perioperative_table(tables)
    assert (table["use"] != "subgroup").all() and set(table["outcome"]) >= {
        "operated",
        "complete pathological response",
    }
    assert table.loc[table["use"] == "do_not_pool", "use_reason"].notna().all()
    text = hm.perioperative_sentence(table)
    for words in (
        "operated: Pan 2024 15/30 (50.0 %)",
        "Pan 2024, operated 4/15 (26.7 %)",
        "START-FIT 2023 4/33",
    ):
        assert words in text


# --- hazard ratios


def test_every_whole_population_hazard_ratio_stands_under_its_contrast(tables):
    table = hm.whole_population_hazard_ratios(tables)
    rows = tables.hazard_ratios
    assert len(table) == (rows["control_arm"].notna() & rows["subgroup_variable"].isna()).sum()
    assert table["contrast"].tolist() == sorted(table["contrast"], key=table["contrast"].tolist().index)
    first = table[table["contrast"] == table["contrast"].iloc[0]]
    assert first["contrast"].iloc[0] == "RT + ICI v ICI without RT" and set(first["study_id"]) == {"liu2024"}
    assert table.groupby("contrast")["study"].apply(lambda labels: labels.is_unique).all()
    text = hm.hazard_ratio_sentence(table)
    assert (
        f"{len(table)} hazard ratios" in text and f"{table['ci_low'].isna().sum()} of them without an interval" in text
    )


def test_a_comparison_says_what_its_hazard_ratio_is_and_warns_of_immortal_time(tables):
    hazard = {"OS": hm.contrast_hazard_ratios(tables, endpoint="OS")}
    text = hm.comparative_sentence(hm.pair_responses(tables), hazard, endpoint="ORR", level=0.95)
    assert "(Liu 2024 only, adjusted, 144 patients, not randomised)" in text
    assert "(5 studies, marked check: Liu 2024)" in text and text.endswith("(immortal time).")


def test_a_range_of_hazard_ratios_says_how_many_it_spans(tables):
    text = hm.hazard_ratio_sentence(hm.whole_population_hazard_ratios(tables))
    assert "ICI without RT v ICI without RT: 4 (2 studies, 2 usable ones 0.72 to 0.88)" in text
    assert "RT + ICI v ICI without RT: 6 (1 study, 0.37 to 0.61)" in text


def test_two_hazard_ratios_are_not_pooled(tables):
    hazard = pd.DataFrame({"study": ["A", "B"], "estimate": [0.5, 0.7], "ci_low": [0.3, 0.5], "ci_high": [0.8, 1.0]})
    none = hm.pair_responses(tables).head(0)
    text = hm.comparative_sentence(none, {"OS": hazard.assign(ci_level=0.95)}, endpoint="ORR", level=0.95)
    assert "hazard ratio of death not pooled, 2 studies: A 0.50, B 0.70" in text


# --- harms


def test_counts_of_different_attribution_are_never_pooled(tables):
    everywhere = ("unresectable", "recurrent_metastatic", "perioperative")
    grades = {grade: hm.select_adverse_events(tables, grade=grade, where=RT_ICI, settings=everywhere)
              for grade in ("any", "3-4", "5")}  # fmt: skip
    harms = {key: hm.pool_rates(rows) for key, rows in hm.by_attribution(grades).items()}
    assert all(set(result.studies["attribution"]) == {cause} for (_, cause), result in harms.items())
    assert sum(result.k for result in harms.values()) == sum(map(len, grades.values()))
    assert harms["3-4", "treatment_related"].k == 3 and harms["5", "any_cause"].k == 1
    sentence = hm.safety_sentence(harms, event="any")
    assert "of grade 5: treatment-related 0.0 %" in sentence and "and any cause Zhai 2025 2/108 (1.9 %)" in sentence
    rows = hm.harm_rows(hm.by_attribution(grades))
    assert "Zhai 2025, any cause" in set(rows.loc[rows["grade"] == "of grade 5", "study"])


def test_a_third_study_of_another_attribution_does_not_make_a_headline_pool(tables):
    rows = tables.adverse_events
    more = rows[(rows["arm_id"] == "kim2024_rt") & (rows["grade"] == "3-4")].assign(grade="ge3", ae_id="kim2024_rt_ge3")
    result = hm.headline_results(tables.replace(adverse_events=pd.concat([rows, more])))["adverse events ge3"]
    assert result.k == 3 and math.isnan(result.estimate)


def test_a_death_has_its_cause_in_the_words_of_the_paper(tables):
    text = hm.fatal_sentence(hm.fatal_events(tables, where=RT_ICI))
    assert "Zhai 2025 2/108" in text and "severe diarrhea induced by lenvatinib" in text
    assert "Kim BH 2024 0/50" in text


def test_a_death_without_a_printed_cause_is_not_explained():
    row = {"study": "A", "arm_id": "a", "event": "any", "grade": "5", "attribution": "not_stated", "events": 3, "n": 40}
    table = pd.DataFrame([row | {"printed": "3", "note": None, "locator": "", "source": "", "evidence_grade": ""}])
    assert "A 3/40 not stated (cause not printed)" in hm.fatal_sentence(table)


def test_the_liver_table_holds_zeros_and_the_arm_beside_but_no_mild_enzyme_rise(tables):
    table = hm.liver_table(tables, where=RT_ICI)
    enzymes = table[table["kind"].str.contains("enzymes")]
    assert not set(enzymes["grade"]) & {"any", "1", "2", "1-2"}
    rild = table[table["study"] == "Zhai 2025"].iloc[0]
    assert (rild["events"], rild["n"], rild["attribution"]) == (0, 108, "radiation_induced")
    text = hm.liver_sentence(table)
    assert "8/50 non-classic RILD (radiation induced) v 9/50" in text and "2/25 hepatitis" in text


# --- what was read


def test_full_texts_only_means_full_texts_only(tables):
    results = hm.results_by_grade(tables)
    assert list(results) == list(EVIDENCE)
    grades = {words: set(one["ORR"].studies["evidence_grade"]) for words, one in results.items()}
    assert grades["full texts only"] == {"full_text"} and grades["without secondary sources"] == {
        "full_text",
        "abstract",
    }
    ks = [results[words]["ORR"].k for words in EVIDENCE]
    assert ks == sorted(ks, reverse=True) and ks[0] > ks[-1]


def test_the_move_is_a_difference_for_rates_and_a_factor_for_ratios(tables):
    results = hm.results_by_grade(tables)
    table = hm.grade_table(results).set_index(["outcome", "group"]).sort_index()
    whole, rest = (results[words]["ORR"].display.estimate for words in list(EVIDENCE)[:2])
    assert table.loc[("ORR", "without secondary sources"), "move"].item() == pytest.approx(rest - whole)
    odds = [results[words]["ORR with v without RT"].display.estimate for words in ("all rows", "full texts only")]
    moved = table.loc[("ORR with v without RT", "full texts only"), "move"].item()
    assert moved == pytest.approx(odds[1] / odds[0])
    text = hm.grade_sentence(results)
    assert f"({100 * (rest - whole):+.1f} points)" in text and f"(times {moved:.2f})" in text
    few = table[(table["k"] == 2)]
    assert len(few) and few["move"].isna().all()


def test_the_summary_of_findings_pools_no_two_studies(tables):
    results = hm.headline_results(tables) | {"ORR": hm.pool_rates(rows_of([3, 33], [16, 108]))}
    summary = hm.summary_of_findings(tables, results).set_index("outcome")
    assert summary.loc["ORR", "result"] == "not pooled: S0 3/16 (18.8 %), S1 33/108 (30.6 %)"
    assert summary.loc["ORR", "studies"] == "2 studies"
    assert summary.loc["OS", "result"] == "hazard ratio 0.53 (95 % CI 0.32 to 0.87)"
    assert summary.loc["ORR with v without RT", "result"].startswith("odds ratio 3.14 (")


def test_absolute_effects_are_those_of_the_patients_they_describe(tables):
    """1,000 patients at the risk without; of the odds ratio by its definition, of the hazard ratio by its survival."""
    results = hm.headline_results(tables)
    table = hm.absolute_effects(results)
    for row in table.to_dict("records"):
        without = row["risk_without"]
        risk = without + row["difference"] / 1000
        effect = results[row["outcome"]].display.estimate
        if row["outcome"] == "ORR with v without RT":
            assert risk / (1 - risk) == pytest.approx(effect * without / (1 - without))
        else:
            assert math.log(1 - risk) == pytest.approx(effect * math.log(1 - without))
        assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert set(table["outcome"]) == {"ORR with v without RT", "OS", "PFS"}
    summary = hm.summary_of_findings(tables, results).set_index("outcome")
    assert summary.loc["OS", "without_per_1000"] == "300; 450; 600 dead at 12 months"
    assert summary.loc["OS", "difference_per_1000"].startswith("128 fewer (32 to 192); 178 fewer (43 to 275)")
    assert "more (" in summary.loc["ORR with v without RT", "difference_per_1000"]
    assert summary.loc["ORR", "without_per_1000"] == ""


def test_an_absolute_effect_that_may_be_none_says_both_directions(tables):
    wide = hm.effects_ratio_ci(pd.DataFrame({"study": ["A"], "estimate": [0.8], "ci_low": [0.5], "ci_high": [1.28]}))
    summary = hm.summary_of_findings(tables, {"OS": hm.pool(wide)}).set_index("outcome")
    assert re.search(r"52 fewer \(137 fewer to 67 more\)", summary.loc["OS", "difference_per_1000"])


def test_only_studies_that_can_give_a_rate_are_missed(tables):
    matrix = hm.results_matrix(tables, hm.headline_results(tables))
    assert len(matrix) == 26 and not matrix["study"].str.contains("case").any()
    assert "adverse events of grade 3-4, treatment-related: 3 of 26" in hm.missing_sentence(matrix)


def test_judgements_of_missing_results_say_how_their_count_follows_from_the_matrix(tables):
    matrix = hm.results_matrix(tables, hm.headline_results(tables))
    judged = tables.missing_results
    judged = judged[(judged["assessment"] == "agreed") & judged["domain"].str.startswith("D1")]
    names = {*tables.studies["study_id"], *tables.studies["cohort_id"]}
    for row in judged.to_dict("records"):
        eligible, listed = map(int, re.search(r"(\d+) = the (\d+) (?:studies )?of the matrix", row["note"]).groups())
        left_out = re.findall(r"\w+", row["note"].partition(" less ")[2])
        assert listed == (matrix[row["synthesis"]] != "").sum()
        assert eligible == listed - len(names.intersection(left_out))
        assert f" of {eligible} " in row["support"]


def test_a_finding_of_a_pooled_row_is_counted_once_and_named(tables):
    findings = hm.audit_numbers(tables)
    text = hm.moves_sentence(hm.audit_moves(tables, findings), findings)
    serious = (findings["severity"] != "info").sum()
    assert text.startswith(f"1 of the {serious} errors") and "from 0.519 to 0.535 (row tai2021_" in text


def test_a_finding_moves_the_odds_ratio_by_the_pair_that_holds_it(tables):
    pairs = hm.pair_responses(tables)
    finding = hm.audit_numbers(tables).head(1).assign(severity="error")
    for column, study in (("response_id_1", "liu2024"), ("response_id_2", "suk2022")):
        key = pairs.loc[pairs["study_id"] == study, column].item()
        moves = hm.audit_moves(tables, finding.assign(key=key)).set_index("pool")
        rest = hm.pool(hm.effects_two_arm(pairs[pairs["study_id"] != study]))
        row = moves.loc["ORR with v without RT"]
        assert row["without_row"] == pytest.approx(rest.display.estimate)
        assert row["move"] == pytest.approx(abs(math.log(row["without_row"] / row["with_row"])))


def test_what_is_not_pooled_cannot_be_moved(tables):
    few = hm.select_adverse_events(tables, grade="ge3", where=RT_ICI)
    assert len(few) == 2
    finding = hm.audit_numbers(tables).head(1).assign(severity="error", key=few["ae_id"].iloc[0])
    moves = hm.audit_moves(tables, finding)
    assert moves.empty and "None of the 1" in hm.moves_sentence(moves, finding)


def test_factors_are_named_by_study_and_warned_of(tables):
    text = hm.factor_sentence(hm.factor_table(tables))
    assert "Pan 2024, OS by surgery p = 0.025, adjusted 0.025" in text and "lived long enough" in text


def test_a_sample_size_is_recomputed_under_rates_that_are_told(tables):
    rows = hm.select_responses(tables, where=RT_ICI)
    text = hm.design_sentence(tables, hm.recompute_designs(tables), hm.pool_rates(rows))
    assert "Wang 2022 (protocol) (n = 42, 27.3 % v 47.0 %): given by no method" in text
    assert "Pan 2024 (n = 28 / 30, 5.0 % v 19.5 %)" in text


# --- survival as printed


def test_a_median_keeps_an_open_interval_as_printed(tables):
    text = hm.survival_sentence(tables, Curves({}, {}, None))
    assert "Pan 2024, perioperative: 18.7 months; Liu 2024: 25.0 months (95 % CI 19.0 to not given)" in text


def test_printed_survival_keeps_levels_limits_and_what_was_not_reached(tables):
    wide = hm.survival_by_arm(hm.printed_survival(tables, where=RT_ICI)).set_index("arm_id")
    assert wide.loc["kim2024_rt", "OS median"] == "15.2 (10.8 to 19.6, 90 % CI)"
    assert wide.loc["chenyx2023_rt", "OS median"] == "not reached"
    assert wide.loc["liu2024_rt", "OS median"] == "25.0 (19.0 to not given)"
    assert wide.loc["zhai2025_rt", "OS 24 months"] == "36.2 %"
    assert wide.loc["pan2024_rt", "setting"] == "perioperative" and wide.index.is_unique
