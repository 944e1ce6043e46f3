"""The numbers inside a printed text, with their digits: every tolerance comes from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.)%\]])-)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<percent>\s?%)?"
)
_RELATION = re.compile(r"([<>=≤≥])\s*$")
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: value for value, word in enumerate(_ONES)}
_WORDS |= {word: 10 * (index + 2) for index, word in enumerate(_TENS)}
_WORDS |= {f"{ten}-{_ONES[one]}": 10 * (index + 2) + one for index, ten in enumerate(_TENS) for one in range(1, 10)}


@dataclass(frozen=True)
class PrintedNumber:
    """One number of a printed text; `loose` marks one that may belong to a name (`PD-1`) or be no count (`one`)."""

    text: str
    value: float
    decimals: int
    percent: bool
    relation: str
    loose: bool

    @property
    def half_unit(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.decimals


@lru_cache(maxsize=16384)
def printed_numbers(text: str | None) -> tuple[PrintedNumber, ...]:
    """All numbers of a printed text, in order; number words come last."""
    if not text:
        return ()
    plain = text.replace("−", "-").replace("–", "-").replace("·", ".").replace("—", "-")
    found = []
    for match in _NUMBER.finditer(plain):
        before = plain[: match.start()]
        relation = _RELATION.search(before)
        digits = match["digits"].replace(",", "")
        found.append(
            PrintedNumber(
                text=(match["sign"] or "") + match["digits"],
                value=float((match["sign"] or "") + digits),
                decimals=len(digits.partition(".")[2]),
                percent=bool(match["percent"]),
                relation=relation[1] if relation else "",
                loose=bool(re.search(r"[A-Za-z][-_]?$", before)),
            )
        )
    for word in re.findall(r"[a-z]+(?:-[a-z]+)?", plain.lower()):
        if word in _WORDS:
            found.append(PrintedNumber(word, float(_WORDS[word]), 0, False, "", _WORDS[word] < 3))
    return tuple(found)


def find_printed(text: str | None, value: float | None, scales: tuple[float, ...] = (1.0,)) -> PrintedNumber | None:
    """The number of `text` that equals `value` on one of the scales (1 = as it is, 100 = fraction as percent)."""
    if value is None:
        return None
    for number in printed_numbers(text):
        if any(same_number(value * scale, number.value) for scale in scales):
            return number
    return None


def same_number(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


def decimals_of(text: str | None, value: float, scales: tuple[float, ...] = (1.0,)) -> int:
    """Decimals with which `value` is printed in `text`; those of the number itself where it is not found."""
    number = find_printed(text, value, scales)
    if number is not None:
        return number.decimals
    return len(f"{value * scales[-1]:.10g}".partition(".")[2])


def print_number(text: str | None, value: float, scales: tuple[float, ...] = (1.0,)) -> str:
    """`value` as the paper prints it, or with its own digits where `text` does not hold it."""
    number = find_printed(text, value, scales)
    return number.text if number is not None else f"{value * scales[-1]:.10g}"
