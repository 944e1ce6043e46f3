"""A maximum at a small tau, between tau = 0 and the first point of the search grid, is found."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.pooling.glmm_likelihood import Binomial, MarginalModel
from hccmeta.pooling.glmm_optimise import maximise


def test_three_studies_with_a_barely_positive_tau2():
    """rma.glmm (metafor 3.8-1, R 4.2.2) and integrate() both give tau2 0.00398 and log-likelihood -7.99554."""
    counts = pd.DataFrame({"events": [11, 13, 48], "n": [36, 39, 108]})
    result = hm.pool_proportion(counts)
    assert result.tau2 == pytest.approx(0.00398, abs=5e-6)
    assert result.log_lik == pytest.approx(-7.99554, abs=1e-5)


@pytest.mark.parametrize(
    ("events", "n", "pooled"),
    [([129, 3], [129, 351], 3.675604), ([3, 125], [86, 125], 3.872422)],
    ids=["first", "second"],
)
def test_one_study_of_all_and_one_of_few_events(events, n, pooled):
    """Far from the guess at tau = 0 plain Newton steps diverge. Values: maximum of a sum over 200,001 points of z."""
    result = hm.pool_proportion(pd.DataFrame({"events": events, "n": n}))
    assert result.estimate == pytest.approx(pooled, abs=5e-6)
    assert result.ci_low < pooled < result.ci_high


def test_no_tau_of_a_dense_scan_is_better():
    rng = np.random.default_rng(5)
    taus = np.concatenate([np.linspace(0, 0.4, 41), np.linspace(0.45, 3, 30)])
    free = np.tile([True, False], (len(taus), 1))
    for _ in range(60):
        k = rng.integers(2, 9)
        n = rng.integers(5, 150, k)
        logit = rng.normal() + rng.normal(0, rng.choice([0.0, 0.1, 0.2, 0.3]), k)
        x = rng.binomial(n, 1 / (1 + np.exp(-logit)))
        if x.sum() in (0, n.sum()):
            continue
        result = hm.pool_proportion(pd.DataFrame({"events": x, "n": n}), ci_method="z")
        model = MarginalModel(Binomial(x[None].astype(float), n[None].astype(float)), np.ones((k, 1)))
        start = np.column_stack([np.full(len(taus), np.log(x.sum() / (n.sum() - x.sum()))), taus])
        scan = maximise(model, start, np.zeros(len(taus), int), free)
        assert scan.log_lik.max() + float(model.kernel.constant.sum()) <= result.log_lik + 1e-7
