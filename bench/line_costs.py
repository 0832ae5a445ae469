"""What a line costs: delay in its parts and as correlation finds it, bytes that are really sent, and processor time.

Delay and the ends' own time are measured on a sender and a receiver in this process, at 48 kHz and 128 samples a block.
Bytes and the time of all that a line does are measured on two processes, of which one sends and the other hears for
some seconds; where the system counts what goes over loopback (Linux), the line's bytes are compared with that. Reports
and acknowledgements, the other way, are among those, and what other programs send over loopback meanwhile. Times on a
shared machine vary.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# One thread is what a live effect gets; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from pedalboard.io import AudioFile
from side_by_side import print_markdown, write_json

from lamina.dsp.arrays import FloatArray
from lamina.plugin import NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.line.joining.status import delay_ms
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender

RATE, BLOCK, LAYERS = 48_000, 128, 8
SECONDS, SETTLED = 12.0, 0.5
PROCESS_BLOCK = 512
"""A busy machine keeps up with it."""
LOOPBACK = Path("/sys/class/net/lo/statistics")
ETHERNET_BYTES = 14
"""Loopback counts a head for each packet that no network has."""


@dataclass(frozen=True)
class Way:
    """One line whose delay is measured: frames per packet, jitter buffer (None: by itself), and the way's delay."""

    frames: int = 1
    buffer_ms: float | None = None
    way_ms: float = 0.0


