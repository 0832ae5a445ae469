"""The process in which a model is tried (`lamina.models.engines.trial`).

python -m lamina.models.engines.trial_process FOLDER CPU_SECONDS BYTES
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from lamina.models.bundles.bundle import open_bundle
from lamina.models.engines.onnx_engine import OnnxEngine
from lamina.models.runtime import CodecRuntime


def main(folder: Path, cpu_seconds: int, n_bytes: int) -> None:
    """What opening a bundle computes with ONNX Runtime, and calls of every size, within limits that end the process."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bundle = open_bundle(folder)
    CodecRuntime(bundle, engine="onnx")
    OnnxEngine(bundle).try_sizes()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
