"""Design matrix of a meta-regression: from a formula's right side and the table of studies."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from hccmeta.effects.inputs import missing
from hccmeta.errors import DataError, MethodError, TooFewStudies

ALIASED = 1e-7  # a column is a combination of earlier ones if less than this share of it is left (as R's lm)
INTERCEPT = "Intercept"


class Design(NamedTuple):
    """Columns X (k, p) with their names for the rows in `used`, and formulaic's specification to make more rows."""

    X: np.ndarray
    terms: list[str]
    used: np.ndarray
    spec: object


def design_matrix(table, formula, *, caller):
    """Design of the studies of an EffectTable that count and have every moderator.

    Raises DataError for a moderator that is no column or not finite, MethodError for a formula that cannot be read or
    has aliased columns, TooFewStudies where studies do not outnumber coefficients.
    """
    parsed = parse_formula(formula, caller)
    data = table.source
    variables = sorted({*map(str, parsed.required_variables), *_named(formula, data.columns)})
    unknown = [name for name in variables if name not in data.columns]
    if unknown:
        problems = [dict(table="", row="", column=name, value="", rule="a column of that name", fix="name a column")
                    for name in unknown]  # fmt: skip
        raise DataError(f"{caller}: the formula names {', '.join(unknown)}; the table has "
                        f"{', '.join(map(str, data.columns))}.", problems)  # fmt: skip
    used = table.included & ~data[variables].isna().to_numpy(bool).any(1)
    rows = plain_columns(data.loc[used, variables])
    odd = [name for name in variables if rows[name].map(lambda cell: isinstance(cell, (list, dict, set))).any()]
    if odd:
        raise DataError(f"{caller}: {', '.join(odd)} must hold one number or text per row, not lists.")
    constant = [name for name in variables if len(rows) > 1 and rows[name].nunique() == 1]
    if constant:
        raise MethodError(f"{caller}: {', '.join(constant)} has the same value in all {len(rows)} studies that count.")
    matrix = _evaluate(parsed, rows, formula, caller)
    X, terms = matrix.to_numpy(float), list(map(str, matrix.columns))
    _check(X, terms, formula, caller)
    return Design(X, terms, used, matrix.model_spec)


def new_rows(design, table):
    """Design matrix of further rows, coded as the studies were."""
    absent = sorted(str(name) for name in design.spec.required_variables if name not in table.columns)
    if absent:
        raise DataError(f"The new rows need the columns {', '.join(absent)}.")
    return design.spec.get_model_matrix(plain_columns(table), na_action="ignore").to_numpy(float)


def _named(formula, columns):
    """Columns that a formula names as words, but not as functions (formulaic overlooks those inside some calls)."""
    words = set(re.findall(r"`([^`]+)`|(?<![\w.])([^\W\d]\w*)(?!\s*\(|\w)", str(formula)))
    return {str(column) for column in columns if any(str(column) in pair for pair in words)}


def parse_formula(formula, caller):
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    if not isinstance(formula, str):
        raise MethodError(f"{caller}: a formula is text such as '~ year'; it was given {type(formula).__name__}.")
    try:
        parsed = Formula(formula)
        right_side_only = hasattr(parsed, "required_variables") and not hasattr(parsed, "lhs")
    except (FormulaicError, ValueError, TypeError, AttributeError) as error:
        raise MethodError(f"{caller}: the formula {formula!r} cannot be read: {_first_line(error)}") from None
    if not right_side_only:
        raise MethodError(f"{caller}: the formula {formula!r} must have a right side only, such as '~ year + C(line)'.")
    return parsed


def _evaluate(parsed, rows, formula, caller):
    from formulaic.errors import FormulaicError

    try:
        with np.errstate(all="ignore"):
            return parsed.get_model_matrix(rows, na_action="ignore")
    except (FormulaicError, ValueError, TypeError) as error:
        raise MethodError(f"{caller}: the formula {formula!r} does not fit the table: {_first_line(error)}") from None


def plain_columns(table):
    """Rows numbered from 0; numbers of any dtype as floats; categories without the levels that no row has."""
    import pandas as pd

    def plain(column):
        if isinstance(column.dtype, pd.CategoricalDtype):
            return column.cat.remove_unused_categories()
        if pd.api.types.is_bool_dtype(column.dtype) and not column.isna().any():
            return column.astype(bool)
        numbers = pd.api.types.is_numeric_dtype(column.dtype) or _only_numbers(column)
        return pd.to_numeric(column).astype(float) if numbers else column.astype(object)

    rows = table.reset_index(drop=True)
    return pd.DataFrame({name: plain(rows[name]) for name in rows.columns}, index=rows.index)


def _only_numbers(column):
    """Does a column of objects hold numbers alone? As text each value would become a level of its own."""
    cells = [cell for cell in column if not missing(cell)]
    return bool(cells) and all(isinstance(c, (int, float, np.number)) and not isinstance(c, bool) for c in cells)


def _check(X, terms, formula, caller):
    k, p = X.shape
    if k == 0:
        raise TooFewStudies(f"{caller}: no study has an effect and every moderator of {formula!r}.")
    wild = [term for term, column in zip(terms, X.T, strict=True) if not np.isfinite(column).all()]
    if wild:
        raise DataError(f"{caller}: {', '.join(wild)} is not a finite number in every study.")
    if k <= p:
        raise TooFewStudies(f"{caller}: {formula!r} has {p} coefficients and needs at least {p + 1} studies with every "
                            f"moderator; there are {k}.")  # fmt: skip
    aliased = aliased_columns(X)
    if aliased:
        names = ", ".join(terms[j] for j in aliased)
        raise MethodError(f"{caller}: the terms {names} are combinations of the terms before them in these {k} studies "
                          "(or constant): leave them out, or merge levels.")  # fmt: skip


def aliased_columns(X):
    """Columns that are linear combinations of the columns before them."""
    basis, aliased = [], []
    for j, column in enumerate(X.T):
        rest = column.astype(float)
        for _ in range(2):
            for direction in basis:
                rest = rest - (direction @ rest) * direction
        if np.linalg.norm(rest) <= ALIASED * np.linalg.norm(column):
            aliased.append(j)
        else:
            basis.append(rest / np.linalg.norm(rest))
    return aliased


def _first_line(error):
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
