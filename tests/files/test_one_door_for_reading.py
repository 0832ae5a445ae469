"""Every format is read at its length, from any sample, and by what it is.

What is none of them, or was cut or damaged, is told in a sentence.
"""

import re
import struct
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.cli.main import main
from lamina.dsp.soundfiles.formats import FORMATS, READABLE_SUFFIXES, readable
from lamina.dsp.soundfiles.mpeg_file import _parsed
from lamina.dsp.soundfiles.mpeg_packets import find_packets
from lamina.plugin.files.sound import AudioFileError, open_for_reading, probe_audio, read_audio

soundfile = pytest.importorskip("soundfile", reason="makes the files that are read")

RATE = 44_100
N = RATE + 1234


def sweep(n_samples=N, rate=RATE, n_channels=2):
    time = np.arange(n_samples) / rate
    low = np.stack([0.3 * np.sin(2 * np.pi * (200 + 150 * (k + 1) * time) * time) for k in range(n_channels)])
    return (low + noise(n_channels, n_samples, level=0.02)).astype(np.float32)


def encode(path, codec, sound, rate=RATE, container=None, layout=None, bit_rate=None, options=None, form=None):
    """A file that FFmpeg's encoder makes."""
    layout = layout or {1: "mono", 2: "stereo"}[len(sound)]
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        if form:
            stream.format = form
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        into = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate, frame_size=size)
        for start in range(0, sound.shape[1], size):
            part = np.ascontiguousarray(sound[:, start : start + size])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for ready in into.resample(frame):
                file.mux(stream.encode(ready))
        for ready in into.resample(None):
            file.mux(stream.encode(ready))
        file.mux(stream.encode(None))
    return path


def stored(path, sound, kind, subtype, rate=RATE):
    soundfile.write(path, sound.T, rate, format=kind, subtype=subtype)
    return path


def pedalboards(path, sound, rate=RATE, **options):
    with AudioFile(str(path), "w", rate, len(sound), **options) as file:
        file.write(sound)
    return path


MADE = {
    "w64": lambda path, sound: stored(path, sound, "W64", "PCM_24"),
    "caf": lambda path, sound: stored(path, sound, "CAF", "PCM_24"),
    "alac.caf": lambda path, sound: stored(path, sound, "CAF", "ALAC_24"),
    "au": lambda path, sound: stored(path, sound, "AU", "FLOAT"),
    "flac": lambda path, sound: stored(path, sound, "FLAC", "PCM_24"),
    "double.wav": lambda path, sound: stored(path, sound, "WAV", "DOUBLE"),
    "alaw.wav": lambda path, sound: stored(path, sound, "WAV", "ALAW"),
    "ulaw.aiff": lambda path, sound: stored(path, sound, "AIFF", "ULAW"),
    "ima.wav": lambda path, sound: stored(path, sound, "WAV", "IMA_ADPCM"),
    "ogg": lambda path, sound: stored(path, sound, "OGG", "VORBIS"),
    "pedalboard.ogg": lambda path, sound: pedalboards(path, sound, quality="192 kbps"),
    "opus": lambda path, sound: stored(path, sound, "OGG", "OPUS", 48_000),
    "mp3": lambda path, sound: stored(path, sound, "MP3", "MPEG_LAYER_III"),
    "pedalboard.mp3": lambda path, sound: pedalboards(path, sound, quality="V2"),
    "alac.m4a": lambda path, sound: encode(path, "alac", sound),
    "flac.oga": lambda path, sound: encode(path, "flac", sound, container="ogg"),
}
TOLERANCE = {"flac": 1e-6, "w64": 1e-6, "caf": 1e-6, "alac.caf": 1e-6, "au": 0, "double.wav": 0, "alac.m4a": 1e-6}


