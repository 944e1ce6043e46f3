"""Multiverse: the same question answered by every defensible analysis of one table."""

from __future__ import annotations

from hccmeta.effects.inputs import check_level, number_columns
from hccmeta.effects.scales import PROPORTIONS
from hccmeta.effects.two_arm import MEASURES as TWO_ARM
from hccmeta.effects.zero_cells import TO
from hccmeta.errors import DataError, MethodError, TooFewStudies, check_choice
from hccmeta.pooling.backends import BACKENDS
from hccmeta.pooling.inverse_variance import CI_METHODS, MODELS, read_effects
from hccmeta.pooling.multiverse_fit import (
    GLMM,
    INVERSE,
    MANTEL_HAENSZEL,
    PETO,
    WITHOUT_ADDITION,
    fit_cells,
    has_empty_cell,
)
from hccmeta.pooling.multiverse_rows import ROW_CHOICES, row_options, row_sets
from hccmeta.pooling.tau2 import TAU2_METHODS

METHODS = (GLMM, INVERSE, MANTEL_HAENSZEL, PETO)
ANALYSIS = ("method", "measure", "to", "model", "tau2_method", "ci_method")
NEEDED = {"two arms": ("events_1", "n_1", "events_2", "n_2"), "proportions": ("events", "n"), "effects": ("yi", "vi"),
          "ratios": ("estimate", "ci_low", "ci_high")}  # fmt: skip
KEYS = (*ROW_CHOICES, *ANALYSIS)


def multiverse(data, choices=None, *, backend="processes", level=0.95):
    """Pooled effect of every defensible analysis of one table.

    Parameters
    ----------
    data : DataFrame
        events, n; or events_1, n_1, events_2, n_2; or estimate, ci_low, ci_high (ratio); or yi, vi. The columns
        criteria, use, cohort_id, evidence_grade, events_min and events_max, where present, open choices of rows.
    choices : dict of str -> list, optional
        Values wanted of any of: criteria ("RECIST1.1 first", "RECIST1.1 only", "all"), use ("all", "ok only"),
        overlap ("largest", "keep"), evidence_grade ("all", "full text only"), counts ("extracted", "lowest",
        "highest"), method (GLMM, inverse variance, Mantel-Haenszel, Peto), measure, to (zero cells), model,
        tau2_method, ci_method. None, and keys not named: the grid of config/multiverse.yaml, else all values known.
    backend : {"processes", "serial", "dask"}
        Where batches run; small grids stay in this process. The result is the same.
    level : float
        Level of the intervals as a fraction.

    Returns
    -------
    DataFrame
        One row per analysis: a column per choice (empty where it does not apply), k, estimate, ci_low, ci_high
        (reported scale), tau2 (model scale squared), I2 (0-1), note (why there is no estimate). Order: choices of
        rows, then of the analysis, first column slowest. `.attrs["left_out"]`: choices of rows without a pool of
        their own.

    Raises
    ------
    DataError
        Columns missing, or counts that cannot be.
    MethodError
        Unknown key or value; a backend that is not installed.
    TooFewStudies
        No choice of rows leaves two studies.

    Notes
    -----
    Combinations that cannot be, or that repeat another, are left out: no tau2 estimator for the common effect, `to`
    only where there are empty cells. The analyses are not independent: read their spread, do not count significance.

    References
    ----------
    Steegen et al. 2016, 10.1177/1745691616658637; Voracek et al. 2019, 10.1027/2151-2604/a000357

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events": [3, 9, 12, 20], "n": [25, 30, 40, 45]})
    >>> cells = multiverse(df, {"measure": ["PLO"], "tau2_method": ["REML", "DL"], "ci_method": ["HK"]})
    >>> cells[["method", "tau2_method", "estimate"]].round(3).values.tolist()
    [['inverse variance', 'REML', 0.302], ['inverse variance', 'DL', 0.302]]
    """
    import pandas as pd

    check_choice("backend", backend, BACKENDS)
    check_level(level)
    kind = _kind(data)
    data = number_columns(data.reset_index(drop=True), NEEDED[kind], caller="multiverse")
    rows, grid = _grid(kind, data, choices)
    sets, left_out = row_sets(data, rows)
    if not sets:
        raise TooFewStudies(f"multiverse: no choice of rows leaves two studies ({'; '.join(left_out)}).")
    cells = [(i, cell) for i, one in enumerate(sets) for cell in _analyses(kind, one.table, grid)]
    if not cells:
        raise MethodError("multiverse: these choices fit together in no analysis of this table.")
    found = fit_cells(cells, [one.table for one in sets], kind, backend=backend, level=level)
    out = pd.DataFrame([sets[i].choices | cell | fit for (i, cell), fit in zip(cells, found, strict=True)])
    out.attrs["left_out"] = left_out
    return out


