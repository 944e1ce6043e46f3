"""Selection: one row per arm and one per independent group of patients, and what was left out."""

from __future__ import annotations

from hccmeta.errors import MethodError, check_choice
from hccmeta.evidence.load import needs_tables
from hccmeta.evidence.sieve import ADVANCED, OVERLAP, Sieve, check_where, joined, preferences

_WHOLE = ("all", "treated", "evaluable", "per_protocol", "psm")
_MODELS = ("stratified", "multivariable", "ipw", "univariable", "not_stated")


@needs_tables
def select_responses(
    tables,
    *,
    endpoint="ORR",
    criteria=("RECIST1.1", "mRECIST", "not_stated"),
    lesion_scope="overall",
    population=_WHOLE,
    overlap="largest",
    where=None,
    settings=ADVANCED,
):
    """Response counts, one row per arm and independent group of patients.

    Parameters
    ----------
    tables : Tables
    endpoint : str
        ORR, DCR, CR, PR, SD, PD, NE, PCR, MPR, PCR_OR_MPR, NO_PATH_RESPONSE, RESECTION or SHRINKAGE.
    criteria, population : tuple of str
        Ordered preferences: the first one an arm reports wins (criteria before population).
    lesion_scope : str
        overall, in_field, out_of_field, non_irradiated or tumour_thrombus.
    overlap : {"largest", "raise", "keep"}
        What to do with studies that share a cohort_id: keep the largest, refuse, or keep all.
    where : dict or callable, optional
        column -> value(s) of the joined table, or a function from it to a boolean mask.
    settings : tuple of str
        Settings to take in; "perioperative" and "case_report" enter only when named.

    Returns
    -------
    DataFrame
        study, study_id, arm_id, cohort_id, year, events, n, criteria, population, the other columns of the row, and
        those of arm and study; ordered by year and study_id. `.attrs["discarded"]` lists each row left out, with
        its reason.

    Raises
    ------
    MethodError
        Unknown option or column. DataError where overlap="raise" and cohorts are shared.

    Examples
    --------
    >>> import hccmeta as hm
    >>> rows = select_responses(hm.load_tables(), endpoint="ORR")
    >>> bool(rows["arm_id"].is_unique)
    True
    """
    sieve = _start(tables, "responses", "response_id", endpoint, where)
    scope = preferences(tables, "responses", "lesion_scope", lesion_scope)
    sieve.drop(~sieve.rows["lesion_scope"].isin(scope), lambda row: f"lesion_scope is {row['lesion_scope']}")
    sieve.drop_by_use(settings)
    sieve.drop(sieve.rows["events"].isna() | sieve.rows["n"].isna(), "no count or no denominator")
    sieve.keep_where(where)
    sieve.prefer(
        ["arm_id"],
        criteria=preferences(tables, "responses", "criteria", criteria),
        population=preferences(tables, "responses", "population", population),
    )
    return _finish(sieve, overlap, ["events", "n", "endpoint", "criteria", "population", "analysis", "lesion_scope"])


@needs_tables
def select_survival(
    tables,
    *,
    endpoint,
    statistic,
    time_months=None,
    population=_WHOLE,
    overlap="largest",
    where=None,
    settings=ADVANCED,
):
    """One printed survival statistic per arm and independent group of patients.

    Parameters
    ----------
    tables : Tables
    endpoint : str
        OS, PFS, RFS, IRFS, ORFS, DOR, TTP, LC, LF, DMFS, IHPFS or EHPFS.
    statistic : str
        median, landmark, rmst, n, events, deaths, progressions, relapses, events_min, follow_up_median, ...
    time_months : float
        Time of a landmark or horizon of an RMST (months); only for these.
    population, overlap, where, settings
        As in `select_responses`.

    Returns
    -------
    DataFrame
        study, study_id, arm_id, cohort_id, year, estimate (= value: months, or a fraction for landmarks), ci_low,
        ci_high, ci_level, status, n (printed for the endpoint, else of the arm), and arm and study columns. Medians
        that were not reached stay, without estimate. `.attrs["discarded"]` as in `select_responses`.

    Raises
    ------
    MethodError
        Unknown option, or time_months missing or out of place. DataError as in `select_responses`.

    Examples
    --------
    >>> import hccmeta as hm
    >>> rows = select_survival(hm.load_tables(), endpoint="OS", statistic="landmark", time_months=12)
    >>> bool(rows["arm_id"].is_unique)
    True
    """
    known = next(field.enum for field in tables.schemas["survival"].fields if field.name == "statistic")
    check_choice("statistic", statistic, tuple(name for name in known if name not in ("event_time", "quartile")))
    if (time_months is not None) != (statistic in ("landmark", "rmst")):
        raise MethodError(f"time_months = {time_months!r}: landmark and rmst need it, {statistic!r} is given.")
    sieve = _start(tables, "survival", "survival_id", endpoint, where)
    sieve.rows = sieve.rows[sieve.rows["statistic"] == statistic]
    if time_months is not None:
        sieve.drop(sieve.rows["time_months"] != time_months, lambda row: f"time is {row['time_months']:g} months")
    sieve.drop_by_use(settings)
    sieve.drop(
        sieve.rows["value"].isna() & (sieve.rows["status"].fillna("not_reported") == "not_reported"), "no value printed"
    )
    sieve.keep_where(where)
    sieve.prefer(["arm_id"], population=preferences(tables, "survival", "population", population))
    sieve.rows = sieve.rows.assign(n=_group_size(tables, sieve.rows), estimate=sieve.rows["value"])
    columns = ["estimate", "ci_low", "ci_high", "ci_level", "status", "n", "endpoint", "statistic", "population"]
    return _finish(sieve, overlap, columns)


