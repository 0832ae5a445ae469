"""The effect in C++ is `NeuralCodec`: the same codes, the same samples, the same latency, for the same settings."""

import numpy as np
import pytest
from native_effect import NativeEffect, in_plugin_units, why_not_native
from sounds import demo

from lamina.models.engines.core import library
from lamina.plugin import NeuralCodec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not_native()), reason=why_not_native()),
    pytest.mark.skipif(library() is None, reason="the core was not built: ONNX Runtime rounds a little differently"),
]
SECONDS = 2
ROUNDING = 1e-6
"""numpy's powers, sums and tangents may differ from C's in the last place; mostly nothing differs."""

SETTINGS = [
    {},
    {"layers": 24, "denoise": 0.7, "mix": 0.6, "input_gain_db": 3.3, "output_gain_db": -2.7},
    {"layers": 1},
    {"stereo": "mid-side", "side_layers": 3, "layers": 12},
    {"stereo": "mid-side", "side_layers": 0, "layers": 5},
    {"stereo": "mono", "layers": 2},
    {"listen": "difference", "layers": 8},
    {"listen": "dry", "input_gain_db": -6.0},
    {"listen": "layer", "listen_layer": 1, "layers": 9},
    {"listen": "layer", "listen_layer": 4, "layers": 9},
    {"listen": "latent"},
    {"noise_only": True, "denoise": 1.0},
    {"loudness_layers": -0.7, "layers": 20},
    {"loudness_layers": 0.7, "layers": 20, "search": 1},
    {"bypass": True},
    {"input_gain_db": 20.0, "layers": 24, "search": 8},
    {"layer_gains": (1.0, 0.0, 1.5, 1.0, 0.3), "layers": 12},
    {"layer_gains": (0.0,) * 24},
    {"layer_gains": (2.0,) * 24, "input_gain_db": 12.0, "stereo": "mid-side"},
    {"frame_loss": 0.2},
    *(
        {"frame_loss": 0.3, "loss_model": "bursts", "loss_burst": 5, "seed": 7, "concealment": how}
        for how in ("foresee", "hold", "repeat", "fade", "silence")
    ),
    {"frame_loss": 0.3, "loss_model": "pattern", "loss_period": 11, "layers": 2},
    {"frame_loss": 1.0},
    {"frame_loss": 0.4, "loudness_layers": -1.0, "layers": 5},
    {"layer_loss": 0.4, "seed": 3},
    {"layer_loss": 0.9, "lost_layer": 1, "frame_loss": 0.1, "stereo": "mid-side", "side_layers": 2},
    {"decimate_frames": 5},
    {"decimate_frames": 3, "decimate_from": 1, "decimate_slower": True, "layers": 20},
    {"slices": "stutter", "slice_length": "1/16", "tempo": 97.0},
    {"slices": "reverse", "slice_length": "1/8", "layers": 4},
    {"code_feedback": 0.7, "code_delay": 9},
    {"freeze": True, "freeze_frames": 5},
    {"frame_loss": 0.1, "slices": "stutter", "code_feedback": 0.5, "decimate_frames": 2, "listen": "difference"},
    {"frame_loss": 0.2, "noise_only": True, "denoise": 1.0},
    {"postfilter": 0.0},
    {"postfilter": 0.37, "layers": 2, "stereo": "mid-side", "side_layers": 0, "frame_loss": 0.1},
]


def sound(rate: int, n_channels: int) -> np.ndarray:
    """`[channels, n]`, channels that differ."""
    return np.concatenate([demo(item, rate, SECONDS)[:1] for item in range(n_channels)]).astype(np.float32)


def compare(rate: int, n_channels: int, settings: dict) -> None:
    x = sound(rate, n_channels)
    reports = []
    codec = NeuralCodec(**settings)
    codec.on_report = reports.append
    stream = codec.stream(rate, n_channels)
    native = NativeEffect(rate, n_channels, in_plugin_units(settings))
    assert native.latency_samples == stream.latency_samples
    expected = stream.push(x)
    out, codes = native.push_noting_codes(x)
    np.testing.assert_allclose(out, expected, rtol=0, atol=ROUNDING)
    assert len(reports) == len(codes) > 100
    for report, sent in zip(reports, codes, strict=True):
        for channel, count in enumerate(report.counts):
            np.testing.assert_array_equal(sent[channel, :count], report.codes[channel, :count])
            assert (sent[channel, count:] == -1).all()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_same_settings_give_the_same_codes_and_samples(settings):
    compare(48_000, 2, settings)


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100, 48_000, 88_200, 96_000, 192_000, 47_999])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_every_rate_and_both_numbers_of_channels_do(rate, n_channels):
    compare(rate, n_channels, {"layers": 6})


