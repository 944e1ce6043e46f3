"""Colours and strokes of SVG elements: attributes, style attributes and simple style sheets."""

from __future__ import annotations

import re


def read_sheets(root) -> list[tuple[int, str, dict[str, str]]]:
    """Rules (rank, selector, declarations) of all <style> elements; of a compound selector the last part counts."""
    rules = []
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.rpartition("}")[2] == "style":
            text = re.sub(r"/\*.*?\*/", "", element.text or "", flags=re.S)
            for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
                for selector in selectors.split(","):
                    last = (selector.split() or [""])[-1]
                    rules.append((_rank(last), last, _declarations(body)))
    return sorted(rules, key=lambda rule: rule[0])


def _rank(selector: str) -> int:
    return 3 if "#" in selector else 2 if "." in selector else 1 if selector != "*" else 0


def _declarations(text: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in text.split(";") if ":" in part)
    return {name.strip(): value.replace("!important", "").strip() for name, value in pairs}


def own_style(element, sheets, inherited: dict[str, str]) -> dict[str, str]:
    """Properties of an element: inherited, then attributes, style sheets, its style attribute."""
    style = {name: value for name, value in inherited.items() if name not in ("display", "transform")}
    opacity = style.pop("opacity", "1")
    own = {k: v for k, v in element.attrib.items() if k in inherited or k in ("opacity", "display")}
    tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    for _, selector, declarations in sheets:
        if _matches(selector, tag, element):
            own |= declarations
    own |= _declarations(element.get("style", ""))
    style |= {name: value for name, value in own.items() if value != "inherit"}
    if "opacity" in own or opacity != "1":
        style["opacity"] = str(_opacity(opacity) * _opacity(own.get("opacity", "1")))
    return style


def _opacity(text: str) -> float:
    found = re.match(r"\s*(\d*\.?\d+)(%?)", text)
    return 1.0 if found is None else float(found[1]) / (100 if found[2] else 1)


def _matches(selector: str, tag: str, element) -> bool:
    found = re.fullmatch(r"([\w-]+|\*)?((?:[.#][\w-]+)*)", selector)
    if not found or not selector or (found[1] or "*") not in ("*", tag):
        return False
    classes = (element.get("class") or "").split()
    named = re.findall(r"([.#])([\w-]+)", found[2])
    return all(name in classes if mark == "." else name == element.get("id") for mark, name in named)


def colour_of(text: str, current: str) -> tuple[int, int, int] | None:
    """RGB (0-255) of a paint; None for none and for gradients."""
    from PIL import ImageColor

    text = (current if text == "currentColor" else text).strip()
    if text == "none" or text.startswith("url("):
        return None
    try:
        return ImageColor.getrgb(re.sub(r"rgba?\(([^)]*)\)", _plain_rgb, text))[:3]
    except ValueError:
        return None


def _plain_rgb(found) -> str:
    """rgb() with integer or per cent parts, the form that Pillow reads."""
    parts = [p for p in re.split(r"[\s,/]+", found[1].strip()) if p][:3]
    values = [float(p.rstrip("%")) * (2.55 if p.endswith("%") else 1) for p in parts]
    return "rgb(" + ",".join(str(round(min(max(v, 0), 255))) for v in values) + ")"
