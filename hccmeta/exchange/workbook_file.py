"""A spreadsheet file that someone sent: opened only when it is an ordinary .xlsx without macros, links or excess."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from pathlib import Path

from ..errors import DataError

LARGEST_FILE = 5_000_000  # bytes
LARGEST_CONTENT = 40_000_000  # bytes of all parts, unpacked
MOST_PARTS = 300
_FORBIDDEN = {
    "macros": r"vbaproject|macrosheets|vbadata",
    "links to other files": r"externallinks|connections\.xml|querytables|ddelinks",
    "embedded objects": r"embeddings|activex|oleobject|ctrlprops",
}
_MAIN = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def open_workbook(path: Path | str):
    """The openpyxl workbook of a harmless .xlsx file; formulas stay text and are never calculated.

    Raises
    ------
    DataError
        No such file, another format, macros, links to other files, embedded objects, or too large.
    """
    from openpyxl import load_workbook

    path = Path(path)
    content = _read(path)
    _check_parts(path.name, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's remarks on styles it does not keep
            return load_workbook(io.BytesIO(content), keep_links=False)
    except Exception as error:  # a damaged file fails anywhere inside the reader
        raise _refusal(path.name, f"it is damaged ({type(error).__name__})", "Save it again as .xlsx.") from error


def _refusal(name: str, why: str, fix: str) -> DataError:
    return DataError(f"{name} is refused: {why}. {fix}")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"There is no file {path}: check the name and the folder.")
    if path.suffix.lower() != ".xlsx":
        raise _refusal(path.name, "it is no .xlsx file", "Save it as Excel workbook (.xlsx), without macros.")
    if path.stat().st_size > LARGEST_FILE:
        limit = f"it is larger than {LARGEST_FILE / 1e6:.0f} MB"
        raise _refusal(path.name, limit, "Copy the rows into a fresh form from `python -m hccmeta template`.")
    return path.read_bytes()


def _check_parts(name: str, content: bytes) -> None:
    """Sizes, kinds and declarations of the parts inside, before anything is parsed."""
    damaged = _refusal(name, "it is not what its name says (no readable .xlsx; perhaps protected by a password)",
                       "Save it as .xlsx without a password.")  # fmt: skip
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = [part.filename.lower() for part in parts]
            _check_excess(name, parts, names)
            for what, pattern in _FORBIDDEN.items():
                if any(re.search(pattern, part) for part in names):
                    raise _refusal(name, f"it holds {what}", "Copy the plain cells into a fresh form.")
            if "[content_types].xml" not in names or "xl/workbook.xml" not in names:
                raise damaged
            texts = {part.filename.lower(): archive.read(part) for part in parts if not part.is_dir()}
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise damaged from error
    types = texts["[content_types].xml"]
    if b"macroenabled" in types.lower():
        raise _refusal(name, "it is a workbook with macros under another name", "Save it as .xlsx without macros.")
    if _MAIN not in types:
        raise damaged
    for part, text in texts.items():
        if part.endswith((".xml", ".rels", ".vml")) and _declares(text):
            raise _refusal(name, "a part of it declares entities, as no spreadsheet program does",
                           "Copy the plain cells into a fresh form.")  # fmt: skip


def _check_excess(name: str, parts: list, names: list[str]) -> None:
    total = sum(part.file_size for part in parts)
    if total > LARGEST_CONTENT or len(parts) > MOST_PARTS:
        limit = f"it unpacks to {total / 1e6:.0f} MB in {len(parts)} parts, a form to less than a tenth of that"
        raise _refusal(name, limit, "Copy the rows into a fresh form.")
    if len(set(names)) != len(names):
        raise _refusal(name, "a part of it stands twice", "Save it again as .xlsx.")


def _declares(text: bytes) -> bool:
    """XML that could define entities, or hides its text in another encoding than UTF-8."""
    return b"<!DOCTYPE" in text or b"<!ENTITY" in text or text[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in text[:64]
