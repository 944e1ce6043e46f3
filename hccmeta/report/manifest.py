"""The manifest of a report: every file with its hash, so that `make verify` can compare two builds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ..paths import reports_folder
from .stamps import sha256

NAME = "manifest.json"
LEFT_OUT = (".stamps", "selections", "interactive", "export", "notebooks/lab")


def files_of(reports: Path) -> dict[str, str]:
    """Relative path -> hash of every file of the report."""
    found = {}
    for file in sorted(reports.rglob("*")):
        relative = file.relative_to(reports).as_posix()
        if file.is_file() and relative != NAME and not relative.startswith(LEFT_OUT) and ".part" not in file.name:
            found[relative] = sha256(file)
    return found


def write_manifest(reports: Path) -> None:
    part = reports / f"{NAME}.part"
    part.write_text(json.dumps(files_of(reports), indent=1) + "\n", encoding="utf-8")
    part.replace(reports / NAME)


def verify(*, jobs: int = 2) -> int:
    """Build the report again in a temporary folder and list every file that differs from the manifest."""
    from .run import build

    manifest = reports_folder() / NAME
    if not manifest.is_file():
        print("There is no manifest yet: run `make report` first.")
        return 1
    known = json.loads(manifest.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        code = build(Path(folder), jobs=jobs)
        if code:
            return code
        made = files_of(Path(folder))
    differing = sorted(name for name in known.keys() | made.keys() if known.get(name) != made.get(name))
    for name in differing:
        state = (
            "missing in the new build"
            if name not in made
            else "not in the manifest"
            if name not in known
            else "differs"
        )
        print(f"  {name}: {state}")
    print(f"{len(made)} files rebuilt, {len(differing)} differ.")
    return 1 if differing else 0
