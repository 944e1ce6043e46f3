"""Subgroups, regression, three levels, influence, small-study tests and conventions against metafor, meta, metasens."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy.special import expit

import hccmeta as hm
from benchmarks.comparison import CLOSED, ITERATED, check, load

FITS = {
    "REML_z": dict(tau2_method="REML", ci_method="z"), "REML_knha": dict(tau2_method="REML", ci_method="HK"),
    "DL_z": dict(tau2_method="DL", ci_method="z"), "EE_z": dict(model="common", ci_method="z"),
}  # fmt: skip
LEFT_OUT = dict(estimate="estimate", se="se", ci_lb="ci_low", ci_ub="ci_high", pval="p_value", tau2="tau2", Q="Q")
INFLUENCE = ("rstudent", "dffits", "cook_d", "cov_r", "tau2_del", "QE_del", "hat", "dfbs")
META = {
    "metaprop_PLOGIT_REML_classic_V": ("PLO", "logit: REML, classic interval", expit),
    "metaprop_PLOGIT_REML_HK_V": ("PLO", "logit: REML, method.random.ci='HK'", expit),
    "metaprop_PRAW_REML_classic_V": ("PRAW", "raw, 1/2 added in the variance alone: REML, classic interval", float),
    "metaprop_PLN_REML_classic_V": ("PLN", "log: REML, classic interval", np.exp),
    "metabin_MH_OR": ("OR", "metabin's default: Mantel-Haenszel with 1/2 added", np.exp),
}
TWELVE_DIGITS = 2e-6  # REML from effects that are stored with 12 digits, and R's stopping rule
DEFAULT_STOP = 1e-4  # R's trim and fill by REML stops at its default tolerance


def compare():
    """Checks of subgroups, regression, influence, small_study and conventions.json."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hm.MetaWarning)
        for part in (_subgroups, _regressions, _three_level, _influences, _small_studies, _conventions):
            yield from part()


def _effects(record):
    table = pd.DataFrame({"yi": record["yi"], "vi": record["vi"]}, dtype=float)
    return table.assign(measure=record.get("measure", "GEN"))


def _subgroups():
    for record in load("subgroups.json", "sets"):
        df = _effects(record).assign(level=record["by"]).dropna(subset=["yi", "vi"])
        for name, want in record["fits"].items():
            where = f"{record['id']} {record['measure']} {name}"
            separate = hm.pool_by(df, "level", tau2="separate", **FITS[name])
            for level, (estimate, se, low, high, tau2) in want["separate"].items():
                ours = separate.groups[level]
                yield check("subgroups", f"{where} {level}", "separate", [ours.estimate, ours.se, ours.ci_low,
                            ours.ci_high, ours.tau2], [estimate, se, low, high, tau2], 10 * ITERATED,
                            unit=[se, se, se, se, se**2])  # fmt: skip
            yield _between(where, separate, want["between_separate"])
            common = hm.pool_by(df, "level", tau2="common", **FITS[name])
            for level, *numbers in zip(record["levels"], *want["common"], strict=True):
                ours = common.groups[str(level)]
                yield check("subgroups", f"{where} {level}", "common tau2", [ours.estimate, ours.se, ours.ci_low,
                            ours.ci_high], numbers, 10 * ITERATED, unit=numbers[1])  # fmt: skip
            if name.endswith("_z"):
                yield _between(where, common, want["between_common"])


def _between(where, result, want):
    ours = [result.Q_between, result.df, result.p_value]
    return check("subgroups", where, "Q between", ours, want, 10 * ITERATED, unit=1e-2)


def _regressions():
    for record in load("regression.json", "sets"):
        df = _effects(record).assign(**record["moderators"])
        for model, fits in record["fits"].items():
            for name in (key for key in FITS if key in fits):
                want, where = fits[name], f"{record['id']} {model} {name}"
                ours = hm.meta_regression(df, fits["formula"], **FITS[name])
                columns = dict(estimate="beta", se="se", p_value="pval", ci_low="ci_lb", ci_high="ci_ub")
                for column, theirs in columns.items():
                    unit = 1e-2 if column == "p_value" else np.array(want["se"])
                    yield check("meta-regression", where, column, ours.coefficients[column], want[theirs],
                                TWELVE_DIGITS, unit=unit)  # fmt: skip
                yield check("meta-regression", where, "QE, QM, p", [ours.QE, ours.QE_p, ours.QM, ours.QM_p],
                            [want["QE"], want["QEp"], want["QM"], want["QMp"]], TWELVE_DIGITS, unit=1e-2)  # fmt: skip
                yield check("meta-regression", where, "R2", 100 * ours.R2, want.get("R2"), TWELVE_DIGITS, unit=1.0)


