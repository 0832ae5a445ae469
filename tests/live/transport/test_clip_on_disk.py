"""A file played from the disk is the file read whole, to the sample, and the audio thread never waits for the disk."""

import os
import shutil
import threading
import time

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.dsp.resample import StreamingResampler
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.files.sound import AudioFileError, read_audio
from lamina.plugin.host.transport.clip_on_disk import KEPT_CHUNKS, ClipOnDisk
from lamina.plugin.host.transport.clip_reader import ClipReader, Region
from lamina.plugin.host.transport.file_source import FileSource

RATE = 8000
PATIENCE_SECONDS = 30  # a bound for busy machines, not a speed that is promised


@pytest.fixture
def opened():
    """Opens clips and closes them after the test, whose threads must end."""
    clips = []

    def open_clip(*arguments, **options):
        clips.append(ClipOnDisk(*arguments, **options))
        return clips[-1]

    yield open_clip
    for clip in clips:
        clip.close()
    assert not any(thread.name == "lamina-clip" for thread in threading.enumerate())


def write(path, sound, rate=RATE, **options):
    with AudioFile(str(path), "w", rate, sound.shape[0], **options) as file:
        file.write(sound)
    return path


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def sweep(n_channels, rate, seconds):
    """A sound that changes all the time.

    An MP3 encoder spreads its bits over several of its blocks, and a jump into them is inexact.
    """
    t = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 + 50 * t) * t)).astype(np.float32) + noise(n_channels, len(t), level=0.05)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".ogg", ".mp3"])
@pytest.mark.parametrize(("n_channels", "rate"), [(1, 48000), (2, 22050)])
def test_every_place_of_a_file_is_found_to_the_sample(opened, tmp_path, suffix, n_channels, rate):
    path = write(tmp_path / f"sound{suffix}", sweep(n_channels, rate, 4.3), rate)
    whole = read_audio(path).samples
    clip = opened(path, rate, wait=True)
    assert clip.shape == whole.shape and clip.from_rate == rate and clip.seconds == whole.shape[1] / rate
    drawn = np.random.default_rng(1)
    for _ in range(40):
        start = int(drawn.integers(0, whole.shape[1]))
        stop = start + int(drawn.integers(0, 3000))
        assert np.array_equal(clip[:, start:stop], whole[:, start:stop])
    places = np.array([3, 4, 5, 5, 4, 3]) + rate - 4
    assert np.array_equal(clip[:, places], whole[:, places])
    assert clip[:, 5:5].shape == (n_channels, 0)


def test_files_of_other_encoders_are_found_to_the_sample_too(opened):
    for item in demo_items():
        whole = read_audio(item.path)
        clip = opened(item.path, whole.sample_rate, wait=True)
        for start in np.random.default_rng(2).integers(0, whole.samples.shape[1], 20):
            assert np.array_equal(clip[:, start : start + 999], whole.samples[:, start : start + 999])


