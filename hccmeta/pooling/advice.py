"""Sentences that say when a chosen method does not suit the data."""

from __future__ import annotations

import numpy as np

from hccmeta.effects.proportion import effects_proportion
from hccmeta.effects.scales import PROPORTIONS, back_transform

COMPARED = ("PRAW", "PLO", "PAS")


def advise(table, result, *, weight, factor, n_maxima):
    """Notes of an inverse-variance result, most important first."""
    notes = [*_few_studies(result), *_intervals(result, factor)]
    if n_maxima > 1:
        notes.append(
            f"The {result['tau2_method']} likelihood has {n_maxima} local maxima; the global one is reported. "
            "Look at the tau2 interval."
        )
    if result["k"] > 1 and weight.max() > 0.5:
        heaviest = np.flatnonzero(table.included)[weight.argmax()]
        notes.append(f"One study ({_label(table, heaviest)}) carries {weight.max():.0%} of the weight.")
    if result["measure"] in PROPORTIONS:
        notes += [*_double_arcsine(table, result), *_transforms_disagree(table, result)]
    left_out = int((~table.included).sum())
    if left_out:
        reasons = ", ".join(dict.fromkeys(table.reason[~table.included]))
        notes.append(f"{left_out} of {len(table.yi)} rows do not count: {reasons}.")
    return tuple(notes)


def _few_studies(result):
    k, random = result["k"], result["model"] == "random"
    if k == 1:
        return ["One study: its own estimate with a z interval; heterogeneity cannot be estimated."]
    if random and k == 2:
        return ["Two studies: tau2 is hardly estimable and I2 stands without a prediction interval."]
    if random and k < 5 and result["ci_method"] == "z":
        return [f"A z interval with {k} studies ignores the uncertainty of tau2; prefer HK-adhoc."]
    return []


def _intervals(result, factor):
    if result["ci_method"] == "HK" and factor == 0:
        yield "All studies have the same effect: the Hartung-Knapp interval has no width; prefer HK-adhoc."
    elif result["ci_method"] == "HK" and factor < 1:
        yield f"The Hartung-Knapp standard error is {factor:.2f} of the model's; prefer HK-adhoc, which is never less."
    if result["model"] == "common" and result["k"] > 1 and result["Q_p"] < 0.1:
        yield "The studies differ by more than chance (Q p < 0.1): a common effect does not describe them."
    if result["measure"] == "PRAW" and (result["ci_low"] < 0 or result["ci_high"] > 1):
        yield "The interval leaves 0 to 1: pool on the logit scale or by the binomial-normal model."


def _double_arcsine(table, result):
    if result["measure"] != "PFT" or result["k"] < 2:
        return
    n = (1 / table.v - 2) / 4
    if n.max() > 5 * n.min():
        yield (
            f"Double arcsine with very unequal n ({n.min():.0f} to {n.max():.0f}): its back-transform with one n "
            "can mislead; prefer the binomial-normal model."
        )


def _transforms_disagree(table, result):
    """Compare the pooled proportion of raw, logit and arcsine scales by the same estimator."""
    from hccmeta.pooling.tau2 import estimate_tau2

    counts = table.source
    if result["k"] < 2 or not {"events", "n"} <= set(counts.columns):
        return
    counts = counts.loc[table.included, ["events", "n"]]
    scales = [effects_proportion(counts, measure=measure) for measure in COMPARED]
    y, v = (np.column_stack([scale[name].to_numpy() for scale in scales]) for name in ("yi", "vi"))
    tau2 = estimate_tau2(y, v, result["tau2_method"])[0] if result["model"] == "random" else 0.0
    w = 1 / (v + tau2)
    pooled = [back_transform(m, name) for m, name in zip((w * y).sum(0) / w.sum(0), COMPARED, strict=True)]
    if max(pooled) - min(pooled) > 0.01:
        shown = ", ".join(f"{name} {value:.1%}" for name, value in zip(COMPARED, pooled, strict=True))
        yield f"The scales disagree by more than one percentage point ({shown}): this choice matters."


def _label(table, row):
    from hccmeta.effects.inputs import label_rows

    return label_rows(table.source)[row]
