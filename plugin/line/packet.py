"""Messages of the line as bytes, as docs/line.md describes them: sound, hello, report, bye.

Every message begins with a byte that tells version and kind, and ends with a checksum. What comes from elsewhere is
measured before anything is made of it: a message is exactly as long as its head says, or it is refused.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamina.models.config import MOST_LAYERS, CodecConfig
from lamina.plugin.codes_file.codes import MAX_CODE_BITS, STEREO_MODES, Stereo

PROTOCOL_VERSION: Final = 1
MOST_BYTES = 1200
"""Of a message: it fits any network's packet, with what the layers below add."""
MOST_FRAMES = 4
"""New frames in a packet."""
MOST_REPEATED = 15
"""Earlier frames in a packet."""
MOST_DISTANCE = 16
"""Frames from a packet's first one back to the newest repeated one."""
MOST_LINE_CHANNELS = 8
MOST_NAME_BYTES = 120

SOUND, HELLO, REPORT, BYE = 1, 2, 3, 4

_HEAD = struct.Struct(">BHHIBB")
_CRC = struct.Struct(">H")
_HELLO = struct.Struct(">BHIHBBBBB")
_REPORT = struct.Struct(">BHIIHHBHHHIHII")
_BYE = struct.Struct(">BH")
_SILENCE, _UNUSED = 0b100, 0b011
_FRACTION = 65_535
_TENTHS = 10
_BURST_PARTS = 8

HEADER_BYTES = _HEAD.size + _CRC.size
"""Of a packet of sound: head and checksum, without the codes and their counts."""


class PacketError(ValueError):
    """Bytes that are no message of the line; the message says what is wrong with them."""


@dataclass(frozen=True)
class LineFormat:
    """What both ends must know to read packets of sound.

    Args:
        n_coded: coded channels.
        code_bits: bits of each layer's code.
        lag_from: layers from which a frame's first code is a lag; 0 for a model without a memory.
    """

    n_coded: int
    code_bits: tuple[int, ...]
    lag_from: int = 0

    @classmethod
    def of(cls, config: CodecConfig, n_coded: int) -> LineFormat:
        """That of a model, for so many coded channels."""
        return cls(n_coded, config.code_bits, 0 if config.memory is None else config.memory.from_layers)

    @property
    def count_bits(self) -> int:
        """Bits that tell how many layers a frame has."""
        return len(self.code_bits).bit_length()


@dataclass(frozen=True, eq=False)
class LineFrame:
    """What is sent of one frame.

    Args:
        codes: uint16 `[coded channels, layers]`; beyond a channel's count they are 0.
        counts: how many layers of each channel are there, uint8 `[coded channels]`.
    """

    codes: npt.NDArray[np.uint16]
    counts: npt.NDArray[np.uint8]

    def thinned(self, layers: int) -> LineFrame:
        """The first `layers` of it."""
        counts = np.minimum(self.counts, layers).astype(np.uint8)
        codes = np.where(np.arange(self.codes.shape[1]) < counts[:, None], self.codes, 0).astype(np.uint16)
        return LineFrame(codes, counts)


@dataclass(frozen=True)
class Packet:
    """Some frames of sound, and the first layers of earlier ones once more.

    Args:
        stream: which stream it belongs to, 0 … 65535.
        sequence: number of the packet, 0 … 65535, then from 0 again.
        time: number of its first new frame since the stream began, 0 … 2³² − 1.
        frames: 1 … 4 new frames.
        repeated: up to 15 earlier frames, the oldest first.
        distance: frames from the first new frame back to the newest repeated one, 1 … 16.
        silence: nothing is sent until there is sound again: its last frame, which is silent, goes on.
    """

    stream: int
    sequence: int
    time: int
    frames: tuple[LineFrame, ...]
    repeated: tuple[LineFrame, ...] = ()
    distance: int = 1
    silence: bool = False

    def numbered(self) -> list[tuple[int, LineFrame, bool]]:
        """All frames with their numbers, and whether they are new; repeated ones from before the first are left out."""
        oldest = self.time - self.distance - len(self.repeated) + 1
        again = [(oldest + index, frame, False) for index, frame in enumerate(self.repeated) if oldest + index >= 0]
        return [(self.time + index, frame, True) for index, frame in enumerate(self.frames)] + again


