"""Opus whose decoder enhances speech by a network (LACE and NoLACE, from libopus 1.5 on), through Node: whole pieces.

PyAV's libopus and Debian's are built without these networks. The npm package @wasm-audio-decoders/opus-ml has them.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import absent, context
from lamina.plugin.rivals.coding.programs import ProgramError, run
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, WholeRival, one_of

RATE, FRAME = 48_000, 960
OPUS_ML_VARIABLE = "LAMINA_OPUS_ML"
PACKAGE = "@wasm-audio-decoders/opus-ml"
ENTRY = Path("node_modules") / PACKAGE / "index.js"
ENHANCEMENTS = {"nolace": "Opus with NoLACE", "lace": "Opus with LACE", "none": "Opus without enhancement"}
"""What the decoder may do, and what people call that."""
MOST_PER_CHANNEL = 256
PRE_SKIP = slice(10, 12)
"""Where the encoder's delay in samples at 48 kHz stands in an Opus header (RFC 7845, section 5.1)."""
DECODE = """
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [entry, channels, enhancement, packets, sound] = process.argv.slice(1);
async function decode() {
  const { OpusMLDecoder } = await import(pathToFileURL(entry).href);
  const n = Number(channels);
  const decoder = new OpusMLDecoder({ channels: n, streamCount: 1, coupledStreamCount: n - 1,
    channelMappingTable: n === 2 ? [0, 1] : [0], speechQualityEnhancement: enhancement, sampleRate: 48000 });
  await decoder.ready;
  const stored = readFileSync(packets), view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  const parts = [];
  for (let at = 0; at < stored.length;) {
    const size = view.getUint16(at, true);
    const { channelData, samplesDecoded, errors } =
      decoder.decodeFrame(new Uint8Array(stored.subarray(at + 2, at + 2 + size)));
    if (errors.length) throw Error(errors[0].message);
    for (let i = 0; i < n; i++) {
      parts.push(Buffer.from(Float32Array.from(channelData[i].subarray(0, samplesDecoded)).buffer));
    }
    at += 2 + size;
  }
  writeFileSync(sound, Buffer.concat(parts));
}
decode().catch((error) => { console.error(error.message); process.exit(1); });
"""
"""Packets, each behind its size, to float32 blocks of one packet and channel after the other."""


