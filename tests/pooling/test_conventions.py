"""The packages' conventions side by side, against what metafor and meta print."""

import numpy as np
import pandas as pd
import pytest
from metafor_values import load
from scipy.special import expit

import hccmeta as hm

META = {
    "metaprop_PLOGIT_REML_classic_V": ("PLO", "logit: REML, classic interval", expit),
    "metaprop_PLOGIT_REML_HK_V": ("PLO", "logit: REML, method.random.ci='HK'", expit),
    "metaprop_PRAW_REML_classic_V": ("PRAW", "raw, 1/2 added in the variance alone: REML, classic interval", float),
    "metaprop_PLN_REML_classic_V": ("PLN", "log: REML, classic interval", np.exp),
    "metabin_MH_OR": ("OR", "metabin's default: Mantel-Haenszel with 1/2 added", np.exp),
}
CASES = [
    pytest.param(record["data"], key, want, id=f"{record['id']}-{key}")
    for record in load("conventions.json", "sets")
    for key, want in record["meta"].items()
    if key in META
]
COUNTS = pd.DataFrame({"events": [0, 9, 20, 52], "n": [20, 30, 41, 52]})


@pytest.mark.parametrize(("data", "key", "want"), CASES)
def test_meta(data, key, want):
    measure, convention, shown = META[key]
    table = hm.compare_conventions(pd.DataFrame(data), measure=measure)
    row = table[(table["software"] == "meta") & (table["convention"] == convention)].iloc[0]
    expected = [np.nan if value is None else shown(value) for value in want]
    np.testing.assert_allclose([row["estimate"], row["ci_low"], row["ci_high"]], expected, rtol=1e-4, atol=1e-6)


def test_metafor_and_meta_differ_on_a_raw_proportion_of_zero():
    table = hm.compare_conventions(COUNTS, measure="PRAW")
    raw = table[table["convention"].str.contains("REML")].groupby("software")["estimate"].first()
    assert abs(raw["metafor"] - raw["meta"]) > 1e-3
    metafor = hm.pool(hm.effects_proportion(COUNTS, measure="PRAW"), ci_method="z")
    assert raw["metafor"] == pytest.approx(metafor.display.estimate)


def test_every_package_stands_there():
    for data in (COUNTS, pd.DataFrame({"yi": [0.1, 0.5, 0.9], "vi": [0.04, 0.05, 0.04]})):
        assert {"metafor", "meta", "RevMan", "Stata"} <= set(hm.compare_conventions(data)["software"])


def test_found_names_the_convention():
    df = pd.DataFrame({"yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.01, 0.05, 0.04, 0.2]})
    dl = hm.pool(df, tau2_method="DL", ci_method="z")
    printed = tuple(f"{value:.4f}" for value in (dl.estimate, dl.ci_low, dl.ci_high))
    table = hm.compare_conventions(df, found=printed)
    given = table.loc[table["gives_found"], "convention"].tolist()
    assert given == ["up to 2024: DL, Wald", "metan: DL, z"]
    assert "RevMan (up to 2024: DL, Wald)" in table.attrs["answer"]
    assert "None of these" in hm.compare_conventions(df, found="7.1").attrs["answer"]


def test_the_digits_of_the_print_set_the_rounding():
    exact = hm.pool(hm.effects_proportion(COUNTS), ci_method="z").display.estimate
    for text in (f"{exact:.2f}", f"{100 * exact:.1f}%", f"{100 * exact:.0f} %"):
        table = hm.compare_conventions(COUNTS, measure="PLO", found=text)
        row = table[table["convention"] == "logit: rma: REML, z"].iloc[0]
        assert row["gives_found"], text
    near = hm.compare_conventions(COUNTS, measure="PLO", found=f"{exact + 0.0002:.6f}")
    assert not near["gives_found"].any()


def test_refusals():
    with pytest.raises(hm.DataError, match="events and n"):
        hm.compare_conventions(pd.DataFrame({"a": [1]}))
    for found in ("about 0.4", (1, 2, 3, 4), "nan"):
        with pytest.raises(hm.MethodError):
            hm.compare_conventions(COUNTS, found=found)
    with pytest.raises(hm.MethodError, match="'PRAW'"):
        hm.compare_conventions(COUNTS, measure="OR")
