"""Stroked lines and words of a vector figure, whatever the file format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hccmeta.errors import DataError

LARGEST_FILE = 64_000_000
MOST_LINES = 200_000


@dataclass(frozen=True, eq=False)
class Line:
    """One stroked sub-path: points (x, y) in points from the top left, colour #rrggbb as seen on white, ink without its
    opacity.
    """

    points: np.ndarray
    colour: str
    ink: str
    width: float
    dashed: bool
    closed: bool


@dataclass(frozen=True)
class Word:
    """Text without blanks: its centre and height in points from the top left."""

    text: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, eq=False)
class Figure:
    """A page of a PDF or an SVG: size in points, lines, words."""

    width: float
    height: float
    lines: list[Line]
    words: list[Word]


def read_figure(path, page: int = 0) -> Figure:
    """The lines and words of a PDF page or an SVG file."""
    from hccmeta.km.figure_pdf import read_pdf
    from hccmeta.km.figure_svg import read_svg

    path = figure_path(path)
    readers = {".pdf": lambda data: read_pdf(data, page), ".svg": read_svg}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name} is neither .pdf nor .svg: pass pixel images to digitise_image.")
    with np.errstate(invalid="ignore", over="ignore"):
        figure = reader(read_bytes(path))
    if not all(np.isfinite(line.points).all() for line in figure.lines):
        raise DataError(f"{path.name} has lines whose coordinates are no numbers: save the figure again.")
    return figure


def figure_path(path) -> Path:
    """The path of a figure; DataError for what is no path."""
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"The path of a figure is text or a Path; it was given {type(path).__name__}.")
    return Path(path)


def read_bytes(path) -> bytes:
    """Content of a file that exists and is not larger than 64 MB."""
    path = figure_path(path)
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder: name the file of the figure.")
        if not path.is_file():
            raise DataError(f"There is no file {path}.")
        size = path.stat().st_size
        if not 0 < size <= LARGEST_FILE:
            raise DataError(f"{path.name} has {size:,} bytes; a figure has between 1 and {LARGEST_FILE:,}.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"The file {str(path):.80} cannot be read ({error.strerror}).") from None


def refuse_too_many(count: int) -> None:
    if count > MOST_LINES:
        raise DataError(f"More than {MOST_LINES:,} lines are drawn here: cut the figure out of its page first.")


def on_white(rgb, opacity: float = 1.0) -> str:
    """#rrggbb of a colour (0-255) drawn on white with an opacity (0-1)."""
    return "#" + "".join(f"{round(255 + (value - 255) * opacity):02x}" for value in rgb)
