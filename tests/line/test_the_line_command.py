"""`lamina line`, as two real processes on loopback: what it prints, how it ends, and what it leaves behind."""

import os
import signal

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from gui_parts import write_sound
from line_peers import is_in_order_in
from sounds import demo

import lamina
from lamina import NeuralCodec
from lamina.cli.main import main
from lamina.plugin.codes_file.file import read_codes
from lamina.plugin.line.joining.peer import GONE_SECONDS

pytest_plugins = ["line_ends"]

VOICE = "plugin/demo_items/voice.ogg"


@pytest.fixture
def short(tmp_path):
    """A sound file of one second."""
    from pedalboard.io import AudioFile

    path = tmp_path / "short.wav"
    with AudioFile(str(path), "w", 24_000, 1) as file:
        file.write(0.5 * demo(1, 24_000, 1.0)[:1])
    return path


@pytest.mark.slow
def test_a_file_is_sent_and_recorded_by_another_process(ends, short, tmp_path):
    heard, codes = tmp_path / "heard.wav", tmp_path / "heard.lamina"
    sending = ends("send", short, "--name", "Ada", "--layers", "6", "--fixed-layers")
    invitation = sending.hears("invitation")["invitation"]
    options = ("--name", "Ben", "--codes", codes, "--jitter-buffer", "400")
    receiving = ends("receive", heard, "--from", invitation, *options)
    assert receiving.hears("state", state="talking")["there"] == "Ada"
    assert sending.hears("state", state="talking")["there"] == "Ben"
    for end in (sending, receiving):
        ended = end.hears("ended")
        assert not ended["failure"]
        assert end.ends() == (0, "")
    assert np.abs(lamina.read_audio(heard).samples).max() > 0.05
    played = read_codes(codes).codes
    came = played.counts[0] > 0
    sent = NeuralCodec(layers=6).encode(lamina.read_audio(short).samples, 24_000)
    assert came.sum() > 20
    assert is_in_order_in(played.codes[:, came, :6].swapaxes(0, 1), sent.codes.swapaxes(0, 1))


@pytest.mark.slow
def test_an_end_that_is_killed_is_told_from_one_that_says_goodbye(ends, tmp_path):
    offering = ends("offer", "--source", VOICE, "--sink", tmp_path / "one.wav", "--name", "Ada")
    invitation = offering.hears("invitation")["invitation"]
    joining = ends("join", invitation, "--source", VOICE, "--sink", tmp_path / "two.wav", "--name", "Ben")
    for end in (offering, joining):
        end.hears("state", state="talking")
    joining.process.kill()
    ended = offering.hears("ended")
    assert ended["failure"]
    assert ended["reason"] == "The end of Ben is gone without a goodbye: nobody is at its port any more."
    assert offering.ends()[0] == 1
    for name in ("one.wav", "two.wav"):  # what was recorded can be read, whoever was killed
        assert lamina.read_audio(tmp_path / name).sample_rate == 24_000


@pytest.mark.slow
def test_an_end_that_only_stands_still_is_waited_for(ends, tmp_path):
    minutes = write_sound(tmp_path / "minutes.wav", 24_000, np.zeros((1, 24_000 * 300)))
    offering = ends("offer", "--source", minutes, "--sink", tmp_path / "one.wav")
    invitation = offering.hears("invitation")["invitation"]
    joining = ends("join", invitation, "--source", minutes, "--sink", tmp_path / "two.wav")
    for end in (offering, joining):
        end.hears("state", state="talking")
    joining.process.send_signal(signal.SIGSTOP)
    try:
        offering.hears("state", state="interrupted")
        while offering.hears("status")["unheard_seconds"] < 2 * GONE_SECONDS:
            pass
    finally:
        joining.process.send_signal(signal.SIGCONT)
    offering.hears("state", state="talking")
    offering.process.send_signal(signal.SIGINT)
    assert not offering.hears("ended")["failure"]


