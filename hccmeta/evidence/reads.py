"""The ledger of what a notebook reads: the report reruns a notebook only when one of these changes."""

from __future__ import annotations

import os


def note_read(*names: str) -> None:
    """Write the names of files read (`arms.csv`, `selections/<name>.yaml`) to the ledger of the run, if any."""
    ledger = os.environ.get("HCCMETA_READS")
    if ledger:
        with open(ledger, "a", encoding="utf-8") as handle:
            handle.writelines(f"{name}\n" for name in names)
