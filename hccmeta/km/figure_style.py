"""Which drawn curve is which arm: by colour, then by line style."""

from __future__ import annotations

import re

import numpy as np

from hccmeta.errors import DataError, MethodError

SAME_COLOUR = 24
STYLES = ("solid", "dashed")


def read_colours(colours, line_styles) -> dict[str, tuple[np.ndarray, str | None]]:
    """(RGB 0-255, solid, dashed or None) of each asked curve; one DataError lists all that is wrong."""
    if not isinstance(colours, dict) or not colours:
        raise DataError('colours must be a dict from curve to hex colour, such as {"control": "#1f77b4"}.')
    if not (line_styles is None or isinstance(line_styles, dict)):
        raise DataError('line_styles must be a dict from curve to style, such as {"control": "dashed"}.')
    styles = {} if line_styles is None else line_styles
    problems = [f"line_styles names {name!r}, which colours does not" for name in styles if name not in colours]
    wanted = {}
    for name, colour in colours.items():
        if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", str(colour)):
            problems.append(f"the colour of {name!r} is {colour!r}, not #rrggbb")
            continue
        digits = str(colour)[1:] if len(str(colour)) == 7 else "".join(2 * c for c in str(colour)[1:])
        wanted[name] = (rgb(digits), styles.get(name))
    if problems:
        raise DataError("colours: " + "; ".join(problems) + ".")
    unknown = [style for _, style in wanted.values() if style not in (None, *STYLES)]
    if unknown:
        raise MethodError(f"line style {unknown[0]!r} is not known. Choose one of: 'solid', 'dashed'.")
    return wanted


def rgb(colour: str) -> np.ndarray:
    digits = colour.removeprefix("#")
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)], float)


def assign_curves(curves, colours, line_styles) -> dict:
    """Curve of each asked name; a style decides only between curves of one colour."""
    chosen, problems = {}, []
    for name, (colour, style) in read_colours(colours, line_styles).items():
        near = [c for c in curves if _away(c, colour) <= SAME_COLOUR]
        near = _best([c for c in near if len(c.corners) > 2] or near, colour, style)
        if len(near) == 1:
            chosen[name] = near[0]
        elif near:
            looks = ", ".join(f"{c.look} ({len(c.corners) - 2} drops)" for c in near)
            problems.append(f"{name!r} could be any of {len(near)} curves: {looks}; line_styles may tell them apart")
        else:
            problems.append(f"{name!r}: no step curve from survival 1 has the colour {colours[name]} or one near it")
    taken = [id(c) for c in chosen.values()]
    problems += [f"{n!r} is the same line as another curve" for n, c in chosen.items() if taken.count(id(c)) > 1]
    if problems:
        drawn = ", ".join(sorted({c.look for c in curves if len(c.corners) > 2})) or "none"
        raise DataError("colours: " + "; ".join(problems) + f". Step curves in the figure: {drawn}.")
    return chosen


def _away(curve, colour) -> float:
    """Largest difference of a channel from the colour as seen or from the ink of a translucent line."""
    return float(min(np.abs(rgb(look) - colour).max() for look in (curve.colour, curve.ink)))


def _best(curves, colour, style):
    """The curves that fit best: nearest colour, then the asked style, then the thickest line."""
    for key in (
        lambda c: _away(c, colour),
        lambda c: c.dashed != (style == "dashed") if style else 0,
        lambda c: -c.width,
    ):
        best = min((key(c) for c in curves), default=0)
        curves = [c for c in curves if key(c) == best]
    return curves


def named_by_colour(curves) -> dict:
    """All curves with drops, named by colour; by style and number too where colours are equal."""
    curves = sorted((c for c in curves if len(c.corners) > 2), key=lambda c: (c.colour, c.dashed, -len(c.corners)))
    named = {}
    for curve in curves:
        same = [c for c in curves if c.colour == curve.colour]
        alike = [c for c in same if c.dashed == curve.dashed]
        name = curve.colour if len(same) == 1 else curve.look
        named[name if len(alike) == 1 else f"{name} {1 + alike.index(curve)}"] = curve
    return named
