"""Files are written as asked: sample format, quality, the order of loudspeakers; and what was clipped is told."""

import os
import stat
import struct

import numpy as np
import pytest
from pedalboard import Gain
from sounds import noise

from lamina.cli.main import main
from lamina.plugin import Board
from lamina.plugin.files.render import render_file
from lamina.plugin.files.sound import AudioFileError, atomic_writer, read_audio

RATE = 24_000


def write(path, sound, **options):
    with atomic_writer(path, RATE, len(sound), **options) as writer:
        writer.write(sound)
    return writer


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_16_bits_are_dithered_and_silence_is_not(suffix, tmp_path):
    constant = np.full((1, 50_000), 0.3 / 32767, np.float32)
    constant[:, 40_000:] = 0
    write(tmp_path / f"a.{suffix}", constant, sample_format="16")
    steps = read_audio(tmp_path / f"a.{suffix}").samples * 32767
    assert np.allclose(steps, np.rint(steps), atol=1e-3)
    # A third of a step is heard as noise whose mean is a third of a step, and not as nothing.
    assert steps[:, :40_000].mean() == pytest.approx(0.3, abs=0.03) and set(np.rint(steps[0])) == {-1, 0, 1}
    assert not steps[:, 40_000:].any()


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_24_bits_are_rounded_without_an_offset(suffix, tmp_path):
    sound = noise(2, 50_000, level=0.1)
    write(tmp_path / f"a.{suffix}", sound)
    steps = (read_audio(tmp_path / f"a.{suffix}").samples.astype(np.float64) - sound) * (2**23 - 1)
    # 100 000 errors, evenly spread over one step, have a mean with a deviation of 0.29 / 316 steps.
    assert abs(steps.mean()) < 0.005 and np.abs(steps).max() < 0.51


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_what_was_read_with_24_bits_is_written_bit_for_bit(suffix, tmp_path):
    write(tmp_path / f"a.{suffix}", np.array([[1, -1, 0.7, 2**-23, 0, -(2**-23), 0.99999]], np.float32))
    first = read_audio(tmp_path / f"a.{suffix}").samples
    write(tmp_path / f"b.{suffix}", first)
    assert np.array_equal(read_audio(tmp_path / f"b.{suffix}").samples, first)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_the_same_sound_is_dithered_alike_every_time(tmp_path):
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, noise(2, 5000), sample_format="16")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_floating_point_keeps_what_is_beyond_full_scale(tmp_path):
    sound = 3 * noise(2, 5000, level=0.5)
    writer = write(tmp_path / "a.wav", sound, sample_format="float")
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, sound)
    assert writer.clipping == "" and writer.peak == pytest.approx(np.abs(sound).max())


