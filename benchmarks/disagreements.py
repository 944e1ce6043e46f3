"""Why a number differs from R's by more than the tolerance. What has no reason here is a fault of ours."""

from __future__ import annotations

from functools import cache

from benchmarks.compare_glmm import likelihoods

SEVEN_NODES = "pe_mix_0_100"
FALSE_SE = {"bin_hahn2001 CM.EL", "bs_notau CM.EL"}
NO_TAU2 = "bs_k30_21 "
COARSE = (
    "tau2 is near 17.7 here, too much for the 7 nodes of lme4 on which `rma.glmm` rests. Our limits follow from the "
    "optimum of the reason above."
)
NO_HESSIAN = (
    "`rma.glmm` prints a standard error below 1e-6 (its numerical Hessian failed). Estimate and tau2 agree, and the "
    "standard errors of UM.FS and UM.RS are like ours."
)
R2_OF_ROUNDING = (
    "tau2 is 0 with and without moderators, so no share of it is explained and R2 is left empty. metafor divides what "
    "its iterations left over (1e-14 and less)."
)
R2_OF_Q = (
    "With the common-effect model metafor prints a share of explained Q as R2. Ours is the share of explained tau2 and "
    "is left empty where there is no tau2."
)


def reason(one):
    """Sentence for a Check that disagrees, empty where there is none."""
    if one.where == SEVEN_NODES:
        return _likelihood() if "exact" in one.group else COARSE
    if one.where in FALSE_SE and one.quantity == "se":
        return NO_HESSIAN
    if one.quantity == "R2":
        return R2_OF_Q if one.where.endswith("EE_z") else R2_OF_ROUNDING if one.where.startswith(NO_TAU2) else ""
    return ""


@cache
def _likelihood():
    ours, theirs, printed = likelihoods(SEVEN_NODES)
    return (
        f"tau2 is near 17.7, too much for the reference's 61 nodes: it gives {printed:.7f} as the log-likelihood of an "
        f"optimum whose value is {theirs:.7f} by direct integration (400,001 points, without the package's code). At "
        f"our optimum that integral is {'higher' if ours > theirs else 'lower'}, by {abs(ours - theirs):.0e}."
    )
