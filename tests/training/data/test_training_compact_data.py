"""Compact files lose no more than what lies 60 dB below the sound.

They hold the kinds as training draws them, and damage is found.
"""

from pathlib import Path

import numpy as np
import pytest
from sounds import demo

pytest.importorskip("scipy")
pytest.importorskip("soxr")
soundfile = pytest.importorskip("soundfile", reason="training needs the extra [train]")

from lamina.cli.main import main  # noqa: E402
from lamina.models.training.data.compact import BLOCK, LONGEST, compact, expand  # noqa: E402
from lamina.models.training.data.compact_pack import pack_compactly  # noqa: E402
from lamina.models.training.data.pack import pack_folders  # noqa: E402
from lamina.models.training.data.packed import PREAMBLE, open_packed, part_path  # noqa: E402

RATE = 24_000
LEAST_DB = 58.0
"""The least that may be left of the 60 dB that are meant.

Rounding makes a little more noise than it does on the average where samples aren't spread evenly over a step.
"""


def to_int16(sound):
    return np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def voice():
    return to_int16(demo(1, RATE, 4.0)[0])


@pytest.mark.parametrize("gain_db", [0, -20, -60])
def test_noise_lies_60_db_below_every_block(voice, gain_db):
    sound = to_int16(voice / 32768 * 10 ** (gain_db / 20))
    data = compact(sound)
    back = expand(data, len(sound))
    whole = len(sound) // BLOCK * BLOCK
    power, noise = (
        np.square(part[:whole].astype(float)).reshape(-1, BLOCK).mean(1) for part in (sound, sound - back.astype(float))
    )
    assert (noise <= power * 10 ** (-LEAST_DB / 10)).all()
    assert len(data) < 2 * len(sound) * 0.55


def test_what_is_quiet_comes_back_as_it_was():
    sound = np.random.default_rng(0).integers(-200, 201, 5000).astype(np.int16)
    assert np.array_equal(expand(compact(sound), len(sound)), sound)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, np.int16),
        np.zeros(3 * BLOCK, np.int16),
        np.full(BLOCK + 1, -32768, np.int16),
        np.resize(np.array([32767, -32768], np.int16), 2 * BLOCK),
        np.append(np.zeros(BLOCK - 1), [32767] * 3).astype(np.int16),
    ],
    ids=["nothing", "silence", "DC", "the highest frequency", "a click"],
)
def test_extremes_come_back(sound):
    back = expand(compact(sound), len(sound))
    assert back.shape == sound.shape
    assert np.abs(back.astype(float) - sound).max(initial=0) <= 32768 * 2e-3