class OpusML(WholeRival):
    """Opus at a constant bitrate in frames of 20 ms, its speech enhanced in the decoder by a network.

    The network enhances what SILK coded as wideband speech, from about 10 to 20 kbps; the rest is decoded as ever.

    Args:
        kbps: 6 … 510, for one channel 256 at most.
        enhancement: "nolace" (unless said), "lace", which is simpler, or "none".
    """

    __slots__ = ()

    NAME, TITLE, RATES, JOINT = "opus-ml", "Opus with NoLACE", Rates(6, 510, 12), 2
    OPTIONS: ClassVar[dict[str, str]] = {"enhancement": ", ".join(ENHANCEMENTS)}

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        return {"enhancement": one_of(options, "enhancement", tuple(ENHANCEMENTS), "nolace")}

    @property
    def title(self) -> str:
        """See `Rival.title`."""
        return f"{ENHANCEMENTS[self.options['enhancement']]} {self.kbps:g} kbps"

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def own_rate(self, sample_rate: int) -> int:
        """See `WholeRival.own_rate`."""
        return RATE

    def code(self, audio: FloatArray, rate: int) -> tuple[FloatArray, int, int]:
        """See `WholeRival.code`."""
        n_channels, n_samples = audio.shape
        if self.kbps > MOST_PER_CHANNEL * n_channels:
            raise ValueError(
                f"FFmpeg's libopus codes one channel with {MOST_PER_CHANNEL} kbps at most, not with {self.kbps:g}; "
                "choose less, or give it stereo."
            )
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)
        packets, delay = self._packets(audio)
        decoded = _decoded(packets, n_channels, self.options["enhancement"])
        n_bits = 8 * sum(map(len, packets))
        return np.ascontiguousarray(decoded[:, delay : delay + n_samples]), n_bits, FRAME * len(packets)

    def _packets(self, audio: FloatArray) -> tuple[list[bytes], int]:
        """What libopus makes of a piece and of its delay behind it, and that delay in samples."""
        import av

        encoder = context("libopus", "w")
        layout = "mono" if len(audio) == 1 else "stereo"
        encoder.sample_rate, encoder.layout, encoder.format = RATE, layout, "flt"
        encoder.bit_rate = round(self.kbps * 1000)
        encoder.options = {"vbr": "off", "application": "voip", "frame_duration": "20"}
        encoder.open()
        delay = int.from_bytes(bytearray(encoder.extradata)[PRE_SKIP], "little")
        n_frames = -(-(audio.shape[1] + delay) // FRAME)
        whole = np.pad(audio, ((0, 0), (0, n_frames * FRAME - audio.shape[1]))).astype(np.float32)
        packets: list[bytes] = []
        for start in range(0, n_frames * FRAME, FRAME):
            block = np.ascontiguousarray(whole[:, start : start + FRAME].T.reshape(1, -1))
            sound = av.AudioFrame.from_ndarray(block, "flt", layout)
            sound.sample_rate = RATE
            packets += [bytes(packet) for packet in encoder.encode(sound)]
        return packets, delay


def _decoded(packets: list[bytes], n_channels: int, enhancement: str) -> FloatArray:
    """All packets' samples, `[channels, samples]`; raises ProgramError where Node fails."""
    node, entry = _node(), _entry()
    assert node is not None and entry is not None
    with tempfile.TemporaryDirectory(prefix="lamina-opus-ml-") as place:
        stored, sound = Path(place) / "packets", Path(place) / "sound"
        stored.write_bytes(b"".join(struct.pack("<H", len(packet)) + packet for packet in packets))
        script = ("--input-type=module", "--eval", DECODE, "--")
        run(Path(node), *script, str(entry), str(n_channels), enhancement, str(stored), str(sound))
        values = np.fromfile(sound, "<f4") if sound.is_file() else np.zeros(0, np.float32)
    if values.size != len(packets) * n_channels * FRAME:
        raise ProgramError(
            f"Node gave {values.size} samples for {len(packets)} packets of {n_channels * FRAME}; is {PACKAGE} whole?"
        )
    blocks = values.reshape(len(packets), n_channels, FRAME)
    return np.ascontiguousarray(blocks.transpose(1, 0, 2)).reshape(n_channels, -1)


def missing() -> str | None:
    """What it lacks here, in a sentence; None if it can be used."""
    problem = absent("libopus", "w")
    if problem is not None:
        return problem
    if _node() is None:
        return "Opus with NoLACE needs Node; install it (Debian: sudo apt install nodejs)."
    if _entry() is None:
        return (
            f"Opus with NoLACE needs the npm package {PACKAGE}, and the variable {OPUS_ML_VARIABLE} doesn't name a "
            f"folder that holds it; run `npm install {PACKAGE}` in a folder, and name that with {OPUS_ML_VARIABLE}."
        )
    return None


def _node() -> str | None:
    return shutil.which("node")


def _entry() -> Path | None:
    """The package's, in the user's own folder. No option names that: documents must not bring code along."""
    folder = os.environ.get(OPUS_ML_VARIABLE)
    entry = Path(folder) / ENTRY if folder else None
    return entry.resolve() if entry is not None and entry.is_file() else None


KIND = RivalKind(
    name=OpusML.NAME,
    title=OpusML.TITLE,
    rates=OpusML.RATES,
    colour="#c1666b",
    needs=f"Node, and the npm package {PACKAGE} in the folder that {OPUS_ML_VARIABLE} names.",
    missing=missing,
    make=OpusML,
    channels="joint",
    sample_rates="48 kHz",
    streams=False,
    options=OpusML.OPTIONS,
)
