"""Coverage of the intervals in seeded simulations of 2,000 meta-analyses per setting.

Run: OMP_NUM_THREADS=1 python -m benchmarks.coverage
Monte Carlo standard error of a coverage of 95 % with 2,000 simulations: 0.5 percentage points.
"""

from __future__ import annotations

import hccmeta as hm

SIMULATIONS = 2000
SEED = 20261121
RANDOM_EFFECTS = [dict(k=k, n=(20, 200), tau2=tau2, effect=0.3) for k in (3, 5, 10, 20) for tau2 in (0.05, 0.2)]
TAU2 = (0.0, 0.1, 0.5)


def random_effects():
    """Coverage of REML with z, HK and HK-adhoc; effects with variance 4 / n, n 20 to 200."""
    for setting in RANDOM_EFFECTS:
        table = _simulate(setting).query("method == 'REML'").set_index("ci_method")["coverage"]
        yield dict(k=setting["k"], tau2=setting["tau2"], **_shares(table, ("z", "HK", "HK-adhoc")))


def own_settings():
    """Coverage of the binomial-normal model at the numbers of patients and the pooled proportion of the report."""
    tables = hm.load_tables()
    for endpoint in ("ORR", "DCR"):
        rows = hm.select_responses(tables, endpoint=endpoint, where={"treatment": ["RT + ICI"]})
        if len(rows) < 2:
            continue
        p = round(hm.pool_proportion(rows).display.estimate, 2)
        for tau2 in TAU2:
            setting = dict(k=len(rows), n=[int(n) for n in rows["n"]], tau2=tau2, p=p)
            table = _simulate(setting).query("method == 'GLMM'").set_index("ci_method")["coverage"]
            yield dict(endpoint=endpoint, **setting, **_shares(table, ("z", "t", "profile")))


def _simulate(setting):
    return hm.simulate_meta(**setting, n_sim=SIMULATIONS, seed=SEED, backend="serial")


def _shares(table, names):
    return {name: float(table[name]) for name in names}


def measure():
    """Both tables as records."""
    return dict(simulations=SIMULATIONS, seed=SEED, random_effects=list(random_effects()), own=list(own_settings()))


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
