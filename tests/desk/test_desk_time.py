"""Time of codes: what is held, repeated, turned round and echoed is heard so, as long as is said."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, frame_rms, music, render, rms, stream, voice

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.runtime import load_runtime
from lamina.plugin import Settings
from lamina.plugin.desk.echo import Echo
from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.desk.slices import slice_frames

REMEMBERED = 34
"""Frames after which the networks have forgotten what came before."""


def tones(*seconds_and_hz) -> np.ndarray:
    """Tones one after the other, soft-edged, mono."""
    parts = []
    for seconds, hz in seconds_and_hz:
        t = np.arange(int(seconds * RATE)) / RATE
        edge = np.minimum(1, np.minimum(t, t[::-1]) / 0.005)
        parts.append(0.3 * edge * np.sin(2 * np.pi * hz * t))
    return np.concatenate(parts)[None].astype(np.float32)


def pitch(audio: np.ndarray) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(audio[0] * np.hanning(audio.shape[1])))
    return float(np.argmax(spectrum)) * RATE / audio.shape[1]


# Freeze.


@pytest.mark.slow
@pytest.mark.parametrize("fade", [0, 12])
def test_freeze_holds_the_moment_until_it_is_let_go(fade):
    audio = tones((1, 300), (1, 700), (1, 1100))
    frozen = stream(audio, lambda codec, i: setattr(codec, "freeze", 60 <= i < 150), layers=16, freeze_fade=fade)
    plain = render(audio, layers=16)
    frame = slice(100 * FRAME, 140 * FRAME)  # long into the second tone
    assert abs(pitch(plain[:, frame]) - 700) < 30
    assert abs(pitch(frozen[:, frame]) - 300) < 30
    assert rms(frozen[:, frame]) > 0.5 * rms(plain[:, 20 * FRAME : 60 * FRAME])
    after = slice((152 + fade + REMEMBERED) * FRAME, 220 * FRAME)
    assert difference(frozen[:, after], plain[:, after]) < 1e-3
    before = slice(0, 57 * FRAME)
    assert np.array_equal(frozen[:, before], plain[:, before])


@pytest.mark.slow
def test_the_fade_into_what_is_frozen_takes_as_long_as_is_said():
    audio = tones((1, 300), (2, 900))

    def share_of_new_tone(fade, at):
        # Frozen in the first tone, let go in the second.
        heard = stream(audio, lambda codec, i: setattr(codec, "freeze", 60 <= i < 150), layers=16, freeze_fade=fade)
        part = heard[:, (150 + at - 6) * FRAME : (150 + at + 6) * FRAME]
        spectrum = np.abs(np.fft.rfft(part[0] * np.hanning(part.shape[1]))) ** 2
        hz = np.fft.rfftfreq(part.shape[1], 1 / RATE)
        new, old = (spectrum[np.abs(hz - f) < 60].sum() for f in (900, 300))
        return new / (new + old)

    assert share_of_new_tone(0, 12) > 0.9
    assert share_of_new_tone(60, 12) < 0.5
    assert share_of_new_tone(60, 70) > 0.9


@pytest.mark.slow
def test_what_is_frozen_does_not_buzz_at_the_frame_rate():
    """A single held frame would repeat 75 times a second: all its energy would lie at multiples of 75 Hz."""

    def share_at_frame_rate(frames):
        heard = stream(voice(), lambda codec, i: setattr(codec, "freeze", i >= 80), layers=16, freeze_frames=frames)
        part = heard[0, 100 * FRAME : 175 * FRAME]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        near = np.abs((np.fft.rfftfreq(len(part), 1 / RATE) + 37.5) % 75 - 37.5) < 4
        return spectrum[near].sum() / spectrum.sum()

    # 8 Hz of every 75 Hz are near a multiple: a sound that knows nothing of frames has about a ninth there.
    assert share_at_frame_rate(1) > 0.9
    assert share_at_frame_rate(Settings().freeze_frames) < 0.45


# Slices.


@pytest.mark.parametrize(
    ("length", "tempo", "frames"), [("1/8", 120, 19), ("1/4", 100, 45), ("1/32", 300, 2), ("1/1", 30, 600)]
)
def test_a_slice_is_as_long_as_its_note(length, tempo, frames):
    settings = Settings().with_value("slice_length", length).with_value("tempo", float(tempo))
    assert slice_frames(settings) == frames


@pytest.mark.slow
def test_stutter_repeats_each_slice_as_often_as_is_said():
    audio = music(4.0)
    heard = render(audio, layers=12, slices="stutter", slice_length="1/4", tempo=92.0, slice_repeats=3)
    plain = render(audio, layers=12)
    n = slice_frames(Settings().with_value("slice_length", "1/4").with_value("tempo", 92.0)) * FRAME
    assert difference(heard[:, : n - FRAME], plain[:, : n - FRAME]) < 1e-6
    # All three repeats are alike once the network has forgotten the one before …
    inner = slice(REMEMBERED * FRAME, n - FRAME)
    for repeat in (2, 3):
        first, later = (heard[:, k * n : (k + 1) * n][:, inner] for k in (1, repeat))
        assert difference(later, first) < 1e-3
    # … and then the next slice is the sound's own present.
    present = slice(4 * n + REMEMBERED * FRAME, 5 * n - FRAME)
    assert difference(heard[:, present], plain[:, present]) < 1e-3
    assert difference(heard[:, n : 2 * n], plain[:, n : 2 * n]) > 0.5


def test_reverse_plays_each_slice_backwards():
    """Two tones in a slice come back in the other order."""
    beat = 45 * FRAME / RATE
    audio = tones((beat / 2, 400), (beat / 2, 1000), (beat, 200))
    heard = render(audio, layers=16, slices="reverse", slice_length="1/4", tempo=100.0)
    second = heard[:, 45 * FRAME : 90 * FRAME]
    assert abs(pitch(second[:, 3 * FRAME : 19 * FRAME]) - 1000) < 60
    assert abs(pitch(second[:, 26 * FRAME : 42 * FRAME]) - 400) < 60


# Echo.


@pytest.mark.slow
def test_echoes_come_after_the_delay_softer_and_thinner_each_time():
    audio = np.concatenate([tones((0.2, 500)), np.zeros((1, 3 * RATE), np.float32)], 1)
    heard = frame_rms(render(audio, layers=16, code_delay=40, code_feedback=0.5))
    plain = frame_rms(render(audio, layers=16))
    tone = np.arange(4, 13)  # frames of its middle
    levels = [heard[tone + 40 * k].mean() for k in range(4)]
    assert levels[0] == pytest.approx(plain[tone].mean(), rel=0.01)
    for louder, softer in zip(levels, levels[1:], strict=False):
        assert 0.25 < softer / louder < 0.8
    # Between the echoes it is quiet, as it is without them.
    for k in range(1, 4):
        assert heard[40 * k - 12 : 40 * k - 4].max() < 0.1 * levels[k - 1]
    assert plain[30:].max() < 1e-3


def test_each_echo_has_fewer_layers_and_one_that_would_be_too_soft_is_no_more():
    echo, settings = (
        Echo(load_runtime(DEFAULT_BUNDLE)),
        Settings().with_value("code_delay", 5).with_value("code_feedback", 0.6),
    )
    loud, quiet = (CodedFrame(np.full((1, 24), code, np.int16), 20, rms, rms) for code, rms in ((7, 0.3), (8, 0.0)))
    heard = [echo.step(frame, settings, 0) for frame in [loud, *[quiet] * 80]]
    echoes = [frame for frame in heard if frame.codes[0, 0] == 7]
    assert [frame.layers for frame in echoes[:4]] == [20, 12, 7, 4]
    assert [int((frame.codes[0] >= 0).sum()) for frame in echoes[1:4]] == [12, 7, 4]
    assert [frame.level for frame in echoes[:3]] == pytest.approx([1.0, 0.6, 0.36])
    # 0.6 to the power of 9 is just above a hundredth, of 10 below it.
    assert len(echoes) == 10


@pytest.mark.slow
def test_a_sound_that_leaves_no_room_has_no_echoes():
    t = np.arange(2 * RATE) / RATE
    steady = (0.3 * np.sin(2 * np.pi * 500 * t))[None].astype(np.float32)
    assert difference(render(steady, layers=16, code_delay=30, code_feedback=0.7), render(steady, layers=16)) < 1e-6
