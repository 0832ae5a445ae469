"""What a line that loses packets leaves of speech: Lamina with and without redundancy beside Opus with its in-band FEC.

Held-out speech goes through the real sender and receiver in virtual time, one frame per packet, and through libopus
(voice, constant bitrate, 20 ms) at the same total bitrate: that of all codes, repeated ones among them, without heads.
Both lose the same share of their packets, by the same seed. Opus decodes a lost packet from the next one's FEC where
that came, and conceals the others.
"""

import argparse
import ctypes
import ctypes.util
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

# One thread is enough, and leaves the other cores alone; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from heldout import SPEECH
from loss import read_items
from metrics import SAMPLE_RATE, Samples, mean_scores, scores
from side_by_side import cell, print_markdown, write_json

from lamina.plugin import NeuralCodec
from lamina.plugin.line.adaptation import NONE, Redundancy, chosen_redundancy
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender
from lamina.plugin.line.simulator import Link, simulate

LAYERS = 8
"""6 kbps."""
LOSSES = (0.0, 0.05, 0.1, 0.2, 0.3)
MEASURES = {"pesq": 2, "estoi": 3}
PLANS = {
    "Lamina, nothing repeated": NONE,
    "Lamina, one frame repeated": Redundancy(1, LAYERS),
    "Lamina, two frames repeated": Redundancy(2, LAYERS),
    "Lamina, three frames repeated": Redundancy(3, LAYERS),
}
"""The last three are what a sender chooses by itself, for ever more losses."""
OPUS_RATE, OPUS_FRAME = 24_000, 480
BUFFER_MS = 80.0
_VOIP, _SET_BITRATE, _SET_VBR, _SET_FEC, _SET_LOSS, _GET_LOOKAHEAD = 2048, 4002, 4006, 4012, 4014, 4027


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heldout", type=Path, default=Path("heldout"), help="folder with speech/ (default: heldout)")
    parser.add_argument("--items", type=int, default=8, metavar="N", help="how many clips (default: 8)")
    parser.add_argument("--seconds", type=float, default=6.0, help="from the middle of each clip (default: 6)")
    parser.add_argument(
        "--losses",
        type=_share,
        nargs="+",
        default=LOSSES,
        metavar="SHARE",
        help="shares of packets that get lost (default: 0 0.05 0.1 0.2 0.3)",
    )
    parser.add_argument("--burst", type=float, default=1.0, help="mean packets lost one after the other (default: 1)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw what was measured here (PNG, SVG, PDF)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here too")
    options = parser.parse_args(arguments)
    if not (options.heldout / SPEECH).is_dir():
        print(
            f"There is no speech in {options.heldout}; name a folder that holds {SPEECH}/ (make bench-line HELDOUT=…)."
        )
        print("Nothing was measured.")
        return 0
    try:
        items = read_items(options.heldout, options.items, options.seconds)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found: dict[str, dict[str, Any]] = {}
    kbps = NeuralCodec().bundle.config.kbps
    for name, plan in PLANS.items():
        rate = kbps(LAYERS) + plan.frames * kbps(plan.layers)
        found[name] = {"kbps": rate, "means": {}}
        for loss in options.losses:
            heard = [through_lamina(item, plan, loss, options.burst, seed) for seed, item in enumerate(items)]
            found[name]["means"][f"{loss:g}"] = _means(items, heard)
    opus = opus_library()
    if opus is None:
        print("Opus is left out: its library wasn't found (it comes with PyAV).", file=sys.stderr)
    else:
        for rate in sorted({each["kbps"] for each in found.values()}):
            name = f"Opus with FEC, {rate:g} kbps"
            found[name] = {"kbps": rate, "means": {}}
            for loss in options.losses:
                heard = [through_opus(opus, item, rate, loss, options.burst, seed) for seed, item in enumerate(items)]
                found[name]["means"][f"{loss:g}"] = _means(items, heard)
    burst = "" if options.burst <= 1 else f", in bursts of {options.burst:g}"
    print(f"\nSpeech, {len(items)} clips of {options.seconds:g} s, packets lost{burst}: means\n")
    print_losses(found, options.losses)
    settings = {name: getattr(options, name) for name in ("seconds", "burst")}
    result = {"settings": {**settings, "items": len(items), "layers": LAYERS}, "found": found}
    write_json(options.json, result)
    if options.picture is not None:
        draw(found, options.losses, options.picture)
    return 0


