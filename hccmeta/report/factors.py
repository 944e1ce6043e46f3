"""Prognostic factors as printed, with p values adjusted for the number of tests in the paper."""

from __future__ import annotations

from ..errors import takes
from ..evidence.load import needs_tables
from .sentences import p_text


@needs_tables
def factor_table(tables):
    """Printed medians and p values by factor, with Holm's adjustment within each study and endpoint.

    Returns
    -------
    DataFrame
        study_id, study, population, endpoint, factor, level_1, median_1, level_2, median_2, p_value (as printed; a
        bound is the bound), p_holm, tests (in the family), locator.

    References
    ----------
    Holm 1979, 10.2307/4615733; statsmodels `multipletests`.
    """
    from statsmodels.stats.multitest import multipletests

    rows = tables.prognostic_factors
    rows = rows[rows["p_value"].notna() & (rows["test"] == "log-rank")].reset_index(drop=True)
    family = rows.groupby(["study_id", "population", "endpoint"], sort=False)["p_value"]
    rows = rows.assign(
        study=rows["study_id"].map(tables.studies.set_index("study_id")["label"]),
        p_holm=family.transform(lambda p: multipletests(p.to_numpy(float), method="holm")[1]) if len(rows) else [],
        tests=family.transform("size") if len(rows) else [],
    )
    first = ["study_id", "study", "population", "endpoint", "factor", "level_1", "median_1", "level_2", "median_2"]
    return rows[[*first, "p_value", "p_holm", "tests", "locator"]]


@takes(table=("study", "endpoint", "factor", "p_value", "p_holm"))
def factor_sentence(table) -> str:
    """How many printed log-rank tests of a factor stay below 0.05 after Holm's adjustment."""
    if table.empty:
        return "No log-rank test of a prognostic factor is printed in this selection."
    small, kept = table[table["p_value"] < 0.05], table[table["p_holm"] < 0.05]
    names = "; ".join(
        f"{row['study']}, {row['endpoint']} by {row['factor']} {p_text(row['p_value'])}, adjusted {row['p_holm']:.2g}"
        for row in small.to_dict("records")
    )
    return (
        f"{len(small)} of {len(table)} printed log-rank tests of a factor are below 0.05, {len(kept)} after adjustment "
        f"for the tests of the same paper and endpoint{': ' + names if names else ''}. A factor known only after the "
        "start, such as surgery, favours those who lived long enough to reach it."
    )
