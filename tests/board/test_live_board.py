"""A board as a live stream: exact latency, the offline sound, and no effect that can stop or spoil it."""

import threading

import numpy as np
import pytest
from live_boards import BLOCK, FADED, RATE, Latent, largest_step, live, play, sine
from pedalboard import (
    Chorus,
    Compressor,
    Gain,
    GSMFullRateCompressor,
    HighpassFilter,
    Limiter,
    Mix,
    MP3Compressor,
    Pedalboard,
    PitchShift,
    Resample,
    Reverb,
)
from sounds import dbfs, demo, lag_samples, noise

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.live_board.live_board import LiveBoard


def low_noise(n_samples, rate):
    """Noise that every effect lets through, the 8 kHz ones too."""
    return Pedalboard([Resample(8000)])(noise(2, n_samples), rate)


@pytest.mark.parametrize("effect", [PitchShift, GSMFullRateCompressor])
@pytest.mark.parametrize("block", [64, 1024])
def test_an_effect_that_pedalboard_silences_block_by_block_is_not_let_into_the_sound(effect, block):
    native = effect()
    audio = demo(1, RATE, 0.5)[:1].repeat(2, 0)
    board = live(native, block=block)
    if not board.slots[0].failure:
        # A newer pedalboard that has mended it: then it has to be heard.
        n_more = np.zeros((2, board.latency_samples), np.float32)
        assert np.abs(play(board, np.concatenate([audio, n_more], 1))[:, board.latency_samples :]).max() > 0.1
        return
    assert "loses its sound" in board.slots[0].failure and board.latency_samples == 0
    out = play(board, audio)
    assert np.array_equal(out, audio[:, : out.shape[1]])


LATENT = {
    "mp3": MP3Compressor,
    "resample": Resample,
    "own": lambda: Latent(777),
    "own in packets": lambda: Latent(100, 320),
    "none": HighpassFilter,
}
try:
    from pedalboard import BrickwallLimiter

    LATENT["limiter"] = BrickwallLimiter
