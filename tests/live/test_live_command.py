"""`lamina live`: what it plays, records and shows, how it ends, and what it refuses before anything is started."""

import dataclasses
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import wave

import numpy as np
import pytest
from jack_server import JackServer, require_jack
from pedalboard.io import AudioFile
from sounds import demo, lag_samples

from lamina.cli.answers import DONE, OUTPUT
from lamina.cli.live import CLEARED, _balance
from lamina.cli.main import main
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import load_preset
from lamina.plugin.files.sound import read_audio
from lamina.plugin.host.client.live_meters import Figures
from lamina.plugin.host.client.session_file import remember_devices
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.devices import Device

RATE, BLOCK, FRAME, MARGIN = 48_000, 256, 640, 320
"""The margin is half a codec frame, as the option's help says."""
MOST_MARGIN_FRAMES = 10
WAITED_SECONDS = 120  # a bound for busy machines, not a speed that is promised
LIVE_EQUALS_RENDERED = 1e-5
"""As streaming equals offline: the same network in other chunks."""
ROUNDING = 1.01 * 2**-23
"""A recording holds 24 bits, and what is rounded in and read back may be off by one step."""
INTERFACE = Device("USB Audio (ALSA)", "ALSA", 0, 2, 2, RATE, True, True)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """A minute in stereo, longer than even the fast device plays here.

    It begins with silence, because the input fades in.
    """
    path = tmp_path_factory.mktemp("live") / "music.wav"
    sound = np.tile(demo(0, RATE, 4.0), (1, 15))[[0, -1]]
    sound[:, : RATE // 10] = 0.0
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=2, bit_depth=32) as file:
        file.write(sound)
    return path


def live(*options):
    return main(["live", *(str(option) for option in options)])


