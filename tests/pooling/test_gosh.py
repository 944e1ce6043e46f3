"""GOSH: every subset is the pool of its studies."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm


def studies(k, seed=1):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(-4, 0, k))
    return pd.DataFrame({"study": [f"S{i}" for i in range(k)], "yi": rng.normal(0.3, np.sqrt(0.1 + vi)), "vi": vi})


@pytest.mark.parametrize("options", [{}, dict(tau2_method="DL"), dict(model="common")])
def test_every_subset_is_there_once_and_is_its_pool(options):
    df = studies(5)
    found = hm.gosh(df, members=True, **options)
    chosen = found[df["study"]].to_numpy()
    assert len(found) == 31 == len(np.unique(chosen, axis=0))
    assert (found["k"] == chosen.sum(1)).all()
    for row, subset in zip(found.itertuples(), chosen, strict=True):
        alone = hm.pool(df[subset], **options)
        assert (row.estimate, row.tau2, row.I2) == pytest.approx((alone.estimate, alone.tau2, alone.I2), abs=1e-9)


def test_a_sample_has_different_subsets_the_whole_set_and_its_seed():
    df = studies(40)
    found = hm.gosh(df, max_subsets=500, seed=3, members=True)
    assert len(found) == 500 == len(found[df["study"]].drop_duplicates())
    assert found["k"].iloc[0] == 40
    assert found["estimate"].iloc[0] == pytest.approx(hm.pool(df).estimate)
    assert 19 < found["k"].iloc[1:].mean() < 21
    pd.testing.assert_frame_equal(found, hm.gosh(df, max_subsets=500, seed=3, members=True))
    assert not found["estimate"].equals(hm.gosh(df, max_subsets=500, seed=4)["estimate"])


def test_most_subsets_of_a_small_set_can_be_sampled():
    assert len(hm.gosh(studies(6), max_subsets=60)) == 60
    assert hm.gosh(studies(6), max_subsets=63)["k"].value_counts()[3] == 20


def test_refusals():
    with pytest.raises(hm.TooFewStudies, match="two"):
        hm.gosh(studies(1))
    with pytest.raises(hm.MethodError, match="max_subsets"):
        hm.gosh(studies(3), max_subsets=0)
