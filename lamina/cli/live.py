"""`lamina live` plays the input through the codec, one of its rivals or a board, in a terminal; `lamina devices` shows
what there is to play on.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, FAILED, OUTPUT, print_json
from lamina.cli.options import (
    add_rival_option,
    add_settings_options,
    codec_of,
    device_changes,
    given_parameters,
    rival_of,
)
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rival

if TYPE_CHECKING:
    from lamina.dsp.levels import LevelMeter
    from lamina.plugin.board import Board
    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.client.live_meters import Figures, LiveMeters
    from lamina.plugin.host.device.device_settings import DeviceSettings
    from lamina.plugin.rivals.coding.own import CountedCodec

TURN_SECONDS = 0.1
START_SECONDS = 20.0
QUIETEST_DB, SILENT_LUFS = -60.0, -70.0
CLEARED = "\r\x1b[K"
"""Back to the line's start, with nothing in it (ECMA-48)."""


def add_live_commands(commands: Any) -> None:
    """Declare both commands and their options."""
    live = commands.add_parser(
        "live",
        help="play an input through the codec, live",
        description="Play the input through the codec, or through a rival of it or a board, until Ctrl-C, and show "
        "levels, delay and computing time in one line. The sound runs in a process of its own, so nothing else here is "
        "heard.",
        epilog="Examples: lamina live --kbps 3 · lamina live --rival opus:12 · lamina live --input 'USB Audio' "
        "--channels 1 --buffer 128 --record take.wav · lamina live --output virtual --input 'virtual?input=take.wav' "
        "--duration 10 (no sound device needed)",
    )
    live.add_argument(
        "--input",
        metavar="DEV",
        help="input by name or a part of it (see `lamina devices`), or virtual; default: the system's",
    )
    live.add_argument("--output", metavar="DEV", help="output, likewise")
    live.add_argument(
        "--channels", metavar="N[,N]", help="input channels, from 1: one (it goes to both sides) or two; default 1,2"
    )
    live.add_argument("--rate", type=int, metavar="R", help="sample rate in Hz; default: the device's own")
    live.add_argument(
        "--buffer",
        type=int,
        metavar="N",
        help="samples the device takes at a time: less is quicker, more is safer; default 256",
    )
    live.add_argument(
        "--margin",
        type=float,
        metavar="F",
        help="codec frames (13.3 ms) of sound kept ready; default 0.5, grows where needed",
    )
    add_settings_options(live)
    add_rival_option(live)
    live.add_argument(
        "--board",
        type=Path,
        metavar="FILE",
        help="a board document (JSON, as describe_board makes it) instead; no setting goes with it",
    )
    live.add_argument(
        "--allow-plugins",
        action="store_true",
        help="let the board document load VST3 plugins and run EVS's programs: only where you trust it",
    )
    live.add_argument("--record", type=Path, metavar="FILE", help="write what is heard to a new wav or flac file")
    live.add_argument("--duration", type=float, metavar="S", help="end after so many seconds")
    live.add_argument(
        "--calibrate", action="store_true", help="measure the true round trip through a loopback cable, and end"
    )
    live.add_argument("-q", "--quiet", action="store_true", help="tell nothing but what went wrong")
    live.set_defaults(run=_live)

    devices = commands.add_parser(
        "devices",
        help="list the sound devices",
        description="List the sound devices by audio system: channels, sample rate, and which the system prefers. Name "
        "one, or a part of "
        "its name that fits only one, to `lamina live`.",
    )
    devices.add_argument("--json", action="store_true", help="as JSON")
    devices.set_defaults(run=_devices)


