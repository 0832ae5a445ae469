"""A recording holds what was played to the sample, and survives kills, full and slow disks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sounds import noise

from lamina.plugin.files.sound import AudioFileError, read_audio
from lamina.plugin.host.engine.tone import TestTone
from lamina.plugin.host.recording import wav_file
from lamina.plugin.host.recording.recorder import Recorder, Recording
from lamina.plugin.host.recording.wav_file import WavFile

RATE = 48000
HALF_STEP = 0.5 / (2**23 - 1)  # of 24 bits: what rounding may change
FLAC_FRAME = 4096  # samples that the encoder holds back
PATIENCE_SECONDS = 60  # a bound for busy machines, not a speed that is promised

formats = pytest.mark.parametrize("suffix", [".wav", ".flac"])


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def push(recorder, sound, block=512):
    for start in range(0, sound.shape[1], block):
        recorder.push(sound[:, start : start + block])


def assert_holds(path, sound):
    """pedalboard reads the sound and nothing more, and so does libsndfile where it is installed."""
    read = read_audio(path)
    assert read.sample_rate == RATE and read.samples.shape == sound.shape
    assert np.abs(read.samples - sound).max() <= HALF_STEP * 1.01
    if find_spec("soundfile") is None:
        return
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    # libsndfile divides by 2^23 instead of 2^23 − 1.
    assert rate == RATE and samples.shape == sound.T.shape and np.abs(samples.T - sound).max() <= 4 * HALF_STEP


@formats
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("block", [64, 1001])
def test_a_recording_is_what_was_pushed(tmp_path, suffix, n_channels, block):
    sound = noise(n_channels, 50_001)
    path = tmp_path / f"take{suffix}"
    recorder = Recorder(path, RATE, n_channels)
    assert path.exists() and recorder.is_running
    kept = sound.copy()
    for start in range(0, sound.shape[1], block):
        reused = kept[:, start : start + block]
        recorder.push(reused)
        reused[:] = 9.0  # the engine uses its block again at once
    assert recorder.stop() == Recording(path, 50_001, 50_001 / RATE, 0, "") == recorder.stop()
    assert not recorder.is_running and recorder.seconds == 50_001 / RATE
    assert_holds(path, sound)
    assert not any(thread.name == "lamina-recorder" for thread in threading.enumerate())


@formats
def test_what_was_recorded_and_played_can_be_recorded_again_without_a_change(tmp_path, suffix):
    generations = [noise(2, 20_000)]
    for k in range(3):
        recorder = Recorder(tmp_path / f"take{k}{suffix}", RATE)
        recorder.push(generations[-1])
        generations.append(read_audio(recorder.stop().path).samples)
    assert np.array_equal(generations[1], generations[2]) and np.array_equal(generations[2], generations[3])


@formats
def test_loud_and_broken_samples_are_clipped_and_silenced(tmp_path, suffix):
    recorder = Recorder(tmp_path / f"take{suffix}", RATE, 1)
    recorder.push(np.array([[1.0, 1.5, -7.0, np.nan, np.inf, -np.inf, 0.25]], np.float32))
    heard = read_audio(recorder.stop().path).samples[0]
    assert np.allclose(heard, [1, 1, -1, 0, 1, -1, 0.25], atol=1e-6)


@formats
def test_a_recording_without_a_sample_is_no_trouble(tmp_path, suffix):
    assert Recorder(tmp_path / f"take{suffix}", RATE).stop().n_samples == 0


@formats
def test_the_file_grows_readably_while_it_is_recorded(tmp_path, suffix):
    sound = noise(2, 3 * RATE)
    recorder = Recorder(tmp_path / f"take{suffix}", RATE)
    for second in range(3):
        push(recorder, sound[:, second * RATE : (second + 1) * RATE])
        wait_until(lambda done=second + 1: recorder.seconds >= done - FLAC_FRAME / RATE)
        read = read_audio(recorder.path).samples
        assert read.shape[1] >= (second + 1) * RATE - FLAC_FRAME
        assert np.abs(read - sound[:, : read.shape[1]]).max() <= HALF_STEP * 1.01
    recorder.stop()


# Refusals.


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("take.mp3", "recordings are made as"),
        ("take", "no suffix"),
        ("none/take.wav", "does not exist"),
        ("folder.wav", "is a folder"),
    ],
)
def test_a_bad_target_is_refused(tmp_path, name, sentence):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioFileError, match=sentence):
        Recorder(tmp_path / name, RATE)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.wav"]


@formats
def test_nothing_is_overwritten(tmp_path, suffix):
    path = tmp_path / f"take{suffix}"
    path.write_text("precious")
    with pytest.raises(AudioFileError, match="exists already"):
        Recorder(path, RATE)
    assert path.read_text() == "precious"


def test_bad_rates_and_channels_are_refused_before_a_file_is_made(tmp_path):
    for arguments in ((0, 2), (RATE, 3), (RATE, 0)):
        with pytest.raises(ValueError, match=r"sample_rate|n_channels"):
            Recorder(tmp_path / "take.wav", *arguments)
    assert not list(tmp_path.iterdir())


# Disks.


def test_a_disk_that_is_too_slow_costs_silence_where_it_was_and_nothing_else(tmp_path, monkeypatch):
    may_write, is_writing = threading.Event(), threading.Event()
    write = WavFile.write

    def slow_write(file, samples):
        is_writing.set()
        assert may_write.wait(PATIENCE_SECONDS)
        write(file, samples)

    monkeypatch.setattr(WavFile, "write", slow_write)
    sound = noise(2, 4 * RATE)
    recorder = Recorder(tmp_path / "take.wav", RATE, queue_seconds=1.0)
    recorder.push(sound[:, :500])
    assert is_writing.wait(PATIENCE_SECONDS)
    push(recorder, sound[:, 500 : 3 * RATE], 500)
    may_write.set()
    wait_until(lambda: recorder.seconds >= 1.0)
    push(recorder, sound[:, 3 * RATE :], 500)
    recorder.push(noise(1, 100))  # a mistake of the caller's is no crash either
    done = recorder.stop()
    expected = np.pad(sound, ((0, 0), (0, 100)))
    expected[:, 500 + RATE : 3 * RATE] = 0.0
    assert (done.n_samples, done.n_lost_samples, done.trouble) == (4 * RATE + 100, 2 * RATE - 500 + 100, "")
    assert_holds(recorder.path, expected)


@formats
def test_a_disk_that_breaks_leaves_what_was_written(tmp_path, suffix, monkeypatch):
    sound, troubles = noise(2, 5 * RATE), []
    recorder = Recorder(tmp_path / f"take{suffix}", RATE, on_trouble=troubles.append)
    push(recorder, sound[:, :RATE])
    wait_until(lambda: recorder.seconds > 0.5)
    write, n_writes = os.write, [0]

    def break_halfway(number, data):
        n_writes[0] += 1
        if n_writes[0] > 3:
            raise OSError(5, "Input/output error")
        return write(number, bytes(data)[: len(data) // 2 | 1])

    monkeypatch.setattr(os, "write", break_halfway)
    push(recorder, sound[:, RATE:])
    wait_until(lambda: not recorder.is_running)
    done = recorder.stop()
    recorder.push(sound)
    assert "Input/output error" in done.trouble and troubles == [done.trouble]
    assert done.n_samples >= RATE - FLAC_FRAME
    assert_holds(recorder.path, sound[:, : done.n_samples])
    # Nothing half written is left at its end: it is as long as if it had been stopped there.
    monkeypatch.undo()
    other = Recorder(tmp_path / f"other{suffix}", RATE)
    push(other, sound[:, : done.n_samples])
    assert other.stop().path.stat().st_size == recorder.path.stat().st_size


def test_a_disk_that_breaks_at_the_very_end_leaves_a_header_that_is_true(tmp_path, monkeypatch):
    sound = noise(2, 5000)
    recorder = Recorder(tmp_path / "take.flac", RATE)
    recorder.push(sound)
    wait_until(lambda: recorder.seconds == FLAC_FRAME / RATE)

    write = os.write

    def take_only_little(number, data):
        if len(data) > 1000:
            raise OSError(28, "No space left on device")
        return write(number, data)

    monkeypatch.setattr(os, "write", take_only_little)
    done = recorder.stop()
    assert done.n_samples == FLAC_FRAME and "the disk is full" in done.trouble
    assert_holds(recorder.path, sound[:, :FLAC_FRAME])
    # No checksum, rather than that of samples that aren't there.
    assert not any(recorder.path.read_bytes()[26:42])


@formats
def test_a_disk_that_is_full_from_the_beginning_is_told_at_once(tmp_path, suffix, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(AudioFileError, match="No space left"):
        Recorder(tmp_path / f"take{suffix}", RATE)
    assert not list(tmp_path.iterdir())


def test_a_recording_that_was_deleted_is_told(tmp_path):
    recorder = Recorder(tmp_path / "take.wav", RATE)
    recorder.path.unlink()
    assert "deleted" in recorder.stop().trouble


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_wav_file_outgrows_four_gigabytes(tmp_path, monkeypatch, n_channels):
    monkeypatch.setattr(wav_file, "LARGEST_RIFF", 100_000)
    sound = noise(n_channels, 60_001)
    recorder = Recorder(tmp_path / "take.wav", RATE, n_channels)
    push(recorder, sound[:, :10_000])
    wait_until(lambda: recorder.seconds > 0)
    assert recorder.path.read_bytes()[:4] == b"RIFF"
    push(recorder, sound[:, 10_000:])
    recorder.stop()
    assert recorder.path.read_bytes()[:4] == b"RF64"
    assert_holds(recorder.path, sound)


# Kills and limits, in processes of their own.

PROGRAM = """
import json, resource, sys, time
import numpy as np
from lamina.plugin.host.recording.recorder import Recorder
path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
troubles = []
recorder = Recorder(path, 48000, 2, troubles.append)
sound = (np.random.default_rng(5).standard_normal((2, 5 * 48000)) * 0.1).astype(np.float32)
for start in range(0, sound.shape[1], 480):
    recorder.push(sound[:, start:start + 480])
