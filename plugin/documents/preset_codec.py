"""The effect that a preset is for."""

from __future__ import annotations

from dataclasses import replace

from lamina.plugin.documents.presets import Preset
from lamina.plugin.neural_codec import NeuralCodec


def codec_for(preset: Preset) -> NeuralCodec:
    """An effect with the preset's model (the default one if it names none), its parameters not yet set.

    Raises PresetError if that model is not there or damaged.
    """
    return NeuralCodec.from_preset(replace(preset, parameters={}))
