"""Rules over several columns: clean rows pass, and every rule is broken once on purpose."""

import pytest

import hccmeta as hm
from hccmeta.evidence import rules_counts, rules_keys, rules_printed, rules_survival, rules_treatment
from hccmeta.evidence.check import report_check

from .made_up import response, write_folder

MODULES = (rules_keys, rules_counts, rules_survival, rules_treatment, rules_printed)
ARITHMETIC = {rule.__name__ for module in MODULES for rule in module.ARITHMETIC}
STRUCTURE = {rule.__name__ for module in MODULES for rule in module.STRUCTURE}


def put(table, index, **values):
    def change(rows):
        rows[table][index] |= values

    return change


def add(table, index, **values):
    def change(rows):
        rows[table].append(rows[table][index] | values)

    return change


# rule -> (change, table, column); indices are those of made_up.clean_rows
BROKEN = {
    "arm_id_names_its_study": (put("arms", 1, study_id="alpha2020", line="first"), "arms", "arm_id"),
    "row_id_names_its_arm": (put("responses", 8, arm_id="beta2021_nort"), "responses", "arm_id"),
    "row_id_names_its_endpoint": (put("responses", 2, endpoint="PD"), "responses", "endpoint"),
    "row_id_names_its_criteria": (put("responses", 4, criteria="mRECIST"), "responses", "criteria"),
    "row_id_names_its_landmark": (put("survival", 3, time_months=21), "survival", "time_months"),
    "criteria_fit_endpoint": (put("responses", 15, endpoint="ORR"), "responses", "criteria"),
    "one_row_per_fact": (add("responses", 0, response_id="alpha2020_rt_cr_again"), "responses", "arm_id"),
    "arms_belong_to_the_study": (put("hazard_ratios", 0, control_arm="gamma2022_rt"), "hazard_ratios", "control_arm"),
    "two_sides_differ": (put("hazard_ratios", 0, control_arm="beta2021_rt"), "hazard_ratios", "control_arm"),
    "use_has_its_reason": (put("responses", 0, use="check"), "responses", "use_reason"),
    "subgroup_is_named": (put("responses", 10, population="all"), "responses", "population"),
    "relation_is_given": (put("comparisons", 0, relation=None), "comparisons", "relation"),
    "judgement_fits_its_tool": (put("risk_of_bias", 0, judgement="serious"), "risk_of_bias", "judgement"),
    "judgements_are_complete": (lambda rows: rows["risk_of_bias"].pop(), "risk_of_bias", "assessment"),
    "syntheses_are_known": (put("missing_results", 0, synthesis="OS"), "missing_results", "synthesis"),
    "events_within_n": (put("responses", 0, events=41), "responses", "events"),
    "events_within_bounds": (put("responses", 16, events_min=14), "responses", "events_min"),
    "inferred_count_has_its_range": (put("responses", 16, events_max=14), "responses", "events_min"),
    "characteristic_has_its_value": (put("characteristics", 0, events=None), "characteristics", "events"),
    "count_says_how": (put("responses", 0, events=None), "responses", "events"),
    "n_within_arm": (put("adverse_events", 0, n=400), "adverse_events", "n"),
    "whole_arm_has_its_n": (put("adverse_events", 0, n=39), "adverse_events", "n"),
    "same_n_in_a_block": (put("responses", 1, n=39), "responses", "n"),
    "percentage_fits_count": (put("adverse_events", 3, events=3, printed="3 (5.0%)"), "adverse_events", "printed_pct"),
    "response_cells_add_up": (
        put("responses", 1, events=13, printed_pct=32.5, printed="13 (32.5%)"), "responses", "events"),
    "grades_nest": (
        put("adverse_events", 1, events=37, printed_pct=92.5, printed="37 (92.5%)"), "adverse_events", "events"),
    "statistic_has_its_columns": (put("survival", 2, status=None), "survival", "status"),
    "value_has_its_scale": (put("survival", 3, value=68), "survival", "value"),
    "interval_is_ordered": (put("responses", 4, ci_low=0.615, ci_high=0.293), "responses", "ci_low"),
    "curves_are_survival_curves": (put("km_points", 2, survival=0.86), "km_points", "survival"),
    "estimate_within_interval": (put("survival", 2, value=26.2, printed="26.2 (12.0-21.9)"), "survival", "value"),
    "ratio_interval_is_symmetric": (
        put("hazard_ratios", 0, hr=0.85, printed="0.85 (95% CI 0.33-1.01), p = 0.054"), "hazard_ratios", "hr"),
    "counts_fit_group": (put("survival", 1, value=52, printed="52"), "survival", "value"),
    "landmarks_never_rise": (put("survival", 4, value=0.71, printed="71%"), "survival", "value"),
    "median_fits_landmarks": (put("survival", 3, value=0.38, printed="38%"), "survival", "value"),
    "progression_comes_before_death": (put("survival", 5, value=19.1, printed="19.1"), "survival", "value"),
    "times_within_follow_up": (put("survival", 9, value=13.0, printed="13.0"), "survival", "value"),
    "year_fits_study_id": (put("studies", 0, year=2002), "studies", "year"),
    "dose_is_ordered": (put("arms", 0, rt_dose_high=45, printed="50 Gy, 45 Gy"), "arms", "rt_dose_low"),
    "dose_needs_radiotherapy": (put("arms", 2, rt_bed10=60), "arms", "rt_bed10"),
    "biological_dose_follows": (put("arms", 0, rt_bed10=72, rt_eqd2=60), "arms", "rt_bed10"),
    "design_is_a_design": (put("designs", 0, p0=0.3, p1=0.1), "designs", "p0"),
    "comparison_value_has_its_range": (put("comparisons", 0, value=3.4, printed="p = 3.4"), "comparisons", "value"),
    "timeline_value_has_its_unit": (put("case_timeline", 0, unit=None), "case_timeline", "unit"),
    "included_record_is_a_study": (put("screening", 0, record_id="alfa2020"), "screening", "record_id"),
    "source_is_a_reference": (put("responses", 0, source="Table 2"), "responses", "source"),
    "source_is_of_its_study": (put("responses", 0, source="doi:10.1000/gamma2022"), "responses", "arm_id"),
    "printed_text_given": (put("responses", 0, printed=None), "responses", "printed"),
    "entered_number_is_printed": (put("survival", 5, value=1.9), "survival", "value"),
    "printed_dose_is_entered": (put("arms", 0, rt_dose_low=45), "arms", "rt_dose_low"),
    "printed_count_is_entered": (put("responses", 0, events=8, events_how="printed", n=80), "responses", "events"),
    "printed_number_is_entered": (put("characteristics", 0, printed_pct=None), "characteristics", "printed"),
}  # fmt: skip


