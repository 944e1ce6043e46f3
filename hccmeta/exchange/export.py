"""Every headline analysis as files for R (metafor, meta), RevMan and reference managers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from ..paths import project_root, reports_folder
from ..report.outputs import _safe_cell, _write
from .analyses import headline_results
from .changes import pooled_numbers
from .git_files import files_now
from .references import bibtex, ris
from .shown import same, shown_of

_PROPORTION = {"events": "xi", "n": "ni"}
_TWO_ARMS = {"events_1": "ai", "n_1": "n1i", "events_2": "ci", "n_2": "n2i"}
_RATIO = {"estimate": "ratio", "ci_low": "ratio_low", "ci_high": "ratio_high", "ci_level": "ratio_level"}
_INPUTS = {"PLO": _PROPORTION, "PRAW": _PROPORTION, "HR": _RATIO, "OR": _TWO_ARMS, "RR": _TWO_ARMS, "RD": _TWO_ARMS}
_PLAIN = (
    "study_id", "arm_id", "response_id", "ae_id", "hr_id", "year", "criteria", "population", "endpoint",
    "evidence_grade", "how", "source", "locator",
)  # fmt: skip
_OURS = (
    "measure", "model", "tau2_method", "ci_method", "level", "k", "estimate", "ci_low", "ci_high", "tau2",
)  # fmt: skip
_REVMAN = (
    "Analysis group", "Analysis number", "Analysis name", "Study", "Study year", "Experimental cases",
    "Experimental N", "Control cases", "Control N", "GIV Mean", "GIV SE", "Footnotes",
)  # fmt: skip
_GROUPS = ("response", "perioperative", "comparison", "safety", "survival", "set")
_README = """Headline analyses of the workbook, for recomputation elsewhere.

analyses.csv       one row per analysis: model, and our estimate and interval on the model scale and as displayed
analyses/NAME.csv  the studies of one analysis: study, counts (xi/ni, or ai/n1i/ci/n2i), yi, vi, where each was read
recompute.R        Rscript recompute.R: recomputes every row of analyses.csv with metafor (and meta where it is
                   installed), prints the agreement, and fails where a number differs
revman.csv         the same studies in the column names of RevMan's data rows; single arms and ratios as generic
                   inverse variance on the model scale (logit, log, log(-log))
studies.ris, studies.bib   references of all studies

Text that a spreadsheet could run as a formula begins with an apostrophe. No estimate here is of a randomised
comparison unless the study says so; single-arm pools never stand for a comparison of treatments.
"""


def export(tables, folder: Path | str | None = None) -> str:
    """Write the export and say what was written.

    Parameters
    ----------
    tables : Tables
    folder : path, optional
        Default `reports/export` of the project.

    Returns
    -------
    str
        Files written, and the pooled results of reports/tables that are not among them.
    """
    folder = Path(folder) if folder is not None else reports_folder() / "export"
    results = headline_results(tables)
    for old in sorted((folder / "analyses").glob("*.csv")):
        if old.stem not in results:
            old.unlink()
    for name, (_, result) in results.items():
        _write(folder / "analyses" / f"{name}.csv", analysis_csv(result).encode())
    _write(folder / "analyses.csv", index_csv(results).encode())
    _write(folder / "revman.csv", revman_csv(results).encode())
    _write(folder / "studies.ris", ris(tables.studies).encode())
    _write(folder / "studies.bib", bibtex(tables.studies).encode())
    _write(folder / "recompute.R", (Path(__file__).parent / "recompute.R").read_bytes())
    _write(folder / "README.txt", _README.encode())
    text = f"{len(results)} analyses and {len(tables.studies)} references are in {folder}."
    return f"{text}\n{coverage(results, files_now(project_root(), 'reports/tables', '.csv'))}".strip()


def analysis_csv(result) -> str:
    """The studies of one result as metafor takes them: counts or ratio with interval, yi, vi, and the source."""
    studies = result.studies[result.studies["included"].astype(bool)]
    columns = {"study": studies["label"]}
    columns |= {short: studies[name] for name, short in _INPUTS.get(result.measure, {}).items() if name in studies}
    columns |= {"yi": studies["yi"], "vi": studies["vi"]}
    columns |= {name: studies[name] for name in _PLAIN if name in studies}
    if "experimental_arm" in studies:
        columns |= {name: studies[name] for name in ("experimental_arm", "control_arm")}
    return _csv(list(columns), zip(*columns.values(), strict=True))


def index_csv(results: dict) -> str:
    """One row per analysis with our numbers on the model scale and as displayed."""
    shown = ("estimate", "ci_low", "ci_high")
    header = ["analysis", "label", "scale", *_OURS, *(f"display_{name}" for name in shown)]
    rows = [
        [name, label, scale_of(name, result), *(getattr(result, field) for field in _OURS),
         *(getattr(result.display, field) for field in shown)]
        for name, (label, result) in results.items()
    ]  # fmt: skip
    return _csv(header, rows)


def scale_of(name: str, result) -> str:
    """Scale of the model: how the estimate is to be read back."""
    if name.startswith("survival_"):
        return "log(-log)"
    return {"PLO": "logit", "PRAW": "raw", "RD": "difference", "OR": "log", "RR": "log", "HR": "log"}[result.measure]


def revman_csv(results: dict) -> str:
    """Studies of every analysis as RevMan data rows: counts of two arms, or generic inverse variance."""
    rows = []
    for number, (name, (label, result)) in enumerate(results.items(), 1):
        studies = result.studies[result.studies["included"].astype(bool)]
        for row in studies.to_dict("records"):
            two_arms = [row.get(column) for column in ("events_1", "n_1", "events_2", "n_2")]
            counted = "events_1" in studies
            single = f"{row['events']} of {row['n']}" if "xi" in _INPUTS.get(result.measure, {}).values() else ""
            generic = [None, None] if counted else [row["yi"], np.sqrt(row["vi"])]
            rows.append(
                [_GROUPS.index(name.split("_")[0]) + 1, number, label, row["label"], row.get("year"), *two_arms,
                 *generic, single]
            )  # fmt: skip
    return _csv(_REVMAN, rows)


def coverage(results: dict, tables: dict[str, str]) -> str:
    """How many pooled results of reports/tables are among the exported analyses, and which are not."""
    known = [shown_of(result) for _, result in results.values()]
    pooled = [
        (f"{Path(name).stem}, {label}", numbers)
        for name, text in tables.items()
        for label, numbers in pooled_numbers(text).items()
        if float(numbers.k) > 0 and numbers.estimate == numbers.estimate
    ]
    absent = [place for place, numbers in pooled if not any(same(numbers, one) for one in known)]
    if not pooled:
        return ""
    text = f"{len(pooled) - len(absent)} of {len(pooled)} pooled results in reports/tables are among the analyses."
    return text + (f" Not among them (or older than the rows): {'; '.join(absent)}." if absent else "")


def _csv(header, rows) -> str:
    handle = io.StringIO(newline="")
    writer = csv.writer(handle, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return handle.getvalue()


def _cell(value) -> str:
    """A cell as text: 15 significant digits, empty where missing, harmless in a spreadsheet."""
    import pandas as pd

    if value is None or value is pd.NA:
        return ""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.15g}"
    return _safe_cell(value) if isinstance(value, str) else str(value)
