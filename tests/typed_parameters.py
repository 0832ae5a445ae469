"""What type checkers must know of the parameters.

`make check` runs mypy over this, and every wrong line must be found wrong.

An ignore that nothing needs is an error too, so a line here that mypy no longer refuses fails the check.
"""

from typing import Literal, assert_type

import numpy as np

from lamina.plugin import Codes, Motion, NeuralCodec, Settings


def right() -> None:
    """Names, places, types, and what is taken in other types than it is held."""
    codec = NeuralCodec(8, 0.0, 1.0, 0.0, 0.0, False, bend="offset", kbps=3.0, model="lamina-24k")
    codec = NeuralCodec(
        layer_gains=[1.0, 0.5], muted_layers={3}, motions=[Motion("mix"), {"target": "layers"}], decimate_frames=4
    )
    codec.layer_gains = np.ones(24)
    codec.solo_layers = range(1, 4)
    codec.code_delay += 1
    codec.kbps = 6.0
    assert_type(codec.layers, int)
    assert_type(codec.freeze, bool)
    assert_type(codec.tempo, float)
    assert_type(codec.layer_gains, tuple[float, ...])
    assert_type(codec.motions, tuple[Motion, ...])
    assert_type(codec.model, str)
    assert_type(codec.stereo, Literal["linked", "mid-side", "mono"])
    codec.automate("mix", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert_type(NeuralCodec.from_preset("walkie-talkie"), NeuralCodec)
    codes = codec.encode(np.zeros(100, np.float32), 48_000)
    assert_type(codes[1:] + codes.peeled(4), Codes)
    assert_type(Settings(layers=4).muted_layers, tuple[int, ...])


def wrong() -> None:
    """Names that don't exist, and values of other types."""
    codec = NeuralCodec(layer=3)  # type: ignore[call-arg]
    NeuralCodec(bend=3)  # type: ignore[arg-type]
    NeuralCodec(bend="offst")  # type: ignore[arg-type]
    codec.stereo = "middle-side"  # type: ignore[assignment]
    Motion("mix", shape="sinus")  # type: ignore[arg-type]
    NeuralCodec(8, 0.0, 1.0, 0.0, 0.0, False, True)  # type: ignore[call-arg]
    NeuralCodec(motions=["mix"])  # type: ignore[list-item]
    codec.layers = "many"  # type: ignore[assignment]
    codec.decimate_frame = 4  # type: ignore[attr-defined]
    codec.muted_layers = 3  # type: ignore[assignment]
    codec.model = "another"  # type: ignore[misc]
    Settings(mixes=0.5)  # type: ignore[call-arg]
