"""Numbers in SVG attributes: lengths, transforms, path data."""

from __future__ import annotations

import re

import numpy as np

from hccmeta.errors import DataError

POINTS_PER = {"pt": 1.0, "px": 0.75, "": 0.75, "in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pc": 12.0}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


def length(text: str | None) -> float | None:
    """Length in points; None where it is missing or relative."""
    found = re.fullmatch(rf"\s*({NUMBER})\s*([a-z]*)\s*", text or "")
    return float(found[1]) * POINTS_PER[found[2]] if found and found[2] in POINTS_PER else None


def transform_matrix(text: str):
    """3 x 3 matrix of a transform attribute."""
    matrix = np.eye(3)
    for name, inside in re.findall(r"(\w+)\s*\(([^)]*)\)", text):
        values = [float(v) for v in re.findall(NUMBER, inside)]
        matrix = matrix @ _one_transform(name, values)
    return matrix


def _one_transform(name: str, v: list[float]):
    if name == "matrix" and len(v) == 6:
        return np.array([[v[0], v[2], v[4]], [v[1], v[3], v[5]], [0, 0, 1.0]])
    if name == "translate" and len(v) in (1, 2):
        return np.array([[1, 0, v[0]], [0, 1, (*v, 0.0)[1]], [0, 0, 1.0]])
    if name == "scale" and len(v) in (1, 2):
        return np.diag([v[0], v[-1], 1.0])
    if name == "rotate" and len(v) in (1, 3):
        turn = np.deg2rad(v[0])
        rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
        about = _one_transform("translate", v[1:]) if len(v) == 3 else np.eye(3)
        return about @ rotation @ np.linalg.inv(about)
    if name in ("skewX", "skewY") and len(v) == 1:
        matrix = np.eye(3)
        matrix[(0, 1) if name == "skewX" else (1, 0)] = np.tan(np.deg2rad(v[0]))
        return matrix
    raise DataError(f"The SVG has a transform that cannot be read: {name}({', '.join(map(str, v))}).")


def path_points(data: str) -> list[tuple[np.ndarray, bool]]:
    """(points, closed) of each sub-path; curved segments count with their end points."""
    paths: list[tuple[list, list]] = []
    place = start = np.zeros(2)
    for command, text in re.findall(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)", data):
        kind, relative = command.upper(), command.islower()
        if kind == "Z":
            if paths:
                paths[-1][1].append(True)
            place = start
            continue
        for values in _groups(kind, text):
            base = place if relative else np.zeros(2)
            if kind in "HV":
                place = place.copy()
                axis = "HV".index(kind)
                place[axis] = base[axis] + values[0]
            else:
                place = base + values[-2:]
            if kind == "M" or not paths or paths[-1][1]:
                opening = place if kind == "M" else start
                paths.append(([opening], []))
                start = opening
                if kind == "M":
                    kind = "L"
                    continue
            paths[-1][0].append(place)
    return [(np.array(points), bool(closed)) for points, closed in paths]


def _groups(kind: str, text: str):
    """Arguments of a command, one row per repetition."""
    pattern = NUMBER
    if kind == "A":
        text = re.sub(rf"({NUMBER}[\s,]+{NUMBER}[\s,]+{NUMBER}[\s,]+)([01])[\s,]*([01])[\s,]*", r"\1\2 \3 ", text)
    values = np.array([float(v) for v in re.findall(pattern, text)])
    size = ARGUMENTS[kind]
    return values[: len(values) // size * size].reshape(-1, size)
