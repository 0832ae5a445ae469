"""Two machines on a network of their own, made of network namespaces, and a bad wire between them."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NO_OFFLOAD = """
import array, fcntl, socket, struct, sys
# ETHTOOL_STXCSUM, 0: a wire that hands on what it read needs packets that are complete.
wish = array.array("B", struct.pack("II", 0x17, 0))
request = struct.pack("16sP", sys.argv[1].encode(), wish.buffer_info()[0])
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
"""


def can_make_namespaces():
    if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"lamina-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return made


@contextlib.contextmanager
def two_machines():
    """Two network namespaces, joined by a cable; gives their names. Nothing else is reached from them."""
    names = [f"lamina-{end}-{os.getpid()}" for end in "ab"]
    cables = [f"la{end}{os.getpid() % 100_000}" for end in "ab"]

    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        for number, (name, cable) in enumerate(zip(names, cables, strict=True), start=1):
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", cables[0]], capture_output=True)


class BadWire:
    """A wire that loses and delays what is sent over UDP, as the simulator's link does; `cut` and `mend` work at once.

    Args:
        namespace: of both cables' ends.
        cables: their names.
        link: options of the wire, see `bad_wire`.
    """

    def __init__(self, namespace, cables, link):
        command = ["ip", "netns", "exec", namespace, sys.executable, Path(__file__).with_name("bad_wire.py"), *cables]
        self._process = subprocess.Popen(
            [*command, *link], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout.readline() == "ready\n"

    def cut(self):
        self._process.stdin.write("cut\n")

    def mend(self):
        self._process.stdin.write("mend\n")

    def close(self):
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def two_machines_on_a_bad_wire(*link):
    """As `two_machines`, with a wire between their cables; gives both names and the wire."""
    number = os.getpid() % 100_000
    names = [f"lamina-{end}-{os.getpid()}" for end in "xyz"]
    cables = [f"l{end}{number}" for end in "xyz"]
    inner = [f"i{end}{number}" for end in "xy"]

    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    wire = None
    try:
        for name in names:
            ip("netns", "add", name)
        for host, (name, cable, end) in enumerate(zip(names, cables[:2], inner, strict=False), start=1):
            ip("link", "add", cable, "type", "veth", "peer", "name", end)
            ip("link", "set", cable, "netns", name)
            ip("link", "set", end, "netns", names[2])
            ip("-n", name, "addr", "add", f"10.78.0.{host}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", names[2], "link", "set", end, "up")
            ip("netns", "exec", name, sys.executable, "-c", NO_OFFLOAD, cable)
        wire = BadWire(names[2], inner, link)
        yield names[0], names[1], wire
    finally:
        if wire is not None:
            wire.close()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        for cable in cables[:2]:
            subprocess.run(["ip", "link", "del", cable], capture_output=True)


needs_machines = pytest.mark.skipif(
    not can_make_namespaces(), reason="network namespaces can be made by root alone, where the system has them"
)
