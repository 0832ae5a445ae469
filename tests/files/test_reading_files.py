"""Reading: long files are held once and can be given up, and every refusal says what is wrong and where."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

from lamina.gui.model.files.document import Document
from lamina.plugin import NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.files import sound as audiofile
from lamina.plugin.files.render import render_file
from lamina.plugin.files.sound import AudioFileError, read_audio


def test_reading_and_outlining_hold_a_long_file_only_once(tmp_path):
    rate, seconds = 48000, 60
    source = tmp_path / "long.wav"
    with AudioFile(str(source), "w", rate, 2, bit_depth=16) as file:
        for _ in range(seconds):
            file.write(np.zeros((2, rate), np.float32))
    tracemalloc.start()
    try:
        document = Document.open(source)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One block of ten seconds is being read while the whole is there; a second copy would make it 2.
    assert peak < 1.5 * document.clip.samples.nbytes


def test_a_high_rate_is_limited_by_memory_not_by_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(audiofile, "MOST_IN_MEMORY_VALUES", 2 * 48000 * 10)
    source = tmp_path / "fast.wav"
    with AudioFile(str(source), "w", 96000, 2) as file:
        file.write(np.zeros((2, 96000 * 6), np.float32))
    with pytest.raises(AudioFileError, match="hours fit here"):
        read_audio(source)
    assert read_audio(source, limit_seconds=None).samples.shape[1] == 96000 * 6


def test_reading_says_how_far_it_is_and_can_be_cancelled():
    shares = []
    source = demo_items()[0].path
    read_audio(source, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 1
    with pytest.raises(audiofile.ReadCancelled):
        read_audio(source, cancelled=lambda: True)


@pytest.mark.slow
def test_the_place_of_a_bad_sample_is_told_wherever_it_is(tmp_path):
    rate = 8000
    samples = np.zeros((1, 25 * rate), np.float32)
    samples[0, 23 * rate] = np.nan
    source = tmp_path / "nan.wav"
    with AudioFile(str(source), "w", rate, 1, bit_depth=32) as file:
        file.write(samples)
    for attempt in (lambda: read_audio(source), lambda: render_file(NeuralCodec(), source, tmp_path / "out.wav")):
        with pytest.raises(AudioFileError, match=f"sample {23 * rate}"):
            attempt()
    assert list(tmp_path.iterdir()) == [source]


def test_a_name_that_is_not_utf8_is_refused_with_a_sentence(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav")
    try:
        Path(name).write_bytes(demo_items()[0].path.read_bytes())
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    with pytest.raises(AudioFileError, match="not valid UTF-8"):
        read_audio(name)
    with pytest.raises(AudioFileError, match="not valid UTF-8"):
        render_file(NeuralCodec(), demo_items()[0].path, name)


def test_a_pipe_in_the_place_of_a_file_is_refused_with_nothing_taken_from_it(tmp_path):
    pipe, sound = tmp_path / "a.wav", demo_items()[0].path.read_bytes()[:1000]
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # so that whoever opens it needn't wait for ever
    try:
        os.write(end, sound)
        with pytest.raises(AudioFileError, match=r"no ordinary file\. Pipes are read from -"):
            render_file(NeuralCodec(), pipe, tmp_path / "out.wav")
        assert os.read(end, 2000) == sound and not (tmp_path / "out.wav").exists()
    finally:
        os.close(end)
