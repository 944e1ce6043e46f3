"""One effect per study and draw of its patients: log(-log S), logit S, log RMST, log hazard ratio."""

from __future__ import annotations

from math import nan

import numpy as np

from hccmeta.effects.inputs import label_rows
from hccmeta.errors import MetaWarning, check_choice
from hccmeta.survival.cox import two_arms
from hccmeta.survival.curves import check_months
from hccmeta.survival.draws import at_times, medians, read_draws, resample, restricted_means
from hccmeta.survival.landmark_variance import to_scale
from hccmeta.survival.mixture import MUST_NOT_MIX
from hccmeta.survival.patients import split_draws
from hccmeta.survival.risk_sets import efron_fit, efron_terms, risk_sets
from hccmeta.survival.rubin import limits_over_draws

EFFECTS = ("loglog", "logit", "log_rmst")
FEWEST_SAMPLES = 1000


def draw_effects(patients, *, effect, month):
    """Effect and sampling variance of every study in every draw of its patients.

    Parameters
    ----------
    patients : DataFrame
        study, imputation (or draw), time, event; a study with one imputation is known without uncertainty.
    effect : {"loglog", "logit", "log_rmst"}
        Survival at `month` on that scale, or the log of the restricted mean to `month`.
    month : float

    Returns
    -------
    DataFrame
        study, imputation (0, 1, ...), yi, vi, and endpoint, time_origin, setting where the patients have them. Survival
        of 0 or 1 gets half a patient, a restricted mean without an event half an event, spread evenly; yi is empty
        where the draw's follow-up ends before `month`.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": "A", "imputation": [1, 1, 2, 2], "time": [3.0, 9, 4, 9], "event": [1, 0, 1, 0]})
    >>> draw_effects(df, effect="loglog", month=6)["yi"].round(3).tolist()
    [-0.367, -0.367]
    """
    check_choice("effect", effect, EFFECTS)
    month = float(check_months("month", [month])[0])
    compute = _rmst if effect == "log_rmst" else _survival
    out = {study: compute(draws, effect, month) for study, draws in read_draws(patients, caller="draw_effects").items()}
    return _long(out, patients, label_rows(patients))


def _survival(draws, effect, month):
    s, variance, remain = (column[:, 0] for column in at_times(draws, [month]))
    n = draws.time.shape[1]
    edge = (s == 0) | (s == 1)
    count = np.where(s == 0, n, remain)
    s = np.where(edge, (s * count + 0.5) / (count + 1), s)
    variance = np.where(edge, (1 - s) / s / (count + 1), variance)
    slope = np.log(s) if effect == "loglog" else 1 - s
    return to_scale(s, effect), variance / slope**2


def _rmst(draws, effect, month):
    mean, variance = restricted_means(draws, month)
    half = 0.5 / (draws.time.shape[1] + 1)  # of the patients, who lose month / 2 on average
    none = variance == 0
    mean = np.where(none, mean * (1 - half / 2), mean)
    variance = np.where(none, half * month**2 / 3 / (draws.time.shape[1] + 1), variance)
    return np.log(mean), variance / mean**2


