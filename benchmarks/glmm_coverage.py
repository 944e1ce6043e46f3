"""Coverage of the binomial-normal model's 95 % intervals for the pooled logit at small k and n; reported, not asserted.

Run: OMP_NUM_THREADS=1 python benchmarks/glmm_coverage.py [simulations per setting, default 2000]
Monte Carlo standard error of a coverage of 95 % with 2,000 simulations: 0.5 percentage points.
"""

import sys
from itertools import product

import numpy as np
from scipy.special import expit

import hccmeta as hm

K = (3, 5, 8, 12)
PATIENTS = (15, 40)
P = (0.1, 0.35)
TAU2 = (0.0, 0.1, 0.5)
SEED = 20260101


def coverage(k, patients, p, tau2, simulations, rng):
    """Share of intervals that hold the true logit by method, and the share of fits at tau2 = 0."""
    mu = np.log(p / (1 - p))
    n = rng.integers(patients // 2, 3 * patients // 2 + 1, (simulations, k))
    x = rng.binomial(n, expit(mu + np.sqrt(tau2) * rng.standard_normal((simulations, k))))
    held = {}
    for method in ("z", "t", "profile"):
        fit = hm.pool_proportion_many(x, n, ci_method=method)
        held[method] = ((fit["ci_low"] <= mu) & (mu <= fit["ci_high"])).mean()
    return held, (fit["tau2"] == 0).mean()


def measure(simulations=2000):
    """One record per setting: k, patients, p, tau2, coverage by method, share of fits at tau2 = 0."""
    rng = np.random.default_rng(SEED)
    for k, patients, p, tau2 in product(K, PATIENTS, P, TAU2):
        held, at_zero = coverage(k, patients, p, tau2, simulations, rng)
        held = {method: float(share) for method, share in held.items()}
        yield dict(k=k, patients=patients, p=p, tau2=tau2, **held, at_zero=float(at_zero))


if __name__ == "__main__":
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"{simulations} simulations per setting, seed {SEED}; n uniform on half to one and a half times the mean n")
    print(f"{'k':>3} {'mean n':>6} {'p':>5} {'tau2':>5} {'z':>7} {'t':>7} {'profile':>8} {'fits at tau2 = 0':>17}")
    for row in measure(simulations):
        print(f"{row['k']:>3} {row['patients']:>6} {row['p']:>5} {row['tau2']:>5} {row['z']:>7.1%} {row['t']:>7.1%} "
              f"{row['profile']:>8.1%} {row['at_zero']:>17.1%}", flush=True)  # fmt: skip
