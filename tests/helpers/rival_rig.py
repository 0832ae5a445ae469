"""What the tests of rivals share: which can be tried here, sounds with a clear place in time, and EVS's stand-in."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import demo

from lamina.plugin.rivals.coding.rival import Rival
from lamina.plugin.rivals.registry import RIVALS, parse

SPECS = (
    "opus:24",
    "opus:64",
    "opus:24:application=voip",
    "opus:96:frame_ms=2.5",
    "opus:32:frame_ms=60",
    "opus:12:decoder=ffmpeg",
    "mp3:8",
    "mp3:32",
    "mp3:128",
    "aac:64",
    "vorbis:96",
    "lc3:32:rate=16000",
    "lc3:80",
    "lc3:64:frame_ms=7.5",
    "amr-wb:12.65",
    "amr-nb:12.2",
    "g722",
    "gsm",
    "gsm:13:library=pedalboard",
    "codec2:3.2",
    "codec2:0.7",
)
"""Everything that can be had without models of others."""

OPUS_ML = """
export class OpusMLDecoder {
  constructor(options) {
    this.options = options;
    this.number = 0;
    this.ready = Promise.resolve();
    const { channels, streamCount, coupledStreamCount, speechQualityEnhancement, sampleRate } = options;
    if (said === "throw" || streamCount !== 1 || coupledStreamCount !== channels - 1 || sampleRate !== 48000 ||
      speechQualityEnhancement !== "lace") throw Error("wrong options");
  }
  decodeFrame(packet) {
    if (!(packet instanceof Uint8Array) || packet.length !== 40) throw Error(`a packet of ${packet.length} bytes`);
    const samplesDecoded = said === "few" ? 480 : 960;
    const channelData = Array.from({ length: this.options.channels }, (_, channel) =>
      new Float32Array(960).fill((this.number + channel / 2) / 1000));
    this.number += 1;
    return { channelData, samplesDecoded, errors: said === "error" ? [{ message: "a bad packet" }] : [] };
  }
}
"""

STAND_IN = '''
"""Codes as EVS's reference programs do, by their arguments and formats alone: samples far apart, 8 bits each."""
import sys
import numpy as np

GOOD, ZERO, ONE = 0x6B21, 0x7F, 0x81
words = [word for word in sys.argv[1:] if word not in ("-q", "-dtx")]
if "-max_band" in words:
    at = words.index("-max_band")
    assert words[at + 1] in ("NB", "WB", "SWB", "FB")
    del words[at : at + 2]
if {is_encoder}:
    rate, khz, given, stored = words
    assert khz in ("8", "16", "32", "48")
    known = (5900, 7200, 8000, 9600, 13200, 16400, 24400, 32000, 48000, 64000, 96000, 128000)
    assert int(rate) in known, rate
    frame = int(khz) * 20
    pcm = np.fromfile(given, np.int16).reshape(-1, frame)
    n_bits = int(rate) // 50
    n_kept = n_bits // 8
    at = (np.arange(n_kept) * frame // n_kept).astype(int)
    out = []
    for block in pcm:
        bits = np.unpackbits((block[at] >> 8).astype(np.int8).view(np.uint8))
        out += [GOOD, n_bits, *np.where(np.pad(bits, (0, n_bits - bits.size)), ONE, ZERO)]
    np.array(out, np.uint16).tofile(stored)
else:
    khz, stored, decoded = words
    frame = int(khz) * 20
    stream = np.fromfile(stored, np.uint16)
    position, kept, places, n = 0, [], [], 0
    while position < stream.size:
        assert stream[position] == GOOD
        n_bits = int(stream[position + 1])
        bits = (stream[position + 2 : position + 2 + n_bits] == ONE)[: n_bits // 8 * 8]
        values = np.packbits(bits).view(np.int8).astype(float) * 256 + 128
        kept.append(values)
        places.append(n * frame + np.arange(values.size) * frame // values.size)
        position, n = position + 2 + n_bits, n + 1
    sound = np.interp(np.arange(n * frame), np.concatenate(places), np.concatenate(kept))
    sound.astype(np.int16).tofile(decoded)
'''


def ready(spec: str) -> Rival:
    """The rival of a spec, or a skipped test that says what is missing."""
    kind = RIVALS[spec.split(":")[0]]
    missing = kind.missing()
    if missing is not None:
        pytest.skip(missing)
    if "library=pedalboard" not in spec and spec.startswith("gsm"):
        from lamina.plugin.rivals.gsm import _libgsm

        if _libgsm() is None:
            pytest.skip("libgsm1 is not installed; pedalboard's GSM is tried by itself")
    rival = parse(spec)
    assert isinstance(rival, Rival)
    return rival


def voice(sample_rate: int, seconds: float = 3.0, n_channels: int = 1) -> np.ndarray:
    """A voice with a place in time that correlation finds, louder on its first channel."""
    one = demo(1, sample_rate, seconds)[:1]
    return np.concatenate([one * np.float32(0.8**channel) for channel in range(n_channels)])


def lag_of(reference: np.ndarray, other: np.ndarray, sample_rate: int) -> int:
    """By how many samples `other` lags `reference` (1-D) within ±1 ms, negative where it comes too early.

    Differences stand for the sounds: filters against rumble, which telephone codecs have, shift the phase of what is
    low. Correlation may be as high a pitch period away, but not higher by more than a tenth.
    """
    reference, other = np.diff(reference), np.diff(other)
    size = 1 << int(np.ceil(np.log2(2 * reference.size)))
    found = np.fft.irfft(np.fft.rfft(reference, size).conj() * np.fft.rfft(other, size), size)
    near = sample_rate // 1000
    around = np.concatenate([found[-near:], found[: near + 1]])
    assert around.max() > 0.9 * found.max()
    return int(np.argmax(around)) - near


def stand_in_evs(folder: Path) -> Path:
    """A folder with programs that take the arguments of EVS's and write its formats."""
    folder.mkdir(exist_ok=True)
    for name in ("EVS_cod", "EVS_dec"):
        program = folder / name
        program.write_text(f"#!{sys.executable}\n" + STAND_IN.replace("{is_encoder}", str(name == "EVS_cod")))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def stand_in_opus_ml(folder: Path, said: str = "samples") -> Path:
    """A folder with a package that is called like the decoder and numbers packets instead of decoding them.

    Args:
        folder: where.
        said: what it does: "samples", or "throw", "few" (samples) or "error" for what may go wrong.
    """
    package = folder / "node_modules/@wasm-audio-decoders/opus-ml"
    package.mkdir(parents=True, exist_ok=True)
    (package / "package.json").write_text('{"type": "module"}')
    (package / "index.js").write_text(f"const said = {said!r};\n" + OPUS_ML)
    return folder
