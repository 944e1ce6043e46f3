"""Hazard ratio of two arms: Cox model, log-rank test, check of proportional hazards."""

from __future__ import annotations

from math import exp, inf, nan

import numpy as np
from scipy.special import ndtr, ndtri

from hccmeta.effects.inputs import check_level
from hccmeta.errors import MetaWarning, MethodError, check_choice
from hccmeta.survival.patients import read_patients
from hccmeta.survival.product_limit import product_limit
from hccmeta.survival.risk_sets import (
    efron_fit,
    efron_terms,
    infinite_ratio,
    log_rank_p,
    proportional_hazards_p,
    risk_sets,
)


def hazard_ratio(ipd, *, experimental, control, level=0.95, strata=None):
    """Hazard ratio of two arms by a Cox model (ties: Efron), with the log-rank test.

    Parameters
    ----------
    ipd : DataFrame
        time (months), event (1, 0), arm; other arms than the two named are left out.
    experimental, control
        Values of the column arm; the ratio is experimental over control.
    level : float
    strata : str, optional
        Column of strata, such as study: own baseline hazard in each, for the Cox model and the log-rank test.

    Returns
    -------
    DataFrame
        One row: hr, ci_low, ci_high, p_value (Wald), logrank_p, ph_p (score test of proportional hazards against
        1 - KM, as R's cox.zph), log_hr, se (log scale), n, events.
        With all events on one side of every risk set hr is 0 or infinite: the finite limit is by profile likelihood,
        p_value by the likelihood ratio, se is empty (MetaWarning). Without any event to compare all is empty.

    Raises
    ------
    DataError
        Missing columns or values, negative times, events other than 0 and 1.
    MethodError
        An arm or strata column that the table does not have.

    References
    ----------
    Cox 1972, 10.1111/j.2517-6161.1972.tb00899.x; Grambsch and Therneau 1994, 10.1093/biomet/81.3.515

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"time": [1, 2, 3, 4, 5], "event": [1, 1, 1, 1, 0], "arm": ["ICI", "RT", "ICI", "RT", "RT"]})
    >>> hazard_ratio(df, experimental="RT", control="ICI")["hr"].round(3).item()
    0.237
    """
    import pandas as pd

    check_level(level)
    rows, group, stratum = two_arms(ipd, experimental, control, strata, caller="hazard_ratio")
    sets = risk_sets(rows["time"], rows["event"], group, stratum)
    terms = efron_terms(sets)
    beta, se = efron_fit(terms)
    if np.isfinite(beta):
        half = ndtri((1 + level) / 2) * se
        low, high = exp(beta - half), exp(beta + half)
        p, ph = float(2 * ndtr(-abs(beta / se))), _ph(rows, terms, beta)
    else:
        low, high, p, ph = _not_finite(terms, beta, level, experimental, control)
    return pd.DataFrame([dict(
        hr=exp(beta) if beta < 700 else inf if beta > 0 else nan, ci_low=low, ci_high=high, p_value=p,
        logrank_p=log_rank_p(sets), ph_p=ph, log_hr=beta, se=se, n=len(rows), events=int(rows["event"].sum()),
    )])  # fmt: skip


def two_arms(ipd, experimental, control, strata=None, *, caller):
    """Rows of the two arms, 1 for experimental and 0 for control, and the stratum numbers (None without strata)."""
    if strata is not None and hasattr(ipd, "columns"):
        check_choice("strata", strata, [None, *map(str, ipd.columns)])
    patients = read_patients(ipd, caller=caller, labels=("arm",) if strata is None else ("arm", strata))
    arms = list(patients["arm"].unique())
    check_choice("experimental", experimental, arms)
    check_choice("control", control, arms)
    if experimental == control:
        raise MethodError(f"experimental and control are both {control!r}; name two arms.")
    rows = patients[patients["arm"].isin([experimental, control])]
    stratum = None if strata is None else rows[strata].factorize()[0]
    return rows, (rows["arm"] == experimental).to_numpy(int), stratum


def _ph(rows, terms, beta):
    steps = product_limit(rows["time"], rows["event"])
    just_before = np.append(1.0, steps.survival)[np.searchsorted(steps.time, terms.time, side="left")]
    return proportional_hazards_p(terms, beta, 1 - just_before)


def _not_finite(terms, beta, level, experimental, control):
    import warnings

    if np.isnan(beta):
        text = f"No event while both {experimental} and {control} have patients at risk: no hazard ratio."
        limits = nan, nan, nan
    else:
        where = experimental if beta > 0 else control
        limits = infinite_ratio(terms, beta, level)
        text = (f"All events that compare {experimental} with {control} are in {where}: the hazard ratio is "
                f"{'infinite' if beta > 0 else '0'}; its finite limit is by profile likelihood.")  # fmt: skip
    warnings.warn(text, MetaWarning, stacklevel=3)
    return *limits, nan