@needs_tables
def select_hazard_ratios(
    tables,
    *,
    endpoint="OS",
    model=_MODELS,
    population=_WHOLE,
    overlap="largest",
    where=None,
    settings=ADVANCED,
):
    """Hazard ratios between two arms, one per independent comparison.

    Parameters
    ----------
    tables : Tables
    endpoint : str
        As in `select_survival`.
    model, population : tuple of str
        Ordered preferences (model before population); piecewise ratios enter only when named.
    overlap : {"largest", "raise", "keep"}
        What to do with studies of one cohort, and with comparisons of one study that share an arm.
    where, settings
        As in `select_responses`, on the experimental arm.

    Returns
    -------
    DataFrame
        study, study_id, experimental_arm, control_arm, cohort_id, year, estimate (hazard ratio, experimental over
        control), ci_low, ci_high, ci_level, n, events, model, population, and the columns of the experimental arm and
        of the study. `.attrs["discarded"]` as in `select_responses`.

    Raises
    ------
    MethodError
        Unknown option or column. DataError where overlap="raise" and patients are shared.

    Examples
    --------
    >>> import hccmeta as hm
    >>> rows = select_hazard_ratios(hm.load_tables(), endpoint="PFS")
    >>> bool((rows["ci_low"] < rows["ci_high"]).all())
    True
    """
    sieve = _start(tables, "hazard_ratios", "hr_id", endpoint, where, arm="experimental_arm")
    sieve.drop_by_use(settings)
    sieve.drop(sieve.rows["control_arm"].isna(), "factor inside one arm, no comparison of arms")
    sieve.drop(sieve.rows["subgroup_variable"].notna(), lambda row: f"subgroup {row['subgroup_variable']}")
    sieve.drop(sieve.rows[["hr", "ci_low", "ci_high"]].isna().any(axis=1), "no interval printed")
    sieve.keep_where(where)
    sieve.prefer(
        ["experimental_arm", "control_arm"],
        model=preferences(tables, "hazard_ratios", "model", model),
        population=preferences(tables, "hazard_ratios", "population", population),
    )
    size = tables.arms.set_index("arm_id")["n"]
    both = sieve.rows["experimental_arm"].map(size) + sieve.rows["control_arm"].map(size)
    sieve.rows = sieve.rows.assign(n=sieve.rows["n"].fillna(both), estimate=sieve.rows["hr"])
    _drop_shared_arms(sieve, overlap)
    return _finish(
        sieve,
        overlap,
        ["control_arm", "estimate", "ci_low", "ci_high", "ci_level", "n", "events", "endpoint", "model", "population"],
    )


def _start(tables, table: str, key: str, endpoint: str, where, *, arm: str = "arm_id") -> Sieve:
    preferences(tables, table, "endpoint", endpoint if isinstance(endpoint, str) else (str(endpoint),))
    rows = joined(tables, getattr(tables, table), arm=arm)
    check_where(tables, table, rows, where)
    return Sieve(rows[rows["endpoint"] == endpoint], key, arm)


def _finish(sieve: Sieve, overlap: str, columns: list[str]):
    sieve.drop_pooled_arms()
    sieve.resolve_overlap(overlap)
    return sieve.result(["study", "study_id", sieve.arm, "cohort_id", "year", *columns])


def _group_size(tables, rows):
    """Printed n of the same arm, population, analysis and endpoint, else the size of the arm."""
    unit = ["arm_id", "population", "analysis", "endpoint"]
    printed = tables.survival[tables.survival["statistic"] == "n"].drop_duplicates(unit).set_index(unit)["value"]
    known = rows[unit].apply(tuple, axis=1).map(printed) if len(rows) else rows["n_arm"]
    return known.fillna(rows["n_arm"]).astype("Int64")


def _drop_shared_arms(sieve: Sieve, overlap: str) -> None:
    """Comparisons of one study that share an arm are not independent: the largest stays."""
    check_choice("overlap", overlap, OVERLAP)
    if overlap == "keep":
        return
    taken, shared = {}, {}
    for row in sieve.rows.sort_values("n", ascending=False, kind="stable").to_dict("records"):
        arms = {row["experimental_arm"], row["control_arm"]}
        rival = next((taken[arm] for arm in sorted(arms) if arm in taken), None)
        if rival is None:
            taken |= dict.fromkeys(arms, row["hr_id"])
        else:
            shared[row["hr_id"]] = rival
    if shared and overlap == "raise":
        sieve.refuse("hazard_ratios", "hr_id", {f"{a}, {b}": "comparisons share an arm" for a, b in shared.items()})
    sieve.drop(sieve.rows["hr_id"].isin(shared), lambda row: f"shares an arm with {shared[row['hr_id']]}")
