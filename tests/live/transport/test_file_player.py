"""The engine's file transport plays every sample of a file once, moves without a click, and never waits."""

import threading
import time

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.plugin.files.sound import AudioFileError
from lamina.plugin.host.transport.file_player import FilePlayer, PlayState

RATE = 48000
BLOCK = 256
FADE = 240  # 5 ms: a pause
JUMP_FADE = 480  # 10 ms: a seek
PATIENCE_SECONDS = 30  # a bound for busy machines, not a speed that is promised


@pytest.fixture
def player():
    player = FilePlayer(RATE, wait=True)
    yield player
    player.close()
    assert not any(thread.name == "lamina-clip" for thread in threading.enumerate())


def write(path, sound, rate=RATE):
    with AudioFile(str(path), "w", rate, sound.shape[0], bit_depth=32) as file:
        file.write(sound)
    return path


def tone(seconds=3.0, level=0.5, frequency=100.0):
    """Slow enough that any cut shows as a step."""
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)[None]


def read(player, n_samples, block=BLOCK):
    """Sound `[2, n]` and the clip sample that each output sample comes from (−1: none)."""
    sounds, places = [], []
    for start in range(0, n_samples, block):
        size = min(block, n_samples - start)
        sound, segments = player.read(size)
        assert sound.shape == (2, size) and sound.dtype == np.float32
        assert [s.offset for s in segments] == list(np.cumsum([0] + [s.n_samples for s in segments])[:-1])
        assert sum(s.n_samples for s in segments) == size
        sounds.append(sound)
        places += [
            np.full(s.n_samples, -1) if s.position is None else s.position + np.arange(s.n_samples) for s in segments
        ]
    return np.concatenate(sounds, axis=1), np.concatenate(places)


def steepest(sound):
    return float(np.abs(np.diff(sound)).max())


@pytest.mark.parametrize("block", [1, 64, 1000, 100_000])
def test_a_file_plays_as_it_is_then_stops_and_rewinds(player, tmp_path, block):
    sound = noise(2, 3000)
    player.load(write(tmp_path / "sound.wav", sound))
    assert (player.state, player.n_channels, player.seconds) == (PlayState.STOPPED, 2, 3000 / RATE)
    assert not read(player, 500, block)[0].any()
    player.play()
    heard, places = read(player, 3000, block)
    assert np.array_equal(heard, sound) and np.array_equal(places, np.arange(3000))
    # What follows is the mirrored end, fading.
    heard, places = read(player, 3000, block)
    assert np.all(places == -1) and heard[:, :400].any() and not heard[:, JUMP_FADE:].any()
    assert player.state is PlayState.STOPPED and player.position_seconds == 0
    player.play()
    assert np.array_equal(read(player, 3000, block)[0], sound)


def test_a_mono_file_goes_to_both_channels(player, tmp_path):
    sound = noise(1, 1000)
    player.load(write(tmp_path / "mono.wav", sound))
    player.play()
    assert player.n_channels == 1 and np.array_equal(read(player, 1000)[0], np.repeat(sound, 2, axis=0))


def test_without_a_file_there_is_silence(player):
    for command in (
        player.play,
        player.pause,
        player.stop,
        player.unload,
        lambda: player.seek(1.0),
        lambda: player.set_loop((0, 1)),
    ):
        command()
        heard, places = read(player, 300)
        assert not heard.any() and np.all(places == -1) and player.state is PlayState.STOPPED
    assert (player.n_channels, player.seconds, player.position_seconds) == (0, 0.0, 0.0)