def _devices(options: argparse.Namespace) -> int:
    from lamina.plugin.host.device.devices import list_devices

    devices = list_devices()
    if options.json:
        print_json([asdict(device) for device in devices])
        return DONE
    if not devices:
        print("No sound device was found. `--output virtual` plays without one.")
    for api in dict.fromkeys(device.api for device in devices):
        print(api)
        for device in (device for device in devices if device.api == api):
            kinds = [f"{n} {kind}" for n, kind in ((device.n_inputs, "in"), (device.n_outputs, "out")) if n]
            preferred = [
                kind
                for kind, is_so in (("input", device.is_default_input), ("output", device.is_default_output))
                if is_so
            ]
            note = f"   default {' and '.join(preferred)}" if preferred else ""
            name = device.name.removesuffix(f" ({api})")
            print(f"  {name}   {', '.join(kinds)}   {device.default_rate} Hz{note}")
    return 0


def _live(options: argparse.Namespace) -> int:
    from lamina.plugin.host.client.process_handle import EngineError
    from lamina.plugin.host.recording.recorder import check_recording

    if options.duration is not None and not (options.duration > 0 and math.isfinite(options.duration)):
        raise ValueError(f"--duration is {options.duration:g}; give seconds, more than 0.")
    settings = _device_settings(options)
    board, title = _board_of(options)
    if options.record is not None:
        check_recording(options.record)
    _check_devices(settings)
    try:
        return _play(settings, board, title, options)
    except EngineError as error:
        raise ValueError(str(error)) from error
    except TimeoutError as error:
        raise ValueError(
            f"The audio engine gave no answer within {START_SECONDS:g} seconds. Try another device."
        ) from error


def _board_of(options: argparse.Namespace) -> tuple[Board, str]:
    """What is played through, and what the status line calls it; raises ValueError before anything is started."""
    from lamina.plugin.board import Board, unstreamable
    from lamina.plugin.rivals.coding.own import Original

    if options.allow_plugins and options.board is None:
        raise ValueError("--allow-plugins is about a board document; give one with --board FILE.")
    if options.board is not None:
        board, title = _board_in(options), options.board.stem
    elif options.rival is not None:
        rival = rival_of(options)
        board, title = Board([] if isinstance(rival, Original) else [_as_sent(rival)]), rival.title
    else:
        codec = codec_of(options)
        board, title = Board([codec]), f"{codec.kbps:g} kbps"
    if whole := unstreamable(board):
        raise ValueError(f"{' and '.join(whole)} can't play live. Render a file through it instead.")
    return board, title


def _as_sent(effect: Rival | CountedCodec) -> Rival | NeuralCodec:
    """An effect that another process can make; nobody there asks how many bits were counted."""
    if isinstance(effect, Rival):
        return effect
    codec = NeuralCodec(model=effect.model)
    codec.set_parameters(effect.settings.values())
    return codec


