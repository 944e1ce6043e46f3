import pytest

from .made_up import clean_rows, write_folder


@pytest.fixture
def rows():
    return clean_rows()


@pytest.fixture
def folder(tmp_path, rows):
    return write_folder(tmp_path / "extracted", rows)
