"""Rules over several columns: each a named generator with one line that says what must hold."""

from __future__ import annotations

from hccmeta.evidence import rules_counts, rules_keys, rules_printed, rules_survival, rules_treatment
from hccmeta.evidence.problems import problem

_MODULES = (rules_keys, rules_counts, rules_survival, rules_treatment, rules_printed)


def check_rules(data: dict[str, list[dict]]) -> list[dict]:
    """Problems of all rules; `data` holds typed rows per table, absent tables count as empty."""
    rows = _Rows(data)
    problems = []
    for module in _MODULES:
        for rule in module.STRUCTURE:
            problems += [_problem(rule, *finding) for finding in rule(rows)]
        for rule in module.ARITHMETIC:
            problems += [_problem(rule, *finding) for finding in rule(rows) if not _confirmed(finding[1])]
    return problems


class _Rows(dict):
    """Typed rows per table; a table that could not be read has none."""

    def __missing__(self, name: str) -> list:
        return []


def _confirmed(rows: list[dict]) -> bool:
    return any(row.get("print_confirmed") == "yes" for row in rows)


def _problem(rule, table: str, rows: list[dict], column: str, fix: str) -> dict:
    text = f"{rule.__name__}: {rule.__doc__.splitlines()[0].rstrip('.')}"
    return problem(table, rows[0].line_number, column, rows[0].get(column), text, fix)