def test_an_mp3_file_is_recognized_whatever_its_name(opened, tmp_path):
    path = write(tmp_path / "sound.mp3", sweep(1, 48000, 4.3), 48000)
    whole = read_audio(path).samples
    clip = opened(shutil.copy(path, tmp_path / "sound.wav"), 48000, wait=True)
    for start in range(0, whole.shape[1], 4001)[::-1]:
        assert np.array_equal(clip[:, start : start + 500], whole[:, start : start + 500])


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 48000), (48000, 44100), (8000, 48000), (96000, 48000)])
def test_a_converted_file_is_the_whole_file_converted(opened, tmp_path, from_rate, to_rate):
    sound = noise(2, int(2.7 * from_rate))
    path = write(tmp_path / "sound.wav", sound, from_rate, bit_depth=32)
    clip = opened(path, to_rate, wait=True)
    whole = StreamingResampler(2, from_rate, to_rate).push(np.pad(sound, ((0, 0), (0, from_rate // 2))))
    assert clip.shape == (2, round(2.7 * to_rate))
    # Rounding in float64 may differ with the way the sums are grouped, and ends in float32's last place.
    for start, stop in ((0, 480), (to_rate - 7, to_rate + 9), (2 * to_rate, clip.shape[1]), (0, clip.shape[1])):
        assert np.allclose(clip[:, start:stop], whole[:, start:stop], rtol=0, atol=1e-6)


def test_reading_never_touches_the_disk_and_misses_nothing_at_a_players_pace(opened, tmp_path, monkeypatch):
    sound = noise(1, 30 * RATE)
    clip = opened(write(tmp_path / "sound.wav", sound, bit_depth=32), RATE)
    readers = set()
    read = FileSource.read
    monkeypatch.setattr(FileSource, "read", lambda *a: readers.add(threading.get_ident()) or read(*a))
    reader = ClipReader(clip, RATE)
    assert clip.prefetch(0)
    for block in range(0, 30 * RATE, 800):
        # As fast as the file comes from the disk, which is far faster than a device asks.
        wait_until(lambda at=block: clip._has(clip._numbers(at, at + 800)))
        assert np.array_equal(reader.read(800)[0], sound[:, block : block + 800])
        clip.attend(reader.position, None)
    assert clip.n_missing_samples == 0 and threading.get_ident() not in readers and readers
    assert len(clip._chunks) <= KEPT_CHUNKS + 1


def test_what_is_not_in_memory_is_silence_and_counted(opened, tmp_path):
    clip = opened(write(tmp_path / "sound.wav", np.full((1, 60 * RATE), 0.5, np.float32)), RATE)
    assert clip.prefetch(0)
    assert not clip[:, 40 * RATE : 40 * RATE + 300].any() and clip.n_missing_samples == 300
    assert clip.prefetch(40 * RATE) and clip[:, 40 * RATE : 40 * RATE + 300].all() and clip.n_missing_samples == 300


@pytest.mark.parametrize("length", [0.02, 0.5, 21.7])
def test_a_loop_is_gapless_from_the_disk(opened, tmp_path, length):
    sound = noise(1, 60 * RATE)
    clip = opened(write(tmp_path / "sound.wav", sound, bit_depth=32), RATE)
    looped, reference = ClipReader(clip, RATE), ClipReader(sound, RATE)
    region = Region(round(30.99 * RATE), round((30.99 + length) * RATE))
    for reader in (looped, reference):
        reader.loop = region
        reader.restart(region.start)
    # Sought elsewhere in between: longer than what stays in memory, the loop brings its start back by itself.
    assert clip.prefetch(region.start) and clip.prefetch(0)
    for _ in range(200):
        clip.attend(looped.position, region)
        wait_until(lambda: clip._has(tuple(clip._wanted())))
        assert np.array_equal(looped.read(2000)[0], reference.read(2000)[0])
    assert clip.n_missing_samples == 0


def test_a_file_cut_off_while_it_plays_is_told_once_and_the_rest_is_silence(opened, tmp_path):
    path = write(tmp_path / "sound.wav", np.full((2, 40 * RATE), 0.5, np.float32))
    clip = opened(path, RATE)
    assert clip.prefetch(0)
    os.truncate(path, path.stat().st_size // 2)
    for second in (10, 30, 35):
        assert clip.prefetch(second * RATE)
    assert clip[:, 10 * RATE : 11 * RATE].all() and not clip[:, 30 * RATE : 31 * RATE].any()
    assert "became shorter" in clip.take_trouble() and clip.take_trouble() == ""


def test_a_deleted_file_plays_on(opened, tmp_path):
    path = write(tmp_path / "sound.wav", np.full((2, 40 * RATE), 0.5, np.float32))
    clip = opened(path, RATE)
    path.unlink()
    assert clip.prefetch(30 * RATE) and clip[:, 30 * RATE : 31 * RATE].all() and clip.take_trouble() == ""


def test_a_disk_that_fails_is_told_and_not_raised(opened, tmp_path, monkeypatch):
    path = write(tmp_path / "sound.wav", np.full((2, 40 * RATE), 0.5, np.float32))
    clip = opened(path, RATE)

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(FileSource, "_heard", fail)
    assert clip.prefetch(30 * RATE) and not clip[:, 30 * RATE : 31 * RATE].any()
    assert "Input/output error" in clip.take_trouble()


def test_nan_in_a_file_is_silence_with_a_sentence(opened, tmp_path):
    sound = np.full((1, RATE), 0.5, np.float32)
    sound[0, 100:110] = np.nan
    clip = opened(write(tmp_path / "sound.wav", sound, bit_depth=32), RATE, wait=True)
    assert np.array_equal(clip[:, 0:RATE] == 0, np.isnan(sound)) and "NaN" in clip.take_trouble()


def test_what_is_no_sound_file_is_refused(opened, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    for path in (tmp_path / "text.wav", tmp_path / "none.wav", tmp_path):
        with pytest.raises(AudioFileError):
            opened(path, RATE)
