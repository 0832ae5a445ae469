"""Whatever is in a `.lamina` file, nothing worse happens than that it is refused.

No crash, no hang, no flood of memory.

CONTAINER_MUTATIONS=100000 tries so many damaged files instead of a few thousand.
"""

import builtins
import contextlib
import json
import os
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from container_parts import (
    assert_rest_is_exact,
    block_starts,
    header_of,
    moving_codes,
    random_codes,
    real_codes,
    with_header,
)

from lamina.plugin.codes_file import blocks
from lamina.plugin.codes_file.blocks import MARKER
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.file import ContainerError, pack, read_codes, unpack

N_MUTATIONS = int(os.environ.get("CONTAINER_MUTATIONS", "2500"))
MOST_CHECKED = 10
"""Times the file's length: how many bytes a checksum is made of. Each block that is claimed is a reason to make one."""
MOST_BYTES_EACH = 25_000_000
"""Any file may promise ten minutes of eight channels in 24 layers: 17 MB, and a block's work beside them."""

HOSTILE = {
    "an hour in no bytes": {"frames": 270_000},
    "too many frames": {"frames": 10**12},
    "too much sound": {"n_samples": 10**12},
    "negative": {"frames": -1},
    "a float": {"frames": 75.0},
    "a truth": {"layers": True},
    "text": {"layers": "24"},
    "layers": {"layers": 25},
    "channels": {"n_channels": 9},
    "mid-side of one": {"n_channels": 1, "stereo": "mid-side"},
    "a mode": {"stereo": ["linked"]},
    "a rate": {"sample_rate": 0},
    "another frame rate": {"frame_rate": 50},
    "a name of nothing": {"model": None},
    "a long name": {"model": "x" * 257},
    "a list as digest": {"digest": ["5"]},
}


@pytest.mark.slow
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_headers_that_promise_nonsense_are_refused(change):
    header = header_of(pack(real_codes(4, 1.0)))
    with pytest.raises(ContainerError, match=r"\.$"):
        unpack(with_header(header | change))


