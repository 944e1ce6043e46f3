"""Medians and landmarks of survival as printed, one row per arm: nothing is reconstructed or pooled here."""

from __future__ import annotations

from ..evidence.load import needs_tables
from ..evidence.select import select_survival
from ..evidence.sieve import ADVANCED
from .sentences import number, percent

ENDPOINTS = ("OS", "PFS")
TIMES = (6, 12, 24, 36)
_ARM = ["study", "arm_id", "setting", "evidence_grade"]


def _cell(row) -> str:
    """`17.0 months (15.6 to 18.0)`, `74.7 %`, `not reached`."""
    if row["status"] == "not_reached":
        return "not reached"
    landmark = row["statistic"] == "landmark"
    show = (lambda value: percent(value)) if landmark else (lambda value: number(value, 1))
    ends = [row["ci_low"], row["ci_high"]]
    if all(end != end for end in ends):
        return show(row["estimate"])
    low, high = ("not given" if end != end else show(end) for end in ends)
    level = "" if row["ci_level"] == 0.95 else f", {100 * row['ci_level']:g} % CI"
    return f"{show(row['estimate'])} ({low} to {high}{level})"


@needs_tables
def printed_survival(tables, *, where=None):
    """Printed medians (months) and landmarks of OS and PFS, long: one row per arm, endpoint, statistic and time.

    Parameters
    ----------
    tables : Tables
    where : dict, optional
        Column of arm or study -> list of values. Overlapping cohorts and perioperative arms stay: nothing is pooled.

    Returns
    -------
    DataFrame
        As `select_survival`, with `column` (for example `OS median`, `PFS 12 months`) and `shown` (the cell).
    """
    import pandas as pd

    options = {"where": where, "overlap": "keep", "settings": (*ADVANCED, "perioperative")}
    frames = []
    for endpoint in ENDPOINTS:
        wanted = {"median": {"statistic": "median"}}
        wanted |= {f"{time} months": {"statistic": "landmark", "time_months": float(time)} for time in TIMES}
        for words, choice in wanted.items():
            rows = select_survival(tables, endpoint=endpoint, **choice, **options)
            rows.attrs.clear()
            shown = [_cell(row) for row in rows.to_dict("records")]
            frames.append(rows.assign(column=f"{endpoint} {words}", shown=shown))
    return pd.concat(frames, ignore_index=True)


def survival_by_arm(rows):
    """The rows of `printed_survival` as one row per arm: study, arm_id, setting, evidence_grade, OS median, ..."""
    wide = rows.pivot(index=_ARM, columns="column", values="shown")
    wide = wide[[name for name in dict.fromkeys(rows["column"])]]
    place = rows.drop_duplicates("arm_id").set_index("arm_id")["year"]
    wide = wide.reset_index().rename_axis(columns=None)
    return wide.sort_values("arm_id", key=lambda ids: ids.map(place), kind="stable", ignore_index=True)


def printed_survival_sentence(rows) -> str:
    """Range of the printed medians and landmarks, with the arms at both ends."""
    parts = []
    for column, part in rows.groupby("column", sort=False):
        known = part[part["estimate"].notna()].sort_values("estimate", kind="stable")
        waiting = int((part["status"] == "not_reached").sum())
        if known.empty:
            continue
        show = percent if known["statistic"].iloc[0] == "landmark" else lambda value: number(value, 1)
        ends = [f"{show(row['estimate'])} ({row['study']})" for row in (known.iloc[0], known.iloc[-1])]
        text = " to ".join(ends) if len(known) > 1 else ends[0]
        arms = "1 arm" if len(known) == 1 else f"{len(known)} arms"
        parts.append(f"{column} {text}, {arms}" + (f" and not reached in {waiting}" if waiting else ""))
    if not parts:
        return "No arm of this selection prints a median or a landmark of survival."
    return (
        f"Printed after RT + ICI (months, shares) - {'; '.join(parts)}. Most print no interval and no time origin, so "
        "they stand side by side and are not pooled."
    )
