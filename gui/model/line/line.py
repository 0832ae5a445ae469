"""The line as the app's panel shows it: what is wanted of it, who is there, and how it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.gui.model.files.document import clock
from lamina.gui.model.line.choices import (
    AUTOMATIC,
    BOTH,
    LIVE_INPUT,
    LIVE_OUTPUT,
    LIVE_STEREO,
    LOOPBACK,
    NOTHING,
    OPEN_FILE,
    RECORDING,
    own_addresses,
)
from lamina.gui.model.line.received import Received
from lamina.gui.model.session import Session
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.work import Work
from lamina.plugin import NeuralCodec
from lamina.plugin.host.device.device_settings import NONE, DeviceSettings
from lamina.plugin.host.device.devices import is_hardware
from lamina.plugin.host.recording.next_take import next_take
from lamina.plugin.line.joining.apart.client import LineProcess
from lamina.plugin.line.joining.apart.order import LineOrder
from lamina.plugin.line.joining.apart.view import ChannelLevel, LineView
from lamina.plugin.line.joining.invitation import parse_address, parse_invitation
from lamina.plugin.line.joining.settings import LIVE, LineSettings
from lamina.plugin.parameters.table import Value

RECORDING_NAME = "Lamina line.wav"
OWN_PARAMETERS = ("layers", "denoise")
LONGEST_NAME_BYTES = 120
NOBODY = "Nobody is on the line."
NO_INPUT = "There is no input to send. Connect one and choose it under Sound devices (Ctrl+,), or send something else."


class Line:
    """What the panel shows and sets. One line at a time; `tick` takes in how it stands, some 30 times a second.

    `changed` is notified when something else than a figure has changed.

    Args:
        session: whose devices, model and open file the line uses.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.changed: Observable[[]] = Observable()
        self.parameters = ParameterValues()
        """Of what is sent; only OWN_PARAMETERS can be set here."""
        self.received = Received()
        self.name = ""
        self.source, self.sink = LIVE_INPUT, LIVE_OUTPUT
        self.listen, self.port = LOOPBACK, 0
        self.is_muted = False
        """Whether silence is sent in the place of what is chosen."""
        self.buffer: str | int = AUTOMATIC
        """Milliseconds, or AUTOMATIC."""
        self.frames_per_packet = 1
        self.addresses: tuple[str, ...] = ()
        """Of this machine, beside loopback, as far as they are known."""
        self.missing = ""
        """The sentence that says what has to be installed; empty if nothing has."""
        self._refusal = ""
        self._work = Work("line-addresses")
        self._codec: NeuralCodec | None = None
        self._held: LineProcess | None = None
        self._view: LineView | None = None
        self._is_prepared = False
        self.parameters.changed.subscribe(self._send_with)
        self._take_board()

    # How it stands.

    @property
    def view(self) -> LineView | None:
        """How the line stands, or how the last one ended; None before the first."""
        return self._view

    @property
    def is_held(self) -> bool:
        """Whether there is a line, be it one that waits, or one that is about to end."""
        return self._held is not None

    @property
    def is_joined(self) -> bool:
        """Whether both ends are there."""
        return self._view is not None and self._view.status is not None and self.is_held

    @property
    def invitation(self) -> str:
        """The line of text to pass on while the other end is waited for."""
        return self._view.invitation if self._view is not None and self._view.stage == "waiting" else ""

    @property
    def there(self) -> str:
        """The other end's name, or what to call it."""
        status = self._view.status if self._view is not None else None
        return (status.there if status is not None else "") or "the other end"

    @property
    def is_trouble(self) -> bool:
        """Whether `sentence` tells of something that went wrong."""
        view = self._view
        if self._refusal or (self.missing and not self.is_held):
            return True
        return view is not None and (view.is_failure or view.stage == "interrupted")

    @property
    def sentence(self) -> str:
        """How the line stands, in words."""
        if self._refusal:
            return self._refusal
        view = self._view
        if view is None or (self.missing and not self.is_held):
            return self.missing or NOBODY
        if view.stage == "ended":
            return view.ending
        return {
            "preparing": "The line is being prepared.",
            "waiting": "Waiting for the other end to join with this invitation.",
            "joining": "Joining: looking for the end that made the invitation.",
            "joined": "Joined; waiting for the other end's hello.",
            "talking": f"Connected with {self.there}{', and you are muted' if self.is_muted else ''}.",
            "interrupted": f"Nothing is heard from {self.there}; waiting.",
            "leaving": "The line is being ended.",
        }[view.stage]

    @property
    def short(self) -> str:
        """How the line stands in a word or two; empty while there is none."""
        if not self.is_held:
            return ""
        return self.there if self.is_joined else "waiting"

    @property
    def remark(self) -> str:
        """What there is to say beside the sentence: both names and the time, a stranger, a complete recording."""
        view = self._view
        if view is None:
            return ""
        if view.stage == "waiting":
            return f"Somebody was sent away: {view.refusal}" if view.refusal else ""
        if view.stage == "ended":
            return f"Recorded {view.recording}." if view.recording is not None else ""
        if view.status is None or view.trouble:
            return view.trouble
        names = " \N{LEFT RIGHT ARROW} ".join((view.status.here or "you", self.there))
        return f"{names}   {clock(view.status.seconds)}"

    @property
    def level(self) -> tuple[ChannelLevel, ...]:
        """Of each channel of what is sent now; empty where nothing is."""
        return self._view.level if self._view is not None and self.is_held else ()

    @property
    def source_words(self) -> str:
        """What exactly is sent."""
        if self.source in (LIVE_INPUT, LIVE_STEREO):
            return self._session.devices.name_of_input()
        return "from its beginning to its end" if self.source == OPEN_FILE else ""

    @property
    def sink_words(self) -> str:
        """Where exactly it is heard: the device, or the folder of recordings."""
        if self.sink == RECORDING:
            return f"In {self._session.recording.folder}"
        if self.sink == BOTH:
            return f"{self._session.devices.name_of_output()}, and in {self._session.recording.folder}"
        return self._session.devices.name_of_output() if self.sink == LIVE_OUTPUT else ""

    # What there is to choose from.

    def sources(self) -> list[Choice]:
        """What can be sent."""
        document = self._session.document
        choices = [Choice(LIVE_INPUT, "Live input")]
        if len(self._session.devices.settings.input_channels) > 1:
            choices.append(Choice(LIVE_STEREO, "Live input, both channels"))
        if document is not None or self.source == OPEN_FILE:
            title = document.title if document is not None else "none is open"
            choices.append(Choice(OPEN_FILE, f"File: {title}"))
        return [*choices, Choice(NOTHING, "Nothing")]

    @property
    def silence(self) -> str:
        """Why nothing arrives that could be seen, in a few words."""
        return "You chose to hear nothing" if self.sink == NOTHING else "Nothing has arrived yet"

    @property
    def can_denoise(self) -> bool:
        """Whether the model was trained with denoising."""
        return self._codec is not None and bool(self._codec.bundle.conditioned)

    @property
    def is_ready(self) -> bool:
        """Whether a line can be begun: the model is known, what it needs is installed, and there is no line yet."""
        return self._codec is not None and not self.missing and not self.is_held

    # What the user does.

    def prepare(self) -> None:
        """Find out what addresses there are and whether anything has to be installed."""
        self._take_board()
        if not self._is_prepared:
            self._is_prepared = True
            self._work.run(own_addresses, self._know_addresses, self._know_missing)

    def invite(self) -> None:
        """Offer a line; the invitation is there as soon as somebody can join."""
        self._begin("")

    def join(self, text: str, address: str = "") -> None:
        """Join the line that this invitation, as it was passed on, belongs to.

        `address` says where to go instead of where it says, for example to a router: a host, with a port if it is
        another.
        """
        if not text.strip():
            self._refuse("There is no invitation yet: paste the line of text that the other end sent you.")
            return
        self._begin(text, address.strip())

    def leave(self) -> None:
        """End the line, or the waiting for one."""
        if self._held is not None:
            self._held.leave()

    def mute(self, is_muted: bool) -> None:
        """Send silence in the place of what is chosen, or that again; also before there is a line."""
        self.is_muted = is_muted
        if self._held is not None:
            self._held.mute(is_muted)
        self.changed.notify()

    def use_buffer(self, buffer: str | int) -> None:
        """Choose how long packets are waited for; a line goes on with it."""
        self.buffer = buffer
        if self._held is not None:
            self._held.use_buffer(self._buffer_ms)
        self.changed.notify()

    def use_frames_per_packet(self, frames: int) -> None:
        """Choose how many frames a packet has; a line goes on with it."""
        self.frames_per_packet = frames
        if self._held is not None:
            self._held.use_frames_per_packet(frames)
        self.changed.notify()

    def tick(self) -> None:
        """Take in how the line stands and what arrived."""
        self._work.deliver()
        held = self._held
        if held is None:
            return
        self.received.take(held.heard())
        is_over = held.is_over
        before, view = self._view, held.view
        self._view = view
        if is_over:
            held.close()
            self._held = None
        seen = (view.stage, view.invitation, view.refusal)
        if is_over or before is None or (before.stage, before.invitation, before.refusal) != seen:
            self.changed.notify()

    def follow_board(self) -> None:
        """The session's board has another model now, or its first."""
        if not self.is_held:
            self._take_board()
            self.changed.notify()

    def follow_devices(self) -> None:
        """Other sound devices are chosen now: a line that uses any goes on with them."""
        if self._held is not None and (self.source in (LIVE_INPUT, LIVE_STEREO) or self.sink in (LIVE_OUTPUT, BOTH)):
            self._held.use_devices(self._devices())

    def close(self) -> None:
        """End the line and every thread of it; returns when they have ended."""
        if self._held is not None:
            self._held.close()
            self._view, self._held = self._held.view, None
        self._work.close()

    # Helpers.

    def _begin(self, text: str, address: str = "") -> None:
        if self.is_held:
            return
        self._refusal = ""
        try:
            order = replace(self._order(), invitation=text, address=address)
            if text:
                found = parse_invitation(text)
                if address:
                    parse_address(address, found.addresses[0].port)
            elif not 0 <= self.port <= 65535:
                raise ValueError(f"The port is {self.port}; give one from 1 to 65535, or leave it empty.")
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        assert self._codec is not None
        self.received.use_codec(self._codec)
        self._held = LineProcess(order)
        self._view = self._held.view
        self.changed.notify()

    def _refuse(self, sentence: str) -> None:
        self._refusal = sentence
        self.changed.notify()

    def _order(self) -> LineOrder:
        """The line as it is chosen now; raises ValueError or OSError with a sentence."""
        if self._codec is None:
            raise ValueError("The model is still being loaded; try again in a moment.")
        if len(self.name.encode()) > LONGEST_NAME_BYTES:
            raise ValueError(f"The name is too long; it may have {LONGEST_NAME_BYTES} bytes.")
        if self.source == self.sink == NOTHING:
            raise ValueError("A line that neither sends nor hears carries nothing; choose at least one of both.")
        session = self._session
        devices = self._devices()
        source: Any = None
        if self.source == OPEN_FILE:
            if session.document is None:
                raise ValueError("There is no file open that could be sent; open one, or send the live input.")
            source = session.document.path
        elif self.source != NOTHING:
            if devices.input == NONE or (is_hardware(devices.input) and session.devices.lacks_input):
                raise ValueError(NO_INPUT)
            source = LIVE
        recording = self._new_recording() if self.sink in (RECORDING, BOTH) else None
        return LineOrder(
            model=self._codec.model,
            sent={name: self.parameters[name] for name in OWN_PARAMETERS},
            source=source,
            sink=LIVE if self.sink in (LIVE_OUTPUT, BOTH) else recording,
            settings=LineSettings(
                name=self.name.strip(),
                frames_per_packet=self.frames_per_packet,
                buffer_ms=self._buffer_ms,
                recording=recording if self.sink == BOTH else None,
                is_muted=self.is_muted,
                devices=devices,
            ),
            listen=self.listen,
            port=self.port,
        )

    @property
    def _buffer_ms(self) -> float | None:
        return None if self.buffer == AUTOMATIC else float(self.buffer)

    def _send_with(self, name: str, value: Value) -> None:
        if self._held is not None and name in OWN_PARAMETERS:
            self._held.send_with({name: value})

    def _devices(self) -> DeviceSettings:
        """Those that are chosen, with as many channels as are sent."""
        devices = self._session.devices.settings
        return devices.changed(input_channels=devices.input_channels[:1]) if self.source == LIVE_INPUT else devices

    def _new_recording(self) -> Path:
        folder = self._session.recording.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"Nothing can be recorded, because the folder {folder} can't be made ({error.strerror or error})."
            ) from error
        return next_take(folder / RECORDING_NAME)

    def _take_board(self) -> None:
        """Send with the board's model; begin with its layers and denoising."""
        board = self._session.codec
        if board is None or self.is_held or (self._codec is not None and self._codec.model == board.model):
            return
        is_first = self._codec is None
        self._codec = NeuralCodec(model=board.model)
        if is_first:
            for name in OWN_PARAMETERS:
                self.parameters.set(name, min(self._session.parameters[name], self.parameters.parameters[name].maximum))
        self.parameters.attach(self._codec)

    def _know_addresses(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
        self.changed.notify()

    def _know_missing(self, error: Exception) -> None:
        self.missing = f"{error}."
        self.changed.notify()
