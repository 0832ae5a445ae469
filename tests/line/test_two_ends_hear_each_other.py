"""What one end sends the other hears: exactly, under the other's name, or not at all and told why."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from sounds import demo, lag_samples

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from line_peers import is_in_order_in, run, slow_motion, two_peers, until  # noqa: F401 - a fixture

import lamina
from lamina import Board, NeuralCodec
from lamina.line import LIVE, ArraySink, ArraySource, BoardSource, FileSource, LineSettings
from lamina.plugin.codes_file.file import read_codes
from lamina.plugin.codes_file.header import ContainerError
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.line import receiver
from lamina.plugin.line.codec_ends import hello_of
from lamina.plugin.line.joining import opening, peer, pump
from lamina.plugin.line.joining import sound as sounds_of_a_peer
from lamina.plugin.line.joining.transport import open_offer

RATE = 24_000
EXACT = LineSettings(buffer_ms=200, correct_drift=False)
"""A buffer that neither grows nor shrinks, and no correction of clocks: nothing but decoding changes the sound."""

pytestmark = pytest.mark.usefixtures("slow_motion")


def speech(seconds=0.8, n_channels=1):
    one = 0.5 * demo(1, RATE, seconds)[:1]
    return np.concatenate([one, one[:, ::-1]])[:n_channels]


@pytest.mark.slow
@pytest.mark.parametrize("n_channels", [1, 2])
def test_both_hear_the_local_decode_of_what_the_other_encoded(tmp_path, n_channels, monkeypatch):
    # On a busy machine packets wait, and what they waited is taken out of the sound later: not here.
    monkeypatch.setattr(receiver, "SHORTEN_FROM_MS", 1e6)
    x, y = speech(n_channels=n_channels), speech(n_channels=n_channels)[:, ::-1].copy()
    at_here, at_there = ArraySink(), ArraySink()
    here = {"source": ArraySource(x, RATE), "sink": at_here, "codec": NeuralCodec(layers=8)}
    there = {"source": ArraySource(y, RATE), "sink": at_there, "codec": NeuralCodec(layers=5)}
    files = tmp_path / "here.lamina", tmp_path / "there.lamina"

    async def talk():
        settings = [replace(EXACT, name=name, codes=file) for name, file in zip(("Ada", "Ben"), files, strict=True)]
        async with two_peers(here | {"settings": settings[0]}, there | {"settings": settings[1]}) as (one, other):
            endings = await asyncio.gather(one.wait_ended(), other.wait_ended())
            assert not any(ending.is_failure for ending in endings)
            assert (one.there, other.there) == ("Ben", "Ada")

    run(talk())
    for file, sink, sound, layers in ((files[0], at_here, y, 5), (files[1], at_there, x, 8)):
        played = read_codes(file).codes
        sent = NeuralCodec(layers=layers).encode(sound, RATE)
        came = played.counts[0] > 0
        assert came.sum() > 0.5 * sent.n_frames
        assert is_in_order_in(played.codes[:, came, :layers].swapaxes(0, 1), sent.codes.swapaxes(0, 1))
        local, heard = NeuralCodec().decode(played, RATE), sink.samples
        assert heard.shape[0] == n_channels
        lag = lag_samples(local[0], heard[0])
        n = min(heard.shape[1] - lag, local.shape[1])
        assert n > 0.5 * RATE
        # The resampler's kernel looks back over the first sample, where the line has silence and the file nothing.
        assert np.array_equal(heard[:, lag + 100 : lag + n], local[:, 100:n])


def test_send_only_meets_receive_only():
    sink = ArraySink()

    async def talk():
        here = {"source": ArraySource(speech(), RATE), "settings": LineSettings(name="Ada")}
        async with two_peers(here, {"sink": sink, "settings": LineSettings(name="Ben")}) as (one, other):
            endings = await asyncio.gather(one.wait_ended(), other.wait_ended())
            assert [ending.reason for ending in endings] == ["The sound has ended."] * 2
            assert one.there == "Ben"
            assert one.receiver is None and other.sender is None
            assert one.status().sent.codes > 0

    run(talk())
    assert np.abs(sink.samples).max() > 0.1


@pytest.mark.slow
def test_a_recording_ends_where_the_sender_ended(tmp_path):
    out, codes = tmp_path / "heard.wav", tmp_path / "heard.lamina"
    here = {"source": ArraySource(speech(0.8), RATE)}
    settings = replace(EXACT, codes=codes)

    async def talk():
        async with two_peers(here, {"sink": out, "settings": settings}) as (_, other):
            assert not (await other.wait_ended()).is_failure
            assert other.receiver.is_over

    run(talk())
    recorded = read_codes(codes).codes
    came = np.flatnonzero(recorded.counts[0])
    assert came[-1] == recorded.n_frames - 1
    samples = lamina.read_audio(out).samples
    sound = NeuralCodec().decode(recorded, RATE)
    lag = lag_samples(sound[0], samples[0])
    assert samples.shape[1] == pytest.approx(lag + recorded.n_frames * 320, abs=320)


@pytest.mark.slow
def test_an_end_that_falls_silent_is_told_and_then_lost(monkeypatch):
    monkeypatch.setattr(peer, "LOST_SECONDS", 3.0)
    sink = ArraySink()

    async def talk():
        here = {"source": ArraySource(speech(9.0), RATE), "settings": LineSettings(name="Ada")}
        async with two_peers(here, {"sink": sink}) as (one, other):
            await until(lambda: other.receiver is not None and other.receiver.counts.packets > 20)
            for end in (one, other):
                end._transport._connection.socket.data_received = lambda data, component: None
            await until(lambda: other.status().words == "nothing heard from Ada for 2 s")
            endings = await asyncio.gather(one.wait_ended(), other.wait_ended())
            assert [ending.is_failure for ending in endings] == [True, True]
            # Whoever gives up first frees its port, which the other one may be told.
            lost = "Nothing was heard from Ada for 3 s; the line is lost. The network is cut"
            assert endings[1].reason.startswith((lost, "The end of Ada is gone without a goodbye"))
            came = other.receiver.counts.played - other.receiver.counts.concealed
            assert sink.samples.shape[1] < (came + other.receiver.counts.concealed) * 320
            assert not sink.samples[:, -100:].any() or np.abs(sink.samples[:, -100:]).max() < 0.01

    run(talk())


def test_a_file_goes_in_and_a_file_comes_out(tmp_path):
    out = tmp_path / "heard.wav"

    async def talk():
        async with two_peers({"source": "plugin/demo_items/voice.ogg"}, {"sink": out}) as (one, other):
            await until(lambda: other.receiver is not None and other.receiver.counts.played > 40)
            assert one.state == other.state == "talking"
            await one.close()
            assert not (await other.wait_ended()).is_failure

    run(talk())
    clip = lamina.read_audio(out)
    assert clip.sample_rate == RATE
    assert np.abs(clip.samples).max() > 0.01


def test_a_board_stands_before_a_source_and_several_sources_are_read_to_their_ends():
    gain = NeuralCodec(bypass=True, output_gain_db=0.0)
    source = BoardSource(Board([gain]), ArraySource(speech(), RATE))
    blocks = []
    while True:
        blocks.append(source.read(1000))
        if blocks[-1].shape[1] < 1000:
            break
    assert sum(block.shape[1] for block in blocks) == speech().shape[1]
    file = FileSource("plugin/demo_items/music.ogg", n_channels=1)
    assert file.read(500).shape == (1, 500)
    file.close()
    file.close()
    assert file.read(500).shape == (1, 0)


def test_devices_are_changed_only_where_there_are_some_and_the_new_ones_can_be_opened():
    virtual = DeviceSettings(input="virtual", output="virtual", input_channels=(1,), sample_rate=48_000)

    async def talk():
        here = {"source": LIVE, "settings": LineSettings(devices=virtual)}
        async with two_peers(here, {"sink": ArraySink()}) as (one, other):
            await until(lambda: other.receiver is not None and other.receiver.counts.packets > 5)
            with pytest.raises(ValueError, match="no devices to change"):
                await other.change_devices(virtual)
            with pytest.raises(ValueError, match="2 can't be sent"):
                await one.change_devices(virtual.changed(input_channels=(1, 2)))
            with pytest.raises(OSError, match="no option 'speed'"):
                await one.change_devices(virtual.changed(input="virtual?speed=2"))
            assert one.settings.devices == virtual
            slower = virtual.changed(buffer=512)
            await one.change_devices(slower)
            assert one.settings.devices == slower
            n_before = other.receiver.counts.packets
            await until(lambda: other.receiver.counts.packets > n_before + 20)
            await one.close()
            with pytest.raises(ValueError, match="has ended"):
                await one.change_devices(virtual)

    run(talk())


def test_a_device_that_only_captures_is_kept_going():
    settings = DeviceSettings(input="virtual", output="virtual", input_channels=(1,), sample_rate=48_000, buffer=512)
    clock = pump.DeviceClock(settings, has_input=True, has_output=False)
    now = 0.0
    clock.stream._clock, clock.stream._sleep = lambda: now, lambda seconds: None
    clock.start()
    for n_blocks in range(1, 2000):  # twenty seconds, of which it keeps two
        now = n_blocks * clock.block_seconds + 1e-6
        assert clock.wait(n_blocks, lambda: False), (n_blocks, clock.trouble)
        assert clock.captured().shape == (1, 512)
    clock.stop()


def test_layers_may_be_changed_while_sound_flows():
    async def talk():
        codec = NeuralCodec(layers=8)
        here = {"source": ArraySource(speech(2.0), RATE), "codec": codec}
        async with two_peers(here, {"sink": ArraySink()}) as (one, other):
            seen = set()
            other_codes = []
            await until(lambda: other.receiver is not None)
            other.receiver.on_codes = other_codes.append
            while one.state != "ended" and other.state != "ended" and len(seen) < 3:
                codec.layers = 3 + (codec.layers - 2) % 6
                await asyncio.sleep(0.05)
                seen = {int(count) for codes in other_codes for count in codes.counts.ravel() if count}
            assert len(seen) >= 3

    run(talk())


def test_another_model_is_told_at_both_ends_and_nothing_is_heard(monkeypatch):
    real = sounds_of_a_peer.hello_of

    def of_a_cello(*arguments):
        return replace(real(*arguments), bundle="cello", digest="00" * 32)

    monkeypatch.setattr(sounds_of_a_peer, "hello_of", of_a_cello)  # the end without a source
    sink = ArraySink()

    async def talk():
        async with two_peers({"source": ArraySource(speech(), RATE), "sink": ArraySink()}, {"sink": sink}) as ends:
            endings = await asyncio.gather(*(end.wait_ended() for end in ends))
            assert all(ending.is_failure for ending in endings)
            assert all("'cello'" in ending.reason and "same model" in ending.reason for ending in endings)

    run(talk())
    assert np.abs(sink.samples).max(initial=0.0) == 0.0


def test_another_version_is_told():
    async def talk():
        hello = bytearray(hello_of(NeuralCodec(), 1, 7, "Tomorrow").pack())
        hello[0] = 0x20 | hello[0] & 15
        async with await open_offer() as offer:
            joined = asyncio.ensure_future(offer.accept())
            async with opening.join(offer.invitation, sink=ArraySink()) as peer:
                other = await joined
                while not peer._ending.done():
                    other.send(bytes(hello))
                    await asyncio.sleep(0.02)
                ending = await peer.wait_ended()
                assert ending.is_failure
                assert "version 2" in ending.reason
                await other.close()

    run(talk())


def test_a_cut_is_told_and_sound_comes_back():
    async def talk():
        here = {"source": ArraySource(speech(6.0), RATE)}
        async with two_peers(here, {"sink": ArraySink()}) as (one, other):
            await until(lambda: other.receiver is not None and other.receiver.counts.packets > 5)
            sockets = [end._transport._connection.socket for end in (one, other)]
            for end in sockets:
                end.data_received = lambda data, component: None
            await until(lambda: other.state == "interrupted")
            n_before = other.receiver.counts.packets
            for end in sockets:
                del end.data_received
            await until(lambda: other.state == "talking" and other.receiver.counts.packets > n_before)
            assert one.state in ("talking", "interrupted")

    run(talk())


def test_garbage_from_the_peer_is_counted_and_changes_nothing():
    async def talk():
        noise = np.random.default_rng(3)
        here = {"source": ArraySource(speech(2.0), RATE)}
        async with two_peers(here, {"sink": ArraySink()}) as (one, other):
            await until(lambda: other.receiver is not None)
            for _ in range(200):
                one._transport.send(noise.bytes(int(noise.integers(1, 300))))
                await asyncio.sleep(0.001)
            await until(lambda: other.status().refused > 0)
            await until(lambda: other.receiver.counts.played > 20)
            assert other.state == "talking"

    run(talk())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "neither a source nor a sink"),
        ({"source": LIVE, "board": Board([])}, "A board stands"),
        ({"source": "nowhere.wav"}, "nowhere.wav"),
        ({"sink": "plugin/demo_items/voice.ogg"}, r"\.wav"),
        ({"sink": ArraySink(), "settings": LineSettings(codes="x.wav")}, r"\.lamina"),
        ({"sink": ArraySink(), "settings": LineSettings(frames_per_packet=5)}, "1 to 4"),
        ({"source": ArraySource(np.zeros((1, 9), np.float32), RATE), "listen": "example"}, "no address"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anybody_is_met(given, told):
    async def talk():
        async with opening.offer(**given):
            pass

    with pytest.raises((ValueError, OSError), match=told):
        run(talk())


def test_codes_are_never_recorded_over_a_file_that_is_there(tmp_path):
    kept = tmp_path / "kept.lamina"
    kept.write_bytes(b"of yesterday")

    async def talk():
        async with opening.offer(sink=ArraySink(), settings=LineSettings(codes=kept)):
            pass

    with pytest.raises(ContainerError, match=r"kept\.lamina exists already, and a recording overwrites nothing"):
        run(talk())
    assert kept.read_bytes() == b"of yesterday"


def test_an_address_that_cant_be_listened_at_is_told_without_a_port_that_nobody_named():
    async def talk():
        async with opening.offer(sink=ArraySink(), listen="203.0.113.7"):
            pass

    with pytest.raises(ValueError, match=r"can't be offered at 203\.0\.113\.7: "):
        run(talk())


def test_importing_lamina_or_its_line_loads_no_network_library():
    import subprocess
    import sys

    script = "import sys, lamina; lamina.line; print([m for m in sys.modules if m.startswith(('aiortc', 'aioice'))])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_an_end_without_an_input_says_so_and_leaves_nobody_waiting():
    silent = LineSettings(devices=DeviceSettings(input="none", output="virtual"))

    async def talk():
        async with opening.offer(LIVE, settings=silent) as offered:
            joining = opening.join(str(offered.invitation), sink=ArraySink())
            async with joining as there:
                with pytest.raises(OSError, match="no sound input"):
                    await offered.peer()
                ending = await there.wait_ended()
                assert ending.is_failure and ending.reason == "The other end closed the line."

    run(talk())
