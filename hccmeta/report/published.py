"""Our pooled results beside those of published meta-analyses."""

from __future__ import annotations

from math import isnan, log

from ..errors import takes
from ..evidence.load import needs_tables
from ..pooling.result import PooledResult

Z95 = 1.959963984540054


def short_citation(citation: str, year) -> str:
    """First author and year, or the first words where no author is known."""
    first = citation.split(",")[0].split(":")[0].split(" (")[0].split(". ")[0]
    words = first if len(first) <= 48 else first[:47].rsplit(" ", 1)[0] + " …"
    return words if year != year or f"{year:.0f}" in words else f"{words}, {year:.0f}"


@needs_tables
@takes(ours={"label": PooledResult})
def published_orr(tables, ours: dict):
    """Pooled response rates: published ones as printed, ours below, as rows of a forest plot without a summary.

    Parameters
    ----------
    tables : Tables
    ours : dict
        Label -> PooledResult; those without an estimate are left out.

    Returns
    -------
    DataFrame
        source (published, ours), study, k, n, estimate, ci_low, ci_high (proportions), what_differs.
    """
    import pandas as pd

    rows = tables.published_metas
    rows = rows[rows["outcome"].eq("ORR") & rows["statistic"].eq("pooled_proportion") & rows["ci_low"].notna()]
    rows = rows.assign(year=rows["year"].astype(float))
    found = [
        {
            "source": "published", "study": short_citation(row["citation"], row["year"]),
            "k": row["k"], "n": row["n"], "estimate": row["value"], "ci_low": row["ci_low"],
            "ci_high": row["ci_high"],
            "what_differs": "studies, inputs, model and scale are not printed where read: not reproducible",
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip
    for label, result in ours.items():
        if not isnan(result.estimate):
            shown = result.display
            found.append({
                "source": "ours", "study": f"{label} (k = {result.k})", "k": result.k,
                "n": int(result.studies.loc[result.studies["included"], "n"].sum()), "estimate": shown.estimate,
                "ci_low": shown.ci_low, "ci_high": shown.ci_high,
                "what_differs": f"{result.method}, {result.ci_method} interval",
            })  # fmt: skip
    table = pd.DataFrame(found, columns=["source", "study", "k", "n", "estimate", "ci_low", "ci_high", "what_differs"])
    return table.assign(
        yi=table["estimate"], vi=((table["ci_high"] - table["ci_low"]) / (2 * Z95)) ** 2, measure="PRAW"
    )


@needs_tables
def published_ratios(tables):
    """Published hazard ratios with intervals, as rows of a forest plot."""
    import pandas as pd

    rows = tables.published_metas
    known = rows[["value", "ci_low", "ci_high"]].notna().all(axis=1)
    rows = rows[rows["statistic"].eq("HR") & known & rows["status"].isin(["printed", "derived"])].reset_index(drop=True)
    who = [
        short_citation(citation, float(year))
        for citation, year in zip(rows["citation"], rows["year"].astype(float), strict=True)
    ]
    label = pd.Series(who, index=rows.index) + ": " + rows["comparison"].fillna("") + ", " + rows["outcome"]
    return rows.assign(
        study=label, estimate=rows["value"], measure="HR", yi=rows["value"].map(log),
        vi=((rows["ci_high"].map(log) - rows["ci_low"].map(log)) / (2 * Z95)) ** 2,
    )  # fmt: skip


@takes(table=("source", "study", "estimate", "ci_low", "ci_high"))
def published_sentence(table) -> str:
    """Our pooled response rate beside the published ones, without any claim of reproduction."""
    published, ours = (table[table["source"] == source] for source in ("published", "ours"))
    if published.empty or ours.empty:
        return "No published pooled response rate and own pool stand in this selection together."

    def text(row):
        interval = f"{100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f}"
        return f"{row['study']} {100 * row['estimate']:.1f} % ({interval})"

    return (
        f"Published: {'; '.join(text(row) for row in published.to_dict('records'))}. Ours: "
        f"{'; '.join(text(row) for row in ours.to_dict('records'))}. The published inputs are not available; neither "
        "reproduces the other: studies, method and scale differ."
    )
