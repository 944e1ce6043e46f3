"""Reconstructed patients beside what the paper prints."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hccmeta.effects.inputs import check_columns_once
from hccmeta.errors import DataError, MethodError
from hccmeta.km import ensemble
from hccmeta.km.printed_items import read_items
from hccmeta.km.printed_pairs import compare_arms, read_comparison
from hccmeta.km.printed_plan import Reading
from hccmeta.km.printed_summary import prints_same, shown_values

COLUMNS = ["item", "printed", "reconstructed", "tolerance", "share", "verdict"]
CURVE_RMS, CURVE_LARGEST = 0.01, 0.05
MOST_DRAWS = 0.95


def check_reconstruction(ipd, *, curve=None, at_risk=None, published=None, against=None) -> pd.DataFrame:
    """Reconstructed median, landmarks, events, numbers at risk, hazard ratio and curve beside the printed ones.

    Parameters
    ----------
    ipd : DataFrame, ReconstructedIPD or ReconstructedEnsemble
        Patients: time (months), event (0, 1); with a column imputation or draw, several data sets of them.
    curve : DataFrame, optional
        Digitised points: time (months), survival (fraction).
    at_risk : DataFrame, optional
        Printed table: time (months), n_at_risk (patients with time >= t).
    published : DataFrame, optional
        Rows of the `survival` table of this arm and endpoint; statistic may also be hr or logrank_p.
    against : as `ipd`, optional
        The control arm, needed for hr (this arm against the control) and logrank_p.

    Returns
    -------
    DataFrame
        item, printed, reconstructed (median over data sets), tolerance (half a unit of the last printed digit; 0 for
        counts), share (of data sets within it), verdict (agrees where that holds in 95 % of the data sets, else
        differs).

    Notes
    -----
    A point of the curve is as far off as it lies above S just before or below S just after its time. Points agree
    when the root mean square is at most 0.01 and the largest distance at most 0.05. Limits of medians are on the
    log-log scale, those of landmarks on the scale that fits.

    Examples
    --------
    >>> import pandas as pd
    >>> ipd = pd.DataFrame({"time": [2.0, 4.0, 6.0, 8.0], "event": [1, 1, 0, 1]})
    >>> rows = [("n", None, 4), ("landmark", 5, 0.5), ("median", None, 7.0)]
    >>> published = pd.DataFrame(rows, columns=["statistic", "time_months", "value"])
    >>> check_reconstruction(ipd, published=published)[["item", "reconstructed", "verdict"]]
             item  reconstructed  verdict
    0           n            4.0   agrees
    1  landmark 5            0.5   agrees
    2      median            6.0  differs
    """
    times, events = _patients(ipd, "ipd")
    rows = []
    if published is not None:
        rows += _published_rows(published, times, events, against)
    if at_risk is not None:
        shown = ensemble.number_at_risk(times, _column(at_risk, "time", "at_risk"))
        for t, n, values in zip(at_risk["time"], _column(at_risk, "n_at_risk", "at_risk"), shown.T, strict=True):
            rows.append(_row(f"at risk {t:g}", float(n), values, 0.0, values == n))
    if curve is not None:
        rows += _curve_rows(curve, times, events)
    if not rows:
        raise MethodError("Nothing to check against: pass curve, at_risk or published.")
    return pd.DataFrame(rows, columns=COLUMNS)


def _patients(data, name):
    table = getattr(data, "imputations", getattr(data, "ipd", data))
    lacking = [c for c in ("time", "event") if c not in getattr(table, "columns", ())]
    if lacking or not len(table):
        problem = "empty" if not lacking else f"without the column(s) {', '.join(lacking)}"
        raise DataError(f"{name} is {problem}: a table of patients with time (months) and event (0, 1) is needed.")
    t, e = _column(table, "time", name), _column(table, "event", name)
    if (t < 0).any() or not np.isin(e, (0, 1)).all():
        raise DataError(f"{name}: times are 0 or more, event is 0 or 1.")
    number = next((name for name in ("imputation", "draw") if name in table.columns), None)
    sets = table[number].to_numpy() if number else np.zeros(len(t))
    sizes = np.unique(sets, return_counts=True)[1]
    if len(set(sizes)) > 1:
        raise DataError(f"{name}: every imputation must have the same number of patients.")
    order = np.argsort(sets, kind="stable")
    return ensemble.sort_patients(t[order].reshape(len(sizes), -1), e[order].reshape(len(sizes), -1))


def _column(table, column, name):
    if not hasattr(table, "columns"):
        raise DataError(f"{name} is a table; it was given {type(table).__name__}.")
    check_columns_once(table, name)
    if column not in table.columns:
        raise DataError(f"{name} lacks the column {column}.")
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
    if not np.isfinite(values).all():
        raise DataError(f"{name}, column {column}: every row needs a number.")
    return values


def _published_rows(published, times, events, against):
    if not hasattr(published, "columns"):
        raise DataError(f"published is a table of printed statistics; it was given {type(published).__name__}.")
    between = published["statistic"].isin(["hr", "logrank_p"]) if "statistic" in published else []
    items = read_items(published[~between], label="published", need_n=False) if not np.all(between) else ()
    rows = [
        _row(name, printed, values, item.half, prints_same(item, values, printed))
        for item in items
        for name, printed, values in shown_values(item, items, times, events, Reading())
    ]
    compared = published[between] if np.any(between) else published.iloc[:0]
    if len(compared) and against is None:
        raise MethodError("hr and logrank_p compare two arms: pass the control arm as against.")
    for row in compared.to_dict("records"):
        text = row.get("printed")
        c = read_comparison(row["statistic"], text if isinstance(text, str) and text.strip() else row["value"])
        values = compare_arms((times, events), _patients(against, "against"))[c.name]
        rows.append(_row(c.name, c.printed, values, c.printed - c.low, (values >= c.low) & (values <= c.high)))
    return rows


def _curve_rows(curve, times, events):
    at, s = _column(curve, "time", "curve"), _column(curve, "survival", "curve")
    after = ensemble.survival_at(times, events, at)
    before = ensemble.survival_at(times, events, np.nextafter(at, -np.inf))
    distance = np.maximum(np.maximum(s - before, after - s), 0)
    rms, largest = np.sqrt((distance**2).mean(axis=1)), distance.max(axis=1)
    return [
        _row("curve, root mean square distance", 0.0, rms, CURVE_RMS, rms <= CURVE_RMS),
        _row("curve, largest distance", 0.0, largest, CURVE_LARGEST, largest <= CURVE_LARGEST),
    ]


def _row(item, printed, values, tolerance, agrees):
    share = float(np.mean(agrees))
    finite = np.nan_to_num(np.asarray(values, float), nan=np.inf)
    middle = float(np.quantile(finite, 0.5, method="nearest"))
    shown = middle if np.isfinite(middle) else np.nan
    return item, printed, shown, tolerance, share, "agrees" if share >= MOST_DRAWS else "differs"
