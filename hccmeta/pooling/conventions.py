"""The same data under the conventions of metafor, meta, RevMan and Stata, side by side."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from math import inf

import numpy as np

from hccmeta.effects.inputs import check_level, number_columns
from hccmeta.effects.proportion import effects_proportion
from hccmeta.effects.ratio import effects_ratio_ci
from hccmeta.effects.scales import PROPORTIONS, back_transform
from hccmeta.effects.two_arm import MEASURES as TWO_ARM
from hccmeta.effects.two_arm import effects_two_arm, two_arm_cells
from hccmeta.errors import DataError, MethodError, check_choice
from hccmeta.pooling.inverse_variance import Shared, fit, pool, quantile, read_effects
from hccmeta.pooling.mantel_haenszel import mantel_haenszel_estimate, pool_mantel_haenszel, pool_peto
from hccmeta.pooling.tau2 import weigh

METAFOR = dict(tau2_method="REML", ci_method="z", pi_method="z")
KNAPP_HARTUNG = dict(tau2_method="REML", ci_method="HK", pi_method="t_km1")
META = dict(tau2_method="REML", ci_method="z", pi_method="t_km1")
DERSIMONIAN_LAIRD = dict(tau2_method="DL", ci_method="z", pi_method="t_km2")
STATA = dict(tau2_method="REML", ci_method="z", pi_method="t_km2")
COMMON = dict(model="common")
RANDOM = (
    ("metafor", "rma: REML, z", METAFOR, "I2"),
    ("metafor", "rma, test='knha': REML, Hartung-Knapp", KNAPP_HARTUNG, "I2"),
    ("meta", "REML, classic interval", META, "I2_Q"),
    ("meta", "REML, method.random.ci='HK'", KNAPP_HARTUNG, "I2_Q"),
    ("RevMan", "since 2025: REML, Wald", META, "I2"),
    ("RevMan", "since 2025: REML, HKSJ", KNAPP_HARTUNG, "I2"),
    ("RevMan", "up to 2024: DL, Wald", DERSIMONIAN_LAIRD, "I2_Q"),
    ("Stata", "meta: REML, z", STATA, "I2"),
    ("Stata", "metan: DL, z", DERSIMONIAN_LAIRD, "I2_Q"),
    ("all", "common effect, inverse variance", COMMON, "I2_Q"),
)


def compare_conventions(data, *, measure=None, found=None, level=0.95):
    """Pooled effect of the same studies as metafor, meta, RevMan and Stata would print it.

    Parameters
    ----------
    data : DataFrame
        events, n; or events_1, n_1, events_2, n_2; or estimate, ci_low, ci_high; or yi, vi.
    measure : str, optional
        Proportions: PRAW, PLO, PLN, PAS, PFT (None: the scales each package offers). Two arms: OR (None), RR, RD.
    found : number or text, or sequence of up to three, optional
        What a paper printed: estimate, or estimate, ci_low, ci_high ("0.37", "36.6%"). Its digits set the rounding.
    level : float
        Confidence level as a fraction.

    Returns
    -------
    DataFrame
        software, convention, measure, k, estimate, ci_low, ci_high, pi_low, pi_high (reported scale), tau2, I2 (0-1);
        with `found` also gives_found, and the answer as a sentence in .attrs["answer"].

    Raises
    ------
    DataError
        No known set of columns, or counts that cannot be.
    MethodError
        Unknown measure, or `found` that is not a number.

    Notes
    -----
    They differ in empty cells (meta corrects only the variance of a raw proportion, adds to n once on log scales and
    leaves out trials without events), in tau2, interval, prediction interval and I2 (from tau2 or from Q).

    References
    ----------
    Viechtbauer 2010, 10.18637/jss.v036.i03; Balduzzi et al. 2019, 10.1136/ebmental-2019-300117; Nyaga et al. 2014,
    10.1186/2049-3258-72-39

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events": [4, 9, 20, 11], "n": [20, 30, 41, 52]})
    >>> table = compare_conventions(df, measure="PLO", found="31.8%")
    >>> table.attrs["answer"]
    '31.8% is what all (logit: common effect, inverse variance) gives.'
    """
    check_level(level)
    rows = list(_rows(data, measure, level))
    import pandas as pd

    table = pd.DataFrame(rows)
    if found is not None:
        table["gives_found"] = _gives(table, _printed_numbers(found))
        table.attrs["answer"] = _answer(table, found)
    return table


def _rows(data, measure, level):
    columns = set(getattr(data, "columns", ()))
    for names in (("events_1", "n_1", "events_2", "n_2"), ("events", "n")):
        data = number_columns(data, names, caller="compare_conventions") if set(names) <= columns else data
    if {"events_1", "n_1", "events_2", "n_2"} <= columns:
        check_choice("measure", measure, (None, *TWO_ARM))
        yield from _two_arm_rows(data, measure or "OR", level)
    elif {"events", "n"} <= columns:
        check_choice("measure", measure, (None, *PROPORTIONS))
        yield from _proportion_rows(data, measure, level)
    elif {"estimate", "ci_low", "ci_high"} <= columns:
        yield from _random_rows(effects_ratio_ci(data), level)
    elif {"yi", "vi"} <= columns:
        yield from _random_rows(data, level)
    else:
        raise DataError(
            "compare_conventions needs events and n; or events_1, n_1, events_2, n_2; or estimate, ci_low, ci_high; "
            f"or yi and vi. The table has {', '.join(map(str, columns)) or 'no columns'}."
        )


def _row(software, convention, result, i2="I2", n=None):
    shown = [getattr(result.display, name) for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")]
    if n is not None:
        model = (result.estimate, result.ci_low, result.ci_high, result.pi_low, result.pi_high)
        shown = [back_transform(value, "PFT", n=n) for value in model]
    names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    return dict(software=software, convention=convention, measure=result.measure, k=result.k,
                **dict(zip(names, shown, strict=True)), tau2=result.tau2, I2=getattr(result, i2))  # fmt: skip


def _random_rows(effects, level, *, prefix="", only=("metafor", "meta", "RevMan", "Stata", "all")):
    for software, convention, options, i2 in RANDOM:
        if software in only:
            yield _row(software, prefix + convention, pool(effects, level=level, **options), i2)


def _proportion_rows(data, measure, level):
    from hccmeta.pooling.glmm import pool_proportion

    wanted = PROPORTIONS if measure is None else (measure,)
    if "PLO" in wanted:
        exact = pool_proportion(data, method="GLMM", ci_method="z", level=level)
        yield _row("metafor", "rma.glmm: binomial-normal model, z", exact)
        yield _row("meta", "metaprop's default: binomial-normal model, z", exact)
        yield from _random_rows(effects_proportion(data, measure="PLO"), level, prefix="logit: ")
    if "PFT" in wanted:
        effects = effects_proportion(data, measure="PFT")
        software = ("metafor", "meta", "all")
        yield from _random_rows(effects, level, prefix="double arcsine, harmonic mean of n: ", only=software)
        result = pool(effects, level=level, **META)
        yield _row("meta", "double arcsine, n = 1/(4 se^2): REML, classic", result, "I2_Q", n=1 / (4 * result.se**2))
        ftt = pool(effects, level=level, **DERSIMONIAN_LAIRD)
        yield _row("Stata", "metaprop, ftt: DL, z, harmonic mean of n", ftt, "I2_Q")
    if "PRAW" in wanted:
        raw = effects_proportion(data, measure="PRAW")
        yield from _random_rows(raw, level, prefix="raw, 1/2 added in estimate and variance: ", only=("metafor",))
        variance_only = raw.assign(yi=data["events"] / data["n"])
        yield from _random_rows(variance_only, level, prefix="raw, 1/2 added in the variance alone: ", only=("meta",))
        bare = effects_proportion(data, measure="PRAW", to="none")
        if (bare["vi"] > 0).any():
            result = pool(bare, level=level, **DERSIMONIAN_LAIRD)
            yield _row("Stata", "metaprop: raw, DL, z, without studies at 0 or 100 %", result, "I2_Q")
    if "PLN" in wanted:
        yield from _random_rows(effects_proportion(data, measure="PLN"), level, prefix="log: ", only=("metafor",))
        yield from _random_rows(_log_proportion_of_meta(data), level, prefix="log: ", only=("meta",))
    if "PAS" in wanted:
        effects = effects_proportion(data, measure="PAS")
        yield from _random_rows(effects, level, prefix="arcsine: ", only=("metafor", "meta"))


def _log_proportion_of_meta(data):
    """Log proportion with 1/2 added to x and to n at x = 0, and to n in the variance alone at x = n."""
    x, n = data["events"], data["n"]
    none, full = 0.5 * (x == 0), 0.5 * (x == n)
    yi = np.log((x + none) / (n + none))
    return effects_proportion(data, measure="PLN").assign(yi=yi, vi=1 / (x + none) - 1 / (n + none + full))


def _log_risk_ratio_of_meta(data):
    """Log risk ratio with 1/2 added to events and to patients of each arm of a trial with an empty cell."""
    effects = effects_two_arm(data, measure="RR", drop00=True)
    a, n1, c, n2 = (data[name] for name in ("events_1", "n_1", "events_2", "n_2"))
    half = 0.5 * ((a == 0) | (c == 0) | (a == n1) | (c == n2))
    yi = np.log((a + half) / (n1 + half)) - np.log((c + half) / (n2 + half))
    vi = 1 / (a + half) - 1 / (n1 + half) + 1 / (c + half) - 1 / (n2 + half)
    return effects.assign(yi=yi.where(effects["yi"].notna()), vi=vi.where(effects["vi"].notna()))


def _two_arm_rows(data, measure, level):
    difference = measure == "RD"
    every = effects_two_arm(data, measure=measure)
    dropped = every if difference else effects_two_arm(data, measure=measure, drop00=True)
    kept, left_out = ("", "") if difference else ("trials without events kept: ", "trials without events left out: ")
    exact = pool_mantel_haenszel(data, measure=measure, level=level)
    yield _row("metafor", "rma.mh: Mantel-Haenszel", exact)
    yield from _random_rows(every, level, prefix=kept, only=("metafor", "Stata"))
    yield _row("meta", "metabin's default: Mantel-Haenszel with 1/2 added", _corrected(data, measure, exact), "I2_Q")
    if difference:
        plain = every.assign(yi=data["events_1"] / data["n_1"] - data["events_2"] / data["n_2"])
        yield from _random_rows(plain, level, prefix="1/2 added in the variance alone: ", only=("meta",))
    else:
        own = _log_risk_ratio_of_meta(data) if measure == "RR" else dropped
        yield from _random_rows(own, level, prefix=left_out, only=("meta",))
    yield from _random_rows(dropped, level, prefix=left_out, only=("RevMan", "all"))
    revman = exact
    if difference:
        revman = pool_mantel_haenszel(data, measure="RD", variance="greenland-robins", level=level)
    yield _row("RevMan", "Mantel-Haenszel", revman, "I2_Q")
    yield _row("RevMan", "up to 2024: Mantel-Haenszel random effects (Q about the MH estimate), DL",
               _mantel_haenszel_random(dropped, exact, level), "I2_Q")  # fmt: skip
    if measure == "OR":
        yield _row("metafor, meta, RevMan", "Peto", pool_peto(data, level=level))


def _corrected(data, measure, exact):
    """Mantel-Haenszel as meta has it: 1/2 in every cell of a trial with an empty one; OR, RR without empty trials."""
    cells = np.array(two_arm_cells(data, caller="compare_conventions"))
    cells = cells[:, np.isfinite(cells).all(0)]
    if measure != "RD":
        a, b, c, d = cells
        cells = cells[:, (a + c > 0) & (b + d > 0)]
    cells = cells + 0.5 * (cells == 0).any(0)
    estimate, se, _ = mantel_haenszel_estimate(cells, measure, "greenland-robins")
    half = quantile(exact.level, inf) * se
    return replace(exact, k=cells.shape[1], estimate=estimate, se=se, ci_low=estimate - half, ci_high=estimate + half)


def _mantel_haenszel_random(effects, exact, level):
    """DerSimonian-Laird with Cochran's Q taken about the Mantel-Haenszel estimate."""
    table = read_effects(effects, caller="compare_conventions")
    w, total, _ = weigh(table.y, table.v, 0.0)
    scale = total - (w * w).sum() / total
    tau2 = max(0.0, (exact.Q - (table.k - 1)) / scale) if table.k > 1 and np.isfinite(exact.Q) else 0.0
    return fit(table, model="random", level=level, shared=Shared(tau2, exact.Q, max(table.k - 1, 1)),
               **DERSIMONIAN_LAIRD)  # fmt: skip


