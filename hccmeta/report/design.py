"""Tables, figure and sentence behind the notebook of trial design."""

from __future__ import annotations

from math import isfinite

from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.sieve import arm_table
from ..pooling.result import PooledResult
from ..trials import METHODS, predictive_success, single_arm_design
from .sentences import estimate_text, percent


@needs_tables
def recompute_designs(tables):
    """Printed sample sizes beside those of every common method and sidedness.

    Returns
    -------
    DataFrame
        study, design_id, p0, p1, alpha, power, printed_n, sides_stated, method, sides, n, n_stable, n_with_dropout, r,
        attained_alpha, attained_power, gives_printed_n.
    """
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    rows = []
    for design in tables.designs.to_dict("records"):
        base = {key: design[key] for key in ("p0", "p1", "alpha", "power")}
        if any(value != value or value is None for value in base.values()):
            continue
        printed = {int(design[key]) for key in ("n_evaluable", "n_total") if not pd.isna(design[key])}
        dropout = 0.0 if pd.isna(design["dropout"]) else design["dropout"]
        for sides in (1, 2):
            for method in METHODS:
                found = single_arm_design(**base, sides=sides, method=method, dropout=dropout)
                stated = design["n_evaluable"]
                agrees = found.n_total in printed if pd.isna(stated) else stated in (found.n_first, found.n_stable)
                rows.append({
                    "study": arms.loc[design["arm_id"], "study"], "design_id": design["design_id"], **base,
                    "how": design["how"], "printed_n": " / ".join(str(n) for n in sorted(printed)),
                    "sides_stated": design["sides"], "method": method, "sides": sides, "n": found.n_first,
                    "n_stable": found.n_stable, "n_with_dropout": found.n_total, "r": found.r,
                    "attained_alpha": found.attained_alpha, "attained_power": found.attained_power,
                    "gives_printed_n": "yes" if agrees else "no",
                })  # fmt: skip
    return pd.DataFrame(rows)


@needs_tables
@takes(designs=(), pooled=PooledResult)
def design_sentence(tables, designs, pooled) -> str:
    """Which methods give each study's printed sample size under the sides it states, and where the evidence lies."""
    if designs.empty:
        return "No design with a stated null and alternative is in this selection."
    parts = []
    for study, rows in designs[designs["how"] == "printed"].groupby("study", sort=False):
        stated = rows[rows["sides_stated"].isna() | (rows["sides"] == rows["sides_stated"])]
        agreeing = stated[stated["gives_printed_n"] == "yes"]["method"].unique()
        sizes = ", ".join(rows["printed_n"].unique())
        how = (
            f"reproduced by {', '.join(agreeing)}" if len(agreeing) else "given by no method under the sides it states"
        )
        rates = " or ".join(f"{percent(p0)} v {percent(p1)}" for p0, p1 in rows[["p0", "p1"]].drop_duplicates().values)
        parts.append(f"{study} (n = {sizes}, {rates}): {how}")
    text = (
        f"Printed sample sizes recomputed - {'; '.join(parts)}. Where a paper does not name its null, the rate "
        "it quotes for the standard treatment is taken."
    )
    if pooled.k:
        text += f" The evidence on response with RT + ICI in advanced disease: {estimate_text(pooled)}, k = {pooled.k}."
    return text


@needs_tables
@takes(pooled=PooledResult)
def plot_assumptions(tables, pooled, *, ax=None):
    """Assumed response rates (null, alternative) of each design beside the pooled evidence."""
    from ..plots import style

    arms = arm_table(tables).set_index("arm_id")
    designs = [row for row in tables.designs.to_dict("records") if row["p0"] == row["p0"] and row["p1"] == row["p1"]]
    labels = [f"{arms.loc[row['arm_id'], 'study']}: {row['p0']:.1%} v {row['p1']:.1%}" for row in designs]
    if ax is None:
        ax = style.new_axes(8.6, 1.3 + 0.34 * (len(designs) + 1), left=3.4, right=0.3, bottom=0.6, top=0.35)
    for y, row in enumerate(designs):
        ax.plot([row["p0"], row["p1"]], [-y, -y], color=style.SOFT, lw=1.2, zorder=1)
        ax.plot(
            [row["p0"]], [-y], marker="o", mfc="white", mec=style.INK, ms=8, ls="", label="null" if y == 0 else None
        )
        ax.plot([row["p1"]], [-y], marker="o", color=style.STUDY, ms=8, ls="", label="alternative" if y == 0 else None)
    y = -len(designs)
    shown = pooled.display
    if pooled.k and isfinite(shown.estimate):
        ax.plot([shown.ci_low, shown.ci_high], [y, y], color=style.POOLED, lw=3, label="pooled evidence, interval")
        ax.plot([shown.estimate], [y], marker="D", color=style.POOLED, ms=8, ls="")
        labels.append(f"Pooled, RT + ICI (k = {pooled.k})")
    ax.set_yticks([-i for i in range(len(labels))], labels, parse_math=False)
    ax.set_ylim(-len(labels) + 0.4, 0.6)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], [f"{v} %" for v in (0, 20, 40, 60, 80, 100)])
    ax.set_xlabel("Objective response rate")
    style.tidy(ax)
    ax.legend(frameon=False, fontsize=style.FONT - 1, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return ax


@needs_tables
@takes(pooled=PooledResult)
def success_table(tables, pooled):
    """Chance that each design succeeds when its true rate is drawn from the pooled evidence.

    Returns
    -------
    DataFrame
        study, design_id, n, r (responses needed), success (probability), assumption.
    """
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    rows = []
    for design in tables.designs.to_dict("records"):
        base = {key: design[key] for key in ("p0", "p1", "alpha", "power")}
        if not pooled.k or any(value != value for value in base.values()):
            continue
        sides = 1 if pd.isna(design["sides"]) else int(design["sides"])
        found = single_arm_design(**base, sides=sides)
        for words, spread in (("between-study spread included", pooled.tau2), ("pooled mean only", 0.0)):
            chance = predictive_success(
                n=found.n_first, r=found.r, logit_mean=pooled.estimate, logit_se=pooled.se, tau2=spread
            )
            rows.append({
                "study": arms.loc[design["arm_id"], "study"], "design_id": design["design_id"], "n": found.n_first,
                "r": found.r, "success": chance, "assumption": words,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=["study", "design_id", "n", "r", "success", "assumption"])
