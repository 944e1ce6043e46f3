"""What a notebook was run on: parameters, versions, tables read."""

from __future__ import annotations

import platform

from ..evidence.load import needs_tables

PACKAGES = ("numpy", "scipy", "pandas", "matplotlib", "seaborn", "lifelines", "statsmodels", "papermill", "ipywidgets")


@needs_tables
def provenance(tables, **parameters):
    """Table of parameters, package versions and the tables read with the hash of their content.

    Parameters
    ----------
    tables : Tables
        As the notebook loaded them.
    **parameters
        The notebook's parameters.

    Returns
    -------
    DataFrame
        what, value.
    """
    from importlib.metadata import version

    import pandas as pd

    from .. import __version__
    from .stamps import table_hash

    rows = [("parameter " + name, repr(value)) for name, value in parameters.items()]
    rows += [(f"table {name}.csv", f"sha256 {table_hash(name)[:12]}") for name in sorted(tables.read)]
    rows += [("hccmeta", __version__), ("python", ".".join(platform.python_version_tuple()[:2]))]
    rows += [(name, version(name)) for name in PACKAGES]
    return pd.DataFrame(rows, columns=["what", "value"])
