"""A board as a live stream: exact latency, the offline sound, and no effect that can stop or spoil it."""

import threading
import time

import numpy as np
import pytest
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
from lamina.plugin.effect import Effect
from lamina.plugin.host.live_board import LiveBoard

RATE, BLOCK = 48_000, 256
FADED = BLOCK * 8
"""Samples after which a bypass or a failure is over: 20 ms, or a seam of 256 samples."""


class OwnEffect(Effect):
    """Somebody's own effect: does to its blocks what `act` does; `act` may be changed."""

    def __init__(self, act=None):
        self.act = act or (lambda block: block)

    def process(self, input_array, sample_rate, buffer_size=8192, reset=True):
        return self.act(input_array)

    def reset(self):
        pass


class Latent(OwnEffect):
    """Holds back so many samples, and then hands on packets of one length."""

    def __init__(self, n_samples, packet=1):
        super().__init__(self.pack)
        self.n_samples, self.packet = n_samples, packet
        self.reset()

    def pack(self, block):
        self.held = np.concatenate([self.held, block], 1)
        n_ready = max(0, self.held.shape[1] - self.n_samples) // self.packet * self.packet
        out, self.held = self.held[:, :n_ready], self.held[:, n_ready:]
        return out

    def reset(self):
        self.held = np.zeros((2, 0), np.float32)


def play(board, audio):
    """Whole blocks of `audio` through a live board."""
    starts = range(0, audio.shape[1] - board.block + 1, board.block)
    return np.concatenate([board.push(audio[:, start : start + board.block]) for start in starts], 1)


def sine(n_samples, level=0.5, hz=220, rate=RATE):
    return np.tile(level * np.sin(2 * np.pi * hz / rate * np.arange(n_samples)), (2, 1)).astype(np.float32)


def largest_step(audio):
    return np.abs(np.diff(audio, axis=1)).max()


def low_noise(n_samples, rate):
    """Noise that every effect lets through, the 8 kHz ones too."""
    return Pedalboard([Resample(8000)])(noise(2, n_samples), rate)


@pytest.mark.parametrize("effect", [PitchShift, GSMFullRateCompressor])
@pytest.mark.parametrize("block", [64, 1024])
def test_an_effect_that_pedalboard_silences_block_by_block_is_not_let_into_the_sound(effect, block):
    native = effect()
    audio = demo(1, RATE, 0.5)[:1].repeat(2, 0)
    board = LiveBoard(Board([native]), RATE, 2, block)
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


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
@pytest.mark.parametrize("name", LATENT)
def test_a_latent_effect_is_as_late_as_the_board_says(name, rate, block):
    board = LiveBoard(Board([LATENT[name]()]), rate, 2, block)
    audio = low_noise(board.latency_samples + rate, rate)
    out = play(board, audio)
    assert not board.slots[0].failure
    assert not out[:, : board.latency_samples // 2].any()
    assert lag_samples(audio[0], out[0]) == board.latency_samples
    assert board.latency_samples == board.slots[0].latency_samples


@pytest.mark.parametrize(
    ("effect", "block", "latency"), [(MP3Compressor, 480, 3417), (MP3Compressor, 256, 3481), (HighpassFilter, 64, 0), (Limiter, 64, 0)]
)
def test_known_latencies_of_native_effects(effect, block, latency):
    assert LiveBoard(Board([effect()]), 48_000, 2, block).latency_samples == latency


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
def test_a_codec_lives_as_it_renders(rate, block):
    codec = NeuralCodec(layers=12)
    board = LiveBoard(Board([codec]), rate, 2, block)
    audio = np.repeat(demo(1, rate, 1.0)[:1], 2, 0)
    audio[1] *= 0.5
    out, latency = play(board, audio), board.latency_samples
    assert latency == codec.latency_samples(rate, block)
    whole = codec.process(audio, rate, reset=True)
    assert np.abs(out[:, latency:] - whole[:, : out.shape[1] - latency]).max() < 1e-5


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [64, 256, 1024])
def test_codec_and_latent_natives_in_a_row_align(rate, block):
    chain = [Gain(-3.0), MP3Compressor(vbr_quality=0.5), NeuralCodec(layers=24), Resample(16_000), Compressor(-20.0, 3.0)]
    board = LiveBoard(Board(chain), rate, 2, block)
    audio = np.repeat(demo(0, rate, 1.0)[:1], 2, 0)
    out = play(board, audio)
    assert board.latency_samples == sum(slot.latency_samples for slot in board.slots)
    assert lag_samples(audio[0], out[0]) == board.latency_samples