def test_any_cutting_into_blocks_gives_the_same():
    x = sound(44_100, 2)
    whole = NativeEffect(44_100, 2).push(x)
    rng = np.random.default_rng(1)
    for longest in (1, 7, 300, 5000):
        if longest == 1:
            x, whole = x[:, :20_000], whole[:, :20_000]
        native, parts, start = NativeEffect(44_100, 2), [], 0
        while start < x.shape[1]:
            size = int(rng.integers(0, longest + 1)) if longest > 1 else 1
            parts.append(native.push(x[:, start : start + size]))
            start += size
        np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_controls_that_move_while_sound_runs_move_as_in_neural_codec(seed):
    rate, block = 48_000, 512
    x = np.tile(sound(rate, 2), 2)
    codec = NeuralCodec()
    stream, native = codec.stream(rate, 2), NativeEffect(rate, 2)
    rng = np.random.default_rng(seed)
    moves = {
        "layers": lambda: int(rng.integers(1, 25)),
        "mix": lambda: round(float(rng.random()), 2),
        "input_gain_db": lambda: round(float(rng.uniform(-12, 12)), 1),
        "output_gain_db": lambda: round(float(rng.uniform(-12, 0)), 1),
        "bypass": lambda: bool(rng.integers(2)),
        "stereo": lambda: str(rng.choice(["linked", "mid-side", "mono"])),
        "listen": lambda: str(rng.choice(["wet", "dry", "difference", "layer", "latent"])),
        "listen_layer": lambda: int(rng.integers(1, 9)),
        "noise_only": lambda: bool(rng.integers(2)),
        "denoise": lambda: round(float(rng.random()), 2),
        "postfilter": lambda: float(rng.choice([0.0, 0.4, 1.0])),
        "frame_loss": lambda: float(rng.choice([0.0, 0.0, 0.3])),
        "layer_loss": lambda: float(rng.choice([0.0, 0.0, 0.3])),
        "freeze": lambda: bool(rng.integers(2)),
        "freeze_frames": lambda: int(rng.integers(1, 20)),
        "slices": lambda: str(rng.choice(["off", "off", "stutter", "reverse"])),
        "code_feedback": lambda: float(rng.choice([0.0, 0.6])),
        "decimate_frames": lambda: int(rng.choice([1, 1, 4])),
    }
    # What holds before the first sample is where a stream begins, so nothing has moved by then.
    heard, expected = [native.push(x[:, :block])], [stream.push(x[:, :block])]
    for start in range(block, x.shape[1], block):
        name = str(rng.choice(list(moves)))
        value = moves[name]()
        codec.set_parameters({name: value})
        native.set(name, in_plugin_units({name: value})[name])
        heard.append(native.push(x[:, start : start + block]))
        expected.append(stream.push(x[:, start : start + block]))
    np.testing.assert_allclose(np.concatenate(heard, 1), np.concatenate(expected, 1), rtol=0, atol=ROUNDING * 4)


def test_what_is_no_number_counts_as_silence():
    x = sound(48_000, 2)[:, :24_000]
    holed = x.copy()
    holed[0, 5000:5100], holed[1, 9000] = np.nan, np.inf
    silent = x.copy()
    silent[0, 5000:5100], silent[1, 9000] = 0, 0
    out = NativeEffect(48_000, 2).push(holed)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out, NativeEffect(48_000, 2).push(silent))


def test_an_offset_is_taken_out_as_there():
    x = np.tile(sound(48_000, 2), 2) * 0.3
    # It comes, goes, and comes as little as to be left in.
    x[:, 20_000:70_000] += 0.2
    x[:, 140_000:] += 0.006
    expected = NeuralCodec().stream(48_000, 2).push(x)
    np.testing.assert_allclose(NativeEffect(48_000, 2).push(x), expected, rtol=0, atol=ROUNDING)


def test_silence_stays_silence():
    out = NativeEffect(44_100, 2, {"layers": 24}).push(np.zeros((2, 88_200), np.float32))
    assert np.abs(out).max() < 1e-4


@pytest.mark.parametrize(("rate", "n_channels"), [(7_999, 2), (192_001, 2), (48_000, 3), (48_000, 0)])
def test_what_it_is_not_made_for_is_refused_with_a_sentence(rate, n_channels):
    with pytest.raises(ValueError, match=r"must be"):
        NativeEffect(rate, n_channels)


def test_values_out_of_range_are_the_nearest_and_none_changes_nothing():
    x = sound(48_000, 1)[:, :12_000]
    native = NativeEffect(48_000, 1)
    for name, value in (("layers", 99.0), ("mix", -5.0), ("input_gain_db", float("nan"))):
        native.set(name, value)
    expected = NativeEffect(48_000, 1)
    for name, value in (("layers", 24.0), ("mix", 0.0)):
        expected.set(name, value)
    np.testing.assert_array_equal(native.push(x), expected.push(x))
