"""A line talks to its other end alone: on loopback nothing leaves the machine; between two machines it gets through."""

import asyncio
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from machines import needs_machines, two_machines
from sounds import demo

import lamina

PATIENCE = 200

TALK = """
import asyncio, numpy as np
from lamina.line import ArraySink, ArraySource, join, offer
async def talk():
    async with offer(ArraySource(np.zeros((1, 4800), np.float32), 24_000)) as offered:
        async with join(str(offered.invitation), sink=ArraySink()) as peer:
            await offered.peer()
            print((await peer.wait_ended()).reason)
asyncio.run(talk())
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_on_loopback_no_packet_goes_anywhere_else(tmp_path):
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace), sys.executable, "-c", TALK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.strip() == "The sound has ended."
    # What is heard of the kernel about this machine's own addresses is no packet.
    goes_out = re.compile(r"\d+ +(<\.\.\. )?(bind|connect|sendto|sendmsg|sendmmsg)\b")
    text = "\n".join(line for line in trace.read_text().splitlines() if goes_out.match(line))
    addresses = re.findall(r'inet_addr\("([^"]+)"\)', text) + re.findall(r'AF_INET6, "([^"]+)"', text)
    assert set(addresses) == {"127.0.0.1"}
    assert text.count("sendto(") > 10


def test_what_networks_put_around_a_message_is_what_the_rates_count():
    from line_peers import run

    from lamina.plugin.line.joining.transport import open_offer, open_transport
    from lamina.plugin.line.sender import NETWORK_BYTES

    async def talk():
        async with await open_offer() as offer:
            here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
        sent, back = [], []

        def count(end, sizes):
            send = end._connection.socket.send

            async def counting(data):
                sizes.append(len(data))
                await send(data)

            end._connection.ice._send = counting

        count(here, sent)
        count(there, back)
        for _ in range(20):
            here.send(bytes(40))
            await asyncio.sleep(0.01)
        ip_and_udp = 28
        assert max(set(sent), key=sent.count) + ip_and_udp == 40 + NETWORK_BYTES
        # The other end acknowledges every other message, not each.
        back.clear()
        for _ in range(40):
            here.send(bytes(40))
            await asyncio.sleep(0.01)
        assert 10 <= len(back) <= 30
        await here.close()
        await there.close()

    run(talk())


@pytest.mark.slow
@needs_machines
def test_two_machines_on_one_network_hear_each_other(tmp_path):
    from pedalboard.io import AudioFile

    sound, heard = tmp_path / "sound.wav", tmp_path / "heard.wav"
    with AudioFile(str(sound), "w", 24_000, 1) as file:
        file.write(0.5 * demo(1, 24_000, 2.0)[:1])

    def line(name, *arguments):
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "lamina", "line", *arguments, "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with two_machines() as (here, there):
        sending = line(here, "send", str(sound), "--listen", "10.77.0.1", "--port", "47123")
        try:
            told = json.loads(sending.stdout.readline())
            assert "/10.77.0.1:47123/" in told["invitation"]
            receiving = line(there, "receive", str(heard), "--from", told["invitation"], "--jitter-buffer", "400")
            try:
                assert receiving.communicate(timeout=PATIENCE) and receiving.returncode == 0
                assert sending.communicate(timeout=PATIENCE) and sending.returncode == 0
            finally:
                receiving.kill()
                receiving.communicate()
        finally:
            sending.kill()
            sending.communicate()
    assert np.abs(lamina.read_audio(heard).samples).max() > 0.05


@pytest.mark.slow
@needs_machines
def test_a_line_that_was_not_asked_to_listen_can_not_be_reached_from_another_machine():
    with two_machines() as (here, there):
        command = ["ip", "netns", "exec", here, sys.executable, "-m", "lamina", "line", "send"]
        offering = subprocess.Popen(
            [*command, "plugin/demo_items/voice.ogg", "--json"], stdout=subprocess.PIPE, text=True
        )
        try:
            invitation = json.loads(offering.stdout.readline())["invitation"]
            port = invitation.split("/")[1].rpartition(":")[2]
            knock = f"import socket; socket.create_connection(('10.77.0.1', {port}), 5)"
            tried = subprocess.run(
                ["ip", "netns", "exec", there, sys.executable, "-c", knock], capture_output=True, text=True
            )
            assert "Connection refused" in tried.stderr
        finally:
            offering.kill()
            offering.communicate()
