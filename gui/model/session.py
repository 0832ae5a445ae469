"""Everything the window shows, in one place: the open document, the boards, the engine and what was heard."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.dsp.levels import LevelMeter
from lamina.gui.model.edits.history import History
from lamina.gui.model.files.document import Document, clock
from lamina.gui.model.files.export import ExportJob, ExportState
from lamina.gui.model.sound.devices import DeviceChooser, OpenedDevices
from lamina.gui.model.sound.listening import Listening, figures_text
from lamina.gui.model.sound.player import Player, PlayState
from lamina.gui.model.sound.recording import Recording
from lamina.gui.model.sound.sound_check import SoundCheck
from lamina.gui.model.values.answers import Answers
from lamina.gui.model.values.boards import BoardPair
from lamina.gui.model.values.heard import HEARD_NAMES, heard_word
from lamina.gui.model.values.moving import Moving
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.values.sent import SentRate
from lamina.gui.model.values.words import layers_text
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import Preset
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.session_file import remember_devices
from lamina.plugin.host.device.device_settings import DeviceSettings

SHORTEST_LOOP_SECONDS = 0.05
GONE_REMARK = (
    "The audio engine can't be kept running: nothing can be heard. Export still works; start Lamina again for sound."
)
NO_INPUT = "Live needs an input, and there is none. Connect one and choose it under Sound devices (Ctrl+,)."


@dataclass(frozen=True)
class Notice:
    """Something to tell the user.

    A sentence, whether it is a refusal, what stands in its tooltip, and what can be done about it: a button's word and
    what it does. Or the file that it is about, which can be shown in its folder.
    """

    text: str
    is_error: bool = False
    tip: str = ""
    action: tuple[str, Callable[[], object]] | None = None
    file: Path | None = None


class Session:
    """The app without its window.

    `changed` names what changed, in the app's thread: "document", "codec", "board", "loop", "preset", "export",
    "meters", "live", "recording", "check", "output", "engine".
    `noticed` passes a `Notice`. `tick` takes in what the engine says and what was heard; call it some 30 times a
    second.

    Args:
        engine: to play through; it is closed with the session.
        music_folder: where recordings go.
    """

    def __init__(self, engine: LiveEngine, music_folder: Path) -> None:
        self.changed: Observable[[str]] = Observable()
        self.noticed: Observable[[Notice]] = Observable()
        self.engine = engine
        answers = self._answers = Answers(lambda sentence: self.noticed.notify(Notice(sentence, is_error=True)))
        self.player = Player(self.engine, answers)
        self.boards = BoardPair(self.engine, answers)
        self.parameters = self.boards.parameters
        self.listening = Listening()
        self.moving, self.sent = Moving(), SentRate()
        self.devices = DeviceChooser(self.engine.devices, self._use_devices)
        self.check = SoundCheck(self.engine, answers, lambda: self.changed.notify("check"))
        self.recording = Recording(
            self.engine, answers, music_folder, self._tell, lambda: self.changed.notify("recording")
        )
        self.opened: OpenedDevices | None = None
        self.is_live = False
        self.is_gone = False
        self.document: Document | None = None
        self.is_looping = False
        self.loop_seconds: tuple[float, float] | None = None
        self.export: ExportJob | None = None
        self._export_told = True
        self.boards.changed.subscribe(self._board_changed)
        self.parameters.changed.subscribe(self._mark_value)
        self.devices.changed.subscribe(lambda: self.changed.notify("output"))
        self.history = History(self)

    # Documents and codec.

    def show(self, document: Document) -> None:
        """Makes `document` the open one, stopped at its beginning."""
        self.document = document
        self.loop_seconds = None
        self.player.load(document.path)
        self._pass_loop()
        self.listening.clear()
        self.changed.notify("document")

    def use_codec(self, codec: NeuralCodec) -> None:
        """The chosen board plays through `codec`, with the settings as they stand."""
        self.boards.use_codec(codec)

    @property
    def codec(self) -> NeuralCodec | None:
        """The chosen board's, for its model and to check values."""
        return self.boards.state.codec

    @property
    def can_denoise(self) -> bool:
        """Whether the chosen board's model was trained with denoising."""
        return self.codec is not None and bool(self.codec.bundle.conditioned)

    def silence_reason(self) -> str:
        """Why the settings let nothing be heard, in a few words, or "" if they do."""
        values = self.parameters
        moving = {motion.target for motion in values["motions"]} | {curve.target for curve in values["automation"]}
        if values["bypass"] or moving:
            return ""
        if values["listen"] == "layer" and values["listen_layer"] > values["layers"]:
            return f"silent: layer {values['listen_layer']} isn't sent"
        is_silent = values["listen"] == "wet" and values["noise_only"] and values["denoise"] == 0 and values["mix"] == 1
        return "silent: noise only, and Denoise is at 0" if is_silent else ""

    def apply_preset(self, preset: Preset) -> None:
        """Sets the chosen board to a preset."""
        sentence = self.boards.apply_preset(preset)
        if sentence:
            self.noticed.notify(Notice(sentence, is_error=True))

    # Transport.

    @property
    def can_play(self) -> bool:
        """Whether there is something to play and something to play it through."""
        return self.can_export and not self.is_gone

    @property
    def is_playing(self) -> bool:
        """Whether the file plays."""
        return self.player.state is PlayState.PLAYING

    def seek(self, seconds: float) -> None:
        """Goes to a time in the document, clamped into it."""
        if self.document is not None and math.isfinite(seconds):
            place = min(max(0.0, seconds), self.document.seconds)
            self.player.seek(place)
            self._mark("seek", clock(place))

    def set_looping(self, is_looping: bool) -> None:
        """Repeats the loop region, or the whole document where there is none."""
        self.is_looping = is_looping
        self._pass_loop()

    def set_loop_region(self, first: float, second: float) -> None:
        """Marks a region between two times, in either order, and loops it; too short a one removes the mark."""
        if self.document is None:
            return
        start, stop = sorted(min(max(0.0, t), self.document.seconds) for t in (first, second))
        if stop - start < SHORTEST_LOOP_SECONDS:
            self.clear_loop_region()
            return
        self.loop_seconds = (start, stop)
        self.is_looping = True
        self._pass_loop()

    def set_loop(self, region: tuple[float, float] | None, is_looping: bool) -> None:
        """Has a loop as it once was: its region, None for the whole document, and whether it is on."""
        self.loop_seconds, self.is_looping = region, is_looping
        self._pass_loop()

    def enter_loop(self) -> None:
        """Goes to the marked region when playing elsewhere: whoever marks one wants to hear it."""
        if self.is_playing and self.loop_seconds is not None:
            start, stop = self.loop_seconds
            if not start <= self.player.position_seconds < stop:
                self.player.seek(start)

    def clear_loop_region(self) -> None:
        """Removes the mark; a running loop then repeats the whole document."""
        self.loop_seconds = None
        self._pass_loop()

    def _pass_loop(self) -> None:
        if self.document is not None:
            whole = (0.0, self.document.seconds)
            self.player.set_loop((self.loop_seconds or whole) if self.is_looping else None)
        self.changed.notify("loop")

    # Live and devices.

    def set_live(self, is_live: bool) -> None:
        """Lets the input through the board, or no longer."""
        if self.is_gone:
            self.noticed.notify(Notice(GONE_REMARK, is_error=True))
            is_live = False
        elif is_live != self.is_live:
            self._answers.expect(self.engine.set_live(is_live), self._live_came)
        self.is_live = is_live
        self.changed.notify("live")

    @property
    def hears_input(self) -> bool:
        """Whether an input is open now."""
        return self.is_live and bool(self.engine.telemetry.state()["is_live"])

    @property
    def sample_rate(self) -> int:
        """Rate in Hz at which sound runs; 0 before it first does."""
        return int(self.engine.telemetry.state()["sample_rate"])

    def _live_came(self, _result: object) -> None:
        if self.is_live and not self.engine.telemetry.state()["is_live"]:
            self.set_live(False)
            self.noticed.notify(Notice(NO_INPUT, is_error=True))

    def _use_devices(self, settings: DeviceSettings) -> None:
        self._answers.expect(self.engine.set_devices(settings))
        try:
            remember_devices(settings)
        except OSError as error:
            self._tell(f"The sound devices can't be remembered for next time: {error.strerror or error}.", True)

    # Export.

    @property
    def can_export(self) -> bool:
        """Whether there is something to render and something to render it with."""
        return self.document is not None and self.codec is not None

    def start_export(self, target: Path, two_pass: bool = False) -> bool:
        """Begins to render the document to `target` (a sound or `.lamina` file) with the settings as they stand.

        In two passes the layers of the whole file are planned first.

        Returns False, with a notice, if that can't be.
        """
        if self.document is None or self.codec is None:
            self.noticed.notify(Notice("There is nothing to export yet; open a sound file first.", is_error=True))
            return False
        if self.is_exporting:
            self.noticed.notify(Notice("An export is already running; wait for it or cancel it first.", is_error=True))
            return False
        values, model = self.parameters.values(), self.codec.model

        def make_effect() -> NeuralCodec:
            effect = NeuralCodec(model=model)
            effect.set_parameters(values)
            return effect

        try:
            self.export = ExportJob(make_effect, self.document.path, target, self.document.opened, two_pass)
        except ValueError as error:
            self.noticed.notify(Notice(str(error), is_error=True))
            return False
        self._export_told = False
        self.export.start()
        self.changed.notify("export")
        return True

    def cancel_export(self) -> None:
        """Asks a running export to end."""
        if self.export is not None:
            self.export.cancel()

    @property
    def is_exporting(self) -> bool:
        """Whether an export is running."""
        return self.export is not None and self.export.state is ExportState.RUNNING

    # Motion.

    @property
    def input_meter(self) -> LevelMeter | None:
        """Levels before the board; None before the first sound."""
        return self.listening.meters.input_level

    @property
    def output_meter(self) -> LevelMeter | None:
        """Levels after the board; None before the first sound."""
        return self.listening.meters.output_level

    @property
    def captured_meter(self) -> LevelMeter | None:
        """Levels of what the device alone captures, without file and test tone; None before the first sound."""
        return self.listening.meters.captured_level

    @property
    def input_gain_db(self) -> float:
        """What the input is changed by before it reaches the codec now, in dB; 0 while the codec is bypassed."""
        now = {**self.parameters.values(), **self.moving.values}
        return 0.0 if now["bypass"] else float(now["input_gain_db"])

    @property
    def is_sounding(self) -> bool:
        """Whether a source runs: the file, the input or the test tone."""
        return self.is_playing or self.is_live or self.check.is_tone_on

    def begin_whole(self) -> None:
        """Loudness and true peak of the whole begin anew, as at a start."""
        self.listening.begin_whole()

    def figures(self) -> tuple[str, str]:
        """The status line's figures about the engine and what they mean."""
        return figures_text(self.listening.meters.figures(self.engine.telemetry.state()))

    def tick(self, seconds: float) -> None:
        """Takes in events, answers, and what was heard in the last `seconds`."""
        for event in self.engine.take_events():
            self._take_event(event)
        self._answers.deliver()
        is_running = self.is_sounding
        telemetry = self.engine.telemetry
        heard = telemetry.take()
        if self.listening.take(heard, is_running, seconds, self.input_gain_db):
            self.changed.notify("meters")
        self.moving.take(heard, self.codec, seconds)
        self.sent.take(heard.frames, self.parameters, seconds)
        self.recording.look()
        if self.export is not None and not self._export_told and self.export.state is not ExportState.RUNNING:
            self._export_told = True
            self.changed.notify("export")
            is_done = self.export.state is ExportState.DONE
            file = self.export.target if is_done else None
            self.noticed.notify(Notice(self.export.message, self.export.state is ExportState.FAILED, file=file))

    def _take_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "message":
            self._tell(event["text"], event.get("is_error", False))
        elif event["event"] == "opened":
            self.opened = OpenedDevices(event["output"], event["input"], event["sample_rate"], event["block"])
            self.changed.notify("output")
        elif event["event"] == "restarted":
            self.player.begin_again()
            self.recording.begin_again()
        elif event["event"] == "recording":
            self.recording.goes_on()
        elif event["event"] == "recording_ended":
            self.recording.has_ended()
        elif event["event"] == "ready":
            self.player.ready()
        elif event["event"] == "gone":
            self.is_gone, self.is_live, self.opened = True, False, None
            self.player.let_go()
            self.check.let_go()
            self.recording.let_go()
            for what in ("live", "engine"):
                self.changed.notify(what)

    def _mark(self, kind: str, text: str) -> None:
        """Marks in the rolling views what happened, where anything is heard."""
        if self.is_sounding:
            self.listening.mark(kind, text)

    def _mark_value(self, name: str, value: object) -> None:
        if name == "layers":
            self._mark(name, layers_text(int(self.parameters[name])))
        elif name in HEARD_NAMES:
            self._mark("heard", heard_word(self.parameters, {}) or "wet")

    def _board_changed(self, what: str) -> None:
        if what == "board":
            self._mark(what, self.boards.chosen)
        if what == "codec" and self.codec is not None:
            self.listening.use_codec(self.codec)
        self.changed.notify(what)

    def _tell(self, text: str, is_error: bool = False, tip: str = "", file: Path | None = None) -> None:
        self.noticed.notify(Notice(text, is_error, tip, file=file))

    def close(self) -> None:
        """Ends the engine and every thread the session started; a recording is completed."""
        if self.export is not None:
            self.export.cancel()
            self.export.join()
        self.engine.close()
