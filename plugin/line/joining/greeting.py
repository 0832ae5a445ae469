"""The greeting: two ends prove to each other, on one TCP connection, that they hold the same invitation.

Four lines of JSON, each ended by a newline, then the connection is closed:

    joining end   {"line": 1, "nonce": …}
    offering end  {"line": 1, "nonce": …}
    joining end   {"card": …, "proof": …}
    offering end  {"card": …, "proof": …}   or   {"refused": "…"}

A card holds what DTLS and ICE need: fingerprint, user name, password, UDP port. A proof is HMAC-SHA-256 (RFC 2104) with
the invitation's secret over the role, both nonces and the cards said so far, so that it is good for this greeting alone
and no card can be exchanged on the way. The secret itself is never sent. Who listens in learns the cards, which don't
let him in: DTLS takes only the certificates whose fingerprints stand in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from lamina.plugin.line.joining.invitation import FINGERPRINT_BYTES, Invitation

PROTOCOL_VERSION = 1
LONGEST_LINE = 1024
GREETING_SECONDS = 10.0
NONCE_BYTES = 16
_ICE_NAME, _ICE_PASSWORD = re.compile(r"[a-zA-Z0-9+/]{4,64}"), re.compile(r"[a-zA-Z0-9+/]{22,128}")

Refusal = Literal["secret", "version", "busy", "nonsense", "fingerprint", "connection"]

_SENTENCES: dict[str, str] = {
    "secret": "the secret of the invitation is wrong or belongs to an older invitation; ask for a new one",
    "version": "it speaks another version of Lamina's line; both ends need the same",
    "busy": "its invitation has been used already; ask for a new one",
    "nonsense": "what it says is not Lamina's line",
    "fingerprint": "it is not the one that the invitation names; somebody else may be in between",
    "connection": "the encrypted connection did not come about; a firewall may stop UDP on that port",
}


class RefusedError(ConnectionError):
    """The other end refused, or was refused. `why` says for which reason."""

    def __init__(self, why: Refusal, who: str = "The other end") -> None:
        super().__init__(f"{who} can't be joined: {_SENTENCES[why]}.")
        self.why: Refusal = why


@dataclass(frozen=True)
class Card:
    """What one end must know of the other to connect.

    Args:
        fingerprint: SHA-256 of its certificate.
        username, password: what its ICE messages are checked with (RFC 8445).
        port: where it takes UDP, at the address that the greeting comes from.
    """

    fingerprint: bytes
    username: str
    password: str
    port: int

    def as_line(self) -> str:
        """The card as the JSON that proofs cover."""
        fields = {"fingerprint": self.fingerprint.hex(), "username": self.username, "password": self.password}
        return json.dumps(fields | {"port": self.port}, sort_keys=True)


def card_of(line: Any) -> Card:
    """Read a card that came over the network; refuses what is not one."""
    try:
        fields = json.loads(line)
        card = Card(bytes.fromhex(fields["fingerprint"]), fields["username"], fields["password"], fields["port"])
        is_good = (
            len(card.fingerprint) == FINGERPRINT_BYTES
            and _ICE_NAME.fullmatch(card.username) is not None
            and _ICE_PASSWORD.fullmatch(card.password) is not None
            and type(card.port) is int
            and 1 <= card.port <= 65535
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        is_good = False
    if not is_good:
        raise RefusedError("nonsense")
    return card


async def greet_as_joiner(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, invitation: Invitation, card: Card
) -> Card:
    """Greet the end that offers; returns its card.

    Raises:
        RefusedError: it refuses, can't prove that it knows the secret, or has another certificate.
        TimeoutError: it takes longer than ten seconds.
    """
    async with asyncio.timeout(GREETING_SECONDS):
        mine = secrets.token_bytes(NONCE_BYTES)
        await _say(writer, {"line": PROTOCOL_VERSION, "nonce": mine.hex()})
        theirs = _nonce(await _hear(reader))
        said = card.as_line()
        await _say(writer, {"card": said, "proof": _proof(invitation.secret, "join", mine, theirs, said)})
        answer = await _hear(reader)
        heard, proof = answer.get("card"), answer.get("proof")
        if not isinstance(heard, str) or not isinstance(proof, str):
            raise RefusedError("nonsense")
        # A wrong proof here means that somebody answers for the end who was never given the secret.
        if not _is_same(proof, _proof(invitation.secret, "offer", mine, theirs, said + heard)):
            raise RefusedError("fingerprint")
        other = card_of(heard)
        if not hmac.compare_digest(other.fingerprint, invitation.fingerprint):
            raise RefusedError("fingerprint")
        return other


async def hear_joiner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes) -> Joiner:
    """Hear out who wants to join; returns it once it has proved that it knows the secret.

    Raises:
        RefusedError: it doesn't; it has been told.
        TimeoutError: it takes longer than ten seconds.
    """
    async with asyncio.timeout(GREETING_SECONDS):
        try:
            theirs = _nonce(await _hear(reader))
            mine = secrets.token_bytes(NONCE_BYTES)
            await _say(writer, {"line": PROTOCOL_VERSION, "nonce": mine.hex()})
            answer = await _hear(reader)
            heard, proof = answer.get("card"), answer.get("proof")
            if not isinstance(heard, str) or not isinstance(proof, str):
                raise RefusedError("nonsense", "Who asked to join")
            if not _is_same(proof, _proof(secret, "join", theirs, mine, heard)):
                raise RefusedError("secret", "Who asked to join")
            return Joiner(card_of(heard), writer, secret, (theirs, mine), heard)
        except RefusedError as refusal:
            with contextlib.suppress(ConnectionError):
                await _say(writer, {"refused": refusal.why})
            raise


@dataclass
class Joiner:
    """Somebody who was invited and waits for an answer."""

    card: Card
    _writer: asyncio.StreamWriter
    _secret: bytes
    _nonces: tuple[bytes, bytes]
    _heard: str

    async def accept(self, card: Card) -> None:
        """Answer with this end's card."""
        said = card.as_line()
        proof = _proof(self._secret, "offer", *self._nonces, self._heard + said)
        await _say(self._writer, {"card": said, "proof": proof})

    async def refuse(self, why: Refusal) -> None:
        """Send it away with a reason."""
        await _say(self._writer, {"refused": why})


def _proof(secret: bytes, role: str, joiner: bytes, offerer: bytes, cards: str) -> str:
    # The nonces have a fixed length and a card is JSON without a newline, so that no two greetings read the same.
    text = b"lamina-line %d %s\n" % (PROTOCOL_VERSION, role.encode()) + joiner + offerer + cards.encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _nonce(message: dict[str, Any]) -> bytes:
    if message.get("line") != PROTOCOL_VERSION:
        raise RefusedError("version" if isinstance(message.get("line"), int) else "nonsense")
    try:
        nonce = bytes.fromhex(message["nonce"])
    except (ValueError, KeyError, TypeError):
        raise RefusedError("nonsense") from None
    if len(nonce) != NONCE_BYTES:
        raise RefusedError("nonsense")
    return nonce


async def _say(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()


async def _hear(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One line. The reader's limit keeps what was not asked for from growing in memory."""
    try:
        message = json.loads(await reader.readuntil(b"\n"))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, RecursionError):
        raise RefusedError("nonsense") from None
    if not isinstance(message, dict):
        raise RefusedError("nonsense")
    refused = message.get("refused")
    if isinstance(refused, str):
        raise RefusedError(refused if refused in _SENTENCES else "nonsense")  # type: ignore[arg-type]
    return message
