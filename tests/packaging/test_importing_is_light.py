"""Importing the effect or starting the command line loads neither torch nor Qt nor ONNX Runtime, nor asyncio."""

import subprocess
import sys

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


def test_making_an_effect_and_asking_its_latency():
    assert loaded_after("from lamina.plugin import NeuralCodec; NeuralCodec(kbps=3).latency_samples(44100)") == "[]"
    assert loaded_after("from lamina import NeuralCodec; NeuralCodec(kbps=3).latency_samples(44100)") == "[]"


def test_coding_needs_no_torch():
    code = "import numpy as np; from lamina.plugin import NeuralCodec; NeuralCodec()(np.zeros(4800, np.float32), 48000)"
    # The compiled core needs nothing; without it ONNX Runtime computes.
    assert loaded_after(code) == ("['onnxruntime']" if library() is None else "[]")
