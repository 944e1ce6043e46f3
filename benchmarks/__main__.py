"""`make bench` and `make validation`: measure, and write docs/performance.md and docs/validation.md.

python -m benchmarks               times, accuracy (minutes), both pages
python -m benchmarks performance   times and their page
python -m benchmarks accuracy      simulations and reconstructions, stored for the validation page
python -m benchmarks validation    comparison with R, and the page
"""

from __future__ import annotations

import argparse

from benchmarks import accuracy, performance, validation

STEPS = {"performance": performance.write, "accuracy": accuracy.refresh, "validation": validation.write}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", nargs="*", help=f"{', '.join(STEPS)}; all without any")
    asked = parser.parse_args().step
    if unknown := set(asked) - set(STEPS):
        parser.error(f"no step {', '.join(sorted(unknown))}; choose from {', '.join(STEPS)}")
    for name in asked or STEPS:
        print(f"{name} ...", flush=True)
        STEPS[name]()
