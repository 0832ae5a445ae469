"""Lyra V2 (Google, a SoundStream like Lamina): 16 kHz, 3.2 to 9.2 kbps, from the user's own folder of its models."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.plugin.extras import missing_extra
from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

LYRA_VARIABLE = "LAMINA_LYRA"
LYRA_KBPS = (3.2, 6.0, 9.2)
RATE, FRAME = 16_000, 320
BITS_PER_QUANTIZER = 4
MODEL_FILES = ("soundstream_encoder.tflite", "quantizer.tflite", "lyragan.tflite")


class Lyra(StreamedRival):
    """Lyra V2, every channel by itself.

    Args:
        kbps: 3.2, 6 or 9.2.
        folder: with its three TFLite models; unless said, what the variable LAMINA_LYRA names.
    """

    __slots__ = ()

    NAME, TITLE, RATES = "lyra", "Lyra V2", Rates.of(*LYRA_KBPS, default=6.0)
    OPTIONS: ClassVar[dict[str, str]] = {"folder": "where its three TFLite models lie"}

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        found = lyra_folder(Path(options["folder"]) if "folder" in options else None)
        # What is missing is told below; the folder stays as it was found, whatever the variable says later.
        return {"folder": str(found)} if found is not None else dict(options)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = _missing_from(self.options.get("folder"))
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return _LyraCoder(Path(self.options["folder"]), round(self.kbps * 20) // BITS_PER_QUANTIZER)


class _LyraCoder(Coder):
    """One channel."""

    def __init__(self, folder: Path, n_quantizers: int) -> None:
        # Fed frame by frame, what the models give back lies on the frame that went in.
        super().__init__(RATE, FRAME, 0)
        self._models, self._n_quantizers = LyraModels(folder), n_quantizers

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        models = self._models
        parts = []
        for frame in frames[0].reshape(-1, FRAME):
            indices = models.indices(models.features(frame), self._n_quantizers)
            self.n_bits += int((indices >= 0).sum()) * BITS_PER_QUANTIZER
            self.n_coded += FRAME
            parts.append(models.frame(models.quantized(indices)))
        return np.concatenate(parts)[None]


class LyraModels:
    """Lyra's three models with fresh state. Its state can't be reset: each stream needs models of its own."""

    def __init__(self, folder: Path, n_threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        def load(name: str) -> Any:
            interpreter = Interpreter(model_path=str(folder / name), num_threads=n_threads)
            interpreter.allocate_tensors()
            return interpreter

        encoder, quantizer, decoder = MODEL_FILES
        self._encoder, self._decoder = load(encoder), load(decoder)
        self._keeps_alive = load(quantizer)
        self._encode = self._keeps_alive.get_signature_runner("encode")
        self._decode = self._keeps_alive.get_signature_runner("decode")

    def features(self, frame: FloatArray) -> FloatArray:
        """Encoder: 320 samples at 16 kHz to `[1, 1, 64]`."""
        return _run(self._encoder, frame.reshape(1, FRAME))

    def indices(self, features: FloatArray, quantizers: int) -> npt.NDArray[np.int32]:
        """Quantizer: `[1, 1, 64]` to `[46, 1, 1]`, −1 where unused."""
        return np.asarray(
            self._encode(input_frames=features, num_quantizers=np.int32(quantizers))["output_0"], dtype=np.int32
        )

    def quantized(self, indices: npt.NDArray[np.int32]) -> FloatArray:
        """Quantizer, the way back: `[46, 1, 1]` to `[1, 1, 64]`."""
        return np.asarray(self._decode(encoding_indices=indices)["output_0"], dtype=np.float32)

    def frame(self, features: FloatArray) -> FloatArray:
        """Decoder: `[1, 1, 64]` to 320 samples at 16 kHz."""
        return _run(self._decoder, features).reshape(-1)


def lyra_folder(given: Path | None = None) -> Path | None:
    """The folder with Lyra's models: `given`, else the variable LAMINA_LYRA.

    None if neither names one that holds them.
    """
    named = given or (Path(os.environ[LYRA_VARIABLE]) if os.environ.get(LYRA_VARIABLE) else None)
    return named if named is not None and all((named / name).is_file() for name in MODEL_FILES) else None


def missing() -> str | None:
    """What Lyra lacks here, in a sentence; None if it can be used."""
    return _missing_from(None)


def _missing_from(folder: str | None) -> str | None:
    if lyra_folder(Path(folder) if folder else None) is None:
        named = folder or os.environ.get(LYRA_VARIABLE)
        where = (
            f"the folder {named} doesn't hold" if named else f"the variable {LYRA_VARIABLE} doesn't name a folder with"
        )
        return (
            f"Lyra V2 needs its models, and {where} {', '.join(MODEL_FILES[:2])} and {MODEL_FILES[2]}; get them from "
            "lyra/model_coeffs at github.com/google/lyra."
        )
    if find_spec("ai_edge_litert"):
        return None
    return missing_extra("Lyra V2", "rivals", ImportError("No module named 'ai_edge_litert'"))


def _run(interpreter: Any, value: FloatArray) -> FloatArray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), dtype=np.float32)


KIND = RivalKind(
    name=Lyra.NAME,
    title=Lyra.TITLE,
    rates=Lyra.RATES,
    colour="#b07bac",
    needs=f"Its three TFLite models in the folder that {LYRA_VARIABLE} names, and the extra [rivals].",
    missing=missing,
    make=Lyra,
    sample_rates="16 kHz",
    options=Lyra.OPTIONS,
)