MORE_CASES = [
    ("curves_are_survival_curves", put("km_points", 0, time_months=1), "km_points", "survival"),
    ("curves_are_survival_curves", put("km_at_risk", 2, n_at_risk=33), "km_at_risk", "n_at_risk"),
    ("curves_are_survival_curves", put("km_at_risk", 0, n_at_risk=39), "km_at_risk", "n_at_risk"),
    ("value_has_its_scale", put("survival", 2, value=493, ci_low=365, ci_high=667), "survival", "value"),
    ("value_has_its_scale", put("survival", 3, time_months=365), "survival", "time_months"),
    ("value_has_its_scale", put("survival", 1, value=22.5), "survival", "value"),
    ("statistic_has_its_columns", put("survival", 3, time_months=None), "survival", "time_months"),
    ("statistic_has_its_columns", put("survival", 10, value=20), "survival", "status"),
    ("statistic_has_its_columns", put("prognostic_factors", 0, status_1=None), "prognostic_factors", "status_1"),
    ("interval_is_ordered", put("responses", 4, ci_level=None), "responses", "ci_level"),
    ("interval_is_ordered", put("characteristics", 2, value_low=74, value_high=31), "characteristics", "value_low"),
    ("estimate_within_interval", put("characteristics", 2, value=85), "characteristics", "value"),
    ("events_within_n", put("comparisons", 0, events_1=40, n_1=39), "comparisons", "events_1"),
    ("n_within_arm", put("hazard_ratios", 0, n=145), "hazard_ratios", "n"),
    ("n_within_arm", put("prognostic_factors", 0, n_2=42), "prognostic_factors", "n_1"),
    ("n_within_arm", put("comparisons", 0, n_2=106), "comparisons", "n_2"),
    ("characteristic_has_its_value", put("characteristics", 0, value=85), "characteristics", "value"),
    ("judgement_fits_its_tool", put("certainty", 0, judgement="serious"), "certainty", "judgement"),
    ("judgements_are_complete", lambda rows: rows["missing_results"].pop(), "missing_results", "assessment"),
    ("design_is_a_design", put("designs", 0, n_evaluable=52), "designs", "n_evaluable"),
    ("biological_dose_follows", put("arms", 0, rt_eqd2=60), "arms", "rt_eqd2"),
    ("dose_needs_radiotherapy", put("arms", 1, rt_modality="none"), "arms", "rt_modality"),
    ("source_is_a_reference", put("responses", 0, locator="10.1000/alpha2020"), "responses", "locator"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change", "table", "column"), MORE_CASES)
def test_further_branches_of_the_rules(tmp_path, rows, rule, change, table, column):
    change(rows)
    problems = hm.check_tables(write_folder(tmp_path / "extracted", rows))
    assert (rule, table, column) in rules_hit(problems)


def rules_hit(problems):
    return {
        (row.rule.split(":")[0], row.table, row.column) for row in problems.itertuples() if ":" in row.rule
    }


def test_clean_rows_have_no_problem(folder):
    problems = hm.check_tables(folder)
    assert list(problems) == ["table", "row", "column", "value", "rule", "fix"] and problems.empty
    assert hm.check_tables(hm.load_tables(folder)).empty
    assert report_check(folder)[1] == 0


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_its_error(tmp_path, rows, rule):
    change, table, column = BROKEN[rule]
    change(rows)
    problems = hm.check_tables(write_folder(tmp_path / "extracted", rows))
    assert (rule, table, column) in rules_hit(problems)
    assert problems["fix"].str.len().gt(5).all() and problems["row"].notna().all()


def test_every_rule_is_broken_once_and_explains_itself():
    assert set(BROKEN) == STRUCTURE | ARITHMETIC
    for module in MODULES:
        for rule in (*module.STRUCTURE, *module.ARITHMETIC):
            assert rule.__doc__ and len(rule.__doc__.splitlines()[0]) > 20


@pytest.mark.parametrize("rule", sorted(ARITHMETIC))
def test_a_confirmed_print_may_break_arithmetic(tmp_path, rows, rule):
    change, table, _ = BROKEN[rule]
    change(rows)
    if table in ("studies", "arms"):
        pytest.fail("arithmetic rules belong to tables with print_confirmed")
    for row in rows[table]:
        row["print_confirmed"] = "yes"
    rows["responses"] = [row | {"print_confirmed": "yes"} for row in rows["responses"]]
    problems = hm.check_tables(write_folder(tmp_path / "extracted", rows))
    assert rule not in {name for name, _, _ in rules_hit(problems)}


def test_a_confirmed_print_excuses_no_slip_of_ours(tmp_path, rows):
    rows["responses"][4] |= {"ci_low": 0.615, "ci_high": 0.293, "print_confirmed": "yes"}
    rows["survival"][5] |= {"value": 1.9, "print_confirmed": "yes"}
    problems = hm.check_tables(write_folder(tmp_path / "extracted", rows))
    assert {"interval_is_ordered", "entered_number_is_printed"} <= {name for name, _, _ in rules_hit(problems)}


def test_tables_in_memory_and_files_give_the_same_problems(tmp_path, rows, folder):
    tables = hm.load_tables(folder)
    wrong = tables.responses.copy()
    wrong.loc[0, "events"] = 41
    rows["responses"][0]["events"] = 41
    from_files = hm.check_tables(write_folder(tmp_path / "again", rows))
    assert hm.check_tables(tables.replace(responses=wrong)).equals(from_files) and len(from_files)
    narrow = tables.replace(survival=tables.survival.drop(columns="value"))
    assert "every column of the schema is present" in set(hm.check_tables(narrow)["rule"])


def test_several_errors_in_one_row_are_all_listed(tmp_path, rows):
    rows["responses"][0] |= {"arm_id": "beta2021_rt", "n": 39, "events": 5, "use": "check"}
    problems = hm.check_tables(write_folder(tmp_path / "extracted", rows))
    names = {name for name, _, _ in rules_hit(problems[problems["row"] == 2])}
    assert names >= {"row_id_names_its_arm", "use_has_its_reason", "source_is_of_its_study", "percentage_fits_count"}


def test_report_is_readable_and_fails(tmp_path, rows):
    rows["responses"][0]["events"] = 41
    text, code = report_check(write_folder(tmp_path / "extracted", rows))
    assert code == 1 and "responses.csv, line 2, column events = '41'" in text and "n is 40" in text
    assert report_check(tmp_path / "nowhere") == (
        f"There is no folder {tmp_path / 'nowhere'}: give the folder that holds the CSV files.", 1)  # fmt: skip


def test_inferred_bounds_are_all_counts_that_give_the_percentage(tmp_path, rows):
    lines = {(36.0, 50): (18, 18), (7.0, 300): (20, 22), (46, 157): (72, 73)}
    for number, ((percent, n), (low, high)) in enumerate(lines.items()):
        rows["arms"].append(rows["arms"][3] | {"arm_id": f"gamma2022_x{number}", "n": n, "printed": f"n = {n}"})
        text = f"{percent:g}%" if (percent, n) != (36.0, 50) else "36.0%"
        inferred = {"events_how": "from_percent", "how": "inferred", "events_min": low, "events_max": high}
        rows["responses"].append(
            response(f"gamma2022_x{number}", "ORR", low, n, percent) | inferred | {"printed": text}
        )
    assert hm.check_tables(write_folder(tmp_path / "extracted", rows)).empty
