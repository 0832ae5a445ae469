"""The factory's presets are valid, level-matched and unlike each other.

Files of presets are checked completely and written atomically.
"""

import json
import os
from collections import Counter
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from sounds import demo

from lamina.dsp.loudness import LoudnessMeter
from lamina.models.json_files import LARGEST_FILE
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import CATEGORIES, PresetError, list_presets, load_preset, save_preset
from lamina.plugin.parameters.settings import Settings

RATE = 44_100
ITEMS = {"music": (0, 8.0, 4.0), "voice": (1, 8.0, 0.0)}
"""Demo item, seconds, and where they begin: the music with the entry of bass and drums in it."""
PRESETS = {preset.name: preset for preset in list_presets()}
QUIET_ON_PURPOSE = {"layer-by-layer", "what-six-kilobits-miss", "what-was-removed"}
"""They play a part of the sound, whose level is what they show."""
ALWAYS_THERE = {
    "clean-voice", "gentle", "ghost-in-the-wire", "half-remembered", "long-distance", "paper-thin", "parallel-grit",
    "podcast",
    "walkie-talkie", "what-was-removed",
}  # fmt: skip
"""Names that earlier versions had; scripts load them."""
LARGEST_DIFFERENCE_LU = 4.0
LARGEST_STEP = 2.2
"""The largest step from sample to sample, against the dry and the plainly coded sound's.

A cut of the wave would make several times as much.
"""
ALIKE = 0.1
"""RMS of the difference of two presets as a share of the louder one's: what no ear takes for the same."""


@lru_cache
def dry(item: str) -> np.ndarray:
    index, seconds, start = ITEMS[item]
    audio = demo(index, RATE, seconds, start)
    return audio[:1] if item == "voice" else audio


@lru_cache
def heard(name: str, item: str) -> np.ndarray:
    """A preset on an item; "" is the codec as it comes."""
    codec = NeuralCodec()
    if name:
        codec.set_parameters(PRESETS[name].parameters)
    return codec(dry(item), RATE)


def loudness_lufs(audio: np.ndarray) -> float:
    """Loudness of the whole: the power mean of three-second readings, ungated."""
    meter, powers = LoudnessMeter(RATE, len(audio)), []
    for start in range(0, audio.shape[1], 3 * RATE):
        block = audio[:, start : start + 3 * RATE]
        meter.push(np.pad(block, ((0, 0), (0, 3 * RATE - block.shape[1]))))
        powers.append(10 ** (meter.short_term_lufs / 10))
    return float(10 * np.log10(np.mean(powers)))


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.square(audio, dtype=np.float64).mean()))


def largest_step(audio: np.ndarray) -> float:
    return float(np.abs(np.diff(audio, axis=1)).max())


def test_there_are_twenty_four_and_each_says_in_one_sentence_what_it_is():
    assert len(PRESETS) == 24
    for attribute in ("title", "description"):
        assert len({getattr(preset, attribute) for preset in PRESETS.values()}) == 24
    for preset in PRESETS.values():
        assert preset.title
        assert 30 <= len(preset.description) <= 120 and preset.description.endswith("."), preset.name
        assert ". " not in preset.description, preset.name
    assert len({preset.settings() for preset in PRESETS.values()}) == 24


def test_they_are_spread_over_all_categories():
    counts = Counter(preset.category for preset in PRESETS.values())
    assert set(counts) == set(CATEGORIES)
    assert min(counts.values()) >= 3


def test_names_once_given_stay():
    assert set(PRESETS) >= ALWAYS_THERE
    assert PRESETS["long-distance"].settings().layers == 4


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("name", PRESETS)
def test_each_is_as_loud_as_the_sound_itself_and_neither_clips_nor_clicks(name, item):
    audio, out = dry(item), heard(name, item)
    assert out.shape == audio.shape and np.isfinite(out).all()
    assert 0.02 < np.abs(out).max() < 1.0
    assert largest_step(out) <= LARGEST_STEP * max(largest_step(audio), largest_step(heard("", item)))
    difference_lu = loudness_lufs(out) - loudness_lufs(audio)
    assert -40 < difference_lu < LARGEST_DIFFERENCE_LU
    assert name in QUIET_ON_PURPOSE or difference_lu > -LARGEST_DIFFERENCE_LU


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS)
def test_each_sounds_unlike_all_others_and_unlike_the_plain_codec(item):
    # One mono voice has no sides, and clean music no noise: what two presets differ in must be in the item.
    same_there = {"voice": {("clean-voice", "gentle")}, "music": set()}[item]
    for pair in combinations(["", *sorted(PRESETS)], 2):
        one, other = (heard(name, item) for name in pair)
        assert pair in same_there or rms(one - other) > ALIKE * max(rms(one), rms(other)), pair


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_each_sounds_the_same_every_time(name):
    audio = dry("music")[:, :RATE]
    first, second = NeuralCodec(), NeuralCodec()
    for codec in (first, second):
        codec.set_parameters(PRESETS[name].parameters)
    assert np.array_equal(first(audio, RATE), second(audio, RATE))