@pytest.mark.parametrize("name", MADE)
def test_a_file_is_as_long_as_what_was_written_and_begins_where_it_began(name, tmp_path):
    sound = sweep()
    clip = read_audio(MADE[name](tmp_path / f"a.{name}", sound))
    n_more = clip.samples.shape[1] - N
    # IMA ADPCM is stored in blocks and says nothing of how much of the last one is meant.
    assert n_more == 0 or (name == "ima.wav" and 0 < n_more < 4096)
    assert clip.trouble == ""
    error = clip.samples[:, :N] - sound
    if name in TOLERANCE:
        assert np.abs(error).max() <= TOLERANCE[name]
    else:
        assert np.sqrt(np.mean(error**2)) < 0.03  # what a coder leaves of a sweep, at the right place only
        moved = clip.samples[:, 1:N] - sound[:, :-1]
        assert np.mean(moved**2) > np.mean(error**2)


@pytest.mark.parametrize("name", MADE)
def test_every_sample_is_found_from_anywhere(name, tmp_path):
    path = MADE[name](tmp_path / f"a.{name}", sweep())
    whole = read_audio(path).samples
    with open_for_reading(path) as file:
        for start in np.random.default_rng(1).integers(0, N, 12):
            file.seek(start)
            assert file.tell() == start
            assert np.array_equal(file.read(999), whole[:, start : start + 999])
        file.seek(N)
        assert file.read(10).shape[1] <= 10 and file.tell() <= file.frames


@pytest.mark.parametrize("n_samples", [1, 3, 319, 4096, 48_000, 100_001])
@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "aiff"])
def test_any_length_is_read_and_sought_in(suffix, n_samples, tmp_path):
    options = {"ogg": {"quality": "192 kbps"}, "mp3": {"quality": "V2"}}.get(suffix, {"bit_depth": 24})
    path = pedalboards(tmp_path / f"a.{suffix}", sweep(n_samples, 48_000), 48_000, **options)
    whole = read_audio(path).samples
    assert whole.shape == (2, n_samples)
    with open_for_reading(path) as file:
        for start in (n_samples - 1, 0, n_samples // 2):
            file.seek(start)
            assert np.array_equal(file.read(50), whole[:, start : start + 50])


def test_aac_is_as_long_as_what_was_written_and_is_found_to_the_sample(tmp_path):
    sound = sweep()
    path = encode(tmp_path / "a.m4a", "aac", sound, bit_rate=160_000)
    whole = read_audio(path).samples
    assert whole.shape == sound.shape
    with open_for_reading(path) as file:
        for start in (5000, 30_001, N - 3000):
            file.seek(start)
            part, expected = file.read(2000), sound[:, start : start + 2000]
            # Its noise is drawn anew, so the samples differ a little, but not their place.
            errors = {k: np.mean((part - np.roll(expected, k, 1))[:, 50:-50] ** 2) for k in (-20, -1, 0, 1, 20)}
            assert min(errors, key=errors.get) == 0 and errors[0] < 2e-3


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC"])
def test_plain_samples_are_bit_for_bit_what_pedalboard_reads(kind, bits, tmp_path):
    if kind == "FLAC" and bits == 32:
        return
    subtype = ("PCM_U8" if kind == "WAV" else "PCM_S8") if bits == 8 else f"PCM_{bits}"
    drawn = np.random.default_rng(bits).integers(-(2**31), 2**31, 20_000, dtype=np.int64)
    ends = [-(2**31), 2**31 - 1, 0, 1 << (32 - bits), -(1 << (32 - bits))]
    path = tmp_path / f"a.{kind.lower()}"
    whole = np.concatenate((drawn, ends)).astype(np.int32) >> (32 - bits) << (32 - bits)
    soundfile.write(path, np.append(whole, 0).astype(np.int32), RATE, format=kind, subtype=subtype)
    with AudioFile(str(path)) as file:
        expected = file.read(file.frames)
    assert np.array_equal(read_audio(path).samples, expected)


@pytest.mark.parametrize("bits", [12, 15, 20])
def test_flac_of_unusual_depths_is_read(bits, tmp_path):
    sine = 0.4 * np.sin(2 * np.pi * 440 * np.arange(4410) / RATE)
    path = tmp_path / "a.flac"
    path.write_bytes(verbatim_flac(np.rint(sine * (2 ** (bits - 1) - 1)).astype(int), bits))
    clip = read_audio(path)
    assert clip.samples.shape == (1, 4410) and np.abs(clip.samples[0] - sine).max() < 2.0 ** (1 - bits)


def crc(content, polynomial, width):
    value = 0
    for byte in content:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (width - 1) & 1 else 0)
        value &= (1 << width) - 1
    return value


