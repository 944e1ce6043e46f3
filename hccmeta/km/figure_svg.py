"""Lines and words of an SVG drawing: shapes, groups, references, transforms and simple style sheets."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_paths import Figure, Line, Word, on_white, refuse_too_many
from hccmeta.km.figure_svg_data import NUMBER, length, path_points, transform_matrix
from hccmeta.km.figure_svg_style import colour_of, own_style, read_sheets

DEEPEST = 40
HIDDEN = {"defs", "clipPath", "mask", "pattern", "marker", "symbol", "metadata", "style", "script", "filter"}
SHAPES = {"path", "line", "polyline", "polygon", "rect"}
INHERITED = {
    "stroke": "none", "stroke-width": "1", "stroke-opacity": "1", "stroke-dasharray": "none", "color": "#000000",
    "font-size": "16", "text-anchor": "start", "visibility": "visible",
}  # fmt: skip


def read_svg(data: bytes) -> Figure:
    """Figure of an SVG document; a px or a number without unit is 3/4 point."""
    root = _parse(data)
    if _tag(root) != "svg":
        raise DataError(f"The outermost element is <{_tag(root)}>, not <svg>.")
    matrix, width, height = _view(root)
    lines: list[Line] = []
    words: list[Word] = []
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    context = (by_id, read_sheets(root), lines, words, [0])
    for child in root:
        _walk(child, matrix, own_style(root, context[1], INHERITED), 0, context)
    return Figure(width, height, lines, words)


def _parse(data: bytes):
    """The tree, after a first pass that refuses declarations: entities can make a small file very large."""
    scan = expat.ParserCreate()
    scan.StartDoctypeDeclHandler = _refuse_declarations
    try:
        scan.Parse(data, True)
        return ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise DataError(f"The SVG is not well formed ({error}).") from None


def _refuse_declarations(name, system, public, internal) -> None:
    if internal:
        raise DataError("The SVG declares entities or attributes of its own: save it again as plain SVG.")


def _tag(element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _view(root):
    """Matrix from the drawing's user units to points, and its size in points."""
    box = [float(v) for v in re.findall(NUMBER, root.get("viewBox", ""))]
    size = [length(root.get(name)) for name in ("width", "height")]
    if len(box) != 4 or min(box[2:]) <= 0:
        if None in size:
            raise DataError("The SVG has neither a viewBox nor a width and a height.")
        return np.diag([0.75, 0.75, 1.0]), *size
    size = [s if s else b for s, b in zip(size, box[2:], strict=True)]
    scale = min(size[0] / box[2], size[1] / box[3])
    shift = [(s - scale * b) / 2 - scale * o for s, b, o in zip(size, box[2:], box[:2], strict=True)]
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]]), *size


def _walk(element, matrix, inherited, depth, context) -> None:
    by_id, sheets, lines, words, visited = context
    visited[0] += 1
    refuse_too_many(visited[0])
    tag = _tag(element)
    if depth > DEEPEST or not tag or (tag in HIDDEN and not (tag == "symbol" and depth)):
        return
    style = own_style(element, sheets, inherited)
    if style.get("display") == "none":
        return
    matrix = matrix @ transform_matrix(element.get("transform") or style.get("transform", ""))
    if tag == "use":
        _follow(element, matrix, style, depth, context)
    elif tag in SHAPES:
        lines += _stroked(tag, element, matrix, style)
    elif tag == "text":
        words += _words(element, matrix, style, sheets)
    else:
        if tag == "svg":
            matrix = matrix @ _shift(element)
        for child in element:
            _walk(child, matrix, style, depth + 1, context)


def _follow(element, matrix, style, depth, context) -> None:
    """What a <use> refers to, moved to its place."""
    reference = next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == "href"), "")
    target = context[0].get(reference.removeprefix("#"))
    if target is None:
        return
    matrix = matrix @ _shift(element)
    if _tag(target) == "symbol":
        for child in target:
            _walk(child, matrix, style, depth + 2, context)
    else:
        _walk(target, matrix, style, depth + 1, context)


def _shift(element):
    return np.array([[1, 0, _number(element, "x")], [0, 1, _number(element, "y")], [0, 0, 1.0]])


def _number(element, name) -> float:
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", element.get(name) or "")
    return float(found[0]) if found else 0.0


def _stroked(tag, element, matrix, style) -> list[Line]:
    opacity = float(_fraction(style["stroke-opacity"])) * float(_fraction(style.get("opacity", "1")))
    rgb = colour_of(style["stroke"], style["color"])
    if rgb is None or opacity == 0 or style["visibility"] != "visible":
        return []
    scale = abs(np.linalg.det(matrix[:2, :2])) ** 0.5
    look = dict(
        colour=on_white(rgb, opacity),
        ink=on_white(rgb),
        width=float(_fraction(style["stroke-width"])) * scale,
        dashed=any(float(v) > 0 for v in re.findall(r"\d*\.?\d+", style["stroke-dasharray"])),
    )
    return [
        Line(points @ matrix[:2, :2].T + matrix[:2, 2], closed=closed, **look)
        for points, closed in _sub_paths(tag, element)
        if len(points) > 1
    ]


def _fraction(text: str) -> float:
    found = re.match(r"\s*(\d*\.?\d+(?:[eE][-+]?\d+)?)\s*(%?)", text)
    return 1.0 if found is None else float(found[1]) / (100 if found[2] else 1)


def _sub_paths(tag, element):
    if tag == "path":
        return path_points(element.get("d", ""))
    if tag == "line":
        ends = [[_number(element, f"x{i}"), _number(element, f"y{i}")] for i in (1, 2)]
        return [(np.array(ends), False)]
    if tag == "rect":
        x, y, width, height = (_number(element, name) for name in ("x", "y", "width", "height"))
        corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
        return [(np.array(corners), True)]
    numbers = [float(v) for v in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", element.get("points", ""))]
    points = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
    return [(points, tag == "polygon")]


def _words(element, matrix, style, sheets) -> list[Word]:
    """Words of a <text>, each <tspan> with its own place; widths from an average letter of 0.55 font sizes."""
    words, at = [], [_number(element, "x"), _number(element, "y")]
    for part in element.iter():
        look = own_style(part, sheets, style)
        at = [_number(part, axis) if part.get(axis) else old for axis, old in zip("xy", at, strict=True)]
        size = _number(look, "font-size") or 16.0
        text = " ".join((part.text or "").split())
        wide = 0.55 * size
        left = at[0] - wide * len(text) * {"middle": 0.5, "end": 1.0}.get(look["text-anchor"], 0.0)
        for match in re.finditer(r"\S+", text):
            centre = np.array([left + wide * (match.start() + match.end()) / 2, at[1] - 0.36 * size, 1.0])
            x, y, _ = matrix @ centre
            words.append(Word(match[0], float(x), float(y), float(size * abs(matrix[1, 1]))))
    return words
