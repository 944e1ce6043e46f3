"""From the text of a cell to its value: types, closed lists, patterns and ranges of the schema."""

from __future__ import annotations

import math
import re
from difflib import get_close_matches

from hccmeta.evidence.problems import problem
from hccmeta.evidence.schema import Field, TableSchema

MISSING_WORDS = {"na", "n/a", "n.a.", "#n/a", "nan", "null", "nr", "n.r.", "-", "--", "–", "—", "?", ".", "missing"}
INTEGER = re.compile(r"-?[0-9]+")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# A spreadsheet would run these as a formula; a signed number with or without words after it is none.
FORMULA = re.compile(r"[=@]|[+-](?!\d+(\.\d+)?%?($|[ ,;:(–-][^|!=@]*$)).")
LARGEST = 1e12

Message = tuple[str, str]  # rule, fix


class Row(dict):
    """Values of one row by column, and its line in the file; a column the schema lacks is missing."""

    def __init__(self, line_number: int, values=()):
        super().__init__(values)
        self.line_number = line_number

    def __missing__(self, name: str) -> None:
        return None


def parse_records(schema: TableSchema, records: list) -> tuple[list[Row], list[dict]]:
    """Typed rows (value or None per column) and the problems of their cells."""
    parsers = [(field, {}) for field in schema.fields]
    rows, problems = [], []
    for line, cells in records:
        row = Row(line)
        for field, known in parsers:
            text = cells.get(field.name, "")
            if text not in known:
                known[text] = parse_cell(field, text)
            value, messages = known[text]
            row[field.name] = value
            if messages and (text or field.name in cells):
                problems += [problem(schema.name, line, field.name, text, rule, fix) for rule, fix in messages]
        rows.append(row)
    return rows, problems


def parse_cell(field: Field, text: str) -> tuple[object, list[Message]]:
    """Value of one cell (None where missing or wrong) and what is wrong with it."""
    if text == "":
        return None, [("cell is required", f"Enter it: {field.description}")] if field.required else []
    message = _bad_text(field, text) or _bad_type(field, text)
    if message:
        return None, [message]
    value = _convert(field, text)
    messages = [message for message in (_outside(field, value), _unknown(field, value)) if message]
    return (None if messages else value), messages


def _convert(field: Field, text: str):
    return {"integer": int, "number": float}.get(field.type, str)(text)


def _bad_text(field: Field, text: str) -> Message | None:
    if not text.isprintable():
        return "text is one line without control characters", "Retype the cell; keep it on one line."
    if text != text.strip():
        return "no blanks before or after", f"Write {text.strip()!r}." if text.strip() else "Leave the cell empty."
    if text.lower() in MISSING_WORDS and "printed" not in field.name and text not in field.enum:
        return "a missing value is an empty cell", "Leave the cell empty."
    if field.type == "string" and not field.enum and FORMULA.match(text):
        return "text is no spreadsheet formula", "Reword it so that it does not begin with = + - or @."
    return None


def _bad_type(field: Field, text: str) -> Message | None:
    if field.type not in {"integer", "number"}:
        return None
    rule = "whole number" if field.type == "integer" else "number with a decimal point"
    if not (INTEGER if field.type == "integer" else NUMBER).fullmatch(text):
        return rule, _number_advice(field, text)
    if not math.isfinite(float(text)) or abs(float(text)) > LARGEST:
        return f"number is finite and at most {LARGEST:.0e}", "Check the digits."
    return None


def _number_advice(field: Field, text: str) -> str:
    if text.lower().lstrip("+-") in {"inf", "infinity"}:
        return "Leave the cell empty and say so in note; a median has its status."
    if re.fullmatch(r"-?[1-9]\d{0,2}([, ]\d{3})+(\.\d+)?", text):
        return f"Write {re.sub('[, ]', '', text)} if it separates thousands; a decimal comma is written as a point."
    if re.fullmatch(r"-?\d+,\d+", text):
        return f"Write the decimal point: {text.replace(',', '.')}."
    if text.endswith("%"):
        unit = "as a fraction between 0 and 1" if field.unit == "fraction" else "without the sign"
        return f"Write the percentage {unit}."
    if text[0] in "<>=≤≥":
        return "Write the number alone; its sign belongs to the column for the relation, the text to `printed`."
    if field.type == "integer" and NUMBER.fullmatch(text):
        return "Write a count without decimals; check that the cell is not a percentage."
    return f"Enter digits only, or leave the cell empty: {field.description}"


def _outside(field: Field, value) -> Message | None:
    low, high = field.minimum, field.maximum
    if isinstance(value, str) or not ((low is not None and value < low) or (high is not None and value > high)):
        return None
    limits = (("at least", low), ("at most", high))
    rule = " and ".join(f"{words} {limit:g}" for words, limit in limits if limit is not None)
    if high is not None and high <= 1 < value <= 100:
        return rule, f"Write the fraction, not the percentage: {value / 100:.6g}."
    return rule, f"Check the cell: {field.description}"


def _unknown(field: Field, value) -> Message | None:
    if field.enum and value not in field.enum:
        near = get_close_matches(str(value), [str(choice) for choice in field.enum], n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        return "value is in the list of the schema", hint + "Choose one of: " + ", ".join(map(str, field.enum)) + "."
    if field.pattern and not re.search(field.pattern, str(value)):
        return f"value has the form {field.pattern}", f"Correct it: {field.description}"
    return None
