"""Lamina tells nobody about the user.

No id is left behind, and no other machine is looked up, whatever the libraries would do.
"""

import os
import shutil
import subprocess
import sys

import pytest

SECONDS = 12
"""ONNX Runtime looks for its collector some nine seconds after it was loaded."""

USE = f"""
import time
import numpy as np
from lamina import NeuralCodec
codec, end = NeuralCodec(), time.monotonic() + {SECONDS}
while time.monotonic() < end:
    codec(np.zeros((1, 4800), np.float32), 24_000)
    time.sleep(0.2)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_long_run_leaves_no_id_and_talks_to_nobody(tmp_path):
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    command = ["strace", "-f", "-qq", "-e", "trace=socket", "-o", str(trace), sys.executable, "-c", USE]
    subprocess.run(command, env=environment | {"HOME": str(home), "LAMINA_ENGINE": "onnx"}, check=True, timeout=200)
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert [line for line in trace.read_text().splitlines() if "AF_INET" in line] == []
