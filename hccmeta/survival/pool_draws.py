"""Pooling over draws of reconstructed patients: the uncertainty of the reconstruction, with and without."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import Columns, check_level
from hccmeta.errors import DataError, TooFewStudies, check_choice
from hccmeta.pooling.inverse_variance import resolve_options
from hccmeta.survival.landmark_variance import from_scale
from hccmeta.survival.mixture import check_mixture
from hccmeta.survival.rubin import mixture_interval, rubin

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {
    "identity": lambda y: y,
    "log": np.exp,
    "loglog": lambda y: from_scale(y, "loglog"),
    "logit": lambda y: from_scale(y, "logit"),
}
TAU2_SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class PooledDraws:
    """A pooled effect with the uncertainty of the reconstruction; numbers on the model scale.

    Attributes
    ----------
    k, m : int
        Studies and draws.
    estimate, se, ci_low, ci_high, df, share : float
        By Rubin's rules; share is the part of the variance that the reconstruction adds. With z intervals df are
        Barnard and Rubin's. With t intervals (HK, t) df = k - 1 and the limits are quantiles over draw x sampling.
    se_without, ci_low_without, ci_high_without : float
        The same estimate without it; with t intervals the middle one of the limits of each draw.
    tau2, tau2_low, tau2_high : float
        Median over the draws, and quantiles over draw x sampling.
    scale : str
        "identity", "log", "loglog" or "logit".
    studies : DataFrame
        study, yi, vi_within, vi_between, printed (a printed interval fixed its variance), included, reason.
    notes : tuple of str
    """

    k: int
    m: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    df: float
    share: float
    se_without: float
    ci_low_without: float
    ci_high_without: float
    tau2: float
    tau2_low: float
    tau2_high: float
    scale: str
    level: float
    studies: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Two rows, reconstruction = with, without: k, m, estimate, ci_low, ci_high on the reported scale, se, df."""
        import pandas as pd

        rows = []
        for name, suffix in (("with", ""), ("without", "_without")):
            ends = (getattr(self, f"ci_{side}{suffix}") for side in ("low", "high"))
            low, high = sorted(float(SHOWN[self.scale](v)) for v in ends)
            rows.append(dict(reconstruction=name, k=self.k, m=self.m, estimate=float(SHOWN[self.scale](self.estimate)),
                             ci_low=low, ci_high=high, se=getattr(self, f"se{suffix}")))  # fmt: skip
        return pd.DataFrame(rows).assign(df=[self.df, nan], tau2=self.tau2, share=[self.share, 0.0])


