"""The batch gives what single fits give."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import hccmeta as hm
from hccmeta.pooling.student import two_sided_t

SHARED = ["k", "estimate", "se", "ci_low", "ci_high", "stat", "p_value", "tau2", "I2", "H2", "Q"]
METHODS = ["REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE"]
OPTIONS = [{"model": "common"}, {"model": "common", "ci_method": "t"}] + [
    {"tau2_method": method, "ci_method": ci}
    for method, ci in zip(METHODS, ["HK-adhoc", "z", "t", "HK"] * 2, strict=True)
]


def batch(n=60, k=8, absent=0.25, seed=1):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(-5, 1, (n, k)))
    yi = rng.normal(0.3, np.sqrt(rng.choice([0, 0.05, 1], (n, 1)) + vi))
    yi[rng.random((n, k)) < absent] = np.nan
    yi[:, 0] = np.where(np.isnan(yi).all(1), 0.1, yi[:, 0])
    yi[:2, 1:] = np.nan
    yi[:2, 0] = 0.4
    return yi, vi


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))
def test_rows_equal_single_fits(options):
    yi, vi = batch()
    fits = hm.pool_many(yi, vi, **options)
    assert list(fits.columns) == SHARED
    for row, y, v in zip(fits.itertuples(), yi, vi, strict=True):
        single = hm.pool(pd.DataFrame({"yi": y, "vi": v}), **options)
        for name in SHARED:
            scale = np.nanmin(v) if name == "tau2" else 1.0
            want = getattr(single, name)
            assert getattr(row, name) == pytest.approx(want, rel=1e-10, abs=1e-12 * scale, nan_ok=True), name


def test_blocks_do_not_matter(monkeypatch):
    yi, vi = batch(n=50)
    whole = hm.pool_many(yi, vi)
    monkeypatch.setattr("hccmeta.pooling.many.BLOCK", 24)
    pd.testing.assert_frame_equal(hm.pool_many(yi, vi), whole, rtol=1e-10)


def test_a_row_without_studies_is_empty():
    fits = hm.pool_many([[np.nan, np.nan], [1.0, np.nan], [1.0, 3.0]], np.ones((3, 2)))
    assert fits["k"].tolist() == [0, 1, 2]
    assert fits.loc[0].drop("k").isna().all()
    assert (fits.loc[1, "estimate"], fits.loc[1, "tau2"]) == (1.0, 0.0)
    assert len(hm.pool_many(np.empty((0, 3)), np.empty((0, 3)))) == 0


@pytest.mark.parametrize(
    ("yi", "vi", "said"),
    [
        ([1.0], [1.0], "shape"),
        ([[1.0, 2.0]], [[1.0]], "shape"),
        ([["x"]], [[1.0]], "numbers"),
        ([[1.0]], [[-1.0]], "row 0"),
    ],
)
def test_refusals(yi, vi, said):
    with pytest.raises(hm.DataError, match=said):
        hm.pool_many(yi, vi)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 10, 33, 40, 41, 400])
def test_p_values_of_t(df):
    stat = np.concatenate([np.linspace(-8, 8, 401), [1e-3, 30.0, 1e4]])
    np.testing.assert_allclose(two_sided_t(stat, df), 2 * t.sf(np.abs(stat), df), rtol=2e-11)
