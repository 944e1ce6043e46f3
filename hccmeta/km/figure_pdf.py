"""Lines and words of a PDF page, read from its path and text objects by PDFium."""

from __future__ import annotations

import ctypes

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_paths import Figure, Line, Word, on_white, refuse_too_many

DEEPEST_FORM = 12


def read_pdf(data: bytes, page: int) -> Figure:
    """Figure of a page (the first is 0)."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise DataError(f"The PDF cannot be opened ({error}): it may be damaged or protected.") from None
    try:
        if isinstance(page, bool) or not isinstance(page, int) or not 0 <= page < len(document):
            raise DataError(f"page = {page!r}: the PDF has the pages 0 to {len(document) - 1}.")
        return _read_page(document[page])
    finally:
        document.close()


def _read_page(page) -> Figure:
    to_figure, width, height = _page_matrix(page)
    lines: list[Line] = []
    _collect(page.raw, to_figure, 0, lines)
    return Figure(width, height, lines, _words(page, to_figure))


def _page_matrix(page):
    """Matrix from the page's own coordinates (upwards) to points from the top left, and the size as shown."""
    left, bottom, right, top = page.get_bbox()
    width, height = right - left, top - bottom
    upright = np.array([[1, 0, -left], [0, -1, top], [0, 0, 1.0]])
    turned = {
        0: np.eye(3),
        90: np.array([[0, -1, height], [1, 0, 0], [0, 0, 1.0]]),
        180: np.array([[-1, 0, width], [0, -1, height], [0, 0, 1.0]]),
        270: np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1.0]]),
    }[page.get_rotation()]
    return turned @ upright, *((width, height) if page.get_rotation() % 180 == 0 else (height, width))


def _collect(container, matrix, depth: int, lines: list[Line]) -> None:
    import pypdfium2.raw as pdf

    form = depth > 0
    count = pdf.FPDFFormObj_CountObjects if form else pdf.FPDFPage_CountObjects
    get = pdf.FPDFFormObj_GetObject if form else pdf.FPDFPage_GetObject
    for index in range(count(container)):
        item = get(container, index)
        kind = pdf.FPDFPageObj_GetType(item)
        if kind == pdf.FPDF_PAGEOBJ_PATH:
            lines += _stroked(item, matrix @ _matrix(item))
            refuse_too_many(len(lines))
        elif kind == pdf.FPDF_PAGEOBJ_FORM and depth < DEEPEST_FORM:
            _collect(item, matrix @ _matrix(item), depth + 1, lines)


def _matrix(item):
    import pypdfium2.raw as pdf

    m = pdf.FS_MATRIX()
    pdf.FPDFPageObj_GetMatrix(item, m)
    return np.array([[m.a, m.c, m.e], [m.b, m.d, m.f], [0, 0, 1.0]])


def _stroked(item, matrix) -> list[Line]:
    """Sub-paths of a path object, if it is stroked."""
    import pypdfium2.raw as pdf

    fill, stroke, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_float()
    pdf.FPDFPath_GetDrawMode(item, fill, stroke)
    rgba = [ctypes.c_uint() for _ in range(4)]
    pdf.FPDFPageObj_GetStrokeColor(item, *rgba)
    if not stroke.value or not rgba[3].value:
        return []
    pdf.FPDFPageObj_GetStrokeWidth(item, width)
    scale = abs(np.linalg.det(matrix[:2, :2])) ** 0.5
    look = dict(
        colour=on_white([c.value for c in rgba[:3]], rgba[3].value / 255),
        ink=on_white([c.value for c in rgba[:3]]),
        width=width.value * scale,
        dashed=pdf.FPDFPageObj_GetDashCount(item) > 0,
    )
    return [Line(p @ matrix[:2, :2].T + matrix[:2, 2], closed=closed, **look) for p, closed in _sub_paths(item)]


def _sub_paths(item):
    """(points, closed) of each sub-path; a Bezier curve counts with its end points."""
    import pypdfium2.raw as pdf

    paths, x, y, control = [], ctypes.c_float(), ctypes.c_float(), 0
    for index in range(pdf.FPDFPath_CountSegments(item)):
        segment = pdf.FPDFPath_GetPathSegment(item, index)
        pdf.FPDFPathSegment_GetPoint(segment, x, y)
        kind = pdf.FPDFPathSegment_GetType(segment)
        if kind == pdf.FPDF_SEGMENT_BEZIERTO:
            control = (control + 1) % 3
            if control:
                continue
        if kind == pdf.FPDF_SEGMENT_MOVETO or not paths:
            paths.append(([], []))
        paths[-1][0].append((x.value, y.value))
        if pdf.FPDFPathSegment_GetClose(segment):
            paths[-1][1].append(True)
    return [(np.array(points), bool(closed)) for points, closed in paths if len(points) > 1]


def _words(page, matrix) -> list[Word]:
    """Characters of one line without a blank between them make a word."""
    import pypdfium2.raw as pdf

    text_page = page.get_textpage()
    words, letters = [], []
    for index in range(text_page.count_chars()):
        letter = chr(pdf.FPDFText_GetUnicode(text_page.raw, index))
        left, bottom, right, top = text_page.get_charbox(index, loose=True)
        ends = np.array([[left, top, 1], [right, bottom, 1]]) @ matrix.T
        box = (*np.sort(ends[:, 0]), *np.sort(ends[:, 1]))
        if letters and (letter.isspace() or not _follows(letters[-1][1], box)):
            words.append(_word(letters))
            letters = []
        if letter.isprintable() and not letter.isspace():
            letters.append((letter, box))
    text_page.close()
    return [*words, _word(letters)] if letters else words


def _follows(before, box) -> bool:
    """Does this character box (x0, x1, y0, y1) stand close behind the one before, on its line?"""
    height = before[3] - before[2]
    return abs(box[3] - before[3]) < 0.4 * height and -0.5 * height < box[0] - before[1] < 0.35 * height


def _word(letters) -> Word:
    boxes = np.array([box for _, box in letters])
    (x0, x1), (y0, y1) = (boxes[:, :2].min(), boxes[:, :2].max()), (boxes[:, 2:].min(), boxes[:, 2:].max())
    return Word("".join(letter for letter, _ in letters), (x0 + x1) / 2, (y0 + y1) / 2, y1 - y0)