TEXTS = {
    "no JSON": b"{",
    "no object": b"[1]",
    "nesting": b"[" * 60_000,
    "a number of 60000 digits": b'{"frames": ' + b"1" * 60_000 + b"}",
    "nothing in it": b"{}",
    "no text": b"\xff\xfe",
    "too long": b" " * 70_000,
    "a good one, and spaces": json.dumps(header_of(pack(random_codes(1, 10)))).encode() + b" " * 65_536,
    "a pickle": pickle.dumps({"frames": 1}),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_headers_that_are_no_headers_are_refused(text):
    with pytest.raises(ContainerError, match="header"):
        unpack(with_header(text))


NONSENSE = {
    "nothing": (0, b""),
    "no count": (0, b"\0"),
    "no runs": (0, b"\1"),
    "runs that are cut off": (0, b"\1\2\0\4\3\0"),
    "runs of too few frames": (0, b"\1\1\0\0\2\0"),
    "runs of too many frames": (0, b"\1\1\0\0\xff\xff"),
    "counts that are cut off": (0, b"\2\0"),
    "a form that there is not": (0, b"\4\0\0\0\0"),
    "moves of nothing": (0, b"\3\4"),
    "moves that are cut off": (0, b"\3\4\x7f"),
    "moves without an end": (0, b"\3\1" + b"\xff" * 17),
    "moves to more layers than there are": (0, b"\3\4\x88" + bytes(16)),
    "moves to less than nothing": (0, b"\3\0\xc8" + bytes(16)),
    "moves from more layers than there are": (0, b"\3\5\xc8" + bytes(16)),
    "more layers than there are": (0, b"\0\5" + bytes(19)),
    "too few codes": (0, b"\0\4" + bytes(14)),
    "too many codes": (0, b"\0\4" + bytes(16)),
    "a mode that there is not": (2, b"\0\4" + bytes(15)),
    "a payload that no writer makes so long": (1, b"\0\4" + bytes(100)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "payload"), NONSENSE.values(), ids=NONSENSE)
def test_blocks_of_nonsense_are_left_out_even_if_their_checksum_fits(mode, payload):
    header = header_of(pack(real_codes(4, 1.0))) | {"frames": 3, "n_samples": 0}
    (seed,) = struct.unpack("<I", with_header(header, version=4)[-4:])

    def block(mode: int, payload: bytes) -> bytes:
        fields = struct.pack("<IHBI", 0, 3, mode, len(payload))
        return MARKER + fields + struct.pack("<I", zlib.crc32(payload, zlib.crc32(fields, seed))) + payload

    for good in (b"\0\4" + bytes(15), b"\3\4\xc0" + bytes(13)):  # 4, 4, 4; 4, 3, 3
        assert not unpack(with_header(header, 4, block(0, good))).damage
    result = unpack(with_header(header, 4, block(mode, payload)))
    assert result.damage.missing == ((0, 3),) and not result.codes.counts.any()


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """What a bad disk, a bad copy or a bad person makes of a file."""
    broken = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        place = int(random.integers(0, len(broken) + 1))
        # Heads of files and of blocks are where readers believe what they are told.
        if random.random() < 0.5 and (starts := block_starts(bytes(broken))):
            place = min(len(broken), starts[int(random.integers(len(starts)))] + int(random.integers(0, 24)))
        match int(random.integers(7)):
            case 0:
                del broken[place:]
            case 1 if place < len(broken):
                broken[place] ^= 1 << int(random.integers(8))
            case 2:
                broken[place : place + 4] = random.bytes(4)
            case 3:
                del broken[place : place + int(random.integers(1, 60))]
            case 4:
                broken[place:place] = random.bytes(int(random.integers(1, 60)))
            case 5:
                start = int(random.integers(0, len(broken) + 1))
                broken[place:place] = broken[start : start + int(random.integers(1, 300))]
            case _:
                broken[place : place + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\0\0", MARKER])
    return bytes(broken)


def resealed(data: bytes) -> bytes:
    """The file with all checksums made to fit again, as whoever means harm would."""
    if len(data) < 14 or len(data) < (end := 14 + struct.unpack_from("<I", data, 10)[0]) + 4:
        return data
    sealed = bytearray(data)
    sealed[end : end + 4] = struct.pack("<I", zlib.crc32(sealed[:end]))
    seed = zlib.crc32(sealed[:end])
    for start in block_starts(data):
        if start + 19 <= len(data):
            stop = start + 19 + struct.unpack_from("<I", data, start + 11)[0]
            crc = zlib.crc32(sealed[start + 19 : stop], zlib.crc32(sealed[start + 4 : start + 15], seed))
            sealed[start + 15 : start + 19] = struct.pack("<I", crc)
    return bytes(sealed)


@pytest.mark.long
@pytest.mark.timeout(7200 if "CONTAINER_MUTATIONS" in os.environ else 300)
def test_whatever_happens_to_a_file_nothing_worse_happens():
    random = np.random.default_rng(0)
    values = [random_codes(seed, 160 * (seed % 3)) for seed in range(12)] + [real_codes(3, 12.0)]
    values += [moving_codes(seed, 160, 3 + 8 * seed, 1 + seed) for seed in range(3)]
    whole = [(codes, pack(codes, entropy)) for codes in values for entropy in (False, True)]
    assert sum(data[8] == 4 for _, data in whole) >= 6
    refused = read = resealed_read = 0
    for turn in range(N_MUTATIONS):
        codes, data = whole[turn % len(whole)]
        broken = mutated(data, random)
        try:
            result = unpack(broken)
            read += 1
            assert_rest_is_exact(result, codes)
            assert result.damage or broken == data
        except ContainerError as error:
            refused += 1
            assert str(error).endswith(".")
        try:
            unpack(resealed(broken))
            resealed_read += 1
        except ContainerError as error:
            assert str(error).endswith(".")
    print(
        f"{N_MUTATIONS} damaged files: {read} read in part, {refused} refused; with checksums made to fit "
        f"{resealed_read} read"
    )
    assert read > N_MUTATIONS // 4 and refused > N_MUTATIONS // 20


def test_memory_stays_within_what_a_file_of_that_size_may_need():
    random = np.random.default_rng(1)
    data = pack(random_codes(8, 300), True)
    tracemalloc.start()
    try:
        for _ in range(300):
            broken = resealed(mutated(data, random))
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with contextlib.suppress(ContainerError):
                unpack(broken)
            assert tracemalloc.get_traced_memory()[1] - before < MOST_BYTES_EACH
        hour = header_of(pack(random_codes(8, 1))) | {
            "frames": 270_000,
            "n_channels": 8,
            "layers": 24,
            "stereo": "linked",
            "n_samples": 0,
        }
        tracemalloc.reset_peak()
        with pytest.raises(ContainerError, match="can't hold"):
            unpack(with_header(hour, blocks=MARKER * 100))
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES_EACH
    finally:
        tracemalloc.stop()


def test_markers_within_markers_take_no_hours(monkeypatch):
    n_checked = 0
    crc32 = zlib.crc32

    def counted(data, start=0):
        nonlocal n_checked
        n_checked += len(data)
        return crc32(data, start)

    header = header_of(pack(random_codes(8, 1))) | {
        "frames": 750,
        "n_channels": 8,
        "layers": 24,
        "stereo": "linked",
        "n_samples": 0,
    }
    # Each claims the largest payload that is allowed, so each is a reason to check as many bytes.
    claim = MARKER + struct.pack("<IHBII", 0, 750, 0, 183_000, 0)
    data = with_header(header, blocks=claim * 250_000)
    monkeypatch.setattr(zlib, "crc32", counted)
    result = unpack(data)
    assert result.damage.missing == ((0, 750),)
    assert len(data) < n_checked < MOST_CHECKED * len(data)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "\x1b[2J\x1b]0;mine\x07", "a\nb\rc", "__import__('os').abort()", "\ud800"]
)
def test_a_strangers_file_opens_and_writes_nothing(tmp_path, monkeypatch, name):
    header = header_of(pack(random_codes(8, 75))) | {"model": name, "digest": name}
    path = tmp_path / "strange.lamina"
    path.write_bytes(with_header(header))
    monkeypatch.chdir(tmp_path)
    opened = []
    real_open = os.open
    monkeypatch.setattr(os, "open", lambda *args, **kwargs: opened.append(args) or real_open(*args, **kwargs))
    monkeypatch.setattr(builtins, "open", lambda *args, **kwargs: opened.append(args))
    assert read_codes(path).codes.model == name
    assert not opened and [entry.name for entry in tmp_path.iterdir()] == ["strange.lamina"]