def _kind(data):
    columns = set(getattr(data, "columns", ()))
    for kind, needed in NEEDED.items():
        if columns.issuperset(needed):
            return kind
    raise DataError(
        "multiverse needs events and n; or events_1, n_1, events_2, n_2; or estimate, ci_low, ci_high; or yi and vi. "
        f"The table has {', '.join(map(str, columns)) or 'no columns'}."
    )


def known_values(kind):
    """Every value of the analysis choices for one kind of table."""
    return dict(
        method={"proportions": [GLMM, INVERSE], "two arms": list(METHODS)}.get(kind, [INVERSE]),
        measure={"proportions": list(PROPORTIONS), "two arms": list(TWO_ARM)}.get(kind, []),
        to=list(TO) if kind in ("proportions", "two arms") else [],
        model=list(MODELS), tau2_method=list(TAU2_METHODS), ci_method=[*CI_METHODS, "profile"],
    )  # fmt: skip


def _grid(kind, data, choices):
    """Values wanted of every row choice that the table opens, and of every analysis choice."""
    known = known_values(kind)
    preset = {**known, **{key: values for key, values in default_choices(kind).items() if key in known}}
    rows = row_options(data)
    if choices is not None and not isinstance(choices, dict):
        raise MethodError(f"choices must be a dict of lists, not {type(choices).__name__}.")
    for key, values in (choices or {}).items():
        check_choice("choices key", key, KEYS)
        if isinstance(values, str) or not len(values):
            raise MethodError(f"choices[{key!r}] = {values!r} must be a list with at least one value.")
        open_values = rows.get(key) if key in ROW_CHOICES else known[key]
        if not open_values:
            raise MethodError(f"choices[{key!r}]: this table of {kind} leaves no such choice.")
        for value in values:
            check_choice(f"choices[{key!r}] value", value, open_values)
        (rows if key in ROW_CHOICES else preset)[key] = list(dict.fromkeys(values))
    return rows, preset


def default_choices(kind):
    """Grid of config/multiverse.yaml for a kind of table; empty without a project or a section."""
    import yaml

    from hccmeta.paths import project_root

    try:
        path = project_root() / "config" / "multiverse.yaml"
    except FileNotFoundError:
        return {}
    if not path.is_file():
        return {}
    try:
        grid = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get(kind) or {}
        known = known_values(kind)
        for key, values in grid.items():
            check_choice(f"key in {kind}", key, tuple(known))
            for value in values:
                check_choice(key, value, known[key])
    except (yaml.YAMLError, AttributeError, TypeError, MethodError) as error:
        raise DataError(f"config/multiverse.yaml: {error}") from None
    return grid


def _analyses(kind, table, grid):
    """Analysis choices of one table of rows that fit together, each once."""
    measures = grid["measure"] or [read_effects(table, caller="multiverse").measure if kind == "effects" else "HR"]
    additions = grid["to"] if has_empty_cell(kind, table) else [""]
    for method in grid["method"]:
        only = {GLMM: ("PLO", "OR"), PETO: ("OR",)}.get(method, measures)
        for measure in [name for name in measures if name in only]:
            for to in additions if method == INVERSE and measure not in WITHOUT_ADDITION else [""]:
                for model, tau2_method, ci_method in _models(method, grid):
                    yield dict(method=method, measure=measure, to=to, model=model, tau2_method=tau2_method,
                               ci_method=ci_method)  # fmt: skip


def _models(method, grid):
    """Models of a method with the tau2 estimators and intervals that belong to each."""
    for model in grid["model"]:
        if method == GLMM:
            tau2_methods, fitting = (["ML"], ("z", "t", "profile")) if model == "random" else ([], ())
        elif method == INVERSE:
            tau2_methods, fitting = (grid["tau2_method"], CI_METHODS) if model == "random" else ([""], ("z", "t"))
        else:
            tau2_methods, fitting = ([], ()) if model == "random" else ([""], ("z",))
        for tau2_method in tau2_methods:
            for ci_method in [name for name in grid["ci_method"] if name in fitting]:
                yield model, tau2_method, ci_method
