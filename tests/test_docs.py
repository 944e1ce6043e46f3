"""docs/ says what the code does: names in methods.md exist, validation.md is what a run gives."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import hccmeta

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import comparison, performance, validation  # noqa: E402

METHODS = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
ROOMS = ("effects", "pooling", "km", "survival", "evidence", "trials")
NAMED = sorted(set(re.findall(rf"`((?:{'|'.join(ROOMS)})\.[\w.]+)`", METHODS)))
RECORDS = ("Tables", "Result", "Ensemble", "IPD", "PooledCurve")
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture(scope="module")
def found():
    return validation.checks()


@pytest.mark.parametrize("name", NAMED)
def test_every_function_that_methods_names_is_there(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            target = importlib.import_module("hccmeta." + ".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            target = getattr(target, attribute)
        return
    pytest.fail(f"{name} is no module of hccmeta")


def test_every_public_statistic_has_its_line():
    public = {name for name, module in hccmeta._MODULE_OF.items() if module.split(".")[0] in ROOMS[:4] + ("trials",)}
    public = {name for name in public if not name.endswith(RECORDS)}
    missing = sorted(name for name in public if not re.search(rf"\b{name}`", METHODS))
    assert not missing


def test_sources_are_dois():
    rows = [line for line in METHODS.splitlines() if re.search(r"(?:19|20)\d\d, ", line)]
    assert len(rows) > 80
    for row in rows:
        for source in re.findall(r"\b(?:19|20)\d\d, (\S+?)(?: \||;| and|$)", row):
            assert re.fullmatch(r"10\.\d{4,5}/\S+", source), row


def test_nothing_disagrees_without_a_reason(found):
    from benchmarks.disagreements import reason

    off = [one for members in found.values() for one in members if validation.outside(one).any()]
    assert [(one.where, one.quantity) for one in off if not reason(one)] == []
    assert {one.where for one in off if "exact" in one.group} == {"pe_mix_0_100"}


def test_every_area_is_compared_with_many_values(found):
    sizes = {title: sum(len(one.difference) for one in members) for title, members in found.items()}
    assert len(sizes) == len(validation.AREAS) and min(sizes.values()) > 400
    assert sum(sizes.values()) > 40_000


def test_the_better_optimum_is_ours():
    from benchmarks.compare_glmm import likelihoods

    ours, theirs, printed = likelihoods("pe_mix_0_100")
    assert ours > theirs and abs(theirs - printed) < 1e-4


def test_validation_page_is_what_a_run_gives(found):
    """Same words and whole numbers; differences within a factor of ten, other decimals within 15 %."""
    made, kept = validation.page(found), validation.PAGE.read_text(encoding="utf-8")
    assert NUMBER.sub("#", made) == NUMBER.sub("#", kept), "run make validation"
    for line, ours, theirs in zip(kept.splitlines(), made.splitlines(), kept.splitlines(), strict=True):
        for one, two in zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True):
            assert _alike(one, two), f"run make validation: {line}"


def _alike(one, two):
    a, b = (float(text.replace(",", "")) for text in (one, two))
    if "e" in one + two:
        return abs(np.log10(a / b)) <= 1.01
    return a == b if "." not in one + two else abs(a - b) <= 0.15 * abs(b)


def test_differences_are_relative_to_the_unit():
    near_zero = comparison.check("g", "set", "x", [0.0, 2.0, 5.0], [1e-12, 2.002, None], 1e-6, unit=1.0)
    np.testing.assert_allclose(near_zero.difference, [1e-12, 0.001 / 1.001], rtol=1e-9)
    lost = comparison.check("g", "set", "x", [np.nan], [2.0], 1e-6)
    assert validation.outside(lost).all()


@pytest.mark.parametrize(
    ("difference", "shown"), [(0.0, "1e-10"), (2.1e-10, "3e-10"), (1e-6, "1e-06"), (9.2e-5, "1e-04")]
)
def test_magnitudes_are_never_flattered(difference, shown):
    assert validation.magnitude(difference) == shown


def test_ratio_is_the_other_time_over_ours():
    row = dict(task="pool", hccmeta=0.5, pymare=10.0, statsmodels=np.nan, metafor=3000.0)
    assert performance.beside(row) == "PyMARE 10 ms (20 x); metafor 3 s (6,000 x)"
    assert performance.beside(dict(task="pool", hccmeta=0.5, pymare=np.nan)) is None
