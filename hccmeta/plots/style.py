"""Colours, text and frames shared by all figures; nothing here changes global state.

Figures are laid out in inches. With an own figure one design inch is one inch; inside a given, smaller axes every inch
and every font size is multiplied by `scale`, so that text columns still fit.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

from ..errors import MetaWarning, MethodError
from .tables import filled

INK, SOFT, LINE, PAPER = "#1c2733", "#5b6873", "#c9d1d8", "#ffffff"
STUDY, POOLED, PREDICTION = "#0b5c8a", "#b3261e", "#e09f3e"
# Okabe and Ito 2008: distinguishable with colour vision deficiency; dashes and marks keep them apart in grey.
PALETTE = ("#0b5c8a", "#d55e00", "#009e73", "#cc79a7", "#8c6d00", "#56b4e9", "#444444", "#b3261e")
DASHES = ("-", (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (1.5, 1.5)), (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)), (0, (2, 1)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
FONT = 9.5
FAMILY = "DejaVu Sans"
WIDE_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
              "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS")
NO_LETTERS = ("Last Resort", "STIX", "DejaVu", "cm")  # boxes, and the fonts of formulas


def new_axes(
    width: float, height: float, *, left: float = 0.7, right: float = 0.2, bottom: float = 0.6, top: float = 0.45
):
    """Axes of a new figure of `width` x `height` inches with margins in inches; no pyplot state is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure.add_axes([left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height])


def frame(ax, width: float, height: float, *, left: float, right: float, bottom: float, top: float):
    """Axes for a plot area of `width` x `height` inches inside margins, and the scale of everything drawn there.

    Without `ax` a figure of the right size is made. A given `ax` keeps its place on the page: the plot area and its
    margins are fitted into it, smaller where they must be.
    """
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise MethodError(
            f"ax must be one matplotlib Axes, such as axes[0, 1] of plt.subplots(2, 2), or None for a new figure; "
            f"it was given {type(ax).__name__}."
        )
    if ax is None:
        page = (left + width + right, bottom + height + top)
        return new_axes(*page, left=left, right=right, bottom=bottom, top=top), 1.0
    spec = ax.get_subplotspec()
    slot = spec.get_position(ax.figure) if spec is not None else ax.get_position()
    page = ax.figure.bbox
    dpi = ax.figure.dpi
    wide, tall = slot.width * page.width / dpi, slot.height * page.height / dpi
    scale = min(1.0, wide / (left + width + right), tall / (bottom + height + top))
    ax.set_position([
        slot.x0 + slot.width * scale * left / wide, slot.y0 + slot.height * scale * bottom / tall,
        slot.width * (1 - scale * (left + right) / wide), slot.height * (1 - scale * (bottom + top) / tall),
    ])  # fmt: skip
    return ax, scale


def tidy(ax, scale: float = 1.0, *, sides=("left", "bottom")) -> None:
    """Quiet spines and readable ticks."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in sides)
        spine.set_color(SOFT)
    ax.tick_params(colors=INK, labelsize=FONT * scale, length=3.5 * scale, pad=3.5 * scale)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size((FONT + 0.5) * scale)
        axis.labelpad *= scale


def one_line(text) -> str:
    """Text without line breaks, tabs and control characters; nothing for a missing cell."""
    if not filled(text):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def inches(ax, corner=(0, 1), scale: float = 1.0):
    """Transform whose coordinates are design inches from a corner of the axes, (0, 1) being the upper left one."""
    from matplotlib.transforms import Affine2D, ScaledTranslation

    return Affine2D().scale(scale) + ax.figure.dpi_scale_trans + ScaledTranslation(*corner, ax.transAxes)


def beside(ax, side: int, scale: float = 1.0):
    """x in design inches from the left (0) or right (1) edge of the axes, y in data."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(inches(ax, (side, 0), scale), ax.transData)


