"""Files as they stood at a version of the repository, read with git and never checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..errors import DataError


def _git(root: Path, *arguments: str) -> bytes | None:
    """Output of a git command in `root`; None where git says no."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise DataError("The command git is not installed: install it to compare versions.") from None
    return done.stdout if done.returncode == 0 else None


def resolve(root: Path, ref: str) -> tuple[str, str]:
    """Commit of a ref and its date.

    Raises
    ------
    DataError
        No git repository, or no such ref.
    """
    if _git(root, "rev-parse", "--git-dir") is None:
        raise DataError(f"{root} is no git repository: clone the project with git to compare versions.")
    plain = ref.isprintable() and not ref.startswith("-") and ref.strip() == ref != ""
    commit = _git(root, "rev-parse", "--verify", "--quiet", ref + "^{commit}") if plain else None
    if commit is None:
        raise DataError(
            f"There is no version {ref!r} in this repository. Give a tag, a branch or a commit; `git log --oneline` "
            "lists commits, `git tag` lists tags, and a shallow clone holds only the newest."
        )
    name = commit.decode().strip()
    return name, (_git(root, "show", "--no-patch", "--format=%cs", name) or b"").decode().strip()


def files_at(root: Path, commit: str, folder: str, suffix: str) -> dict[str, str]:
    """File name -> text of the files directly in `folder` that end in `suffix`, at a commit."""
    listed = _git(root, "ls-tree", "-z", "--name-only", commit, f"./{folder}/") or b""
    names = [name for name in listed.decode().split("\0") if name and name.endswith(suffix)]
    return {Path(name).name: (_git(root, "show", f"{commit}:./{name}") or b"").decode("utf-8-sig") for name in names}


def files_now(root: Path, folder: str, suffix: str) -> dict[str, str]:
    """The same of the working folder."""
    files = sorted((root / folder).glob(f"*{suffix}"))
    return {file.name: file.read_text(encoding="utf-8-sig") for file in files if file.is_file()}
