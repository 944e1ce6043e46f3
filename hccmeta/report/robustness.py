"""The sentence behind the robustness notebook."""

from __future__ import annotations

from ..errors import takes
from .sentences import percent, studies_text

SCALES = {"PLO": "logit", "PFT": "double arcsine", "PAS": "arcsine", "PRAW": "raw", "PLN": "log"}


@takes(grid=("measure",))
def reported_grid(grid):
    """The choices of a multiverse and its estimates, for the figure (the effect scale in words)."""
    return grid.assign(scale=grid["measure"].map(SCALES)).drop(columns=["measure", "k", "tau2", "I2", "note"])


@takes(grid=(), rows=())
def robustness_sentence(grid, rows, *, outcome: str) -> str:
    """Range of the pooled value over the analyses of the multiverse."""
    if grid.empty:
        return f"Fewer than two arms in this selection report the {outcome}: there is nothing to vary."
    low, high = grid["estimate"].min(), grid["estimate"].max()
    middle = grid["estimate"].quantile([0.25, 0.75])
    return (
        f"Over {len(grid)} defensible analyses of {studies_text(len(rows), 'row', 'rows')} the pooled {outcome} lies "
        f"between {percent(low)} and {percent(high)}, half of them between {percent(middle.iloc[0])} and "
        f"{percent(middle.iloc[1])}. All stay within these rows; other criteria or studies can move it further."
    )
