"""Do the tracked results agree with what the code has just written?

Text must be the same; numbers may differ in their last digits, as another processor's arithmetic does.
"""

import math
import re
import subprocess
import sys
from pathlib import Path

NUMBER = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")
PLACES = ["reports", "README.md"]


def git(*words):
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def same(old, new):
    pairs = list(zip(NUMBER.findall(old), NUMBER.findall(new), strict=False))
    return NUMBER.sub("#", old) == NUMBER.sub("#", new) and all(
        math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9) for a, b in pairs
    )


def main():
    changed = git("diff", "--name-only", "HEAD", "--", *PLACES).splitlines()
    drifted = git("ls-files", "--others", "--exclude-standard", "--", *PLACES).splitlines()
    for name in changed:
        if not (Path(name).is_file() and same(git("show", f"HEAD:{name}"), Path(name).read_text(encoding="utf-8"))):
            drifted.append(name)
            print(git("diff", "--unified=0", "HEAD", "--", name)[:2000])
    if drifted:
        sys.exit(f"Tracked results differ from what the code computes: {', '.join(drifted)}. Run make report and "
                 "commit reports/ and README.md.")  # fmt: skip
    print(f"Tracked results are what the code gives ({len(changed)} files differ in last digits).")


if __name__ == "__main__":
    main()
