"""A clip at another rate, converted where it is read: playing a long file must not wait for its conversion."""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.resample import StreamingResampler, half_taps

FloatArray = NDArray[np.float32]

CHUNK_SECONDS = 1.0
KEPT_CHUNKS = 8  # the place that is read, the one a jump fades away from, and what a short loop comes back to


class ConvertedClip:
    """`samples` `[channels, n]` at `from_rate` Hz, to be read at `to_rate` Hz.

    It has a `shape` and is indexed as the array would be: `[:, start:stop]` or `[:, indices]`.
    """

    def __init__(self, samples: FloatArray, from_rate: int, to_rate: int) -> None:
        self._samples, self._from_rate, self._to_rate = samples, from_rate, to_rate
        self.shape = (samples.shape[0], -(-samples.shape[1] * to_rate // from_rate))
        self._n_chunk = round(CHUNK_SECONDS * to_rate)
        self._chunks: OrderedDict[int, FloatArray] = OrderedDict()

    def __getitem__(self, key: tuple[slice, slice | NDArray[np.integer]]) -> FloatArray:
        _, places = key
        if isinstance(places, slice):
            start, stop, _ = places.indices(self.shape[1])
            return self._between(start, stop)
        first = int(places.min())
        return self._between(first, int(places.max()) + 1)[:, places - first]

    def _between(self, start: int, stop: int) -> FloatArray:
        chunks = range(start // self._n_chunk, max(start, stop - 1) // self._n_chunk + 1)
        offset = chunks.start * self._n_chunk
        return np.concatenate([self._chunk(number) for number in chunks], axis=1)[:, start - offset : stop - offset]

    def _chunk(self, number: int) -> FloatArray:
        if number in self._chunks:
            self._chunks.move_to_end(number)
        else:
            self._chunks[number] = self._converted(number * self._n_chunk)
            if len(self._chunks) > KEPT_CHUNKS:
                self._chunks.popitem(last=False)
        return self._chunks[number]

    def _converted(self, first: int) -> FloatArray:
        """A chunk from output sample `first` on, through a resampler that starts just before it."""
        n_out = min(self._n_chunk, self.shape[1] - first)
        half = half_taps(self._from_rate, self._to_rate)
        begin = max(0, first * self._from_rate // self._to_rate - half)
        end = (first + n_out) * self._from_rate // self._to_rate + half + 1
        heard = self._samples[:, begin:end]
        # Beyond the clip's end there is silence.
        heard = np.pad(heard, ((0, 0), (0, end - begin - heard.shape[1])))
        resampler = StreamingResampler(self.shape[0], self._from_rate, self._to_rate, first * self._from_rate - begin * self._to_rate)
        return resampler.push(heard)[:, :n_out]
