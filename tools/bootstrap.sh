#!/bin/sh
# Create the virtual environment $1 from uv.lock. Needs Python 3.11-3.13 and a package registry, nothing else.
set -eu
venv=$1

python=""
for candidate in python3.12 python3.11 python3.13 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "hccmeta needs Python 3.11, 3.12 or 3.13 on the PATH. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
    exit 1
fi

if [ ! -x "$venv/bin/python" ]; then
    echo "Creating $venv with $($python --version)"
    if ! $python -m venv "$venv" 2>/dev/null; then
        rm -rf "$venv"
        if command -v uv >/dev/null 2>&1; then
            uv venv --quiet --seed --python "$python" "$venv"
        elif $python -m pip --version >/dev/null 2>&1; then
            $python -m venv --without-pip "$venv"
            $python -m pip --quiet --python "$venv/bin/python" install pip
        else
            echo "Python's venv module is incomplete on this machine. Run: apt-get install python3-venv    then try again." >&2
            exit 1
        fi
    fi
fi

[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
echo "Installing the locked packages into $venv (about a minute the first time)"
UV_PROJECT_ENVIRONMENT=$venv UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never \
    "$venv/bin/uv" sync --quiet --locked --inexact --python "$venv/bin/python" --extra dev
echo "Environment ready."
