"""The sending half of a stream: sound at the host's rate → what is sent of it.

    input ─ gain ─ stereo ─ resampler ─ frames ─ encoder ─ quantizer ─ codes

Streams and whole pieces, live and for files, all encode with this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import IntoFrames
from lamina.dsp.resample import StreamingResampler
from lamina.dsp.stereo import MidSide
from lamina.models.runtime import CodecRuntime
from lamina.plugin.parameters.control_track import ControlTrack, Piece
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.frames import Encoded, FrameSender
from lamina.plugin.stream.gain import Gain, ramp_samples
from lamina.plugin.stream.two_pass import LayerPlan, Survey

Undo = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Sending:
    """What became of a block.

    Args:
        driven: the block after the input gain, `[channels, n]`: the dry sound.
        pieces: of it, with the settings that hold there.
        n_frames: frames that it completed.
        stretches: what is sent of them, encoded while they are asked for; all of them are to be taken before the next
            block.
        ways_back: from what was coded to left and right, one for each piece.
    """

    driven: FloatArray
    pieces: list[Piece]
    n_frames: int
    stretches: Iterator[Encoded]
    ways_back: list[Undo]

    def undo(self, wet: FloatArray) -> FloatArray:
        """The stereo matrix's inverse for the samples that leave while the block comes in, `[channels, n]`."""
        if not self.ways_back:
            return wet
        if len(self.ways_back) == 1:
            return self.ways_back[0](wet)
        back = [way(wet[:, start:stop]) for way, (start, stop, _) in zip(self.ways_back, self.pieces, strict=True)]
        return np.concatenate(back, 1)


class Sender:
    """Its state.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every block.
        sample_rate: of the blocks, Hz.
        track: of the stream, before its first block; blocks are taken in here.
        settings: as they stand before the first sample; `passes` stays so.
        latency_samples: after which the sound comes back that `Sending.undo` turns back.
        in_place: whether frames stand where the sound is, so that a receiver begins with it. Generations before the
            last one make it later; as many frames are then left out at the beginning.
        plan, survey: as `FrameSender` takes them.
    """

    def __init__(
        self,
        runtime: CodecRuntime,
        n_channels: int,
        sample_rate: int,
        track: ControlTrack,
        settings: Settings,
        latency_samples: int = 0,
        in_place: bool = False,
        plan: LayerPlan | None = None,
        survey: Survey | None = None,
    ) -> None:
        config = runtime.config
        self._runtime, self._n_channels, self._rate, self._track = runtime, n_channels, sample_rate, track
        self._gain = Gain("input_gain_db", settings, sample_rate)
        self._stereo = self._beside_stereo = None
        if n_channels == 2:
            turning = ramp_samples(sample_rate), settings.stereo != "linked", settings.stereo != "mono"
            self._stereo, self._beside_stereo = MidSide(latency_samples, *turning), MidSide(0, *turning)
        late = config.delay_samples * (settings.passes - 1) if in_place else 0
        n_lead = -late % config.frame
        self._n_left_out = (late + n_lead) // config.frame
        self._into = IntoFrames(n_channels, sample_rate, config.sample_rate, config.frame, n_lead)
        forget_at = self._n_left_out if in_place else None
        self._frames = FrameSender(runtime, n_channels, settings, forget_at, plan, survey)
        self._beside_in: StreamingResampler | None = None
        self._beside = np.zeros((n_channels, 0), np.float32)

    @property
    def n_frames(self) -> int:
        """Frames sent so far."""
        return max(0, self._frames.n_frames - self._n_left_out)

    def push(self, block: FloatArray, settings: Settings, sidechain: FloatArray | None = None) -> Sending:
        """Float32 `[channels, n]`, finite, with the settings as they stand, and a side-chain of the same shape."""
        pieces = self._track.take_in(block, settings)
        driven = self._gain.apply(block, pieces)
        self._take_beside(sidechain, pieces)
        coded, ways_back = driven, list[Undo]()
        if self._stereo is not None:
            coded, ways_back = _turned(self._stereo, driven, pieces)
        frames = self._into.push(coded)
        n_frames = frames.shape[1] // self._runtime.config.frame
        return Sending(driven, pieces, n_frames, self._encoded(frames), ways_back)

    def run_out(self, n_samples: int) -> Iterator[Encoded]:
        """Silence behind the end: what is sent of frames that it completes."""
        return self._encoded(self._into.push(np.zeros((self._n_channels, n_samples), np.float32)))

    def _encoded(self, frames: FloatArray) -> Iterator[Encoded]:
        beside = None
        if self._beside_in is not None:
            n_core = frames.shape[1]
            beside, self._beside = self._beside[:, :n_core], self._beside[:, n_core:].copy()
        for encoded in self._frames.encode(frames, beside, lambda frame: self._track.at(frame - self._n_left_out)):
            n_early = min(max(0, self._n_left_out - encoded.sent.first), encoded.n_frames)
            if n_early == 0 and self._n_left_out == 0:
                yield encoded
            elif n_early < encoded.n_frames:
                yield encoded.after(n_early, self._n_left_out)

    def _take_beside(self, sidechain: FloatArray | None, pieces: list[Piece]) -> None:
        """Bring the side-chain to the codec's rate.

        Once there was one, there always is: silence, where none is given.
        """
        if sidechain is None and self._beside_in is None:
            return
        n_samples = pieces[-1][1] if pieces else 0
        if self._beside_in is None:
            config = self._runtime.config
            self._beside_in = StreamingResampler(self._n_channels, self._rate, config.sample_rate)
            # As late as earlier generations make the sound, and silent until now.
            late = np.zeros((self._n_channels, config.delay_samples * self._frames.n_earlier), np.float32)
            before = self._beside_in.push(np.zeros((self._n_channels, self._track.position - n_samples), np.float32))
            self._beside = np.concatenate([late, before], 1)[:, self._frames.n_frames * config.frame :]
        given = np.zeros((self._n_channels, n_samples), np.float32) if sidechain is None else sidechain
        if self._beside_stereo is not None:
            given, _ = _turned(self._beside_stereo, given, pieces)
        self._beside = np.concatenate([self._beside, self._beside_in.push(given)], 1)


def _turned(matrix: MidSide, x: FloatArray, pieces: list[Piece]) -> tuple[FloatArray, list[Undo]]:
    """`x` through the matrix as each piece's settings say, and the ways back for what comes out meanwhile."""
    coded, ways_back = [], []
    for start, stop, settings in pieces:
        matrix.set(settings.stereo != "linked", settings.stereo != "mono")
        coded.append(matrix.encode(x[:, start:stop]))
        ways_back.append(matrix.inverse)
    return (coded[0] if len(coded) == 1 else np.concatenate([x[:, :0], *coded], 1)), ways_back
