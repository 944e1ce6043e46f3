"""Run one notebook in this process: check its parameters, execute, normalise, write the page."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

from ..errors import HccmetaError, MethodError
from ..paths import project_root
from .stamps import all_inputs, write_stamp

KERNEL_FILE = re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py")
QUIET_KERNEL = ["--IPKernelApp.log_level=40"]


class NotebookFailed(HccmetaError, RuntimeError):
    """A notebook stopped with an error; its page with the traceback is kept."""


def check_parameters(notebook: Path, parameters: dict) -> None:
    """Raise MethodError when a parameter is not declared in the notebook's parameters cell."""
    import papermill

    known = papermill.inspect_notebook(str(notebook))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        listed = ", ".join(known) or "none"
        raise MethodError(f"{notebook.name} has no parameter {', '.join(unknown)}. Its parameters: {listed}.")


def normalise(nb) -> None:
    """Remove what differs between two equal runs: times, random ids, widget state, addresses, places on the disk."""
    root = f"{project_root()}{os.sep}"
    nb.metadata.pop("papermill", None)
    nb.metadata.pop("widgets", None)
    nb.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{number:02d}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs = [
            out for out in cell.outputs if "application/vnd.jupyter.widget-view+json" not in out.get("data", {})
        ]
        for out in cell.outputs:
            if "text" in out:
                out["text"] = KERNEL_FILE.sub("cell.py", out["text"]).replace(root, "")
            plain = out.get("data", {}).get("text/plain")
            if plain:
                out["data"]["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", plain)


def write_page(nb, page: Path, title: str) -> None:
    """The executed notebook as one HTML page that asks nothing of the network."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="", widget_renderer_url="")
    body, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": title}})
    part = page.with_suffix(".html.part")
    part.write_text(body, encoding="utf-8")
    part.replace(page)


def _lines(ledger: Path) -> list[str]:
    """Distinct lines of a ledger in the order of writing."""
    return list(dict.fromkeys(ledger.read_text(encoding="utf-8").split())) if ledger.is_file() else []


def execute(notebook: Path, reports: Path, *, parameters: dict | None = None) -> None:
    """Execute `notebook` into `reports/notebooks/` and write its stamp.

    Raises
    ------
    MethodError
        Unknown parameter.
    NotebookFailed
        A cell raised (`reports/notebooks/<name>.failed.html` shows where), or the kernel died.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    parameters = dict(parameters or {})
    check_parameters(notebook, parameters)
    before = all_inputs(notebook)
    folder = reports / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    result, failed = folder / notebook.name, folder / f"{notebook.stem}.failed.html"
    part = folder / f"{notebook.stem}.part.ipynb"
    with tempfile.TemporaryDirectory() as scratch:
        ledgers = {key: Path(scratch) / key for key in ("outputs", "reads")}
        os.environ |= {
            "HCCMETA_REPORTS": str(reports),
            "HCCMETA_OUTPUTS": str(ledgers["outputs"]),
            "HCCMETA_READS": str(ledgers["reads"]),
            "SOURCE_DATE_EPOCH": "0",
            "PYTHONHASHSEED": "0",
        }
        try:
            papermill.execute_notebook(
                str(notebook),
                str(part),
                parameters=parameters,
                kernel_name="python3",
                progress_bar=False,
                cwd=str(notebook.parent),
                extra_arguments=QUIET_KERNEL,
                log_output=False,
            )
        except PapermillExecutionError as error:
            write_page(nbformat.read(part, as_version=4), failed, notebook.stem)
            raise NotebookFailed(
                f"{notebook.name} stopped in cell {error.cell_index}: {error.ename}: {error.evalue}\n"
                f"The page with the traceback: {failed}"
            ) from None
        except RuntimeError as error:
            raise NotebookFailed(f"{notebook.name} stopped because its kernel died: {error}") from None
        else:
            nb = nbformat.read(part, as_version=4)
        finally:  # also after Ctrl-C
            part.unlink(missing_ok=True)
        outputs, reads = (_lines(ledger) for ledger in ledgers.values())
    normalise(nb)
    nbformat.write(nb, part)
    part.replace(result)
    write_page(nb, folder / f"{notebook.stem}.html", notebook.stem)
    failed.unlink(missing_ok=True)
    outputs += [f"notebooks/{notebook.name}", f"notebooks/{notebook.stem}.html"]
    write_stamp(reports / ".stamps" / f"{notebook.stem}.json", before, reads, outputs, reports)


def main(arguments: list[str]) -> int:
    """Entry point of the runner's child process: a JSON object with notebook, reports, parameters."""
    job = json.loads(arguments[0])
    try:
        execute(Path(job["notebook"]), Path(job["reports"]), parameters=job.get("parameters"))
    except HccmetaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.chdir(project_root())
    sys.exit(main(sys.argv[1:]))
