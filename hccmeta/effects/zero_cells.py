"""Which studies receive the zero-cell addition: escalc's `to`."""

from __future__ import annotations

import numpy as np

from hccmeta.errors import check_choice

TO = ("only0", "all", "if0all", "none")


def rows_to_adjust(has_zero, to):
    """Boolean per study: True where `add` goes into every cell of the study."""
    check_choice("to", to, TO)
    if to == "all":
        return np.ones_like(has_zero)
    if to == "if0all":
        return np.full_like(has_zero, has_zero.any())
    return has_zero if to == "only0" else np.zeros_like(has_zero)
