"""`lamina encode`, `decode` and `inspect`: what they write, what they tell, how they refuse."""

import dataclasses
import shutil

import numpy as np
import pytest
from container_parts import block_starts, header_of, real_codes, with_header
from pedalboard.io import AudioFile
from sounds import demo, noise

from lamina.cli.answers import DONE, INCOMPLETE, INPUT, OUTPUT, REFUSED
from lamina.cli.main import main
from lamina.models.bundles.bundle import weights_folder
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.file import pack, read_codes, write_codes
from lamina.plugin.files.sound import probe_audio, read_audio

PCM_STEP = 2.0**-23
"""24-bit files round samples by half of this."""


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    with AudioFile(str(path), "w", samplerate=44_100, num_channels=2, bit_depth=24) as file:
        sound = demo(0, 44_100, 3.0)
        file.write(np.stack([sound[0], sound[-1, ::-1]]))
    return path


def run(capsys, *arguments, code=DONE):
    assert main([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def refused(capsys, *arguments, code=INPUT):
    assert main([str(argument) for argument in arguments]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("lamina: ")
    return error


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--entropy",)])
def test_encoded_and_decoded_is_what_the_effect_gives(tmp_path, take, capsys, options):
    out = run(capsys, "encode", take, tmp_path / "take.lamina", "--kbps", "3", *options).out
    assert "3.0 s" in out and "6.00 kbps of codes" in out
    assert "44100 Hz" in run(capsys, "decode", tmp_path / "take.lamina", tmp_path / "out.wav", "--denoise", "0.5").out
    clip, decoded = read_audio(take), read_audio(tmp_path / "out.wav")
    expected = NeuralCodec(kbps=3, denoise=0.5)(clip.samples, 44_100)
    assert decoded.sample_rate == 44_100
    np.testing.assert_allclose(decoded.samples, np.clip(expected, -1, 1), atol=PCM_STEP)


def test_another_rate_may_be_asked_for(tmp_path, take, capsys):
    run(capsys, "encode", take, tmp_path / "take.lamina", "--layers", "2")
    run(capsys, "decode", tmp_path / "take.lamina", tmp_path / "out.flac", "--sample-rate", "48000")
    info = probe_audio(tmp_path / "out.flac")
    assert (info.sample_rate, info.channels, info.n_samples) == (48_000, 2, 144_000)
    assert "8000 to 192000" in refused(
        capsys, "decode", tmp_path / "take.lamina", tmp_path / "no.wav", "--sample-rate", "7", code=REFUSED
    )


def test_inspect_tells_what_is_in_it(tmp_path, take, capsys):
    run(
        capsys,
        "encode",
        take,
        tmp_path / "take.lamina",
        "--layers",
        "6",
        "--set",
        "stereo=mid-side",
        "--set",
        "side_layers=2",
    )
    out = run(capsys, "inspect", tmp_path / "take.lamina").out
    for words in (
        "3.00 s, 44100 Hz, 2 channels",
        "6 (middle), 2 (side)",
        "6.00 kbps, packed plainly",
        "here, the same",
        "Damage   none",
    ):
        assert words in out


def test_a_cut_file_is_decoded_and_told(tmp_path, take, capsys):
    run(capsys, "encode", take, tmp_path / "take.lamina")
    data = (tmp_path / "take.lamina").read_bytes()
    (tmp_path / "cut.lamina").write_bytes(data[: block_starts(data)[2] + 9])
    captured = run(capsys, "decode", tmp_path / "cut.lamina", tmp_path / "out.wav", code=INCOMPLETE)
    assert "cut off: 2.00 to" in captured.err and captured.err.count("\n") == 1
    assert probe_audio(tmp_path / "out.wav").n_samples == 132_300
    assert "2.00 to" in run(capsys, "inspect", tmp_path / "cut.lamina", code=INCOMPLETE).out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../../x", "\x1b[2J\x07", "a\nModel    fine", "\u202egnp"])
def test_strange_names_are_shown_escaped_and_open_nothing(tmp_path, monkeypatch, capsys, name):
    # A bundle lies where the name points: it must not be opened for that.
    shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "x")
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    data = pack(real_codes(2, 1.0))
    (tmp_path / "s.lamina").write_bytes(with_header(header_of(data) | {"model": name, "digest": "\x1b]0;"}))
    before = sorted(tmp_path.rglob("*"))
    out = run(capsys, "inspect", tmp_path / "s.lamina", code=INCOMPLETE).out
    assert out.count("\n") == 7 and all(line.isprintable() for line in out.splitlines())
    assert "not here" in out
    error = refused(capsys, "decode", tmp_path / "s.lamina", tmp_path / "out.wav", code=REFUSED)
    assert "not here" in error and error.strip().isprintable()
    assert sorted(tmp_path.rglob("*")) == before


def test_codes_of_another_model_are_refused(tmp_path, capsys):
    codes = real_codes(2, 1.0)
    write_codes(tmp_path / "old.lamina", dataclasses.replace(codes, digest="0" * 64))
    assert "another of this name is here" in run(capsys, "inspect", tmp_path / "old.lamina").out
    assert "is another" in refused(capsys, "decode", tmp_path / "old.lamina", tmp_path / "out.wav", code=REFUSED)
    assert not (tmp_path / "out.wav").exists()
    # The name doesn't matter where the digest fits.
    write_codes(tmp_path / "renamed.lamina", dataclasses.replace(codes, model="my-old-name"))
    assert "under the name lamina-24k" in run(capsys, "inspect", tmp_path / "renamed.lamina").out
    run(capsys, "decode", tmp_path / "renamed.lamina", tmp_path / "out.wav")


def test_requests_that_cant_be_carried_out_leave_nothing(tmp_path, take, capsys):
    before = sorted(tmp_path.iterdir())
    assert "name a file that ends in .lamina" in refused(capsys, "encode", take, tmp_path / "take.wav", code=OUTPUT)
    assert "There is no file" in refused(capsys, "encode", tmp_path / "no.wav", tmp_path / "no.lamina")
    assert "layers is 99" in refused(capsys, "encode", take, tmp_path / "no.lamina", "--layers", "99", code=REFUSED)
    assert "no .lamina file" in refused(capsys, "decode", take, tmp_path / "no.wav")
    assert "no .lamina file" in refused(capsys, "inspect", take)
    assert "There is no file" in refused(capsys, "decode", tmp_path / "no.lamina", tmp_path / "no.wav")
    assert sorted(tmp_path.iterdir()) == before
    run(capsys, "encode", take, tmp_path / "take.lamina", "--layers", "2")
    assert "Lamina writes" in refused(capsys, "decode", tmp_path / "take.lamina", tmp_path / "take.txt", code=OUTPUT)
    assert read_codes(tmp_path / "take.lamina").codes.codes.shape[2] == 2


@pytest.mark.slow
def test_a_surround_file_is_encoded_channel_by_channel(tmp_path):
    audio = np.stack([noise(1, 24_000, seed)[0] * (0.2 + 0.1 * seed) for seed in range(6)])
    source, target, back = (tmp_path / name for name in ("in.wav", "six.lamina", "out.wav"))
    with AudioFile(str(source), "w", samplerate=24_000, num_channels=6, bit_depth=32) as file:
        file.write(audio)
    assert main(["encode", str(source), str(target), "--layers", "12"]) == 0
    assert main(["decode", str(target), str(back)]) == 0
    with AudioFile(str(back)) as file:
        decoded = file.read(file.frames)
    assert decoded.shape == audio.shape
    # To 24 bits and this processor's rounding.
    assert np.abs(decoded - NeuralCodec(layers=12)(audio, 24_000)).max() < 1e-5


@pytest.mark.slow
def test_a_file_remembers_how_much_denoising_was_wanted(tmp_path, take, capsys):
    target, followed, asked, plain = (tmp_path / name for name in ("a.lamina", "b.wav", "c.wav", "d.wav"))
    run(capsys, "encode", take, target, "--denoise", 0.7)
    assert read_codes(target).codes.denoise == 0.7
    assert "70 % wanted" in run(capsys, "inspect", target).out
    run(capsys, "decode", target, followed)
    run(capsys, "decode", target, asked, "--denoise", 0.7)
    run(capsys, "decode", target, plain, "--denoise", 0)
    assert np.array_equal(read_audio(followed).samples, read_audio(asked).samples)
    assert np.abs(read_audio(followed).samples - read_audio(plain).samples).max() > 1e-3
