"""`make report`: check the tables, run every notebook that is out of date, write the front page."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import DataError, HccmetaError
from ..evidence.selections import selection_path
from ..paths import notebooks_folder, project_root, reports_folder
from .leftovers import gone, note_written, remove_half_written, remove_orphans
from .stamps import is_current


def _tables_are_fine(selection: str) -> bool:
    from ..evidence.load import load_tables

    try:
        load_tables(selection=selection)
    except DataError as error:
        print(f"{error}\nNo report was written: mend what is listed above first.", file=sys.stderr)
        return False
    return True


def _claim(reports: Path):
    """Lock on `reports`, open as long as this run or a notebook that outlived it writes there."""
    (reports / ".stamps").mkdir(parents=True, exist_ok=True)
    lock = open(reports / ".stamps" / "lock", "w")  # noqa: SIM115 closed by the caller
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise HccmetaError(f"Another run is writing to {reports}: wait until it has ended, then run again.") from None
    return lock


def _run_one(notebook: Path, reports: Path, selection: Path | None, lock: int) -> tuple[Path, bool, float, str]:
    started = time.monotonic()
    parameters = {"selection": selection.stem} if selection else {}
    job = {
        "notebook": str(notebook),
        "reports": str(reports),
        "parameters": parameters,
    }
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "agg",
    }
    done = subprocess.run(
        [sys.executable, "-m", "hccmeta.report.execute", json.dumps(job)],
        cwd=project_root(),
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        pass_fds=[lock],
    )
    return notebook, done.returncode == 0, time.monotonic() - started, done.stderr.strip()


def _failure_text(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return "\n".join(f"      {line}" for line in lines[-8:])


def build(reports: Path, *, selection: Path | None = None, jobs: int = 2) -> int:
    """Bring `reports` up to date; return the exit code (0 = everything is current)."""
    notebooks = sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    stamps = reports / ".stamps"
    stale = [nb for nb in notebooks if not is_current(stamps / f"{nb.stem}.json", nb, reports)]
    index = reports / "index.html"
    complete = index.is_file() and (reports / "explorer.html").is_file()
    if not stale and not gone(reports, notebooks) and complete:
        print(f"Nothing to do: {index} is up to date.")
        return 0
    if not _tables_are_fine(selection.stem if selection else ""):
        return 1
    failures = []
    with _claim(reports) as lock, ThreadPoolExecutor(max_workers=jobs) as workers:
        remove_half_written(reports)
        note_written(reports)
        print(f"{len(stale)} of {len(notebooks)} notebooks to run, {jobs} at a time", flush=True)
        for number, (notebook, ok, seconds, stderr) in enumerate(
            workers.map(lambda nb: _run_one(nb, reports, selection, lock.fileno()), stale), start=1
        ):
            print(
                f"  [{number}/{len(stale)}] {notebook.stem:<28} {'done' if ok else 'FAILED'} in {seconds:.1f} s",
                flush=True,
            )
            if not ok:
                failures.append(notebook.stem)
                print(_failure_text(stderr), flush=True)
    if failures:
        print(f"The report is not complete: {', '.join(failures)} failed (see above).", file=sys.stderr)
        return 1
    from ..evidence.load import load_tables
    from ..explorer.page import write_explorer
    from .index import update_readme_answer, write_index
    from .manifest import write_manifest

    write_explorer(load_tables(selection=selection.stem if selection else ""), reports)
    for name in remove_orphans(reports, notebooks):
        print(f"  removed {name}: no notebook writes it any more", flush=True)
    write_index(reports, notebooks, selection)
    if reports == reports_folder():
        update_readme_answer(reports)
    write_manifest(reports)
    print(f"Report: {index}")
    return 0


def report(*, selection: str = "", jobs: int = 2) -> int:
    """Check the tables, then build the report (of a saved selection, into `reports/selections/<name>/`)."""
    chosen = selection_path(selection) if selection else None
    target = reports_folder() / "selections" / selection if selection else reports_folder()
    return build(target, selection=chosen, jobs=jobs)
