"""Files are encoded and decoded in blocks: what comes of it is what comes of the whole, whatever their length."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo

from lamina.cli.main import main
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.coding import decode_file, encode_file
from lamina.plugin.codes_file.file import ContainerError, open_codes, pack, read_codes, write_codes
from lamina.plugin.files.render import RenderCancelled
from lamina.plugin.files.sound import read_audio
from lamina.plugin.parameters.motion import Motion

PCM_STEP = 2.0**-23


def sound_file(path, seconds=5.0, rate=22_050, channels=2):
    sound = np.resize(demo(0, rate, 5.0)[:1], (channels, round(seconds * rate)))
    with AudioFile(str(path), "w", samplerate=rate, num_channels=channels, bit_depth=16) as file:
        file.write(sound)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("settings", [{"layers": 6}, {"layers": 3, "passes": 2, "stereo": "mid-side"}])
def test_a_file_is_encoded_as_the_whole_piece_is(tmp_path, settings, entropy):
    source, target = sound_file(tmp_path / "in.wav"), tmp_path / "out.lamina"
    told = []
    result = encode_file(NeuralCodec(**settings), source, target, entropy, told.append)
    clip = read_audio(source)
    assert target.read_bytes() == pack(NeuralCodec(**settings).encode(clip.samples, clip.sample_rate), entropy)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) == 3
    assert result.seconds == 5.0 and not result.trouble and result.n_channels == clip.samples.shape[0]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"muted_layers": [2], "output_gain_db": -3.0}])
def test_a_file_is_decoded_as_the_whole_piece_is(tmp_path, settings):
    path, back = tmp_path / "in.lamina", tmp_path / "out.wav"
    codes = NeuralCodec(layers=4, search=1).encode(np.resize(demo(1, 22_050, 5.0)[:1], (1, 22_050 * 21)), 22_050)
    write_codes(path, codes)
    told = []
    decode_file(NeuralCodec(**settings), path, back, 16_000, progress=told.append)
    expected = NeuralCodec(**settings).decode(codes, 16_000)
    np.testing.assert_allclose(read_audio(back).samples, np.clip(expected, -1, 1), atol=PCM_STEP)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 1
    decode_file(NeuralCodec(**settings), path, back, 16_000, layers=3)
    assert np.abs(read_audio(back).samples - np.clip(expected, -1, 1)).max() > 1e-3


ALTERED = {
    "as it is": {},
    "altered all along": {"freeze": True, "code_delay": 40, "code_feedback": 0.5, "slices": "reverse"},
    "altered by what moves": {"motions": [Motion("frame_loss", depth=0.5, beats=2.0)]},
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", ALTERED.values(), ids=ALTERED)
def test_memory_does_not_grow_with_the_length(tmp_path, settings):
    """Traced in numpy's arrays: a longer file takes no more, neither way, whatever is done to its codes."""
    codec, altering = NeuralCodec(layers=1, search=1), NeuralCodec(**settings)
    peaks = []
    for seconds in (12, 42):
        source = sound_file(tmp_path / "in.wav", seconds, 8_000, 1)
        tracemalloc.start()
        try:
            encode_file(codec, source, tmp_path / "a.lamina")
            decode_file(altering, tmp_path / "a.lamina", tmp_path / "out.wav")
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # What a stretch takes, with echoes that 12 s don't fill; the whole of the longer file would be 5 MB more.
    assert peaks[1] < peaks[0] + 3_000_000


@pytest.mark.parametrize("how", ["cancelled", "interrupted"])
def test_who_stops_on_the_way_leaves_nothing(tmp_path, how):
    codec = NeuralCodec(layers=1, search=1)
    source = sound_file(tmp_path / "in.wav", 13.0, 8_000, 1)
    path = tmp_path / "in.lamina"
    encode_file(codec, source, path)
    before = sorted(tmp_path.iterdir())
    told = []

    def progress(share):
        told.append(share)
        if how == "interrupted":
            raise KeyboardInterrupt

    def cancelled():
        return how == "cancelled" and len(told) == 1

    error = RenderCancelled if how == "cancelled" else KeyboardInterrupt
    with pytest.raises(error):
        encode_file(codec, source, tmp_path / "out.lamina", progress=progress, cancelled=cancelled)
    told.clear()
    told.append(0.0)
    with pytest.raises(error):
        decode_file(codec, path, tmp_path / "out.wav", progress=progress, cancelled=cancelled)
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_without_sound_or_of_another_model_is_refused_before_anything_is_written(tmp_path):
    codec = NeuralCodec(layers=1, search=1)
    codes = codec.encode(demo(1, 8_000, 1.0)[:1], 8_000)
    write_codes(tmp_path / "a.lamina", codes[:0])
    with pytest.raises(ContainerError, match="holds no sound"):
        decode_file(codec, tmp_path / "a.lamina", tmp_path / "out.wav")
    object.__setattr__(codes, "digest", "0" * 64)
    write_codes(tmp_path / "b.lamina", codes)
    with pytest.raises(ValueError, match="another model"):
        decode_file(codec, tmp_path / "b.lamina", tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_the_command_peels_layers(tmp_path, capsys):
    sound = demo(1, 24_000, 2.0)[:1]
    write_codes(tmp_path / "a.lamina", NeuralCodec(layers=12).encode(sound, 24_000))
    assert main(["decode", str(tmp_path / "a.lamina"), str(tmp_path / "out.wav"), "--kbps", "6.75"]) == 0
    codes = read_codes(tmp_path / "a.lamina").codes
    expected = NeuralCodec().decode(codes.peeled(9))
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, np.clip(expected, -1, 1), atol=PCM_STEP)
    with open_codes(tmp_path / "a.lamina") as file:
        assert file.header.layers == 12


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as they are sent on POSIX systems")
def test_ctrl_c_ends_the_commands_between_blocks(tmp_path):
    """In the middle of a long file: nothing is left, and the code says so."""
    sound_file(tmp_path / "in.wav", 600.0, 8_000, 1)
    command = [sys.executable, "-m", "lamina", "encode", "in.wav", "out.lamina", "--layers", "1"]
    # A background job's Ctrl-C is ignored, which a command would inherit.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    while not list(tmp_path.glob(".out-*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130 and b"interrupted" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav"]