@pytest.mark.parametrize("n_channels", [1, 2])
def test_natives_live_as_they_render(n_channels):
    audio = demo(0, RATE, 1.0)[:1].repeat(n_channels, 0)
    effects = [HighpassFilter(200), Chorus(), Reverb(), Limiter()]
    out = play(LiveBoard(Board(effects), RATE, n_channels, BLOCK), audio)
    whole = Board(effects)(audio, RATE, buffer_size=BLOCK)[:, : out.shape[1]]
    assert np.abs(out - whole).max() < 1e-5


def test_nested_boards_are_opened_up_and_native_containers_stay_whole():
    # pedalboard hands out an inner Pedalboard that nobody else holds as a plain Chain.
    innermost = Pedalboard([Limiter()])
    inner = Board([Gain(-1.0), Pedalboard([Reverb(), innermost])])
    board = LiveBoard(Board([NeuralCodec(), inner, Mix([Gain(0.0), Gain(-6.0)])]), RATE, 2, BLOCK)
    assert [slot.label for slot in board.slots] == ["NeuralCodec", "Gain", "Reverb", "Limiter", "Mix"]


def test_an_empty_board_lets_everything_through_at_once():
    audio = noise(2, BLOCK * 4)
    board = LiveBoard(Board(), RATE, 2, BLOCK)
    assert board.latency_samples == 0
    assert np.array_equal(play(board, audio), audio)


def test_attributes_set_while_it_plays_are_heard():
    gain, codec = Gain(0.0), NeuralCodec(bypass=True)
    board = LiveBoard(Board([gain, codec]), RATE, 2, BLOCK)
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
    board = LiveBoard(Board([Gain(0.0), codec, NeuralCodec(layers=3)]), RATE, 1, BLOCK)
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
    board = LiveBoard(Board([make()]), RATE, 2, BLOCK)
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
    board = LiveBoard(Board([Gain(-6.0)]), RATE, 2, BLOCK)
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


# Effects that fail.


def explode(block):
    raise RuntimeError("the spring snapped")


def stall(block):
    time.sleep(0.25)
    return block * 0.5


FAULTS = {
    "raises": (explode, "raised an error (RuntimeError: the spring snapped)"),
    "stalls": (stall, "ms of sound"),
    "has one channel": (lambda block: block[:1], "gave back the shape"),
    "is flat": (lambda block: block[0], "gave back the shape"),
    "is no array": (lambda block: None, "gave back NoneType instead of an array"),
    "is of integers": (lambda block: block.astype(np.int16), "instead of an array of float32"),
    "is NaN": (lambda block: block * np.nan, "gave back NaN or infinite samples"),
    "is infinite": (lambda block: block + np.inf, "gave back NaN or infinite samples"),
    "is too long": (lambda block: np.tile(block, (1, 300)), "more samples than it takes"),
    "is nothing": (lambda block: block[:, :0], "fewer samples than it takes"),
    "is NaN at times": (lambda block: np.where(np.arange(block.shape[1]) > 40, np.float32(np.nan), block * 0.5), "gave back NaN"),
}