@pytest.mark.slow
def test_when_one_end_is_ended_the_other_ends_too(ends, tmp_path):
    offering = ends("offer", "--source", VOICE, "--sink", tmp_path / "one.wav")
    invitation = offering.hears("invitation")["invitation"]
    joining = ends("join", invitation, "--source", VOICE, "--sink", tmp_path / "two.wav")
    joining.hears("state", state="talking")
    offering.process.send_signal(signal.SIGTERM)
    assert offering.ends() == (0, "")
    assert "ended" in joining.hears("ended")["reason"] or "closed" in joining.ends()[1]


@pytest.mark.slow
def test_a_line_that_nobody_joins_ends_by_ctrl_c(ends, tmp_path):
    offering = ends("receive", tmp_path / "heard.wav")
    offering.hears("invitation")
    offering.process.send_signal(signal.SIGINT)
    assert offering.ends()[0] == 130
    assert not (tmp_path / "heard.wav").exists()


WITHOUT_HANDLERS = """
import asyncio, sys

class Loop(asyncio.SelectorEventLoop):
    # As loops are on Windows.
    def add_signal_handler(self, *arguments):
        raise NotImplementedError

class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Loop()

asyncio.set_event_loop_policy(Policy())
from lamina.cli.main import main
sys.exit(main())
"""


@pytest.mark.slow
def test_ctrl_c_ends_a_line_properly_where_loops_have_no_handlers_of_signals(ends, tmp_path):
    program = ("-W", "ignore", "-c", WITHOUT_HANDLERS)
    waiting = ends("receive", tmp_path / "never.wav", program=program)
    waiting.hears("invitation")
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.ends() == (130, "")
    offering = ends("offer", "--source", VOICE, "--sink", tmp_path / "one.wav", program=program)
    joining = ends(
        "join", offering.hears("invitation")["invitation"], "--source", VOICE, "--sink", tmp_path / "two.wav"
    )
    for end in (offering, joining):
        end.hears("state", state="talking")
    offering.process.send_signal(signal.SIGINT)
    assert not offering.hears("ended")["failure"]
    assert offering.ends() == (0, "")
    assert not joining.hears("ended")["failure"] or "closed" in joining.ends()[1]


@pytest.mark.slow
def test_parameters_and_devices_are_changed_while_a_line_runs(ends, tmp_path):
    first, second = tmp_path / "first.raw", tmp_path / "second.raw"
    # One way, and as late as can be, so that a busy machine keeps up.
    patient = ("--buffer", "4096", "--control")
    offering = ends("send", "--device-input", "virtual", "--layers", "8", "--fixed-layers", *patient)
    invitation = offering.hears("invitation")["invitation"]
    output = f"virtual?output={first}"
    joining = ends("receive", "--from", invitation, "--device-output", output, "--margin", "10", *patient)
    for end in (offering, joining):
        end.hears("state", state="talking")
    offering.hears("status", layers=8)
    offering.asks("layers=5")
    assert offering.hears("changed", asked="layers=5")["refused"] is False
    offering.hears("status", layers=5)
    joining.asks("hear denoise=1", f"output virtual?output={second}")
    assert joining.hears("changed", asked="hear denoise=1")["told"] == "Heard with denoise=1."
    assert joining.hears("changed")["refused"] is False
    while not (second.exists() and second.stat().st_size > 10_000):
        joining.hears("status")
    assert first.stat().st_size > 0
    for end, asked, told in (
        (joining, "louder", "changes nothing"),
        (joining, "layers=4", "Nothing is sent"),
        (offering, "layers=99", "layers"),
        (offering, "stereo=mono", "does nothing here"),
        (joining, "hear search=8", "does nothing here"),
        (joining, "hear frame_loss=0.5", "in the middle"),
        (joining, "output virtual?speed=2", "speed"),
        (joining, "mute", "Nothing is sent"),
        (joining, "frames 2", "Nothing is sent"),
        (joining, "jitter-buffer 900", "from 0 to 500"),
        (offering, "frames 5", "from 1 to 4"),
    ):
        end.asks(asked)
        changed = end.hears("changed", asked=asked)
        assert changed["refused"] and told in changed["told"], changed
    offering.asks("mute", "frames 2")
    offering.hears("status", is_muted=True)
    offering.asks("unmute")
    offering.hears("status", is_muted=False)
    joining.asks("jitter-buffer 400")
    assert "400 ms" in joining.hears("changed", asked="jitter-buffer 400")["told"]
    while joining.hears("status")["buffer_ms"] < 390:
        pass
    size = second.stat().st_size
    while second.stat().st_size <= size:  # it goes on where it was
        joining.hears("status")
    joining.asks("end")
    assert joining.ends() == (0, "")


