"""The one place that knows where things are in the repository."""

from __future__ import annotations

from pathlib import Path


def project_root(start: Path | str | None = None) -> Path:
    """Folder that holds `pyproject.toml` and `data/`, found upwards from `start`, the working folder or this file."""
    starts = [Path(start)] if start is not None else [Path.cwd(), Path(__file__)]
    for origin in starts:
        for folder in [origin.resolve(), *origin.resolve().parents]:
            if (folder / "pyproject.toml").is_file() and (folder / "hccmeta").is_dir():
                return folder
    raise FileNotFoundError(
        "No hccmeta project found above the working folder: run inside a clone of the repository, or pass the folder."
    )


def data_folder() -> Path:
    return project_root() / "data" / "extracted"


def schema_file() -> Path:
    return project_root() / "data" / "datapackage.json"


def selections_folder() -> Path:
    return project_root() / "selections"


def notebooks_folder() -> Path:
    return project_root() / "notebooks"


def reports_folder() -> Path:
    return project_root() / "reports"


def cache_folder() -> Path:
    return project_root() / ".cache"
