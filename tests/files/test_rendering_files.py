"""Rendering: any readable file through any effect, the same as in memory, and never half written."""

import numpy as np
import pytest
from pedalboard import Gain, Pedalboard
from pedalboard.io import AudioFile
from sounds import demo, noise

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.documents.presets import save_preset
from lamina.plugin.files.render import RenderCancelled, render_file
from lamina.plugin.files.sound import AudioFileError, probe_audio, read_audio


def write(path, audio, rate=48_000, **options):
    with AudioFile(str(path), "w", samplerate=rate, num_channels=len(audio), **options) as file:
        file.write(audio)
    return path


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "in.wav", demo(0, 44_100, 5.3), 44_100, bit_depth=24)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_a_rendered_file_is_what_the_call_gives(tmp_path, source, suffix):
    clip = read_audio(source)
    seen = []
    result = render_file(NeuralCodec(layers=6), source, tmp_path / f"out.{suffix}", seen.append)
    got = read_audio(result.target)
    expected = np.clip(NeuralCodec(layers=6)(clip.samples, clip.sample_rate), -1, 1)
    assert got.sample_rate == clip.sample_rate and got.samples.shape == clip.samples.shape
    assert np.abs(got.samples - expected).max() < 2**-22  # 24 bits
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 2


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_lossy_targets_are_complete(tmp_path, source, suffix):
    result = render_file(NeuralCodec(layers=6), source, tmp_path / f"out.{suffix}")
    info = probe_audio(result.target)
    assert abs(info.seconds - 5.3) < 0.1 and info.channels == probe_audio(source).channels


@pytest.mark.slow
def test_a_board_renders_the_same_as_in_memory(tmp_path, source):
    def make():
        return Board([Gain(-6.0), NeuralCodec(layers=4), Pedalboard([Gain(2.0)])])

    clip = read_audio(source)
    result = render_file(make(), source, tmp_path / "out.wav")
    assert np.abs(read_audio(result.target).samples - make()(clip.samples, clip.sample_rate)).max() < 2**-20


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [1, 2, 319, 48_000 * 4])
def test_any_length_comes_back_at_its_length(tmp_path, n_samples):
    source = write(tmp_path / "in.wav", noise(1, n_samples))
    assert probe_audio(render_file(NeuralCodec(), source, tmp_path / "out.wav").target).n_samples == n_samples


@pytest.mark.slow
def test_cancelling_leaves_nothing_and_keeps_what_was_there(tmp_path, source):
    target = tmp_path / "out.wav"
    target.write_bytes(b"precious")
    calls = []

    def cancelled():
        calls.append(1)
        return len(calls) > 2

    with pytest.raises(RenderCancelled):
        render_file(NeuralCodec(), source, target, cancelled=cancelled)
    assert target.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "out.wav"]


def test_a_failing_effect_leaves_nothing(tmp_path, source):
    class Failing(NeuralCodec):
        def process_channels(self, *arguments, **names):
            return super().process_channels(*arguments, **names) / (1 // 0)

    with pytest.raises(ZeroDivisionError):
        render_file(Failing(), source, tmp_path / "out.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def refused(tmp_path, source, target, words):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AudioFileError, match=words) as error:
        render_file(NeuralCodec(), source, target)
    assert str(error.value).rstrip().endswith((".", "?"))
    assert sorted(tmp_path.rglob("*")) == before


def test_targets_that_can_not_be_are_refused(tmp_path, source):
    refused(tmp_path, source, source, "being read")
    refused(tmp_path, source, tmp_path / ".." / tmp_path.name / "in.wav", "being read")
    refused(tmp_path, source, tmp_path / "nowhere" / "out.wav", "does not exist")
    refused(tmp_path, source, tmp_path / "out.xyz", "writes")
    refused(tmp_path, source, tmp_path / "out", "writes")
    refused(tmp_path, source, "/proc/out.wav", "can't be written")
    (tmp_path / "folder.wav").mkdir()
    refused(tmp_path, source, tmp_path / "folder.wav", "folder")


def test_a_link_to_the_source_is_the_source(tmp_path, source):
    link = tmp_path / "link.wav"
    link.symlink_to(source)
    refused(tmp_path, source, link, "being read")


def test_sources_that_are_no_sound_are_refused(tmp_path):
    target = tmp_path / "out.wav"
    refused(tmp_path, tmp_path / "missing.wav", target, "no file")
    refused(tmp_path, tmp_path, target, "folder")
    empty = tmp_path / "empty.wav"
    empty.touch()
    refused(tmp_path, empty, target, "empty")
    text = tmp_path / "text.wav"
    text.write_text("not a sound " * 100)
    refused(tmp_path, text, target, "damaged or of an unknown format")
    nothing = write(tmp_path / "nothing.wav", np.zeros((1, 0), np.float32))
    refused(tmp_path, nothing, target, "no sound")
    surround = write(tmp_path / "surround.wav", noise(9, 4800))
    refused(tmp_path, surround, target, "9 channels")
    nan = write(tmp_path / "nan.wav", np.full((1, 4800), np.nan, np.float32), bit_depth=32)
    refused(tmp_path, nan, target, "NaN")


def test_a_nan_far_into_a_file_leaves_nothing(tmp_path):
    audio = noise(1, 48_000 * 5)
    audio[0, -100] = np.inf
    source = write(tmp_path / "in.wav", audio, bit_depth=32)
    refused(tmp_path, source, tmp_path / "out.wav", "NaN or infinite")


def test_a_file_too_long_for_memory_is_refused_but_renders(tmp_path, source):
    with pytest.raises(AudioFileError, match="hours long"):
        read_audio(source, limit_seconds=5.0)
    assert read_audio(source, limit_seconds=6.0).samples.shape[1] == probe_audio(source).n_samples


@pytest.mark.slow
def test_a_name_of_full_length_can_be_written(tmp_path, source):
    name = "ü" * 125 + ".wav"  # 254 of the 255 bytes that a file name may have
    assert render_file(NeuralCodec(), source, tmp_path / name).target.is_file()
    save_preset(tmp_path / ("ü" * 125 + ".json"), "Long", {})
    assert len(list(tmp_path.iterdir())) == 3