def test_damaged_bytes_are_refused():
    sound = np.random.default_rng(0).integers(-20_000, 20_000, 5000).astype(np.int16)
    data = compact(sound)
    for bad in (data[:-9], b"", b"nonsense" * 9, data[:200] + bytes([data[200] ^ 1]) + data[201:]):
        with pytest.raises(ValueError, match="its samples"):
            expand(bad, len(sound))
    for length in (len(sound) - BLOCK, len(sound) + BLOCK, LONGEST + 1, 10**30):
        with pytest.raises(ValueError, match="its"):
            expand(data, length)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Clips of 1.5 s, each 45 kB when compact."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    for kind, count in (("speech", 8), ("music", 5), ("noise", 2)):
        (folder / "takes" / kind).mkdir(parents=True)
        for index in range(count):
            soundfile.write(folder / "takes" / kind / f"{index}.wav", random.standard_normal(RATE * 3 // 2) * 0.1, RATE)
    pack_folders([folder / "takes"], folder / "all.lpack")
    return folder / "all.lpack"


@pytest.fixture
def choose(packed, tmp_path, monkeypatch):
    """Packs compactly, into smaller parts than a command would."""
    monkeypatch.setattr("lamina.models.training.data.pack.SMALLEST_PART", 100_000)

    def choose_some(name: str, part_bytes: int, n_parts: int = 1, seed: int = 0) -> Path:
        pack_compactly([open_packed(packed)], tmp_path / name, part_bytes, n_parts, seed)
        return tmp_path / name

    return choose_some


def test_parts_hold_the_kinds_as_they_are_drawn_and_no_sound_twice(choose, packed):
    small = choose("small", 300_000, 2)
    assert [path.name for path in sorted(small.parent.glob("small*"))] == ["small.part1", "small.part2"]
    sets = [open_packed(part_path(small, number)) for number in (1, 2)]
    for one in sets:
        assert one.path.stat().st_size <= 300_000
        assert one.damaged_clips() == []
        shares = {
            kind: sum(clip.length for clip in one.clips if clip.kind == kind) / RATE / one.seconds
            for kind in ("speech", "music")
        }
        # A part holds six clips.
        assert shares["speech"] == pytest.approx(0.62, abs=0.1) and shares["music"] == pytest.approx(0.3, abs=0.15)
    both = open_packed(small)
    assert len(both.clips) == sum(len(one.clips) for one in sets)
    assert len({samples.tobytes() for samples in both.samples}) == len(both.clips)


def test_long_clips_are_cut_into_pieces(packed, tmp_path, monkeypatch):
    monkeypatch.setattr("lamina.models.training.data.compact_pack.PIECE_SECONDS", 0.4)
    pack_compactly([open_packed(packed)], tmp_path / "small", 2_000_000)
    pieces, whole = open_packed(tmp_path / "small"), open_packed(packed)
    for clip, samples, words in zip(whole.clips, whole.samples, whole.fingerprints, strict=True):
        parts = [n for n, piece in enumerate(pieces.clips) if piece.path == clip.path]
        assert len(parts) == 4 and sum(pieces.clips[n].length for n in parts) == clip.length
        # Noise at this level is rounded to steps of eleven.
        starts = [np.abs(samples[: pieces.clips[n].length] - pieces.samples[n].astype(int)).max() <= 6 for n in parts]
        assert starts.count(True) == 1
        assert sorted(np.concatenate([pieces.fingerprints[n] for n in parts])) == sorted(words)


def test_everything_fits_if_there_is_room_and_old_parts_go(choose, packed):
    choose("small", 300_000, 2)
    small = choose("small", 2_000_000, 3)
    assert open_packed(small).seconds == pytest.approx(open_packed(packed).seconds)
    assert not part_path(small, 2).exists()


def test_the_choice_depends_on_the_seed_alone(choose):
    a, b, c = (open_packed(choose(name, 300_000, seed=seed)).clips for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert a == b != c


def test_damage_to_a_compact_file_is_told_in_a_sentence(choose):
    path = part_path(choose("small", 300_000), 1)
    good = path.read_bytes()
    for place in (PREAMBLE.size, PREAMBLE.size + 2, PREAMBLE.size + 5000):
        changed = bytearray(good)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"small\.part1 is damaged: its"):
            open_packed(path)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match="damaged"):
        open_packed(path)


def test_the_command_takes_packed_files_and_what_it_writes_can_be_checked(packed, tmp_path, capsys):
    assert main(["data", "compact", str(packed), "--out", str(tmp_path / "small"), "--part-size", "1"]) == 0
    printed = capsys.readouterr().out
    assert "small.part1: 15 clips" in printed and "speech 0.2 minutes; music 0.1 minutes" in printed
    assert main(["data", "check", str(tmp_path / "small")]) == 0
    # Fingerprints have travelled too.
    assert main(["data", "check", str(tmp_path / "small"), "--heldout", str(packed)]) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--part-size", "0.2"], "--part-size"),
        (["--parts", "0"], "--parts is 0"),
        (["--out", "{none}/x"], "does not exist"),
    ],
)
def test_impossible_choices_are_refused(packed, tmp_path, capsys, more, words):
    command = ["data", "compact", str(packed), "--out", str(tmp_path / "small")]
    assert main([*command, *(argument.format(none=tmp_path / "none") for argument in more)]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("small*"))
