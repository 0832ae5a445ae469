"""Rivals beside the programs that people know them by, on the same sound: bits per second, place in time, waveform."""

import shutil
import subprocess
import wave
from types import SimpleNamespace

import av
import numpy as np
import pytest
from rival_rig import ready, voice

from lamina.plugin.rivals.amr_nb import FRAME_BITS, NO_DATA
from lamina.plugin.rivals.coding.coder import Integers
from lamina.plugin.rivals.g722 import FILTERS_DELAY

RATE_TOLERANCE = 0.02


def tool(name, package):
    """A program's path, or a skipped test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} of Debian's {package} is not installed")
    return found


def call(*words, data=None):
    """Run a program; what it wrote to its standard output."""
    return subprocess.run(
        [str(word) for word in words], input=data, capture_output=True, check=True, timeout=120
    ).stdout


def wav(path, sound, sample_rate):
    """The sound as 16-bit WAV; and as the 16-bit samples say."""
    exact = Integers.of(sound)
    # The plainest header there is: LC3's tools read no other.
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(exact.T.astype("<i2").tobytes())
    return Integers.back(exact)


def read(path):
    """A 16-bit WAV's samples, exactly."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return Integers.back(samples.reshape(-1, file.getnchannels()).T)


def together(one, other):
    """Lag of `other` behind `one` (1-D) at their best correlation within ±10 ms at 48 kHz, and that correlation."""
    n = min(one.size, other.size)
    best = max(range(-480, 481), key=lambda lag: correlation(one[:n], other[:n], lag))
    return best, correlation(one[:n], other[:n], best)


