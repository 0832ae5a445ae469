"""What there is to choose from for a line, where that depends on little."""

from __future__ import annotations

from collections.abc import Sequence

from lamina.gui.model.sound.devices import Choice

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
LIVE_INPUT, LIVE_STEREO, LIVE_OUTPUT, OPEN_FILE, RECORDING, BOTH, NOTHING = (
    "input",
    "stereo",
    "output",
    "file",
    "recording",
    "output and recording",
    "nothing",
)
AUTOMATIC = "auto"
BUFFERS_MS = (10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500)
FRAMES_PER_PACKET = (1, 2, 3, 4)

SINKS = (
    Choice(LIVE_OUTPUT, "Live output"),
    Choice(BOTH, "Live output and a recording"),
    Choice(RECORDING, "A new recording"),
    Choice(NOTHING, "Nowhere"),
)
"""Where what arrives can go."""
BUFFERS = (
    Choice(AUTOMATIC, "Buffer: auto"),
    *(Choice(buffer_ms, f"Buffer: {buffer_ms} ms", "Always") for buffer_ms in BUFFERS_MS),
)
"""How long packets can be waited for."""
PACKETS = tuple(Choice(frames, f"{frames} frame{'s' if frames > 1 else ''}") for frames in FRAMES_PER_PACKET)
"""How many frames a packet can have."""


def listen_choices(addresses: Sequence[str]) -> list[Choice]:
    """Where a line can be offered by a machine with these addresses."""
    return [
        Choice(LOOPBACK, "This machine alone"),
        *(Choice(address, address, "Let others in at") for address in addresses),
        Choice(EVERYWHERE, "All addresses of this machine", "Let others in at"),
    ]


def own_addresses() -> tuple[str, ...]:
    """This machine's, without loopback; raises ImportError, which says what to install."""
    from lamina.plugin.line.joining.transport import load_network

    load_network()
    from aioice.ice import get_host_addresses

    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True))
