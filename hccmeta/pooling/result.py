"""What a pooled analysis returns: frozen records with their study table and the options that made them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import nan
from typing import TYPE_CHECKING

from hccmeta.effects.scales import back_transform

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Display:
    """Estimate, confidence and prediction interval on the reported scale (ratio, proportion, months)."""

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float


@dataclass(frozen=True, eq=False)
class PooledResult:
    """One pooled effect; numbers on the model scale (log ratio, logit, ...), `display` on the reported scale.

    Attributes
    ----------
    measure, model, method : str
        Effect measure, "random" or "common", and the estimator in words.
    k : int
        Studies in the model.
    estimate, se, ci_low, ci_high, pi_low, pi_high, stat, p_value : float
        Model scale; NaN where not defined. `stat_df` is NaN for a normal reference.
    tau2, se_tau2, tau2_low, tau2_high : float
        Between-study variance with its standard error and Q-profile interval, model scale squared.
    Q, Q_df, Q_p, I2, I2_Q, H2 : float
        Heterogeneity; I2 from tau2, I2_Q from Q, both in [0, 1).
    log_lik, aic, bic, LRT, LRT_p : float
        Likelihood (metafor's constants); the ratio test of tau2 = 0 where the model has one.
    studies : DataFrame
        Input rows in input order with label, yi, vi, weight (share, 0-1), included, reason.
    notes : tuple of str
        Cautions in plain sentences.
    """

    measure: str
    k: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    pi_low: float = nan
    pi_high: float = nan
    level: float = 0.95
    stat: float = nan
    stat_df: float = nan
    p_value: float = nan
    tau2: float = nan
    tau2_method: str = ""
    se_tau2: float = nan
    tau2_low: float = nan
    tau2_high: float = nan
    Q: float = nan
    Q_df: float = nan
    Q_p: float = nan
    I2: float = nan
    I2_Q: float = nan
    H2: float = nan
    log_lik: float = nan
    aic: float = nan
    bic: float = nan
    LRT: float = nan
    LRT_p: float = nan
    model: str = "random"
    method: str = "inverse variance"
    ci_method: str = ""
    pi_method: str = ""
    n_back: float = nan
    studies: pd.DataFrame = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def display(self) -> Display:
        """The same five numbers on the reported scale."""
        n = self.n_back if self.measure == "PFT" else None
        shown = (self.estimate, self.ci_low, self.ci_high, self.pi_low, self.pi_high)
        return Display(*(float(back_transform(value, self.measure, n=n)) for value in shown))

    def to_frame(self) -> pd.DataFrame:
        """One tidy row: every number and option, then the displayed ones with the prefix display_."""
        import pandas as pd

        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("studies", "notes")}
        row |= {f"display_{name}": value for name, value in vars(self.display).items()}
        row["notes"] = " ".join(self.notes)
        return pd.DataFrame([row])


@dataclass(frozen=True, eq=False)
class MantelHaenszelResult(PooledResult):
    """PooledResult with the Cochran-Mantel-Haenszel, Breslow-Day and Tarone chi-square tests (odds ratio only)."""

    cmh: float = nan
    cmh_p: float = nan
    breslow_day: float = nan
    breslow_day_p: float = nan
    tarone: float = nan
    tarone_p: float = nan
    variance: str = ""


@dataclass(frozen=True, eq=False)
class SubgroupResult:
    """Pooled effects per level of a factor and the test between them.

    Attributes
    ----------
    by, tau2 : str
        Column of the levels; "separate" or "common".
    groups : dict of str -> PooledResult
        In order of first appearance. A group below `min_k` keeps its studies, its summary is NaN.
    Q_between, df, p_value : float
        Chi-square test between the summarised groups.
    tau2_common, tau2_method
        Residual tau2 with tau2="common", else NaN.
    overall : PooledResult
        All studies together.
    notes : tuple of str
    """

    by: str
    groups: dict[str, PooledResult]
    Q_between: float
    df: int
    p_value: float
    tau2: str = "separate"
    tau2_common: float = nan
    tau2_method: str = ""
    overall: PooledResult | None = None
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row per group (column `group` first) as PooledResult.to_frame, with Q_between, df and p_between."""
        import pandas as pd

        rows = [result.to_frame().assign(group=level) for level, result in self.groups.items()]
        table = pd.concat(rows, ignore_index=True)
        table.insert(0, "group", table.pop("group"))
        return table.assign(Q_between=self.Q_between, df_between=self.df, p_between=self.p_value)


@dataclass(frozen=True, eq=False)
class MetaRegressionResult:
    """Mixed-effects meta-regression.

    Attributes
    ----------
    coefficients : DataFrame
        term, estimate, se, stat, p_value, ci_low, ci_high, vif, model scale, formula order.
    vcov : DataFrame
        Variance-covariance matrix of the coefficients.
    tau2, se_tau2, tau2_null : float
        Residual tau2 with moderators and its standard error, and tau2 without them.
    QE, QE_df, QE_p, QM, QM_df, QM_df2, QM_p : float
        Residual heterogeneity; omnibus test of the moderators (QM_df2 is NaN for chi-square).
    R2, I2, H2 : float
        R2 and I2 in [0, 1].
    studies : DataFrame
        Input rows with label, included, reason, fitted.
    notes : tuple of str
    """

    formula: str
    measure: str
    k: int
    coefficients: pd.DataFrame
    vcov: pd.DataFrame
    tau2: float
    tau2_method: str
    QE: float
    QE_df: int
    QE_p: float
    QM: float
    QM_df: int
    QM_p: float
    R2: float
    QM_df2: float = nan
    tau2_null: float = nan
    se_tau2: float = nan
    I2: float = nan
    H2: float = nan
    log_lik: float = nan
    aic: float = nan
    bic: float = nan
    ci_method: str = "z"
    level: float = 0.95
    studies: pd.DataFrame = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """The coefficient table with tau2, R2 and QM beside each term."""
        return self.coefficients.assign(k=self.k, tau2=self.tau2, R2=self.R2, QM=self.QM, QM_p=self.QM_p)
