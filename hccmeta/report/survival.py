"""Tables, figure and sentence behind the notebook of survival curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import check_choice, takes
from ..evidence.load import needs_tables
from ..evidence.sieve import arm_table
from ..km.check import check_reconstruction
from ..km.ensemble import follow_up_median, number_at_risk, quantile_time, restricted_mean, survival_at
from .reconstructions import arm_label, crude_hazard_ratio, printed_statistics, reconstruct_arms
from .sentences import number

NAMES = {
    "OS": "overall survival", "PFS": "progression-free survival", "RFS": "relapse-free survival after surgery",
    "IRFS": "in-field relapse-free survival", "ORFS": "out-of-field relapse-free survival",
}  # fmt: skip
CURVE_STATISTICS = ("landmark", "median", "quartile")
NO_DEATH = ("IRFS", "ORFS")
FAN = (0.95, 0.5)


def endpoints_of(endpoint) -> tuple:
    """One endpoint or several as a tuple; MethodError names the known ones."""
    wanted = tuple(endpoint) if isinstance(endpoint, list | tuple) else (endpoint,)
    for name in wanted:
        check_choice("endpoint", name, tuple(NAMES))
    return wanted


@dataclass(frozen=True, eq=False)
class Curves:
    """Reconstructed arms: `drawn` (endpoint, label) -> ensemble, `source` (endpoint, label) -> (arm_id, population)."""

    drawn: dict
    source: dict
    conflicts: object

    def of(self, endpoint, *, populations=("all", "resected")) -> dict:
        """Label -> ensemble of one endpoint, or of several with the endpoint in the label."""
        wanted = endpoints_of(endpoint)
        return {
            label if len(wanted) == 1 else f"{name}, {label}": ensemble
            for (name, label), ensemble in self.drawn.items()
            if name in wanted and self.source[name, label][1] in populations
        }

    def looks(self) -> dict:
        """arm_id -> number of its colour, the same in every figure."""
        return {arm: number for number, arm in enumerate(dict.fromkeys(arm for arm, _ in self.source.values()))}


def reconstructable(tables) -> list[tuple[str, str, str]]:
    """(arm_id, endpoint, population) with a printed median or landmark in a full text and whole arms, not subgroups."""
    rows = tables.survival
    whole = rows["population"].isin(["all", "psm", "resected"]) & (rows["evidence_grade"] == "full_text")
    usable = rows["use"].isin(["ok", "check"]) | rows["endpoint"].isin(NO_DEATH) | (rows["population"] == "psm")
    printed = rows["statistic"].isin(CURVE_STATISTICS) & (rows["value"].notna() | (rows["status"] == "not_reached"))
    found = rows[whole & usable & printed]
    arms = arm_table(tables).set_index("arm_id")
    of_interest = set(arms.loc[arms["treatment"] == "RT + ICI", "study_id"])
    found = found[found["arm_id"].map(arms["study_id"]).isin(of_interest)]
    keys = found[["arm_id", "endpoint", "population"]].drop_duplicates()
    return [tuple(key) for key in keys.itertuples(index=False)]


@needs_tables
def reconstruct_all(tables, *, n_imputations: int = 200, seed: int = 1) -> Curves:
    """Reconstruct every arm whose paper prints enough; contradictions come back as findings.

    Parameters
    ----------
    tables : Tables
    n_imputations, seed : int
        Data sets drawn per curve, and their seed.

    Returns
    -------
    Curves
    """
    wanted = reconstructable(tables)
    found, conflicts = reconstruct_arms(tables, wanted, n_imputations=n_imputations, seed=seed)
    drawn, source = {}, {}
    for arm_id, endpoint, population in wanted:
        if (arm_id, endpoint, population) in found:
            label = arm_label(tables, arm_id, population)
            drawn[endpoint, label] = found[arm_id, endpoint, population]
            source[endpoint, label] = arm_id, population
    return Curves(drawn, source, conflicts)


def ensemble_curve(ensemble, *, points: int = 241):
    """Mean curve of an ensemble with its band and mean number at risk, as far as 9 draws in 10 follow someone."""
    time, _ = ensemble.patients()
    grid = _grid(ensemble, points)
    return ensemble.band(grid).assign(n_at_risk=number_at_risk(time, grid).mean(axis=0))


def _grid(ensemble, points: int = 241):
    time, _ = ensemble.patients()
    return np.linspace(0, float(np.quantile(time.max(axis=1), 0.1)), points)


def ensemble_fan(ensemble, *, shares=FAN):
    """Bands that hold these shares of the draws, one below the other: share, time, low, high."""
    import pandas as pd

    grid = _grid(ensemble)
    bands = [ensemble.band(grid, level=share).assign(share=share) for share in shares]
    return pd.concat(bands, ignore_index=True)[["share", "time", "low", "high"]]


def printed_marks(statistics):
    """Printed landmarks and median as points with the rounding or interval of the print."""
    import pandas as pd

    landmarks = statistics[(statistics["statistic"] == "landmark") & statistics["value"].notna()]
    marks = pd.DataFrame({
        "time": landmarks["time_months"], "survival": landmarks["value"],
        "low": landmarks["ci_low"], "high": landmarks["ci_high"], "time_low": np.nan, "time_high": np.nan,
    })  # fmt: skip
    medians = statistics[(statistics["statistic"] == "median") & statistics["value"].notna()]
    rest = pd.DataFrame({
        "time": medians["value"], "survival": 0.5, "low": np.nan, "high": np.nan,
        "time_low": medians["ci_low"], "time_high": medians["ci_high"],
    })  # fmt: skip
    return pd.concat([frame for frame in (marks, rest) if len(frame)] or [marks], ignore_index=True)


@needs_tables
@takes(curves=Curves)
def plot_ensembles(tables, curves: Curves, *, endpoint, populations=("all", "resected"), ax=None, title: str = ""):
    """Reconstructed curves with the fan of their draws, numbers at risk and the printed values.

    Parameters
    ----------
    tables : Tables
    curves : Curves
    endpoint : str or tuple of str
    populations : tuple of str
        Populations drawn.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes, or None where no curve of the endpoint was drawn
    """
    from ..plots.survival import plot_survival

    if not curves.of(endpoint, populations=populations):
        return None
    wanted = endpoints_of(endpoint)
    shown = curves.of(endpoint, populations=populations)
    marks, looks, colours = {}, {}, curves.looks()
    for (name, label), (arm_id, population) in curves.source.items():
        key = label if len(wanted) == 1 else f"{name}, {label}"
        if name in wanted and key in shown:
            marks[key] = printed_marks(printed_statistics(tables, arm_id, name, population))
            taken = colours[arm_id] in looks.values()  # a second endpoint of the same arm
            looks[key] = max(*colours.values(), *looks.values()) + 1 if taken else colours[arm_id]
    one = endpoint if isinstance(endpoint, str) else ""
    return plot_survival(
        {label: ensemble_curve(ensemble).assign(look=looks[label]) for label, ensemble in shown.items()},
        bands={label: ensemble_fan(ensemble) for label, ensemble in shown.items()},
        printed=marks, endpoint=one or "Free of the event", ax=ax, title=title,
    )  # fmt: skip


@takes(curves=Curves)
def curve_caption(curves: Curves, *, endpoint, populations=("all", "resected")) -> str:
    """What a figure of reconstructed curves shows, with the arms that were not drawn and why."""
    wanted = endpoints_of(endpoint)
    text = (
        f"{' and '.join(NAMES[name] for name in wanted).capitalize()}, patients reconstructed from the printed "
        "statistics: mean curve over 50 % (dark) and 95 % (light) of the draws, which is what the printed numbers "
        "leave open, not the sampling error of the study; diamonds: printed values, with a bar where both limits of "
        "a median are printed; numbers at risk are means over draws."
    )
    left_out = curves.conflicts[
        curves.conflicts["endpoint"].isin(wanted) & curves.conflicts["population"].isin(populations)
    ]
    if len(left_out):
        text += f" Not drawn, because the printed numbers contradict each other: {', '.join(left_out['arm'])}."
    return text


@needs_tables
@takes(curves=Curves)
def agreement_table(tables, curves: Curves):
    """Printed against reconstructed, item by item, with a verdict."""
    import pandas as pd

    frames, drawn = [], {(*curves.source[key], key[0]): ensemble for key, ensemble in curves.drawn.items()}
    for (endpoint, label), ensemble in curves.drawn.items():
        arm_id, population = curves.source[endpoint, label]
        published = printed_statistics(tables, arm_id, endpoint, population)
        control, hr = crude_hazard_ratio(tables, arm_id, endpoint, population) or (None, None)
        against = drawn.get((control, population, endpoint))
        if against is not None:
            ratio = pd.DataFrame([dict(statistic="hr", value=float(hr), printed=hr)])
            published = pd.concat([published, ratio], ignore_index=True)
        checked = check_reconstruction(ensemble, published=published, against=against)
        frames.append(checked.assign(arm=label, endpoint=endpoint))
    if not frames:
        return pd.DataFrame(columns=["arm", "endpoint", "item", "printed", "reconstructed", "tolerance", "verdict"])
    table = pd.concat(frames, ignore_index=True)
    return table[["arm", "endpoint", *[column for column in table if column not in ("arm", "endpoint")]]]


@takes(curves=Curves)
def ensemble_summary(curves: Curves, *, times=(6, 12, 24), rmst_horizon: float = 24.0):
    """Median, landmarks, restricted mean and follow-up over the draws: mean with the 2.5th and 97.5th percentile.

    Returns
    -------
    DataFrame
        endpoint, arm, statistic, time_months, value, low, high (months or fractions; the spread of the reconstruction,
        not the sampling error of the study).
    """
    import pandas as pd

    rows = []
    for (endpoint, label), ensemble in curves.drawn.items():
        time, event = ensemble.patients()
        values = [
            ("median", np.nan, quantile_time(time, event)),
            ("follow_up_median", np.nan, follow_up_median(time, event)),
        ]
        within = [t for t in times if t <= np.median(time.max(axis=1))]
        values += [("landmark", t, survival_at(time, event, [t])[:, 0]) for t in within]
        horizon = min(rmst_horizon, float(np.median(time.max(axis=1))))
        values.append(("rmst", horizon, restricted_mean(time, event, horizon)))
        for statistic, months, found in values:
            reached = found[~np.isnan(found)]
            known = len(reached) > 0.975 * len(found)
            low, middle, high = np.quantile(reached, [0.025, 0.5, 0.975]) if known else (np.nan,) * 3
            rows.append([endpoint, label, statistic, months, middle, low, high])
    return pd.DataFrame(rows, columns=["endpoint", "arm", "statistic", "time_months", "value", "low", "high"])


@needs_tables
@takes(curves=Curves)
def survival_sentence(tables, curves: Curves) -> str:
    """Printed medians of overall survival of the RT + ICI arms, and how many curves could be reconstructed."""
    arms = arm_table(tables).set_index("arm_id")
    rows = tables.survival
    medians = rows[(rows["endpoint"] == "OS") & (rows["statistic"] == "median") & (rows["population"] == "all")]
    parts = []
    for row in medians.to_dict("records"):
        arm = arms.loc[row["arm_id"]]
        if arm["treatment"] != "RT + ICI" or row["evidence_grade"] != "full_text":
            continue
        ends = [row["ci_low"], row["ci_high"]]
        low, high = ("not given" if end != end else number(end, 1) for end in ends)
        interval = "" if all(end != end for end in ends) else f" ({100 * row['ci_level']:g} % CI {low} to {high})"
        shown = f"{row['value']:.1f} months{interval}" if row["status"] == "reached" else "not reached"
        place = ", perioperative" if arm["setting"] == "perioperative" else ""
        parts.append(f"{arm['study']}{place}: {shown}")
    if not parts:
        return "No full text in this selection prints a median overall survival after RT + ICI."
    failed = len(reconstructable(tables)) - len(curves.drawn)
    left = f"; {failed} could not, because printed numbers contradict each other" if failed else ""
    return (
        f"Median overall survival after RT + ICI as printed in full texts - {'; '.join(parts)}. Other "
        f"patients in each, so nothing is pooled. {len(curves.drawn)} curves of these papers (all endpoints and arms) "
        f"could be reconstructed from printed statistics{left}."
    )


@takes(curves=Curves)
def reconstruction_notes(curves: Curves):
    """Cautions of each reconstruction: how much of the curve is printed, what was drawn: endpoint, arm, note."""
    import pandas as pd

    rows = [(endpoint, label, note) for (endpoint, label), ensemble in curves.drawn.items() for note in ensemble.notes]
    return pd.DataFrame(rows, columns=["endpoint", "arm", "note"])
