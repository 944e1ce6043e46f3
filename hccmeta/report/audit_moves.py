"""How much each flagged row could move a pooled result: the pool with and without it."""

from __future__ import annotations

from math import isnan

import numpy as np

from ..effects.scales import RATIOS
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.select import select_responses
from ..evidence.sieve import RT_ICI
from .certainty import headline_pools, outcome_words
from .response import pool_rates

ROWS = ("response_id", "response_id_1", "response_id_2", "ae_id", "hr_id")


def _pools(tables) -> dict:
    """What is pooled, in words -> (rows, function that pools them): the headline results, and DCR and CR beside ORR."""
    pools = headline_pools(tables)
    pools |= {name: (select_responses(tables, endpoint=name, where=RT_ICI), pool_rates) for name in ("DCR", "CR")}
    return {
        outcome_words(name) + ("" if "experimental_arm" in rows else ", RT + ICI"): (rows, pooled)
        for name, (rows, pooled) in pools.items()
    }


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
        of the log; missing where too few studies are left). A finding that touches no pooled row is not listed.
    """
    import pandas as pd

    flagged = findings[findings["severity"] != "info"]
    found = []
    for name, (rows, pooled) in _pools(tables).items():
        keys = rows[[column for column in ROWS if column in rows]]
        touched = flagged[flagged["key"].isin(keys.to_numpy().ravel())]
        if touched.empty or isnan((full := pooled(rows)).estimate):
            continue
        for finding in touched.to_dict("records"):
            rest = rows[~keys.eq(finding["key"]).any(axis=1)]
            without = pooled(rest).display.estimate if len(rest) else np.nan
            values = full.display.estimate, without
            logs = np.log(values) if full.measure in RATIOS else np.array(values)
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
        return f"{text}; without it too few studies are left to pool."
    worst = known.iloc[0]
    return (
        f"{text}. The largest move when such a row is left out: {worst['pool']} from {worst['with_row']:.3f} to "
        f"{worst['without_row']:.3f} (row {worst['key']})."
    )
