"""Files in the app: opened, dropped, refused with a sentence, and never read as markup."""

import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, drop, lamina_threads, wait, write_sound
from pedalboard.io import AudioFile
from PyQt6.QtCore import Qt

from lamina.gui.model.files.document import MOST_HELD_VALUES, Document
from lamina.gui.model.files.long_clip import SamplesOnDisk
from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.listening.region import Region, make_region
from lamina.gui.model.sound.player import PlayState
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.files.sound import AudioFileError, ReadCancelled, read_audio

pytest_plugins = ["gui_fixtures"]


def test_it_starts_with_the_first_demo_item(window):
    item = demo_items()[0]
    assert window.session.document.path == item.path
    assert window.header.title.text() == item.title and item.title in window.windowTitle()
    assert [action.text() for action in window.header.demo_menu.actions()] == [item.title for item in demo_items()]


def test_opening_a_file_shows_it(window, qtbot, sound):
    window.open(sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")
    assert window.header.detail.text() == "48 kHz   stereo   0:01.0"
    assert window.session.player.state is PlayState.STOPPED


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "aiff"])
def test_every_promised_format_opens(window, qtbot, tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    options = {"quality": "V2"} if suffix == "mp3" else {"quality": "256 kbps"} if suffix == "ogg" else {}
    with AudioFile(str(path), "w", 44100, 1, **options) as file:
        file.write(np.full((1, 44100), 0.1, np.float32))
    window.open(path)
    wait(qtbot, lambda: window.header.title.text() == f"tone.{suffix}")


def test_the_last_file_asked_for_is_opened_and_closing_does_not_wait_for_one(
    window, qtbot, sound, tmp_path, monkeypatch
):
    slow_started, gave_up = threading.Event(), threading.Event()

    def slow_read(path, progress, cancelled):
        if Path(path) == sound:
            return read_audio(path)
        slow_started.set()
        progress(0.25)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not cancelled() and time.monotonic() < deadline:
            time.sleep(0.01)
        gave_up.set()
        raise ReadCancelled("given up")

    monkeypatch.setattr("lamina.gui.model.files.document.read_audio", slow_read)
    window.open(write_sound(tmp_path / "three hours.wav", 8_000, np.zeros((1, 800))))
    wait(qtbot, slow_started.is_set)
    wait(qtbot, lambda: window.status.remark.text() == "Opening three hours.wav…  25 %")
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert gave_up.is_set() and not window.notice.isVisible()
    slow_started.clear()
    gave_up.clear()
    window.open(tmp_path / "three hours.wav")
    wait(qtbot, slow_started.is_set)
    window.close()
    assert gave_up.is_set() and lamina_threads() == []


def test_a_refusal_goes_when_another_file_opens(window, qtbot, sound, tmp_path):
    window.open(tmp_path / "missing.wav")
    wait(qtbot, window.notice.isVisible)
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert not window.notice.isVisible()


def test_a_file_name_is_never_read_as_markup(window, qtbot, sound):
    odd = sound.rename(sound.with_name("<h1>big<b> & tab.wav"))
    window.open(odd)
    wait(qtbot, lambda: window.session.document.path == odd)
    assert window.header.title.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;h1&gt;big&lt;b&gt; &amp; tab.wav" in window.header.title.toolTip()


def test_of_several_dropped_files_the_first_opens_and_that_is_said(window, qtbot, sound):
    drop(window, sound, sound.with_name("another.wav"))
    wait(qtbot, lambda: window.session.document.path == sound)
    assert "first of 2 files" in window.notice.label.text()


def test_a_dropped_file_opens(window, qtbot, sound):
    drop(window, sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder", "nan"])
def test_a_bad_file_is_refused_with_a_sentence_and_nothing_changes(window, qtbot, tmp_path, kind):
    path = tmp_path / "bad.wav"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no sound")
    elif kind == "folder":
        path.mkdir()
    elif kind == "nan":
        with AudioFile(str(path), "w", 8000, 1, bit_depth=32) as file:
            file.write(np.full((1, 800), np.nan, np.float32))
        if np.all(np.isfinite(_raw(path))):
            pytest.skip("this build of the audio library writes no NaN to read back")
    document, title, n_layers = window.session.document, window.windowTitle(), window.session.parameters["layers"]
    window.open(path)
    wait(qtbot, window.notice.isVisible)
    assert "bad.wav" in window.notice.label.text() and window.notice.label.text().endswith(".")
    assert window.session.document is document and window.windowTitle() == title
    assert window.session.parameters["layers"] == n_layers and window.session.can_play


def _raw(path):
    with AudioFile(str(path)) as file:
        return file.read(file.frames)


@pytest.fixture
def long_and_held(sound, monkeypatch):
    """The same file, once so long that its samples stay on the disk."""
    held = Document.open(sound)
    monkeypatch.setattr("lamina.gui.model.files.document.MOST_HELD_VALUES", 1000)
    monkeypatch.setattr("lamina.gui.model.files.document.READ_RUNS", 10)
    return Document.open(sound), held


def test_a_long_file_is_shown_and_compared_as_a_short_one_is(long_and_held):
    long, held = long_and_held
    assert isinstance(long.clip.samples, SamplesOnDisk) and isinstance(held.clip.samples, np.ndarray)
    assert (long.n_channels, long.n_samples, long.describe()) == (held.n_channels, held.n_samples, held.describe())
    for mine, other in zip(long.outline(300), held.outline(300), strict=True):
        assert np.array_equal(mine, other)
    # More points than there are runs: drawn from these, since the samples themselves aren't there.
    assert len(long.outline(3840)[0]) == 3840
    assert np.array_equal(long.clip.samples[:, 17_000:29_001], held.clip.samples[:, 17_000:29_001])
    part = Region(20_000, 30_000)
    made = [make_region(Recipe.original(), each, part, lambda _: None, lambda: False) for each in (long, held)]
    assert np.array_equal(made[0].samples, made[1].samples)


def test_a_long_file_that_was_replaced_meanwhile_is_told(long_and_held, sound):
    long, _ = long_and_held
    write_sound(sound, 48_000, np.zeros((2, 20_000)))
    with pytest.raises(AudioFileError, match=r"has changed since it was opened\. Open it again"):
        long.clip.samples[:, 17_000:29_001]


def test_memory_does_not_grow_with_the_length_of_what_is_open(tmp_path):
    path = write_sound(tmp_path / "long.wav", 16_000, 0.1 * np.ones((1, MOST_HELD_VALUES + 1)))
    tracemalloc.start()
    try:
        document = Document.open(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All of it would be 67 MB; the outline is one, twice while it is put together.
    assert document.n_samples == MOST_HELD_VALUES + 1 and peak < 12_000_000