def _printed_numbers(found):
    """(value, half a unit of its last digit) of each printed number."""
    items = [found] if isinstance(found, (str, int, float, np.number)) else list(found)
    if not 1 <= len(items) <= 3:
        raise MethodError("found must be an estimate, or estimate, ci_low, ci_high.")
    return [_printed_number(item) for item in items]


def _printed_number(item):
    text = str(item).strip()
    percent = text.endswith("%")
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise MethodError(f"found = {item!r} is not a number such as 0.37 or '36.6%'.") from None
    if not number.is_finite():
        raise MethodError(f"found = {item!r} is not a finite number.")
    half_unit = 0.5 * 10.0 ** number.as_tuple().exponent
    return (float(number) / 100, half_unit / 100) if percent else (float(number), half_unit)


def _gives(table, printed):
    shown = zip(("estimate", "ci_low", "ci_high"), printed, strict=False)
    close = [np.abs(table[name] - value) <= half * (1 + 1e-9) for name, (value, half) in shown]
    return np.all(close, axis=0)


def _answer(table, found):
    text = str(found) if isinstance(found, (str, int, float, np.number)) else ", ".join(map(str, found))
    hits = table.loc[table["gives_found"], ["software", "convention"]]
    if hits.empty:
        return f"None of these conventions gives {text}."
    return f"{text} is what {'; '.join(f'{row.software} ({row.convention})' for row in hits.itertuples())} gives."