def started(*options, **popen):
    """The command in a process of its own, as a shell starts it."""
    command = [sys.executable, "-P", "-m", "lamina", "live", *(str(option) for option in options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, **popen)


@pytest.mark.parametrize(
    ("options", "settings", "name"),
    [
        (["--kbps", "3"], {"kbps": 3.0}, "take.wav"),
        (
            ["--preset", "walkie-talkie", "--set", "mix=0.5", "--buffer", "480"],
            {**load_preset("walkie-talkie").parameters, "mix": 0.5},
            "take.flac",
        ),
    ],
)
def test_what_is_heard_and_recorded_is_what_a_render_gives_at_the_reported_delay(
    music, tmp_path, capsys, options, settings, name
):
    output = tmp_path / "heard.raw"
    block = int(options[-1]) if "--buffer" in options else BLOCK
    where = ["--output", f"virtual?fast&output={output}", "--input", f"virtual?fast&input={music}"]
    assert live(*where, *options, "--duration", 3, "--record", tmp_path / name) == 0
    codec = NeuralCodec(**settings)
    heard = np.fromfile(output, np.float32).reshape(-1, 2).T
    delay = block + codec.latency_samples(RATE, block)
    n_samples = heard.shape[1] - delay
    assert n_samples >= 3 * RATE
    # A second more, because a render ends with what comes after the sound's end.
    rendered = codec(read_audio(music).samples[:, : n_samples + RATE], RATE)
    assert np.abs(heard[:, delay:] - rendered[:, :n_samples]).max() < LIVE_EQUALS_RENDERED
    # But for what a resampler's filter rings before its middle.
    assert np.abs(heard[:, :delay]).max() < LIVE_EQUALS_RENDERED
    assert not heard[:, :block].any()
    # The recording began some blocks later, and from there on it is what was heard, sample for sample.
    recorded = read_audio(tmp_path / name).samples
    start = lag_samples(recorded[0], heard[0])
    assert (start - block) % block == 0
    n_both = min(recorded.shape[1], heard.shape[1] - start)
    assert n_both >= RATE
    assert np.abs(recorded[:, :n_both] - heard[:, start : start + n_both]).max() <= ROUNDING
    said = capsys.readouterr().out
    assert f"{tmp_path / name}: {recorded.shape[1] / RATE:.1f} s recorded\n" in said
    assert f"a block of {1000 * block / RATE:.1f} ms" in said


def test_the_devices_of_last_time_are_used_and_options_go_on_top(capsys):
    remember_devices(DeviceSettings(input="virtual", output="virtual?fast", buffer=512))
    assert live("--duration", 0.2) == 0
    assert "a block of 10.7 ms" in capsys.readouterr().out
    assert live("--duration", 0.2, "--rate", 32_000) == 0
    assert "a block of 16.0 ms" in capsys.readouterr().out


def test_a_cable_is_measured_to_the_sample(capsys):
    # With the largest margin little comes late on a slow machine, and it can't grow.
    options = ["--margin", MOST_MARGIN_FRAMES]
    assert live("--output", "virtual?cable=480", "--input", "virtual?cable=480", *options, "--calibrate") == 0
    board = NeuralCodec().latency_samples(RATE, BLOCK)
    parts = [480, BLOCK + MOST_MARGIN_FRAMES * FRAME, board]
    printed = [int(number) for number in re.findall(r"(\d+) samples", capsys.readouterr().out)]
    assert printed == [*parts, sum(parts)]


def test_nothing_connected_can_not_be_measured(capsys):
    assert live("--output", "virtual", "--calibrate") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cable" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_in_order_with_the_recording_complete(music, tmp_path, number):
    take = tmp_path / "take.wav"
    command = started("--output", "virtual", "--input", f"virtual?input={music}", "--record", take)
    # Some of it is on the disk; what is in memory then must come too.
    until(lambda: take.exists() and take.stat().st_size > 6 * RATE // 2, command)
    # A terminal sends Ctrl-C to the whole group.
    (os.killpg if number == signal.SIGINT else os.kill)(command.pid, number)
    output, _ = command.communicate(timeout=WAITED_SECONDS)
    assert command.returncode == 0
    with wave.open(str(take)) as file:
        n_frames = file.getnframes()
        assert len(file.readframes(n_frames + 1)) == 6 * n_frames
    assert f"{take}: {n_frames / RATE:.1f} s recorded" in output
    assert "took" in output


def until(is_so, command):
    deadline = time.monotonic() + WAITED_SECONDS
    while not is_so():
        assert command.poll() is None, "the command ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_terminal_shows_one_line_with_level_loudness_delay_and_what_was_late(music, tmp_path):
    # A slow machine may have made the margin grow by whole frames.
    margins = [MARGIN + n * FRAME for n in range(MOST_MARGIN_FRAMES + 1)]
    delays = "|".join(
        f"{1000 * (BLOCK + margin + NeuralCodec().latency_samples(RATE, BLOCK)) / RATE:.0f}" for margin in margins
    )
    expected = (
        rf"\d:\d\d  ● \d:\d\d  6 kbps  in +−?[\d.]+ dB  out +−?[\d.]+ dB  +−[\d.]+ LUFS  delay ({delays}) ms  "
        ".*CPU .* late"
    )
    options = [
        "--output",
        "virtual",
        "--input",
        f"virtual?input={music}",
        "--kbps",
        "6",
        "--record",
        tmp_path / "take.wav",
    ]
    shown, written = on_a_terminal(options, 200, lambda text: re.search(expected, text))
    assert re.search(expected, shown)
    # Each state stands where the last one stood, and at the end nothing is left there.
    assert "\n" not in shown and shown.endswith(CLEARED)
    assert "recorded" in written and "kbps" not in written


def test_the_line_is_cut_to_the_terminal(music):
    shown, _ = on_a_terminal(
        ["--output", "virtual", "--input", f"virtual?input={music}"], 30, lambda text: text.count(CLEARED) > 5
    )
    lines = [line for line in shown.split(CLEARED) if line]
    assert len(lines) > 3 and all(len(line) == 29 for line in lines)


def on_a_terminal(options, columns, is_enough):
    """What the command draws on a terminal of so many columns, and what it prints elsewhere.

    Until it is told to end.
    """
    ours, theirs = pty.openpty()
    command = started(*options, stderr=theirs, env={**os.environ, "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"})
    os.close(theirs)
    drawn, deadline, is_told = b"", time.monotonic() + WAITED_SECONDS, False
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                drawn += os.read(ours, 65536)
            except OSError:
                break  # a terminal whose other side is closed
        if not is_told and is_enough(drawn.decode(errors="ignore")):
            is_told = True
            command.terminate()
    os.close(ours)
    command.terminate()
    written, _ = command.communicate(timeout=WAITED_SECONDS)
    return drawn.decode(), written


def test_quiet_and_pipes_get_no_line(music, capfd):
    assert live("--output", "virtual?fast", "--input", f"virtual?input={music}", "--duration", 0.2) == 0
    assert capfd.readouterr().err == ""
    shown, written = on_a_terminal(["--output", "virtual", "--duration", "0.3", "--quiet"], 200, lambda _: False)
    assert (shown, written) == ("", "")


def test_a_recording_that_is_deleted_meanwhile_is_no_success(tmp_path, capsys, music):
    take = tmp_path / "take.wav"

    def delete():
        while not take.exists():
            time.sleep(0.02)
        take.unlink()

    deleter = threading.Thread(target=delete)
    deleter.start()
    where = ["--output", "virtual", "--input", f"virtual?input={music}"]
    assert live(*where, "--duration", 1, "--record", take) == OUTPUT
    deleter.join()
    out, error = capsys.readouterr()
    assert "was deleted or moved" in error and "recorded" not in out


def test_a_disk_that_fills_is_no_success(tmp_path, music):
    def small_disk():
        # A limit on the file's size fails writes as a full disk does, after 28 s of sound; what the engine shares with
        # us is smaller.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, 8_000_000))

    take = tmp_path / "take.wav"
    where = ["--output", "virtual?fast", "--input", f"virtual?fast&input={music}", "--layers", 1]
    command = started(
        *where, "--duration", 33, "--record", take, stderr=subprocess.PIPE, preexec_fn=small_disk, cwd=tmp_path
    )
    output, error = command.communicate(timeout=WAITED_SECONDS)
    assert command.returncode == OUTPUT, error
    assert error.count("Recording ended") == 1 and "s recorded" not in output


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", ">&- 2>&-"])
def test_sound_is_heard_with_standard_streams_closed(tmp_path, music, closed):
    heard = tmp_path / "heard.raw"
    where = ["--output", f"virtual?fast&output={heard}", "--input", f"virtual?fast&input={music}", "--duration", "1"]
    command = [sys.executable, "-P", "-m", "lamina", "live", *where]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *command], timeout=WAITED_SECONDS, check=False)
    assert done.returncode == 0
    assert np.abs(np.fromfile(heard, np.float32)).max() > 0.01