def through_lamina(item: Samples, plan: Redundancy, loss: float, burst: float, seed: int) -> Samples:
    """Speech through a line, aligned and as long as it was."""
    codec = NeuralCodec(layers=LAYERS)
    plan = replace(plan, distance=chosen_redundancy(loss, burst, LAYERS, LAYERS).distance)
    sender = LineSender(codec, SAMPLE_RATE, 1, redundancy=plan, adaptive=False, stream=1)
    # The encoder knows of losses from the beginning, and then what reports tell it.
    sender.adaptation.loss = loss
    receiver = LineReceiver(codec, sender.hello, SAMPLE_RATE, buffer_ms=BUFFER_MS, correct_drift=False)
    tail = SAMPLE_RATE // 5
    sound = np.pad(item, (0, tail))[None]
    seconds = sound.shape[1] / SAMPLE_RATE
    link = Link(loss=loss, burst=burst, delay_ms=0, seed=seed)
    result = simulate(sender, receiver, link, seconds, sound=sound, block=320)
    heard: Samples = result.heard[0]
    return heard[line_delay(tuple(item[:SAMPLE_RATE].tolist())) :][: item.size]


@lru_cache(maxsize=1024)
def line_delay(beginning: tuple[float, ...]) -> int:
    """Samples by which a line that loses nothing is late, by its own first second."""
    codec, item = NeuralCodec(layers=LAYERS), np.array(beginning, np.float32)
    sender = LineSender(codec, SAMPLE_RATE, 1, redundancy=NONE, adaptive=False, stream=1)
    receiver = LineReceiver(codec, sender.hello, SAMPLE_RATE, buffer_ms=BUFFER_MS, correct_drift=False)
    link = Link(delay_ms=0)
    return _lag(item, simulate(sender, receiver, link, 1.2, sound=item[None], block=320, report_seconds=0).heard[0])


def through_opus(opus: Any, item: Samples, kbps: float, loss: float, burst: float, seed: int) -> Samples:
    """Speech through libopus and the same losses, aligned and as long as it was."""
    packets, delay = opus_packets(opus, item, kbps, loss)
    lost = _lost(len(packets), loss, burst, seed)
    error = ctypes.c_int()
    decoder = opus.opus_decoder_create(OPUS_RATE, 1, ctypes.byref(error))
    parts = []
    for index in range(len(packets)):
        out = np.zeros(OPUS_FRAME, np.float32)
        pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        if not lost[index]:
            data, use_fec = packets[index], 0
        elif index + 1 < len(packets) and not lost[index + 1]:
            data, use_fec = packets[index + 1], 1
        else:
            data, use_fec = None, 0
        n_bytes = 0 if data is None else len(data)
        n_samples = opus.opus_decode_float(decoder, data, n_bytes, pointer, OPUS_FRAME, use_fec)
        assert n_samples == OPUS_FRAME, n_samples
        parts.append(out)
    opus.opus_decoder_destroy(decoder)
    return np.concatenate(parts)[delay:][: item.size]


