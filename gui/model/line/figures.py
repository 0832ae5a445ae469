"""The figures of a line in words, as the panel shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.gui.model.values.words import kbps_text

if TYPE_CHECKING:
    from lamina.plugin.line.joining.status import PeerStatus

UNKNOWN = "\N{EN DASH}"
FIGURES = {
    "Mouth to ear": "From the other end's source to your ear, through the codec, the network and both ends' buffers; "
    "right within a codec frame (13.3 ms).",
    "Round trip": "Through the network there and back, without buffers.",
    "Buffer": "How long frames wait before they are heard: more where packets come less evenly.",
    "Jitter": "How unevenly packets come.",
    "You miss": "The share of packets that didn't come lately, and all frames that had to be concealed so far.",
    "They miss": "The share of your packets that the other end missed, as it last reported.",
    "You send": "Kilobits per second that are really sent with all headers of the network; below, the codes alone.",
    "You get": "Kilobits per second of the messages that come, without the network's headers.",
}
"""Their heads, and what each of them means."""


def figures(status: PeerStatus) -> dict[str, tuple[str, str]]:
    """Each figure by its head: the value, and a detail to stand below it."""
    sent = status.sent
    hears = status.delay_ms is not None
    concealed = f"{status.concealed} concealed" if hears else ""
    return {
        "Mouth to ear": (_ms(status.delay_ms), ""),
        "Round trip": (_ms(status.round_trip_ms), ""),
        "Buffer": (_ms(status.buffer_ms if hears else None), ""),
        "Jitter": (_ms(status.jitter_ms if hears else None), ""),
        "You miss": (_share(status.loss if hears else None), concealed),
        "They miss": (_share(status.there_loss), ""),
        "You send": (UNKNOWN, "nothing")
        if sent is None
        else (f"{sent.network:.0f} kbps", f"codes {kbps_text(round(sent.codes, 1))}"),
        "You get": (f"{status.received_kbps:.0f} kbps", "") if hears else (UNKNOWN, "nothing"),
    }


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} ms"


def _share(value: float | None) -> str:
    return (
        UNKNOWN if value is None else f"{100 * value:.0f} %" if value >= 0.0995 or not value else f"{100 * value:.1f} %"
    )
