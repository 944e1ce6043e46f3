"""Numbers at risk printed as text below a vector figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_paths import Figure, Word, read_figure
from hccmeta.km.vector import calibrate

if TYPE_CHECKING:
    import pandas as pd

ASIDE = 0.3
TICK_LABEL = 0.02


def read_at_risk(path, *, page=0, calibration="ticks", y_scale=1, ticks=None) -> pd.DataFrame:
    """Numbers at risk of the table below a PDF or SVG figure, where it is text.

    Parameters
    ----------
    path, page, calibration, y_scale, ticks
        As for digitise_vector.

    Returns
    -------
    DataFrame
        curve (label beside or above the row, else its number), time (the axis value above the number), n_at_risk.

    Raises
    ------
    DataError
        No tick labels as text, or no row of whole numbers below them that does not rise.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> row = lambda y, words: "".join(f'<text x="{x}" y="{y}" text-anchor="middle">{w}</text>' for x, w in words)
    >>> svg = ('<svg xmlns="http://www.w3.org/2000/svg" width="400pt" height="200pt" viewBox="0 0 400 200">'
    ...        + row(120, [(100, 0), (200, 6), (300, 12)]) + row(160, [(40, "Drug"), (100, 58), (200, 31), (300, 9)])
    ...        + "</svg>")
    >>> figure = pathlib.Path(tempfile.mkdtemp()) / "figure.svg"
    >>> _ = figure.write_text(svg)
    >>> axes = [{"axis": "x", "value": 0, "pixel": 100}, {"axis": "x", "value": 12, "pixel": 300},
    ...         {"axis": "y", "value": 0, "pixel": 100}, {"axis": "y", "value": 1, "pixel": 10}]
    >>> read_at_risk(figure, calibration=axes)
      curve  time  n_at_risk
    0  Drug   0.0         58
    1  Drug   6.0         31
    2  Drug  12.0          9
    """
    import pandas as pd

    figure = read_figure(path, page)
    axes = calibrate(figure, calibration, y_scale, ticks)
    rows = [row for row in _text_rows(figure) if row[0].y > axes.box[3] - row[0].height]
    labelled = [row for row in rows if len(_tick_labels(row, axes)) > 1]
    if not labelled:
        raise DataError("No numbers of the time axis as text below the figure: type the table of numbers at risk.")
    times = _tick_labels(labelled[0], axes)
    places = axes.time.position(np.array(times))
    found, heading = [], ""
    for row in rows[rows.index(labelled[0]) + 1 :]:
        numbers = _numbers_below(row, places)
        counts = [int(word.text) for _, word in numbers]
        if len(numbers) < 2 or counts != sorted(counts, reverse=True):
            heading = " ".join(word.text for word in row) if row[0].x < places[0] else ""
            continue
        first = min(word.x for _, word in numbers)
        beside = " ".join(word.text for word in row if word.x < first - word.height)
        label = beside or heading or f"row {1 + len({line['curve'] for line in found})}"
        heading = ""
        found += [{"curve": label, "time": times[i], "n_at_risk": int(word.text)} for i, word in numbers]
    if not found:
        raise DataError("No row of whole numbers stands below the time axis: type the table of numbers at risk.")
    return pd.DataFrame(found)


def _text_rows(figure: Figure) -> list[list[Word]]:
    """Words on one line, from the top and from the left."""
    rows: list[list[Word]] = []
    for word in sorted(figure.words, key=lambda w: (w.y, w.x)):
        if rows and abs(word.y - np.mean([w.y for w in rows[-1]])) < 0.6 * word.height:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda w: w.x) for row in rows]


def _tick_labels(row, axes) -> list[float]:
    """Numbers that stand where the time axis has these values."""
    reach = TICK_LABEL * (axes.box[1] - axes.box[0]) + 1
    numbers = [(w, float(w.text)) for w in row if re.fullmatch(r"\d+(\.\d+)?", w.text)]
    return sorted({value for w, value in numbers if abs(w.x - axes.time.position(value)) < reach})


def _numbers_below(row, places) -> list[tuple[int, Word]]:
    """(number of the tick, word) of the whole numbers that stand below a tick."""
    reach = ASIDE * float(np.diff(places).min())
    numbers = {}
    for word in row:
        near = int(np.abs(places - word.x).argmin())
        if re.fullmatch(r"\d+", word.text) and abs(places[near] - word.x) < reach:
            numbers[near] = word
    return sorted(numbers.items())