while recorder.is_running and recorder.seconds < 4.9:
    time.sleep(0.005)
if limit:
    done = recorder.stop()
    print(json.dumps({"n_samples": done.n_samples, "trouble": done.trouble, "told": troubles}), flush=True)
else:
    print("recorded", flush=True)
    while True:
        recorder.push(np.zeros((2, 480), np.float32))
        time.sleep(0.001)
"""
SOUND = noise(2, 5 * RATE, 5)


@formats
def test_a_killed_recording_can_be_read(tmp_path, suffix):
    path = tmp_path / f"take{suffix}"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "recorded\n"
        finally:
            process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    read = read_audio(path).samples
    assert read.shape[1] >= 4.9 * RATE
    n_both = min(read.shape[1], SOUND.shape[1])
    assert_holds(path, np.pad(SOUND, ((0, 0), (0, read.shape[1] - n_both)))[:, : read.shape[1]])


@formats
@pytest.mark.parametrize("limit", [100_000, 700_001])
def test_a_full_disk_ends_the_recording_and_keeps_what_is_there(tmp_path, suffix, limit):
    path = tmp_path / f"take{suffix}"
    arguments = [sys.executable, "-c", PROGRAM, str(path), str(limit)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "may not grow" in said["trouble"] and said["told"] == [said["trouble"]]
    assert Path(path).stat().st_size <= limit
    # All but a FLAC frame or a sample of what fits.
    bytes_per_sample = 6
    assert said["n_samples"] >= limit / bytes_per_sample - FLAC_FRAME - 100
    assert_holds(path, SOUND[:, : said["n_samples"]])


# The tone that is heard, and recorded, when an output is tried.


@pytest.mark.parametrize("rate", [44100, 48000, 11025])
def test_the_tone_is_one_kilohertz_at_its_level_and_fades(rate):
    tone = TestTone(rate)
    blocks = [tone.read(500)]
    assert not blocks[0].any()
    tone.is_on = True
    blocks += [tone.read(n) for n in (1, 99, 400, *[256] * 200)]
    tone.is_on = False
    blocks += [tone.read(300) for _ in range(5)]
    sound = np.concatenate(blocks, axis=1)
    assert np.array_equal(sound[0], sound[1]) and not sound[:, -500:].any()
    steady = sound[0, 1000 : 1000 + rate]
    peak = 10 ** (-18 / 20)
    assert int(np.argmax(np.abs(np.fft.rfft(steady)))) == 1000
    assert np.sqrt(np.mean(steady.astype(np.float64) ** 2)) == pytest.approx(peak / np.sqrt(2), rel=1e-3)
    # A sine's steepest step, and the fade's own.
    assert np.abs(np.diff(sound[0])).max() <= peak * (2 * np.pi * 1000 / rate + 1.01 / (0.01 * rate))
