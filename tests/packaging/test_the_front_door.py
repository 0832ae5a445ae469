"""`from lamina import …` gives what it names, and imports that scripts were shown before go on working."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

import lamina
from lamina.cli.main import main

SHOWN_BEFORE = [
    ("lamina.plugin", "NeuralCodec"),
    ("lamina.plugin", "Board"),
    ("lamina.plugin", "Motion"),
    ("lamina.plugin", "PARAMETERS"),
    ("lamina.plugin.audiofile", "read_audio"),
    ("lamina.plugin.container", "read_codes"),
    ("lamina.plugin.container", "write_codes"),
    ("lamina.plugin.presets", "load_preset"),
    ("lamina.plugin.vst3", "load_vst3"),
    ("lamina.plugin.host.client", "LiveEngine"),
    ("lamina.plugin.host.settings", "DeviceSettings"),
]


@pytest.mark.parametrize("name", [name for name in lamina.__all__ if name != "__version__"])
def test_a_name_at_the_front_is_the_thing_itself(name):
    thing = getattr(lamina, name)
    assert name in dir(lamina)
    assert getattr(thing, "__name__", name) == name
    assert getattr(thing, "__module__", "lamina.").startswith("lamina.")


def test_another_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'Vocoder'"):
        lamina.Vocoder  # noqa: B018


@pytest.mark.parametrize(("module", "name"), SHOWN_BEFORE)
def test_what_scripts_import_from_where_it_was_is_the_same(module, name):
    assert getattr(import_module(module), name) is getattr(lamina, name)


def test_board_documents_are_found_where_they_were():
    from lamina.plugin import board_document
    from lamina.plugin.documents import boards

    assert board_document.build_board is boards.build_board
    assert board_document.describe_board is boards.describe_board


def test_the_version_is_the_installed_one(capsys):
    assert lamina.__version__ == version("lamina")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lamina {lamina.__version__}\n"


def test_python_m_lamina_is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "lamina", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"lamina {lamina.__version__}\n"
