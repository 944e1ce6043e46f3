"""The front page of the report: questions, computed answers, key figures, links."""

from __future__ import annotations

import csv
import html
import json
import struct
from pathlib import Path

from ..paths import project_root

STYLE = """
:root { --ink: #1c2733; --soft: #55636f; --line: #d8dee4; --accent: #0b5c8a; --paper: #ffffff; --tint: #f3f6f9; }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.55 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper); }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 0 1.4rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; margin: 0 0 .3rem; }
.warning { background: #fff4e0; border-left: 4px solid #d98200; padding: .6rem .9rem; margin: 1rem 0; }
.short { border-top: 1px solid var(--line); margin-top: 1.2rem; padding-top: 1rem; }
.short li { margin: 0 0 .7rem; }
nav { background: var(--tint); padding: .8rem 1rem; margin: 1.2rem 0; columns: 2; column-gap: 2rem; font-size: .92rem; }
nav div { break-inside: avoid; margin: 0 0 .6rem; }
nav a { display: block; }
nav a + a { margin-left: 1rem; }
section { border-top: 1px solid var(--line); padding: 1.6rem 0 1rem; }
.question { color: var(--soft); margin: 0 0 .2rem; }
.answer { font-size: 1.08rem; margin: 0 0 1rem; padding-left: .9rem; border-left: 4px solid var(--accent); }
figure { margin: 1.2rem 0; }
figure img { width: 100%; height: auto; border: 1px solid var(--line); background: #fff; }
figcaption, .links, footer { color: var(--soft); font-size: .92rem; }
.table { overflow-x: auto; margin: 1rem 0; /* a shadow where the table goes on beyond its box */
  background: linear-gradient(90deg, #fff 40%, #fff0) 0 0 / 3rem 100% no-repeat local,
    linear-gradient(270deg, #fff 40%, #fff0) 100% 0 / 3rem 100% no-repeat local,
    linear-gradient(90deg, #1c273340, #1c273300) 0 0 / 1rem 100% no-repeat,
    linear-gradient(270deg, #1c273340, #1c273300) 100% 0 / 1rem 100% no-repeat; }
summary { color: var(--accent); cursor: pointer; margin: 0 0 .8rem; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .25rem .45rem; border-bottom: 1px solid var(--line); }
th, td { text-align: left; vertical-align: top; }
td.long { min-width: 18rem; }
a { color: var(--accent); }
@media (max-width: 44rem) { nav { columns: 1; } }
"""
FILE_ONLY = ("arm_id", "source", "locator", "note")
TALL = 1.6  # a figure so many times as high as wide waits folded
LONG = 15  # as does a table of more rows
SENTENCE = 80  # a cell of more letters keeps a readable width


def _heading(notebook: Path) -> str:
    """First line of a notebook's first cell."""
    first = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).strip().splitlines()[0].lstrip("# ").strip()


def _outputs(reports: Path, stem: str) -> list[str]:
    stamp = json.loads((reports / ".stamps" / f"{stem}.json").read_text(encoding="utf-8"))
    return list(stamp["outputs"])


def _answers(reports: Path, files: list[str]) -> list[tuple[str, dict]]:
    """Answers of a notebook with the anchors at which they stand."""
    names = [file for file in files if file.endswith(".answer.json")]
    return [
        (Path(name).name.removesuffix(".answer.json") + "_answer", json.loads((reports / name).read_text("utf-8")))
        for name in names
    ]


def _body(reports: Path, files: list[str]) -> str:
    """Every answer with the figures and tables it shows, then the other key figures of the notebook."""
    shown, parts = set(), []
    for anchor, record in _answers(reports, files):
        parts.append(
            f'<p class="question" id="{anchor}">{html.escape(record["question"])}</p>\n'
            f'<p class="answer">{html.escape(record["answer"])}</p>'
        )
        for name in record.get("shows", []):
            if f"figures/{name}.json" in files:
                parts.append(_figure(reports, name))
            elif f"tables/{name}.csv" in files:
                parts.append(_table(reports, name))
            shown.add(name)
    for file in files:
        name = Path(file).stem
        if file == f"figures/{name}.json" and name not in shown:
            about = json.loads((reports / file).read_text(encoding="utf-8"))
            parts += [_figure(reports, name)] if about["key"] else []
    return "\n".join(parts)


def _figure(reports: Path, name: str) -> str:
    caption = html.escape(json.loads((reports / f"figures/{name}.json").read_text(encoding="utf-8"))["caption"])
    figure = (
        f'<figure><img src="figures/{name}.svg" alt="{caption}"><figcaption>{caption} '
        f'<a href="figures/{name}.svg">SVG</a> <a href="figures/{name}.png">PNG</a></figcaption></figure>'
    )
    width, height = struct.unpack(">II", (reports / "figures" / f"{name}.png").read_bytes()[16:24])
    return _folded(f"Figure: {caption}", figure) if height > TALL * width else figure


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>{body}</details>"


