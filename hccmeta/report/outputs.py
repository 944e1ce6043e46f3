"""Where notebooks put results: tables as CSV, figures as SVG and PNG, answers as sentences.

The report runner names the folder; a notebook run by hand writes to `reports/interactive/`, so that exploring never
overwrites a published result.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from pathlib import Path

from ..errors import DataError, takes
from ..paths import reports_folder
from ..pooling.result import PooledResult, SubgroupResult

_NAME = re.compile(r"^[a-z0-9][a-z0-9_]{0,80}$")
RESULT_COLUMNS = ["label", "k", "display_estimate", "display_ci_low", "display_ci_high", "p_value", "tau2"]
SVG_STYLE = {"svg.hashsalt": "hccmeta", "svg.fonttype": "path", "font.family": "DejaVu Sans"}


def output_folder() -> Path:
    """Folder of the run: set by the report runner, `reports/interactive` otherwise."""
    return Path(os.environ.get("HCCMETA_REPORTS") or reports_folder() / "interactive")


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DataError(f"{name!r} cannot name an output: use lower-case letters, digits and underscores, at most 81.")
    return name


def _expect(right: bool, caller: str, what: str, given) -> None:
    if not right:
        raise DataError(f"{caller} takes {what}; it was given {type(given).__name__}.")


def _register(*files: Path) -> None:
    """Tell the report runner which files this notebook wrote."""
    ledger = os.environ.get("HCCMETA_OUTPUTS")
    if ledger:
        with open(ledger, "a", encoding="utf-8") as handle:
            handle.writelines(f"{file.relative_to(output_folder()).as_posix()}\n" for file in files)


def _write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    part.replace(file)
    return file


def _safe_cell(value):
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


@takes(results={"label": PooledResult})
def results_table(results):
    """Tidy table of pooled results: one row per result, from a dict label -> result.

    Parameters
    ----------
    results : dict
        Label -> PooledResult.

    Returns
    -------
    DataFrame
        label and the columns of `PooledResult.to_frame()`.
    """
    import pandas as pd

    frames = [result.to_frame().assign(label=str(label)) for label, result in results.items()]
    if not frames:
        return pd.DataFrame(columns=RESULT_COLUMNS)
    table = pd.concat(frames, ignore_index=True)
    return table[["label", *[column for column in table.columns if column != "label"]]]


@takes(rows=())
def source_rows(rows):
    """The rows behind a statistic with their place in a paper: key, counts or estimate, printed text, locator, source.

    Parameters
    ----------
    rows : DataFrame
        As a `select_*` function returns it.

    Returns
    -------
    DataFrame
    """
    wanted = ("study", "arm_id", "endpoint", "events", "n", "estimate", "ci_low", "ci_high", "criteria", "population",
              "printed", "how", "evidence_grade", "use", "locator", "source")  # fmt: skip
    key = [
        name for name in rows.columns if name.endswith("_id") and name.startswith(("response", "hr", "ae", "survival"))
    ]
    return rows[[*key, *[name for name in wanted if name in rows.columns]]]


def stacked(frames):
    """Tables of a list on top of each other, those without rows left out."""
    import pandas as pd

    tables = isinstance(frames, list) and all(hasattr(frame, "columns") for frame in frames)
    _expect(tables, "stacked", "a list of DataFrames as frames", frames)
    full = [frame for frame in frames if len(frame)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=frames[0].columns if frames else [])


@takes(df=())
def save_table(df, name: str):
    """Write a result table to `tables/<name>.csv` (12 significant digits) and return it for display.

    Parameters
    ----------
    df : DataFrame
    name : str
        Lower-case letters, digits and underscores.

    Returns
    -------
    DataFrame
        The same table.
    """
    file = output_folder() / "tables" / f"{_checked(name)}.csv"
    safe = df.apply(
        lambda column: column.map(_safe_cell) if column.dtype.kind in "OUS" or str(column.dtype) == "string" else column
    )
    text = safe.to_csv(index=False, float_format="%.12g", lineterminator="\n")
    _register(_write(file, text.encode("utf-8")))
    return df


def draw(plot, data, **options):
    """`plot(data, **options)`, or None where a selection left nothing to draw.

    Parameters
    ----------
    plot : callable
        A plot function, for example `plot_forest`.
    data : DataFrame, dict, PooledResult or SubgroupResult
    **options
        Passed to `plot`.

    Returns
    -------
    Axes or None
    """
    _expect(callable(plot), "draw", "a plot function first", plot)
    kinds = PooledResult, SubgroupResult, dict
    _expect(isinstance(data, kinds) or hasattr(data, "columns"), "draw", "a table, a dict or a pooled result", data)
    size = data.k if isinstance(data, PooledResult) else len(data.groups if isinstance(data, SubgroupResult) else data)
    return plot(data, **options) if size else None


def save_figure(ax, name: str, *, caption: str = "", key: bool = False):
    """Write the figure of `ax` to `figures/<name>.svg` and `.png` and return it for display with its caption.

    Parameters
    ----------
    ax : Axes, Figure or None
        None (nothing to draw in this selection) writes no file and says so.
    name : str
        Lower-case letters, digits and underscores.
    caption : str
        What the figure shows; also its alternative text.
    key : bool
        Show the figure on the front page of the report.

    Returns
    -------
    IPython.display.HTML
    """
    import io

    import matplotlib
    from IPython.display import HTML

    if ax is None:
        return HTML("<p><i>Nothing to draw in this selection.</i></p>")
    figure = getattr(ax, "figure", ax)
    _expect(hasattr(figure, "savefig"), "save_figure", "Axes, a Figure or None", ax)
    folder = output_folder() / "figures"
    svg, png = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(SVG_STYLE):
        figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=160, bbox_inches="tight", metadata={"Software": None})
    about = json.dumps({"caption": caption, "key": key}, ensure_ascii=False, indent=1) + "\n"
    _register(
        _write(folder / f"{_checked(name)}.svg", svg.getvalue()),
        _write(folder / f"{name}.png", png.getvalue()),
        _write(folder / f"{name}.json", about.encode("utf-8")),
    )
    width = round(figure.get_size_inches()[0] * 100)
    source = base64.b64encode(svg.getvalue()).decode("ascii")
    text = html.escape(caption or name.replace("_", " "))
    return HTML(
        f'<figure><img src="data:image/svg+xml;base64,{source}" alt="{text}" style="max-width:100%;width:{width}px">'
        f"<figcaption>{text}</figcaption></figure>"
    )


@takes(question=str, answer=str)
def save_answer(name: str, question: str, answer: str, *, headline: bool = False, shows: tuple = ()):
    """Record the answer of a question for the report's front page and display it.

    Parameters
    ----------
    name : str
        Name of the answer, unique in the report.
    question, answer : str
        The question, and the computed sentence that answers it.
    headline : bool
        Also shown in the README.
    shows : tuple of str
        Names of the figures and tables of the same notebook that stand below the answer on the front page.

    Returns
    -------
    IPython.display.HTML
    """
    from IPython.display import HTML

    record = {"question": question, "answer": answer, "headline": headline}
    if shows:
        record["shows"] = [_checked(one) for one in shows]
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    _register(_write(output_folder() / "tables" / f"{_checked(name)}.answer.json", text.encode("utf-8")))
    return HTML(f'<p class="answer" style="font-size:115%"><b>{html.escape(answer)}</b></p>')


@takes(answers={"name": tuple})
def save_answers(prefix: str, answers: dict):
    """Record several answers at once: name -> (question, answer), written as `prefix_name`."""
    from IPython.display import HTML

    shown = [save_answer(f"{prefix}_{name}", question, answer).data for name, (question, answer) in answers.items()]
    return HTML("\n".join(shown))