@pytest.mark.slow
def test_a_few_bytes_may_not_promise_the_sound_of_many_channels():
    header = header_of(pack(random_codes(8, 1)))
    much = {"frames": 45_000, "sample_rate": 192_000, "n_samples": 115_200_000, "n_channels": 8, "stereo": "linked"}
    with pytest.raises(ContainerError, match="can't hold the 600 s of 8 channels"):
        unpack(with_header(header | much))
    # Ten minutes of usual sound may be promised, so that what is left of a damaged file is heard in its place …
    usual = {"frames": 45_000, "sample_rate": 48_000, "n_samples": 28_800_000, "n_channels": 2, "stereo": "linked"}
    assert unpack(with_header(header | usual)).damage.n_missing == 45_000
    # … and what is there may be as much as it is: twenty minutes of nothing sent, 750 frames in a block of 21 bytes.
    silence = Codes(
        np.zeros((1, 90_000, 1), np.uint16), np.zeros((1, 90_000), np.uint8), 192_000, 230_400_000, 1, "m", "d"
    )
    packed = pack(silence, True)
    assert unpack(packed).codes.n_samples == 230_400_000 and not unpack(packed).damage
    with pytest.raises(ContainerError, match="can't hold"):
        unpack(packed[:1300])


def test_a_few_bytes_may_not_ask_for_sums_over_all_codes_of_many_layers(monkeypatch):
    codes = Codes(
        np.zeros((8, 750, 64), np.uint16),
        np.full((8, 750), 64, np.uint8),
        24_000, 240_000, 8, "m", "d", code_bits=(16,) * 64,
    )  # fmt: skip
    monkeypatch.setattr(blocks, "encode_codes", lambda *_: bytes(300))
    assert unpack(pack(codes, True)).codes.counts.all()  # written plainly, then
    monkeypatch.setattr(blocks, "_WORK_OF_ANY_BLOCK", 1 << 62)
    bomb = pack(codes, True)
    assert len(bomb) < 1000
    monkeypatch.undo()
    assert unpack(bomb).damage.missing == ((0, 750),)


@pytest.mark.parametrize(
    "change",
    [{"n_samples": 10**12}, {"n_samples": -1}, {"n_samples": 10**400}, {"sample_rate": 10**9}, {"n_channels": 9}],
    ids=str,
)
def test_codes_say_no_more_sound_than_their_frames_hold(change):
    values = {"sample_rate": 24_000, "n_samples": 24_000, "n_channels": 1, "model": "m", "digest": "d"}
    arrays = np.zeros((1, 75, 8), np.uint16), np.full((1, 75), 8, np.uint8)
    assert Codes(*arrays, **values).n_frames == 75
    with pytest.raises((ValueError, TypeError), match=next(iter(change))):
        Codes(*arrays, **values | change)
