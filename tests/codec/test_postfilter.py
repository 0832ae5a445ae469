"""The postfilter turns down what is between the harmonics of voices, and leaves everything else as it is."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sounds import demo

from lamina.models.bundles.bundle import open_bundle
from lamina.models.config import CodecConfig
from lamina.models.engines.core import library
from lamina.models.engines.core_engine import CoreEngine
from lamina.models.engines.postfilter import BLOCK, LONGEST, SHORTEST, ChannelPostfilter, Postfilter, fits
from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec

RATE, FRAME, N_FRAMES = 24_000, 320, 120
needs_core = pytest.mark.skipif(library() is None, reason="the core was not built: there was no compiler")
CORE = Path(__file__).parents[2] / "core"


def told(n_frames=N_FRAMES, strength=1.0, kbps=6.0, n_channels=1):
    """How much is done, and how many kbps were sent, of each frame."""
    return np.full(n_frames, strength, np.float32), np.full((n_channels, n_frames), kbps, np.float32)


@pytest.fixture(scope="module")
def sound():
    """Two decoded channels, `[2, samples]`."""
    x = np.concatenate([demo(item, RATE, 2.0)[:1, : N_FRAMES * FRAME] for item in (0, 1)])
    runtime = load_runtime("lamina-24k")
    return runtime.decode(runtime.quantized(x, 8), runtime.decoder_state(2))[0]


def harmonics(pitch_hz, seconds=1.6):
    """A steady voice-like tone, `[1, samples]`."""
    n = np.arange(round(seconds * RATE / FRAME) * FRAME) / RATE
    tone = sum(np.sin(2 * np.pi * pitch_hz * k * n + k * k) / k for k in range(1, 25))
    return (0.1 * tone).astype(np.float32)[None]


def noise_below_4_khz(shape, level, seed):
    """What lies between the harmonics that the filter cares for."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, level, shape))
    spectrum[:, np.fft.rfftfreq(shape[1], 1 / RATE) > 4000] = 0
    return np.fft.irfft(spectrum, shape[1]).astype(np.float32)


def distance_db(wanted, got):
    """Level of the difference beside what is wanted, from the first quarter second on."""
    start = RATE // 4
    return 10 * np.log10(np.mean((got - wanted)[:, start:] ** 2) / np.mean(wanted[:, start:] ** 2))


@needs_core
def test_every_instruction_set_filters_the_same_to_the_last_bit(sound):
    best, plainest = (
        CoreEngine(open_bundle(), name).postfilter(2).pass_on(sound, *told(n_channels=2)) for name in (None, "baseline")
    )
    np.testing.assert_array_equal(best, plainest)


@needs_core
def test_any_cutting_gives_the_same_samples(sound):
    engine, random = CoreEngine(open_bundle()), np.random.default_rng(3)
    strengths = random.choice([0.0, 0.4, 1.0], N_FRAMES).astype(np.float32)
    kbps = random.choice([0.75, 6.0, 18.0], (2, N_FRAMES)).astype(np.float32)
    whole = engine.postfilter(2).pass_on(sound, strengths, kbps)
    cut, parts, start = engine.postfilter(2), [], 0
    while start < N_FRAMES:
        stop = start + int(random.integers(1, 9))
        frames = slice(start, stop)
        parts.append(cut.pass_on(sound[:, start * FRAME : stop * FRAME], strengths[frames], kbps[:, frames]))
        start = stop
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


@needs_core
def test_without_the_core_numpy_computes_the_same(sound):
    core = CoreEngine(open_bundle()).postfilter(2).pass_on(sound, *told(n_channels=2))
    # Sums of 480 products in another order; where two periods fit as well, one block may be filtered by the other.
    difference = np.abs(Postfilter(2).pass_on(sound, *told(n_channels=2)) - core)
    assert np.quantile(difference, 0.99) < 1e-5
    assert difference.max() < 0.05


def test_the_core_has_the_weights_that_python_reads():
    spec = importlib.util.spec_from_file_location("make_postfilter_weights", CORE / "make_postfilter_weights.py")
    making = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(making)
    from lamina.models.engines.postfilter import shipped_network

    said = making.header(shipped_network())
    assert (CORE / "postfilter_weights.h").read_text(encoding="utf-8") == said, (
        "run python core/make_postfilter_weights.py"
    )


def test_where_nothing_is_asked_for_nothing_is_done(sound):
    runtime = load_runtime("lamina-24k")
    np.testing.assert_array_equal(runtime.postfilter(2).pass_on(sound, *told(strength=0.0, n_channels=2)), sound)