def _board_in(options: argparse.Namespace) -> Board:
    from lamina.models.json_files import JsonError, read_json
    from lamina.plugin.documents.boards import build_board
    from lamina.plugin.files.sound import AudioFileError

    own = [flag for flag, _ in given_parameters(options).values()]
    own += [f"--{name}" for name in ("rival", "preset", "model") if getattr(options, name) is not None]
    if own:
        raise ValueError(
            f"{own[0]} sets one codec, and --board {options.board} brings effects of its own. Leave one out."
        )
    try:
        document = read_json(options.board)
    except (JsonError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AudioFileError(f"The board {options.board} can't be read: {reason}.") from error
    return build_board(document, allow_vst3=options.allow_plugins)


def _play(settings: DeviceSettings, board: Board, title: str, options: argparse.Namespace) -> int:
    """Start the engine, show it until the end, and tell what came of it. Raises EngineError if it refuses."""
    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.client.live_meters import LiveMeters

    ended = threading.Event()
    with _Ending(ended), LiveEngine(opens=False) as engine:
        wishes = (engine.set_devices(settings), engine.set_board("A", board), engine.set_live(True))
        for wish in wishes:
            wish.result(START_SECONDS)
        if options.calibrate:
            return _calibrate(engine)
        if options.record is not None:
            engine.record(options.record).result(START_SECONDS)
        meters, told = LiveMeters(), set[str]()
        is_alive = _show(engine, meters, title, options, ended, told)
        recorded = _end_recording(engine, options.record) if options.record is not None and is_alive else None
        figures, n_restarts = meters.figures(engine.telemetry.state()), engine.n_restarts
    if not is_alive:
        return FAILED
    if not options.quiet:
        print(_balance(figures, n_restarts))
    return _tell_recording(recorded, options.quiet, told) if recorded is not None else DONE


def _end_recording(engine: LiveEngine, path: Path) -> dict[str, Any]:
    """What became of the recording, as `LiveEngine.stop_recording` answers."""
    from lamina.plugin.host.client.process_handle import EngineError

    try:
        done: dict[str, Any] = engine.stop_recording().result(START_SECONDS)
    except EngineError as error:
        trouble = f"The recording ended before it was stopped. ({error}) What was recorded is in {path}."
        return {"path": str(path), "seconds": 0.0, "n_lost_samples": 0, "trouble": trouble}
    return done


def _balance(figures: Figures, n_restarts: int) -> str:
    """What came late, got lost, and how long blocks took, in one line."""
    parts = []
    if n_restarts:
        times = "once" if n_restarts == 1 else f"{n_restarts} times"
        parts.append(f"the engine was started again {times}, and what follows is told since then")
    if figures.n_late:
        parts.append(f"{figures.n_late} late, {1000 * figures.late_seconds:.0f} ms together")
    if figures.n_device_misses:
        parts.append(f"the driver lost sound {figures.n_device_misses} times")
    if not figures.n_late and not figures.n_device_misses:
        parts.append("nothing was late")
    parts.append(f"a block of {figures.block_ms:.1f} ms took {figures.p50_ms:.1f} ms, at worst {figures.worst_ms:.1f}")
    return "; ".join(parts)


def _tell_recording(recorded: dict[str, Any], is_quiet: bool, told: set[str]) -> int:
    """Say what is in the file, or why it isn't unless that was told when it happened; returns the exit code."""
    n_lost = recorded["n_lost_samples"]
    lost = f", {n_lost} samples could not be written" if n_lost else ""
    if recorded["trouble"]:
        if recorded["trouble"] not in told:
            print(f"lamina: {recorded['trouble']}", file=sys.stderr)
        return OUTPUT
    if not is_quiet or n_lost:
        print(f"{recorded['path']}: {recorded['seconds']:.1f} s recorded{lost}")
    return OUTPUT if n_lost else DONE


class _Ending:
    """Ctrl-C and SIGTERM end the sound in order instead of in the middle."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._end)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ended.set()


def _device_settings(options: argparse.Namespace) -> DeviceSettings:
    from lamina.plugin.host.client.session_file import devices_of_last_time
    from lamina.plugin.host.device.device_settings import VIRTUAL
    from lamina.plugin.host.device.devices import is_hardware

    changes = device_changes(options)
    if options.input is not None:
        changes["input"] = options.input
    if options.output is not None:
        changes["output"] = options.output
        if options.input is None and not is_hardware(options.output):
            changes["input"] = VIRTUAL
    devices, trouble = devices_of_last_time()
    if trouble:
        print(f"lamina: {trouble}", file=sys.stderr)
    return devices.changed(**changes)


def _check_devices(settings: DeviceSettings) -> None:
    """Who names a device wants that one and no other: raises DeviceError or ValueError before anything is started."""
    from lamina.plugin.host.device.device_settings import NONE
    from lamina.plugin.host.device.devices import find_device, is_hardware, probe_devices
    from lamina.plugin.host.device.virtual_device import virtual_device

    target = virtual_device(settings.input, settings.output).output
    if target is not None and target.exists():
        raise ValueError(f"The virtual device's output {target} is there already and is not replaced. Name a new file.")
    if settings.input != NONE and is_hardware(settings.input) != is_hardware(settings.output):
        raise ValueError(
            f"The input {settings.input} and the output {settings.output} can't be used together: both must be "
            "devices, or both virtual."
        )
    wanted = [
        (name, is_input) for name, is_input in ((settings.output, False), (settings.input, True)) if is_hardware(name)
    ]
    if wanted:
        # Never asked in this process: PortAudio aborts the process that it ends in when JACK has gone meanwhile.
        devices = probe_devices()
        for name, is_input in wanted:
            find_device(name, devices, is_input)


def _calibrate(engine: LiveEngine) -> int:
    print("Measuring: short sweeps go out and are listened for…")
    trip = engine.calibrate().result(START_SECONDS)
    rate = trip["sample_rate"]
    rows = (
        ("device, out and in", trip["device_samples"]),
        ("buffer and margin", trip["buffer_and_margin_samples"]),
        ("board", trip["board_samples"]),
        ("round trip", trip["round_trip_samples"]),
    )
    for name, samples in rows:
        print(f"{name:20} {samples:6d} samples  {1000 * samples / rate:6.1f} ms")
    return 0


def _show(
    engine: LiveEngine,
    meters: LiveMeters,
    title: str,
    options: argparse.Namespace,
    ended: threading.Event,
    told: set[str],
) -> bool:
    """The status line until the end; False if the engine can't be kept alive. What is told meanwhile is kept."""
    line = None if options.quiet or sys.stderr is None or not sys.stderr.isatty() else sys.stderr
    started = time.monotonic()
    heard_samples, end_samples = 0, None
    while not ended.is_set():
        heard = engine.telemetry.take()
        meters.push(heard)
        heard_samples += heard.output.shape[1]
        for event in engine.take_events():
            if event["event"] == "message":
                print(f"{CLEARED if line else ''}lamina: {event['text']}", file=sys.stderr)
                told.add(event["text"])
            elif event["event"] == "gone":
                return False
        if options.duration is not None and heard.sample_rate:
            # Counted in sound, not by the clock: a virtual device may run faster.
            end_samples = options.duration * heard.sample_rate
            if heard_samples >= end_samples:
                break
        if line is not None:
            columns = shutil.get_terminal_size().columns
            text = status_line(engine, meters, title, time.monotonic() - started)
            line.write(CLEARED + text[: columns - 1])
            line.flush()
        ended.wait(TURN_SECONDS if line is not None else TURN_SECONDS / 4)
    if line is not None:
        line.write(CLEARED)
    return True


def status_line(engine: LiveEngine, meters: LiveMeters, title: str, seconds: float) -> str:
    """Time, bitrate or what plays, levels, loudness, delay, computing time and what was late, in one line."""
    state = engine.telemetry.state()
    figures = meters.figures(state)
    levels = [f"{name} {_level(meter)}" for name, meter in (("in", meters.input_level), ("out", meters.output_level))]
    loudness = (
        f"{_decibels(meters.output_loudness.short_term_lufs, SILENT_LUFS)} LUFS"
        if meters.output_loudness is not None
        else ""
    )
    recording = (
        f"● {int(state['recorded_seconds']) // 60}:{int(state['recorded_seconds']) % 60:02d}"
        if state["is_recording"]
        else ""
    )
    parts = [
        f"{int(seconds) // 60}:{int(seconds) % 60:02d}",
        recording,
        title,
        *levels,
        loudness,
        f"delay {figures.latency_ms:.0f} ms",
        f"{figures.p50_ms:.1f}/{figures.p99_ms:.1f} of {figures.block_ms:.1f} ms",
        f"CPU {100 * figures.processor:.0f} %",
        f"{figures.n_late} late",
        f"{figures.n_device_misses} lost by the driver" if figures.n_device_misses else "",
    ]
    return "  ".join(part for part in parts if part)


def _level(meter: LevelMeter | None) -> str:
    return f"{_decibels(float(meter.hold_db.max()), QUIETEST_DB) if meter is not None else '    –'} dB"


def _decibels(value: float, silent: float) -> str:
    return f"{value:5.1f}".replace("-", "−") if value > silent else "   −∞"
