"""What a sender makes of reports: how much it sends twice, and how many layers it sends."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.plugin.line.packet import MOST_DISTANCE, MOST_REPEATED, PacketError, Report

LOSS_RISE, LOSS_FALL = 0.5, 0.1
"""Weights of a new report's loss: more loss is believed sooner than less."""
LONG_BURST = 1.6
"""Mean gap, in packets, above which losses count as bursts: the repeated frames then lie further back."""
QUEUE_GROWS_MS = 60.0
"""Packets that come so much later than the quickest wait somewhere: the link carries less than is sent."""
HEAVY_LOSS = 0.1
"""Above this share of lost packets less is sent (draft-ietf-rmcat-gcc, section 6), but only while packets queue."""
SHED = 0.75
HEARD_LAYERS = 8
"""So many layers a model's memory hears: where all of them come again nothing of a loss is left."""
TWICE_LOSS, THRICE_LOSS = 0.05, 0.15
"""From these shares of lost packets on two earlier frames are repeated, and three: fewer are too often lost as well. In
bursts it is one more."""
MOST_AGAIN = 3
CALM_REPORTS = 3
"""So many reports without a queue, one after the other, and a layer comes back; twice as many each time that it was
too much."""
MOST_PATIENCE = 64
FRAMES_WHEN_FULL = 4
"""Frames per packet on a link that is too narrow: heads and what networks put around them are most of what is sent."""


@dataclass(frozen=True)
class Redundancy:
    """What of earlier frames travels again.

    Args:
        frames: how many earlier frames each packet repeats for each new one, 0 … 3; 0 repeats nothing.
        layers: how many layers of them; at least those from which a model with a memory knows a lag.
        distance: how many packets back the newest repeated frame was sent first, 1 …
    """

    frames: int = 0
    layers: int = 0
    distance: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.frames <= MOST_AGAIN or not 1 <= self.distance <= 4 or (self.frames and self.layers < 1):
            raise PacketError(
                f"Redundancy of {self.frames} frames, {self.layers} layers and a distance of {self.distance} can't be "
                "sent; give 0 to 3 frames, 1 or more layers, and a distance of 1 to 4 packets."
            )

    def span(self, frames_per_packet: int) -> tuple[int, int]:
        """Repeated frames in a packet, and how many frames back the newest of them lies."""
        distance = 1 + (self.distance - 1) * frames_per_packet
        return min(self.frames * frames_per_packet, MOST_REPEATED), min(distance, MOST_DISTANCE)


NONE = Redundancy()
"""Nothing is repeated."""


def chosen_redundancy(loss: float, burst: float, least_layers: int, layers: int) -> Redundancy:
    """What is repeated at a share of lost packets.

    Args:
        loss: share of packets that get lost, 0 … 1.
        burst: mean length of a gap, in packets.
        least_layers: the fewest layers that can be decoded by themselves.
        layers: that new frames have: no more are worth repeating.
    """
    distance = 1 if burst < LONG_BURST else min(4, round(burst))
    whole = min(max(least_layers, HEARD_LAYERS), layers)
    if loss < 0.005:
        return NONE
    frames = 1 + (loss >= TWICE_LOSS) + (loss >= THRICE_LOSS) + (burst >= LONG_BURST)
    return Redundancy(min(frames, MOST_AGAIN), whole, distance)


class Adaptation:
    """A sender's view of its link.

    Args:
        least_layers: the fewest layers that frames may be left.
        lag_layers: the fewest that can be decoded by themselves.
    """

    def __init__(self, least_layers: int, lag_layers: int) -> None:
        self._least, self._lag_layers = least_layers, max(1, lag_layers)
        self.loss = 0.0
        """Share of packets that get lost, smoothed."""
        self.unmended = 0.0
        """Share of frames that are concealed in spite of what travels again, smoothed."""
        self.burst = 1.0
        """Mean gap, smoothed."""
        self.shed = 0
        """Layers fewer than wished."""
        self.frames = 1
        """Frames per packet, at least."""
        self._n_calm, self._patience, self._is_returning = 0, 1, False

    def hear(self, report: Report, layers: int) -> None:
        """A report on a stream of which `layers` are wished."""
        weight = LOSS_RISE if report.loss > self.loss else LOSS_FALL
        self.loss += weight * (report.loss - self.loss)
        weight = LOSS_RISE if report.late > self.unmended else LOSS_FALL
        self.unmended += weight * (report.late - self.unmended)
        if report.loss > 0:
            self.burst += LOSS_RISE * (max(report.burst, 1.0) - self.burst)
        now = self.layers(layers)
        if report.queue_ms > QUEUE_GROWS_MS:
            self._n_calm = 0
            if self._is_returning:
                self._is_returning, self._patience = False, min(2 * self._patience, MOST_PATIENCE)
            if self.frames < FRAMES_WHEN_FULL:
                self.frames *= 2
            else:
                factor = SHED * (1 - report.loss / 2 if report.loss > HEAVY_LOSS else 1.0)
                self.shed = layers - max(self._least, min(now - 1, int(now * factor)))
        elif self.shed > 0 or self.frames > 1:
            self._n_calm += 1
            if self._n_calm >= CALM_REPORTS * self._patience:
                self._n_calm, self._is_returning = 0, True
                if self.shed > 0:
                    self.shed -= 1
                elif self._patience < MOST_PATIENCE:
                    # Smaller packets cost as much as many layers: they are tried last, and ever more seldom.
                    self.frames //= 2
                    self._patience = min(4 * self._patience, MOST_PATIENCE)

    def layers(self, wished: int) -> int:
        """How many layers are sent where so many are wished."""
        return max(min(self._least, wished), wished - max(0, self.shed))

    def redundancy(self, layers: int) -> Redundancy:
        """What is repeated beside new frames of so many layers."""
        return chosen_redundancy(self.loss, self.burst, self._lag_layers, layers)
