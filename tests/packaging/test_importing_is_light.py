"""Importing the effect or starting the command line loads neither torch nor Qt nor ONNX Runtime, nor asyncio."""

import argparse
import subprocess
import sys

from lamina.cli.main import _parser
from lamina.models.engines.core import library

HEAVY = "{'torch', 'PyQt6', 'onnxruntime', 'scipy', 'sounddevice', 'onnx', 'av', 'asyncio'}"


def loaded_after(code: str) -> str:
    program = f"import sys\n{code}\nprint(sorted({HEAVY} & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_importing_the_front_door_imports_nothing_else_at_all():
    code = (
        "import lamina; assert [name for name in sys.modules if name.startswith('lamina.')] == []; assert 'numpy' "
        "not in sys.modules"
    )
    assert loaded_after(code) == "[]"


def test_importing_the_plugin():
    assert loaded_after("import lamina.plugin") == "[]"


def test_starting_the_command_line():
    code = (
        "import contextlib, io\nfrom lamina.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main([])"
    )
    assert loaded_after(code) == "[]"


def test_a_command_loads_no_other_and_the_codecs_of_others_are_not_loaded_before_one_is_named():
    code = (
        "import contextlib, io\nfrom lamina.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['presets'])\n"
        "import lamina.plugin.documents.boards\n"
        "loaded = [name for name in sys.modules if name.startswith(('lamina.cli.', 'lamina.plugin.rivals.'))]\n"
        "assert not {'lamina.cli.render', 'lamina.cli.training', 'lamina.plugin.rivals.registry'} & set(loaded), loaded"
    )
    assert loaded_after(code) == "[]"


def test_each_command_declared_alone_is_what_it_is_among_the_others():
    whole = commands_of([])
    assert {"app", "render", "decode", "man"} < whole.keys()
    for name, among_others in whole.items():
        assert commands_of([name])[name].format_help() == among_others.format_help()


def commands_of(arguments: list[str]) -> dict[str, argparse.ArgumentParser]:
    """The commands that are declared for a command line."""
    parser = _parser(arguments)
    return next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def test_making_an_effect_and_asking_its_latency():
    assert loaded_after("from lamina.plugin import NeuralCodec; NeuralCodec(kbps=3).latency_samples(44100)") == "[]"
    assert loaded_after("from lamina import NeuralCodec; NeuralCodec(kbps=3).latency_samples(44100)") == "[]"


def test_coding_needs_no_torch():
    code = "import numpy as np; from lamina.plugin import NeuralCodec; NeuralCodec()(np.zeros(4800, np.float32), 48000)"
    # The compiled core needs nothing; without it ONNX Runtime computes.
    assert loaded_after(code) == ("['onnxruntime']" if library() is None else "[]")
