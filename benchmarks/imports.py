"""Time of `import hccmeta` in a fresh process over a bare start of Python.

Run: python -m benchmarks.imports
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pandas as pd

REPEATS = 15
FIRST = "import pandas, hccmeta; hccmeta.pool(pandas.DataFrame({'yi': [0.1, 0.4, 0.5], 'vi': [0.1, 0.2, 0.1]}))"


def started(code):
    """Milliseconds of a fresh process that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1e3 * (time.perf_counter() - start)


def measure():
    """Whole milliseconds over a bare start: the import alone, and with a first analysis (pandas loads then)."""
    jobs = {"import hccmeta": "import hccmeta", "import hccmeta and a first pool": FIRST}
    for code in jobs.values():
        started(code)
    bare = np.median([started("pass") for _ in range(REPEATS)])
    times = {name: np.median([started(code) for _ in range(REPEATS)]) - bare for name, code in jobs.items()}
    return pd.DataFrame([dict(task=name, hccmeta=float(np.round(max(over, 0)))) for name, over in times.items()])


if __name__ == "__main__":
    print(measure().to_string(index=False, float_format=lambda value: f"{value:.0f}"))