def test_a_preset_starts_from_the_defaults():
    assert load_preset("paper-thin").settings() == Settings(layers=4, mix=0.35)


def test_a_category_is_read_and_may_be_missing(tmp_path):
    path = tmp_path / "mine.json"
    for given, category in (({"category": "weddings"}, "weddings"), ({}, "")):
        path.write_text(json.dumps({"schema": 1, "title": "Mine", "parameters": {}, **given}))
        assert load_preset(path).category == category


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "Mein Klang.json"
    save_preset(path, "Mein Klang – größer", {"kbps": 4.5, "mix": 0.5}, "leise")
    preset = load_preset(path)
    assert (preset.title, preset.description) == ("Mein Klang – größer", "leise")
    assert preset.settings() == Settings(layers=6, mix=0.5)
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(PresetError, match="Did you mean 'podcast'"):
        load_preset("podcats")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a preset"),
        ("[1, 2]", "schema"),
        ('{"schema": 2, "title": "x", "parameters": {}}', "Update"),
        ('{"schema": 1, "title": "x"}', "parameters"),
        ('{"schema": 1, "parameters": {}}', "title"),
        ('{"schema": 1, "title": "x", "category": 3, "parameters": {}}', "category"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": 99}}', "layers is 99"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": "8"}}', "layers"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": 8, "kbps": 6}}', "one value"),
        ('{"schema": 1, "title": "x", "parameters": {"lawyers": 8}}', "Did you mean 'layers'"),
    ],
)
def test_a_damaged_preset_is_refused_with_its_name(tmp_path, content, words):
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(PresetError, match=words) as error:
        load_preset(path)
    assert "broken.json" in str(error.value)


def test_saving_nonsense_keeps_the_old_preset(tmp_path):
    path = tmp_path / "mine.json"
    save_preset(path, "Mine", {"layers": 3})
    before = path.read_text()
    with pytest.raises(PresetError, match="layers"):
        save_preset(path, "Mine", {"layers": 0})
    with pytest.raises(PresetError, match="written"):
        save_preset(tmp_path / "missing" / "mine.json", "Mine", {"layers": 3})
    assert path.read_text() == before
    assert json.loads(before)["schema"] == 1


def test_a_saved_preset_may_be_read_by_whom_any_new_file_may(tmp_path):
    (tmp_path / "plain").touch()
    save_preset(tmp_path / "mine.json", "Mine", {"layers": 3})
    assert (tmp_path / "mine.json").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


TOO_MUCH = {
    "muted layers": ("muted_layers", [1] * 200),
    "gains": ("layer_gains", [1.0] * 200),
    "curves": ("automation", [{"target": "mix", "times": [0], "values": [1]}] * 500),
    "points": ("automation", [{"target": "mix", "times": [0] * 100_001, "values": [0] * 100_001}]),
    "motions": ("motions", [{"target": "mix"}] * 17),
    "a choice without end": ("slices", "x" * 10_000),
    "a list for a number": ("mix", [0] * 100_000),
}


@pytest.mark.parametrize(("name", "value"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_values_beyond_all_measure_are_refused_in_a_few_words(tmp_path, name, value):
    path = tmp_path / "much.json"
    path.write_text(json.dumps({"schema": 1, "title": "much", "parameters": {name: value}}))
    with pytest.raises(PresetError, match=name) as refused:
        load_preset(path)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("value", [10**400, 10**5000], ids=["400 digits", "5000 digits"])
def test_numbers_of_many_digits_are_refused_in_scripts_too(value):
    for name, given in (("layers", value), ("mix", value), ("motions", [{"target": "mix", "depth": value}])):
        with pytest.raises(ValueError, match="more than 30 digits"):
            NeuralCodec(**{name: given})


def test_a_preset_that_is_a_pipe_or_too_large_is_refused(tmp_path):
    pipe, large = tmp_path / "pipe.json", tmp_path / "large.json"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    for path, word in ((pipe, "pipe"), (large, "64 MB"), (tmp_path, "folder")):
        with pytest.raises(PresetError, match=word):
            load_preset(path)
