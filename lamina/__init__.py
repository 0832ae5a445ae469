"""Lamina, a neural audio codec that can be played.

What scripts need is here, by its shortest names: `from lamina import NeuralCodec, Board`.

Importing this loads nothing else: every name is fetched from where it lives when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina import line as line
    from lamina.plugin.board import Board
    from lamina.plugin.codes_file.codes import Codes
    from lamina.plugin.codes_file.coding import decode_file, encode_file
    from lamina.plugin.codes_file.file import codes_writer, open_codes, read_codes, write_codes
    from lamina.plugin.documents.presets import load_preset
    from lamina.plugin.documents.vst3 import load_vst3
    from lamina.plugin.files.render import render_file
    from lamina.plugin.files.sound import read_audio
    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.device.device_settings import DeviceSettings
    from lamina.plugin.neural_codec import NeuralCodec
    from lamina.plugin.parameters.motion import Automation, Motion
    from lamina.plugin.parameters.table import PARAMETERS

    __version__: str

__all__ = [
    "NeuralCodec",
    "Board",
    "Motion",
    "Automation",
    "PARAMETERS",
    "Codes",
    "read_codes",
    "write_codes",
    "open_codes",
    "codes_writer",
    "encode_file",
    "decode_file",
    "read_audio",
    "render_file",
    "load_preset",
    "load_vst3",
    "LiveEngine",
    "DeviceSettings",
    "__version__",
]

_HOMES = {
    "NeuralCodec": "lamina.plugin.neural_codec",
    "Board": "lamina.plugin.board",
    "Motion": "lamina.plugin.parameters.motion",
    "Automation": "lamina.plugin.parameters.motion",
    "PARAMETERS": "lamina.plugin.parameters.table",
    "Codes": "lamina.plugin.codes_file.codes",
    "read_codes": "lamina.plugin.codes_file.file",
    "write_codes": "lamina.plugin.codes_file.file",
    "open_codes": "lamina.plugin.codes_file.file",
    "codes_writer": "lamina.plugin.codes_file.file",
    "encode_file": "lamina.plugin.codes_file.coding",
    "decode_file": "lamina.plugin.codes_file.coding",
    "read_audio": "lamina.plugin.files.sound",
    "render_file": "lamina.plugin.files.render",
    "load_preset": "lamina.plugin.documents.presets",
    "load_vst3": "lamina.plugin.documents.vst3",
    "LiveEngine": "lamina.plugin.host.client.live_engine",
    "DeviceSettings": "lamina.plugin.host.device.device_settings",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name == "line":
        return import_module("lamina.line")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lamina")
    except PackageNotFoundError:  # run from its source without being installed
        return "0+unknown"
