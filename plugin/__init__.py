"""The effect and what hosts it: `NeuralCodec`, `Board`, parameters, presets, rendering, the command line.

Importing this costs neither torch nor ONNX Runtime nor Qt; the codec loads at its first block.
"""

from lamina.plugin.board import Board
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters import PARAMETERS, Parameter, Settings
from lamina.plugin.reports import FrameReport

__all__ = ["PARAMETERS", "Board", "FrameReport", "NeuralCodec", "Parameter", "Settings"]