def below(ax, scale: float = 1.0):
    """x in data, y in design inches from the lower edge of the axes."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(ax.transData, inches(ax, (0, 0), scale))


def write(ax, x, y, text, *, scale: float = 1.0, size: float = FONT, **options):
    """Text with data-driven content: never parsed as mathematics."""
    text, fonts = lettering(text)
    return ax.text(x, y, text, **({"color": INK, "va": "center", "parse_math": False} | fonts | options),
                   fontsize=size * scale)  # fmt: skip


def name_axis(axis, text) -> None:
    """Label of an axis, never parsed as mathematics."""
    text, fonts = lettering(text)
    axis.set_label_text(text, parse_math=False, **fonts)


def lettering(text) -> tuple[str, dict]:
    """Text and the fonts it needs; letters that no font of this computer has become □, which is told once."""
    text, families, lost = str(text), [FAMILY], []
    for letter in dict.fromkeys(text):
        if letter == "\n" or _has(_font(), letter):
            continue
        family = _other_family(letter)
        if family is None:
            lost.append(letter)
        elif family not in families:
            families.append(family)
    if lost:
        _tell_once("".join(lost[:10]))
    shown = "".join("□" if letter in lost else letter for letter in text)
    return shown, {"family": families} if len(families) > 1 else {}


@lru_cache(maxsize=1)
def _font():
    from matplotlib.font_manager import findfont, get_font

    return get_font(findfont(FAMILY))


def _has(font, letter: str) -> bool:
    return font.get_char_index(ord(letter)) != 0


@lru_cache(maxsize=4096)
def _other_family(letter: str) -> str | None:
    """The first installed font that has a letter, wide-spread fonts of East Asia before the others by name."""
    from matplotlib.font_manager import fontManager, get_font

    files = {font.name: font.fname for font in sorted(fontManager.ttflist, key=lambda font: (font.weight, font.fname))}
    known = [name for name in WIDE_FONTS if name in files]
    others = sorted(name for name in files if name not in WIDE_FONTS and not name.startswith(NO_LETTERS))
    for name in (*known, *others):
        try:
            if _has(get_font(files[name]), letter):
                return name
        except (OSError, RuntimeError):  # a font that was removed, or that cannot be read
            continue
    return None


_told: list[str] = []


def _tell_once(letters: str) -> None:
    if not _told:
        _told.append(letters)
        warnings.warn(
            f"No font of this computer has the letters {letters}: figures show □ instead. Install one that has them, "
            "such as Noto Sans CJK (Debian, Ubuntu: apt-get install fonts-noto-cjk), and start Python again.",
            MetaWarning, stacklevel=2,
        )  # fmt: skip


@lru_cache(maxsize=4096)
def _width(text: str, weight: str) -> float:
    """Width in inches at 1 point; a letter that the font lacks counts as a wide one."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FAMILY, weight=weight)))
    known = "".join(c if font.get_char_index(ord(c)) else "W" for c in text)
    font.set_size(100, 72)
    font.set_text(known, 0.0)
    return font.get_width_height()[0] / 64 / 100 / 72


def text_inches(texts, *, size: float = FONT, weight: str = "normal") -> float:
    """Width in inches that the longest of `texts` needs, with room for what rounding to pixels adds."""
    return 1.03 * size * max((_width(str(text), weight) for text in texts if str(text)), default=0.0)


def shorten(text, inches: float, *, size: float = FONT, weight: str = "normal") -> str:
    """One line of at most `inches`, cut with an ellipsis where it is longer."""
    text = one_line(text)
    if text_inches([text], size=size, weight=weight) <= inches:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_inches([text[:middle].rstrip() + "…"], size=size, weight=weight) <= inches
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def wrap(text, inches: float, *, size: float = FONT, weight: str = "normal", lines: int = 99) -> list[str]:
    """Lines of at most `inches`; words that are too long are cut, as is what goes beyond `lines`."""
    done, line = [], ""
    words = one_line(text).split()
    for i, word in enumerate(words):
        longer = f"{line} {word}".strip()
        if line and text_inches([longer], size=size, weight=weight) > inches:
            if len(done) + 1 == lines:
                return [*done, shorten(" ".join([line, *words[i:]]), inches, size=size, weight=weight)]
            done.append(shorten(line, inches, size=size, weight=weight))
            line = word
        else:
            line = longer
    return [*done, shorten(line, inches, size=size, weight=weight)] if line else done
