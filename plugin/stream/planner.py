"""The first of two passes: how many layers each frame of a piece gets."""

from __future__ import annotations

from dataclasses import replace

from lamina.dsp.arrays import FloatArray
from lamina.models.runtime import CodecRuntime
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.encoder import StreamEncoder
from lamina.plugin.stream.two_pass import LayerPlan, Survey


class StreamPlanner:
    """One piece of sound that is heard before it is coded. Made by `NeuralCodec.planner`.

    Args:
        runtime: the codec, shared.
        settings: that hold for the whole piece.
        sample_rate: of the sound, Hz.
        n_channels: its channels.

    Raises ValueError for several generations, in which frames stand elsewhere, and for a stereo mode that moves.
    """

    def __init__(self, runtime: CodecRuntime, settings: Settings, sample_rate: int, n_channels: int) -> None:
        if settings.passes > 1:
            raise ValueError(
                f"Layers can't be planned for {settings.passes} generations. Set passes to 1, or leave the plan out."
            )
        targets = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
        if "stereo" in targets:
            raise ValueError(
                "Layers can't be planned while stereo moves. Take it out of motions and automation, or leave the plan "
                "out."
            )
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self._survey = Survey(runtime)
        # How hard a frame is shows without looking for better codes, too.
        quick = replace(settings, search=1, variable_rate=False)
        self._encoder = StreamEncoder(runtime, quick, sample_rate, n_channels, survey=self._survey)
        self._n_frames = 0

    def push(self, block: FloatArray) -> None:
        """Hear the next block, float32 (or float64) `[channels, n]` of any n; raises as `StreamEncoder.push` does."""
        self._n_frames += self._encoder.push(block).n_frames

    def flush(self) -> LayerPlan:
        """The end: the plan for all frames of the piece. Nothing can be pushed after it."""
        return self._survey.plan(self._n_frames + self._encoder.flush().n_frames)
