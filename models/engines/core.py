"""The codec's core: the library of the folder `core`, in C++, called from Python.

It computes what a bundle's graphs do, several times as fast, and the same to the last bit on every processor, which
matters to a codec with a memory: both sides must foresee the same. It is compiled when Lamina is installed; without a
compiler it is missing, and ONNX Runtime takes its place.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.bundles.bundle import COARSE, DECODER, ENCODER, MEMORY, Bundle, BundleError, quantizer_graphs
from lamina.models.bundles.byte_weights import CODES, SCALES, to_bytes
from lamina.models.bundles.onnx_weights import read_weights
from lamina.models.config import CodecConfig

Int32Array = npt.NDArray[np.int32]

API_VERSION = 6
HALF = ".half"
"""Ends the name of a weight that a graph stores in half precision."""
UNTRAINED = (
    (
        "decoder.film.scale",
        "decoder.film.shift",
        "decoder.decoder.briefing.denoise_scale",
        "decoder.decoder.briefing.denoise_shift",
    ),
    ("decoder.decoder.briefing.layer_scale", "decoder.decoder.briefing.layer_shift"),
)
"""Exporters keep only one of several arrays that are equal, as these are where they were not trained."""
LONGEST_PROBLEM = 400

_Pointer = ctypes.c_void_p
_Memory = ctypes.c_char * 0
_INTEGERS = (
    *("frame", "latent", "code_width", "residual_layers", "coarse_layers", "codebook_size"),
    *("overlap", "width", "encoder_blocks", "decoder_blocks", "informed"),
    *("denoiser_blocks", "denoiser_width"),
    *("past", "shortest_lag", "fine_lags", "coarse_lags", "history", "loop_layers", "from_layers"),
    *("memory_width", "predictor_blocks", "sketch_blocks"),
)
_FLOATS = ("companding", "gain_exponent", "gain_scale", "trust", "guarded", "sample_rate")


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in _INTEGERS] + [(name, ctypes.c_float) for name in _FLOATS]


class _Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("values", _Pointer), ("size", ctypes.c_int64), ("is_bytes", ctypes.c_int32)]


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The compiled core; None if it was not built, or for another Lamina."""
    spec = find_spec("lamina.models._core")
    if spec is None or spec.origin is None:
        return None
    try:
        found = ctypes.CDLL(spec.origin)
        if found.lamina_api_version() != API_VERSION:
            return None
    except (OSError, AttributeError):
        return None
    integer, shape = ctypes.c_int32, ctypes.POINTER(_Shape)
    found.lamina_instructions.restype = ctypes.c_char_p
    found.lamina_create.restype = _Pointer
    found.lamina_open.restype = _Pointer
    signatures = {
        "lamina_open": (ctypes.c_char_p, ctypes.c_char_p, _Pointer, ctypes.c_char_p, ctypes.c_size_t),
        "lamina_create": (shape, ctypes.POINTER(_Tensor), integer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t),
        "lamina_destroy": (_Pointer,),
        "lamina_state_sizes": (_Pointer, _Pointer),
        "lamina_encode": (_Pointer, integer, *[_Pointer] * 3),
        "lamina_decode": (_Pointer, integer, *[_Pointer] * 5),
        "lamina_quantize": (_Pointer, integer, _Pointer, _Pointer, *[integer] * 3, _Pointer),
        "lamina_send": (_Pointer, integer, *[_Pointer] * 7, integer, *[_Pointer] * 2),
        "lamina_postfilter_state": (),
        "lamina_postfilter": (_Pointer, integer, *[_Pointer] * 4),
        "lamina_receive": (_Pointer, integer, _Pointer, integer, _Pointer, _Pointer, integer, *[_Pointer] * 2),
    }
    for name, arguments in signatures.items():
        getattr(found, name).argtypes = arguments
    return found


def why_not(config: CodecConfig) -> str:
    """Why the core can't compute codecs of this shape here, as a sentence; empty if it can."""
    if library() is None:
        return "The core was not built here: Lamina was installed without a C++ compiler."
    if config.design != "transform":
        return f"The core doesn't know the design {config.design!r}."
    return ""


@dataclass(frozen=True)
class StateSizes:
    """Floats of each part of a stream's state; 0 for what a codec doesn't have."""

    encoder: int
    decoder: int
    lags: int
    loop: int
    postfilter: int


