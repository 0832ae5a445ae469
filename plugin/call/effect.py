"""What every Lamina effect can do: pedalboard's own call, on numpy arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from lamina.dsp.arrays import FloatArray


class Effect(ABC):
    """An effect with pedalboard's calling convention."""

    # With slots all the way down, a misspelt attribute raises AttributeError as pedalboard's own plugins do.
    __slots__ = ()

    @abstractmethod
    def process(
        self, input_array: np.ndarray, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> FloatArray:
        """Run audio through the effect.

        Args:
            input_array: float32 (or float64) mono or stereo: `[samples]`, `[channels, samples]` or `[samples,
                channels]`.
            sample_rate: Hz, 8000 … 192000.
            buffer_size: as in pedalboard; at least 1.
            reset: True for one whole piece of audio: the result has its length and no delay. False to stream:
                the state goes on from the last such call, and the first calls return fewer samples, until the
                latency is swallowed.

        Returns float32 in the input's layout. Raises TypeError or ValueError before any state has changed.
        """

    def __call__(
        self, input_array: np.ndarray, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> FloatArray:
        """The same as `process`."""
        return self.process(input_array, sample_rate, buffer_size, reset)

    def process_channels(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """As `process`, for callers who know that theirs is float32 `[channels, samples]`.

        Any number of samples is taken for such.

        An effect that doesn't say otherwise guesses from the shape again.
        """
        return self.process(audio, rate, buffer_size, reset)

    @abstractmethod
    def reset(self) -> None:
        """Forget the streamed past."""

    @property
    def can_stream(self) -> bool:
        """Whether it takes blocks; one that doesn't takes whole pieces only, and refuses `reset=False`."""
        return True


class SideChainEffect(Effect):
    """An effect that may hear a second sound beside the one it processes."""

    __slots__ = ()

    @abstractmethod
    def process(
        self,
        input_array: np.ndarray,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        sidechain: np.ndarray | None = None,
    ) -> FloatArray:
        """As `Effect.process`; `sidechain` has as many samples as `input_array`, and as many channels or one."""

    def __call__(
        self,
        input_array: np.ndarray,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        sidechain: np.ndarray | None = None,
    ) -> FloatArray:
        """The same as `process`."""
        return self.process(input_array, sample_rate, buffer_size, reset, sidechain)

    def process_channels(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None = None
    ) -> FloatArray:
        """As `Effect.process_channels`; `sidechain` has the shape of `audio`."""
        return self.process(audio, rate, buffer_size, reset, sidechain)
