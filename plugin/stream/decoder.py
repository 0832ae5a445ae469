"""Codes to sound, stretch by stretch or all at once: what `NeuralCodec.decoder` and `decode` do."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import half_taps
from lamina.dsp.stereo import MidSide
from lamina.models.runtime import CodecRuntime
from lamina.plugin.call.arrays import check_sample_rate
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.desk.desk import Sent
from lamina.plugin.parameters.control_track import ControlTrack, Piece
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.frames import Coded, frame_levels
from lamina.plugin.stream.gain import Gain
from lamina.plugin.stream.receiver import Receiver
from lamina.plugin.stream.sender import Undo

DECODABLE_LISTEN = ("wet", "layer")
STRETCH_FRAMES = 600
"""Frames that are decoded at a time: long enough to be fast, short enough for any memory."""


class StreamDecoder:
    """Codes of one piece on their way to sound. Made by `NeuralCodec.decoder`.

    What comes of `push` and `flush` together is what `NeuralCodec.decode` gives of all the codes at once, however they
    are cut.

    Args:
        runtime: the codec, shared.
        settings: that hold for the whole piece.
        sample_rate: of the sound, Hz; None for the one that the codes were made at.
        layers: how many of each frame are heard; None for all that were sent.

    Raises ValueError for a way of listening that needs the sound before it was coded.
    """

    def __init__(
        self, runtime: CodecRuntime, settings: Settings, sample_rate: int | None = None, layers: int | None = None
    ) -> None:
        _check_listening(settings)
        memory = runtime.config.memory
        if layers is not None and memory is not None and layers < memory.from_layers:
            raise ValueError(
                f"Codes of the model {runtime.bundle.name!r} can be thinned out to {memory.from_layers} layers, not to "
                f"{layers}: its first code says where in its own past the codec looks. Encode with fewer layers."
            )
        self.sample_rate = sample_rate
        self._runtime, self._settings, self._layers = runtime, settings, layers
        self._first_settings = settings
        self._piece: _Piece | None = None
        self._is_done = False

    def takes(self, settings: Settings) -> bool:
        """Whether these settings may follow in the middle of the piece.

        Motion can't begin or end there, nor can what alters codes begin; `denoise`, `postfilter` and `output_gain_db`
        may change.
        """
        if settings.listen not in DECODABLE_LISTEN or settings.moves or self._settings.moves:
            return settings == self._settings
        return _alters(self._first_settings) or not _alters(settings)

    def push(self, codes: Codes, settings: Settings | None = None) -> FloatArray:
        """The next codes of the piece → sound that can be played now, float32 `[channels, samples]` of any length.

        `settings` hold from these codes on, for who hears codes while they come.

        Raises ValueError for codes of another model or of another piece, for settings that `takes` does not, and after
        `flush`, before any state has changed.
        """
        if self._is_done:
            raise ValueError("This decoder was flushed: its piece has ended. Make a new one.")
        if settings is not None and not self.takes(settings):
            raise ValueError("Motion, and what alters codes, can't begin in the middle of a piece. Make a new decoder.")
        if not isinstance(codes, Codes):
            raise TypeError(f"The codes are a {type(codes).__name__}; give what `encode` returns.")
        check_codes(self._runtime, codes)
        if settings is not None and self._piece is None:
            self._settings = self._first_settings = settings
        if self._piece is None:
            self.sample_rate = check_sample_rate(self.sample_rate or codes.sample_rate)
            # What the coded channels are, the codes say.
            settings = self._settings.moved_to("stereo", codes.stereo)
            self._piece = _Piece(self._runtime, settings, codes, self.sample_rate, self._layers)
        else:
            self._piece.first.check_same_piece(codes)
            if settings is not None and settings != self._settings:
                self._settings = settings
                self._piece.change(settings.moved_to("stereo", self._piece.first.stereo))
        return self._piece.push(codes)

    def flush(self) -> FloatArray:
        """The end: what is left of the sound. Nothing can be pushed after it."""
        if self._is_done:
            raise ValueError("This decoder was flushed: its piece has ended. Make a new one.")
        self._is_done = True
        return np.zeros((1, 0), np.float32) if self._piece is None else self._piece.flush()


class _Piece:
    """The state once the first codes have said what piece it is.

    Args:
        runtime: the codec, shared.
        settings: of the piece, in the codes' stereo mode.
        first: its first codes.
        sample_rate: of the sound, Hz.
        layers: how many of each frame are heard, or None.
    """

    def __init__(
        self, runtime: CodecRuntime, settings: Settings, first: Codes, sample_rate: int, layers: int | None
    ) -> None:
        config = runtime.config
        self.first = first[:0]
        self._runtime, self._rate, self._layers = runtime, sample_rate, layers
        self._n_coded, self._n_channels = len(first.codes), first.n_channels
        self._loop = runtime.loop(self._n_coded)
        self._n_frames, self._n_samples, self._n_given = 0, 0, 0
        self._undo = _way_back(first)
        self._settings = start = settings
        self._altering: _Altering | None = None
        if _alters(settings):
            self._altering = _Altering(runtime, settings, self._n_coded, sample_rate, self._undo)
            start = self._altering.track.at_start()
        offset = config.delay_samples * sample_rate
        self._receiver = Receiver(runtime, self._n_coded, sample_rate, start, offset)
        self._gain = Gain("output_gain_db", start, sample_rate)

    def change(self, settings: Settings) -> None:
        """Other settings from here on, in the codes' stereo mode."""
        self._settings = settings
        if self._altering is not None:
            self._altering.change(settings)

    def push(self, codes: Codes) -> FloatArray:
        """Sound that can be played now."""
        if codes.n_samples:
            self._n_samples = codes.start_of(self._n_frames) + codes.n_samples
        parts = []
        for start in range(0, len(codes), STRETCH_FRAMES):
            self._hear(codes.codes[:, start : start + STRETCH_FRAMES], codes.counts[:, start : start + STRETCH_FRAMES])
            parts.append(self._take(self._n_left))
        return np.concatenate(parts, 1) if parts else np.zeros((self._n_channels, 0), np.float32)

    def flush(self) -> FloatArray:
        """What is left; silence follows the last frame."""
        if self._altering is not None:
            self._altering.end(self._n_out)
            self._play_altered()
        missing = self._n_left - self._receiver.n_ready
        if missing > 0:
            core_rate = self._runtime.config.sample_rate
            kernel = half_taps(core_rate, self._rate)
            self._receiver.run_out(-(-missing * core_rate // self._rate) + kernel + 1)
        return self._take(self._n_left)

    @property
    def _n_out(self) -> int:
        """Length of the sound as far as it is known."""
        return round(self._n_samples * self._rate / self.first.sample_rate)

    @property
    def _n_left(self) -> int:
        return self._n_out - self._n_given

    def _hear(self, codes: npt.NDArray[np.uint16], counts: npt.NDArray[np.uint8]) -> None:
        predictions = None if self._loop is None else self._loop.decode(codes, counts)
        if self._layers is not None:
            counts = np.minimum(counts, self._layers).astype(np.uint8)
            codes = codes[..., : self._layers]
        n_frames = codes.shape[1]
        # Nothing is known of the sound: it bounds nothing.
        unknown = np.zeros(n_frames, np.float32), np.full(n_frames, np.inf, np.float32)
        sent = Sent(codes, counts, *unknown, self._n_frames, predictions)
        self._n_frames += n_frames
        if self._altering is None:
            self._receiver.receive(Coded(sent=sent, settings=[self._settings] * n_frames))
        else:
            self._altering.hear(sent, self._n_out)
            self._play_altered()

    def _play_altered(self) -> None:
        assert self._altering is not None
        for coded in self._altering.take_frames():
            self._receiver.receive(coded)

    def _take(self, most: int) -> FloatArray:
        n_samples = max(0, min(most, self._receiver.n_ready))
        if self._altering is None:
            pieces: list[Piece] = [(0, n_samples, self._settings)]
        else:
            n_samples = self._altering.n_known(n_samples)
            pieces = self._altering.take_pieces(n_samples)
        self._n_given += n_samples
        return self._gain.apply(self._receiver.take(n_samples, self._undo), pieces)


class _Altering:
    """What goes beside a piece whose codes are altered, or in which something moves: a decoder of the unaltered codes.

    The desk and envelope followers need levels, which codes don't tell; they take those of the unaltered sound.

    Args:
        runtime: the codec, shared.
        settings: of the piece.
        n_coded: coded channels.
        sample_rate: of the sound, Hz.
        undo: from coded channels to those of the sound.
    """

    def __init__(self, runtime: CodecRuntime, settings: Settings, n_coded: int, sample_rate: int, undo: Undo) -> None:
        config = runtime.config
        self._config, self._settings, self._undo = config, settings, undo
        self.track = ControlTrack(settings, sample_rate, config.sample_rate, config.frame, 0)
        self._plain = Settings(denoise=settings.denoise)
        self._guide = Receiver(runtime, n_coded, sample_rate, self._plain, config.delay_samples * sample_rate)
        self._waiting: deque[Sent] = deque()
        self._n_steps = 0
        self._of_frames: deque[Settings] = deque()
        self._pieces: deque[Piece] = deque()
        # Decoded sound is late by less than a frame: a frame's level is that of what begins in it.
        self._levels = np.zeros((n_coded, 0), np.float32)
        self._n_late = config.delay_samples
        self._rate = sample_rate
        self._is_over = False

    def change(self, settings: Settings) -> None:
        """Other settings from here on; nothing moves in these or those."""
        self._settings = settings
        self._plain = Settings(denoise=settings.denoise)

    def n_known(self, most: int) -> int:
        """Of the next `most` samples those whose settings are known."""
        if not self._settings.moves:
            return most
        return min(most, self._pieces[-1][1] - self._pieces[0][0]) if self._pieces else 0

    def hear(self, sent: Sent, n_out: int) -> None:
        """Frames as they were sent, of a sound of at least `n_out` samples."""
        self._waiting.append(sent)
        core = self._guide.receive(Coded(sent=sent, settings=[self._plain] * sent.codes.shape[1]))
        late = min(self._n_late, core.shape[1])
        self._n_late -= late
        self._levels = np.concatenate([self._levels, core[:, late:]], 1)
        # In whole steps, so that what is measured in each does not depend on the cutting.
        self._take_in(self.track.whole_steps(min(self._guide.n_ready, n_out - self.track.position)))

    def end(self, n_out: int) -> None:
        """Nothing follows the frames that were heard; the sound has `n_out` samples."""
        if self._settings.moves:  # else nobody takes in the unaltered sound, and no place in it is counted
            missing = n_out - self.track.position - self._guide.n_ready
            if missing > 0:
                kernel = half_taps(self._config.sample_rate, self._rate)
                self._guide.run_out(-(-missing * self._config.sample_rate // self._rate) + kernel + 1)
            self._take_in(n_out - self.track.position)
        self._is_over = True
        self._levels = np.pad(self._levels, ((0, 0), (0, self._config.delay_samples)))

    def take_frames(self) -> list[Coded]:
        """Frames of which all is known now: level, and settings."""
        n_frames = self._levels.shape[1] // self._config.frame
        if self._settings.moves and not self._is_over:
            n_frames = min(n_frames, len(self._of_frames))
        taken = []
        while n_frames > 0 and self._waiting:
            sent = self._waiting.popleft()
            n_sent = sent.codes.shape[1]
            if n_sent > n_frames:
                self._waiting.appendleft(sent.part(slice(n_frames, n_sent)))
                sent = sent.part(slice(0, n_frames))
            n = sent.codes.shape[1]
            n_core = n * self._config.frame
            rms, peak = (level.max(0) for level in frame_levels(self._levels[:, :n_core], n))
            self._levels = self._levels[:, n_core:]
            settings = [self._of_frames.popleft() if self._of_frames else self._settings for _ in range(n)]
            known = Sent(sent.codes, sent.counts, rms, peak, sent.first, sent.predictions)
            taken.append(Coded(sent=known, settings=settings))
            n_frames -= n
        return taken

    def take_pieces(self, n_samples: int) -> list[Piece]:
        """The settings of the next samples."""
        if not self._settings.moves:
            return [(0, n_samples, self._settings)]
        pieces: list[Piece] = []
        done = 0
        while done < n_samples:
            start, stop, settings = self._pieces.popleft()
            n = min(stop - start, n_samples - done)
            if n < stop - start:
                self._pieces.appendleft((start + n, stop, settings))
            pieces.append((done, done + n, settings))
            done += n
        return pieces

    def _take_in(self, n_samples: int) -> None:
        """Samples of the unaltered sound for what moves by it."""
        if not self._settings.moves:
            self._guide.take(self._guide.n_ready, self._undo)
        if n_samples <= 0 or not self._settings.moves:
            return
        position = self.track.position
        pieces = self.track.take_in(self._guide.take(n_samples, self._undo), self._settings)
        self._pieces.extend((position + start, position + stop, settings) for start, stop, settings in pieces)
        for step in range(self._n_steps, self.track.n_steps):
            self._of_frames.append(self.track.at(step))
        self._n_steps = self.track.n_steps


def _alters(settings: Settings) -> bool:
    """Whether more is done than to decode codes as they are."""
    return bool(settings.moves or settings.alters_codes or settings.listen != "wet" or settings.noise_only)


def check_layers_are_sent(layers: int, n_sent: int) -> None:
    """Raises ValueError if more layers are to be heard than the codes have."""
    if layers > n_sent:
        raise ValueError(
            f"layers is {layers}, but the codes have {n_sent}. Give at most {n_sent}, or leave it out to hear all."
        )


def check_codes(runtime: CodecRuntime, codes: Codes) -> None:
    """Raises ValueError for codes that the model can't have made, whatever they say of themselves."""
    bundle, config, n_layers = runtime.bundle, runtime.config, codes.codes.shape[2]
    if codes.digest != bundle.digest:
        raise ValueError(
            f"The codes were made with another model ({codes.model!r}, {codes.digest[:12]!r}…) than this one "
            f"({bundle.name!r}, {bundle.digest[:12]!r}…). Decode them with that model."
        )
    if (
        n_layers > config.layers
        or codes.frame_rate != config.frame_rate
        or codes.code_bits != config.code_bits[:n_layers]
    ):
        raise ValueError(
            f"The codes' layers, bits or frame rate are not those of the model {bundle.name!r}. Encode the sound again."
        )
    memory = config.memory
    for layer in range(n_layers):
        sent = codes.counts > layer
        is_lag = (
            sent & (codes.counts >= memory.from_layers) if memory is not None and layer == 0 else np.zeros_like(sent)
        )
        for which, most in (
            (sent & ~is_lag, config.codebook_size),
            (is_lag, 2 * memory.n_lags if memory is not None else 0),
        ):
            if most < 1 << config.code_bits[layer] and (codes.codes[..., layer][which] >= most).any():
                raise ValueError(
                    f"A code of layer {layer + 1} is beyond the {most} that the model has. Encode the sound again."
                )


def _check_listening(settings: Settings) -> None:
    """Raises ValueError where something is listened to, or may be, that only the sender knows."""
    heard = {settings.listen}
    for curve in settings.automation:
        if curve.target == "listen":
            heard |= set(curve.values)
    for name in sorted(heard - set(DECODABLE_LISTEN)):
        raise ValueError(f"listen is {name!r}, which needs the sound before it was coded. Decode with wet or layer.")
    if any(motion.target == "listen" for motion in settings.motions):
        raise ValueError(
            "A motion moves listen, also to what needs the sound before it was coded. Take it out to decode codes."
        )


def _way_back(codes: Codes) -> Undo:
    """From coded channels to those of the sound."""
    if codes.stereo == "mid-side":
        return MidSide(0, 1, True, True).inverse
    if codes.stereo == "mono":
        return lambda sound: np.repeat(sound, codes.n_channels, 0)
    return lambda sound: sound
