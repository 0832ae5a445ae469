"""The native effect (folder `native`) through its C interface, built once for all tests."""

from __future__ import annotations

import ctypes
import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
from make_parameters import native_parameters, symbol

from lamina.models.bundles.bundle import open_bundle
from lamina.models.engines.weights_file import weights_file, write_weights_file

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "native"
PLUGINS = ROOT / "build" / "plugin"
DPF = Path("/usr/share/dpf")
MOST_LAYERS = 64


def why_not_native() -> str:
    """Why the native effect can't be built here; "" if it can."""
    return "" if shutil.which("g++") and shutil.which("make") else "there is no C++ compiler here"


def why_no_plugin() -> str:
    """Why the plugin can't be built here; "" if it can."""
    return why_not_native() or ("" if DPF.is_dir() else "the DISTRHO Plugin Framework (dpf-source) is not here")


@lru_cache(maxsize=1)
def shipped_weights() -> Path:
    """The weights file of the model that comes with Lamina."""
    target, bundle = BUILT / "lamina-24k.weights", open_bundle()
    with _alone():
        # A fresh file that says the same would have everything linked again.
        if not target.is_file() or target.read_bytes() != weights_file(bundle):
            write_weights_file(bundle, target)
    return target


def made(target: str) -> None:
    """Build a target of the folder's Makefile."""
    with _alone():
        done = subprocess.run(["make", "-C", str(ROOT / "native"), "-j2", target], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


@contextmanager
def _alone() -> Iterator[None]:
    """Whoever builds: other test processes wait."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / ".building").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=1)
def plugin() -> Path:
    """The folder with the built plugins."""
    shipped_weights()
    made("plugin")
    return PLUGINS


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The effect with its calls declared."""
    made("effect")
    found = ctypes.CDLL(str(BUILT / "liblamina-effect.so"))
    integer, pointer, text = ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p
    found.lamina_effect_create.restype = pointer
    found.lamina_effect_create.argtypes = (text, integer, integer, pointer, text, ctypes.c_size_t)
    found.lamina_effect_destroy.argtypes = (pointer,)
    found.lamina_effect_set.argtypes = (pointer, integer, ctypes.c_float)
    found.lamina_effect_parameter.argtypes = (text,)
    found.lamina_effect_latency.argtypes = (pointer,)
    found.lamina_effect_process.argtypes = (pointer, pointer, pointer, integer)
    found.lamina_effect_note_codes.argtypes = (pointer, pointer, ctypes.c_int64)
    found.lamina_effect_note_codes.restype = ctypes.c_int64
    return found


def in_plugin_units(settings: dict[str, object]) -> dict[str, float]:
    """Values of NeuralCodec's parameters as hosts hand them over."""
    given = dict(settings)
    gains = given.pop("layer_gains", ())
    given |= {f"layer_gains.{layer}": gain for layer, gain in enumerate(gains, 1)}
    found = {}
    for parameter in native_parameters():
        if parameter.name in given:
            value = given.pop(parameter.name)
            if parameter.kind == "choice":
                value = parameter.choices.index(value)
            found[symbol(parameter.name)] = float(value) * (100 if parameter.unit == "%" else 1)
    assert not given, "these are no parameters of the native effect"
    return found


class NativeEffect:
    """One effect with the shipped model.

    Args:
        rate, n_channels: of the host.
        values: parameters by name, in the plugin's units.
        weights: another weights file.
    """

    def __init__(
        self, rate: int, n_channels: int, values: dict[str, float] | None = None, weights: Path | None = None
    ) -> None:
        self._library, self._n_channels = library(), n_channels
        problem = ctypes.create_string_buffer(400)
        path = str(weights or shipped_weights()).encode()
        # Settings before the first sample, as they are when NeuralCodec begins a stream.
        usual = [p.choices.index(p.default) if p.kind == "choice" else float(p.default) for p in native_parameters()]
        for name, value in (values or {}).items():
            usual[self._number(name)] = value
        given = (ctypes.c_float * len(usual))(*usual)
        self._effect = self._library.lamina_effect_create(path, rate, n_channels, given, problem, len(problem))
        if not self._effect:
            raise ValueError(problem.value.decode())

    def _number(self, name: str) -> int:
        number = self._library.lamina_effect_parameter(name.encode())
        assert number >= 0, name
        return number

    def __del__(self) -> None:
        if getattr(self, "_effect", None):
            self._library.lamina_effect_destroy(self._effect)

    @property
    def latency_samples(self) -> int:
        return self._library.lamina_effect_latency(self._effect)

    def set(self, name: str, value: float) -> None:
        self._library.lamina_effect_set(self._effect, self._number(name), value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """`[channels, n]` in and out."""
        block = np.ascontiguousarray(block, np.float32)
        out = np.empty_like(block)
        rows = ctypes.c_void_p * len(block)
        self._library.lamina_effect_process(
            self._effect,
            rows(*(row.ctypes.data for row in block)),
            rows(*(row.ctypes.data for row in out)),
            block.shape[1],
        )
        return out

    def push_noting_codes(self, block: np.ndarray, most: int = 4000) -> tuple[np.ndarray, np.ndarray]:
        """The same with the codes that were sent, `[frames, channels, layers]`, −1 where there were none."""
        codes = np.full((most, self._n_channels, MOST_LAYERS), -1, np.int32)
        self._library.lamina_effect_note_codes(self._effect, codes.ctypes.data, most)
        out = self.push(block)
        n_frames = self._library.lamina_effect_note_codes(self._effect, None, 0)
        return out, codes[:n_frames]
