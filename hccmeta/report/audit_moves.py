"""How much each flagged row could move a pooled result: the pool with and without it."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..effects.ratio import effects_ratio_ci
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.pairs import contrast_hazard_ratios
from ..evidence.safety import select_adverse_events
from ..evidence.select import select_responses
from ..pooling.inverse_variance import pool
from .response import pool_rates

RT_ICI = {"treatment": ["RT + ICI"]}


def headline_pools(tables) -> dict:
    """Name -> (key column, rows, function that pools rows) of every headline pool."""
    pooled = partial(pool_rates, min_k=2)
    rates = {
        f"{name}, RT + ICI": ("response_id", select_responses(tables, endpoint=name, where=RT_ICI), pooled)
        for name in ("ORR", "DCR", "CR")
    }
    harms = {
        f"adverse events, grade {grade}": (
            "ae_id",
            select_adverse_events(tables, grade=grade, where=RT_ICI),
            pooled,
        )
        for grade in ("ge3", "3-4")
    }
    ratios = {
        f"{name} hazard ratio, RT + ICI v ICI": (
            "hr_id", contrast_hazard_ratios(tables, endpoint=name), lambda rows: pool(effects_ratio_ci(rows)),
        )
        for name in ("OS", "PFS")
    }  # fmt: skip
    return rates | harms | ratios


@needs_tables
@takes(findings=("study_id", "key", "severity", "message"))
def audit_moves(tables, findings):
    """Findings that touch a row of a headline pool, with the pool without that row; ranked by the move.

    Parameters
    ----------
    tables : Tables
    findings : DataFrame
        Of `audit_numbers`.

    Returns
    -------
    DataFrame
        pool, study_id, key, severity, message, k, with_row, without_row (reported scale), move (absolute; for ratios
        of the log). A finding that touches no pooled row is not listed.
    """
    import pandas as pd

    flagged = findings[findings["severity"] != "info"]
    found = []
    for name, (key, rows, pooler) in headline_pools(tables).items():
        touched = flagged[flagged["key"].isin(rows[key])] if len(rows) else flagged.iloc[:0]
        if touched.empty:
            continue
        full = pooler(rows)
        for finding in touched.to_dict("records"):
            rest = rows[rows[key] != finding["key"]]
            without = pooler(rest).display.estimate if len(rest) else np.nan
            values = full.display.estimate, without
            logs = np.log(values) if full.measure == "HR" else np.array(values)
            found.append({
                "pool": name, "study_id": finding["study_id"], "key": finding["key"], "severity": finding["severity"],
                "message": finding["message"], "k": full.k, "with_row": values[0], "without_row": values[1],
                "move": abs(float(logs[1] - logs[0])),
            })  # fmt: skip
    columns = ["pool", "study_id", "key", "severity", "message", "k", "with_row", "without_row", "move"]
    return pd.DataFrame(found, columns=columns).sort_values("move", ascending=False, kind="stable", ignore_index=True)


@takes(moves=("pool", "key", "message", "with_row", "without_row", "move"), findings=("severity",))
def moves_sentence(moves, findings) -> str:
    """How many doubtful numbers touch a pooled result, and the largest move."""
    serious = int((findings["severity"] != "info").sum())
    if moves.empty:
        return f"None of the {serious} errors and doubtful numbers in the papers stands in a row of a headline pool."
    known = moves[moves["move"].notna()]
    pooled = len(moves.drop_duplicates(["key", "message"]))
    stands = "stands in a row" if pooled == 1 else "stand in rows"
    text = f"{pooled} of the {serious} errors and doubtful numbers in the papers {stands} of a headline pool"
    if known.empty:
        return f"{text}; each is the only study of its pool."
    worst = known.iloc[0]
    return (
        f"{text}. The largest move when such a row is left out: {worst['pool']} from {worst['with_row']:.3f} to "
        f"{worst['without_row']:.3f} (row {worst['key']})."
    )