@dataclass(frozen=True)
class Hello:
    """What a sender says of its stream before sound flows.

    Args:
        stream: the stream's number.
        bundle, digest: the model that both must have: its name, and its digest, which decides.
        sample_rate, frame: of the model: Hz, and samples of a frame.
        code_bits: bits of each layer's code.
        lag_from: as for `LineFormat`.
        n_channels: of the sound.
        stereo: what the coded channels are, as for `Codes`.
        name: who sends, for people.
    """

    stream: int
    bundle: str
    digest: str
    sample_rate: int
    frame: int
    code_bits: tuple[int, ...]
    lag_from: int
    n_channels: int
    stereo: Stereo = "linked"
    name: str = ""

    @property
    def n_coded(self) -> int:
        """Coded channels."""
        return 1 if self.stereo == "mono" else self.n_channels

    @property
    def format(self) -> LineFormat:
        """How its packets are read."""
        return LineFormat(self.n_coded, self.code_bits, self.lag_from)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.frame

    def pack(self) -> bytes:
        """Its bytes."""
        texts = [_text(self.bundle), bytes.fromhex(self.digest), _text(self.name)]
        head = _HELLO.pack(
            _kind(HELLO),
            self.stream,
            self.sample_rate,
            self.frame,
            self.n_channels,
            STEREO_MODES.index(self.stereo),
            self.lag_from,
            len(self.code_bits),
            0,
        )
        return _sealed(head + bytes(self.code_bits) + b"".join(bytes([len(text)]) + text for text in texts))


@dataclass(frozen=True)
class Report:
    """What a receiver tells the sender of what arrived.

    Args:
        stream: the stream that it is about.
        highest: number of the newest packet that came, counted on beyond 65535.
        received: packets that came so far.
        loss: share of the packets since the last report that didn't come, 0 … 1.
        late: share of the frames since the last report that came too late or not at all, and were concealed, 0 … 1.
        burst: mean length of a gap, in packets, 0 … 31.
        jitter_ms: how much the packets' delay changes from one to the next (RFC 3550, section 6.4.1).
        buffer_ms: how long frames wait before they are heard.
        queue_ms: by how much packets come later than the quickest ones of the last minute do.
        echo_time: the newest packet's media time, so that the sender knows how long the way there and back is.
        held_ms: how long ago that packet came.
        concealed: frames concealed so far.
        played: frames played so far, concealed ones among them.
    """

    stream: int
    highest: int
    received: int
    loss: float
    late: float
    burst: float
    jitter_ms: float
    buffer_ms: float
    queue_ms: float
    echo_time: int
    held_ms: float
    concealed: int = 0
    played: int = 0

    def pack(self) -> bytes:
        """Its bytes; what doesn't fit its field is the most that does."""
        return _sealed(
            _REPORT.pack(
                _kind(REPORT),
                self.stream,
                _fitted(self.highest, 32),
                _fitted(self.received, 32),
                _fitted(self.loss * _FRACTION, 16),
                _fitted(self.late * _FRACTION, 16),
                _fitted(self.burst * _BURST_PARTS, 8),
                _fitted(self.jitter_ms * _TENTHS, 16),
                _fitted(self.buffer_ms * _TENTHS, 16),
                _fitted(self.queue_ms * _TENTHS, 16),
                _fitted(self.echo_time, 32),
                _fitted(self.held_ms * _TENTHS, 16),
                _fitted(self.concealed, 32),
                _fitted(self.played, 32),
            )
        )


@dataclass(frozen=True)
class Bye:
    """The stream has ended.

    Args:
        stream: the stream's number.
        reason: a sentence for people, or nothing.
    """

    stream: int
    reason: str = ""

    def pack(self) -> bytes:
        """Its bytes."""
        text = _text(self.reason)
        return _sealed(_BYE.pack(_kind(BYE), self.stream) + bytes([len(text)]) + text)


Message = Packet | Hello | Report | Bye