@pytest.mark.parametrize("block", [1, 100, 256, 4096])
def test_a_pause_fades_and_goes_on_where_it_faded(player, tmp_path, block):
    player.load(write(tmp_path / "flat.wav", np.ones((1, RATE), np.float32)))
    player.play()
    read(player, 5000, block)
    player.pause()
    fading, places = read(player, 2000, block)
    assert player.state is PlayState.PAUSED
    assert np.allclose(fading[0, :FADE], 1 - np.arange(1, FADE + 1) / FADE, atol=1e-6) and not fading[:, FADE:].any()
    assert np.array_equal(places[:FADE], 5000 + np.arange(FADE)) and np.all(places[FADE:] == -1)
    assert player.position_seconds == (5000 + FADE) / RATE
    player.play()
    rising, places = read(player, 2000, block)
    assert np.allclose(rising[0, :FADE], np.arange(1, FADE + 1) / FADE, atol=1e-6) and np.all(rising[:, FADE:] == 1)
    assert places[0] == 5000 + FADE


def test_a_pause_that_is_taken_back_at_once_turns_round(player, tmp_path):
    player.load(write(tmp_path / "flat.wav", np.ones((1, RATE), np.float32)))
    player.play()
    read(player, 1000)
    player.pause()
    falling, _ = read(player, 100)
    player.play()
    rising, places = read(player, 500)
    sound = np.concatenate([falling, rising], axis=1)[0]
    assert steepest(sound) <= 1.001 / FADE and sound.min() == pytest.approx(1 - 100 / FADE) and places[0] == 1100


def test_nothing_the_transport_does_clicks(player, tmp_path):
    path = write(tmp_path / "tone.wav", tone())
    other = write(tmp_path / "other.wav", tone(level=0.4, frequency=130.0))
    player.load(path)
    player.play()
    commands = [
        lambda: player.seek(1.2345),
        player.pause,
        lambda: player.seek(0.777),
        player.play,
        lambda: player.set_loop((0.7, 0.7333)),
        player.stop,
        player.play,
        lambda: (player.stop(), player.play()),
        lambda: player.seek(2.9),
        player.pause,
        player.play,
        lambda: player.set_loop(None),
        lambda: (player.pause(), player.play(), player.seek(0.1)),
        lambda: (player.load(other), player.play()),
        lambda: player.seek(2.99),
        lambda: (player.stop(), player.play(), player.seek(0.3)),
        player.unload,
    ]
    sounds = [read(player, 1111)[0]]
    for command in commands:
        command()
        # Neither a multiple of a block nor of the tones' periods.
        sounds.append(read(player, 1777)[0])
        sounds.append(read(player, 60)[0])
    sound = np.concatenate(sounds, axis=1)[0]
    # Two tones cross-faded: the sum's slope is theirs, plus the fades' own: sin² over 10 ms and straight over 5 ms.
    limit = 2 * steepest(tone(frequency=130.0)[0]) + np.pi / 2 / JUMP_FADE + 1 / FADE
    assert steepest(sound) <= limit
    assert np.abs(sound[-60:]).max() == 0 and player.state is PlayState.STOPPED


def test_a_loop_keeps_its_length_and_stopping_returns_to_its_start(player, tmp_path):
    player.load(write(tmp_path / "ramp.wav", np.linspace(-1, 1, 20000, dtype=np.float32)[None]))
    player.set_loop((5000 / RATE, 6000 / RATE))
    player.seek(4900 / RATE)
    player.play()
    _, places = read(player, 10_000, 333)
    expected = np.arange(10_000) + 4900
    assert np.array_equal(places, np.where(expected < 5000, expected, 5000 + (expected - 5000) % 1000))
    player.stop()
    read(player, 1000)
    assert player.state is PlayState.STOPPED and player.position_seconds == 5000 / RATE


def test_seeking_while_at_rest_moves_and_waits_there(player, tmp_path):
    player.load(write(tmp_path / "tone.wav", tone()))
    player.seek(1.0)
    assert not read(player, 300)[0].any()
    assert player.state is PlayState.PAUSED and player.position_seconds == 1.0
    for wish, place in ((-5.0, 0.0), (99.0, 3.0 - 1 / RATE)):
        player.seek(wish)
        read(player, 300)
        assert player.position_seconds == pytest.approx(place)


