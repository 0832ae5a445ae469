"""One line at the terminal, from its beginning to its end; `lamina line` loads it when there is a line to hold."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, FAILED, INTERRUPTED, shown
from lamina.cli.line.control import change, read_lines
from lamina.cli.line.ends import Ends

if TYPE_CHECKING:
    from lamina.plugin.line.joining.invitation import Invitation
    from lamina.plugin.line.joining.peer import Peer
    from lamina.plugin.line.joining.status import PeerStatus

LINE_SECONDS, JSON_SECONDS = 0.2, 1.0
CLEARED = "\r\x1b[K"


def run_session(options: argparse.Namespace, ends: Ends, invitation: Invitation | None) -> int:
    """Hold a line until it ends; returns the exit code.

    Args:
        options: of the command line.
        ends: what is sent from here and where what comes is heard.
        invitation: to the line that is joined; None to offer one.
    """
    return asyncio.run(_Session(options, ends).run(invitation))


@contextlib.contextmanager
def on_interruption(call: Callable[[], None]) -> Iterator[None]:
    """Call `call` in this event loop for Ctrl-C and what else asks to end, instead of breaking off.

    Loops of Windows have no handlers of signals: there the process has them, and hands over to the loop.
    """
    loop = asyncio.get_running_loop()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before: dict[int, Any] = {}
    handled = []
    for number in numbers:
        try:
            loop.add_signal_handler(number, call)
            handled.append(number)
        except NotImplementedError:
            before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(call))
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
        for number, handler in before.items():
            signal.signal(number, handler)


class _Session:
    """One line from its beginning to its end, and what is told of it."""

    def __init__(self, options: argparse.Namespace, ends: Ends) -> None:
        self._options, self._ends = options, ends
        self._ended = asyncio.Event()
        self._asked: asyncio.Queue[str] = asyncio.Queue()
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._line = sys.stderr if is_terminal and not options.quiet and not options.json else None

    async def run(self, invitation: Invitation | None) -> int:
        """Returns the exit code."""
        stop = asyncio.ensure_future(self._ended.wait())
        try:
            with on_interruption(self._ended.set):
                async with self._peer(invitation, stop) as peer:
                    if peer is None:
                        self._say("The line was ended before anybody joined.")
                        return INTERRUPTED
                    return await self._show(peer, stop)
        finally:
            stop.cancel()

    @contextlib.asynccontextmanager
    async def _peer(self, invitation: Invitation | None, stop: asyncio.Future[Any]) -> AsyncIterator[Peer | None]:
        """The other end; None if the waiting was ended."""
        from lamina.plugin.line.joining.opening import join, offer
        from lamina.plugin.line.joining.transport import LOOPBACK

        options, ends = self._options, self._ends
        codecs: dict[str, Any] = {"codec": ends.codec, "hearing": ends.hearing, "settings": ends.settings}
        if invitation is not None:
            async with join(invitation, ends.source, ends.sink, **codecs) as peer:
                yield peer
            return
        listen = options.listen or LOOPBACK
        async with offer(ends.source, ends.sink, listen=listen, port=options.port or 0, **codecs) as offered:
            self._tell_invitation(str(offered.invitation), listen == LOOPBACK)
            joined = asyncio.ensure_future(offered.peer())
            n_told = 0
            while not joined.done() and not stop.done():
                await asyncio.wait({joined, stop}, timeout=LINE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if offered.n_refused > n_told:
                    n_told = offered.n_refused
                    self._event("refused", reason=offered.last_refusal, count=n_told)
                    self._say(offered.last_refusal)
            if not joined.done():
                joined.cancel()
                yield None
            else:
                yield joined.result()

    def _tell_invitation(self, invitation: str, is_loopback: bool) -> None:
        if self._options.json:
            self._event("invitation", invitation=invitation)
            return
        print(invitation, flush=True)
        reach = " on this machine (--listen ADDRESS lets others in)" if is_loopback else ""
        self._say(f"Waiting for `lamina line join` with this invitation{reach}; Ctrl-C ends.")

    async def _show(self, peer: Peer, stop: asyncio.Future[Any]) -> int:
        self._event("joined")
        over = asyncio.ensure_future(peer.wait_ended())
        state, there = "", ""
        if self._options.control:
            read_lines(self._asked.put_nowait)
        deadline = self._options.duration
        pause = JSON_SECONDS if self._options.json else LINE_SECONDS
        while not over.done() and not stop.done():
            status = peer.status()
            if deadline is not None and status.seconds >= deadline:
                break
            if (status.state, status.there) != (state, there):
                state, there = status.state, status.there
                self._event("state", state=state, there=there)
                if state != "joined":
                    self._say(_state_sentence(status))
            await self._change(peer)
            self._event("status", **asdict(status))
            if self._line is not None:
                self._line.write(CLEARED + status_line(status)[: shutil.get_terminal_size().columns - 1])
                self._line.flush()
            left = pause if deadline is None else min(pause, max(0.0, deadline - status.seconds))
            await asyncio.wait({over, stop}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await peer.close()
        ending, status = await peer.wait_ended(), peer.status()
        over.cancel()
        self._event("ended", reason=ending.reason, failure=ending.is_failure, **asdict(status))
        if ending.is_failure:
            print(f"{CLEARED if self._line else ''}lamina: {shown(ending.reason)}", file=sys.stderr)
            return FAILED
        self._say(ending.reason)
        return DONE

    async def _change(self, peer: Peer) -> None:
        """Make the changes that were asked for."""
        while not self._asked.empty():
            line = self._asked.get_nowait().strip()
            if line == "end":
                self._ended.set()
            elif line:
                try:
                    told, is_refused = await change(peer, line), False
                except (ValueError, TypeError, OSError) as error:
                    told, is_refused = str(error), True
                self._event("changed", asked=line, told=told, refused=is_refused)
                self._say(told)

    def _event(self, event: str, **values: Any) -> None:
        if self._options.json:
            print(json.dumps({"event": event} | values, ensure_ascii=False, allow_nan=False), flush=True)

    def _say(self, text: str) -> None:
        if not self._options.quiet and not self._options.json:
            print(f"{CLEARED if self._line else ''}{shown(text)}", file=sys.stderr, flush=True)


def _state_sentence(status: PeerStatus) -> str:
    who = status.there or "the other end"
    if status.state == "talking":
        return f"Connected with {who}."
    return f"Nothing is heard from {who}; waiting." if status.state == "interrupted" else "The line has ended."


def status_line(status: PeerStatus) -> str:
    """State, time, both names, what is sent, and how the link is, in one line."""
    minutes, seconds = divmod(int(status.seconds), 60)
    names = " ↔ ".join(shown(name) for name in (status.here, status.there) if name)
    parts = [f"{minutes}:{seconds:02d}", names, "" if status.state == "talking" else status.words]
    if status.sent is not None:
        sent = status.sent
        if status.is_muted:
            parts.append("MUTED")
        parts.append(f"sent {sent.codes:.1f} kbps, {sent.network:.0f} with headers ({status.layers} layers)")
        if status.there_loss is not None:
            parts.append(f"{100 * status.there_loss:.0f} % lost there")
    if status.round_trip_ms is not None:
        parts.append(f"round trip {status.round_trip_ms:.0f} ms")
    if status.delay_ms is not None:
        parts.append(f"{100 * status.loss:.0f} % lost  jitter {status.jitter_ms:.0f} ms")
        parts.append(f"buffer {status.buffer_ms:.0f} ms  delay {status.delay_ms:.0f} ms")
    return "  ".join(part for part in parts if part)