def log_hr_effects(patients, *, experimental, control):
    """Log hazard ratio and variance of every study in every draw; columns study, imputation, time, event, arm.

    The two arms of a draw belong together. A draw without a finite ratio has empty effects (MetaWarning).

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": "A", "imputation": [1] * 5 + [2] * 5, "time": [1., 2, 3, 4, 5, 1, 2, 4, 3, 5],
    ...                    "event": [1, 1, 1, 1, 0] * 2, "arm": ["ICI", "RT", "ICI", "RT", "RT"] * 2})
    >>> log_hr_effects(df, experimental="RT", control="ICI")["yi"].round(3).tolist()
    [-1.439, -0.549]
    """
    import warnings

    alone, numbers = split_draws(patients, caller="log_hr_effects")
    alone = alone.reset_index(drop=True) if hasattr(alone, "columns") else alone
    rows, group, _ = two_arms(alone, experimental, control, caller="log_hr_effects")
    study = label_rows(rows)
    draw = np.zeros(len(rows), int) if numbers is None else numbers[rows.index]
    time, event, fits, out = rows["time"].to_numpy(), rows["event"].to_numpy(), {}, {}
    for (name, _), of in rows.groupby([study, draw], sort=False).indices.items():
        fits.setdefault(name, []).append(efron_fit(efron_terms(risk_sets(time[of], event[of], group[of]))))
    for name, found in fits.items():
        beta, se = np.array(found).T
        finite = np.isfinite(beta)
        out[name] = np.where(finite, beta, nan), np.where(finite, se, nan) ** 2
        if not finite.all():
            warnings.warn(f"{name}: no finite hazard ratio in {(~finite).sum()} of {len(finite)} draws.", MetaWarning,
                          stacklevel=2)  # fmt: skip
    return _long(out, rows, study)


def _long(effects, patients, labels):
    import pandas as pd

    parts = [pd.DataFrame(dict(study=study, imputation=np.arange(len(y)), yi=y, vi=v)) for study, (y, v) in
             effects.items()]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    kinds = patients[[name for name in MUST_NOT_MIX if name in patients.columns]]
    return table.join(kinds.groupby(labels).first(), on="study")


def quantiles_over_draws(patients, *, times=(), level=0.95, n_samples=40, seed=0):
    """Median and survival at `times` of each study by quantiles over draw x sampling.

    For what Rubin's rules cannot average: a median that some draws do not reach, survival of 0 or 1. Every draw is
    bootstrapped `n_samples` times; where a bootstrap sample stays at 0 or 1, survival is drawn from Jeffreys' posterior
    of its n patients under observation.

    Returns
    -------
    DataFrame
        study, statistic (median, landmark), time_months, value (median over the draws as they are), ci_low, ci_high,
        ci_low_without, ci_high_without (the middle ones of the limits of each draw), share_not_reached; a quantile that
        is not reached is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": "A", "imputation": [1] * 4 + [2] * 4, "time": [2., 4, 6, 8] * 2, "event": 1})
    >>> quantiles_over_draws(df)["value"].item()
    5.0
    """
    import pandas as pd

    months, rng, rows = check_months("times", times), np.random.default_rng(seed), []
    for study, draws in read_draws(patients, caller="quantiles_over_draws").items():
        samples = [resample(draws, rng) for _ in range(max(n_samples, -(-FEWEST_SAMPLES // len(draws.time))))]
        found = _quantiles(medians(draws), np.array([medians(s) for s in samples]), level)
        rows.append(dict(study=study, statistic="median", time_months=nan, **found))
        s = np.array([_sampled_survival(sample, months, rng) for sample in samples])
        for column, month in enumerate(months):
            own = at_times(draws, [month])[0][:, 0]
            found = _quantiles(own, s[:, :, column], level)
            rows.append(dict(study=study, statistic="landmark", time_months=month, **found))
    return pd.DataFrame(rows)


def _sampled_survival(sample, months, rng):
    s, _, remain = at_times(sample, months)
    n = sample.time.shape[1]
    top, bottom = rng.beta(remain + 0.5, 0.5), rng.beta(0.5, n + 0.5, s.shape)
    return np.where(s == 1, top, np.where(s == 0, bottom, s))


def _quantiles(own, sampled, level):
    """Value of the draws as they are, and limits of (samples, draws)."""
    names = ("value", "ci_low", "ci_high", "ci_low_without", "ci_high_without")
    if np.isnan(own).any() or np.isnan(sampled).all(axis=0).any():
        return dict.fromkeys(names, nan) | dict(share_not_reached=nan)
    value = np.median(own) if np.isfinite(own).all() else np.sort(own)[len(own) // 2]
    shown = (nan if np.isinf(v) else float(v) for v in (value, *limits_over_draws(sampled.T, level)))
    return dict(zip(names, shown, strict=True)) | dict(share_not_reached=float(np.isinf(own).mean()))