def opus_packets(opus: Any, item: Samples, kbps: float, loss: float) -> tuple[list[bytes], int]:
    """Packets of 20 ms, and the encoder's delay in samples."""
    error = ctypes.c_int()
    encoder = opus.opus_encoder_create(OPUS_RATE, 1, _VOIP, ctypes.byref(error))
    for request, value in (
        (_SET_BITRATE, round(1000 * kbps)),
        (_SET_VBR, 0),
        (_SET_FEC, int(loss > 0)),
        (_SET_LOSS, round(100 * loss)),
    ):
        assert opus.opus_encoder_ctl(encoder, request, ctypes.c_int(value)) == 0
    delay = ctypes.c_int()
    opus.opus_encoder_ctl(encoder, _GET_LOOKAHEAD, ctypes.byref(delay))
    n_frames = -(-(item.size + delay.value) // OPUS_FRAME)
    sound = np.pad(item, (0, n_frames * OPUS_FRAME - item.size)).astype(np.float32)
    packets, stored = [], ctypes.create_string_buffer(1500)
    for index in range(n_frames):
        frame = np.ascontiguousarray(sound[index * OPUS_FRAME : (index + 1) * OPUS_FRAME])
        pointer = frame.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        size = opus.opus_encode_float(encoder, pointer, OPUS_FRAME, stored, len(stored))
        assert size > 0, size
        packets.append(stored.raw[:size])
    opus.opus_encoder_destroy(encoder)
    return packets, delay.value


def opus_library() -> Any | None:
    """The libopus that the rivals use, which PyAV brings, or the system's; None if there is neither."""
    try:
        import av

        places = sorted(str(path) for path in (Path(av.__file__).parent.parent / "av.libs").glob("libopus-*.so*"))
    except ImportError:
        places = []
    for place in [*places, ctypes.util.find_library("opus")]:
        if place is None:
            continue
        try:
            found = ctypes.CDLL(place)
            found.opus_encoder_create.restype = found.opus_decoder_create.restype = ctypes.c_void_p
            samples = ctypes.POINTER(ctypes.c_float)
            found.opus_encode_float.argtypes = [
                ctypes.c_void_p, samples, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32,
            ]  # fmt: skip
            found.opus_decode_float.argtypes = [
                ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, samples, ctypes.c_int, ctypes.c_int,
            ]  # fmt: skip
            found.opus_encoder_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int]
            for name in ("opus_encoder_destroy", "opus_decoder_destroy"):
                getattr(found, name).argtypes = [ctypes.c_void_p]
                getattr(found, name).restype = None
        except (OSError, AttributeError):
            continue
        return found
    return None


def print_losses(found: dict[str, dict[str, Any]], losses: Sequence[float]) -> None:
    """A table for each measure: a row for each way, a column for each share of lost packets."""
    for measure, places in MEASURES.items():
        titles = [measure.upper(), "kbps", *(f"{100 * loss:g} %" for loss in losses)]
        rows = [
            [name, f"{each['kbps']:.2f}", *(cell(each["means"][f"{loss:g}"][measure], places) for loss in losses)]
            for name, each in found.items()
        ]
        print_markdown(titles, rows)
        print()


def draw(found: dict[str, dict[str, Any]], losses: Sequence[float], path: Path) -> None:
    """Each measure over the share of lost packets: Lamina's lines are drawn through, Opus' are dashed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    colours = ("#1f5fbf", "#2f9e6e", "#7a4fb0", "#3a3a3a", "#c05a1c", "#d9903d", "#8a5a44", "#b04a7a")
    for panel, measure in zip(figure.subplots(1, len(MEASURES)), MEASURES, strict=True):
        for colour, (name, each) in zip(colours, found.items(), strict=False):
            label = f"{name} ({each['kbps']:g} kbps)" if name.startswith("Lamina") else name
            panel.plot(
                [100 * loss for loss in losses],
                [each["means"][f"{loss:g}"][measure] for loss in losses],
                "-o" if name.startswith("Lamina") else "--s",
                color=colour,
                label=label,
                markersize=4,
            )
        panel.set(xlabel="packets lost, %", ylabel=measure.upper())
        panel.grid(alpha=0.3)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _means(items: Sequence[Samples], heard: Sequence[Samples]) -> dict[str, float]:
    measured = mean_scores(
        [
            scores(item, np.pad(sound, (0, item.size - sound.size)), frozenset(MEASURES))
            for item, sound in zip(items, heard, strict=True)
        ]
    )
    return {measure: getattr(measured, measure) for measure in MEASURES}


def _lost(n_packets: int, loss: float, burst: float, seed: int) -> list[bool]:
    from lamina.plugin.line.simulator import LinkAtWork

    link, lost = LinkAtWork(Link(loss=loss, burst=burst, delay_ms=0, seed=seed)), []
    for index in range(n_packets):
        link.send(b"", float(index))
        lost.append(not link.arrived(float(index)))
    return lost


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to less than 1")
    return value


def _lag(reference: Samples, late: Samples) -> int:
    """Samples by which the one lags the other, from what both have."""
    size = 1 << (reference.size + late.size).bit_length()
    product = np.fft.irfft(np.fft.rfft(reference, size).conj() * np.fft.rfft(late, size), size)
    return int(np.argmax(product[: SAMPLE_RATE // 2]))


if __name__ == "__main__":
    sys.exit(main())
