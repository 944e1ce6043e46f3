"""Curves that must not be pooled unasked: other endpoints, other time origins, other settings."""

from __future__ import annotations

from hccmeta.errors import DataError

MUST_NOT_MIX = ("endpoint", "time_origin", "setting")


def check_mixture(table, labels, allow_mixed, caller) -> tuple[str, ...]:
    """Refuse unlike studies, or return the note that calls their pool illustrative; empty where all are alike.

    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": ["A", "B"], "time_origin": ["surgery", "start_ici"]})
    >>> check_mixture(df, df["study"].to_numpy(), True, "pool")
    ('Illustrative only: the studies differ in time_origin (surgery: A; start_ici: B).',)
    """
    mixed = []
    for name in MUST_NOT_MIX:
        if name in table.columns and table[name].nunique(dropna=False) > 1:
            kinds = table[name].astype(object).fillna("not stated").to_numpy()
            parts = [f"{kind}: {', '.join(dict.fromkeys(labels[kinds == kind]))}" for kind in dict.fromkeys(kinds)]
            mixed.append(f"{name} ({'; '.join(parts)})")
    if mixed and not allow_mixed:
        raise DataError(
            f"{caller}: the studies differ in {' and '.join(mixed)}. Pool each kind alone, "
            "or ask for the mixture with allow_mixed=True."
        )
    return (f"Illustrative only: the studies differ in {' and '.join(mixed)}.",) if mixed else ()