def _three_level():
    data, want = load("regression.json", "three_level")["data"], load("regression.json", "three_level")["expected"]
    df = pd.DataFrame(data)
    three = hm.pool_three_level(df, "district")
    yield check("three levels, CR1", "konstantopoulos2011", "three-level",
                [three.tau2_between, three.tau2_within, three.estimate, three.se, three.log_lik, three.ci_low],
                [*want["sigma2"], want["estimate"], want["se"], want["logLik"], want["t_contain"]["ci"][0]],
                10 * ITERATED, unit=want["se"])  # fmt: skip
    robust, key = hm.cluster_robust(three, "district"), want["robust_CR1_mv"]
    yield check("three levels, CR1", "konstantopoulos2011", "CR1", [robust.se, robust.ci_low, robust.ci_high],
                [key["se"], *key["ci"]], 10 * ITERATED, unit=key["se"])  # fmt: skip
    robust, key = hm.cluster_robust(hm.pool(df, tau2_method="DL"), "district"), want["robust_CR1_uni_DL"]
    yield check("three levels, CR1", "konstantopoulos2011", "CR1, DL", [robust.estimate, robust.se, robust.ci_low],
                [key["estimate"], key["se"], key["ci"][0]], 10 * CLOSED, unit=key["se"])  # fmt: skip


def _influences():
    for record in load("influence.json", "sets"):
        df, scale = _effects(record), float(np.median(record["vi"]))
        own_names = {name: name for name in INFLUENCE}
        for group, function, names, fits in (
            ("leave-one-out", hm.leave_one_out, LEFT_OUT, record["leave_one_out"]),
            ("influence diagnostics", hm.influence, own_names, record["influence"]),
        ):
            for fit, want in fits.items():
                ours = function(df, **FITS[fit])
                yield from _columns(group, f"{record['id']} {fit}", ours, want, names, scale)
        for fit, want in record["cumulative"].items():
            ours = hm.cumulative(df.assign(when=np.argsort(want["order_index"])), order="when", **FITS[fit])
            names = dict(estimate="estimate", se="se", tau2="tau2", Q="Q")
            yield from _columns("cumulative", f"{record['id']} {fit}", ours, want, names, scale)


def _columns(group, where, ours, want, names, scale):
    for theirs, column in names.items():
        if theirs in want:
            unit = scale if "tau2" in theirs else 0.1 * (1 + max(abs(x) for x in want[theirs] if x is not None))
            yield check(group, where, column, ours[column], want[theirs], TWELVE_DIGITS, unit=unit)


def _small_studies():
    for record in load("small_study.json", "sets"):
        df, name = _effects(record).assign(**record["counts"]), record["id"]
        for predictor, want in record.get("egger", {}).items():
            ours = hm.small_study_test(df, test="egger", predictor=predictor)
            limits = [want["limit_est"], *want["limit_ci"]] if "limit_est" in want else [None] * 3
            yield check("small-study tests", f"{name} egger {predictor}", "statistic, p, limit",
                        [ours.statistic, ours.p_value, ours.limit, ours.limit_low, ours.limit_high],
                        [want["stat"], want["pval"], *limits], 100 * CLOSED, unit=1e-2)  # fmt: skip
        if "ranktest" in record:
            ours, want = hm.small_study_test(df, test="begg"), record["ranktest"]
            yield check("small-study tests", f"{name} begg", "tau, p", [ours.statistic, ours.p_value],
                        [want["tau"], want["pval"]], 100 * CLOSED, unit=1e-2)  # fmt: skip
        for test, want in record.get("meta", {}).items():
            ours = hm.small_study_test(df, test=test)
            yield check("small-study tests", f"{name} {test}", "statistic, p", [ours.statistic, ours.p_value],
                        [want["statistic"], want["pval"]], 100 * CLOSED, unit=1e-2)  # fmt: skip
        if "lfk" in record:
            yield check("small-study tests", f"{name} lfk", "index", hm.small_study_test(df, test="lfk").statistic,
                        record["lfk"], 100 * CLOSED, unit=1e-2)  # fmt: skip
        yield from _filled(df, record)


def _filled(df, record):
    for method, estimators in record.get("trim_and_fill", {}).items():
        options = dict(model="common") if method == "EE" else dict(tau2_method=method)
        for estimator, sides in estimators.items():
            for side, want in sides.items():
                where = f"{record['id']} {method} {estimator} {side}"
                ours = hm.trim_and_fill(df, estimator=estimator, side=None if side == "auto" else side, ci_method="z",
                                        **options)  # fmt: skip
                tolerance = DEFAULT_STOP if method == "REML" else 100 * CLOSED
                yield check("trim and fill", where, "k0, estimate, se", [ours.k0, ours.result.estimate, ours.result.se],
                            [want["k0"], want["estimate"], want["se"]], tolerance, unit=want["se"])  # fmt: skip


def _conventions():
    for record in load("conventions.json", "sets"):
        for key in (key for key in record["meta"] if key in META):
            measure, convention, shown = META[key]
            table = hm.compare_conventions(pd.DataFrame(record["data"]), measure=measure)
            row = table[(table["software"] == "meta") & (table["convention"] == convention)].iloc[0]
            want = [None if value is None else shown(value) for value in record["meta"][key]]
            yield check("conventions of meta", f"{record['id']} {key}", "estimate, limits",
                        [row["estimate"], row["ci_low"], row["ci_high"]], want, ITERATED, unit=1e-2)  # fmt: skip
