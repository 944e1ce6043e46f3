"""A small made-up evidence base: clean, with every kind of row that selection and audit meet."""

import csv
import io

from hccmeta.evidence.schema import read_schema

SCHEMA = read_schema()
COMMON = {"how": "printed", "evidence_grade": "full_text", "source": "doi:10.1000/other", "locator": "Table 2"}


def study(study_id, year, **more):
    label = study_id.rstrip("0123456789").title()
    base = {"study_id": study_id, "label": f"{label} {year}", "year": year, "design": "single_arm",
            "cohort_id": study_id, "category": "rt_ici_single_arm", "doi": f"10.1000/{study_id}",
            "printed": study_id}  # fmt: skip
    return COMMON | base | more


def arm(arm_id, n, **more):
    base = {"arm_id": arm_id, "study_id": arm_id.split("_")[0], "label": arm_id.split("_")[1].upper(), "role": "single",
            "rt": "yes", "ici": "nivolumab", "antiangiogenic": "none", "setting": "unresectable", "n": n,
            "rt_modality": "IMRT", "printed": f"n = {n}"}  # fmt: skip
    return COMMON | base | more


def source_of(arm_id):
    return {"source": f"doi:10.1000/{arm_id.split('_')[0]}"}


def response(arm_id, endpoint, events, n, pct, **more):
    criteria = more.get("criteria", "RECIST1.1")
    word = {"RECIST1.1": "r11", "mRECIST": "mr", "pathologic": "path", "not_stated": "x"}[criteria]
    population = more.get("population", "all")
    base = {"response_id": f"{arm_id}_{endpoint.lower()}_{word}_{more.get('lesion_scope', 'overall')}_{population}",
            "arm_id": arm_id, "population": population, "analysis": "psm" if population == "psm" else "primary",
            "lesion_scope": "overall", "criteria": criteria, "endpoint": endpoint, "events": events,
            "events_how": "printed", "n": n, "n_how": "printed", "printed_pct": pct, "use": "ok",
            "printed": f"{events} ({pct}%)"}  # fmt: skip
    return COMMON | source_of(arm_id) | base | more


def survival(arm_id, endpoint, statistic, value, printed, **more):
    time = f"{more['time_months']:g}" if "time_months" in more else ""
    name = {"landmark": f"l{time}"}.get(statistic, statistic)
    population = more.get("population", "all")
    base = {"survival_id": f"{arm_id}_{endpoint.lower()}_{name}_{population}", "arm_id": arm_id,
            "population": population, "analysis": "psm" if population == "psm" else "primary", "endpoint": endpoint,
            "time_origin": "start_ici", "statistic": statistic, "value": value, "printed": printed,
            "use": "ok"}  # fmt: skip
    return COMMON | source_of(arm_id) | base | more


def ratio(hr_id, hr, low, high, p, printed, **more):
    base = {"hr_id": hr_id, "study_id": "beta2021", "experimental_arm": "beta2021_rt",
            "control_arm": "beta2021_nort",
            "population": "all", "analysis": "primary", "endpoint": "OS", "model": "univariable", "hr": hr,
            "ci_low": low, "ci_high": high, "ci_level": 0.95, "p_value": p, "p_relation": "=", "use": "ok",
            "printed": printed, "source": "doi:10.1000/beta2021"}  # fmt: skip
    return COMMON | base | more


def characteristic(arm_id, variable, level, events, n, pct, **more):
    base = {"arm_id": arm_id, "population": "all", "variable": variable, "level": level, "statistic": "count",
            "timepoint": "baseline", "events": events, "n": n, "printed_pct": pct,
            "printed": f"{events} | {pct}"}  # fmt: skip
    return COMMON | source_of(arm_id) | base | more


def adverse_event(arm_id, event, grade, events, n, pct, **more):
    base = {"ae_id": f"{arm_id}_ae_{event}_{grade}".replace("-", ""), "arm_id": arm_id, "population": "all",
            "analysis": "primary", "phase": "whole", "event": event, "scale": "CTCAE", "grade": grade,
            "attribution": "treatment_related", "events": events, "events_how": "printed", "n": n, "n_how": "printed",
            "printed_pct": pct, "use": "ok", "printed": f"{events} ({pct}%)"}  # fmt: skip
    return COMMON | source_of(arm_id) | base | more


