"""EVS (3GPP TS 26.441), the speech and sound codec of VoLTE, by the user's own build of the reference programs.

3GPP publishes their source (TS 26.443), whose licence doesn't let Lamina bring them along.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.coder import Integers
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.programs import ProgramError, run
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, WholeRival, one_of

EVS_VARIABLE = "LAMINA_EVS"
ENCODER, DECODER = "EVS_cod", "EVS_dec"
EVS_RATES = (8_000, 16_000, 32_000, 48_000)
EVS_KBPS = (5.9, 7.2, 8.0, 9.6, 13.2, 16.4, 24.4, 32.0, 48.0, 64.0, 96.0, 128.0)
BANDS = ("NB", "WB", "SWB", "FB")
FRAME_SECONDS = 0.02
SYNC_WORDS = (0x6B21, 0x6B20)
"""Words that a good and a lost frame begin with, in the G.192 format that the encoder writes.

A word that tells the number of bits follows, and then every bit as a word.
"""


class EVS(WholeRival):
    """EVS, every channel by itself, in whole pieces.

    Args:
        kbps: one of its rates; 5.9 is the variable one, of which the counted bitrate tells.
        folder: with EVS_cod and EVS_dec; unless said, what the variable LAMINA_EVS names.
        rate: Hz that the programs work at: 8000, 16000, 32000 (unless said) or 48000.
        max_band: NB, WB, SWB or FB, the widest band that is coded; unless said, the encoder decides.
        dtx: "on" to send next to nothing in pauses; "off" unless said.
    """

    __slots__ = ()

    NAME, TITLE, RATES = "evs", "EVS", Rates.of(*EVS_KBPS, default=13.2)
    OPTIONS: ClassVar[dict[str, str]] = {
        "folder": f"where {ENCODER} and {DECODER} lie",
        "rate": ", ".join(map(str, EVS_RATES)),
        "max_band": ", ".join(BANDS),
        "dtx": "off, on",
    }

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        folder = options.get("folder") or os.environ.get(EVS_VARIABLE)
        return {
            **({"folder": str(folder)} if folder else {}),
            "rate": one_of(options, "rate", EVS_RATES, 32_000),
            **({"max_band": one_of(options, "max_band", BANDS, "")} if options.get("max_band") else {}),
            "dtx": one_of(options, "dtx", ("off", "on"), "off"),
        }

    def check(self) -> None:
        """See `Rival.check`."""
        problem = _missing_from(self.options.get("folder"))
        if problem is not None:
            raise RivalMissingError(problem)

    def own_rate(self, sample_rate: int) -> int:
        """See `WholeRival.own_rate`."""
        rate: int = self.options["rate"]
        return rate

    def code(self, audio: FloatArray, rate: int) -> tuple[FloatArray, int, int]:
        """See `WholeRival.code`."""
        folder = Path(self.options["folder"])
        frame, n_samples = round(rate * FRAME_SECONDS), audio.shape[1]
        n_frames = -(-n_samples // frame)
        whole = np.pad(audio[0], (0, n_frames * frame - n_samples))
        band = ["-max_band", self.options["max_band"]] if "max_band" in self.options else []
        dtx = ["-dtx"] if self.options["dtx"] == "on" else []
        # The programs compensate the codec's delay by themselves. Their headerless files are in this machine's order.
        with tempfile.TemporaryDirectory(prefix="lamina-evs-") as place:
            given, stream, decoded = (Path(place) / name for name in ("in.pcm", "evs.192", "out.pcm"))
            given.write_bytes(Integers.of(whole).tobytes())
            bits_per_second, khz = str(round(self.kbps * 1000)), str(rate // 1000)
            run(_program(folder, ENCODER), "-q", *dtx, *band, bits_per_second, khz, str(given), str(stream))
            run(_program(folder, DECODER), "-q", khz, str(stream), str(decoded))
            n_bits, n_coded = _bits_in(stream, folder)
            if not decoded.is_file():
                raise ProgramError(f"{DECODER} in {folder} wrote no sound, though it said that all went well.")
            raw = decoded.read_bytes()
        out = Integers.back(np.frombuffer(raw[: len(raw) // 2 * 2], np.int16))[:n_samples]
        if n_samples - out.size > frame:
            raise ProgramError(
                f"{DECODER} in {folder} gave {out.size} of {n_samples} samples; the piece was not coded."
            )
        return np.pad(out, (0, n_samples - out.size))[None], n_bits, n_coded * frame


def _bits_in(stream: Path, folder: Path) -> tuple[int, int]:
    """Bits in a G.192 file, and its frames."""
    words = np.frombuffer(stream.read_bytes(), np.uint16) if stream.is_file() else np.zeros(0, np.uint16)
    position = n_bits = n_frames = 0
    while position + 2 <= words.size and int(words[position]) in SYNC_WORDS:
        n_bits += int(words[position + 1])
        position += 2 + int(words[position + 1])
        n_frames += 1
    if not n_frames or position != words.size:
        raise ProgramError(f"{ENCODER} in {folder} did not write G.192 frames; is it the 3GPP reference's encoder?")
    return n_bits, n_frames


def missing() -> str | None:
    """What EVS lacks here, in a sentence; None if it can be used."""
    return _missing_from(os.environ.get(EVS_VARIABLE))


def _missing_from(folder: str | None) -> str | None:
    lacking = [name for name in (ENCODER, DECODER) if folder is None or _found(Path(folder), name) is None]
    if not lacking:
        return None
    where = f"the folder {folder} doesn't hold" if folder else f"the variable {EVS_VARIABLE} doesn't name a folder with"
    return (
        f"EVS needs 3GPP's reference programs, and {where} {' and '.join(lacking)}; build them from 3GPP TS 26.443's "
        f"source, and name their folder with {EVS_VARIABLE}."
    )


def _found(folder: Path, name: str) -> str | None:
    """Where a program is that may be started, with whatever ending programs have here."""
    return shutil.which(name, path=str(folder))


def _program(folder: Path, name: str) -> Path:
    found = _found(folder, name)
    if found is None:
        raise RivalMissingError(_missing_from(str(folder)) or f"{name} is gone from {folder}.")
    return Path(found)


KIND = RivalKind(
    name=EVS.NAME,
    title=EVS.TITLE,
    rates=EVS.RATES,
    colour="#577590",
    needs=f"{ENCODER} and {DECODER}, your own build of 3GPP TS 26.443, in the folder that {EVS_VARIABLE} names.",
    missing=missing,
    make=EVS,
    sample_rates="32 kHz, or what `rate` says",
    streams=False,
    options=EVS.OPTIONS,
)
