"""Sound to codes and back: what `NeuralCodec.encode` and `decode` do, on whole pieces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.dsp.ramp import Ramp
from lamina.dsp.resample import StreamingResampler, half_taps
from lamina.dsp.stereo import MidSide
from lamina.models.runtime import CodecRuntime
from lamina.plugin.call.arrays import FloatArray
from lamina.plugin.codes_file.codes import Codes, Stereo
from lamina.plugin.desk.desk import Sent
from lamina.plugin.parameters.control_track import ControlTrack, Piece
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.blocks import RAMP_SECONDS, limited
from lamina.plugin.stream.frames import Encoded, FrameCodec, frame_levels


def encode_audio(runtime: CodecRuntime, settings: Settings, audio: FloatArray, sample_rate: int) -> Codes:
    """`[channels, samples]` at `sample_rate` → what is sent of it with these settings.

    Raises ValueError for a stereo mode that changes on the way: `Codes` have one.
    """
    config, n_samples = runtime.config, audio.shape[1]
    targets = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
    if "stereo" in targets:
        raise ValueError("stereo moves, but codes are kept in one stereo mode. Take it out of motions and automation.")
    track = ControlTrack(settings, sample_rate, config.sample_rate, config.frame, 0)
    driven = _amplified(audio, track.take_in(audio, settings), settings, sample_rate, "input_gain_db")
    stereo: Stereo = settings.stereo if len(audio) == 2 else "linked"  # type: ignore[assignment]
    if stereo != "linked":
        driven = MidSide(0, 1, True, stereo != "mono").encode(driven)
    # The last sample needs the codec's frames up to itself, later by the codec's delay, and the resampler's kernel
    # behind it.
    into, back = half_taps(sample_rate, config.sample_rate), half_taps(config.sample_rate, sample_rate)
    n_core = -(-n_samples * config.sample_rate // sample_rate) + config.delay_samples + back
    n_frames = -(-n_core // config.frame) if n_samples else 0
    core = _resampled(driven, sample_rate, config.sample_rate, n_frames * config.frame, into)
    n_coded = 1 if stereo == "mono" else len(core)
    if n_frames == 0:
        nothing = np.zeros((n_coded, 0, settings.layers), np.uint16), np.zeros((n_coded, 0), np.uint8)
        return _codes(runtime, settings, *nothing, sample_rate, 0, len(audio), stereo)
    # Earlier generations come later; whole frames of that are left out again.
    late = config.delay_samples * (settings.passes - 1)
    n_lead = -late % config.frame
    n_skipped = (late + n_lead) // config.frame
    core = np.pad(core, ((0, 0), (n_lead, n_skipped * config.frame - n_lead)))
    coder = FrameCodec(runtime, len(core), settings, forget_at=n_skipped)
    encoded = coder.encode(core, None, lambda frame: track.at(max(0, frame - n_skipped)))
    codes, counts = encoded.sent.codes[:n_coded, n_skipped:].copy(), encoded.sent.counts[:n_coded, n_skipped:].copy()
    return _codes(runtime, settings, codes, counts, sample_rate, n_samples, len(audio), stereo)


def _codes(
    runtime: CodecRuntime,
    settings: Settings,
    codes: npt.NDArray[np.uint16],
    counts: npt.NDArray[np.uint8],
    sample_rate: int,
    n_samples: int,
    n_channels: int,
    stereo: Stereo,
) -> Codes:
    """Codes with what is to be known of the model that made them."""
    bundle, config = runtime.bundle, runtime.config
    return Codes(
        codes,
        counts,
        sample_rate,
        n_samples,
        n_channels,
        bundle.name,
        bundle.digest,
        stereo,
        settings.denoise,
        0 if config.memory is None else config.memory.from_layers,
        config.frame_rate,
        config.code_bits[: codes.shape[2]],
    )


def decode_codes(runtime: CodecRuntime, settings: Settings, codes: Codes, sample_rate: int) -> FloatArray:
    """Codes through desk and decoder → `[channels, samples]` at `sample_rate`.

    Where codes are altered, the desk needs levels that codes don't tell; it takes those of the codes decoded unaltered.
    Raises ValueError for codes of another model, and for a way of listening that needs the sound before it was coded.
    """
    bundle = runtime.bundle
    if codes.digest != bundle.digest:
        raise ValueError(
            f"The codes were made with another model ({codes.model!r}, {codes.digest[:12]!r}…) than this one "
            f"({bundle.name!r}, "
            f"{bundle.digest[:12]!r}…). Decode them with that model."
        )
    _check_codes(runtime, codes)
    if settings.listen not in ("wet", "layer"):
        raise ValueError(
            f"listen is {settings.listen!r}, which needs the sound before it was coded. Decode with wet or layer."
        )
    # What the coded channels are, the codes say.
    settings = settings.moved_to("stereo", codes.stereo)
    plain = Settings(denoise=settings.denoise)
    if not settings.moves and not settings.alters_codes and settings.listen == "wet" and not settings.noise_only:
        sound = _decoded(runtime, codes, None, None, plain, sample_rate)
        return sound if settings.output_gain_db == 0 else sound * np.float32(10 ** (settings.output_gain_db / 20))
    level_core = _decoded_core(runtime, codes, None, None, plain)
    guide = _at_rate(runtime, level_core, codes, sample_rate)
    config = runtime.config
    track = ControlTrack(settings, sample_rate, config.sample_rate, config.frame, 0)
    pieces = track.take_in(guide, settings)
    # Frames reach a little beyond the sound's end.
    sound = _decoded(runtime, codes, level_core, track, settings, sample_rate)
    return _amplified(sound, pieces, settings, sample_rate, "output_gain_db")


def _check_codes(runtime: CodecRuntime, codes: Codes) -> None:
    """Raises ValueError for codes that the model can't have made, whatever they say of themselves."""
    config, n_layers = runtime.config, codes.codes.shape[2]
    if (
        n_layers > config.layers
        or codes.frame_rate != config.frame_rate
        or codes.code_bits != config.code_bits[:n_layers]
    ):
        raise ValueError(
            f"The codes' layers, bits or frame rate are not those of the model {runtime.bundle.name!r}. Encode the "
            "sound again."
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


def _decoded(
    runtime: CodecRuntime,
    codes: Codes,
    levels: FloatArray | None,
    track: ControlTrack | None,
    settings: Settings,
    sample_rate: int,
) -> FloatArray:
    return _at_rate(runtime, _decoded_core(runtime, codes, levels, track, settings), codes, sample_rate)


def _decoded_core(
    runtime: CodecRuntime, codes: Codes, levels: FloatArray | None, track: ControlTrack | None, settings: Settings
) -> FloatArray:
    """Decoded samples at the codec's rate, `[coded channels, frames · frame]`, in which `levels` of the same shape
    leads the desk.
    """
    n_coded, n_frames, _ = codes.codes.shape
    config = runtime.config
    if n_frames == 0:
        return np.zeros((n_coded, 0), np.float32)
    if levels is None:
        # Nothing is known of the sound: it bounds nothing.
        rms, peak = np.zeros(n_frames, np.float32), np.full(n_frames, np.inf, np.float32)
    else:
        # Decoded sound is late by less than a frame: a frame's level is that of what begins in it.
        shifted = np.pad(levels[:, config.delay_samples :], ((0, 0), (0, config.delay_samples)))
        rms, peak = (level.max(0) for level in frame_levels(shifted, n_frames))
    of_frames = [settings] * n_frames if track is None else [track.at(frame) for frame in range(n_frames)]
    loop = runtime.loop(n_coded)
    predictions = None if loop is None else loop.decode(codes.codes, codes.counts)
    sent = Sent(codes.codes, codes.counts, rms, peak, 0, predictions)
    unquantized = np.zeros((n_coded, n_frames, 0), np.float32)
    encoded = Encoded(
        sent, unquantized, np.zeros((n_coded, n_frames), np.float32), of_frames, [n_coded] * n_frames, 0.0
    )
    return FrameCodec(runtime, n_coded, settings).decode(encoded)


def _at_rate(runtime: CodecRuntime, core: FloatArray, codes: Codes, sample_rate: int) -> FloatArray:
    config = runtime.config
    n_samples = round(codes.n_samples * sample_rate / codes.sample_rate)
    back = half_taps(config.sample_rate, sample_rate)
    sound = _resampled(core, config.sample_rate, sample_rate, n_samples, back, config.delay_samples * sample_rate)
    if codes.stereo == "mid-side":
        matrix = MidSide(0, 1, True, True)
        matrix.encode(sound)
        sound = matrix.decode(sound)
    elif codes.stereo == "mono":
        sound = np.repeat(sound, codes.n_channels, 0)
    return limited(sound)


def _resampled(
    x: FloatArray, source_rate: int, target_rate: int, n_samples: int, half: int, offset: int = 0
) -> FloatArray:
    """The first `n_samples` of `x` at another rate, from a position of `offset` on; silence follows the end."""
    if source_rate == target_rate:
        start = offset // target_rate
        x = x[:, start : start + n_samples]
        return np.pad(x, ((0, 0), (0, n_samples - x.shape[1])))
    resampler = StreamingResampler(len(x), source_rate, target_rate, offset)
    needed = -(-(n_samples * source_rate + offset) // target_rate) + half + 1
    y = resampler.push(np.pad(x, ((0, 0), (0, max(0, needed - x.shape[1])))))
    return y[:, :n_samples]


def _amplified(audio: FloatArray, pieces: list[Piece], settings: Settings, sample_rate: int, name: str) -> FloatArray:
    """The audio with a gain in dB that ramps from piece to piece."""
    ramp = Ramp(10 ** (getattr(settings, name) / 20), max(1, round(sample_rate * RAMP_SECONDS)))
    result = np.empty_like(audio)
    for start, stop, of_piece in pieces:
        ramp.set(10 ** (getattr(of_piece, name) / 20))
        result[:, start:stop] = audio[:, start:stop] * ramp.factor(stop - start)
    return result
