"""The line for scripts: `async with lamina.line.join(invitation, sink="heard.wav") as peer: …`.

One end offers a line and passes its invitation on, the other joins; what an encoder makes here is decoded there.
docs/two-machines.md tells all of it. Needs the extra [line].
"""

from lamina.plugin.line.joining.ends import ArraySink, ArraySource, BoardSource, FileSink, FileSource, Sink, Source
from lamina.plugin.line.joining.greeting import RefusedError
from lamina.plugin.line.joining.invitation import Address, Invitation, InvitationError, parse_invitation
from lamina.plugin.line.joining.opening import Offered, join, offer
from lamina.plugin.line.joining.peer import Peer
from lamina.plugin.line.joining.settings import LIVE, LineSettings
from lamina.plugin.line.joining.status import Ending, PeerStatus

__all__ = [
    "LIVE",
    "Address",
    "ArraySink",
    "ArraySource",
    "BoardSource",
    "Ending",
    "FileSink",
    "FileSource",
    "Invitation",
    "InvitationError",
    "LineSettings",
    "Offered",
    "Peer",
    "PeerStatus",
    "RefusedError",
    "Sink",
    "Source",
    "join",
    "offer",
    "parse_invitation",
]
