"""Contract 6: what a codec gives doesn't depend on the process it runs in, so live sound equals a render of it."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib
import numpy as np
from lamina.models.runtime import load_runtime

runtime = load_runtime("lamina-24k")
codes = np.random.default_rng(0).integers(0, 1024, (2, 40, 24)).astype(np.uint16)
y, _ = runtime.decode(runtime.dequantize(codes), runtime.decoder_state(2))
print(hashlib.sha256(runtime.entries.tobytes()).hexdigest(), hashlib.sha256(y.tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["", "HASWELL", "ZEN", "SKYLAKEX"])
def test_the_number_of_threads_and_the_kernels_of_numpys_products_change_nothing(kernels):
    """The engine's process allows OpenBLAS one thread, a script's as many as there are cores.

    Kernels are chosen by the processor.
    """
    said = set()
    for threads, chosen in (("1", kernels), ("2", kernels), ("1", "")):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OPENBLAS_CORETYPE": chosen}
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode < 0:
            pytest.skip(f"this processor can't run OpenBLAS's kernels for {kernels}")
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
