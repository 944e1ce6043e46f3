"""Where independent batches of work run: in this process, in several, or on a dask cluster."""

from __future__ import annotations

from hccmeta.errors import MethodError, check_choice

BACKENDS = ("processes", "serial", "dask")
WORTH_PROCESSES = 2_000_000  # numbers to fit below which starting processes takes longer than the work


def run_tasks(function, tasks, *, backend, size):
    """[function(task) for each task], in the order of the tasks; `size` is the amount of numbers in all of them."""
    check_choice("backend", backend, BACKENDS)
    if backend == "dask":
        return _on_dask(function, tasks)
    if backend == "serial" or size < WORTH_PROCESSES or len(tasks) < 2:
        return [function(task) for task in tasks]
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        return list(pool.map(function, tasks))


def _on_dask(function, tasks):
    try:
        import dask
    except ImportError:
        raise MethodError(
            "backend = 'dask' needs the package dask, which is not installed: run `pip install \"dask[distributed]\"`, "
            "or choose 'processes' or 'serial'."
        ) from None
    return list(dask.compute(*[dask.delayed(function)(task) for task in tasks]))