def pool_draws(effects, *, scale="identity", printed=None, level=0.95, model="random", tau2_method="REML",
               ci_method=None, allow_mixed=False, seed=0):  # fmt: skip
    """Pool the effects of every draw and combine the pools by Rubin's rules, t intervals by mixing them.

    Parameters
    ----------
    effects : DataFrame
        study, imputation, yi, vi (draw_effects, log_hr_effects). A study with one draw counts as known. A study whose
        effect is empty in some draw (follow-up too short) is left out and named. endpoint, time_origin, setting: where
        present they must not differ.
    scale : {"identity", "log", "loglog", "logit"}
        How `.to_frame()` shows the effects.
    printed : DataFrame, optional
        study, yi, vi of studies whose paper prints estimate and interval: they replace the draws, so nothing is added
        to a printed standard error a second time.
    level, model, tau2_method, ci_method
        Of pool.
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the note calls the result illustrative.
    seed : int
        Of the draws behind the limits of tau2.

    Returns
    -------
    PooledDraws

    Raises
    ------
    DataError, MethodError
    TooFewStudies
        No study with an effect in every draw.

    References
    ----------
    Rubin 1987, 10.1002/9780470316696; Barnard and Rubin 1999, 10.1093/biomet/86.4.948

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("AABB"), "imputation": [0, 1, 0, 1], "yi": [.1, .3, .2, .4], "vi": .04})
    >>> pool_draws(df, model="common").to_frame()["se"].round(3).tolist()
    [0.224, 0.141]
    """
    import pandas as pd

    from hccmeta.pooling.many import pool_many

    check_choice("scale", scale, tuple(SHOWN))
    check_level(level)
    ci_method = resolve_options(model, tau2_method, ci_method, "t_km1", level)
    studies, yi, vi = effect_arrays(effects, printed)
    use = (studies["reason"] == "").to_numpy()
    both = effects if printed is None else pd.concat([effects, printed], ignore_index=True)
    kinds = both.groupby("study", sort=False).first().loc[studies["study"][use]]
    mixed = check_mixture(kinds, kinds.index.to_numpy(), allow_mixed, "pool_draws")
    if not use.any():
        raise TooFewStudies("pool_draws: no study has an effect in every draw; see the months and the follow-up.")
    y, v = yi[:, use], vi[:, use]
    fits = pool_many(y, v, model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    k = int(use.sum())
    df_complete = inf if ci_method == "z" or k == 1 else k - 1.0
    r = rubin(fits["estimate"], fits["se"] ** 2, df_complete=df_complete, level=level)
    if np.isfinite(df_complete):
        low, high = mixture_interval(fits["estimate"], fits["se"], df_complete, level)
        middle = fits[["ci_low", "ci_high"]].median()
        r = r._replace(ci_low=low, ci_high=high, df=df_complete, within_low=middle["ci_low"],
                       within_high=middle["ci_high"])  # fmt: skip
    tau2_low, tau2_high = tau2_over_draws(y, v, level, seed) if model == "random" and k > 1 else (nan, nan)
    out = studies[~use]
    notes = mixed + tuple(f"Without {row.study}: {row.reason}." for row in out.itertuples())
    return PooledDraws(
        k=k, m=len(y), estimate=float(r.estimate), se=float(r.se), ci_low=float(r.ci_low), ci_high=float(r.ci_high),
        df=float(r.df), share=float(r.share), se_without=float(r.se_within), ci_low_without=float(r.within_low),
        ci_high_without=float(r.within_high), tau2=float(np.median(fits["tau2"])), tau2_low=tau2_low,
        tau2_high=tau2_high, scale=scale, level=level, studies=studies, notes=notes,
    )  # fmt: skip


def effect_arrays(effects, printed):
    """Study table and (m, k) effects and variances; one draw is repeated, printed effects stand in every draw."""
    import pandas as pd

    parts = {study: rows[["yi", "vi"]].to_numpy().T for study, rows in _by_study(effects, ("imputation", "yi", "vi"))}
    fixed = {} if printed is None else {study: rows[["yi", "vi"]].to_numpy()[:1].T
                                        for study, rows in _by_study(printed, ("yi", "vi"))}  # fmt: skip
    parts |= fixed
    sizes = {part.shape[1] for part in parts.values()} - {1}
    if len(sizes) > 1:
        raise DataError(f"pool_draws: the studies have {', '.join(map(str, sorted(sizes)))} draws; give all the same "
                        "number, or one for effects that are known.")  # fmt: skip
    m = max(sizes, default=1)
    yi, vi, rows = np.empty((m, len(parts))), np.empty((m, len(parts))), []
    for column, (study, (y, v)) in enumerate(parts.items()):
        order = np.random.default_rng(column).permutation(len(y))
        yi[:, column], vi[:, column] = y[order], v[order]
        gone = int((~(np.isfinite(y) & (v > 0))).sum())
        rows.append(dict(
            study=study, yi=y.mean(), vi_within=v.mean(), vi_between=y.var(ddof=1) if len(y) > 1 else 0.0,
            printed=study in fixed, reason=f"no effect in {gone} of {len(y)} draws" if gone else "",
        ))  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(included=table["reason"] == ""), yi, vi


def _by_study(effects, required):
    columns = Columns(effects, required[-2:], caller="pool_draws")
    for name in ("study", *required[:-2]):
        if name not in effects.columns:
            columns.problems.append(dict(table="", row="", column=name, value="", rule="the column exists",
                                         fix=f"add a column {name}"))  # fmt: skip
    if columns.has("vi"):
        columns.rule(columns["vi"] < 0, "vi", "vi >= 0", "a variance cannot be negative")
    columns.refuse()
    return list(effects.groupby("study", sort=False))


def tau2_over_draws(yi, vi, level, seed):
    """Quantiles of tau2 over draw x sampling: in each draw tau2 solves Q(tau2) = a chi-square draw with k - 1 df.

    That is Q-profile's distribution of tau2; its quantiles within one data set are the Q-profile limits.
    """
    rng = np.random.default_rng(seed)
    m, k = yi.shape
    pick = np.repeat(np.arange(m), -(-TAU2_SAMPLES // m))
    target = rng.chisquare(k - 1, len(pick))
    y, v = yi[pick], vi[pick]

    def heterogeneity(tau2):
        w = 1 / (v + tau2[:, None])
        mean = (w * y).sum(axis=1) / w.sum(axis=1)
        return (w * (y - mean[:, None]) ** 2).sum(axis=1)

    low, high = np.zeros(len(pick)), np.full(len(pick), 1e-3)
    while (above := heterogeneity(high) > target).any():
        high = np.where(above, 4 * high, high)
    for _ in range(60):
        middle = (low + high) / 2
        above = heterogeneity(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    positive = heterogeneity(np.zeros(len(pick))) > target
    ends = np.quantile(np.where(positive, low, 0.0), ((1 - level) / 2, (1 + level) / 2))
    return float(ends[0]), float(ends[1])
