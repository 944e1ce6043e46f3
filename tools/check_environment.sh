#!/bin/sh
# environment.yml serves conda users from the same lock: check its form, that the export is current, and install its pip part.
set -eu
python=.venv/bin/python
$python - <<'PY'
import sys, yaml
spec = yaml.safe_load(open("environment.yml", encoding="utf-8"))
want = {"name": "hccmeta", "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", "make", {"pip": ["-r requirements.txt", "-e ."]}]}
sys.exit(0 if spec == want else f"environment.yml is not what the lock serves: {spec}")
PY
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
.venv/bin/uv export --quiet --locked --no-hashes --no-emit-project --no-annotate --no-header --output-file "$fresh/requirements.txt" >/dev/null
cmp -s "$fresh/requirements.txt" requirements.txt || { echo "requirements.txt is not the export of uv.lock: run make lock" >&2; exit 1; }
$python -m venv "$fresh/venv"
"$fresh/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
"$fresh/venv/bin/python" -m hccmeta check
echo "environment.yml: pip part installs from nothing and checks the tables."
