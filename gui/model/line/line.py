"""The line as the app's panel shows it: what is wanted of it, who is there, and how it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.gui.model.files.document import clock
from lamina.gui.model.line.held_line import HeldLine, LineEnds, LineView
from lamina.gui.model.line.received import Received, Sent
from lamina.gui.model.session import Session
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.work import Work
from lamina.plugin import NeuralCodec
from lamina.plugin.host.device.device_settings import NONE, DeviceSettings
from lamina.plugin.host.recording.next_take import next_take

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
LIVE_INPUT, LIVE_STEREO, LIVE_OUTPUT, OPEN_FILE, RECORDING, NOTHING = (
    "input",
    "stereo",
    "output",
    "file",
    "recording",
    "nothing",
)
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
        self.sent, self.received = Sent(), Received()
        self.name = ""
        self.source, self.sink = LIVE_INPUT, LIVE_OUTPUT
        self.listen, self.port = LOOPBACK, 0
        self.addresses: tuple[str, ...] = ()
        """Of this machine, beside loopback, as far as they are known."""
        self.missing = ""
        """The sentence that says what has to be installed; empty if nothing has."""
        self._refusal = ""
        self._work = Work("line-addresses")
        self._codec: NeuralCodec | None = None
        self._held: HeldLine | None = None
        self._view: LineView | None = None
        self._is_prepared = False
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
            "talking": f"Connected with {self.there}.",
            "interrupted": f"Nothing comes from {self.there}; waiting.",
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
            choices.append(Choice(OPEN_FILE, f"The open file: {title}"))
        return [*choices, Choice(NOTHING, "Nothing")]

    def sinks(self) -> list[Choice]:
        """Where what arrives can go."""
        return [
            Choice(LIVE_OUTPUT, "Live output"),
            Choice(RECORDING, "A new recording"),
            Choice(NOTHING, "Nowhere"),
        ]

    def listen_choices(self) -> list[Choice]:
        """Where the line can be offered."""
        return [
            Choice(LOOPBACK, "This machine alone"),
            *(Choice(address, address, "Let others in at") for address in self.addresses),
            Choice(EVERYWHERE, "All addresses of this machine", "Let others in at"),
        ]

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
            self._work.run(_addresses, self._know_addresses, self._know_missing)

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

    def tick(self) -> None:
        """Take in how the line stands and what arrived."""
        self._work.deliver()
        self.received.take()
        held = self._held
        if held is None:
            return
        before, view = self._view, held.view
        self._view = view
        if held.is_over:
            held.close()
            self._held = None
            self.sent.clear()
        if before is None or (before.stage, before.invitation, before.refusal) != (
            view.stage,
            view.invitation,
            view.refusal,
        ):
            self.changed.notify()

    def follow_board(self) -> None:
        """The session's board has another model now, or its first."""
        if not self.is_held:
            self._take_board()
            self.changed.notify()

    def follow_devices(self) -> None:
        """Other sound devices are chosen now: a line that uses any goes on with them."""
        if self._held is not None and (self.source in (LIVE_INPUT, LIVE_STEREO) or self.sink == LIVE_OUTPUT):
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
            ends = self._ends()
            found: Any = None
            if text:
                from lamina.plugin.line.joining.invitation import parse_address, parse_invitation

                found = parse_invitation(text)
                if address:
                    found = found.at(parse_address(address, found.addresses[0].port))
            elif not 0 <= self.port <= 65535:
                raise ValueError(f"The port is {self.port}; give one from 1 to 65535, or leave it empty.")
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        self.received.use_codec(ends.hearing)
        self._held = HeldLine(ends, found, self.listen, self.port, self.sent, self.received)
        self._view = self._held.view
        self.changed.notify()

    def _refuse(self, sentence: str) -> None:
        self._refusal = sentence
        self.changed.notify()

    def _ends(self) -> LineEnds:
        """What goes in and out, as it is chosen now; raises ValueError or OSError with a sentence."""
        from lamina.plugin.line.joining.settings import LIVE, LineSettings

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
            if devices.input == NONE:
                raise ValueError(NO_INPUT)
            source = LIVE
        recording: Path | None = None
        if self.sink == RECORDING:
            recording = self._new_recording()
        return LineEnds(
            source,
            recording,
            LIVE if self.sink == LIVE_OUTPUT else None,
            self._codec,
            NeuralCodec(model=self._codec.model),
            LineSettings(name=self.name.strip(), devices=devices),
        )

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


def _addresses() -> tuple[str, ...]:
    """This machine's, without loopback; raises ImportError, which says what to install."""
    from lamina.plugin.line.joining.transport import load_network

    load_network()
    from aioice.ice import get_host_addresses

    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True))
