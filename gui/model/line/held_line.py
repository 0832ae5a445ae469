"""One line from its beginning to its end, held in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lamina.gui.model.line.received import Received, Sent
from lamina.plugin import NeuralCodec
from lamina.plugin.host.engine.realtime import SWITCH_SECONDS

if TYPE_CHECKING:
    from lamina.plugin.host.device.device_settings import DeviceSettings
    from lamina.plugin.line.joining.invitation import Invitation
    from lamina.plugin.line.joining.opening import Offered
    from lamina.plugin.line.joining.peer import Peer
    from lamina.plugin.line.joining.settings import LineSettings
    from lamina.plugin.line.joining.status import PeerStatus

LOOK_SECONDS = 0.05
"""So often the thread looks at the line, and whether it is to be left."""

Stage = Literal["preparing", "waiting", "joining", "joined", "talking", "interrupted", "leaving", "ended"]


@dataclass(frozen=True)
class LineEnds:
    """What goes into a line here, and where what comes out of it goes.

    Args:
        source: a sound file, `LIVE`, or None for nothing.
        recording: a new file for what is heard; None if `sink` says where it goes.
        sink: `LIVE` or None.
        codec: with the settings of what is sent.
        hearing: with the settings of what is heard.
        settings: all else.
    """

    source: Any
    recording: Path | None
    sink: Any
    codec: NeuralCodec
    hearing: NeuralCodec
    settings: LineSettings


@dataclass(frozen=True)
class LineView:
    """How a line stands, as the thread saw it last.

    Args:
        stage: from its preparation to its end.
        invitation: the line of text to pass on; empty while there is none.
        refusal: why the last stranger was sent away who asked to join; empty if none was.
        status: the peer's figures; None before one is there.
        ending: why it ended, as a sentence.
        is_failure: whether it broke off, or never came about.
        recording: the complete recording of what was heard; None if there is none.
        trouble: why the line goes on with other devices than those that are chosen; empty if it doesn't.
    """

    stage: Stage
    invitation: str = ""
    refusal: str = ""
    status: PeerStatus | None = None
    ending: str = ""
    is_failure: bool = False
    recording: Path | None = None
    trouble: str = ""


class HeldLine:
    """A line that is offered or joined, in a thread that ends with it.

    Args:
        ends: what goes in and out.
        invitation: of the line that is joined; None to offer one.
        listen, port: where it is offered.
        sent, received: what is told of all that goes through it.
    """

    def __init__(
        self,
        ends: LineEnds,
        invitation: Invitation | None,
        listen: str,
        port: int,
        sent: Sent,
        received: Received,
    ) -> None:
        self.view = LineView("preparing" if invitation is None else "joining")
        """Replaced as a whole, so that any thread may read it."""
        self._ends, self._invitation, self._listen, self._port = ends, invitation, listen, port
        self._sent, self._received = sent, received
        self._is_leaving = threading.Event()
        self._devices = ends.settings.devices
        self._thread = threading.Thread(target=self._run, name="lamina-line-panel", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, with everything that it opened."""
        return self.view.stage == "ended"

    def leave(self) -> None:
        """End it as soon as can be; returns at once."""
        self._is_leaving.set()

    def use_devices(self, devices: DeviceSettings) -> None:
        """Go on with other devices as soon as can be; what can't be opened is told in `view`."""
        self._devices = devices

    def close(self) -> None:
        """End it; returns when its thread has ended."""
        self.leave()
        self._thread.join()

    # In the thread.

    def _run(self) -> None:
        interval = sys.getswitchinterval()
        # The sound's thread waits for the window's so often and so long that usual turns of 5 ms would be heard.
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            asyncio.run(self._hold())
        except Exception as error:  # whatever it is, it ends this line alone, and is told where one looks
            self._end(_sentence(error), is_failure=True)
        finally:
            sys.setswitchinterval(interval)

    async def _hold(self) -> None:
        from lamina.plugin.line.joining.ends import FileSink
        from lamina.plugin.line.joining.transport import load_network

        load_network()
        ends = self._ends
        file = FileSink(ends.recording) if ends.recording is not None else None
        arguments: dict[str, Any] = {
            "source": ends.source,
            "sink": file or ends.sink,
            "codec": ends.codec,
            "hearing": ends.hearing,
            "settings": ends.settings,
        }
        async with contextlib.AsyncExitStack() as stack:
            peer = await self._met(stack, arguments)
            if peer is None:
                self._end("The line was ended before anybody joined.")
                return
            ending = await self._follow(peer)
        recording = file.path if file is not None and file.path.exists() else None
        trouble = file.trouble if file is not None else ""
        reason = ending.reason
        if not ending.is_failure and not self._is_leaving.is_set() and not isinstance(ends.source, Path):
            # Nothing of one's own comes to an end by itself, so it was the other end that wanted no more.
            reason = f"{peer.there or 'The other end'} has ended the line."
        self._end(f"{reason} {trouble}".strip(), ending.is_failure or bool(trouble), recording)

    async def _met(self, stack: contextlib.AsyncExitStack, arguments: dict[str, Any]) -> Peer | None:
        """The other end; None if the line was left before."""
        from lamina.plugin.line.joining.opening import join, offer

        if self._invitation is not None:
            return await self._or_left(stack.enter_async_context(join(self._invitation, **arguments)))
        offering = offer(**arguments, listen=self._listen, port=self._port)
        offered: Offered | None = await self._or_left(stack.enter_async_context(offering))
        if offered is None:
            return None
        self._tell(stage="waiting", invitation=str(offered.invitation))
        return await self._or_left(offered.peer(), offered)

    async def _or_left(self, coming: Any, offered: Offered | None = None) -> Any:
        """What comes; None if the line is left before."""
        task = asyncio.ensure_future(coming)
        while not task.done() and not self._is_leaving.is_set():
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if offered is not None and offered.n_refused:
                self._tell(refusal=offered.last_refusal)
        if task.done():
            return task.result()
        self._tell(stage="leaving")
        task.cancel()
        await asyncio.wait({task})
        return None

    async def _follow(self, peer: Peer) -> Any:
        over = asyncio.ensure_future(peer.wait_ended())
        devices = peer.settings.devices
        if peer.sender is not None:
            self._sent.listen_to(peer.sender)
        while not over.done() and not self._is_leaving.is_set():
            if peer.receiver is not None:
                self._received.listen_to(peer.receiver)
            if devices != self._devices:
                devices = self._devices
                await self._change_devices(peer, devices)
            status = peer.status()
            if status.state != "ended":
                self._tell(stage=status.state, status=status)
            await asyncio.wait({over}, timeout=LOOK_SECONDS)
        self._tell(stage="leaving")
        await peer.close()
        return await over

    async def _change_devices(self, peer: Peer, devices: DeviceSettings) -> None:
        try:
            await peer.change_devices(devices)
        except (ValueError, OSError) as error:
            self._tell(trouble=_sentence(error))
        else:
            self._tell(trouble="")

    def _tell(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)

    def _end(self, reason: str, is_failure: bool = False, recording: Path | None = None) -> None:
        self._tell(stage="ended", ending=reason, is_failure=is_failure, recording=recording)


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if text.endswith((".", "]'", "]")) else f"{text}."