def verbatim_flac(samples, bits):
    """A FLAC file of one frame of one channel whose samples are stored as they are."""
    n = len(samples)
    depths = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6}
    info = struct.pack(">HH", n, n) + bytes(6)
    info += ((RATE << 44) | (0 << 41) | ((bits - 1) << 36) | n).to_bytes(8, "big") + bytes(16)
    head = bytes((0xFF, 0xF8, 0x79, depths.get(bits, 0) << 1, 0)) + struct.pack(">H", n - 1)
    head += bytes((crc(head, 0x07, 8),))
    body = "".join(format(int(v) & ((1 << bits) - 1), f"0{bits}b") for v in samples)
    body = "00000010" + body + "0" * (-len(body) % 8)
    frame = head + int(body, 2).to_bytes(len(body) // 8, "big")
    frame += struct.pack(">H", crc(frame, 0x8005, 16))
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + frame


def test_an_mp3_file_without_a_header_is_as_long_as_it_is(tmp_path):
    """Loud and quiet parts take different bits: what the first packets take says nothing of the length."""
    sound = noise(1, 3 * RATE, level=0.3)
    sound[:, RATE // 2 :] *= 1e-3
    path = encode(tmp_path / "a.mp3", "libmp3lame", sound, options={"write_xing": "0"}, bit_rate=None)
    clip = read_audio(path)
    assert 3 * RATE <= clip.samples.shape[1] <= 3 * RATE + 3 * 1152
    assert np.abs(clip.samples[0, -RATE // 2 : -2304]).max() > 1e-5


def test_our_own_mp3_exports_come_back_where_they_were(tmp_path):
    sound = sweep()
    source = stored(tmp_path / "in.wav", sound, "WAV", "FLOAT")
    assert main(["render", str(source), str(tmp_path / "out.mp3"), "--mix", "0", "--quiet"]) == 0
    back = read_audio(tmp_path / "out.mp3").samples
    assert back.shape == sound.shape
    expected = read_audio(source).samples
    assert np.mean((back - expected) ** 2) < 0.01 * np.mean(expected**2)


def test_a_cut_mp3_file_is_read_up_to_the_break_and_says_so(tmp_path):
    path = pedalboards(tmp_path / "a.mp3", sweep(3 * RATE), quality="V2")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = read_audio(path)
    assert 0.8 * RATE < clip.samples.shape[1] < 2.2 * RATE and clip.trouble.startswith("The file was cut off")


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_cut_files_are_read_up_to_the_break_and_say_so(suffix, tmp_path):
    sound = sweep(4 * RATE)
    path = MADE[suffix](tmp_path / f"a.{suffix}", sound)
    whole = read_audio(path).samples
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = read_audio(path)
    n_samples = clip.samples.shape[1]
    assert RATE < n_samples < 3 * RATE and clip.trouble.startswith("The file was cut off")
    n_compared = n_samples - 2048  # a coder may shape the last packet otherwise
    assert np.array_equal(clip.samples[:, :n_compared], whole[:, :n_compared])
    assert np.abs(clip.samples[:, -RATE // 4 : -2048]).max() > 0.1
    with open_for_reading(path) as file:
        file.seek(n_samples - 9000)
        assert np.array_equal(file.read(5000), clip.samples[:, n_samples - 9000 : n_samples - 4000])


CUT = {
    "w64": MADE["w64"],
    "caf": MADE["caf"],
    "au": MADE["au"],
    "ima.wav": MADE["ima.wav"],
    "aac": lambda path, sound: encode(path, "aac", sound, container="adts"),
    "mp2": lambda path, sound: encode(path, "mp2", sound, container="mp2", bit_rate=128_000),
}


@pytest.mark.parametrize("suffix", CUT)
def test_cut_files_of_any_kind_say_so_and_end_with_what_was_whole(suffix, tmp_path):
    path = CUT[suffix](tmp_path / f"a.{suffix}", sweep(4 * RATE))
    clip = read_audio(path)
    assert clip.trouble == ""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 100])
    cut = read_audio(path)
    n_samples = cut.samples.shape[1]
    assert abs(n_samples - 2 * RATE) < 4096  # packets aren't all of one length
    assert np.array_equal(cut.samples, clip.samples[:, :n_samples])  # no packet was made up of what is left of it
    said = re.fullmatch(r"The file was cut off: ([\d.]+)(?: of ([\d.]+))? s are there\.", cut.trouble)
    assert float(said[1]) == pytest.approx(n_samples / RATE, abs=0.006)
    # Where nothing but packets follow each other, nobody knows how many there were.
    assert said[2] is None if suffix in ("aac", "mp2") else float(said[2]) == pytest.approx(4.0, abs=0.05)


def test_a_short_last_packet_in_a_caf_file_is_no_cut(tmp_path):
    sound = sweep()
    clip = read_audio(encode(tmp_path / "a.caf", "alac", sound))
    assert clip.samples.shape == sound.shape and clip.trouble == ""
    assert np.abs(clip.samples - sound).max() < 1e-4


def test_a_seek_in_a_vorbis_file_of_one_page_finds_the_sample(tmp_path):
    path = stored(tmp_path / "a.ogg", sweep(9000, n_channels=1), "OGG", "VORBIS")
    whole = read_audio(path).samples
    assert path.read_bytes().count(b"OggS") == 3 and whole.shape[1] == 9000  # two of headers, one of sound
    with open_for_reading(path) as file:
        for start in (8000, 100, 5000, 0, 8999):
            file.seek(start)
            assert np.array_equal(file.read(500), whole[:, start : start + 500])


def test_a_chain_of_ogg_streams_is_read_as_one_or_refused(tmp_path):
    first, second = sweep(30_000), sweep(20_000)[:, ::-1].copy()
    parts = [stored(tmp_path / f"{k}.ogg", part, "OGG", "VORBIS") for k, part in enumerate((first, second))]
    chain = tmp_path / "chain.ogg"
    chain.write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
    whole = np.concatenate([read_audio(part).samples for part in parts], axis=1)
    assert np.array_equal(read_audio(chain).samples, whole)
    with open_for_reading(chain) as file:
        for start in (29_900, 10, 49_000, 30_000):
            file.seek(start)
            assert np.array_equal(file.read(700), whole[:, start : start + 700])
    other = stored(tmp_path / "other.ogg", first, "OGG", "VORBIS", 22_050)
    chain.write_bytes(parts[0].read_bytes() + other.read_bytes())
    with pytest.raises(AudioFileError, match="chain of 2 Ogg streams, the first with 44100 Hz and 2 channels, another"):
        read_audio(chain)


@pytest.mark.parametrize(("suffix", "kind", "subtype"), [("ogg", "OGG", "VORBIS"), ("flac", "FLAC", "PCM_16")])
def test_channels_of_5_1_are_in_the_order_of_wav_files(suffix, kind, subtype, tmp_path):
    levels = np.array([0.5, 0.4, 0.3, 0.05, 0.2, 0.1], np.float32)
    time = np.arange(RATE) / RATE
    sound = levels[:, None] * np.sin(2 * np.pi * 100 * time).astype(np.float32)
    path = encode_surround(tmp_path / f"a.{suffix}", sound, suffix)
    clip = read_audio(path, most_channels=8)
    assert np.argsort(clip.samples.std(1)).tolist() == np.argsort(levels).tolist()


def encode_surround(path, sound, suffix):
    if suffix == "flac":
        return encode(path, "flac", sound, layout="5.1")
    # libvorbis takes channels in the order of its own format: left, middle, right, back left, back right, low.
    return stored(path, sound[[0, 2, 1, 4, 5, 3]], "OGG", "VORBIS")


def test_mpeg_layer_ii_is_right(tmp_path):
    sound = sweep()
    clip = read_audio(encode(tmp_path / "a.mp2", "mp2", sound, bit_rate=256_000))
    delay = 481  # of the coder, which its files don't tell
    assert np.abs(clip.samples[:, delay : delay + N] - sound).max() < 0.2
    assert 0.25 < np.abs(clip.samples).max() < 1


@pytest.mark.parametrize("n_samples", [4, 5, 1001])
def test_an_aiff_file_of_bytes_is_as_long_as_it_says_and_not_as_its_even_chunk(tmp_path, n_samples):
    values = np.random.default_rng(2).integers(-128, 128, n_samples, dtype=np.int8)
    rate = b"\x40\x0d\xbb\x80" + bytes(6)  # 24 kHz, in 80 bits
    comm = b"COMM" + struct.pack(">IhIh", 18, 1, n_samples, 8) + rate
    sound = b"SSND" + struct.pack(">III", 8 + n_samples, 0, 0) + values.tobytes() + bytes(n_samples % 2)
    path = tmp_path / "a.aiff"
    path.write_bytes(b"FORM" + struct.pack(">I", 4 + len(comm) + len(sound)) + b"AIFF" + comm + sound)
    clip = read_audio(path)
    assert clip.sample_rate == 24_000 and not clip.trouble
    with AudioFile(str(path)) as file:
        assert np.array_equal(clip.samples, file.read(n_samples + 1))
    assert clip.samples.shape == (1, n_samples)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"MThd" + bytes(60), "is a MIDI file"),
        (b"\x1a\x45\xdf\xa3" + bytes(60), "is a Matroska or WebM file"),
        (b"\x30\x26\xb2\x75" + bytes(60), "is a Windows Media file"),
        (b"\x0bw\x00\x00\x1e" + bytes(60), "is a Dolby Digital (AC-3) file"),
        (b"FLV\x01\x04" + bytes(60), "is a Flash Video file"),
        (b"Creative Voice File\x1a" + bytes(60), "is a Creative Voice (VOC) file"),
        (b"wvpk" + bytes(60), "is a WavPack file"),
        (b"%PDF-1.4" + bytes(60), "is a PDF document"),
        (b"no sound at all " * 9, "damaged or of an unknown format"),
        (b"fLaC" + bytes(60), "is a FLAC file that can't be decoded"),
        (b"OggS" + bytes(60), "is an Ogg file that ends before its sound begins"),
        (b"caff\0\1\0\0" + bytes(60), "is a CAF file that can't be decoded"),
        (b"\0\0\0\x18ftypM4A " + bytes(60), "is an MPEG-4 file"),
    ],
)
def test_what_a_file_is_stands_in_the_refusal(content, words, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=re.escape(words)) as refusal:
        read_audio(path)
    assert str(refusal.value).startswith(str(path)) and str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_samples_beyond_any_level_are_refused(tmp_path):
    path = stored(tmp_path / "a.wav", 30_000 * sweep(), "WAV", "FLOAT")
    with pytest.raises(AudioFileError, match="full scale is 1"):
        read_audio(path)


def test_a_files_name_does_not_say_what_it_is(tmp_path):
    sound = sweep(9000)
    for name in ("flac", "ogg", "mp3", "alac.m4a"):
        path = MADE[name](tmp_path / f"a.{name}", sound)
        renamed = path.rename(tmp_path / "renamed.wav")
        assert probe_audio(renamed).n_samples == 9000


def test_reading_takes_no_more_memory_for_a_longer_file(tmp_path):
    import resource

    path = tmp_path / "long.flac"
    with AudioFile(str(path), "w", RATE, 2, bit_depth=16) as file:
        for _ in range(240):
            file.write(np.zeros((2, RATE), np.float32))
    with open_for_reading(path) as file:
        file.read(RATE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        while file.read(RATE).shape[1]:
            pass
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 20_000  # KiB; the whole would be 85 MB


def test_damaged_files_of_every_format_end_in_sound_or_a_sentence(tmp_path):
    """Bytes are changed at random places: whatever comes of it, the process lives and says what is wrong."""
    drawn = np.random.default_rng(5)
    for name, make in MADE.items():
        content = bytearray(make(tmp_path / f"a.{name}", sweep(6000)).read_bytes())
        for _ in range(8):
            broken = content.copy()
            for place in drawn.integers(0, min(len(broken), int(drawn.choice([64, 600, 1 << 30]))), 6):
                broken[place] = int(drawn.integers(256))
            path = tmp_path / f"broken.{name}"
            path.write_bytes(broken[: int(drawn.integers(len(broken) // 2, len(broken)))])
            try:
                with open_for_reading(path, 8) as file:
                    file.read(min(file.frames, 10_000))
                    file.seek(file.frames // 2)
                    file.read(100)
            except AudioFileError as refusal:
                assert str(refusal).startswith(str(path))


def test_readme_and_help_list_the_formats(capsys):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert readable() in readme
    for command in ("render", "encode", "app"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert readable() in " ".join(capsys.readouterr().out.split()), command
    assert all(known.suffixes[0] in READABLE_SUFFIXES for known in FORMATS)


def test_an_ogg_file_of_another_kind_is_named(tmp_path):
    path = tmp_path / "a.ogg"
    head = b"Speex   1.2".ljust(80, b"\0")
    path.write_bytes(struct.pack("<4sBBqIIIB", b"OggS", 0, 2, 0, 1, 0, 0, 1) + bytes((80,)) + head)
    with pytest.raises(AudioFileError, match="Ogg file of Speex"):
        read_audio(path)


def test_a_fragmented_mp4_file_is_as_long_as_what_was_written(tmp_path):
    sound = sweep()
    in_parts = {"movflags": "frag_keyframe+delay_moov", "frag_duration": "200000"}
    clip = read_audio(encode(tmp_path / "a.mp4", "aac", sound, bit_rate=256_000, options=in_parts))
    assert clip.samples.shape == sound.shape and clip.trouble == ""
    errors = [np.mean((np.roll(clip.samples, move, 1) - sound)[:, 999:-999] ** 2) for move in (-1, 0, 1)]
    assert min(errors) == errors[1] < 1e-3
    clip = read_audio(encode(tmp_path / "b.mp4", "alac", sound, options=in_parts))
    assert clip.samples.shape == sound.shape and np.abs(clip.samples - sound).max() < 1e-4


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_an_mp4_file_is_as_long_as_its_packets_say_and_not_rounded_to_milliseconds(rate, tmp_path):
    for n_samples in (rate + 77, rate + 90):
        clip = read_audio(encode(tmp_path / "a.m4a", "aac", sweep(n_samples, rate), rate))
        assert clip.samples.shape[1] == n_samples


def with_replication(packet):
    """An AAC packet with an element of spectral band replication that has no header yet: a decoder that meets one
    doubles the rate.
    """
    bits = int.from_bytes(packet, "big")
    n_behind = (bits & -bits).bit_length() - 1
    assert bits >> n_behind & 7 == 7  # the element that ends a packet
    bits = (bits >> n_behind + 3 << 15 | 0b110_0001_1101_0000) << 3 | 7
    n_bits = 8 * len(packet) - n_behind + 15
    return (bits << -n_bits % 8).to_bytes(-(-n_bits // 8), "big")


def test_aac_that_turns_out_to_have_twice_the_rate_is_read_at_that(tmp_path):
    rate = 22_050
    n_samples = 2 * rate + 77
    sound = (0.3 * np.sin(2 * np.pi * 440 * np.arange(n_samples) / rate)).astype(np.float32)
    coder = av.CodecContext.create("aac", "w")
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = rate, "mono", "fltp", 96_000
    coder.time_base = Fraction(1, rate)
    with av.open(str(tmp_path / "made.m4a"), "w") as file:
        stream = file.add_stream("aac", rate=rate, layout="mono")
        packets = []
        for start in range(0, n_samples, 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        raw = [with_replication(bytes(packet)) for packet in packets]
        for packet, content in zip(packets, raw, strict=True):
            more = av.Packet(content)
            more.pts, more.dts, more.duration = packet.pts, packet.dts, packet.duration
            more.time_base, more.stream = packet.time_base, stream
            file.mux(more)
    # This encoder says that there is no replication; others leave that open.
    content = (tmp_path / "made.m4a").read_bytes()
    assert content.count(b"\x56\xe5\x00") == 1
    (tmp_path / "a.m4a").write_bytes(content.replace(b"\x56\xe5\x00", bytes(3)))
    heads = [(0xFFF1 << 40 | 1 << 38 | 7 << 34 | 1 << 30 | len(part) + 7 << 13 | 0x7FF << 2) for part in raw]
    (tmp_path / "a.aac").write_bytes(b"".join(h.to_bytes(7, "big") + part for h, part in zip(heads, raw, strict=True)))
    for name, n_expected, n_late in (("a.m4a", 2 * n_samples - 961, 0), ("a.aac", 2048 * len(raw), 2048 + 961)):
        clip = read_audio(tmp_path / name)
        assert (clip.sample_rate, clip.samples.shape[1], clip.trouble) == (2 * rate, n_expected, "")
        # Where it is said where the sound begins, what replication takes is the decoder's. This encoder, which doesn't
        # know of it, has left no room for that behind the sound.
        time = (np.arange(20_000, 30_000) - n_late) / clip.sample_rate
        assert np.abs(clip.samples[0, 20_000:30_000] - 0.3 * np.sin(2 * np.pi * 440 * time)).max() < 0.03


@pytest.mark.parametrize("name", ["edit-list", "itunes-tag", "parametric-stereo", "plain-itunes-tag"])
def test_a_real_encoders_aac_comes_back_where_it_was(name):
    """HE-AAC in its two profiles, and AAC of which only iTunes's tag tells where the sound begins and ends."""
    time = np.arange(RATE + 1234) / RATE
    written = 0.3 * np.stack(
        [np.sin(2 * np.pi * (200 + 700 * time) * time), np.sin(2 * np.pi * (900 - 300 * time) * time)]
    )
    path = Path(__file__).parents[1] / "fixtures" / "he-aac" / f"{name}.m4a"
    clip = read_audio(path)
    assert (clip.sample_rate, clip.samples.shape, clip.trouble) == (RATE, written.shape, "")
    # Of parametric stereo only the sum is coded as a wave.
    read, original = clip.samples.mean(0)[2000:-2000], written.mean(0)
    errors = {k: np.mean((read - np.roll(original, k)[2000:-2000]) ** 2) for k in range(-3, 4)}
    assert min(errors, key=errors.get) == 0 and errors[0] < 1e-3
    with open_for_reading(path) as file:
        for start in (7000, 30_001, len(time) - 2000):
            file.seek(start)
            # What is made of noise is drawn anew.
            np.testing.assert_allclose(file.read(2000), clip.samples[:, start : start + 2000], atol=2e-3)


def test_every_packet_of_mpeg_layer_i_is_found(tmp_path):
    # Nothing is allocated to any band: silence at 384 kbps, whose packets are of two sizes, in two ways of stereo.
    heads = [0xFFFE_C004 | (number % 2 == 0) << 9 | (number % 2 == 0) * 0x70 for number in range(49)]
    packets = [head.to_bytes(4, "big") + bytes(416 if head >> 9 & 1 else 412) for head in heads]
    (tmp_path / "a.mp3").write_bytes(b"".join(packets))
    clip = read_audio(tmp_path / "a.mp3")
    assert clip.samples.shape == (2, 49 * 384) and clip.sample_rate == RATE and clip.trouble == ""


def changed(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("codec", ["libmp3lame", "mp2"])
def test_packets_are_found_by_their_headers_as_a_parser_finds_them(codec, rate, tmp_path):
    if codec == "mp2" and rate == 8000:
        rate = 24_000
    form = "mp3" if codec == "libmp3lame" else "mp2"
    path = encode(tmp_path / "a.mp3", codec, sweep(rate, rate, 1), rate, container=form)
    whole, plain = read_audio(path).samples, path.read_bytes()
    parsed = _parsed(lambda: path.open("rb"), "mp3")
    for tail in (b"", b"TAG" + bytes(125), b"APETAGEX" + bytes(300)):
        path.write_bytes(plain + tail)
        with path.open("rb") as file:
            found = find_packets(file)
        assert found is not None and found.codec == parsed.codec and found.sample_rate == parsed.sample_rate == rate
        for row in ("places", "sizes", "n_samples"):
            assert np.array_equal(getattr(found, row), getattr(parsed, row))
        assert np.array_equal(read_audio(path).samples, whole)
    # Where something else lies between packets, a parser has to look for them.
    path.write_bytes(plain[: len(plain) // 2] + b"other" + plain[len(plain) // 2 :])
    with path.open("rb") as file:
        assert find_packets(file) is None
    assert abs(read_audio(path).samples.shape[1] - whole.shape[1]) <= 3 * 1152


@pytest.mark.parametrize("codec", ["mp2", "libmp3lame"])
def test_mpeg_audio_in_a_wav_file_is_read(codec, tmp_path):
    sound = sweep()
    path = encode(tmp_path / "a.wav", codec, sound, container="wav", bit_rate=192_000)
    clip = read_audio(path)
    late = {"mp2": 481, "libmp3lame": 1105}[codec]  # of encoder and decoder together; such a file doesn't say it
    n_more = clip.samples.shape[1] - N
    assert late <= n_more <= late + 2 * 1152 or 0 <= n_more < 1152
    error = clip.samples[:, late : late + N - 3000] - sound[:, : N - 3000]
    assert np.sqrt(np.mean(error**2)) < 0.03
    with open_for_reading(path) as file:
        file.seek(20_000)
        assert np.array_equal(file.read(500), clip.samples[:, 20_000:20_500])
    changed(path, lambda content: content[: len(content) // 2])
    cut = read_audio(path)
    assert cut.trouble.startswith("The file was cut off") and 0.4 * N < cut.samples.shape[1] < 0.6 * N


def test_opus_in_mp4_is_found_from_anywhere(tmp_path):
    path = encode(tmp_path / "a.mp4", "libopus", sweep(96_000, 48_000), 48_000, bit_rate=128_000)
    whole = read_audio(path).samples
    assert whole.shape[1] == 96_000
    with open_for_reading(path) as file:
        for start in (80_000, 40_000, 60_123):
            file.seek(start)
            # The decoder forgets what was before a place within the run-up, but for rounding.
            assert np.abs(file.read(500) - whole[:, start : start + 500]).max() < 1e-5


def test_an_end_that_can_not_be_decoded_is_silent_and_said(tmp_path):
    path = encode(tmp_path / "a.aac", "aac", sweep(), container="adts")
    n_whole = read_audio(path).samples.shape[1]
    content = bytearray(path.read_bytes())
    last = content.rfind(b"\xff\xf1")
    before = content.rfind(b"\xff\xf1", 0, last)
    for start, end in ((before, last), (last, len(content))):
        content[start + 7 : end] = b"\xfe" * (end - start - 7)
    path.write_bytes(content)
    clip = read_audio(path)
    # The last packet is taken for one that was cut off, and left out; the one before it keeps its place.
    assert clip.samples.shape[1] == n_whole - 1024 and "some of its sound can't be decoded" in clip.trouble
    assert not clip.samples[:, -1024:].any() and clip.samples[:, -2048:-1024].any()


@pytest.mark.parametrize("value", [0x7FF8 << 48, 0x7FF0 << 48 | 1, 0xFFF0 << 48, 0x7E37 << 48])
def test_numbers_that_are_none_are_refused_without_a_warning(value, tmp_path):
    sound = sweep(1000).astype(np.float64)
    sound.view(np.uint64)[0, 500] = value  # NaN of both kinds, infinity, and 1e300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AudioFileError):
            read_audio(stored(tmp_path / "a.wav", sound, "WAV", "DOUBLE"))
