"""How many transcription errors do the checks notice? Errors injected one at a time into copies of the tables.

    python -m benchmarks.transcription_errors --errors 210 --seed 1

An error is caught where `check_tables` lists a problem or `audit_numbers` has an error or warning that the clean tables
do not have. Prints Markdown: a row per kind, and below it what was missed.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from dataclasses import dataclass

from hccmeta.evidence.audit import audit_numbers
from hccmeta.evidence.load import Tables, _frame, check_records
from hccmeta.evidence.read import read_cells
from hccmeta.evidence.schema import read_schema
from hccmeta.paths import data_folder

NUMBERS = {
    "responses": ("events", "n", "printed_pct", "ci_low", "ci_high"),
    "survival": ("value", "time_months", "ci_low", "ci_high"),
    "hazard_ratios": ("hr", "ci_low", "ci_high", "p_value", "n"),
    "adverse_events": ("events", "n", "printed_pct"),
    "characteristics": ("events", "n", "printed_pct", "value", "value_low", "value_high"),
    "prognostic_factors": ("median_1", "median_2", "p_value", "hr"),
    "comparisons": ("value", "events_1", "n_1"),
    "designs": ("p0", "p1", "n_evaluable", "power", "alpha"),
    "arms": ("n", "rt_dose_low", "fractions_low", "rt_bed10"),
}
KEYS = {"responses": "response_id", "survival": "survival_id", "adverse_events": "ae_id"}
CRITERIA_IN_KEYS = {"RECIST1.1": "r11", "mRECIST": "mr", "pathologic": "path", "not_stated": "x"}
TIMES = {"median", "quartile", "landmark", "follow_up_median", "follow_up_min", "follow_up_max", "event_time", "rmst"}
DAYS = 30.44


@dataclass(frozen=True)
class Error:
    kind: str
    table: str
    index: int
    row: dict  # the row with the error


class Evidence:
    """Clean records, and what the checks say of a copy with one row exchanged."""

    def __init__(self, folder):
        self.schemas = read_schema(folder)
        self.records = {
            name: [texts for _, texts in read_cells(folder / f"{name}.csv", schema)[0]]
            for name, schema in self.schemas.items()
        }
        problems, self.known = self.findings(None)
        if problems:
            raise SystemExit("The clean tables have problems: run `python -m hccmeta check` first.")

    def findings(self, error: Error | None) -> tuple[bool, set]:
        """Whether the check lists a problem, and the doubts of the audit (none asked for where it does)."""
        records = dict(self.records)
        if error is not None:
            rows = records[error.table]
            records[error.table] = [*rows[: error.index], error.row, *rows[error.index + 1 :]]
        lines = {name: list(enumerate(rows, 2)) for name, rows in records.items()}
        data, problems = check_records(self.schemas, lines)
        if problems:
            return True, set()
        found = audit_numbers(Tables({n: _frame(self.schemas[n], rows) for n, rows in data.items()}, self.schemas))
        doubts = found[found["severity"] != "info"]
        return False, set(map(tuple, doubts[["table", "key", "rule", "printed", "implied"]].astype(str).to_numpy()))

    def caught(self, error: Error) -> bool:
        problem, doubts = self.findings(error)
        return problem or bool(doubts - self.known)


def digit(evidence, rng) -> Error | None:
    """Two neighbouring digits exchanged, or one digit wrong."""
    table, index, row = _draw(evidence, rng, NUMBERS)
    column = rng.choice(NUMBERS[table])
    text = row[column]
    places = [i for i, char in enumerate(text) if char.isdigit()]
    if not places:
        return None
    pairs = [(a, b) for a, b in zip(places, places[1:], strict=False) if text[a] != text[b]]
    chars = list(text)
    if pairs and rng.random() < 0.6:
        a, b = rng.choice(pairs)
        chars[a], chars[b] = chars[b], chars[a]
    else:
        place = rng.choice(places)
        chars[place] = rng.choice([char for char in "0123456789" if char != text[place]])
    new = "".join(chars)
    return None if float(new) == float(text) else Error("digit swap", table, index, row | {column: new})


def shift(evidence, rng) -> Error | None:
    """A number in the neighbouring column, and what stood there in its place."""
    tables = ("responses", "survival", "hazard_ratios", "adverse_events", "characteristics")
    table, index, row = _draw(evidence, rng, tables)
    columns = list(row)
    column = rng.choice(NUMBERS[table])
    beside = columns.index(column) + rng.choice((-1, 1))
    other = columns[beside] if 0 <= beside < len(columns) else column
    if not row[column] or row[column] == row[other]:
        return None
    return Error("shifted column", table, index, row | {column: row[other], other: row[column]})


def percent(evidence, rng) -> Error | None:
    """Count and percentage exchanged, or the rounded percentage entered as the count."""
    table, index, row = _draw(evidence, rng, ("responses", "adverse_events", "characteristics"))
    count, share = row["events"], row["printed_pct"]
    if not count or not share or float(count) == float(share):
        return None
    new = {"events": share, "printed_pct": count} if rng.random() < 0.5 else {"events": str(round(float(share)))}
    return None if new["events"] == count else Error("events or percent", table, index, row | new)


def ends(evidence, rng) -> Error | None:
    """The two ends of an interval exchanged."""
    table, index, row = _draw(evidence, rng, ("responses", "survival", "hazard_ratios"))
    low, high = row["ci_low"], row["ci_high"]
    if not low or not high or low == high:
        return None
    return Error("interval ends", table, index, row | {"ci_low": high, "ci_high": low})


def arm(evidence, rng) -> Error | None:
    """The arm of another row; in half of the cases the key of the row follows the wrong arm."""
    table, index, row = _draw(evidence, rng, ("responses", "survival", "adverse_events", "characteristics"))
    study = {entry["arm_id"]: entry["study_id"] for entry in evidence.records["arms"]}
    same = [name for name in study if study[name] == study[row["arm_id"]] and name != row["arm_id"]]
    others = same if same and rng.random() < 0.5 else [name for name in study if name != row["arm_id"]]
    new = {"arm_id": rng.choice(others)}
    key = KEYS.get(table)
    if key and rng.random() < 0.5:
        new[key] = new["arm_id"] + row[key].removeprefix(row["arm_id"])
    return Error("wrong arm", table, index, row | new)


def unit(evidence, rng) -> Error | None:
    """Days instead of months, or the reverse."""
    table, index, row = _draw(evidence, rng, ("survival",))
    column = "time_months" if row["statistic"] in ("landmark", "rmst") else "value"
    if row["statistic"] not in TIMES or not row[column]:
        return None
    days = rng.random() < 0.7
    new = f"{float(row[column]) * DAYS:.4g}" if days else f"{float(row[column]) / DAYS:.3g}"
    return Error("months or days", table, index, row | {column: new})


def criteria(evidence, rng) -> Error | None:
    """Other response criteria; in half of the cases the key of the row follows them."""
    table, index, row = _draw(evidence, rng, ("responses",))
    wrong = rng.choice([name for name in CRITERIA_IN_KEYS if name != row["criteria"]])
    parts = row["response_id"].split("_")
    word = CRITERIA_IN_KEYS.get(row["criteria"])
    new = {"criteria": wrong}
    if word in parts and rng.random() < 0.5:
        new["response_id"] = "_".join(CRITERIA_IN_KEYS[wrong] if part == word else part for part in parts)
    return Error("criteria mix-up", table, index, row | new)


KINDS = (digit, shift, percent, ends, arm, unit, criteria)


def _draw(evidence: Evidence, rng, tables) -> tuple[str, int, dict]:
    table = rng.choice([name for name in tables if evidence.records[name]])
    index = rng.randrange(len(evidence.records[table]))
    return table, index, evidence.records[table][index]


def inject(evidence: Evidence, kind, rng) -> Error:
    """A random error of one kind; rows where that error cannot be made are passed over."""
    while True:
        error = kind(evidence, rng)
        if error is not None:
            return error


def describe(evidence: Evidence, error: Error) -> str:
    clean = evidence.records[error.table][error.index]
    changed = [f"{name} {clean[name] or '(empty)'} -> {error.row[name] or '(empty)'}" for name in clean
               if clean[name] != error.row[name]]  # fmt: skip
    key = clean.get(evidence.schemas[error.table].primary_key[0])
    return f"- {error.kind}: {error.table}, {key}: {'; '.join(changed)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--errors", type=int, default=210)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    evidence, rng = Evidence(data_folder()), random.Random(options.seed)
    results, missed = defaultdict(list), []
    for number in range(options.errors):
        error = inject(evidence, KINDS[number % len(KINDS)], rng)
        results[error.kind].append(evidence.caught(error))
        if not results[error.kind][-1]:
            missed.append(describe(evidence, error))
    every = [caught for found in results.values() for caught in found]
    print(f"{len(every)} errors, seed {options.seed}, {sum(map(len, evidence.records.values()))} clean rows\n")
    print("| kind of error | injected | caught | share |\n|---|---|---|---|")
    for kind, found in [*results.items(), ("all", every)]:
        print(f"| {kind} | {len(found)} | {sum(found)} | {sum(found) / len(found):.0%} |")
    print("\nMissed:\n\n" + "\n".join(missed) if missed else "\nNone was missed.")


if __name__ == "__main__":
    main()
