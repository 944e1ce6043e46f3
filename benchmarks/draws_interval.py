"""Coverage and width of pooled intervals over draws: Barnard-Rubin df against the mixture of t intervals.

Run as `python benchmarks/draws_interval.py`; prints the table of docs/decisions/0007.
"""

import numpy as np

from hccmeta import pool_many
from hccmeta.survival.rubin import mixture_interval, rubin

REPLICATES, DRAWS = 400, 100


def main():
    rng = np.random.default_rng(0)
    print("| k | tau2 | r2 | Barnard-Rubin | mixture | without the draws |\n|---|---|---|---|---|---|")
    for k in (3, 5, 8):
        for tau2, r2 in ((0.0, 0.03), (0.05, 0.03), (0.2, 0.03), (0.05, 0.1)):
            limits = np.array([both_intervals(rng, k, tau2, r2) for _ in range(REPLICATES)])
            cover = ((limits[..., 0] <= 0) & (limits[..., 1] >= 0)).mean(axis=0)
            width = np.median(limits[..., 1] - limits[..., 0], axis=0)
            cells = [f"{100 * c:.1f} %, {w:.2f}" for c, w in zip(cover, width, strict=True)]
            print(f"| {k} | {tau2} | {r2} | {' | '.join(cells)} |")


def both_intervals(rng, k, tau2, r2):
    """Limits by Barnard-Rubin, by the mixture and without the draws, of one simulated meta-analysis around 0."""
    vi = rng.uniform(0.05, 0.2, k)
    reconstructed = rng.normal(0, np.sqrt(tau2 + vi)) + rng.normal(0, np.sqrt(r2), k)
    draws = reconstructed + rng.normal(0, np.sqrt(r2), (DRAWS, k))
    fits = pool_many(draws, np.broadcast_to(vi, draws.shape), tau2_method="REML", ci_method="HK")
    r = rubin(fits["estimate"], fits["se"] ** 2, df_complete=k - 1.0)
    mixed = mixture_interval(fits["estimate"], fits["se"], k - 1.0, 0.95)
    return [(r.ci_low, r.ci_high), mixed, (r.within_low, r.within_high)]


if __name__ == "__main__":
    main()
