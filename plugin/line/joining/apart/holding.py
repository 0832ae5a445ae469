"""One line from its beginning to its end, held in an event loop; told as it changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings
from lamina.plugin.line.joining.apart.order import LineOrder
from lamina.plugin.line.joining.apart.shown import ShownSound
from lamina.plugin.line.joining.apart.view import LineView
from lamina.plugin.line.joining.ends import FileSink
from lamina.plugin.line.joining.invitation import parse_address, parse_invitation
from lamina.plugin.line.joining.opening import Offered, join, offer
from lamina.plugin.line.joining.transport import load_network
from lamina.plugin.neural_codec import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.line.joining.peer import Peer
    from lamina.plugin.line.joining.status import Ending

LOOK_SECONDS = 0.05
"""So often the line is looked at, and whether it is to be left."""


class HeldLine:
    """A line that is offered or joined. Everything here belongs to one event loop.

    Args:
        order: what it is to be.
        shown: is given what goes through it.
        tell: called with how it stands, whenever that has changed.
    """

    def __init__(self, order: LineOrder, shown: ShownSound, tell: Callable[[LineView], None]) -> None:
        self.view = LineView("joining" if order.invitation else "preparing")
        self._order, self._shown, self._tell_view = order, shown, tell
        self._is_leaving = False
        self._settings = order.settings
        self._codec: NeuralCodec | None = None
        self._values = dict(order.sent)
        self._peer: Peer | None = None
        self.wishes: dict[str, Callable[[Any], None]] = {
            "sent": self._send_with,
            "devices": self._use_devices,
            "is_muted": self._mute,
            "buffer_ms": self._use_buffer,
            "frames_per_packet": self._use_frames,
        }
        """What can be asked for while it is held, by name; each raises ValueError or TypeError for what can't be."""

    async def hold(self) -> None:
        """From its beginning to its end, which is told."""
        try:
            await self._hold()
        except Exception as error:  # whatever it is, it ends this line alone, and is told where one looks
            self._end(_sentence(error), is_failure=True)

    def leave(self) -> None:
        """End it as soon as can be; returns at once."""
        self._is_leaving = True

    # Wishes.

    def _send_with(self, values: Mapping[str, Any]) -> None:
        if self._codec is not None:
            self._codec.set_parameters(dict(values))
        self._values |= values

    def _use_devices(self, devices: Mapping[str, Any]) -> None:
        # Opened in the turns of the line; what can't be is told in the view.
        self._settings = replace(self._settings, devices=device_settings(devices))

    def _mute(self, is_muted: bool) -> None:
        if self._peer is not None:
            self._peer.mute(is_muted)
        self._settings = replace(self._settings, is_muted=is_muted)

    def _use_buffer(self, buffer_ms: float | None) -> None:
        if self._peer is not None:
            self._peer.use_buffer(buffer_ms)
        self._settings = replace(self._settings, buffer_ms=buffer_ms)

    def _use_frames(self, frames: int) -> None:
        if self._peer is not None:
            self._peer.use_frames_per_packet(frames)
        self._settings = replace(self._settings, frames_per_packet=frames)

    # Its course.

    async def _hold(self) -> None:
        load_network()
        order = self._order
        self._codec = NeuralCodec(model=order.model, **self._values)
        file = FileSink(order.sink) if isinstance(order.sink, Path) else None
        arguments: dict[str, Any] = {
            "source": order.source,
            "sink": file or order.sink,
            "codec": self._codec,
            "hearing": NeuralCodec(model=order.model),
            "settings": order.settings,
        }
        async with contextlib.AsyncExitStack() as stack:
            peer = await self._met(stack, arguments)
            if peer is None:
                self._end("The line was ended before anybody joined.")
                return
            ending = await self._follow(peer)
        file = file or peer.recording
        recording = file.path if file is not None and file.path.exists() else None
        trouble = file.trouble if file is not None else ""
        reason = ending.reason
        if not ending.is_failure and not self._is_leaving and not isinstance(order.source, Path):
            # Nothing of one's own comes to an end by itself, so it was the other end that wanted no more.
            reason = f"{peer.there or 'The other end'} has ended the line."
        self._end(f"{reason} {trouble}".strip(), ending.is_failure or bool(trouble), recording)

    async def _met(self, stack: contextlib.AsyncExitStack, arguments: dict[str, Any]) -> Peer | None:
        """The other end; None if the line was left before."""
        order = self._order
        if order.invitation:
            found = parse_invitation(order.invitation)
            if order.address:
                found = found.at(parse_address(order.address, found.addresses[0].port))
            joined: Peer | None = await self._or_left(stack.enter_async_context(join(found, **arguments)))
            return joined
        offering = offer(**arguments, listen=order.listen, port=order.port)
        offered: Offered | None = await self._or_left(stack.enter_async_context(offering))
        if offered is None:
            return None
        self._tell(stage="waiting", invitation=str(offered.invitation))
        peer: Peer | None = await self._or_left(offered.peer(), offered)
        return peer

    async def _or_left(self, coming: Any, offered: Offered | None = None) -> Any:
        """What comes; None if the line is left before."""
        task = asyncio.ensure_future(coming)
        while not task.done() and not self._is_leaving:
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if offered is not None and offered.n_refused:
                self._tell(refusal=offered.last_refusal)
        if task.done():
            return task.result()
        self._tell(stage="leaving")
        task.cancel()
        await asyncio.wait({task})
        return None

    async def _follow(self, peer: Peer) -> Ending:
        self._peer = peer
        over = asyncio.ensure_future(peer.wait_ended())
        # What was wished while nobody was there.
        devices = peer.settings.devices
        self._mute(self._settings.is_muted)
        self._use_buffer(self._settings.buffer_ms)
        self._use_frames(self._settings.frames_per_packet)
        if peer.sender is not None:
            self._shown.listen_to_sender(peer.sender)
        while not over.done() and not self._is_leaving:
            if peer.receiver is not None:
                self._shown.listen_to_receiver(peer.receiver)
            if devices != self._settings.devices:
                devices = self._settings.devices
                await self._change_devices(peer, devices)
            status = peer.status()
            if status.state != "ended":
                self._tell(stage=status.state, status=status, level=self._shown.level)
            await asyncio.wait({over}, timeout=LOOK_SECONDS)
        self._tell(stage="leaving", level=())
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
        view = replace(self.view, **changes)
        if view != self.view:
            self.view = view
            self._tell_view(view)

    def _end(self, reason: str, is_failure: bool = False, recording: Path | None = None) -> None:
        self._tell(stage="ended", ending=reason, is_failure=is_failure, recording=recording)


def _sentence(error: Exception) -> str:
    text = str(error)
    if not text or not isinstance(error, ValueError | OSError | ImportError):
        text = f"The line broke off ({type(error).__name__}{f': {text}' if text else ''})"
    return text if text.endswith(".") else f"{text}."
