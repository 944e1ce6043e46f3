"""What earlier runs left behind: outputs that no notebook writes any more, and half-written files."""

from __future__ import annotations

import json
from pathlib import Path

from .stamps import outputs_of, sha256

LEDGER = "written"  # in .stamps: every output since the last complete report, name -> hash
HALF_WRITTEN = (
    "notebooks/*.part.ipynb", "notebooks/*.html.part", "tables/*.part", "figures/*.part", "*.html.part",
    "manifest.json.part",
)  # fmt: skip


def gone(reports: Path, notebooks: list[Path]) -> list[Path]:
    """Stamps of notebooks that are no more."""
    stems = {notebook.stem for notebook in notebooks}
    return [stamp for stamp in sorted((reports / ".stamps").glob("*.json")) if stamp.stem not in stems]


def note_written(reports: Path) -> None:
    """Before a run: keep in mind what the stamps say was written, since the run replaces them."""
    stamps = reports / ".stamps"
    known = _read(stamps / LEDGER)
    for stamp in sorted(stamps.glob("*.json")):
        known |= outputs_of(stamp)
    _write(stamps / LEDGER, known)


def remove_half_written(reports: Path) -> None:
    """Files of a run that was stopped while it wrote them."""
    for pattern in HALF_WRITTEN:
        for file in reports.glob(pattern):
            file.unlink(missing_ok=True)


def remove_orphans(reports: Path, notebooks: list[Path]) -> list[str]:
    """After a complete run: delete the outputs that no notebook writes any more, unless someone changed them.

    Returns
    -------
    list of str
        The deleted files.
    """
    stamps = reports / ".stamps"
    for stamp in gone(reports, notebooks):
        stamp.unlink()
    current = {}
    for notebook in notebooks:
        current |= outputs_of(stamps / f"{notebook.stem}.json")
    removed = []
    for name, made in sorted(_read(stamps / LEDGER).items()):
        file = reports / name
        inside = file.resolve().is_relative_to(reports.resolve())
        if name not in current and inside and file.is_file() and sha256(file) == made:
            file.unlink()
            removed.append(name)
    _write(stamps / LEDGER, current)
    return removed


def _read(ledger: Path) -> dict[str, str]:
    try:
        known = json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(ledger: Path, known: dict[str, str]) -> None:
    part = ledger.with_suffix(".part")
    part.write_text(json.dumps(known, indent=1), encoding="utf-8")
    part.replace(ledger)