def test_the_balance_tells_what_the_driver_lost_and_that_the_engine_was_replaced():
    figures = Figures(5.3, 1.0, 2.0, 3.0, 0.1, 0.1, 0, 0.0, 7, 6.7, 30.0)
    assert "the driver lost sound 7 times" in _balance(figures, 0) and "nothing was late" not in _balance(figures, 0)
    assert "started again once" in _balance(figures, 1)
    assert _balance(dataclasses.replace(figures, n_device_misses=0), 0).startswith("nothing was late")


def test_ctrl_c_while_the_command_is_loaded_is_one_line(tmp_path):
    """In the first quarter of a second nothing but modules is being loaded."""
    program = """
import sys

class Interrupted:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "lamina.plugin":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted)
from lamina.__main__ import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", program, "live"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1 and "interrupted" in done.stderr


def refused(capsys, *options):
    assert live(*options) == (OUTPUT if options[0] == "--record" else 2)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1 and output.err.startswith("lamina: ")
    return output.err


@pytest.fixture
def unstarted(monkeypatch):
    """An engine that must not be started, beside a machine with one device."""

    class Forbidden:
        def __init__(self, *_arguments, **_options):
            raise AssertionError("the engine was started")

    monkeypatch.setattr("lamina.plugin.host.client.live_engine.LiveEngine", Forbidden)
    monkeypatch.setattr("lamina.plugin.host.device.devices.probe_devices", lambda: [INTERFACE])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--output", "Nonsense"], "There is no output 'Nonsense'. Known: USB Audio (ALSA)."),
        (["--output", "USB", "--input", "Nonsense"], "There is no input 'Nonsense'"),
        (["--output", "virtual?quick"], "no option 'quick'; known: fast, input, output, cable"),
        (["--output", "virtual", "--input", "virtual?cable=long"], "'long'; give a whole number"),
        (["--input", "virtual"], "both must be devices, or both virtual"),
        (["--output", "virtual", "--input", "USB"], "both must be devices, or both virtual"),
        (["--rate", "12"], "sample_rate is 12; give a whole number of Hz from 8000 to 192000"),
        (["--buffer", "8"], "buffer is 8; give a whole number of samples from 32 to 4096"),
        (["--channels", "left"], "--channels is 'left'"),
        (["--channels", "1,2,3"], "give one channel or two"),
        (["--channels", "0"], "numbered from 1"),
        (["--margin", "-1"], "margin_frames is -1.0; give 0 to 10"),
        (["--margin", "nan"], "give 0 to 10"),
        (["--duration", "0"], "--duration is 0"),
        (["--duration", "nan"], "--duration is nan"),
        (["--duration", "inf"], "--duration is inf"),
        (["--kbps", "99"], "0.75 to 18"),
        (["--preset", "podcats"], "podcast"),
        (["--set", "mix"], "NAME=VALUE"),
        (["--model", "unheard-of"], "unheard-of"),
        (["--record", "{folder}/there.wav"], "exists already"),
        (["--record", "{folder}/take.mp3"], ".wav or .flac"),
        (["--record", "{folder}/take.doc"], ".doc"),
        (["--record", "{folder}/take"], "no suffix"),
        (["--record", "{folder}/missing/take.wav"], "does not exist"),
        (["--record", "{folder}/folder.wav"], "is a folder"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_starts(unstarted, tmp_path, capsys, options, words):
    (tmp_path / "there.wav").write_text("an older take")
    (tmp_path / "folder.wav").mkdir()
    # A take that would be made if the rest of the request were not wrong.
    wanted = [] if "--record" in options else ["--record", tmp_path / "take.wav"]
    assert words in refused(capsys, *(option.format(folder=tmp_path) for option in options), *wanted)
    assert {path.name for path in tmp_path.iterdir()} == {"there.wav", "folder.wav"}
    assert (tmp_path / "there.wav").read_text() == "an older take"


def test_what_only_the_engine_can_refuse_is_one_line_too(tmp_path, capsys, music):
    take = ["--record", tmp_path / "take.wav"]
    assert "There is no file" in refused(
        capsys, "--output", "virtual", "--input", f"virtual?input={tmp_path / 'missing.wav'}", *take
    )
    assert "48000 Hz" in refused(
        capsys, "--output", "virtual", "--input", f"virtual?input={music}", "--rate", 44_100, *take
    )
    assert "can't be written" in refused(
        capsys, "--output", f"virtual?output={tmp_path / 'missing' / 'heard.raw'}", *take
    )
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_can_not_be_started_is_one_line_too(monkeypatch, capsys):
    monkeypatch.setattr("lamina.plugin.host.client.process_handle.sys.executable", "/bin/false")
    assert "engine" in refused(capsys, "--output", "virtual")


def test_a_sound_server_that_goes_while_it_plays_does_not_abort_the_command(tmp_path):
    """PortAudio aborts the process in which it ends without its JACK server: that must never be the command's own."""
    require_jack()
    with JackServer() as server:
        command = [
            *(sys.executable, "-m", "lamina", "live", "--output", "system", "--input", "system"),
            *("--record", str(tmp_path / "take.wav")),
        ]
        environment = {**server.environment, "LAMINA_DATA": str(tmp_path)}
        live = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + WAITED_SECONDS
            while not (tmp_path / "take.wav").exists():
                assert live.poll() is None and time.monotonic() < deadline, live.communicate()
                time.sleep(0.05)
            time.sleep(0.5)
            server.kill()
            time.sleep(1.0)
            live.send_signal(signal.SIGINT)
            _, error = live.communicate(timeout=WAITED_SECONDS)
        finally:
            live.kill()
            live.wait()
    # Whether the engine had just been replaced when the recording was to be stopped is a matter of luck; then that is
    # said, and the code says it too.
    ended_before = "The recording ended before it was stopped" in error
    assert live.returncode == (OUTPUT if ended_before else DONE), error
    assert "Assertion" not in error and "went away. Looking for it" in error
