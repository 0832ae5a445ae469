"""The VST3 plugin in a host (pedalboard's): it is `NeuralCodec`, keeps its place in time, and keeps what was set."""

import struct
import subprocess
import sys

import numpy as np
import pytest
from make_parameters import HEADER, header, native_parameters, unmet
from native_effect import NativeEffect, plugin, shipped_weights, why_no_plugin
from sounds import demo
from tiny_weights import checked_again

from lamina.models.engines.core import library
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import list_presets
from lamina.plugin.documents.vst3 import load_vst3

ROUNDING = 1e-6
RATE = 48_000
needs_plugin = pytest.mark.skipif(bool(why_no_plugin()), reason=why_no_plugin())
needs_core = pytest.mark.skipif(library() is None, reason="the core was not built")


def loaded():
    return load_vst3(plugin() / "Lamina.vst3")


def sound(rate=RATE, seconds=1.5):
    return np.concatenate([demo(item, rate, seconds)[:1] for item in (0, 1)]).astype(np.float32)


def set_in(host, name, value, least, most):
    """As a host does: by a share of the range, whatever steps pedalboard would take."""
    host.parameters[name].raw_value = (value - least) / (most - least)


def values(host):
    """All parameters but those that only tell something."""
    return {
        name: parameter.raw_value
        for name, parameter in host.parameters.items()
        if name not in ("latency_frames", "current_program", "sent_kbps")
    }


def test_the_table_of_parameters_is_that_of_lamina():
    assert HEADER.read_text(encoding="utf-8") == header(), "run: make plugin-tables"


@needs_plugin
@needs_core
@pytest.mark.slow
@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000, 96_000])
def test_it_sounds_as_neural_codec_does_to_the_sample(rate):
    x, host = sound(rate), loaded()
    for block in (8192, 500, 32):
        np.testing.assert_allclose(
            host.process(x, rate, buffer_size=block), NeuralCodec().process(x, rate), rtol=0, atol=ROUNDING
        )


@needs_plugin
@needs_core
@pytest.mark.slow
def test_parameters_mean_what_they_mean_there():
    x, host = sound(), loaded()
    host.layers, host.stereo, host.side_layers, host.search = 13, "mid-side", 5, 2
    set_in(host, "input_db", 3.3, -24, 24)
    set_in(host, "output_db", -4.2, -24, 24)
    set_in(host, "mix", 70, 0, 100)
    set_in(host, "denoise", 30, 0, 100)
    set_in(host, "bits_follow_loudness", -20, -100, 100)
    codec = NeuralCodec(
        layers=13, stereo="mid-side", side_layers=5, search=2, input_gain_db=3.3, output_gain_db=-4.2, mix=0.7,
        denoise=0.3, loudness_layers=-0.2,
    )  # fmt: skip
    np.testing.assert_allclose(host.process(x, RATE), codec.process(x, RATE), rtol=0, atol=ROUNDING)


@needs_plugin
@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_bypassed_it_gives_back_every_sample_in_its_place(rate):
    x, host = sound(rate), loaded()
    host.bypass = True
    np.testing.assert_array_equal(host.process(x, rate), x)
    host.bypass = False
    set_in(host, "mix", 0, 0, 100)
    np.testing.assert_array_equal(host.process(x, rate), x)


@needs_plugin
@needs_core
@pytest.mark.slow
def test_rates_and_blocks_may_change_under_it():
    host = loaded()
    for rate, block in ((48_000, 512), (44_100, 64), (96_000, 2048), (48_000, 333)):
        x = sound(rate, 1.0)
        expected = NeuralCodec().process(x, rate)
        np.testing.assert_allclose(host.process(x, rate, buffer_size=block), expected, rtol=0, atol=ROUNDING)


@needs_plugin
@needs_core
@pytest.mark.slow
def test_a_session_comes_back():
    x, host = sound(), loaded()
    host.layers, host.listen, host.stereo = 21, "difference", "mono"
    set_in(host, "output_db", -3.7, -24, 24)
    expected = host.process(x, RATE)
    again = loaded()
    assert values(again) != values(host)
    again.raw_state = host.raw_state
    assert values(again) == pytest.approx(values(host), abs=1e-6)
    np.testing.assert_allclose(again.process(x, RATE), expected, rtol=0, atol=ROUNDING)


