"""Sound to codes, block by block or all at once: what `NeuralCodec.encoder` and `encode` do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import bridge_latency
from lamina.dsp.resample import half_taps
from lamina.models.runtime import CodecRuntime
from lamina.plugin.call.arrays import check_float_array, refuse_non_finite
from lamina.plugin.codes_file.codes import Codes, Stereo, first_sample
from lamina.plugin.parameters.control_track import ControlTrack
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.frames import Encoded
from lamina.plugin.stream.sender import Sender
from lamina.plugin.stream.two_pass import LayerPlan, Survey


class StreamEncoder:
    """One piece of sound on its way into codes. Made by `NeuralCodec.encoder`.

    What comes of `push` and `flush` together (`+`) is what `NeuralCodec.encode` gives of the whole, however it is cut.

    Args:
        runtime: the codec, shared.
        settings: that hold for the whole piece.
        sample_rate: of the sound, Hz.
        n_channels: its channels.
        plan, survey: as the sender's frames take them.

    Raises ValueError for a stereo mode that changes on the way: `Codes` have one.
    """

    def __init__(
        self,
        runtime: CodecRuntime,
        settings: Settings,
        sample_rate: int,
        n_channels: int,
        plan: LayerPlan | None = None,
        survey: Survey | None = None,
    ) -> None:
        targets = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
        if "stereo" in targets:
            raise ValueError(
                "stereo moves, but codes are kept in one stereo mode. Take it out of motions and automation."
            )
        config = runtime.config
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self._runtime, self._settings = runtime, settings
        self._stereo: Stereo = settings.stereo if n_channels == 2 else "linked"
        # Steps are remembered until the codec's frames have come to them.
        latest = bridge_latency(sample_rate, config.sample_rate, config.frame, config.delay_samples * settings.passes)
        track = ControlTrack(settings, sample_rate, config.sample_rate, config.frame, latest)
        self._sender = Sender(
            runtime, n_channels, sample_rate, track, track.at_start(), in_place=True, plan=plan, survey=survey
        )
        self._n_samples, self._n_frames = 0, 0
        self._is_done = False

    def push(self, block: FloatArray, settings: Settings | None = None) -> Codes:
        """Take the next block and return the codes of the frames that it completes, which may be none.

        Float32 (or float64) `[channels, n]` of any n. `settings` hold from this block on: those of the beginning with
        another number of layers or other chances of loss, for who sends codes while they are made.

        Raises TypeError or ValueError for another type or shape, NaN and infinity, and after `flush`, before any state
        has changed.
        """
        self._refuse_if_done()
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or len(block) != self.n_channels:
            raise ValueError(f"The block has the shape {block.shape}; this encoder takes [{self.n_channels}, samples].")
        refuse_non_finite(block, self._n_samples)
        self._n_samples += block.shape[1]
        if settings is not None:
            self._settings = settings
        return self._codes(list(self._sender.push(block, self._settings).stretches), None)

    def flush(self) -> Codes:
        """The end: the codes of the frames that reach up to the last sample. Nothing can be pushed after it."""
        self._refuse_if_done()
        self._is_done = True
        config, rate = self._runtime.config, self.sample_rate
        # The last sample needs the codec's frames up to itself, later by the codec's delay, and the kernel of the way
        # back behind it.
        back = half_taps(config.sample_rate, rate)
        n_core = -(-self._n_samples * config.sample_rate // rate) + config.delay_samples + back
        n_frames = -(-n_core // config.frame) if self._n_samples else 0
        return self._codes(list(self._silence(n_frames)), n_frames)

    def _silence(self, n_frames: int) -> Iterator[Encoded]:
        """What silence behind the end brings until there are so many frames."""
        config = self._runtime.config
        while self._sender.n_frames < n_frames:
            yield from self._sender.run_out(-(-config.frame * self.sample_rate // config.sample_rate))

    def _codes(self, stretches: list[Encoded], n_frames: int | None) -> Codes:
        """Codes of these frames, of which there may be no more than `n_frames` in all."""
        sent = [encoded.sent for encoded in stretches]
        n_coded = 1 if self._stereo == "mono" else self.n_channels
        n_new = sum(part.codes.shape[1] for part in sent)
        if n_frames is not None:
            n_new = min(n_new, n_frames - self._n_frames)
        most = max((int(part.counts[:n_coded].max(initial=1)) for part in sent), default=self._settings.layers)
        codes = np.zeros((n_coded, n_new, most), np.uint16)
        counts = np.zeros((n_coded, n_new), np.uint8)
        start = 0
        for part in sent:
            stop = min(n_new, start + part.codes.shape[1])
            n_layers = min(most, part.codes.shape[2])
            codes[:, start:stop, :n_layers] = part.codes[:n_coded, : stop - start, :n_layers]
            counts[:, start:stop] = part.counts[:n_coded, : stop - start]
            start = stop
        began, self._n_frames = self._n_frames, self._n_frames + n_new
        rates = self.sample_rate, self._runtime.config.frame_rate
        end = self._n_samples if n_frames is not None else first_sample(self._n_frames, *rates)
        n_samples = end - first_sample(began, *rates)
        return self._described(codes, counts, n_samples)

    def _described(self, codes: np.ndarray, counts: np.ndarray, n_samples: int) -> Codes:
        """With what is to be known of the model that made them."""
        bundle, config = self._runtime.bundle, self._runtime.config
        return Codes(
            codes,
            counts,
            self.sample_rate,
            n_samples,
            self.n_channels,
            bundle.name,
            bundle.digest,
            self._stereo,
            self._settings.denoise,
            0 if config.memory is None else config.memory.from_layers,
            config.frame_rate,
            config.code_bits[: codes.shape[2]],
        )

    def _refuse_if_done(self) -> None:
        if self._is_done:
            raise ValueError("This encoder was flushed: its piece has ended. Make a new one.")