@pytest.mark.slow
def test_someone_without_the_invitation_is_told_and_the_line_goes_on_waiting(ends, tmp_path):
    offering = ends("send", VOICE)
    invitation = offering.hears("invitation")["invitation"]
    other = ends("send", VOICE)
    wrong = other.hears("invitation")["invitation"].split("/")
    wrong[1] = invitation.split("/")[1]
    asking = ends("receive", tmp_path / "heard.wav", "--from", "/".join(wrong))
    code, told = asking.ends()
    assert code == 2
    assert "the secret of the invitation is wrong" in told
    assert "secret" in offering.hears("refused")["reason"]
    assert offering.process.poll() is None


@pytest.mark.slow
def test_a_line_between_two_virtual_devices(ends, tmp_path):
    """Live at both ends; the length is counted by the peers, who keep the devices' pace."""
    sound = tmp_path / "in.wav"
    from pedalboard.io import AudioFile

    with AudioFile(str(sound), "w", 48_000, 1) as file:
        file.write(np.tile(0.5 * demo(1, 48_000, 4.0)[:1], 10))
    device = f"virtual?input={sound}"
    offering = ends("offer", "--device-input", device, "--name", "Ada")
    invitation = offering.hears("invitation")["invitation"]
    output = tmp_path / "out.raw"
    # As late as can be, so that sound is in time on a busy machine too.
    patient = ("--buffer", "4096", "--margin", "10")
    joining = ends("join", invitation, "--device-output", f"virtual?output={output}", "--name", "Ben", *patient)
    joining.hears("state", state="talking", there="Ada")
    while not (output.exists() and output.stat().st_size > 8 * 48_000 * 2):
        joining.hears("status")
    status = joining.hears("status")
    assert status["delay_ms"] > status["buffer_ms"] > 0
    joining.process.send_signal(signal.SIGINT)
    assert joining.ends() == (0, "")
    played = np.fromfile(output, np.float32).reshape(-1, 2)
    assert np.array_equal(played[:, 0], played[:, 1])
    assert np.abs(played).max() > 0.05


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["join", "hello"], "This is no invitation"),
        (["send", "nowhere.wav"], "nowhere.wav"),
        (["receive", VOICE], "wav"),
        (["send", VOICE, "--frames", "9"], "1 to 4"),
        (["send", VOICE, "--duration", "-1"], "more than 0"),
        (["receive", "new.wav", "--jitter-buffer", "long"], "milliseconds"),
        (["receive", "new.wav", "--hear", "search=8"], "does nothing here"),
        (["send", VOICE, "--set", "mix=0.5"], "does nothing here"),
        (["send", VOICE, "--listen", "nowhere"], "no address"),
        (["send", VOICE, "--address", "example.org:5"], "--address means nothing"),
        (["receive", "new.wav", "--codes", "codes.wav"], ".lamina"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_a_code(arguments, told, capsys, tmp_path, monkeypatch):
    voice = os.path.abspath(VOICE)  # noqa: PTH100
    monkeypatch.chdir(tmp_path)
    code = main(["line", *(voice if argument == VOICE else argument for argument in arguments)])
    captured = capsys.readouterr()
    assert code in (2, 3, 4)
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
