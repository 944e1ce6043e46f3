"""One problem of a table: where it is, what was entered, which rule it breaks, what to do."""

from __future__ import annotations

COLUMNS = ("table", "row", "column", "value", "rule", "fix")
_SHOWN_IN_MESSAGE = 500


def problem(table: str, row: int | None, column: str, value, rule: str, fix: str) -> dict:
    """Dict with the columns of `check_tables`; `row` is the line in the file (header = 1) or None."""
    return dict(zip(COLUMNS, (table, row, column, shown(value), rule, fix), strict=True))


def shown(value) -> str:
    """Cell content that is safe to print: control characters escaped, at most 80 characters."""
    text = "" if value is None else str(value)
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def describe(problems: list[dict]) -> str:
    """All problems as readable lines, one per problem, after a line that counts them."""
    tables = sorted({entry["table"] for entry in problems})
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"{count} in {', '.join(tables)}:"]
    for entry in problems[:_SHOWN_IN_MESSAGE]:
        place = f"{entry['table']}.csv"
        if entry["row"] is not None:
            place += f", line {entry['row']}"
        if entry["column"]:
            place += f", column {entry['column']}"
        value = f" = {entry['value']!r}" if entry["value"] else ""
        lines.append(f"  {place}{value}: {entry['rule']}. {entry['fix']}")
    if len(problems) > _SHOWN_IN_MESSAGE:
        lines.append(f"  ... and {len(problems) - _SHOWN_IN_MESSAGE} more; `python -m hccmeta check` lists all.")
    return "\n".join(lines)


def problem_frame(problems: list[dict]):
    """DataFrame table, row, column, value, rule, fix."""
    import pandas as pd

    frame = pd.DataFrame(problems, columns=list(COLUMNS))
    types = {name: "string" for name in COLUMNS} | {"row": "Int64"}
    return frame.astype(types)
