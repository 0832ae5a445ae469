"""Every rival keeps the contract of an effect: length, alignment, latency, silence, and the bits that it says."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from rival_rig import SPECS, lag_of, ready, voice
from sounds import noise, push_in_blocks

from lamina import Board
from lamina.plugin.rivals.registry import parse

VOCODERS = ("codec2",)
"""What they give back has no waveform in common with the input, so no lag can be measured to the sample."""
UNSEEDED = ("codec2",)
"""Its library draws unvoiced sound at random and can't be told where to begin."""
VARIABLE = ("aac", "vorbis")
"""These spend what they need."""
QUIETEST = 2e-3
"""Of full scale. Telephone codecs answer silence with a last bit or two."""
VOCODED_QUIETEST = 1e-2
"""What Codec 2 at 0.7 kbps makes of silence: the quietest of its few energies."""


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(("sample_rate", "n_channels"), [(24_000, 1), (44_100, 2), (48_000, 3)])
def test_what_comes_out_has_the_length_and_stands_where_it_went_in(spec, sample_rate, n_channels):
    rival = ready(spec)
    sound = voice(sample_rate, 2.0, n_channels)
    coded = rival.process(sound, sample_rate)
    assert coded.shape == sound.shape and coded.dtype == np.float32
    assert np.isfinite(coded).all()
    if spec.startswith(VOCODERS):
        return
    for channel in range(n_channels):
        assert abs(lag_of(sound[channel], coded[channel], sample_rate)) <= 1


@pytest.mark.parametrize("spec", SPECS)
def test_the_bitrate_told_is_the_one_counted(spec):
    rival = ready(spec)
    assert np.isnan(rival.counted_kbps)
    sound = voice(48_000, 3.0, 2)
    rival.process(sound, 48_000)
    of_one_stream = rival.counted_kbps / (1 if rival.JOINT == 2 else 2)
    if spec.startswith(VARIABLE):
        assert 0.2 * rival.kbps < of_one_stream < 1.1 * rival.kbps
    else:
        assert of_one_stream == pytest.approx(rival.kbps, rel=0.02)
    assert rival.counted_bits / (rival.counted_kbps * 1000) == pytest.approx(3.0, abs=0.7)


@pytest.mark.parametrize("spec", SPECS)
def test_a_stream_gives_the_same_samples_later_by_exactly_its_latency(spec):
    rival = ready(spec)
    sound = voice(44_100, 1.5, 2)
    whole = rival.process(sound, 44_100)
    tolerance = 1.0 if spec.startswith(UNSEEDED) else 0.0
    board = Board([rival])
    if not rival.can_stream:
        with pytest.raises(ValueError, match=r"can't be streamed: a codec here codes whole pieces"):
            board.stream(44_100, 2, 512)
        with pytest.raises(ValueError, match="can't be streamed"):
            rival.process(sound, 44_100, reset=False)
        assert np.array_equal(board.process(sound, 44_100), whole)
        return
    stream = board.stream(44_100, 2, 512)
    assert stream.latency_samples == rival.latency_samples(44_100)
    padded = np.pad(sound, ((0, 0), (0, stream.latency_samples)))
    streamed = push_in_blocks(stream, padded, [1, 512, 77, 300])
    assert np.abs(streamed[:, stream.latency_samples :] - whole).max() <= tolerance
    called = [rival.process(sound[:, start : start + 4410], 44_100, reset=False) for start in range(0, 66_150, 4410)]
    assert np.abs(np.concatenate([*called, rival.flush()], 1) - whole).max() <= tolerance


@pytest.mark.parametrize("spec", SPECS)
def test_silence_stays_silent_and_short_sounds_come_back(spec):
    rival = ready(spec)
    most = VOCODED_QUIETEST if spec.startswith(VOCODERS) else QUIETEST
    assert np.abs(rival.process(np.zeros((2, 12_000), np.float32), 24_000)).max() < most
    for n_samples in (0, 1, 2, 500):
        sound = np.full(n_samples, 0.25, np.float32)
        assert rival.process(sound, 44_100).shape == sound.shape


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith(UNSEEDED)])
def test_copies_and_repetitions_are_the_same_to_the_bit(spec):
    rival = ready(spec)
    sound = noise(1, 12_000)
    first = rival.process(sound, 24_000)
    for other in (rival, copy.copy(rival), pickle.loads(pickle.dumps(rival)), parse(spec)):
        assert np.array_equal(other.process(sound, 24_000), first)


@pytest.mark.parametrize("spec", ["opus:64", "mp3:64", "gsm", "vorbis:96"])
def test_bad_sound_is_refused_before_anything_is_coded(spec):
    rival = ready(spec)
    bad = np.zeros(2_000, np.float32)
    bad[7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        rival.process(bad, 48_000)
    with pytest.raises(TypeError, match="int16"):
        rival.process(np.zeros(2_000, np.int16), 48_000)
    with pytest.raises(ValueError, match="sample_rate"):
        rival.process(np.zeros(2_000, np.float32), 4_000)
    assert np.isnan(rival.counted_kbps)


def test_a_live_stream_takes_infinity_for_silence_and_refuses_other_shapes():
    rival = ready("opus:64")
    clean = np.zeros((1, 4_800), np.float32)
    broken = clean.copy()
    broken[0, 100] = np.inf
    one, other = rival.stream(48_000, 1), rival.stream(48_000, 1)
    assert np.array_equal(one.push(clean), other.push(broken))
    with pytest.raises(ValueError, match="this stream takes"):
        one.push(np.zeros((2, 480), np.float32))


def test_one_channel_has_its_own_limit_in_opus_and_aac():
    with pytest.raises(ValueError, match="256 kbps at most"):
        ready("opus:510").process(np.zeros(4_800, np.float32), 48_000)
    assert ready("opus:510").process(np.zeros((2, 4_800), np.float32), 48_000).shape == (2, 4_800)
    with pytest.raises(ValueError, match="AAC-LC holds 48 kbps at most in 1 channel at 8000 Hz"):
        ready("aac:64").process(np.zeros(4_800, np.float32), 8_000)


@pytest.mark.slow
@pytest.mark.parametrize("kbps", [8, 16, 24, 32, 40, 64, 128, 320])
def test_mp3_packets_never_come_later_than_its_latency_allows(kbps):
    """Silence fills the bit reservoir, noise empties it: that is when frames wait longest for each other."""
    for n_channels in (1, 2):
        sound = noise(n_channels, 6 * 48_000, level=0.3)
        sound[:, 48_000:96_000] = sound[:, 150_000:220_000] = 0
        rival = ready(f"mp3:{kbps}")
        assert rival.process(sound, 48_000).shape == sound.shape
        assert rival.counted_kbps == pytest.approx(kbps, rel=0.02)


@pytest.mark.slow
def test_codec_2_is_the_same_in_every_new_process():
    ready("codec2:3.2")
    code = (
        "import hashlib\nimport numpy as np\nfrom lamina.plugin.rivals.registry import parse\n"
        "sound = np.random.default_rng(1).normal(0, 0.1, (1, 8000)).astype(np.float32)\n"
        "for _ in range(2):\n    print(hashlib.sha256(parse('codec2:3.2')(sound, 8000).tobytes()).hexdigest())\n"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    (first, second), again = runs[0].stdout.split(), runs[1].stdout.split()
    assert [first, second] == again
    assert first != second  # its generator goes on: once it doesn't, it belongs to those that repeat themselves