except ImportError:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
@pytest.mark.parametrize("name", LATENT)
def test_a_latent_effect_is_as_late_as_the_board_says(name, rate, block):
    board = live(LATENT[name](), rate=rate, block=block)
    audio = low_noise(board.latency_samples + rate, rate)
    out = play(board, audio)
    assert not board.slots[0].failure
    assert not out[:, : board.latency_samples // 2].any()
    assert lag_samples(audio[0], out[0]) == board.latency_samples
    assert board.latency_samples == board.slots[0].latency_samples


@pytest.mark.parametrize(
    ("effect", "block", "latency"),
    [(MP3Compressor, 480, 3417), (MP3Compressor, 256, 3481), (HighpassFilter, 64, 0), (Limiter, 64, 0)],
)
def test_known_latencies_of_native_effects(effect, block, latency):
    assert live(effect(), block=block).latency_samples == latency


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
def test_a_codec_lives_as_it_renders(rate, block):
    codec = NeuralCodec(layers=12)
    board = live(codec, rate=rate, block=block)
    audio = np.repeat(demo(1, rate, 1.0)[:1], 2, 0)
    audio[1] *= 0.5
    out, latency = play(board, audio), board.latency_samples
    assert latency == codec.latency_samples(rate, block)
    whole = codec.process(audio, rate, reset=True)
    assert np.abs(out[:, latency:] - whole[:, : out.shape[1] - latency]).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
def test_codec_and_latent_natives_in_a_row_align(rate, block):
    chain = [
        Gain(-3.0),
        MP3Compressor(vbr_quality=0.5),
        NeuralCodec(layers=24),
        Resample(16_000),
        Compressor(-20.0, 3.0),
    ]
    board = live(*chain, rate=rate, block=block)
    audio = np.repeat(demo(0, rate, 1.0)[:1], 2, 0)
    out = play(board, audio)
    assert board.latency_samples == sum(slot.latency_samples for slot in board.slots)
    assert lag_samples(audio[0], out[0]) == board.latency_samples


@pytest.mark.parametrize("n_channels", [1, 2])
def test_natives_live_as_they_render(n_channels):
    audio = demo(0, RATE, 1.0)[:1].repeat(n_channels, 0)
    effects = [HighpassFilter(200), Chorus(), Reverb(), Limiter()]
    out = play(live(*effects, n_channels=n_channels), audio)
    whole = Board(effects)(audio, RATE, buffer_size=BLOCK)[:, : out.shape[1]]
    assert np.abs(out - whole).max() < 1e-5


def test_nested_boards_are_opened_up_and_native_containers_stay_whole():
    # pedalboard hands out an inner Pedalboard that nobody else holds as a plain Chain.
    innermost = Pedalboard([Limiter()])
    inner = Board([Gain(-1.0), Pedalboard([Reverb(), innermost])])
    board = live(NeuralCodec(), inner, Mix([Gain(0.0), Gain(-6.0)]))
    assert [slot.label for slot in board.slots] == ["NeuralCodec", "Gain", "Reverb", "Limiter", "Mix"]


def test_an_empty_board_lets_everything_through_at_once():
    audio = noise(2, BLOCK * 4)
    board = live()
    assert board.latency_samples == 0
    assert np.array_equal(play(board, audio), audio)


@pytest.mark.slow
def test_attributes_set_while_it_plays_are_heard():
    gain, codec = Gain(0.0), NeuralCodec(bypass=True)
    board = live(gain, codec)
    audio = sine(RATE // 2)
    loud = play(board, audio)
    gain.gain_db = -20.0
    play(board, audio)
    quiet = play(board, audio)
    assert np.abs(quiet).max() == pytest.approx(0.1 * np.abs(loud).max(), rel=0.01)
    codec.output_gain_db, codec.bypass = -24.0, False
    play(board, audio)
    assert np.abs(play(board, audio)).max() < 0.2 * np.abs(quiet).max()


def test_frames_are_reported_once_with_their_slot():
    codec = NeuralCodec(layers=5)
    board = live(Gain(0.0), codec, NeuralCodec(layers=3), n_channels=1)
    audio = noise(1, RATE // 4)
    play(board, audio)
    reports = board.take_reports()
    assert {index for index, _ in reports} == {1, 2}
    first = [report for index, report in reports if index == 1]
    assert [report.index for report in first] == list(range(len(first))) and len(first) >= 17
    assert {report.layers for report in first} == {5}
    assert board.take_reports() == []


# Bypass.


@pytest.mark.parametrize("make", [lambda: Gain(-12.0), MP3Compressor, lambda: NeuralCodec(output_gain_db=-12.0)])
def test_bypass_crosses_over_to_the_input_at_the_same_latency(make):
    board = live(make())
    latency, audio = board.latency_samples, sine(RATE)
    n_third = RATE // 3 // BLOCK * BLOCK
    before = play(board, audio[:, :n_third])
    board.slots[0].bypass = True
    during = play(board, audio[:, n_third : 2 * n_third])
    board.slots[0].bypass = False
    after = play(board, audio[:, 2 * n_third :])
    assert board.latency_samples == latency
    delayed = np.concatenate([np.zeros((2, latency), np.float32), audio], 1)
    assert np.array_equal(during[:, FADED:], delayed[:, n_third + FADED : 2 * n_third])
    assert dbfs(after[:, FADED:]) == pytest.approx(dbfs(before[:, -n_third // 2 :]), abs=0.5)
    # A sine's own largest step, and what the fade of 20 ms adds to it; a codec begins a sound with a step of its own.
    whole = np.concatenate([before, during, after], 1)[:, latency + 1000 :]
    assert largest_step(whole) < largest_step(audio) * 1.3


def test_bypass_may_be_set_from_another_thread():
    board = live(Gain(-6.0))
    stop = threading.Event()

    def toggle():
        while not stop.is_set():
            board.slots[0].bypass = not board.slots[0].bypass

    thread = threading.Thread(target=toggle)
    thread.start()
    out = play(board, sine(RATE))
    stop.set()
    thread.join()
    assert largest_step(out) < largest_step(sine(RATE)) * 1.3


@pytest.mark.slow
def test_reset_starts_from_silence():
    board = live(Reverb(), NeuralCodec(), MP3Compressor())
    audio = demo(0, RATE, 0.5)[:1].repeat(2, 0)
    first = play(board, audio)
    board.reset()
    assert np.abs(play(board, audio) - first).max() < 1e-4


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((RATE, 3, 256), "n_channels"),
        ((RATE, 2, 8), "block"),
        ((RATE, 2, 0), "buffer_size"),
        ((1, 2, 256), "sample_rate"),
    ],
)
def test_bad_arguments_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        LiveBoard(Board(), *arguments)


def test_a_block_of_another_shape_is_refused_and_an_effect_stands_once():
    with pytest.raises(ValueError, match=r"shape \(2, 100\)"):
        live().push(np.zeros((2, 100), np.float32))
    gain, chain = Gain(), Pedalboard()
    board = Board([gain, chain])
    chain.append(gain)
    with pytest.raises(ValueError, match="twice"):
        LiveBoard(board, RATE, 2, BLOCK)
