"""Effects, zero-cell rules and intervals of one proportion against escalc and base R."""

from __future__ import annotations

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.comparison import CLOSED, check, load

INTERVALS = {"clopper_pearson": "clopper-pearson", "wilson": "wilson", "wilson_cc": "wilson-cc",
             "agresti_coull": "agresti-coull", "jeffreys": "jeffreys", "wald": "wald"}  # fmt: skip
SMALL = 0.01  # effects and variances nearer to 0 are compared on this scale


def effects_of(record):
    """Our own effect tables of a record of effects.json, by measure."""
    df = pd.DataFrame(record["data"])
    makers = {
        "proportion": lambda m: hm.effects_proportion(df, measure=m),
        "two_by_two": lambda m: hm.effects_two_arm(df, measure=m),
        "hr_ci": lambda m: hm.effects_ratio_ci(df, measure=m),
        "rates": lambda m: hm.effects_rate(_rate_columns(df, m), measure=m.split("_")[0]),
    }
    return {measure: makers[record["kind"]](measure) for measure in record["effects"]}


def _rate_columns(df, measure):
    if measure == "IRR":
        return df
    arm = measure[-1]
    return df.rename(columns={f"events_{arm}": "events", f"time_{arm}": "time"})


def compare():
    """Checks of effects.json but for the pooled values."""
    for record in load("effects.json", "sets"):
        name, df = record["id"], pd.DataFrame(record["data"])
        for measure, table in effects_of(record).items():
            yield from _pair("effect sizes", f"{name} {measure}", table, record["effects"][measure].values())
        for rule, want in record.get("zero_cells", {}).items():
            measure, to, double_zero = rule.split("_")
            table = hm.effects_two_arm(df, measure=measure, to=to, drop00=double_zero == "drop00")
            yield from _pair("rules for empty cells", f"{name} {rule}", table, want)
        for method, limits in record.get("study_ci", {}).items():
            ours = hm.proportion_ci(df["events"], df["n"], method=INTERVALS[method])
            yield check("intervals of one proportion", f"{name} {method}", "limits", np.ravel(ours), np.ravel(limits),
                        CLOSED, unit=0.1)  # fmt: skip


def _pair(group, where, table, want):
    for column, values in zip(("yi", "vi"), want, strict=True):
        yield check(group, where, column, table[column], values, CLOSED, unit=SMALL)
