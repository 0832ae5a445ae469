"""An invitation: the one short line that whoever offers a line gives to whoever is to join it.

    lamina-line:1/192.168.1.20:47000/FINGERPRINT/SECRET

It says where to go, whom to expect there, and what to prove. The fingerprint is SHA-256 of the certificate that the
offering end shows in DTLS; the secret proves, without ever being sent, that the joining end was invited. Both are
base64url (RFC 4648, section 5) without padding, and the secret is followed by a checksum, so that a line which was not
copied whole is told from a wrong one.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import secrets
import zlib
from dataclasses import dataclass, field, replace

SCHEME, VERSION = "lamina-line", 1
FINGERPRINT_BYTES, SECRET_BYTES, CHECK_BYTES = 32, 16, 3
MOST_CHARACTERS = 1000
MOST_ADDRESSES = 8
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")


class InvitationError(ValueError):
    """A line that is no invitation, with what is wrong with it."""


@dataclass(frozen=True)
class Address:
    """Where a line is offered.

    Args:
        host: an IP address or a host's name.
        port: 1 to 65535; TCP for the greeting, UDP for the sound.
    """

    host: str
    port: int

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise InvitationError(f"The port is {self.port}; ports are 1 to 65535.")
        if not _is_host(self.host):
            raise InvitationError(f"{self.host!r} is neither an IP address nor the name of a host.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Invitation:
    """What one end gives to the other so that nobody else can join.

    Args:
        addresses: where to go, tried in this order.
        fingerprint: SHA-256 of the offering end's certificate, 32 bytes.
        secret: 16 random bytes, good for one peer. Not shown by `repr`.

    Raises:
        InvitationError: no address or more than eight, or parts of the wrong length.
    """

    addresses: tuple[Address, ...]
    fingerprint: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.addresses) <= MOST_ADDRESSES:
            raise InvitationError(f"An invitation has {len(self.addresses)} addresses; it needs 1 to {MOST_ADDRESSES}.")
        if len(self.fingerprint) != FINGERPRINT_BYTES or len(self.secret) != SECRET_BYTES:
            raise InvitationError(
                f"An invitation holds a fingerprint of {FINGERPRINT_BYTES} bytes and a secret of {SECRET_BYTES}, not "
                f"of {len(self.fingerprint)} and {len(self.secret)}."
            )

    def __str__(self) -> str:
        where = ",".join(str(address) for address in self.addresses)
        body = f"{SCHEME}:{VERSION}/{where}/{_written(self.fingerprint)}/"
        return body + _written(self.secret + _check(self.fingerprint, self.secret))

    def at(self, *addresses: Address) -> Invitation:
        """The same invitation at other addresses, for example where a router passes a port on."""
        return replace(self, addresses=addresses)


def new_invitation(addresses: tuple[Address, ...], fingerprint: bytes) -> Invitation:
    """Invite to these addresses with a new secret from the system's random source."""
    return Invitation(addresses, fingerprint, secrets.token_bytes(SECRET_BYTES))


def parse_invitation(text: str) -> Invitation:
    """Read an invitation's line; blanks around it are no part of it.

    Raises:
        InvitationError: what is wrong: no invitation at all, another version, cut off, or mistyped.
    """
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        raise InvitationError(f"An invitation has at most {MOST_CHARACTERS} characters; this has {len(text)}.")
    if not text.startswith(f"{SCHEME}:"):
        raise InvitationError(
            f"This is no invitation: one begins with {SCHEME}:{VERSION}/ and is printed by `lamina line offer`."
        )
    version, _, rest = text.removeprefix(f"{SCHEME}:").partition("/")
    if version != str(VERSION):
        raise InvitationError(
            f"The invitation is of version {version[:20]!r}; this Lamina reads version {VERSION}. Both ends need the "
            "same version of Lamina's line."
        )
    parts = rest.split("/")
    if len(parts) != 3:
        raise InvitationError(
            "The invitation was not copied whole: addresses, fingerprint and secret stand in it, parted by /."
        )
    where, fingerprint, proof = parts[0], _read(parts[1], "fingerprint"), _read(parts[2], "secret")
    if len(fingerprint) != FINGERPRINT_BYTES or len(proof) != SECRET_BYTES + CHECK_BYTES:
        raise InvitationError("The invitation was not copied whole: its fingerprint or its secret is cut off.")
    secret, check = proof[:SECRET_BYTES], proof[SECRET_BYTES:]
    if check != _check(fingerprint, secret):
        raise InvitationError("A sign of the invitation is wrong; copy the line again instead of typing it.")
    return Invitation(tuple(parse_address(address) for address in where.split(",")), fingerprint, secret)


def parse_address(text: str, port: int | None = None) -> Address:
    """Read `HOST:PORT`, `[IPv6]:PORT`, or a host alone where a port is given.

    Raises:
        InvitationError: not an address.
    """
    host, separator, number = text.strip().rpartition(":")
    if port is not None and (not separator or _is_host(text.strip().strip("[]"))):
        return Address(text.strip().strip("[]"), port)
    if not separator or not (number.isascii() and number.isdigit()) or len(number) > 5:
        raise InvitationError(f"{text[:100]!r} is no address; write HOST:PORT, for example 192.168.1.20:47000.")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise InvitationError(f"{text[:100]!r} is no address; an IPv6 address stands in brackets: [::1]:47000.")
    return Address(host, int(number))


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Numbers and dots alone are a mistyped IP address, not a name.
        return _HOST_NAME.fullmatch(host) is not None and not re.fullmatch(r"[0-9.]+", host)
    return True


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _read(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvitationError(
            f"The invitation was not copied whole: its {what} is cut off or holds signs that don't belong there."
        ) from None


def _check(fingerprint: bytes, secret: bytes) -> bytes:
    """Finds mistakes of copying, nothing more: what it covers is in the line itself."""
    return zlib.crc32(fingerprint + secret).to_bytes(4, "big")[:CHECK_BYTES]