def test_commands_given_at_once_are_carried_out_in_their_order(player, tmp_path):
    path = write(tmp_path / "tone.wav", tone())
    player.load(path)
    player.play()
    read(player, 1000)
    for hasty in (player.stop, player.pause, lambda: player.load(path)):
        hasty()
        player.play()
        player.seek(1.0)
        _, places = read(player, 1000)
        assert player.state is PlayState.PLAYING and places[-1] in (RATE + 999, RATE + 999 - FADE)


def test_a_new_file_takes_over_stopped_at_its_beginning(player, tmp_path):
    first, second = tone(), noise(2, 5000)
    player.load(write(tmp_path / "first.wav", first))
    player.set_loop((0.5, 0.6))
    player.play()
    read(player, 1000)
    player.load(write(tmp_path / "second.wav", second))
    fading, _ = read(player, 1000)
    assert fading[:, : FADE - 1].any() and not fading[:, FADE:].any()
    assert (player.state, player.n_channels, player.position_seconds) == (PlayState.STOPPED, 2, 0.0)
    player.play()
    assert np.array_equal(read(player, 5000)[0], second)


def test_a_file_that_cannot_be_read_leaves_the_present_one_playing(player, tmp_path):
    sound = tone()
    player.load(write(tmp_path / "tone.wav", sound))
    player.play()
    read(player, 1024)
    with pytest.raises(AudioFileError, match=r"none\.wav"):
        player.load(tmp_path / "none.wav")
    assert np.array_equal(read(player, 1000)[0][0], sound[0, 1024:2024]) and player.state is PlayState.PLAYING


def test_times_that_make_no_sense_are_refused(player, tmp_path):
    player.load(write(tmp_path / "tone.wav", tone()))
    for loop in ((1.0, 1.0), (2.0, 1.0), (5.0, 6.0), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match=r"empty|inside the file"):
            player.set_loop(loop)
    with pytest.raises(ValueError, match="seconds"):
        player.seek(float("inf"))


def test_a_file_at_another_rate_keeps_its_pitch(player, tmp_path):
    t = np.arange(44100) / 44100
    player.load(write(tmp_path / "tone.wav", np.sin(2 * np.pi * 1000 * t).astype(np.float32)[None] * 0.5, 44100))
    player.play()
    heard, _ = read(player, RATE)
    spectrum = np.abs(np.fft.rfft(heard[0]))
    assert player.seconds == 1.0 and int(np.argmax(spectrum)) == 1000


def test_commands_come_from_another_thread_while_the_sound_is_read(tmp_path):
    """The live way: reading does not wait, seeks and loops find their sound ready, and every thread ends."""
    sound = noise(2, 60 * RATE)
    player = FilePlayer(RATE)
    player.load(write(tmp_path / "long.wav", sound))
    done = threading.Event()
    problems = []

    def control():
        try:
            player.play()
            for k in range(12):
                player.seek(4.3 * k)
                player.set_loop((4.3 * k, 4.3 * k + 0.05) if k % 2 else None)
                time.sleep(0.03)
            player.set_loop(None)
            player.load(tmp_path / "long.wav")
            player.seek(50.0)
            player.play()
        except Exception as error:
            problems.append(error)
        done.set()

    thread = threading.Thread(target=control)
    thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done.is_set() or player._commands:
        assert time.monotonic() < deadline
        heard, _ = player.read(BLOCK)
        assert np.isfinite(heard).all()
        time.sleep(0.001)
    thread.join()
    heard, places = read(player, RATE // 2)
    # The head faded in long ago.
    late = places[RATE // 4 :]
    assert np.array_equal(heard[:, RATE // 4 :], sound[:, late]) and np.all(np.diff(late) == 1) and late[0] >= 50 * RATE
    assert not problems and player.n_missing_samples == 0 and player.take_trouble() == ""
    player.close()
    assert not any(thread.name == "lamina-clip" for thread in threading.enumerate())