def clean_rows():
    alpha, rt, nort, gamma, delta = "alpha2020_rt", "beta2021_rt", "beta2021_nort", "gamma2022_rt", "delta2022_rt"
    cells = [("CR", 4, 10.0), ("PR", 14, 35.0), ("SD", 12, 30.0), ("PD", 10, 25.0)]
    cells += [("ORR", 18, 45.0), ("DCR", 30, 75.0)]
    interval = {"ci_low": 0.293, "ci_high": 0.615, "ci_level": 0.95, "printed": "18 (45.0%; 95% CI 29.3-61.5)"}
    comparison = {"comparison_id": "beta2021_orr_p", "study_id": "beta2021", "arm_1": rt, "arm_2": nort,
                  "population": "all", "variable": "response", "endpoint": "ORR", "test": "Fisher's exact test",
                  "paired": "no", "statistic": "p", "value": 0.034, "relation": "=", "printed": "p = 0.034",
                  "source": "doi:10.1000/beta2021"}  # fmt: skip
    factor = {"factor_id": "alpha2020_rt_afp_os", "study_id": "alpha2020", "arm_id": alpha, "population": "all",
              "endpoint": "OS", "factor": "AFP", "level_1": "high", "level_2": "low", "n_1": 16, "n_2": 24,
              "median_1": 11.0, "median_2": 18.5, "status_1": "reached", "status_2": "reached", "test": "log-rank",
              "p_value": 0.04, "p_relation": "=", "printed": "11.0 | 18.5 | 0.04",
              "source": "doi:10.1000/alpha2020"}  # fmt: skip
    design = {"design_id": "alpha2020_orr", "arm_id": alpha, "endpoint": "ORR", "p0": 0.1, "p1": 0.3, "alpha": 0.05,
              "sides": 1, "power": 0.8, "dropout": 0.1, "n_evaluable": 25, "n_total": 28,
              "printed": "25 patients, 28 with dropout", "source": "doi:10.1000/alpha2020"}  # fmt: skip
    bias = {"study_id": "alpha2020", "tool": "JBI case series", "outcome": "all", "domain": "Q1 criteria",
            "judgement": "yes", "support": "criteria are listed", "how": "inferred"}  # fmt: skip
    return {
        "studies": [
            study("alpha2020", 2020, cohort_id="shared"), study("beta2021", 2021, design="cohort"),
            study("gamma2022", 2022, cohort_id="shared"), study("delta2022", 2022),
            study("omega2023", 2023, design="case_report"),
        ],
        "arms": [
            arm(alpha, 40, rt_dose_low=50, rt_dose_high=50, rt_dose_kind="prescribed", fractions_low=25,
                fractions_high=25, rt_bed10=60, rt_eqd2=50, rt_bed10_how="calculated", printed="50 Gy in 25 fractions"),
            arm(rt, 39, role="experimental"), arm(nort, 105, role="control", rt="no", rt_modality="none"),
            arm(gamma, 20), arm(delta, 30, setting="perioperative"), arm("omega2023_rt", 1),
        ],
        "responses": [
            *(response(alpha, *cell[:2], 40, cell[2]) | (interval if cell[0] == "ORR" else {}) for cell in cells),
            response(alpha, "ORR", 22, 40, 55.0, criteria="mRECIST"),
            response(alpha, "ORR", 30, 40, 75.0, lesion_scope="in_field"),
            response(rt, "ORR", 21, 39, 53.8), response(nort, "ORR", 35, 105, 33.3),
            response(rt, "ORR", 20, 38, 52.6, population="psm"), response(nort, "ORR", 10, 38, 26.3, population="psm"),
            response(gamma, "ORR", 9, 20, 45.0, criteria="mRECIST"),
            response(delta, "ORR", 9, 30, 30.0), response("omega2023_rt", "ORR", 1, 1, 100.0),
            response(delta, "MPR", 6, 15, 40.0, criteria="pathologic", population="resected"),
            response(delta, "SHRINKAGE", 13, 30, 44, events_min=13, events_max=13, events_how="from_percent",
                     how="inferred", printed="44%") | {"printed_pct": 43, "printed": "43%"},
        ],
        "survival": [
            survival(alpha, "OS", "n", 40, "40"), survival(alpha, "OS", "events", 22, "22 deaths"),
            survival(alpha, "OS", "median", 16.2, "16.2 months (95% CI 12.0-21.9)", ci_low=12.0, ci_high=21.9,
                     ci_level=0.95, status="reached"),
            survival(alpha, "OS", "landmark", 0.68, "68%", time_months=12),
            survival(alpha, "OS", "landmark", 0.31, "31%", time_months=24),
            survival(alpha, "PFS", "median", 9.1, "9.1 months", status="reached"),
            survival(alpha, "PFS", "landmark", 0.40, "40%", time_months=12),
            survival(alpha, "OS", "follow_up_median", 18.0, "18.0 (2.0-30.0)"),
            survival(alpha, "OS", "follow_up_min", 2.0, "2.0"), survival(alpha, "OS", "follow_up_max", 30.0, "30.0"),
            survival(rt, "OS", "median", None, "not reached", status="not_reached"),
            survival(nort, "OS", "median", 16.0, "16.0", status="reached"),
            survival(rt, "OS", "events", 15, "15"), survival(nort, "OS", "events", 75, "75"),
        ],
        "hazard_ratios": [
            ratio("beta2021_os_crude", 0.58, 0.33, 1.01, 0.054, "0.58 (95% CI 0.33-1.01), p = 0.054"),
            ratio("beta2021_os_adjusted", 0.53, 0.30, 0.94, 0.030, "0.53 (95% CI 0.30-0.94), p = 0.030",
                  model="multivariable"),
            ratio("beta2021_os_young", 0.50, 0.25, 1.00, 0.050, "0.50 (0.25-1.00), p = 0.050", population="subgroup",
                  analysis="subgroup", subgroup_variable="age", subgroup_level="<60", use="subgroup",
                  use_reason="selected patients"),
        ],
        "characteristics": [
            characteristic(alpha, "sex", "male", 34, 40, 85.0), characteristic(alpha, "sex", "female", 6, 40, 15.0),
            characteristic(alpha, "age", None, None, None, None, statistic="median", value=58, value_low=31,
                           value_high=74, spread="range", unit="years", printed="58 (31-74)"),
        ],
        "adverse_events": [
            adverse_event(alpha, "any", "any", 36, 40, 90.0), adverse_event(alpha, "any", "ge3", 9, 40, 22.5),
            adverse_event(alpha, "rash", "any", 12, 40, 30.0), adverse_event(alpha, "rash", "3", 2, 40, 5.0),
        ],
        "comparisons": [COMMON | comparison],
        "prognostic_factors": [COMMON | factor],
        "designs": [COMMON | design],
        "risk_of_bias": [COMMON | bias | {"assessment": number} for number in ("1", "2", "agreed")],
        "missing_results": [
            COMMON | {"synthesis": "ORR", "domain": "overall", "assessment": number, "judgement": "high",
                      "support": "no search", "how": "inferred"} for number in ("1", "2", "agreed")
        ],
        "certainty": [COMMON | {"question": "q", "outcome": "ORR", "domain": "overall", "judgement": "low",
                                "reason": "few patients", "how": "inferred"}],
        "case_timeline": [COMMON | {"timeline_id": "omega2023_1", "study_id": "omega2023", "day": 0, "measure": "afp",
                                    "value": 120, "unit": "ng/mL", "printed": "120 ng/mL"}],
        "km_curves": [COMMON | {"curve_id": "alpha_os", "arm_id": alpha, "endpoint": "OS", "population": "all", "n": 40,
                                "figure": "Fig 2", "digitised_with": "by hand", "how": "digitised"}],
        "km_points": [COMMON | {"curve_id": "alpha_os", "time_months": time, "survival": height, "how": "digitised"}
                      for time, height in ((0, 1), (6, 0.8), (12, 0.68))],
        "km_at_risk": [COMMON | {"curve_id": "alpha_os", "time_months": time, "n_at_risk": n, "how": "printed"}
                       for time, n in ((0, 40), (6, 31), (12, 25))],
        "screening": [COMMON | {"record_id": "alpha2020", "citation": "Alpha 2020", "stage": "included"}],
        "published_metas": [COMMON | {"meta_row_id": "m1", "citation": "M 2020", "outcome": "ORR", "value": 54.4,
                                      "ci_low": 46.8, "ci_high": 62.0, "ci_level": 0.95, "status": "printed",
                                      "printed": "54.4% (46.8-62.0)"}],
    }  # fmt: skip


def text_of(name, rows):
    """CSV text of one table with the columns of the schema."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=SCHEMA[name].columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value is None else value for key, value in row.items()})
    return out.getvalue()


def write_folder(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMA:
        (folder / f"{name}.csv").write_text(text_of(name, rows.get(name, [])), encoding="utf-8")
    return folder
