"""What a notebook depends on, by content: its text, the package, the lock, its selection, the tables it reads."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from ..paths import data_folder, project_root, schema_file, selections_folder

CODE = (".py", ".js", ".css", ".html")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(parts: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code_hash() -> str:
    """Hash of the package, the lock, the schema and the configuration: a change in any reruns every notebook."""
    root = project_root()
    files = [
        *sorted(file for file in (root / "hccmeta").rglob("*") if file.suffix in CODE),
        root / "uv.lock",
        schema_file(),
        *sorted((root / "config").glob("*")),
    ]
    return _digest({str(file.relative_to(root)): sha256(file) for file in files})


def table_hash(name: str) -> str:
    return read_hash(f"{name}.csv")


def read_hash(name: str) -> str:
    file = project_root() / name if name.startswith("selections/") else data_folder() / name
    return sha256(file) if file.is_file() else "absent"


def inputs(notebook: Path, reads: list[str]) -> dict[str, str]:
    """Everything the notebook's result depends on, name -> hash; `reads` names tables and selections by file."""
    own = {"notebook": sha256(notebook), "code": code_hash()}
    return own | {name: read_hash(name) for name in sorted(reads)}


def all_inputs(notebook: Path) -> dict[str, str]:
    """Hashes of whatever the notebook could read, taken before it runs: a table edited meanwhile makes it stale."""
    tables = [file.name for file in data_folder().glob("*.csv")]
    return inputs(notebook, tables + [f"selections/{file.name}" for file in selections_folder().glob("*.yaml")])


def outputs_of(stamp_file: Path) -> dict[str, str]:
    """Files that a notebook wrote, name -> hash; none where the stamp is missing or damaged."""
    try:
        outputs = json.loads(stamp_file.read_text(encoding="utf-8"))["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return outputs if isinstance(outputs, dict) else {}


def is_current(stamp_file: Path, notebook: Path, reports: Path) -> bool:
    """Was the notebook run on exactly these inputs, and is everything it wrote still there unchanged?"""
    try:
        stamp = json.loads(stamp_file.read_text(encoding="utf-8"))
        known, outputs = stamp["inputs"], stamp["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if known != inputs(notebook, [name for name in known if name not in ("notebook", "code")]):
        return False
    return all((reports / file).is_file() and sha256(reports / file) == made for file, made in outputs.items())


def write_stamp(stamp_file: Path, before: dict[str, str], reads: list[str], outputs: list[str], reports: Path) -> None:
    """Record the inputs as they were before the run, those that were read, and the files written."""
    stamp = {
        "inputs": {name: before.get(name, "absent") for name in ("notebook", "code", *sorted(reads))},
        "outputs": {file: sha256(reports / file) for file in outputs},
    }
    stamp_file.parent.mkdir(parents=True, exist_ok=True)
    part = stamp_file.with_suffix(".part")
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    part.replace(stamp_file)