@pytest.mark.parametrize("block", [64, 256])
@pytest.mark.parametrize("name", FAULTS)
def test_an_effect_that_fails_is_bypassed_without_a_step_and_the_rest_goes_on(name, block):
    act, reason = FAULTS[name]
    troubles = []
    own = OwnEffect(lambda samples: samples * 0.5)
    board = LiveBoard(Board([Gain(0.0), own, Gain(-6.0)]), RATE, 2, block, troubles.append)
    audio = sine(RATE)
    n_half = RATE // 4 // block * block
    before = play(board, audio[:, :n_half])
    assert not troubles and not board.slots[1].failure
    own.act = act
    after = play(board, audio[:, n_half:])
    assert np.isfinite(after).all()
    whole = np.concatenate([before, after], 1)
    assert largest_step(whole) < largest_step(audio * 0.5) * 1.2
    # What repeats before it counts as a fault takes up to a quarter of a second.
    settled = slice(n_half + RATE // 4 + FADED, whole.shape[1])
    assert np.abs(whole[:, settled] - audio[:, settled] * 10 ** (-6 / 20)).max() < 1e-4
    failure = board.slots[1].failure
    assert failure.startswith("The effect OwnEffect ") and reason in failure and failure.endswith(" and is bypassed.")
    assert troubles == [f"{failure} The rest goes on."]
    assert not board.slots[0].failure and not board.slots[2].failure


def test_a_late_effect_fails_without_a_step_in_mid_sound_too():
    latent = Latent(1000)
    board = LiveBoard(Board([latent]), RATE, 2, BLOCK)
    audio = sine(RATE)
    n_half = RATE // 2 // BLOCK * BLOCK
    before = play(board, audio[:, :n_half])
    latent.act = explode
    after = play(board, audio[:, n_half:])
    assert largest_step(np.concatenate([before, after], 1)[:, 1100:]) < largest_step(audio) * 1.2
    expected = audio[:, n_half - 1000 : n_half - 1000 + after.shape[1]]
    assert np.array_equal(after[:, FADED:], expected[:, FADED:])


def test_one_damaged_block_is_carried_over_and_forgiven():
    own = OwnEffect()
    board = LiveBoard(Board([own]), RATE, 2, BLOCK)
    audio = sine(BLOCK * 40)
    before = play(board, audio[:, : BLOCK * 20])
    own.act = lambda block: np.where(np.arange(block.shape[1]) > 40, np.float32(np.inf), block)
    damaged = board.push(audio[:, BLOCK * 20 : BLOCK * 21])
    own.act = lambda block: block
    after = play(board, audio[:, BLOCK * 21 :])
    assert not board.slots[0].failure
    whole = np.concatenate([before, damaged, after], 1)
    assert np.isfinite(whole).all() and largest_step(whole) < largest_step(audio) * 1.2
    assert np.array_equal(after[:, FADED:], audio[:, BLOCK * 21 + FADED :])


def test_a_shortage_of_some_samples_makes_no_step():
    own = OwnEffect()
    board = LiveBoard(Board([own]), RATE, 2, BLOCK)
    audio = sine(BLOCK * 40)
    before = play(board, audio[:, : BLOCK * 20])
    own.act = lambda block: block[:, :-3]
    short = board.push(audio[:, BLOCK * 20 : BLOCK * 21])
    own.act = lambda block: block
    after = play(board, audio[:, BLOCK * 21 :])
    whole = np.concatenate([before, short, after], 1)
    assert whole.shape == audio.shape and not board.slots[0].failure
    assert largest_step(whole) < largest_step(audio) * 1.2


def test_nan_in_the_input_is_silence_for_every_effect():
    board = LiveBoard(Board([HighpassFilter(), Reverb(), NeuralCodec(layers=2)]), RATE, 2, BLOCK)
    audio = noise(2, RATE // 4)
    audio[:, 5000] = np.nan
    audio[0, 6000] = np.inf
    out = play(board, audio)
    assert np.isfinite(out).all() and not any(slot.failure for slot in board.slots)
    assert np.abs(out[:, -BLOCK:]).max() > 0.001


def test_an_effect_that_keeps_and_changes_its_arrays_spoils_nothing():
    kept = []

    def spoil(block):
        block *= 0
        for array in kept:
            array[:] = np.nan
        kept[:] = [block]
        return block

    board = LiveBoard(Board([OwnEffect(spoil)]), RATE, 2, BLOCK)
    audio = sine(BLOCK * 8)
    original = audio.copy()
    assert not play(board, audio).any() and np.array_equal(audio, original)


@pytest.mark.parametrize("make", [MP3Compressor, lambda: OwnEffect(explode), lambda: OwnEffect(FAULTS["is nothing"][0])])
def test_an_effect_that_cannot_stream_at_all_is_bypassed_from_the_start(make):
    troubles = []
    rate = 96_000  # which MP3 refuses
    board = LiveBoard(Board([Gain(-6.0), make()]), rate, 2, BLOCK, troubles.append)
    assert board.latency_samples == 0 and len(troubles) == 1 and board.slots[1].failure in troubles[0]
    audio = noise(2, BLOCK * 8)
    assert np.abs(play(board, audio) - audio * 10 ** (-6 / 20)).max() < 1e-6
    assert not board.slots[1].retry() and board.slots[1].failure


def test_a_listener_that_raises_does_not_stop_the_sound():
    own = OwnEffect()
    board = LiveBoard(Board([own]), RATE, 2, BLOCK, explode)
    own.act = explode
    assert np.isfinite(play(board, sine(RATE // 4))).all() and board.slots[0].failure


def test_a_failed_effect_can_be_tried_again():
    latent = Latent(500)
    board = LiveBoard(Board([latent, Gain(-6.0)]), RATE, 2, BLOCK)
    audio = sine(RATE)
    play(board, audio)
    latent.act = explode
    play(board, audio)
    assert board.slots[0].failure
    assert not board.slots[0].retry(), "it still raises"
    latent.act = lambda block: latent.pack(block * 0.25)
    assert board.slots[0].retry() and not board.slots[0].failure
    out = play(board, audio)
    assert board.latency_samples == 500
    assert largest_step(out[:, 1000:]) < largest_step(audio)
    gain = 0.25 * 10 ** (-6 / 20)
    late = slice(RATE // 2, out.shape[1])
    assert np.abs(out[:, late] - gain * audio[:, late.start - 500 : late.stop - 500]).max() < 1e-4


def test_an_effect_that_comes_back_with_a_longer_latency_stays_out():
    latent = Latent(500)
    board = LiveBoard(Board([latent]), RATE, 2, BLOCK)
    latent.act = explode
    play(board, sine(RATE // 4))
    latent.n_samples, latent.act = 900, latent.pack
    assert not board.slots[0].retry() and "900 samples instead of 500" in board.slots[0].failure


def test_a_newer_live_board_takes_the_effects_over_and_the_older_goes_on_dry():
    troubles = []
    gain = Gain(-6.0)
    old = LiveBoard(Board([gain]), RATE, 2, BLOCK, troubles.append)
    audio = sine(RATE)
    n_half = RATE // 2 // BLOCK * BLOCK
    before = play(old, audio[:, :n_half])
    new = LiveBoard(Board([gain]), RATE, 2, BLOCK, troubles.append)
    after = play(old, audio[:, n_half:])
    assert largest_step(np.concatenate([before, after], 1)) < largest_step(audio) * 1.2
    assert np.array_equal(after[:, FADED:], audio[:, n_half + FADED : n_half + after.shape[1]])
    assert "another board" in old.slots[0].failure and not troubles
    assert np.abs(play(new, audio)).max() < 0.3 and not new.slots[0].failure


def test_reset_starts_from_silence():
    board = LiveBoard(Board([Reverb(), NeuralCodec(), MP3Compressor()]), RATE, 2, BLOCK)
    audio = demo(0, RATE, 0.5)[:1].repeat(2, 0)
    first = play(board, audio)
    board.reset()
    assert np.abs(play(board, audio) - first).max() < 1e-4


def test_times_of_the_newest_pushes_are_shown():
    own = OwnEffect()
    board = LiveBoard(Board([own]), RATE, 2, BLOCK, stall_seconds=60)
    assert board.slots[0].mean_seconds == board.slots[0].worst_seconds == 0.0
    play(board, sine(BLOCK * 9))
    own.act = stall
    play(board, sine(BLOCK))
    assert 0.25 <= board.slots[0].worst_seconds and 0.025 <= board.slots[0].mean_seconds < board.slots[0].worst_seconds


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((RATE, 3, 256), "n_channels"), ((RATE, 2, 8), "block"), ((RATE, 2, 0), "buffer_size"), ((1, 2, 256), "sample_rate")],
)
def test_bad_arguments_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        LiveBoard(Board(), *arguments)


def test_a_block_of_another_shape_is_refused_and_an_effect_stands_once():
    with pytest.raises(ValueError, match=r"shape \(2, 100\)"):
        LiveBoard(Board(), RATE, 2, BLOCK).push(np.zeros((2, 100), np.float32))
    gain, chain = Gain(), Pedalboard()
    board = Board([gain, chain])
    chain.append(gain)
    with pytest.raises(ValueError, match="twice"):
        LiveBoard(board, RATE, 2, BLOCK)
