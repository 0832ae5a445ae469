"""What the app's views show, without a window: knob travel, settings, document, usage, pictures."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.gui.model.files.document import Document, clock
from lamina.gui.model.files.export import suggested_target
from lamina.gui.model.sound.spectrogram import Spectrogram, SpectrogramRing, frequency_at, height_of
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.travel import DRAG_PIXELS, Travel
from lamina.plugin import PARAMETERS, NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.files.sound import AudioClip

LAYERS = Travel(PARAMETERS["layers"])
MIX = Travel(PARAMETERS["mix"])
GAIN = Travel(PARAMETERS["input_gain_db"])
NUMBERS = [name for name, p in PARAMETERS.items() if p.kind in ("int", "float") and p.view_of is None]


@pytest.mark.parametrize("name", NUMBERS)
def test_every_place_on_a_travel_is_an_allowed_value(name):
    travel = Travel(PARAMETERS[name])
    for position in np.linspace(-0.1, 1.1, 61):
        value = travel.value(position)
        assert PARAMETERS[name].validate(value) == value
    assert travel.value(travel.position(PARAMETERS[name].default)) == PARAMETERS[name].default


def test_the_bitrate_knob_rests_on_whole_layers():
    assert {LAYERS.value(p) for p in np.linspace(0, 1, 1000)} == set(range(1, 25))
    assert LAYERS.dragged(LAYERS.position(8), DRAG_PIXELS) == 24
    assert LAYERS.dragged(LAYERS.position(8), -DRAG_PIXELS) == 1
    assert LAYERS.dragged(LAYERS.position(8), DRAG_PIXELS / 23) == 9
    assert LAYERS.stepped(8, 1) == 9 and LAYERS.stepped(24, 5) == 24 and LAYERS.stepped(1, -1) == 1


@pytest.mark.parametrize(
    ("travel", "text", "value"),
    [
        (LAYERS, "12", 12),
        (LAYERS, "6 kbps", 8),
        (LAYERS, "0.75kbps", 1),
        (LAYERS, "18,0 k", 24),
        (LAYERS, "3 layers", 3),
        (MIX, "50", 0.5),
        (MIX, "50 %", 0.5),
        (MIX, "1 %", 0.01),
        (GAIN, "-6.5 dB", -6.5),
        (GAIN, "\N{MINUS SIGN}6", -6.0),
        (GAIN, "+3", 3.0),
    ],
)
def test_typed_values_are_understood(travel, text, value):
    assert travel.parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("travel", "text"),
    [(LAYERS, "0"), (LAYERS, "25"), (LAYERS, "99 kbps"), (LAYERS, "2.5"), (MIX, "101"), (GAIN, "loud"), (GAIN, "")],
)
def test_typed_values_that_are_not_allowed_are_refused_with_a_sentence(travel, text):
    with pytest.raises(ValueError, match=r"[.]$"):
        travel.parse(text)


def test_settings_reach_the_codec_and_bad_ones_change_nothing():
    values, told = ParameterValues(), []
    values.changed.subscribe(lambda name, value: told.append((name, value)))
    values.set("layers", 3)
    codec = NeuralCodec()
    values.attach(codec)
    assert codec.layers == 3
    values.set("mix", 0.25)
    assert codec.mix == 0.25
    with pytest.raises(ValueError, match="layers"):
        values.set("layers", 25)
    assert codec.layers == 3 == values["layers"]
    assert told == [("layers", 3), ("mix", 0.25)]
    assert "kbps" not in values.values()


def test_denoise_and_noise_only_follow_what_the_bundle_can_do(undenoising_bundle):
    values = ParameterValues()
    values.set("denoise", 0.5)
    values.set("noise_only", True)
    able, unable = NeuralCodec(), NeuralCodec(model=str(undenoising_bundle))
    values.attach(able)
    assert values["denoise"] == able.denoise == 0.5 and values["noise_only"] is able.noise_only is True
    values.attach(unable)
    assert values["denoise"] == unable.denoise == 0.0 and values["noise_only"] is unable.noise_only is False
    for name, value in (("denoise", 0.5), ("noise_only", True)):
        with pytest.raises(ValueError, match="not trained to denoise"):
            values.set(name, value)
    assert not values["noise_only"]


def test_a_document_knows_its_length_and_outline():
    document = Document.open(demo_items()[0].path, "Music")
    lows, highs = document.outline(500)
    assert document.title == "Music" and lows.shape == highs.shape == (500,)
    assert np.all(lows <= highs)
    assert lows.min() == document.clip.samples.min() and highs.max() == document.clip.samples.max()
    assert document.outline(10**6)[0].shape == (10**6,)
    assert clock(document.seconds) in document.describe()


def test_the_outline_of_a_short_clip_follows_its_samples():
    samples = np.linspace(-1.0, 1.0, 500, dtype=np.float32)[None]
    document = Document.of(AudioClip(samples, 8000, Path("short.wav")), "Short")
    lows, highs = document.outline(250)
    assert np.array_equal(lows, samples[0, ::2]) and np.array_equal(highs, samples[0, 1::2])


def test_clock_counts_tenths():
    times = {0: "0:00.0", 0.99: "0:00.9", 59.96: "0:59.9", 61.2: "1:01.2", 3599.9: "59:59.9", 3600: "1:00:00.0"}
    assert {t: clock(t) for t in (*times, 6605.25)} == {**times, 6605.25: "1:50:05.2"}


def report(codes, layers):
    return SimpleNamespace(layers=layers, codes=np.asarray(codes, np.uint16))


def test_usage_counts_used_codes_and_variety():
    usage = CodebookUsage(n_layers=4, codebook_size=16)
    for code in range(8):
        usage.push(report([[code, 3]], 2))
    assert usage.active_layers == 2
    assert usage.used().tolist() == [8, 1, 0, 0]
    variety = usage.perplexity()
    # Eight codes once each, the older ones faded a little: just under eight.
    assert 7.9 < variety[0] <= 8.0 and variety[1] == pytest.approx(1.0) and variety[2] == 0.0
    strips = usage.strips(4)
    assert strips.shape == (4, 4) and strips.min() >= 0.0 and strips.max() <= 1.0
    assert np.all(strips[0, :2] > 0) and np.all(strips[0, 2:] == 0) and np.all(strips[2:] == 0)


def test_usage_fades_and_clears():
    usage = CodebookUsage(n_layers=2, codebook_size=4)
    usage.push(report([[1, 1]], 2))
    before = usage.strips(4)[1, 1]
    for _ in range(1000):
        usage.push(report([[0]], 1))
    assert usage.strips(4)[1, 1] < 0.1 * before
    assert usage.used().tolist() == [2, 1]
    usage.clear()
    assert usage.used().tolist() == [0, 0] and usage.n_frames == 0


@given(counts=st.lists(st.integers(0, 25), max_size=12))
def test_the_ring_picture_holds_the_last_columns_in_order(counts):
    ring = SpectrogramRing(n_bands=2, width=10)
    written = np.arange(sum(counts), dtype=np.float32)
    position = 0
    for count in counts:
        # Brightness 0–255 over the ring's range of levels carries the column's number, low band first.
        levels = -90.0 + (written[position : position + count] % 85)
        ring.push(np.stack([levels, levels], axis=1))
        position += count
    unrolled = np.roll(ring.levels, -ring.write_place, axis=1)
    last = written[-10:] % 85
    expected = np.rint(last / 84.0 * 255.0)
    assert np.array_equal(unrolled[0, 10 - len(last) :], expected.astype(np.uint8))
    assert ring.n_columns == len(written) and ring.is_empty == (len(written) == 0)


def test_low_frequencies_are_at_the_bottom():
    spectrogram = Spectrogram()
    tone = np.sin(2 * np.pi * 200 * np.arange(48000) / 48000).astype(np.float32)[None]
    spectrogram.push(tone, 48000)
    column = spectrogram.ring.levels[:, (spectrogram.ring.write_place - 1) % spectrogram.ring.width]
    height = 1.0 - (np.argmax(column) + 0.5) / spectrogram.ring.n_bands
    assert frequency_at(height) == pytest.approx(200, abs=25)  # one bin of 23 Hz
    assert height_of(frequency_at(0.3)) == pytest.approx(0.3)


def test_exports_are_suggested_lossless_and_say_the_bitrate(tmp_path):
    assert suggested_target(tmp_path / "song.mp3", 6.0, tmp_path) == tmp_path / "song 6 kbps.wav"
    assert suggested_target(tmp_path / "song.flac", 0.75, tmp_path) == tmp_path / "song 0.75 kbps.flac"
