"""What is told of a line: how it stands, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lamina.plugin.line.sender import LineRates
from lamina.plugin.neural_codec import NeuralCodec

State = Literal["joined", "talking", "interrupted", "ended"]
STATE_WORDS: dict[State, str] = {
    "joined": "joined, waiting for the other end's hello",
    "talking": "connected",
    "interrupted": "nothing comes from the other end",
    "ended": "ended",
}


@dataclass(frozen=True)
class PeerStatus:
    """How a line stands.

    Args:
        state: joined, talking, interrupted or ended; `words` says it for people.
        here, there: both names.
        seconds: since the line was joined.
        round_trip_ms: there and back, without buffers; None while it is not known.
        loss: share of packets that didn't come since the last report, 0 to 1.
        jitter_ms: of packets that came.
        buffer_ms: how long frames wait before they are heard.
        concealed: frames that were missing when they should have been heard, since the beginning.
        layers: that are sent at most now; 0 if nothing is sent.
        sent: kilobits per second that are really sent, told apart; None if nothing is sent.
        received_kbps: of the messages that came, since the last status' report.
        there_loss: share of this end's packets that the other end missed, as it last reported.
        delay_ms: from the other end's source to this end's sink, as far as it is known here; None if nothing is heard.
        drift_ppm: by how many millionths the other end's clock is faster.
        refused: messages that were none.
        is_muted: whether silence is sent in the place of the source.
        unheard_seconds: since anything came from the other end: sound, a report or a hello.
    """

    state: State
    here: str
    there: str
    seconds: float
    round_trip_ms: float | None
    loss: float
    jitter_ms: float
    buffer_ms: float
    concealed: int
    layers: int
    sent: LineRates | None
    received_kbps: float
    there_loss: float | None
    delay_ms: float | None
    drift_ppm: float
    refused: int
    unheard_seconds: float = 0.0
    is_muted: bool = False

    @property
    def words(self) -> str:
        """The state for people: "connected", "nothing heard from Ben for 2 s"."""
        if self.state != "interrupted":
            return STATE_WORDS[self.state]
        return f"nothing heard from {self.there or 'the other end'} for {int(self.unheard_seconds)} s"


@dataclass(frozen=True)
class Ending:
    """Why a line ended.

    Args:
        reason: a sentence.
        is_failure: whether it broke off, or never became one, instead of being ended by one of both.
    """

    reason: str
    is_failure: bool = False


def delay_ms(codec: NeuralCodec, sample_rate: int, buffer_ms: float, way_ms: float) -> float:
    """From a sample's capture at one end to its being handed over at the other, in milliseconds, within a frame.

    Args:
        codec: its latency, of encoder and decoder together, is known exactly.
        sample_rate: Hz, of who hears.
        buffer_ms: how long frames wait, the packets' own length and the blocks' of both ends among it.
        way_ms: through the network, one way.
    """
    return 1000 * codec.latency_samples(sample_rate) / sample_rate + buffer_ms + way_ms
