"""Properties of the binomial-normal model on any counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hccmeta as hm

STUDY = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
STUDIES = st.lists(STUDY, min_size=1, max_size=9)
SMALL = st.lists(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=6)
ANY = st.one_of(STUDIES, SMALL)
TRIALS = st.lists(st.tuples(STUDY, STUDY), min_size=1, max_size=5)


def counts(studies):
    return pd.DataFrame(studies, columns=["events", "n"])


@settings(max_examples=80, deadline=None)
@given(ANY)
@example([(0, 400), (400, 400), (1, 2)])
@example([(0, 1), (1, 1), (1, 1)])
@example([(5, 10)] * 4)
@example([(0, 300), (300, 300), (0, 300), (150, 300)])
def test_always_an_interval_that_holds_the_estimate(studies):
    result = hm.pool_proportion(counts(studies))
    shown = result.display
    assert result.k == len(studies)
    assert 0 <= shown.ci_low <= shown.estimate <= shown.ci_high <= 1
    assert shown.ci_low < shown.ci_high and result.tau2 >= 0
    assert np.isfinite(result.log_lik) and 0 <= result.LRT_p <= 1
    if result.ci_method == "exact":
        assert "Boundary result" in result.notes[0]


@settings(max_examples=40, deadline=None)
@given(ANY, st.randoms(use_true_random=False))
def test_order_and_the_choice_of_event_do_not_matter(studies, random):
    result = hm.pool_proportion(counts(studies))
    shuffled = random.sample(studies, len(studies))
    again = hm.pool_proportion(counts(shuffled))
    others = hm.pool_proportion(counts([(n - x, n) for x, n in studies]))
    unit = result.se if np.isfinite(result.se) else 1.0
    pairs = [(again, 1, "ci_low", "ci_high"), (others, -1, "ci_high", "ci_low")]
    if result.ci_method == "exact" and result.tau2 == np.inf:
        pairs = pairs[:1]
    for other, sign, low, high in pairs:
        np.testing.assert_allclose(sign * other.estimate, result.estimate, atol=1e-4 * unit)
        np.testing.assert_allclose(other.log_lik, result.log_lik, atol=1e-6)
        np.testing.assert_allclose(sign * getattr(other, low), result.ci_low, rtol=1e-3, atol=1e-3 * unit)
        np.testing.assert_allclose(sign * getattr(other, high), result.ci_high, rtol=1e-3, atol=1e-3 * unit)


@settings(max_examples=40, deadline=None)
@given(STUDIES)
def test_random_effects_never_fit_worse_and_nested_levels_nest(studies):
    narrow, wide = (hm.pool_proportion(counts(studies), level=level) for level in (0.8, 0.99))
    assert wide.ci_low <= narrow.ci_low <= narrow.ci_high <= wide.ci_high
    x, n = np.array(studies, float).T
    p = x.sum() / n.sum()
    if 0 < p < 1 and narrow.ci_method == "profile":
        from scipy.stats import binom

        assert narrow.log_lik >= binom.logpmf(x, n, p).sum() - 1e-9


@settings(max_examples=25, deadline=None)
@given(TRIALS, st.sampled_from(["UM.FS", "CM.EL"]))
def test_two_arms_always_give_an_interval(rows, method):
    df = pd.DataFrame([(*a, *b) for a, b in rows], columns=["events_1", "n_1", "events_2", "n_2"])
    result = hm.pool_two_arm(df, method=method)
    assert len(result.studies) == len(rows) and result.ci_low < result.ci_high
    if result.k:
        assert result.ci_low <= result.estimate <= result.ci_high
    swapped = hm.pool_two_arm(df.set_axis(["events_2", "n_2", "events_1", "n_1"], axis=1), method=method)
    if result.k:
        unit = result.se if np.isfinite(result.se) else 1.0
        assert -swapped.estimate == pytest.approx(result.estimate, abs=1e-4 * unit)
