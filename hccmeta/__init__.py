"""hccmeta: pool what is known about radiotherapy plus immune checkpoint inhibitors in hepatocellular carcinoma.

Public names load on first use, so `import hccmeta` stays fast.
"""

from __future__ import annotations

from importlib import import_module as _import_module

__version__ = "0.1.0"

_PUBLIC = {
    "errors": "HccmetaError DataError MethodError TooFewStudies NotConverged MetaWarning",
    "evidence.load": "Tables load_tables",
    "evidence.check": "check_tables",
    "evidence.audit": "audit_numbers",
    "evidence.select": "select_responses select_hazard_ratios select_survival",
    "evidence.safety": "select_adverse_events",
    "evidence.pairs": "pair_responses contrast_hazard_ratios hazard_ratio_rows",
    "evidence.overview": "study_table evidence_matrix evidence_sentence moderator_shares judged",
    "effects.proportion": "effects_proportion proportion_ci",
    "effects.two_arm": "effects_two_arm",
    "effects.rate": "effects_rate",
    "effects.ratio": "effects_ratio_ci effects_ratio_p effects_o_minus_e effects_logrank",
    "effects.median": "effects_median",
    "effects.scales": "back_transform",
    "pooling.result": "PooledResult SubgroupResult MetaRegressionResult",
    "pooling.inverse_variance": "pool",
    "pooling.many": "pool_many",
    "pooling.tau2": "tau2_interval heterogeneity_interval",
    "pooling.glmm": "pool_proportion pool_proportion_many",
    "pooling.glmm_moderators": "proportion_regression pool_proportion_by",
    "pooling.glmm_two_arm": "pool_two_arm",
    "pooling.mantel_haenszel": "pool_mantel_haenszel pool_peto",
    "pooling.subgroups": "pool_by",
    "pooling.regression": "meta_regression predict_effects",
    "pooling.permutation": "permutation_test",
    "pooling.three_level": "pool_three_level ThreeLevelResult",
    "pooling.robust": "cluster_robust",
    "pooling.influence": "leave_one_out cumulative influence baujat",
    "pooling.gosh": "gosh",
    "pooling.small_study": "small_study_test",
    "pooling.trim_and_fill": "trim_and_fill",
    "pooling.conventions": "compare_conventions",
    "pooling.multiverse": "multiverse",
    "pooling.simulate": "simulate_meta",
    "km.clicks": "reconstruct_ipd ReconstructedIPD",
    "km.printed": "reconstruct_from_statistics ReconstructedEnsemble",
    "km.vector": "digitise_vector",
    "km.figure_table": "read_at_risk",
    "km.raster": "digitise_image",
    "km.check": "check_reconstruction",
    "survival.curves": "kaplan_meier survival_summary",
    "survival.cox": "hazard_ratio",
    "survival.pooled": "pool_survival_curves PooledCurve",
    "trials": "single_arm_design predictive_success",
    "plots.forest": "plot_forest",
    "plots.survival": "plot_survival",
    "plots.funnel": "plot_funnel",
    "plots.baujat": "plot_baujat",
    "plots.gosh": "plot_gosh",
    "plots.cumulative": "plot_cumulative",
    "plots.digitised": "plot_digitised",
    "plots.bubble": "plot_bubble",
    "plots.multiverse": "plot_multiverse",
    "plots.flow": "plot_flow",
    "plots.risk_of_bias": "plot_risk_of_bias",
    "plots.swimmer": "plot_swimmer",
    "plots.adverse_events": "plot_adverse_events",
    "plots.evidence_map": "plot_evidence_map",
    "plots.baseline": "plot_baseline",
    "report.sentences": "sentence",
    "report.outputs": "results_table save_table save_figure save_answer save_answers draw source_rows stacked",
    "report.provenance": "provenance",
    "report.response": "pool_rates pool_logit as_rows variants_sentence scope_table scope_sentence "
    "perioperative_table perioperative_sentence",
    "report.dose": "dose_table dose_rows dose_sentence",
    "report.comparative": "comparative_sentence printed_hazard_ratios scope_pairs two_arm_table pool_contrasts "
    "whole_population_hazard_ratios hazard_ratio_sentence abscopal_sentence",
    "report.printed_survival": "printed_survival survival_by_arm printed_survival_sentence",
    "report.survival": "reconstruct_all survival_sentence plot_ensembles curve_caption agreement_table "
    "ensemble_summary reconstruction_notes",
    "report.pooled_survival": "check_pooled_endpoint landmark_table pooled_landmarks pooled_survival_sentence "
    "landmark_rows",
    "report.pooled_survival_curve": "pooled_curve pooled_curve_table plot_pooled_curve pooled_curve_caption "
    "pooled_curve_sensitivity restricted_mean_table one_stage_table median_table median_sentence",
    "report.robustness": "robustness_sentence reported_grid",
    "report.safety": "safety_sentence by_attribution harm_rows event_table pair_adverse_events fatal_events "
    "fatal_sentence liver_table "
    "liver_sentence",
    "report.design": "recompute_designs design_sentence plot_assumptions success_table",
    "report.factors": "factor_table factor_sentence",
    "report.moderators": "with_classes moderator_table moderator_sentence feature_answers setting_sentence",
    "report.published": "published_orr published_ratios published_sentence",
    "report.certainty": "headline_results summary_of_findings absolute_effects certainty_sentence results_by_grade "
    "grade_table grade_sentence",
    "report.missing": "results_matrix missing_sentence",
    "report.audit_moves": "audit_moves moves_sentence",
    "report.case": "timeline_sentence",
    "report.reconstructions": "reconstruct_arms printed_statistics",
    "explorer.widgets": "explore",
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hccmeta' has no attribute {name!r}")
    value = getattr(_import_module(f"hccmeta.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_MODULE_OF})
