"""Every public name loads, none is hidden by a folder, and importing the package stays light."""

import subprocess
import sys

import pytest

import hccmeta as hm
from hccmeta.paths import project_root


@pytest.mark.parametrize("name", hm.__all__)
def test_every_public_name_loads(name):
    assert callable(getattr(hm, name))


def test_no_folder_or_module_hides_a_public_name():
    package = project_root() / "hccmeta"
    places = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not places & set(hm.__all__)


def test_import_brings_nothing_heavy():
    heavy = ("pandas", "scipy", "matplotlib", "lifelines", "seaborn")
    code = f"import sys, hccmeta; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        hm.nope  # noqa: B018
