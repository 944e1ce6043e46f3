"""Simulation: coverage, bias and power of pooling methods at a setting of one's own."""

from __future__ import annotations

from math import nan

import numpy as np
from scipy.special import expit, logit

from hccmeta.effects.inputs import check_level
from hccmeta.effects.proportion import effects_proportion
from hccmeta.effects.scales import back_transform
from hccmeta.effects.two_arm import effects_two_arm
from hccmeta.errors import MethodError, check_choice
from hccmeta.pooling.backends import BACKENDS, run_tasks
from hccmeta.pooling.many import pool_many

BATCH = 500
CI_METHODS = ("z", "HK", "HK-adhoc")
ONE_ARM = [("GLMM", "PLO", ci) for ci in ("z", "t", "profile")] + [
    ("REML", measure, ci) for measure in ("PLO", "PAS", "PFT") for ci in CI_METHODS
]
TWO_ARM = [(method, "OR", ci) for method in ("REML", "DL") for ci in CI_METHODS] + [("common", "OR", "z")]
EFFECTS = [(method, "GEN", ci) for method in ("REML", "DL", "PM") for ci in CI_METHODS] + [("common", "GEN", "z")]


def simulate_meta(*, k, n, tau2, p=None, effect=None, null=None, n_sim=1000, seed=0, level=0.95, backend="processes"):
    """Coverage, bias and power of the usual methods in simulated meta-analyses.

    Parameters
    ----------
    k : int
        Studies per meta-analysis.
    n : int or sequence
        Patients per study (per arm where there are two); two numbers: smallest and largest, drawn evenly on the log
        scale; k numbers: the studies' own (for k = 2 these, too).
    tau2 : float
        Between-study variance: of the logits (one arm), of the log odds ratios (two arms), of the effects.
    p : float, optional
        Proportion of the average study, or of its control arm where `effect` is given.
    effect : float, optional
        Log odds ratio, with `p`. Without `p`: mean effect of studies with variance 4 / n, as a log hazard ratio with
        n events.
    null : float, optional
        Value to be rejected, for power: a proportion with one arm (no power without it), else an effect (0).
    n_sim, seed : int
        Meta-analyses, and the seed that makes them.
    level : float
        Level of the intervals.
    backend : {"processes", "serial", "dask"}
        Where batches of 500 run; the result is the same.

    Returns
    -------
    DataFrame
        One row per method: method, measure, ci_method, n_sim, fitted (share with an estimate), coverage and its Monte
        Carlo error coverage_se, bias and rmse (proportion with one arm, else model scale), width (mean, same scale;
        infinite where an interval is), power, tau2_mean (scale of the measure).

    Raises
    ------
    MethodError
        Impossible numbers, or neither `p` nor `effect`.

    Notes
    -----
    One arm: logit p_i ~ N(logit p, tau2), x_i binomial; coverage of p, the proportion of the average study, also by
    methods that aim elsewhere. Two arms: control logit fixed, log odds ratio ~ N(effect, tau2); double-zero trials give
    no effect. A method that gives no interval does not cover.

    References
    ----------
    Morris, White and Crowther 2019, 10.1002/sim.8086

    Examples
    --------
    >>> table = simulate_meta(k=8, n=(20, 80), tau2=0.2, p=0.3, n_sim=200, seed=1, backend="serial")
    >>> table[["method", "ci_method", "coverage"]].head(2).values.tolist()
    [['GLMM', 'z', 0.93], ['GLMM', 't', 0.96]]
    """
    import pandas as pd

    check_choice("backend", backend, BACKENDS)
    check_level(level)
    setting = _setting(k, n, tau2, p, effect, null, n_sim, seed) | {"level": level}
    seeds = np.random.SeedSequence(seed).spawn((n_sim + BATCH - 1) // BATCH)
    tasks = [dict(setting, seed=one, size=min(BATCH, n_sim - i * BATCH)) for i, one in enumerate(seeds)]
    batches = run_tasks(_batch, tasks, backend=backend, size=200 * n_sim * k)
    rows = [_summary(name, [batch[name] for batch in batches], setting) for name in batches[0]]
    return pd.DataFrame(rows)


def _setting(k, n, tau2, p, effect, null, n_sim, seed):
    """Checked numbers of the setting; every problem is named at once."""
    sizes = np.atleast_1d(np.asarray(n, dtype=object))
    one_arm = effect is None
    problems = [
        *_whole("k", k, 1), *_whole("n_sim", n_sim, 1), *_whole("seed", seed, 0),
        *(problem for size in sizes for problem in _whole("n", size, 1)),
        *_number("tau2", nan if tau2 is None else tau2, "0 or more", lambda x: x >= 0),
        *_number("p", p, "between 0 and 1", lambda x: 0 < x < 1),
        *_number("effect", effect, "finite", lambda x: True),
        *_number("null", null, "between 0 and 1" if one_arm else "finite", lambda x: 0 < x < 1 or not one_arm),
    ]  # fmt: skip
    if p is None and effect is None:
        problems.append("p or effect is needed: what the studies measure")
    if not problems and len(sizes) not in (1, 2, k):
        problems.append(f"n has {len(sizes)} numbers; give one, two or k = {k}")
    if problems:
        raise MethodError(f"simulate_meta: {'; '.join(problems)}.")
    truth = p if one_arm else float(effect)
    null = null if null is not None or one_arm else 0.0
    return dict(k=int(k), n=[int(size) for size in sizes], tau2=float(tau2), p=p, effect=effect, truth=truth,
                null=nan if null is None else float(null))  # fmt: skip


def _whole(name, value, least):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        yield f"{name} = {value!r} must be a whole number of {least} or more"


def _number(name, value, rule, holds):
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(value)
    if value is not None and not (number and holds(value)):
        yield f"{name} = {value!r} must be a number, {rule}"


def _batch(task):
    """Estimate, limits and tau2 of every method, one array (4, size) each."""
    rng = np.random.default_rng(task["seed"])
    size = _sizes(task, rng)
    true = rng.normal(0.0, np.sqrt(task["tau2"]), size.shape)
    if task["effect"] is None:
        return _one_arm(rng.binomial(size, expit(logit(task["p"]) + true)), size, task["level"])
    if task["p"] is None:
        v = 4.0 / size
        return _pooled(rng.normal(task["effect"] + true, np.sqrt(v)), v, EFFECTS, task["level"])
    control = rng.binomial(size, task["p"])
    treated = rng.binomial(size, expit(logit(task["p"]) + task["effect"] + true))
    y, v = _log_odds_ratios(treated, control, size)
    return _pooled(y, v, TWO_ARM, task["level"])


def _sizes(task, rng):
    shape, n = (task["size"], task["k"]), task["n"]
    if len(n) == task["k"] or len(n) == 1:
        return np.broadcast_to(n, shape)
    return np.rint(np.exp(rng.uniform(np.log(min(n)), np.log(max(n)), shape))).astype(int)


def _one_arm(events, n, level):
    import pandas as pd

    from hccmeta.pooling.glmm import pool_proportion_many

    out = {}
    counts = pd.DataFrame({"events": events.ravel(), "n": n.ravel()})
    for method, measure, ci in ONE_ARM:
        if method == "GLMM":
            fits, back = pool_proportion_many(events, n, ci_method=ci, level=level), None
        else:
            effects = effects_proportion(counts, measure=measure)
            y, v = (effects[name].to_numpy().reshape(n.shape) for name in ("yi", "vi"))
            fits, back = pool_many(y, v, tau2_method=method, ci_method=ci, level=level), n.shape[1] / (1 / n).sum(1)
        shown = [back_transform(fits[name].to_numpy(), measure, n=back) for name in ("estimate", "ci_low", "ci_high")]
        out[method, measure, ci] = np.array([*shown, fits["tau2"].to_numpy()])
    return out


def _pooled(y, v, methods, level):
    out = {}
    for method, measure, ci in methods:
        options = dict(model="common") if method == "common" else dict(tau2_method=method)
        fits = pool_many(y, v, ci_method=ci, level=level, **options)
        out[method, measure, ci] = fits[["estimate", "ci_low", "ci_high", "tau2"]].to_numpy().T
    return out


def _log_odds_ratios(treated, control, n):
    import pandas as pd

    table = pd.DataFrame(dict(events_1=treated.ravel(), n_1=n.ravel(), events_2=control.ravel(), n_2=n.ravel()))
    effects = effects_two_arm(table, measure="OR", drop00=True)
    return (effects[name].to_numpy().reshape(n.shape) for name in ("yi", "vi"))


def _summary(name, parts, setting):
    estimate, low, high, tau2 = np.concatenate(parts, axis=1)
    fitted = np.isfinite(estimate)
    covered = ((low <= setting["truth"]) & (setting["truth"] <= high)).mean()
    error = estimate[fitted] - setting["truth"]
    null = setting["null"]
    return dict(
        method=name[0], measure=name[1], ci_method=name[2], n_sim=len(estimate), fitted=fitted.mean(), coverage=covered,
        coverage_se=np.sqrt(covered * (1 - covered) / len(estimate)), bias=error.mean() if fitted.any() else nan,
        rmse=np.sqrt((error**2).mean()) if fitted.any() else nan, width=np.nanmean(high - low) if fitted.any() else nan,
        power=((low > null) | (high < null)).mean() if null == null else nan,
        tau2_mean=np.nanmean(tau2) if np.isfinite(tau2).any() else nan,
    )  # fmt: skip
