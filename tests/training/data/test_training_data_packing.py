"""Packed training data: what goes in comes out, damage is found, and nothing is half written."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sounds import noise

pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("scipy")

import soundfile

from lamina.cli.main import main
from lamina.models.training.data.pack import cached_pack, pack_folders
from lamina.models.training.data.packed import PREAMBLE, open_packed, part_path

RATE = 24_000


def write(path, seconds=1.0, rate=RATE, seed=0, level=0.3, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = noise(channels, round(seconds * rate), seed=seed).T * level
    soundfile.write(path, sound, rate)
    return sound[:, 0] if channels == 1 else sound


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "takes"
    write(place / "speech" / "a.wav", 2.0, seed=1)
    write(place / "speech" / "b.flac", 1.5, rate=16_000, seed=2)
    write(place / "music" / "deep" / "c.ogg", 3.0, rate=48_000, seed=3, channels=2)
    write(place / "noise" / "d.wav", 1.0, seed=4)
    return place


def test_samples_come_back_as_they_were(folder, tmp_path):
    pack_folders([folder], tmp_path / "all.lpack")
    packed = open_packed(tmp_path / "all.lpack")
    assert [clip.path for clip in packed.clips] == [
        "takes/music/deep/c.ogg",
        "takes/noise/d.wav",
        "takes/speech/a.wav",
        "takes/speech/b.flac",
    ]
    assert [clip.kind for clip in packed.clips] == ["music", "noise", "speech", "speech"]
    assert [clip.native_rate for clip in packed.clips] == [48_000, RATE, RATE, 16_000]
    assert [clip.length for clip in packed.clips] == pytest.approx([72_000, 24_000, 48_000, 36_000], abs=2)
    original, _ = soundfile.read(folder / "speech" / "a.wav", dtype="float32")
    assert np.abs(packed.samples[2] / 32767 - original).max() < 1 / 32767
    assert packed.damaged_clips() == []
    assert packed.sample_rate == RATE


def test_resampled_sounds_keep_their_place_and_band(folder, tmp_path):
    time = np.arange(48_000) / 16_000
    soundfile.write(folder / "speech" / "b.flac", 0.5 * np.sin(2 * np.pi * 1000 * time), 16_000)
    pack_folders([folder], tmp_path / "all.lpack")
    got = open_packed(tmp_path / "all.lpack").samples[3] / 32767
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(got)) / RATE)
    assert np.abs(got - expected)[500:-500].max() < 1e-3


def test_a_band_edge_is_measured(tmp_path):
    write(tmp_path / "takes" / "full.wav", 2.0)
    write(tmp_path / "takes" / "wide.wav", 2.0, rate=16_000)
    write(tmp_path / "takes" / "narrow.wav", 2.0, rate=8_000)
    dark = np.fft.irfft(
        np.fft.rfft(noise(1, 48_000)[0]) / (1 + np.arange(24_001) / 500) ** 2
    )  # falls by 12 dB per octave
    soundfile.write(tmp_path / "takes" / "dark.wav", 0.5 * dark / np.abs(dark).max(), RATE)
    pack_folders([tmp_path / "takes"], tmp_path / "all.lpack")
    edges = {clip.path: clip.band_edge_hz for clip in open_packed(tmp_path / "all.lpack").clips}
    assert edges["takes/full.wav"] == 12_000
    assert 7_500 <= edges["takes/wide.wav"] <= 8_500
    assert 3_500 <= edges["takes/narrow.wav"] <= 4_500
    assert edges["takes/dark.wav"] == 12_000


def test_unreadable_files_are_left_out_and_listed(folder, tmp_path, capsys):
    (folder / "speech" / "text.wav").write_text("no sound")
    (folder / "speech" / "nothing.flac").write_bytes(b"")
    soundfile.write(folder / "speech" / "silent.wav", np.zeros(0), RATE)
    soundfile.write(folder / "speech" / "nan.wav", np.array([0.1] * 200_000 + [np.nan]), RATE, subtype="FLOAT")
    flac = (folder / "speech" / "b.flac").read_bytes()
    (folder / "speech" / "cut.flac").write_bytes(flac[: len(flac) // 2])
    write(folder / "stray.wav")
    assert main(["data", "pack", str(folder), "--out", str(tmp_path / "all.lpack")]) == 0
    packed = open_packed(tmp_path / "all.lpack")
    reasons = {entry.path.removeprefix("takes/"): entry.reason for entry in packed.left_out}
    assert set(reasons) >= {
        "speech/text.wav",
        "speech/nothing.flac",
        "speech/silent.wav",
        "speech/nan.wav",
        "stray.wav",
    }
    assert (
        "empty" in reasons["speech/nothing.flac"]
        and "NaN" in reasons["speech/nan.wav"]
        and "no sound" in reasons["speech/silent.wav"]
    )
    assert packed.damaged_clips() == []
    assert (
        tmp_path / "all.lpack"
    ).stat().st_size < 2 * 24_000 * packed.seconds + 10_000  # what was read of them is gone too
    assert [clip.path for clip in packed.clips if clip.path.endswith("d.wav")] == ["takes/noise/d.wav"]
    printed = capsys.readouterr().out
    assert "left out" in printed and "text.wav: not readable as sound" in printed


def test_parts_are_small_and_open_as_one(folder, tmp_path, capsys):
    write(folder / "music" / "long.wav", 60.0, seed=9)
    pack_folders([folder], tmp_path / "whole.lpack")
    whole = open_packed(tmp_path / "whole.lpack")
    assert main(["data", "pack", str(folder), "--out", str(tmp_path / "set"), "--part-size", "1"]) == 0
    assert "set.part1 to set.part" in capsys.readouterr().out
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("set.part*"))]
    assert len(sizes) > 3 and max(sizes) <= 1_000_000
    packed = open_packed(tmp_path / "set")
    assert packed.damaged_clips() == []
    assert packed.seconds == whole.seconds
    pieces = [
        samples
        for clip, samples in zip(packed.clips, packed.samples, strict=True)
        if clip.path == "takes/music/long.wav"
    ]
    assert len(pieces) > 3
    (long,) = [
        samples for clip, samples in zip(whole.clips, whole.samples, strict=True) if clip.path == "takes/music/long.wav"
    ]
    assert np.array_equal(np.concatenate(pieces), long)
    assert 0 < open_packed(part_path(tmp_path / "set", 2)).seconds < packed.seconds

    part_path(tmp_path / "set", 2).rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"set\.part2 is missing"):
        open_packed(tmp_path / "set")
    pack_folders([folder], tmp_path / "other", part_bytes=1_000_000)
    part_path(tmp_path / "other", 2).rename(part_path(tmp_path / "set", 2))
    with pytest.raises(ValueError, match="another set"):
        open_packed(tmp_path / "set")


def test_a_file_that_breaks_after_a_part_is_full_leaves_nothing_in_it(folder, tmp_path):
    broken = np.append(noise(1, 60 * RATE)[0], np.nan)
    soundfile.write(folder / "music" / "broken.wav", broken, RATE, subtype="FLOAT")
    pack_folders([folder], tmp_path / "set", part_bytes=1_000_000)
    packed = open_packed(tmp_path / "set")
    assert [clip.path.split("/", 1)[1] for clip in packed.clips] == [
        "music/deep/c.ogg",
        "noise/d.wav",
        "speech/a.wav",
        "speech/b.flac",
    ]
    assert packed.damaged_clips() == []


def test_a_folder_may_be_named_from_inside(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder / "speech")
    (tmp_path / "manifest.csv").write_text("path,source,licence\ntakes/speech/a.wav,home,CC0-1.0\n")
    packed = open_packed(cached_pack(Path(".."), tmp_path / "cache"))
    assert {clip.path: clip.source for clip in packed.clips}["takes/speech/a.wav"] == "home"


def test_packing_again_into_fewer_parts_leaves_no_old_ones(tmp_path):
    write(tmp_path / "takes" / "a.wav", 60.0)
    pack_folders([tmp_path / "takes"], tmp_path / "set", part_bytes=1_000_000)
    before = len(list(tmp_path.glob("set.part*")))
    write(tmp_path / "takes" / "a.wav", 25.0)
    pack_folders([tmp_path / "takes"], tmp_path / "set", part_bytes=1_000_000)
    assert 1 < len(list(tmp_path.glob("set.part*"))) < before
    assert open_packed(tmp_path / "set").seconds == 25.0
    with pytest.raises(ValueError, match="Delete it first"):
        pack_folders([tmp_path / "takes"], tmp_path / "set")


def test_damage_is_told_in_a_sentence(folder, tmp_path):
    path = tmp_path / "all.lpack"
    pack_folders([folder], path)
    good = path.read_bytes()
    for cut in (10, 63, 64, 1000, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(ValueError, match=r"all\.lpack is (damaged|not packed)"):
            open_packed(path)
    path.write_bytes(good + b"x")
    with pytest.raises(ValueError, match="damaged"):
        open_packed(path)
    changed = bytearray(good)
    changed[-20] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="index has changed"):
        open_packed(path)
    changed = bytearray(good)
    changed[PREAMBLE.size + 5000] ^= 1
    path.write_bytes(changed)
    assert [clip.path for clip in open_packed(path).damaged_clips()] == ["takes/music/deep/c.ogg"]


def rewrite(path, change):
    """Replace the index of a packed file, checksum and length included, by what `change` makes of it."""
    import zlib

    data = path.read_bytes()
    magic, version, part, parts, _, position, _, identity = PREAMBLE.unpack(data[: PREAMBLE.size])
    index = json.loads(data[position:])
    change(index)
    text = json.dumps(index).encode()
    preamble = PREAMBLE.pack(magic, version, part, parts, zlib.crc32(text), position, len(text), identity)
    path.write_bytes(preamble + data[PREAMBLE.size : position] + text)


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(n_samples=10**15),
        lambda index: index.update(n_samples=-1),
        lambda index: index.update(sample_rate="24000"),
        lambda index: index["clips"][0].update(length=10**12),
        lambda index: index["clips"][0].update(start=-5),
        lambda index: index["clips"][0].update(length=True),
        lambda index: index["clips"][0].update(n_words=10**9),
        lambda index: index["clips"][0].update(kind="movie"),
        lambda index: index["clips"][0].update(dc=float("nan")),
        lambda index: index["clips"][0].pop("peak"),
        lambda index: index["clips"][0].update(more=1),
        lambda index: index.update(clips=7),
        lambda index: index.update(left_out=[1]),
    ],
)
def test_an_index_that_lies_is_refused_without_allocating(folder, tmp_path, change):
    path = tmp_path / "all.lpack"
    pack_folders([folder], path)
    rewrite(path, lambda index: None)
    assert open_packed(path).damaged_clips() == []
    rewrite(path, change)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"all\.lpack is damaged: its index"):
        open_packed(path)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_a_broken_off_packing_leaves_the_old_file(folder, tmp_path):
    path = tmp_path / "all.lpack"
    pack_folders([folder], path)
    before = path.read_bytes()

    def stop(share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_folders([folder], path, progress=stop)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["all.lpack", "takes"]


def test_long_files_pass_in_blocks(tmp_path):
    write(tmp_path / "takes" / "long.wav", 240.0, rate=8_000, channels=2)
    tracemalloc.start()
    pack_folders([tmp_path / "takes"], tmp_path / "all.lpack")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert open_packed(tmp_path / "all.lpack").seconds == pytest.approx(240, abs=0.01)
    assert peak < 14e6  # the mono floats alone would be 23 MB


def test_the_cache_packs_again_only_when_files_change(folder, tmp_path):
    cache = tmp_path / "cache"
    first = cached_pack(folder, cache)
    stamp = first.stat().st_mtime_ns
    assert cached_pack(folder, cache) == first and first.stat().st_mtime_ns == stamp
    write(folder / "speech" / "e.wav", 1.0, seed=8)
    second = cached_pack(folder, cache)
    assert second != first and list(cache.iterdir()) == [second]
    assert len(open_packed(second).clips) == 5


def test_a_manifest_gives_source_and_licence(folder, tmp_path):
    (tmp_path / "manifest.csv").write_text("path,source,kind,licence\ntakes/speech/a.wav,home,speech,CC0-1.0\n")
    pack_folders([folder], tmp_path / "all.lpack")
    clips = {clip.path: (clip.source, clip.licence) for clip in open_packed(tmp_path / "all.lpack").clips}
    assert clips["takes/speech/a.wav"] == ("home", "CC0-1.0")
    assert clips["takes/noise/d.wav"] == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{none}", "--out", "{out}"], "not a folder"),
        (["{empty}", "--out", "{out}"], "holds no sound files"),
        (["{folder}", "--out", "{empty}"], "is a folder; name a file"),
        (["{folder}", "--out", "{none}/x"], "does not exist"),
        (["{folder}", "--out", "{out}", "--part-size", "0.1"], "--part-size"),
        (["{folder}", "--out", "{out}", "--part-size", "nan"], "--part-size"),
        (["{broken}", "--out", "{out}"], "None of the sound files could be used"),
    ],
)
def test_impossible_packings_are_refused(folder, tmp_path, capsys, arguments, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.wav").write_text("no sound")
    places = {name: tmp_path / name for name in ("none", "empty", "out", "broken")} | {"folder": folder}
    before = sorted(tmp_path.rglob("*"))
    assert main(["data", "pack", *(argument.format(**places) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "more", "made"),
    [
        ("pack", [], "all.lpack"),
        ("pack", ["--part-size", "1"], "all.lpack.part1"),
        ("compact", ["--part-size", "1"], "all.lpack.part1"),
    ],
)
def test_packed_data_is_not_replaced_by_accident(folder, tmp_path, capsys, command, more, made):
    call = ["data", command, str(folder), "--out", str(tmp_path / "all.lpack"), *more]
    call += ["--cache", str(tmp_path / "cache")] if command == "compact" else []
    assert main(call) == 0
    before = (tmp_path / made).read_bytes()
    write(folder / "speech" / "another.wav")
    capsys.readouterr()
    for options in ([], ["--no-clobber"]):
        assert main([*call, *options]) == 4
        error = capsys.readouterr().err
        assert f"{made} exists already" in error and "--force" in error and error.count("\n") == 1
    assert (tmp_path / made).read_bytes() == before
    assert main([*call, "--force"]) == 0
    assert (tmp_path / made).read_bytes() != before