@needs_plugin
@needs_core
@pytest.mark.slow
def test_factory_presets_are_its_programs():
    x, host = sound(seconds=1.0), loaded()
    for preset in list_presets():
        if unmet(preset):
            assert preset.title not in host.parameters["current_program"].valid_values
            continue
        host.current_program = preset.title
        expected = NeuralCodec.from_preset(preset).process(x, RATE)
        np.testing.assert_allclose(host.process(x, RATE), expected, rtol=0, atol=ROUNDING, err_msg=preset.title)


def another_model(path, source):
    """A weights file that sounds otherwise: the decoder's straight path is turned down."""
    data = bytearray(source.read_bytes())
    (n_tensors,) = struct.unpack_from("<I", data, 24)
    for entry in range(480, 480 + 96 * n_tensors, 96):
        name, _, _, n_values, place = struct.unpack_from("<72sIIQQ", data, entry)
        if name.rstrip(b"\0") == b"decoder.decoder.linear_path.weight":
            changed = np.frombuffer(data, np.float32, n_values, place) * np.float32(0.5)
            data[place : place + changed.nbytes] = changed.tobytes()
    data[32:288] = b"my-band".ljust(256, b"\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(checked_again(data))
    return path


@needs_plugin
@needs_core
@pytest.mark.slow
def test_models_of_ones_own_are_played_and_kept_by_their_names(data_folder):
    own = another_model(data_folder / "plugin" / "my-band.weights", shipped_weights())
    x, host = sound(), loaded()
    expected = NativeEffect(RATE, 2, weights=own).push(np.pad(x, ((0, 0), (0, 4000))))
    expected = expected[:, NativeEffect(RATE, 2).latency_samples :][:, : x.shape[1]]
    usual = host.process(x, RATE)
    assert np.abs(usual - expected).max() > 0.01
    host.model = "my-band"
    host.process(x[:, :64], RATE)
    np.testing.assert_allclose(host.process(x, RATE), expected, rtol=0, atol=ROUNDING)
    # Another model comes before it now: the session still means the one that it meant.
    state = host.raw_state
    another_model(data_folder / "plugin" / "a-first.weights", own)
    again = loaded()
    again.raw_state = state
    again.process(x[:, :64], RATE)
    np.testing.assert_allclose(again.process(x, RATE), expected, rtol=0, atol=ROUNDING)


@needs_plugin
@pytest.mark.slow
def test_fifty_of_them_take_little_memory_and_share_the_model():
    first, others = told(
        """
        x = np.zeros((2, 4800), np.float32)
        before = memory()
        first = loaded()
        first.process(x, 48000)
        one = memory() - before
        many = [loaded() for _ in range(49)]
        for plugin in many:
            plugin.process(x, 48000)
        print(one, (memory() - before - one) / 49)
        """
    )
    assert first < 40, "megabytes: what a plugin may take"
    assert others < 10, "megabytes: the model, which alone has more, is there once"


@needs_plugin
@pytest.mark.long
def test_loaded_and_unloaded_many_times_it_leaves_nothing_behind():
    grown, *_ = told(
        """
        x = np.zeros((2, 4800), np.float32)
        def once():
            plugin = loaded()
            plugin.process(x, 48000)
        def often(n):
            for i in range(n):
                once()
                if i % 20 == 0:
                    gc.collect()
            gc.collect()
        often(100)
        before = memory()
        often(300)
        print(memory() - before)
        """
    )
    assert grown < 30, "megabytes: a model alone has more than ten, and one was loaded each time"


def told(script):
    """The numbers that a process of its own prints; `loaded` gives it the plugin, `memory` its megabytes."""
    begun = f"""
import gc, numpy as np, pedalboard
def memory():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
def loaded():
    return pedalboard.load_plugin({str(plugin() / "Lamina.vst3")!r})
"""
    lines = "\n".join(line.removeprefix("        ") for line in script.splitlines())
    done = subprocess.run([sys.executable, "-c", begun + lines], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [float(number) for number in done.stdout.split()]


def test_the_docs_name_every_control_and_program():
    page = (HEADER.parents[1] / "docs" / "plugin.md").read_text(encoding="utf-8")
    for parameter in native_parameters():
        whole, _, layer = parameter.name.partition(".")
        assert layer or parameter.label in page
        assert f"`{whole}`" in page
    titles = [preset.title for preset in list_presets() if not unmet(preset)]
    assert f"{', '.join(titles[:-1])} and {titles[-1]}" in " ".join(page.split())
    assert f"{NeuralCodec().latency_samples(48_000)} samples at 48 kHz" in page
