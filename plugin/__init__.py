"""The effect and what hosts it: `NeuralCodec`, `Board`, and a room for each thing they are made of or do.

Importing this costs neither torch nor ONNX Runtime nor Qt; the codec loads at its first block.
"""

from typing import TYPE_CHECKING, Any

from lamina.models.bundles.bundle import DEFAULT_BUNDLE, list_bundles, survey_bundles
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.motion import Automation, Motion
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS, Parameter
from lamina.plugin.stream.reports import FrameReport

if TYPE_CHECKING:
    from lamina.plugin.board import Board

__all__ = [
    "DEFAULT_BUNDLE",
    "PARAMETERS",
    "Automation",
    "Board",
    "Codes",
    "FrameReport",
    "Motion",
    "NeuralCodec",
    "Parameter",
    "Settings",
    "list_bundles",
    "survey_bundles",
]


def __getattr__(name: str) -> Any:
    # Boards need Pedalboard, which a machine that only trains may lack.
    if name == "Board":
        from lamina.plugin.board import Board

        return Board
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
