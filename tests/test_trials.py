"""Single-arm designs against plain enumeration and the formulas of the textbooks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta as beta_distribution
from scipy.stats import binom, norm

import hccmeta as hm
from hccmeta.trials import METHODS, exact_power

# exact single-stage designs as in A'Hern 2001, 10.1002/sim.721: p0, p1, alpha, power -> n, r
AHERN = [
    (0.05, 0.20, 0.05, 0.80, 27, 4),
    (0.10, 0.30, 0.05, 0.80, 25, 6),
    (0.20, 0.40, 0.05, 0.80, 35, 12),
    (0.40, 0.60, 0.05, 0.90, 56, 29),
]


def enumerate_powers(p0, p1, tail, largest):
    """(r, power) for every n by summing binomial probabilities one count at a time."""
    found = []
    for n in range(1, largest + 1):
        counts = np.arange(n + 2)
        r = int(counts[binom.sf(counts - 1, n, p0) <= tail][0])
        found.append((r, binom.sf(r - 1, n, p1)))
    return found


@pytest.mark.parametrize(("p0", "p1", "alpha", "power", "n", "r"), AHERN)
def test_ahern_2001(p0, p1, alpha, power, n, r):
    design = hm.single_arm_design(p0=p0, p1=p1, alpha=alpha, power=power)
    assert (design.n_first, design.r) == (n, r)
    assert design.attained_alpha <= alpha and design.attained_power >= power


@settings(max_examples=40, deadline=None)
@given(
    p0=st.sampled_from([0.02, 0.05, 0.1, 0.273, 0.4, 0.6]),
    gap=st.sampled_from([0.1, 0.145, 0.2, 0.3]),
    alpha=st.sampled_from([0.01, 0.05, 0.1]),
    power=st.sampled_from([0.8, 0.9, 0.95]),
    sides=st.sampled_from([1, 2]),
)
def test_exact_design_is_what_enumeration_finds(p0, gap, alpha, power, sides):
    design = hm.single_arm_design(p0=p0, p1=p0 + gap, alpha=alpha, power=power, sides=sides)
    powers = enumerate_powers(p0, p0 + gap, alpha / sides, 2 * design.n_stable + 60)
    reached = [value >= power for _, value in powers]
    assert design.n_first == reached.index(True) + 1
    assert design.n_stable == len(reached) - reached[::-1].index(False) + 1
    assert (design.r, design.attained_power) == pytest.approx(powers[design.n_first - 1])
    upper = binom.sf(design.r - 1, design.n_first, p0)
    counts = np.arange(design.n_first + 1)
    rejected_below = counts[binom.cdf(counts, design.n_first, p0) <= alpha / sides]
    lower = binom.cdf(rejected_below[-1], design.n_first, p0) if sides == 2 and len(rejected_below) else 0
    assert design.attained_alpha == pytest.approx(upper + lower) and upper + lower <= alpha


def test_power_saw_tooths_between_first_and_stable():
    design = hm.single_arm_design(p0=0.05, p1=0.195, alpha=0.05, power=0.8)
    assert (design.n_first, design.n_stable) == (27, 34)
    assert exact_power(28, p0=0.05, p1=0.195, alpha=0.05)[1] > 0.8 > exact_power(29, p0=0.05, p1=0.195, alpha=0.05)[1]


def test_formulas_of_fleiss_levin_and_paik():
    p0, p1, alpha, power = 0.25, 0.40, 0.05, 0.90
    a, b = norm.isf(alpha / 2), norm.ppf(power)
    plain = ((a * math.sqrt(p0 * (1 - p0)) + b * math.sqrt(p1 * (1 - p1))) / (p1 - p0)) ** 2
    arcsine = ((a + b) / (2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p0)))) ** 2
    expected = {
        "normal": plain, "normal_corrected": plain / 4 * (1 + math.sqrt(1 + 2 / (plain * (p1 - p0)))) ** 2,
        "normal_null": ((a + b) / (p1 - p0)) ** 2 * p0 * (1 - p0),
        "normal_alternative": ((a + b) / (p1 - p0)) ** 2 * p1 * (1 - p1), "arcsine": arcsine,
        "arcsine_corrected": arcsine / 4 * (1 + math.sqrt(1 + 2 / (arcsine * (p1 - p0)))) ** 2,
    }  # fmt: skip
    for method, n in expected.items():
        design = hm.single_arm_design(p0=p0, p1=p1, alpha=alpha, power=power, sides=2, method=method)
        assert design.n_formula == pytest.approx(n, rel=1e-12) and design.n_first == math.ceil(n)
    assert set(expected) | {"exact"} == set(METHODS)


def test_normal_design_reports_the_exact_errors_of_its_own_region():
    design = hm.single_arm_design(p0=0.05, p1=0.195, alpha=0.05, power=0.8, method="normal")
    z = (design.r / design.n_first - 0.05) / math.sqrt(0.05 * 0.95 / design.n_first)
    below = ((design.r - 1) / design.n_first - 0.05) / math.sqrt(0.05 * 0.95 / design.n_first)
    assert below < norm.isf(0.05) <= z
    assert design.attained_alpha == pytest.approx(binom.sf(design.r - 1, design.n_first, 0.05))
    assert design.attained_alpha > 0.05


def test_dropout_is_divided_and_the_record_is_a_table():
    design = hm.single_arm_design(p0=0.1, p1=0.3, alpha=0.05, power=0.8, dropout=0.1)
    assert design.n_total == 28
    assert design.to_frame().loc[0, ["n_first", "n_total", "method"]].to_list() == [25, 28, "exact"]
    assert hm.single_arm_design(p0=0.1, p1=0.3, alpha=0.05, power=0.8, dropout=0.5).n_total == 50


@pytest.mark.parametrize("change", [
    {"p0": 0.3}, {"p0": 0.0}, {"p1": 1.0}, {"alpha": 0}, {"power": 1}, {"power": 0.02}, {"sides": 3},
    {"method": "Exact"}, {"dropout": 1}, {"dropout": -0.1}, {"p0": float("nan")}, {"p1": 0.1001},
])  # fmt: skip
def test_impossible_designs_are_refused(change):
    with pytest.raises(hm.MethodError):
        hm.single_arm_design(**({"p0": 0.1, "p1": 0.3, "alpha": 0.05, "power": 0.8} | change))


def test_predictive_success_of_a_beta_prior_is_its_integral():
    n, r, a, b = 42, 16, 7.5, 9.0
    grid = (np.arange(200_000) + 0.5) / 200_000
    integral = binom.sf(r - 1, n, beta_distribution.ppf(grid, a, b)).mean()
    assert hm.predictive_success(n=n, r=r, beta=(a, b)) == pytest.approx(integral, abs=1e-6)
    assert hm.predictive_success(n=10, r=3, beta=(1, 1)) == pytest.approx(8 / 11)


def test_predictive_success_of_a_pooled_logit_is_its_integral():
    grid = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    for mean, se, tau2 in ((-0.3, 0.25, 0.4), (1.0, 0.0, 0.0), (0.2, 1.0, 4.0)):
        p = 1 / (1 + np.exp(-(mean + math.sqrt(se**2 + tau2) * grid)))
        expected = binom.sf(15, 42, p).mean()
        found = hm.predictive_success(n=42, r=16, logit_mean=mean, logit_se=se, tau2=tau2)
        assert found == pytest.approx(expected, abs=2e-5)


def test_predictive_success_at_the_ends_and_without_doubt():
    assert hm.predictive_success(n=20, r=0, logit_mean=-3) == pytest.approx(1)
    assert hm.predictive_success(n=20, r=21, logit_mean=3) == pytest.approx(0)
    sure = hm.predictive_success(n=42, r=16, logit_mean=math.log(0.47 / 0.53))
    assert sure == pytest.approx(binom.sf(15, 42, 0.47))


@pytest.mark.parametrize("options", [
    {}, {"logit_mean": 0, "beta": (1, 1)}, {"beta": (0, 1)}, {"beta": (1, 1, 1)}, {"logit_mean": float("nan")},
    {"logit_mean": 0, "tau2": -1}, {"beta": (1, 1), "n": 0}, {"beta": (1, 1), "r": 4.5}, {"beta": (1, 1), "r": 12},
])  # fmt: skip
def test_predictive_success_refuses_what_makes_no_sense(options):
    with pytest.raises(hm.MethodError):
        hm.predictive_success(**({"n": 10, "r": 4} | options))