class Core:
    """One bundle's codec in the core.

    All arrays must be contiguous, float32 or int32; states are changed in place. Its calls may come from several
    threads and let others run meanwhile.

    Args:
        bundle: whose weights are read.
        codebooks, bases: of the residual layers and then of the coarse ones, `[rows, codebook_size, code_width]` and
            `[rows, latent, code_width]`.
        instructions: the instruction set to use, "baseline" for the plainest; the best there is if None.

    Raises BundleError if the weights don't fit the bundle's config or the config is beyond what the core can do.
    """

    def __init__(
        self, bundle: Bundle, codebooks: FloatArray, bases: FloatArray, instructions: str | None = None
    ) -> None:
        found = library()
        if found is None:
            raise BundleError(why_not(bundle.config))
        self._library = found
        config = bundle.config
        kept = codec_arrays(bundle, codebooks, bases)
        tensors = (_Tensor * len(kept))(
            *(
                _Tensor(name.encode(), values.ctypes.data, values.size, values.dtype == np.uint8)
                for name, values in kept.items()
            )
        )
        problem = ctypes.create_string_buffer(LONGEST_PROBLEM)
        wanted = None if instructions is None else instructions.encode()
        self._codec = found.lamina_create(
            ctypes.byref(shape_of(config)), tensors, len(kept), wanted, problem, LONGEST_PROBLEM
        )
        if not self._codec:
            raise BundleError(
                f"The core can't compute the bundle {bundle.path}: {problem.value.decode(errors='replace')}"
            )
        sizes = np.zeros(4, np.int32)
        found.lamina_state_sizes(self._codec, sizes.ctypes.data)
        self.sizes = StateSizes(*map(int, [*sizes, found.lamina_postfilter_state()]))
        self.instructions = instructions or found.lamina_instructions().decode()

    def __del__(self) -> None:
        if getattr(self, "_codec", None):
            self._library.lamina_destroy(self._codec)
            self._codec = None

    def encode(self, audio: FloatArray, state: FloatArray, latents: FloatArray) -> None:
        """Samples `[frames · frame]` → `latents [frames, latent]`."""
        self._library.lamina_encode(self._codec, len(latents), _at(audio), _at(state), _at(latents))

    def decode(
        self, latents: FloatArray, denoise: FloatArray, layers: Int32Array, state: FloatArray, audio: FloatArray
    ) -> None:
        """Latents `[frames, latent]`, `denoise` and `layers [frames]` → samples `audio [frames · frame]`."""
        self._library.lamina_decode(
            self._codec, len(latents), _at(latents), _at(denoise), _at(layers), _at(state), _at(audio)
        )

    def quantize(self, latents: FloatArray, counts: Int32Array, width: int, coarse: bool, codes: Int32Array) -> None:
        """Latents `[n, latent]` → the first `counts [n]` of `codes [n, layers]`, `width` candidates being followed."""
        self._library.lamina_quantize(
            self._codec,
            len(latents),
            _at(latents),
            _at(counts),
            width,
            coarse,
            codes.shape[1],
            _at(codes),
        )

    def send(
        self,
        audio: FloatArray,
        latents: FloatArray,
        counts: Int32Array,
        widths: Int32Array,
        guarded: Int32Array,
        lag_state: FloatArray,
        loop_state: FloatArray,
        codes: Int32Array,
        predictions: FloatArray,
    ) -> None:
        """The sender's loop: see `lamina_send` in `core/lamina.h`."""
        self._library.lamina_send(
            self._codec,
            len(latents),
            _at(audio),
            _at(latents),
            _at(counts),
            _at(widths),
            _at(guarded),
            _at(lag_state),
            _at(loop_state),
            codes.shape[1],
            _at(codes),
            _at(predictions),
        )

    def receive(
        self,
        codes: Int32Array,
        counts: Int32Array,
        given: FloatArray | None,
        conceal: bool,
        loop_state: FloatArray,
        predictions: FloatArray,
    ) -> None:
        """The receiver's loop: see `lamina_receive` in `core/lamina.h`."""
        self._library.lamina_receive(
            self._codec,
            len(codes),
            _at(codes),
            codes.shape[1],
            _at(counts),
            None if given is None else _at(given),
            conceal,
            _at(loop_state),
            _at(predictions),
        )

    def postfilter(self, strengths: FloatArray, kbps: FloatArray, state: FloatArray, audio: FloatArray) -> None:
        """Filter samples `audio [frames · frame]` in place; `strengths` and `kbps [frames]`."""
        self._library.lamina_postfilter(self._codec, len(strengths), _at(strengths), _at(kbps), _at(state), _at(audio))


