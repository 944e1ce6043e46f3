"""The worked digitisation in examples/digitise: what a reader would type leads back to the simulated patients."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from drawn_trials import rmse

import hccmeta as hm

FOLDER = Path(__file__).parents[2] / "examples" / "digitise"
LARGEST = 300_000


def module(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


draw, digitise = module("draw"), module("digitise")


def median(ipd):
    return hm.survival_summary(ipd).set_index("statistic").loc["median", "value"]


@pytest.fixture(scope="module")
def truth():
    return draw.simulate()


@pytest.fixture(scope="module")
def read():
    return digitise.read_figures()


@pytest.fixture(scope="module")
def made(read):
    return {kind: digitise.reconstruct(curves) for kind, curves in read.items()}


def test_figure_and_paper_are_those_that_the_script_draws(tmp_path, truth, read):
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        folder.mkdir()
        draw.write(folder)
    for name in ("figure.pdf", "figure.png", "paper.csv"):
        assert (once / name).read_bytes() == (again / name).read_bytes()
    assert (once / "paper.csv").read_text() == (FOLDER / "paper.csv").read_text()
    for kind, curves in digitise.read_figures(once).items():
        pd.testing.assert_frame_equal(curves, read[kind])
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < LARGEST


def test_typed_numbers_are_those_of_the_figure(truth):
    table = hm.read_at_risk(FOLDER / "figure.pdf", y_scale=100)
    for arm, ipd in truth.items():
        assert digitise.AT_RISK[arm] == table.loc[table["curve"] == arm, "n_at_risk"].tolist() == draw.at_risk(ipd)
        assert digitise.EVENTS[arm] == ipd["event"].sum()


@pytest.mark.parametrize(("kind", "curve_limit"), [("pdf", 1e-4), ("png", 0.002)])
def test_curves_and_patients_are_those_simulated(truth, read, made, kind, curve_limit):
    for arm, ipd in truth.items():
        time, event = ipd["time"].to_numpy(), ipd["event"].to_numpy()
        curve = read[kind][read[kind]["curve"] == arm]
        assert rmse(curve, time, event) < curve_limit
        assert curve["time"].iloc[-1] == pytest.approx(time.max(), abs=0.06)
        result = made[kind][arm]
        assert rmse(result.km, time, event) < curve_limit
        assert result.total_events == event.sum()
        assert draw.at_risk(result.ipd) == draw.at_risk(ipd)
        assert median(result.ipd) == pytest.approx(median(ipd), rel=0.03)
    ours = draw.ratio({arm: result.ipd for arm, result in made[kind].items()})
    assert ours["log_hr"] == pytest.approx(draw.ratio(truth)["log_hr"], abs=0.01)


def test_checks_and_pictures_are_what_the_page_shows(tmp_path, capsys):
    for path in FOLDER.glob("[fp]*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    digitise.main(tmp_path)
    printed = capsys.readouterr().out
    first = {name: (tmp_path / name).read_bytes() for name in ("overlay_pdf.png", "overlay_png.png")}
    digitise.main(tmp_path)
    assert first == {name: (tmp_path / name).read_bytes() for name in first}
    shown = (FOLDER / "README.md").read_text().split("```")[3].strip("\n").splitlines()
    assert len(shown) == 2 and set(shown) <= set(printed.splitlines())
    vector, image = (part.splitlines() for part in printed.split("figure.png"))
    assert [line.split()[0] for line in vector if "differs" in line] == ["logrank_p"]
    loose = ("median", "landmark", "hr", "logrank_p")
    assert all(line.split()[0] in loose for line in image if "differs" in line)
