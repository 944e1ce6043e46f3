"""Accuracy that takes minutes to measure: simulations and reconstructions, kept in results/accuracy.json.

docs/validation.md quotes the stored figures, so that it can be made again in seconds.
Run: OMP_NUM_THREADS=1 python -m benchmarks.accuracy [part ...]
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
TYPED = dict(errors=210, seed=1)


def parts():
    """Name and measurement of every part."""
    from benchmarks import coverage, figure_accuracy, glmm_coverage, km_accuracy, printed_accuracy, public_curves

    return dict(
        coverage=coverage.measure, glmm_coverage=lambda: list(glmm_coverage.measure()), figures=figure_accuracy.measure,
        clicks=km_accuracy.measure, public=public_curves.measure, printed=printed_accuracy.measure,
        typing=typing_errors,
    )  # fmt: skip


def refresh(names=()):
    """Measure the named parts, or all, and store them; a part whose material is not on this machine stays as stored."""
    found, known = (stored() if RESULTS.is_file() else {}), parts()
    for name in names or known:
        print(f"  {name}", flush=True)
        measured = known[name]()
        if measured is None:
            continue
        found[name] = _rounded(measured)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def stored():
    """What the last measurement found."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def typing_errors():
    """Injected and caught transcription errors by kind."""
    from benchmarks import transcription_errors as source

    evidence, rng, kinds = source.Evidence(source.data_folder()), random.Random(TYPED["seed"]), defaultdict(list)
    for number in range(TYPED["errors"]):
        error = source.inject(evidence, source.KINDS[number % len(source.KINDS)], rng)
        kinds[error.kind].append(evidence.caught(error))
    rows = sum(map(len, evidence.records.values()))
    return dict(rows=rows, kinds=[dict(kind=kind, injected=len(found), caught=sum(found))
                                  for kind, found in kinds.items()], **TYPED)  # fmt: skip


def _rounded(value):
    """Six significant digits."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    refresh(sys.argv[1:])