def test_what_is_clipped_is_counted_and_told(tmp_path, capsys):
    sound = np.zeros((1, RATE), np.float32)
    sound[0, 1000:1010] = 0.75
    write(tmp_path / "in.wav", sound)
    result = render_file(Board([Gain(6.0206)]), tmp_path / "in.wav", tmp_path / "out.wav")
    assert result.clipping == "10 samples were clipped; the peak was +3.52 dB of full scale."
    assert render_file(Board([Gain(0.0)]), tmp_path / "in.wav", tmp_path / "out.wav").clipping == ""
    kept = render_file(Board([Gain(9.0)]), tmp_path / "in.wav", tmp_path / "o.wav", sample_format="float")
    assert kept.clipping == ""
    write(tmp_path / "loud.wav", noise(1, RATE, level=0.9))
    arguments = [
        str(tmp_path / "loud.wav"),
        str(tmp_path / "out.flac"),
        "--mix",
        "0",
        "--set",
        "output_gain_db=12",
        "--quiet",
    ]
    assert main(["render", *arguments]) == 0
    assert "samples were clipped; the peak was +" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "small", "large"),
    [("mp3", "64", "320"), ("mp3", "V9", "V0"), ("ogg", "64", "320"), ("opus", "24", "160 kbps")],
)
def test_a_higher_quality_takes_more_bytes(suffix, small, large, tmp_path):
    sizes = []
    for quality in (small, large):
        write(tmp_path / f"{quality}.{suffix}", noise(1, 4 * RATE, level=0.2), quality=quality)
        sizes.append((tmp_path / f"{quality}.{suffix}").stat().st_size)
    assert sizes[1] > 1.3 * sizes[0]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.flac", {"sample_format": "float"}, "16 or 24 can be chosen"),
        ("a.mp3", {"sample_format": "16"}, "it has none"),
        ("a.wav", {"quality": "V0"}, "is lossless"),
        ("a.mp3", {"quality": "V11"}, "choose of: V0"),
        ("a.ogg", {"quality": "V2"}, "choose of: 64 kbps"),
        ("a.opus", {"quality": "V2"}, "choose 6 to 510 kbps"),
        ("a.opus", {"quality": "5"}, "choose 6 to 510 kbps"),
        ("a.opus", {"quality": "9" * 5000}, "choose 6 to 510 kbps"),
        ("a.opus", {"sample_format": "16"}, "it has none"),
    ],
)
def test_what_a_format_does_not_have_is_refused(name, options, words, tmp_path):
    write(tmp_path / "in.wav", noise(1, 2000))
    with pytest.raises(AudioFileError, match=words):
        render_file(Board([Gain(0.0)]), tmp_path / "in.wav", tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize(
    ("suffix", "n_channels"),
    [(suffix, n) for suffix in ("wav", "flac", "ogg", "aiff", "opus") for n in (3, 5, 6, 7, 8)],
)
def test_channels_come_back_in_their_order(suffix, n_channels, tmp_path):
    levels = np.array([0.4, 0.3, 0.2, 0.1, 0.05, 0.35, 0.25, 0.15], np.float32)[:n_channels]
    sound = levels[:, None] * np.sin(np.arange(RATE) / 40).astype(np.float32)
    if suffix == "opus" and n_channels in (5, 7):
        with pytest.raises(AudioFileError, match=f"does not take {n_channels} channels"):
            write(tmp_path / "a.opus", sound)
        assert not list(tmp_path.iterdir())
        return
    write(tmp_path / f"a.{suffix}", sound)
    back = read_audio(tmp_path / f"a.{suffix}", most_channels=8).samples
    assert np.argsort(back.std(1)).tolist() == np.argsort(levels).tolist()


@pytest.mark.parametrize(("n_channels", "mask"), [(6, 0x3F), (7, 0x70F), (8, 0x63F)])
def test_wav_files_name_the_loudspeakers_of_surround_sound(n_channels, mask, tmp_path):
    write(tmp_path / "a.wav", noise(n_channels, 500))
    content = (tmp_path / "a.wav").read_bytes()
    assert struct.unpack_from("<I", content, content.index(b"fmt ") + 28) == (mask,)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_is_written_over_keeps_its_permissions(tmp_path):
    target = tmp_path / "a.wav"
    target.touch()
    target.chmod(0o640)
    write(target, noise(1, 500))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_as_many_samples_as_channels_can_be_written(tmp_path):
    for n_channels in (1, 2, 5):
        sound = noise(n_channels, n_channels, level=0.2)
        write(tmp_path / "a.wav", sound, sample_format="float")
        assert np.array_equal(read_audio(tmp_path / "a.wav", most_channels=8).samples, sound)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("n_samples", [1, 960, 961, 30_001])
def test_an_opus_file_is_as_long_as_what_was_written_and_begins_where_it_began(rate, n_samples, tmp_path):
    time = np.arange(n_samples) / rate
    sound = 0.3 * np.stack([np.sin(2 * np.pi * pitch * time) for pitch in (300, 437)]).astype(np.float32)
    with atomic_writer(tmp_path / "a.opus", rate, 2) as writer:
        for start in range(0, n_samples, 777):
            writer.write(sound[:, start : start + 777])
    clip = read_audio(tmp_path / "a.opus")
    n_expected = max(1, round(n_samples * 48_000 / rate))
    assert clip.sample_rate == 48_000 and clip.samples.shape == (2, n_expected) and clip.trouble == ""
    if n_samples > 10_000:
        time = np.arange(n_expected) / 48_000
        expected = 0.3 * np.stack([np.sin(2 * np.pi * pitch * time) for pitch in (300, 437)])
        inner = slice(500, -500)
        errors = [np.mean((np.roll(clip.samples, move, 1) - expected)[:, inner] ** 2) for move in (-1, 0, 1)]
        assert min(errors) == errors[1] < 0.003**2  # what Opus leaves of sines at 160 kbps


def test_the_same_sound_is_the_same_opus_file(tmp_path):
    for name in ("a.opus", "b.opus"):
        write(tmp_path / name, noise(2, 5000))
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()
