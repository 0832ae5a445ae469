"""What every test needs: windows drawn off screen unless QT_QPA_PLATFORM says otherwise, and a data folder of its own."""

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def data_folder(tmp_path_factory, monkeypatch):
    """Where models of one's own go in this test: never the user's own folder."""
    folder = tmp_path_factory.mktemp("lamina-data")
    monkeypatch.setenv("LAMINA_DATA", str(folder))
    return folder
