"""A reviewer in JupyterLab: pick a subgroup, save it, rerun the report on it, find the same numbers."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from hccmeta.evidence.selections import load_selection, selection_path
from hccmeta.paths import project_root, reports_folder

NAME = "browser_test"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a free port of this machine, with settings of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    folder = tmp_path_factory.mktemp("lab")
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    news = folder / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={project_root()}"),
    ]
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(command, cwd=project_root(), env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{url}/api?token={token}", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    yield f"{url}/lab/tree/notebooks/09_explore.ipynb?token={token}&reset"
    server.terminate()
    server.wait(20)


def run_all(page):
    """Run every cell once the kernel is idle: told to run before, JupyterLab asks which kernel to start.

    A click that is lost all the same is repeated until a prompt moves.
    """
    page.get_by_text("| Idle").wait_for(timeout=120_000)
    for _ in range(4):
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).click()
        try:
            page.wait_for_function(
                "[...document.querySelectorAll('.jp-InputPrompt')].some(p => /\\[(\\*|\\d+)\\]/.test(p.textContent))",
                timeout=20_000,
            )
            return
        except Exception:  # noqa: BLE001 - the click was lost: press again
            continue
    pytest.fail("JupyterLab did not start to run the notebook.")


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+\.\d", text)


def test_a_subgroup_is_picked_saved_and_rerun(page, lab):
    path = selection_path(NAME, must_exist=False)
    path.unlink(missing_ok=True)
    try:
        page.goto(lab)
        page.wait_for_selector(".jp-Notebook", timeout=60_000)
        run_all(page)
        page.wait_for_selector(".widget-image", timeout=120_000)
        answer = page.locator(".widget-vbox p.answer").first
        before = answer.inner_text()
        filters = page.locator(".widget-select-multiple")
        timing = filters.filter(has_text="timing").locator("select")
        timing.select_option("mixed")
        page.wait_for_function("old => document.querySelector('.widget-vbox p.answer').innerText !== old", arg=before)
        shown = answer.inner_text()
        page.locator(".widget-text input").fill(NAME)
        page.get_by_role("button", name="Save selection").click()
        page.wait_for_selector(f"text=make report SELECTION={NAME}")
        assert load_selection(NAME)["where"]["timing"] == ["mixed"]

        done = subprocess.run(
            ["make", "report", f"SELECTION={NAME}"], cwd=project_root(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        folder = reports_folder() / "selections" / NAME
        record = json.loads((folder / "tables" / "01_response.answer.json").read_text())
        assert numbers(shown) and numbers(record["answer"]) == numbers(shown)
        page.goto((folder / "index.html").as_uri())
        assert NAME in page.locator("header").inner_text()
    finally:
        path.unlink(missing_ok=True)