def _table(reports: Path, name: str) -> str:
    """A written table as HTML with numbers of three significant digits; the file behind the link holds everything."""
    with open(reports / "tables" / f"{name}.csv", newline="", encoding="utf-8") as handle:
        head, *rows = csv.reader(handle)
    shown = [place for place, one in enumerate(head) if one not in FILE_ONLY]
    head, rows = [head[place] for place in shown], [[row[place] for place in shown] for row in rows]
    cells = "".join(f"<th>{html.escape(one.replace('_', ' '))}</th>" for one in head)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    link = f'<p class="links"><a href="tables/{name}.csv">The table with its sources (CSV)</a></p>'
    table = f'<div class="table"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>{link}'
    return _folded(f"Table of {len(rows)} rows", table) if len(rows) > LONG else table


def _cell(text: str) -> str:
    long = ' class="long"' if len(text) > SENTENCE else ""
    return f"<td{long}>{html.escape(_short(text))}</td>"


def _short(cell: str) -> str:
    """Numbers with three significant digits; words joined by `_` apart, so that they wrap."""
    try:
        return f"{float(cell):.3g}" if len(cell.partition(".")[2]) > 2 else cell.replace("_", " ")
    except ValueError:
        return cell.replace("_", " ")


def _links(stem: str, files: list[str]) -> str:
    tables = [file for file in files if file.endswith(".csv")]
    links = [f'<a href="notebooks/{stem}.html">the whole notebook</a>']
    links += [f'<a href="{file}">{html.escape(Path(file).stem.replace("_", " "))}</a>' for file in tables]
    return f'<p class="links">More: {" · ".join(links)}</p>'


def write_index(reports: Path, notebooks: list[Path], selection: Path | None) -> None:
    """Write `index.html` from the stamps, answers and figures of the executed notebooks."""
    sections, menu, short = [], [], []
    for notebook in notebooks:
        heading = _heading(notebook)
        files = _outputs(reports, notebook.stem)
        answers = _answers(reports, files)
        questions = [f'<a href="#{anchor}">{html.escape(record["question"])}</a>' for anchor, record in answers]
        menu.append(f'<div><a href="#{notebook.stem}"><b>{html.escape(heading)}</b></a>{"".join(questions)}</div>')
        short += [
            f'<li>{html.escape(record["answer"])} <a href="#{anchor}">more</a></li>'
            for anchor, record in answers if record.get("headline")
        ]  # fmt: skip
        sections.append(
            f'<section id="{notebook.stem}"><h2>{html.escape(heading)}</h2>\n'
            f"{_body(reports, files)}\n{_links(notebook.stem, files)}</section>"
        )
    of_selection = (
        f"<p>Only the selection <b>{html.escape(selection.stem)}</b> of the evidence.</p>" if selection else ""
    )
    explorer = (
        '<p><a href="explorer.html">Choose a subgroup yourself</a> (works offline, in this browser).</p>'
        if (reports / "explorer.html").is_file()
        else ""
    )
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Radiotherapy plus immune checkpoint inhibitors in hepatocellular carcinoma</title><style>{STYLE}</style></head>
<body><header><h1>Radiotherapy plus immune checkpoint inhibitors in hepatocellular carcinoma</h1>
<p>A curated evidence synthesis, computed from the tables in <code>data/extracted/</code>.
No systematic search was run; what is not in the tables is not here.</p>{of_selection}
<p class="warning"><b>Not for clinical decisions.</b> Small, mostly uncontrolled studies; a single-arm estimate
is no comparison of treatments.</p>
<div class="short"><h2>In short</h2><ul>{"".join(short)}</ul></div>{explorer}
<nav aria-label="Contents">{"".join(menu)}</nav></header>
<main>{"".join(sections)}</main>
<footer><p>Every number on this page was computed by the linked notebook; every row of the tables names its place in a
paper.</p>
</footer></body></html>
"""
    part = reports / "index.html.part"
    part.write_text(page, encoding="utf-8")
    part.replace(reports / "index.html")


def update_readme_answer(reports: Path) -> None:
    """Put the headline answers of the report between the markers of README.md."""
    readme = project_root() / "README.md"
    start, end = "<!-- answer:begin -->", "<!-- answer:end -->"
    text = readme.read_text(encoding="utf-8")
    if start not in text or end not in text:
        return
    lines = []
    for file in sorted((reports / "tables").glob("*.answer.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        if record.get("headline"):
            lines.append(f"- {record['answer']}")
    before, rest = text.split(start, 1)
    after = rest.split(end, 1)[1]
    updated = before + start + "\n" + "\n".join(lines) + "\n" + end + after
    if updated != text:
        readme.write_text(updated, encoding="utf-8")