def correlation(one, other, lag):
    """Of two sounds, one of them moved."""
    a, b = (one[: one.size - lag], other[lag:]) if lag >= 0 else (one[-lag:], other[:lag])
    return float(a @ b / max(1e-12, np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize(
    ("kbps", "frame_ms", "least"),
    [(64, 20, 0.99), (24, 20, 0.9), (32, 60, 0.9), (96, 2.5, 0.99), (12, 20, 0.85)],
)
def test_opus_is_opusenc_at_hard_cbr(tmp_path, kbps, frame_ms, least):
    """Other versions of libopus decide otherwise here and there, so waveforms are close, not equal."""
    enc, dec = tool("opusenc", "opus-tools"), tool("opusdec", "opus-tools")
    sound = wav(tmp_path / "in.wav", voice(48_000, 3.0), 48_000)
    call(
        enc,
        "--quiet",
        "--hard-cbr",
        "--bitrate",
        kbps,
        "--framesize",
        frame_ms,
        tmp_path / "in.wav",
        tmp_path / "o.opus",
    )
    call(dec, "--quiet", "--rate", 48_000, "--no-dither", tmp_path / "o.opus", tmp_path / "out.wav")
    theirs, rival = read(tmp_path / "out.wav"), ready(f"opus:{kbps}:frame_ms={frame_ms}")
    ours = rival.process(sound, 48_000)
    with av.open(str(tmp_path / "o.opus")) as container:
        sizes = [packet.size for packet in container.demux(audio=0) if packet.size]
    their_kbps = np.median(sizes) * 8 / frame_ms
    assert rival.counted_kbps == pytest.approx(their_kbps, rel=RATE_TOLERANCE)
    lag, alike = together(theirs[0], ours[0])
    assert abs(lag) <= 1 and alike > least


@pytest.mark.parametrize(("sample_rate", "kbps", "n_channels"), [(44_100, 128, 2), (48_000, 64, 1), (24_000, 32, 1)])
def test_mp3_is_lame_at_cbr(tmp_path, sample_rate, kbps, n_channels):
    """Their LAME is another version's, and its file's first frame a tag: waveforms are close, not equal."""
    lame = tool("lame", "lame")
    sound = wav(tmp_path / "in.wav", voice(sample_rate, 3.0, n_channels), sample_rate)
    mode = "j" if n_channels == 2 else "m"
    call(
        lame,
        "--quiet",
        "--cbr",
        "--resample",
        sample_rate / 1000,
        "-b",
        kbps,
        "-m",
        mode,
        tmp_path / "in.wav",
        tmp_path / "o.mp3",
    )
    call(lame, "--quiet", "--decode", tmp_path / "o.mp3", tmp_path / "out.wav")
    rival = ready(f"mp3:{kbps}")
    ours, theirs = rival.process(sound, sample_rate), read(tmp_path / "out.wav")
    with av.open(str(tmp_path / "o.mp3")) as container:
        packets = [packet.size for packet in container.demux(audio=0) if packet.size]
        per_packet = 1152 if sample_rate > 24_000 else 576
    their_kbps = np.mean(packets) * 8 * sample_rate / per_packet / 1000
    assert rival.counted_kbps == pytest.approx(their_kbps, rel=RATE_TOLERANCE)
    # lame --decode leaves 576 samples, a frame of MPEG-2, before the sound.
    late = 0 if sample_rate > 24_000 else 576
    lag, alike = together(theirs[0, late:], ours[0])
    assert abs(lag) <= 1 and alike > 0.97


@pytest.mark.parametrize(("kbps", "frame_ms", "rate"), [(80, 10, 48_000), (64, 7.5, 48_000), (32, 10, 16_000)])
def test_lc3_is_elc3_and_dlc3_to_the_bit(tmp_path, kbps, frame_ms, rate):
    """The same library codes. dlc3 compensates its delay, as Lamina does."""
    enc, dec = tool("elc3", "liblc3-tools"), tool("dlc3", "liblc3-tools")
    sound = wav(tmp_path / "in.wav", voice(rate, 2.0), rate)
    call(enc, "-b", kbps * 1000, "-m", f"{frame_ms:g}", tmp_path / "in.wav", tmp_path / "o.lc3")
    call(dec, tmp_path / "o.lc3", tmp_path / "out.wav")
    rival = ready(f"lc3:{kbps}:frame_ms={frame_ms:g}:rate={rate}")
    ours, theirs = rival.process(sound, rate), read(tmp_path / "out.wav")
    # Behind the end Lamina codes silence, and elc3 what stands in its buffer.
    n = min(ours.shape[1], theirs.shape[1]) - 2 * round(rate * frame_ms / 1000)
    assert np.array_equal(ours[:, :n], theirs[:, :n])
    stored = (tmp_path / "o.lc3").stat().st_size
    n_frames = -(-sound.shape[1] * 1000 // round(rate * frame_ms))
    # Every frame is stored behind two bytes that tell its length, and the file behind a header.
    their_kbps = (stored - 18 - 2 * n_frames) * 8 / (n_frames * frame_ms)
    assert rival.counted_kbps == pytest.approx(their_kbps, rel=RATE_TOLERANCE)


def test_gsm_is_toast_to_the_bit(tmp_path):
    toast = tool("toast", "libgsm-tools")
    sound = voice(8_000, 3.0)
    raw = tmp_path / "in.raw"
    raw.write_bytes(Integers.of(sound).astype("<i2").tobytes())
    coded = call(toast, "-l", "-c", data=raw.read_bytes())
    decoded = Integers.back(np.frombuffer(call(toast, "-d", "-l", "-c", data=coded), "<i2"))
    rival = ready("gsm")
    ours = rival.process(sound, 8_000)[0]
    assert np.array_equal(ours[: decoded.size], decoded[: ours.size])
    # A stored frame has 33 bytes of which four bits say nothing.
    their_kbps = (len(coded) * 8 - len(coded) // 33 * 4) / (len(coded) // 33 * 0.02) / 1000
    assert rival.counted_kbps == pytest.approx(their_kbps, rel=RATE_TOLERANCE)


@pytest.mark.parametrize("kbps", ["3.2", "2.4"])
def test_codec2_is_c2enc_and_c2dec(tmp_path, kbps):
    """Their library is another version's, and unvoiced phases are drawn at random: envelopes agree, samples don't."""
    enc, dec = tool("c2enc", "codec2"), tool("c2dec", "codec2")
    rival, sound = ready(f"codec2:{kbps}"), voice(8_000, 4.0)
    mode = round(float(kbps) * 1000)
    (tmp_path / "in.raw").write_bytes(Integers.of(sound).astype("<i2").tobytes())
    call(enc, mode, tmp_path / "in.raw", tmp_path / "o.bit")
    call(dec, mode, tmp_path / "o.bit", tmp_path / "out.raw")
    theirs = Integers.back(np.frombuffer((tmp_path / "out.raw").read_bytes(), "<i2"))
    ours = rival.process(sound, 8_000)[0]
    assert rival.counted_kbps == pytest.approx((tmp_path / "o.bit").stat().st_size * 8 / 4.0 / 1000, rel=RATE_TOLERANCE)
    # Theirs is late by what Lamina compensates.
    window = np.hanning(160)
    theirs, ours = (np.convolve(np.abs(part), window, "same") for part in (theirs[160:], ours))
    lag, alike = together(theirs - theirs.mean(), ours - ours.mean())
    assert abs(lag) <= 8 and alike > 0.95


def test_vorbis_is_oggenc(tmp_path):
    """The same library at the same quality; headers and the writer's own settings differ a little."""
    enc, dec = tool("oggenc", "vorbis-tools"), tool("oggdec", "vorbis-tools")
    sound = wav(tmp_path / "in.wav", voice(44_100, 4.0, 2), 44_100)
    call(enc, "-Q", "-b", 96, "-o", tmp_path / "o.ogg", tmp_path / "in.wav")
    call(dec, "-Q", "-o", tmp_path / "out.wav", tmp_path / "o.ogg")
    rival = ready("vorbis:96")
    ours, theirs = rival.process(sound, 44_100), read(tmp_path / "out.wav")
    lag, alike = together(theirs[0], ours[0])
    assert abs(lag) <= 1 and alike > 0.97


def through_ffmpeg(tmp_path, sound, sample_rate, container, *encoding):
    """What Debian's ffmpeg makes of a WAV: the samples that come back, and the sizes of the packets in the file."""
    ffmpeg = [tool("ffmpeg", "ffmpeg"), "-nostdin", "-loglevel", "error", "-y"]
    exact = wav(tmp_path / "in.wav", sound, sample_rate)
    coded = tmp_path / f"coded.{container}"
    encoders = call(*ffmpeg, "-hide_banner", "-encoders").decode()
    name = encoding[encoding.index("-c:a") + 1]
    if f" {name} " not in encoders:
        pytest.skip(f"this ffmpeg was built without {name}")
    call(*ffmpeg, "-i", tmp_path / "in.wav", *encoding, coded)
    call(*ffmpeg, "-i", coded, "-c:a", "pcm_s16le", "-fflags", "+bitexact", tmp_path / "out.wav")
    with av.open(str(coded)) as stored:
        sizes = [packet.size for packet in stored.demux(audio=0) if packet.size]
    return exact, read_any(tmp_path / "out.wav"), sizes


def read_any(path):
    """A WAV's samples, whatever stands in its header."""
    from pedalboard.io import AudioFile

    with AudioFile(str(path)) as file:
        return file.read(file.frames)


@pytest.mark.parametrize(("kbps", "mode"), [(4.75, 0), (7.4, 4), (12.2, 7)])
def test_amr_nb_is_sox_s(tmp_path, kbps, mode):
    """The same encoder (OpenCORE), but sox leaves pauses out (DTX), and FFmpeg's decoder computes in floating point:
    samples are close, not equal.
    """
    sox = tool("sox", "sox")
    if " amr-nb " not in call(sox, "--help").decode():
        pytest.skip("sox was built without amr-nb; Debian's libsox-fmt-base has it")
    sound, coded = wav(tmp_path / "in.wav", voice(8_000, 3.0), 8_000), tmp_path / "coded.amr-nb"
    call(sox, tmp_path / "in.wav", "-C", mode, coded)
    call(sox, "-D", coded, "-b", 16, tmp_path / "out.wav")
    theirs, rival = read_any(tmp_path / "out.wav"), ready(f"amr-nb:{kbps}")
    ours = rival.process(sound, 8_000)
    # Each frame of 20 ms stands behind a byte that tells its kind, and is filled up to whole bytes.
    stored, n_of_kind, at = coded.read_bytes(), [0] * 16, len(b"#!AMR\n")
    while at < len(stored):
        kind = stored[at] >> 3 & 15
        n_of_kind[kind] += 1
        at += 1 + (-(-FRAME_BITS[kind] // 8) if kind != NO_DATA else 0)
    assert at == len(stored) and sum(n_of_kind) * 160 == theirs.shape[1]
    assert n_of_kind[mode] > 0.8 * sum(n_of_kind) and not any(n_of_kind[kind] for kind in range(8) if kind != mode)
    assert rival.counted_kbps == pytest.approx(FRAME_BITS[mode] / 20, rel=RATE_TOLERANCE)
    # Lamina compensates the 5 ms of look-ahead, sox doesn't.
    lag, alike = together(theirs[0, 40:], ours[0])
    assert abs(lag) <= 1 and alike > 0.95


@pytest.mark.parametrize("kbps", [6.6, 12.65, 23.85])
def test_amr_wb_is_decoded_by_sox_as_by_lamina(tmp_path, kbps):
    """Debian has no program that codes AMR-WB, but sox decodes it, with OpenCORE's decoder, which computes in integers;
    FFmpeg's computes in floating point, so that samples are close, not equal.
    """
    sox = tool("sox", "sox")
    if " amr-wb" not in call(sox, "--help").decode():
        pytest.skip("sox was built without amr-wb; Debian's libsox-fmt-base has it")
    rival, sound = ready(f"amr-wb:{kbps}"), voice(16_000, 3.0)
    packets, decoded = [], []
    coder = rival.coder(16_000, 1)
    decode = coder._decoder.decode

    def keep(packet):
        packets.append(bytes(packet))
        return decode(packet)

    coder._decoder = SimpleNamespace(decode=keep)
    for start in range(0, sound.shape[1] - 319, 320):
        decoded.append(coder.push(sound[:, start : start + 320])[0])
    bits = {6.6: 132, 12.65: 253, 23.85: 477}[kbps]  # 3GPP TS 26.201, table 2
    assert {len(packet) for packet in packets} == {1 + -(-bits // 8)}, "a byte that tells the mode, and whole bytes"
    assert coder.n_bits == bits * len(packets)
    (tmp_path / "coded.awb").write_bytes(b"#!AMR-WB\n" + b"".join(packets))
    call(sox, "-D", "-t", "amr-wb", tmp_path / "coded.awb", "-b", 16, tmp_path / "out.wav")
    theirs, ours = read_any(tmp_path / "out.wav")[0], np.concatenate(decoded)
    assert theirs.size == ours.size == 320 * len(packets)
    lag, alike = together(theirs, ours)
    assert abs(lag) <= 1 and alike > 0.98


def test_g722_is_ffmpegs(tmp_path):
    sound, theirs, sizes = through_ffmpeg(tmp_path, voice(16_000, 3.0), 16_000, "wav", "-c:a", "g722")
    rival = ready("g722")
    ours = rival.process(sound, 16_000)
    assert rival.counted_kbps == pytest.approx(sum(sizes) * 8 / 3.0 / 1000, rel=RATE_TOLERANCE)
    lag, alike = together(theirs[0, FILTERS_DELAY:], ours[0])
    assert abs(lag) <= 1 and alike > 0.999


@pytest.mark.parametrize(("kbps", "n_channels", "sample_rate"), [(64, 1, 48_000), (96, 2, 44_100), (32, 1, 24_000)])
def test_aac_is_ffmpegs(tmp_path, kbps, n_channels, sample_rate):
    """FFmpeg's encoder of another version, so waveforms are close, not equal; both spend what they need."""
    encoding = ("-c:a", "aac", "-b:a", f"{kbps}k")
    sound, theirs, sizes = through_ffmpeg(tmp_path, voice(sample_rate, 3.0, n_channels), sample_rate, "m4a", *encoding)
    rival = ready(f"aac:{kbps}")
    ours = rival.process(sound, sample_rate)
    assert rival.counted_kbps == pytest.approx(np.mean(sizes) * 8 * sample_rate / 1024 / 1000, rel=RATE_TOLERANCE)
    lag, alike = together(theirs[0], ours[0])
    assert abs(lag) <= 1 and alike > 0.97