def pack(packet: Packet, format: LineFormat) -> bytes:
    """A packet of sound as bytes.

    Raises PacketError for what no packet can hold: more frames, or more bytes than a message may have.
    """
    if not 1 <= len(packet.frames) <= MOST_FRAMES or len(packet.repeated) > MOST_REPEATED:
        raise PacketError(
            f"A packet holds 1 to {MOST_FRAMES} frames and up to {MOST_REPEATED} repeated ones, not "
            f"{len(packet.frames)} and {len(packet.repeated)}."
        )
    if not 1 <= packet.distance <= MOST_DISTANCE:
        raise PacketError(f"Repeated frames lie 1 to {MOST_DISTANCE} frames back, not {packet.distance}.")
    all_frames = (*packet.frames, *packet.repeated)
    n_bytes = packed_bytes([frame.counts for frame in all_frames], format)
    if n_bytes > MOST_BYTES:
        raise PacketError(f"A message has {MOST_BYTES} bytes at most; this packet would have {n_bytes}.")
    head = _HEAD.pack(
        _kind(SOUND),
        packet.stream,
        packet.sequence & 0xFFFF,
        packet.time & 0xFFFFFFFF,
        (len(packet.frames) - 1) << 6 | (format.n_coded - 1) << 3 | _SILENCE * packet.silence,
        len(packet.repeated) << 4 | packet.distance - 1,
    )
    bits, n_bits = 0, 0
    for frame in all_frames:
        for count in frame.counts.tolist():
            bits, n_bits = bits << format.count_bits | count, n_bits + format.count_bits
    for frame in all_frames:
        for codes, count in zip(frame.codes.tolist(), frame.counts.tolist(), strict=True):
            for code, width in zip(codes[:count], format.code_bits, strict=False):
                if code >> width:
                    raise PacketError(f"The code {code} doesn't fit into {width} bits.")
                bits, n_bits = bits << width | code, n_bits + width
    return _sealed(head + (bits << -n_bits % 8).to_bytes(-(-n_bits // 8), "big"))


def packed_bytes(counts: Sequence[npt.NDArray[np.uint8]], format: LineFormat) -> int:
    """Bytes of a packet whose frames, repeated ones too, have these counts."""
    widths = [0]
    for width in format.code_bits:
        widths.append(widths[-1] + width)
    layers: list[int] = [int(count) for each in counts for count in each]
    n_bits = sum(format.count_bits + widths[count] for count in layers)
    return HEADER_BYTES + -(-n_bits // 8)


def unpack(data: bytes, format: LineFormat | None = None) -> Message:
    """Bytes that came as a message.

    Args:
        data: of one message.
        format: of the stream that is expected; packets of sound can't be read without.

    Raises PacketError, and only that, for whatever else they may be.
    """
    kind = message_kind(data)
    body = data[: -_CRC.size]
    if kind == SOUND:
        if format is None:
            raise PacketError("A packet of sound came before the hello that tells how to read it.")
        return _unpack_sound(body, format)
    if kind == HELLO:
        return _unpack_hello(body)
    return _unpack_report(body) if kind == REPORT else _unpack_bye(body)


def message_kind(data: bytes) -> int:
    """SOUND, HELLO, REPORT or BYE; raises PacketError for bytes of another version, too many, or damaged."""
    if not _BYE.size + _CRC.size <= len(data) <= MOST_BYTES:
        raise PacketError(f"A message has up to {MOST_BYTES} bytes; this one has {len(data)}.")
    version, kind = data[0] >> 4, int(data[0] & 15)
    if version != PROTOCOL_VERSION:
        raise PacketError(
            f"The message is of version {version} of the line; this is version {PROTOCOL_VERSION}. Both ends need the "
            "same version of Lamina."
        )
    if kind not in (SOUND, HELLO, REPORT, BYE):
        raise PacketError(f"There is no message of the kind {kind}.")
    if _CRC.unpack(data[-_CRC.size :])[0] != binascii.crc_hqx(data[: -_CRC.size], 0xFFFF):
        raise PacketError("The message is damaged: its checksum is wrong.")
    return kind


def _unpack_sound(body: bytes, format: LineFormat) -> Packet:
    if len(body) < _HEAD.size:
        raise PacketError("The packet is shorter than its head.")
    _, stream, sequence, time, shape, again = _HEAD.unpack_from(body)
    n_new, n_coded, n_again = (shape >> 6) + 1, (shape >> 3 & 7) + 1, again >> 4
    if n_coded != format.n_coded:
        raise PacketError(f"The packet has {n_coded} channels; this stream has {format.n_coded}.")
    if shape & _UNUSED:
        raise PacketError("The packet sets bits that mean nothing in this version.")
    if time + n_new > 1 << 32:
        raise PacketError("The packet's time is beyond the last that can be told.")
    n_frames, n_bits = n_new + n_again, 8 * (len(body) - _HEAD.size)
    told = n_frames * n_coded * format.count_bits
    if n_bits < told:
        raise PacketError("The packet ends within its counts of layers.")
    bits = int.from_bytes(body[_HEAD.size :], "big")
    n_layers, mask = len(format.code_bits), (1 << format.count_bits) - 1
    counts = [bits >> n_bits - format.count_bits * (index + 1) & mask for index in range(n_frames * n_coded)]
    if max(counts) > n_layers:
        raise PacketError(f"A frame counts {max(counts)} layers; the model has {n_layers}.")
    widths = np.concatenate([[0], np.cumsum(format.code_bits)])
    needed = told + int(widths[counts].sum())
    if -(-needed // 8) * 8 != n_bits:
        raise PacketError(f"The packet has {n_bits // 8} bytes of codes; its counts say {-(-needed // 8)}.")
    frames, left = [], n_bits - told
    for index in range(n_frames):
        here = counts[index * n_coded : (index + 1) * n_coded]
        codes = np.zeros((n_coded, n_layers), np.uint16)
        for channel, count in enumerate(here):
            for layer in range(count):
                left -= format.code_bits[layer]
                codes[channel, layer] = bits >> left & (1 << format.code_bits[layer]) - 1
        frames.append(LineFrame(codes, np.array(here, np.uint8)))
    if bits & (1 << left) - 1:
        raise PacketError("The bits that fill up the packet's last byte are not 0.")
    silence = bool(shape & _SILENCE)
    return Packet(stream, sequence, time, tuple(frames[:n_new]), tuple(frames[n_new:]), (again & 15) + 1, silence)


def _unpack_hello(body: bytes) -> Hello:
    if len(body) < _HELLO.size:
        raise PacketError("The hello is shorter than its head.")
    _, stream, sample_rate, frame, n_channels, stereo, lag_from, n_layers, unused = _HELLO.unpack_from(body)
    code_bits, rest = tuple(body[_HELLO.size : _HELLO.size + n_layers]), body[_HELLO.size + n_layers :]
    if not 1 <= n_layers <= MOST_LAYERS or len(code_bits) != n_layers or lag_from > n_layers or unused:
        raise PacketError("The hello's layers are none that a model can have.")
    if not all(1 <= bits <= MAX_CODE_BITS for bits in code_bits):
        raise PacketError("The hello's codes have numbers of bits that none can have.")
    if not 1 <= n_channels <= MOST_LINE_CHANNELS or stereo >= len(STEREO_MODES):
        raise PacketError("The hello's channels are none that a line can have.")
    if STEREO_MODES[stereo] != "linked" and n_channels != 2:
        raise PacketError("The hello tells of a stereo mode, but not of two channels.")
    if sample_rate == 0 or not 1 <= sample_rate / max(frame, 1) <= 1000 or frame == 0:
        raise PacketError("The hello's frames are none that a model can have.")
    bundle, rest = _taken(rest)
    digest, rest = _taken(rest)
    name, rest = _taken(rest)
    if rest:
        raise PacketError("The hello goes on behind its end.")
    return Hello(
        stream,
        _decoded(bundle),
        digest.hex(),
        sample_rate,
        frame,
        code_bits,
        lag_from,
        n_channels,
        STEREO_MODES[stereo],
        _decoded(name),
    )


def _unpack_report(body: bytes) -> Report:
    if len(body) != _REPORT.size:
        raise PacketError(f"A report has {_REPORT.size + _CRC.size} bytes.")
    _, stream, highest, received, loss, late, burst, *times, concealed, played = _REPORT.unpack(body)
    jitter, buffer, queue, echo, held = times
    return Report(
        stream,
        highest,
        received,
        loss / _FRACTION,
        late / _FRACTION,
        burst / _BURST_PARTS,
        jitter / _TENTHS,
        buffer / _TENTHS,
        queue / _TENTHS,
        echo,
        held / _TENTHS,
        concealed,
        played,
    )


def _unpack_bye(body: bytes) -> Bye:
    _, stream = _BYE.unpack_from(body)
    reason, rest = _taken(body[_BYE.size :])
    if rest:
        raise PacketError("The bye goes on behind its end.")
    return Bye(stream, _decoded(reason))


def _kind(kind: int) -> int:
    return PROTOCOL_VERSION << 4 | kind


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(binascii.crc_hqx(body, 0xFFFF))


def _fitted(value: float, bits: int) -> int:
    return min(max(0, round(value)), (1 << bits) - 1)


def _text(text: str) -> bytes:
    """At most as many bytes of it as a message holds, cut between characters."""
    return text.encode()[:MOST_NAME_BYTES].decode(errors="ignore").encode()


def _taken(data: bytes) -> tuple[bytes, bytes]:
    """A text that begins with its length, and what follows it."""
    if not data or len(data) < 1 + data[0]:
        raise PacketError("The message ends within a text.")
    return data[1 : 1 + data[0]], data[1 + data[0] :]


def _decoded(text: bytes) -> str:
    """As text that can be shown: control characters don't come through."""
    try:
        return "".join(letter for letter in text.decode() if letter.isprintable())
    except UnicodeDecodeError:
        raise PacketError("A text in the message is none.") from None
