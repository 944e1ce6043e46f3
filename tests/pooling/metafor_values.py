"""Reference values of metafor and meta, and how far a result may be from them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

FOLDER = Path(__file__).parents[1] / "reference"
CLOSED = {"EE", "DL", "HE", "HS", "SJ"}
CLOSED_FORM = 1e-9  # sums of a few hundred terms; the values are stored with 12 digits
ITERATED = 1e-6  # a flat likelihood moves tau2 more than its stopping rule does
NEAR_ZERO = 1e-8  # tau2 of 1e-13 and 0 are the same number, on the scale of the typical sampling variance


def load(name, key):
    return json.loads((FOLDER / name).read_text())[key]


def tolerance(method):
    return CLOSED_FORM if method in CLOSED else ITERATED


def effects_of(record):
    """Our own effect table for a record of effects.json, by measure."""
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


def agree(got, want, rel, scale=0.0):
    """Equal within `rel`; where R gives no value (None) nothing is compared."""
    got, want = np.asarray(got, float), np.asarray([np.nan if x is None else x for x in np.ravel(want)], float)
    want = want.reshape(got.shape)
    known = ~np.isnan(want)
    np.testing.assert_allclose(got[known], want[known], rtol=rel, atol=scale)


def fits():
    """(label, record, effect table) of every set with a pooled result."""
    own = {record["id"]: effects_of(record) for record in load("effects.json", "sets")}
    for record in load("inverse_variance.json", "fits"):
        if "yi" in record:
            table = pd.DataFrame({"yi": record["yi"], "vi": record["vi"]}, dtype=float)
        else:
            table = own[record["id"]][record["measure"]]
        yield pytest.param(record, table, id=f"{record['id']}-{record['measure']}")
