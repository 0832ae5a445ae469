"""A wire between two network cables that harms what is sent over UDP: the simulator's link, in real time.

    bad_wire.py ONE OTHER [NAME=VALUE …]

Names and values are those of `lamina.plugin.line.simulator.Link`. It says "ready" when it carries, and reads "cut" and
"mend" from standard input. Whatever is no UDP over IPv4 goes through at once.
"""

import select
import socket
import sys
import time

from lamina.plugin.line.simulator import Link, LinkAtWork

ALL_PROTOCOLS, OUTGOING = 3, 4
IPV4, UDP = b"\x08\x00", 17
LONGEST = 1 << 16


def main(one, other, *options):
    """Carry until standard input ends."""
    wishes = {name: float(value) for name, _, value in (option.partition("=") for option in options)}
    seed = int(wishes.pop("seed", 0))
    ends = [open_cable(one), open_cable(other)]
    ways = [LinkAtWork(Link(**wishes, seed=seed + number)) for number in range(2)]
    is_cut = False
    print("ready", flush=True)
    while True:
        due = [way.next_at for way in ways if way.next_at is not None]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([*ends, sys.stdin], [], [], wait)
        if sys.stdin in readable:
            wish = sys.stdin.readline()
            if not wish:
                return
            is_cut = wish == "cut\n"
        now = time.monotonic()
        for number, end in enumerate(ends):
            if end in readable:
                frame, address = end.recvfrom(LONGEST)
                if address[2] == OUTGOING:
                    continue
                if frame[12:14] == IPV4 and frame[23] == UDP:
                    if not is_cut:
                        ways[number].send(frame, now)
                else:
                    ends[1 - number].send(frame)
            for _, frame in ways[number].arrived(now):
                ends[1 - number].send(frame)


def open_cable(name):
    """A socket for all that comes by this cable."""
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    cable.bind((name, 0))
    return cable


if __name__ == "__main__":
    main(*sys.argv[1:])