WAYS = (Way(), Way(frames=2), Way(frames=4), Way(buffer_ms=40.0), Way(way_ms=20.0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the two processes talk (default: 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here too")
    options = parser.parse_args(arguments)
    if not 2 <= options.seconds <= 600:
        print(f"--seconds is {options.seconds:g}; give 2 to 600.", file=sys.stderr)
        return 2
    sound = voice()
    result: dict[str, Any] = {"delay": [], "processes": []}
    for way in WAYS:
        result["delay"].append(vars(way) | measured_delay(sound, way))
    print(f"\nDelay in milliseconds at {RATE} Hz and {BLOCK} samples a block\n")
    print_markdown(
        ["frames per packet", "jitter buffer", "codec", "way", "buffer with blocks and packets", "told", "measured"],
        [
            [
                str(each["frames"]),
                "auto" if each["buffer_ms"] is None else f"{each['buffer_ms']:g} ms",
                *(f"{each[name]:.1f}" for name in ("codec", "way_ms", "buffer", "told", "measured")),
            ]
            for each in result["delay"]
        ],
    )
    ends = result["delay"][0]
    print(
        f"\nOf one core, one channel each way: encoder and packets {100 * ends['sending']:.1f} %, "
        f"packets and decoder {100 * ends['hearing']:.1f} %\n"
    )
    for frames in (1, 2, 4):
        result["processes"].append(talk(sound, frames, options.seconds))
    print("Two processes: kilobits per second, and of a core\n")
    print_markdown(
        ["frames per packet", "codes", "messages", "with headers", "counted, both ways", "sending end", "hearing end"],
        [
            [
                str(each["frames"]),
                *(f"{each[name]:.1f}" for name in ("codes", "packets", "network")),
                "-" if each["loopback"] is None else f"{each['loopback']:.1f}",
                *("-" if core is None else f"{100 * core:.0f} %" for core in each["cores"]),
            ]
            for each in result["processes"]
        ],
    )
    write_json(options.json, result)
    return 0


def voice() -> FloatArray:
    """The demo voice, mono at 48 kHz, `[1, n]`."""
    path = next(item.path for item in demo_items() if item.path.stem == "voice")
    with AudioFile(str(path)).resampled_to(RATE) as file:
        samples: FloatArray = file.read(file.frames)[:1]
    return samples


def measured_delay(sound: FloatArray, way: Way) -> dict[str, float]:
    """What a line tells of its delay, what correlation finds, and the time that both ends take of each second."""
    x = np.tile(sound, (1, 1 + round(SECONDS * RATE / sound.shape[1])))[:, : round(SECONDS * RATE)]
    sender = LineSender(NeuralCodec(layers=LAYERS), RATE, 1, frames_per_packet=way.frames, adaptive=False)
    receiver = LineReceiver(NeuralCodec(), sender.hello, RATE, buffer_ms=way.buffer_ms)
    on_the_way: list[tuple[float, bytes]] = []
    heard, depths, sending, hearing = [], [], 0.0, 0.0
    for start in range(0, x.shape[1] - BLOCK + 1, BLOCK):
        now = (start + BLOCK) / RATE  # a device hands a block over when its last sample is there
        began = time.process_time()
        packets = sender.push(x[:, start : start + BLOCK], now)
        sent = time.process_time()
        on_the_way += [(now + way.way_ms / 1000, packet) for packet in packets]
        while on_the_way and on_the_way[0][0] <= now:
            arrived, packet = on_the_way.pop(0)
            receiver.receive(packet, arrived)
        heard.append(receiver.pull(BLOCK, now))
        sending, hearing = sending + sent - began, hearing + time.process_time() - sent
        depths.append(receiver.buffer_ms)
    settled = depths[round(SETTLED * len(depths)) :]
    codec_ms = 1000 * receiver.codec.latency_samples(RATE) / RATE
    buffer_ms = float(np.mean(settled))
    late = lag(x[0], np.concatenate(heard, 1)[0]) + BLOCK
    return {
        "codec": codec_ms,
        "buffer": buffer_ms,
        "told": delay_ms(receiver.codec, RATE, buffer_ms, way.way_ms),
        "measured": 1000 * late / RATE,
        "sending": sending * RATE / x.shape[1],
        "hearing": hearing * RATE / x.shape[1],
    }


def lag(reference: FloatArray, late: FloatArray) -> int:
    """Samples by which the one lags the other, in the second half of it, where buffers have settled."""
    half = round(SETTLED * len(reference))
    size = 1 << (2 * len(reference)).bit_length()
    later = np.where(np.arange(len(late)) >= half, late, 0)
    product = np.fft.irfft(np.fft.rfft(reference, size).conj() * np.fft.rfft(later, size), size)
    return int(np.argmax(product[: RATE // 2]))


def talk(sound: FloatArray, frames: int, seconds: float) -> dict[str, Any]:
    """A process that sends this sound, by a virtual device, and one that hears it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "voice.wav"
        with AudioFile(str(file), "w", RATE, 1) as writer:
            writer.write(np.tile(sound, 1 + round((seconds + 20) * RATE / sound.shape[1])))
        shared = ["--rate", str(RATE), "--buffer", str(PROCESS_BLOCK), "--json"]
        layers = ["--layers", str(LAYERS), "--frames", str(frames), "--fixed-layers"]
        ends = [_lamina("send", "--device-input", f"virtual?input={file}", *layers, *shared)]
        try:
            invitation = _next(ends[0], "invitation")["invitation"]
            ends.append(_lamina("receive", "--from", invitation, "--device-output", "virtual", *shared))
            while _next(ends[0], "status")["seconds"] < 2:
                pass
            before = _counted(ends)
            sent: list[dict[str, float]] = []
            while len(sent) < seconds:
                sent.append(_next(ends[0], "status")["sent"])
            now = _counted(ends)
        finally:
            for end in ends:
                end.terminate()
                end.communicate()
    passed = now[0] - before[0]
    cores = [None if None in used else (used[1] - used[0]) / passed for used in zip(before[1], now[1], strict=True)]
    loopback = None if before[2] is None or now[2] is None else 8 * (now[2] - before[2]) / passed / 1000
    means = {name: float(np.mean([each[name] for each in sent])) for name in ("codes", "packets", "network")}
    return {"frames": frames, **means, "loopback": loopback, "cores": cores}


def _lamina(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "lamina", "line", *arguments], stdout=subprocess.PIPE, text=True)


def _next(end: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert end.stdout is not None
    for line in end.stdout:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == event:
            return told
    raise RuntimeError(f"The line ended before it told its {event}.")


def _counted(ends: Sequence[subprocess.Popen[str]]) -> tuple[float, list[Any], float | None]:
    """Seconds, and, where the system tells them, those of each process' processor time, and bytes over loopback."""
    sent = None
    if LOOPBACK.exists():
        n_bytes, n_packets = (int((LOOPBACK / name).read_text()) for name in ("tx_bytes", "tx_packets"))
        sent = float(n_bytes - ETHERNET_BYTES * n_packets)
    return time.monotonic(), [_used(end) for end in ends], sent


def _used(end: subprocess.Popen[str]) -> float | None:
    stat = Path(f"/proc/{end.pid}/stat")
    if not stat.exists():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