@pytest.mark.parametrize("pitch_hz", [90.0, 143.0, 211.5, 330.0])
def test_noise_between_the_harmonics_of_a_voice_is_turned_down(pitch_hz):
    voice = harmonics(pitch_hz)
    noisy = voice + noise_below_4_khz(voice.shape, 0.4 * voice.std(), 1)
    filtered = load_runtime("lamina-24k").postfilter(1).pass_on(noisy, *told(voice.shape[1] // FRAME))
    assert distance_db(voice, filtered) < distance_db(voice, noisy) - 0.5


def test_noise_is_left_alone():
    noise = np.random.default_rng(2).normal(0, 0.1, (1, N_FRAMES * FRAME)).astype(np.float32)
    filtered = load_runtime("lamina-24k").postfilter(1).pass_on(noise, *told())
    assert distance_db(noise, filtered) < -25


def test_breath_above_the_voice_stays():
    """Treble has no harmonics to tell it from noise; what is taken from it would be missed."""
    spectrum = np.fft.rfft(np.random.default_rng(4).normal(0, 0.05, (1, N_FRAMES * FRAME)))
    spectrum[:, np.fft.rfftfreq(N_FRAMES * FRAME, 1 / RATE) < 7000] = 0
    breath = np.fft.irfft(spectrum, N_FRAMES * FRAME).astype(np.float32)
    x = harmonics(140.0) + breath
    filtered = load_runtime("lamina-24k").postfilter(1).pass_on(x, *told())
    above = [np.abs(np.fft.rfft(y))[:, np.fft.rfftfreq(x.shape[1], 1 / RATE) > 8000] for y in (x, filtered)]
    level_db = 20 * np.log10(np.sqrt(np.mean(above[1] ** 2) / np.mean(above[0] ** 2)))
    assert abs(level_db) < 0.3


def test_silence_stays_silent_and_nothing_goes_beyond_full_scale():
    postfilter = load_runtime("lamina-24k").postfilter(1)
    loud = np.sign(harmonics(110.0))
    filtered = postfilter.pass_on(loud, *told(loud.shape[1] // FRAME))
    # At the corners of square waves a low-pass overshoots; the limiter behind keeps that below 1.
    assert np.abs(filtered).max() < 1.6
    after = postfilter.pass_on(np.zeros((1, 20 * FRAME), np.float32), *told(20))
    # The longest period that may still repeat what was, and the low-pass's end.
    assert not np.any(after[:, LONGEST + 3 * BLOCK :])


def test_after_a_pause_nothing_is_known_of_what_was_before(sound):
    fresh, used = (load_runtime("lamina-24k").postfilter(2) for _ in range(2))
    used.pass_on(sound, *told(n_channels=2))
    # As much as is remembered of samples, and a little more, whatever the grid of blocks.
    used.pass_on(np.zeros((2, 6 * FRAME), np.float32), *told(6, n_channels=2))
    again = sound[:, ::-1].copy()
    np.testing.assert_array_equal(*(one.pass_on(again, *told(n_channels=2)) for one in (fresh, used)))


@pytest.mark.parametrize("engine", ["core", "numpy"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_number_that_is_none_is_soon_forgotten(engine, value):
    if engine == "core" and library() is None:
        pytest.skip("the core was not built")
    postfilter = CoreEngine(open_bundle()).postfilter(1) if engine == "core" else Postfilter(1)
    voice = harmonics(120.0)
    voice[0, 5000] = value
    with np.errstate(all="ignore"):
        filtered = postfilter.pass_on(voice, *told(voice.shape[1] // FRAME))
    # It is remembered for two of the longest periods and a window.
    after = slice(5000 + 2 * LONGEST + 5 * BLOCK, None)
    assert np.isfinite(filtered[:, after]).all()
    assert np.abs(filtered[:, after]).max() < 1


@pytest.mark.parametrize("pitch_hz", [60.0, 100.0, 250.0, 500.0])
def test_the_pitch_period_is_found(pitch_hz):
    x, looking = harmonics(pitch_hz)[0], ChannelPostfilter()
    found = [looking.look_at(block, 6.0)[0] for block in x[: 60 * BLOCK].reshape(-1, BLOCK)][10:]
    assert SHORTEST <= min(found) <= max(found) <= LONGEST
    assert np.allclose(found, RATE / pitch_hz, atol=1)


def test_models_of_another_rate_or_frame_have_none():
    assert fits(CodecConfig())
    assert not fits(CodecConfig(sample_rate=48_000))
    assert not fits(CodecConfig(frame=300))


def test_the_effect_obeys_its_parameter_and_the_rest_stays_as_it_was():
    x = demo(0, 48_000, 1.5)[:1]
    with_it, half, without = (NeuralCodec(postfilter=amount)(x, 48_000) for amount in (1.0, 0.5, 0.0))
    assert 0 < np.abs(half - without).max() < np.abs(with_it - without).max()
    # It has no say in what is sent, or in what is heard instead of the sound.
    coded = [NeuralCodec(postfilter=amount).encode(x, 48_000) for amount in (1.0, 0.0)]
    assert coded[0] == coded[1]
    for voice in ({"listen": "latent"}, {"listen": "layer", "listen_layer": 2}, {"listen": "dry"}):
        np.testing.assert_array_equal(*(NeuralCodec(postfilter=amount, **voice)(x, 48_000) for amount in (1.0, 0.0)))


def test_turning_it_makes_no_click():
    voice = harmonics(130.0)
    strengths = (np.arange(voice.shape[1] // FRAME) // 3 % 2).astype(np.float32)
    filtered = load_runtime("lamina-24k").postfilter(1).pass_on(voice, strengths, told(len(strengths))[1])
    steps = np.abs(np.diff(filtered - voice, 2))
    assert steps.max() < 0.2 * np.abs(np.diff(voice, 2)).max()