def _at(array: npt.NDArray[Any]) -> ctypes.Array[ctypes.c_char] | int:
    """Where a contiguous array lies, as an argument for the core: a live frame asks this seventeen times.

    `ndarray.ctypes` takes several times as long, and is needed only for arrays that may not be written to.
    """
    if array.flags.writeable:
        return _Memory.from_buffer(array)  # type: ignore[arg-type]
    return array.ctypes.data


def codec_arrays(
    bundle: Bundle, codebooks: FloatArray | None = None, bases: FloatArray | None = None
) -> dict[str, npt.NDArray[Any]]:
    """All that `lamina_create` takes of a bundle, by name: contiguous, float32 or uint8.

    Codebooks and bases, as `read_codebooks` gives them, are read where they aren't given.
    """
    if codebooks is None or bases is None:
        codebooks, bases = read_codebooks(bundle)
    n_residual = bundle.config.residual_layers
    arrays = _weights_of(bundle)
    for name, rows in (("residual", slice(0, n_residual)), ("coarse", slice(n_residual, None))):
        arrays[f"{name}.codebooks"], arrays[f"{name}.bases"] = codebooks[rows], bases[rows]
    return {name: np.ascontiguousarray(values) for name, values in arrays.items()}


def read_codebooks(bundle: Bundle) -> tuple[FloatArray, FloatArray]:
    """Codebooks and bases of a bundle's residual layers, and then of its coarse ones; shapes as for `Core`."""
    graphs = [*quantizer_graphs(bundle.config), *([] if bundle.config.memory is None else [COARSE])]
    books, bases = [], []
    for graph in graphs:
        weights = read_weights(bundle.path / graph)
        try:
            books.append(_floats(weights, "codebooks"))
            bases.append(_floats(weights, "bases"))
        except StopIteration:
            raise BundleError(f"{bundle.path / graph} holds no codebooks.") from None
    return np.concatenate(books), np.concatenate(bases)


def _floats(weights: dict[str, Any], name: str) -> FloatArray:
    """A graph's array whose name begins so: exporters number what would have the name of an output."""
    values: FloatArray = next(array for key, array in weights.items() if key.split(".")[0] == name).astype(np.float32)
    return values


def _weights_of(bundle: Bundle) -> dict[str, Any]:
    """All arrays of encoder, decoder and memory, as the core looks them up.

    Matrices that the bundle stores in floats are given in bytes too.
    """
    found: dict[str, Any] = {}
    graphs = [(ENCODER, "encoder."), (DECODER, "decoder.")] + (
        [] if bundle.config.memory is None else [(MEMORY, "memory.")]
    )
    for graph, part in graphs:
        for name, values in read_weights(bundle.path / graph).items():
            if values.dtype == np.uint8:
                found[part + name] = values
                continue
            if values.dtype.kind != "f":
                continue
            floats = values.astype(np.float32)
            plain = part + name.removesuffix(HALF)
            found[plain] = floats
            if floats.ndim == 2 and plain + CODES not in found:
                found[plain + CODES], found[plain + SCALES] = to_bytes(floats)
    for names in UNTRAINED:
        kept = [found[name] for name in names if name in found]
        if kept:
            for name in names:
                found.setdefault(name, kept[0])
    return found


def shape_of(config: CodecConfig) -> _Shape:
    """A config as the core takes it (`lamina_shape` in `core/lamina.h`)."""
    transform, memory = config.transform, config.memory
    fields: dict[str, Any] = {
        "frame": config.frame,
        "latent": config.latent,
        "code_width": config.code_width,
        "residual_layers": config.residual_layers,
        "coarse_layers": config.coarse_layers,
        "codebook_size": config.codebook_size,
        "sample_rate": config.sample_rate,
        **{
            name: getattr(transform, name)
            for name in ("overlap", "width", "encoder_blocks", "decoder_blocks", "informed")
        },
        **{name: getattr(transform, name) for name in ("denoiser_blocks", "denoiser_width")},
        **{name: getattr(transform, name) for name in ("companding", "gain_exponent", "gain_scale")},
    }
    if memory is not None:
        fields["memory_width"] = memory.width
        own = (
            "past",
            "shortest_lag",
            "fine_lags",
            "coarse_lags",
            "history",
            "loop_layers",
            "from_layers",
            "predictor_blocks",
        )
        fields |= {name: getattr(memory, name) for name in (*own, "sketch_blocks", "trust", "guarded")}
    return _Shape(**fields)
