"""Counts of layers that change a little from frame to frame are told as moves, in a bit or three per frame, and only
where that is shorter.
"""

import dataclasses
import re
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from container_parts import block_starts, header_of, moving_codes, random_codes, real_codes, same, with_header
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lamina.plugin.codes_file.blocks import PLAIN, Block, block_counts, pack_counts
from lamina.plugin.codes_file.codes import Codes, join_codes
from lamina.plugin.codes_file.file import ContainerError, codes_writer, pack, read_codes, unpack, write_codes
from lamina.plugin.codes_file.header import HeaderFields
from lamina.plugin.codes_file.summary import inspect_codes

PAGE = (Path(__file__).parents[2] / "docs" / "container.md").read_text(encoding="utf-8")
MOVES, MOVES_VERSION = 3, 4


def codes_of(counts, n_layers: int) -> Codes:
    """Codes that are all 0, of so many layers in each frame."""
    counts = np.atleast_2d(np.array(counts, np.uint8))
    codes = np.zeros((*counts.shape, n_layers), np.uint16)
    return Codes(codes, counts, 24_000, 0, len(counts), "m", "d", code_bits=(10,) * n_layers)


def header_for(n_coded: int, n_frames: int, n_layers: int, moves: bool = True) -> HeaderFields:
    return HeaderFields(24_000, 0, n_coded, n_frames, n_layers, "linked", "m", "d", moves=moves)


def forms(data: bytes) -> set[int]:
    return {data[start + 19] for start in block_starts(data)}


def bits_written_out(counts: list[int]) -> str:
    """The bits of moves, one by one."""
    bits = ""
    for before, count in pairwise(counts):
        step = count - before
        bits += "1" + str(int(step < 0)) + "1" * (abs(step) - 1) + "0" if step else "0"
    return bits


@st.composite
def tracks(draw) -> tuple[np.ndarray, int]:
    """Counts `[channels, frames]` that stay, move or jump, and the layers that there are."""
    n_layers, n_channels = draw(st.integers(1, 64)), draw(st.integers(1, 8))
    n_frames = draw(st.sampled_from([1, 2, 3, 30, 75, 76, 150, 160]))
    reach = draw(st.sampled_from([0, 1, 2, 64]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    moves = random.integers(-reach, reach + 1, (n_channels, n_frames)) * (random.random((n_channels, n_frames)) < 0.4)
    return np.clip(random.integers(0, n_layers + 1) + np.cumsum(moves, 1), 0, n_layers).astype(np.uint8), n_layers


@pytest.mark.slow
@given(track=tracks(), entropy=st.booleans())
@settings(max_examples=60, deadline=None)
@example(track=(np.array([[0, 64, 0, 64]], np.uint8), 64), entropy=False)
def test_any_counts_come_back_in_the_oldest_version_that_tells_them(track, entropy):
    counts, n_layers = track
    codes = codes_of(counts, n_layers)
    data = pack(codes, entropy)
    result = unpack(data)
    assert same(result.codes, codes) and not result.damage
    assert data[8] == (MOVES_VERSION if MOVES in forms(data) else 3 if n_layers > 24 else 1)


@given(track=tracks())
@settings(max_examples=200, deadline=None)
def test_of_four_forms_the_shortest_is_taken_and_moves_only_if_no_other_is_as_short(track):
    counts, n_layers = track
    flat = counts.reshape(-1).tolist()
    n_runs = 1 + sum(a != b for a, b in pairwise(flat))
    lengths = {
        1: 3 + 3 * n_runs,
        2: 1 + -(-len(flat) * max(5, n_layers.bit_length()) // 8),
        MOVES: 2 + -(-len(bits_written_out(flat)) // 8),
    } | ({0: 2} if n_runs == 1 else {})
    packed = pack_counts(counts, n_layers)
    assert len(packed) == lengths[packed[0]] == min(lengths.values())
    assert packed[0] != MOVES or len(packed) < min(lengths[1], lengths[2])


def test_the_example_of_the_page_is_what_is_written():
    """4, 4, 5, 3, 3: stays, one more, two fewer, stays."""
    (shown,) = re.findall(r"4, 4, 5, 3 and 3 layers .*? `((?:[0-9A-F]{2} )+[0-9A-F]{2})`", " ".join(PAGE.split()))
    assert shown == "03 04 4E 00"
    data = pack(codes_of([4, 4, 5, 3, 3], 8))
    (start,) = block_starts(data)
    assert data[start + 19 :][:4] == bytes.fromhex(shown)
    # 19 layers of 10 bits follow.
    assert len(data) == start + 19 + 4 + 24 and data[8] == MOVES_VERSION


@pytest.mark.parametrize("n_frames", [75, 750])
def test_a_layer_more_or_fewer_in_a_third_of_the_frames_costs_less_than_2_2_bits_a_frame(n_frames):
    counts = np.where(np.arange(n_frames) % 6 < 3, 4, 5).astype(np.uint8)  # it moves at every third frame
    packed = pack_counts(counts[None], 8)
    assert packed[0] == MOVES and len(packed) * 8 / n_frames < 2.2


@pytest.mark.parametrize("size", range(1, 9))
def test_staying_costs_one_bit_and_a_move_two_and_its_size(size):
    def bits(counts: list[int]) -> int:
        return 8 * (len(pack_counts(np.array([counts * 8], np.uint8), 63)) - 2)  # 8 times, so that bits are bytes

    # 63 layers take six bits each, and many runs take more.
    stays = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    moves = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, size, 0]
    assert bits(moves) - bits(stays) == 8 * 2 * (size - 1)
    assert bits([0, *stays]) - bits(stays) == 8


@pytest.mark.parametrize("entropy", [False, True])
def test_however_codes_are_cut_the_file_is_the_same(tmp_path, entropy):
    for seed in (0, 2):
        codes = moving_codes(seed, 900, 4, 1 + seed)
        data = pack(codes, entropy)
        assert data[8] == MOVES_VERSION and same(unpack(data).codes, codes)
        random = np.random.default_rng(seed)
        edges = [0, *sorted(random.integers(0, 900, 9).tolist()), 900]
        with codes_writer(tmp_path / "a.lamina", entropy) as file:
            for start, stop in pairwise(edges):
                file.write(codes[start:stop])
        assert (tmp_path / "a.lamina").read_bytes() == data


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
def test_one_block_with_moves_makes_the_version_of_the_file_wherever_it_is(tmp_path, entropy):
    still = real_codes(8, 12.0)
    for moving in (0, 40, 899):
        counts = still.counts.copy()
        counts[0, moving : moving + 60 : 2] = 7
        codes = dataclasses.replace(still, counts=counts)
        data = pack(codes, entropy)
        # A single change is told as runs, which every Lamina reads.
        assert (data[8], MOVES in forms(data)) == ((2, False) if moving == 899 else (MOVES_VERSION, True))
        with codes_writer(tmp_path / "a.lamina", entropy) as file:
            for start in range(0, len(codes), 50):
                file.write(codes[start : start + 50])
        assert (tmp_path / "a.lamina").read_bytes() == data


@pytest.mark.parametrize("entropy", [False, True])
def test_layers_that_come_later_may_make_moves_the_shortest_form(tmp_path, entropy):
    """Moves by four layers take 6 bits: more than 5 for each frame where there are 8 layers, fewer than 7 of 64."""
    n_frames = 750 if entropy else 75
    parts = [
        dataclasses.replace(codes_of(counts, n_layers), frame_rate=50)
        for counts, n_layers in ((np.resize([1, 5], n_frames), 8), ([64] * 30, 64))
    ]
    assert forms(pack(parts[0], entropy)) == {2}
    data = pack(join_codes(parts), entropy)
    assert data[8] == MOVES_VERSION and data[block_starts(data)[0] + 19] == MOVES
    with codes_writer(tmp_path / "a.lamina", entropy) as file:
        for part in parts:
            file.write(part)
    assert (tmp_path / "a.lamina").read_bytes() == data and same(unpack(data).codes, join_codes(parts))


def with_version(data: bytes, version: int, **more) -> bytes:
    """A file as it would be with another version, and more names, in its head: all checksums fit."""
    head = with_header(header_of(data) | more, version)
    seed, parts = struct.unpack("<I", head[-4:])[0], [head]
    for start, stop in pairwise([*block_starts(data), len(data)]):
        fields, payload = data[start + 4 : start + 15], data[start + 19 : stop]
        parts += [data[start : start + 4], fields, struct.pack("<I", zlib.crc32(payload, zlib.crc32(fields, seed)))]
        parts.append(payload)
    return b"".join(parts)


@pytest.mark.parametrize("entropy", [False, True])
def test_files_that_need_no_moves_are_written_as_ever_and_may_be_of_version_4(entropy):
    for codes in (real_codes(8, 3.0), random_codes(3, 0), codes_of([8] * 40 + [3] * 110, 8)):
        data = pack(codes, entropy)
        assert data[8] == (2 if codes.lag_from else 1) and MOVES not in forms(data)
        result = unpack(with_version(data, MOVES_VERSION))
        assert same(result.codes, codes) and not result.damage
    shaped = dataclasses.replace(codes_of([4] * 30, 30), frame_rate=50)
    result = unpack(with_version(pack(shaped, entropy), MOVES_VERSION))
    assert (result.codes.frame_rate, result.codes.codes.shape[2]) == (50, 30) and not result.damage


@pytest.mark.parametrize("version", [1, 2, 3])
def test_moves_in_a_file_of_an_older_version_are_damage(version):
    codes = moving_codes(1, 75)
    data = pack(codes)
    assert same(unpack(with_version(data, MOVES_VERSION)).codes, codes)
    # The version tells whether there may be moves, whatever the JSON says.
    for says in ({}, {"moves": True}):
        result = unpack(with_version(data, version, **says))
        assert result.damage.missing == ((0, 75),) and not result.codes.counts.any()
    block = Block(0, 75, PLAIN, data[block_starts(data)[0] + 19 :], 0, 0)
    assert np.array_equal(block_counts(block, header_for(1, 75, 8)), codes.counts)
    with pytest.raises(ContainerError, match=r"form 3, which its file's version doesn't have\.$"):
        block_counts(block, header_for(1, 75, 8, moves=False))


def read_bit_by_bit(payload: bytes, n: int, n_layers: int) -> list[int] | None:
    """What form 03 says, as slowly as the page tells it; None if it says nothing that can be."""
    bits = iter("".join(f"{byte:08b}" for byte in payload[2 : 2 + -(-n * max(5, n_layers.bit_length()) // 8)]))
    counts = [payload[1]]
    try:
        while len(counts) < n:
            step = 0
            if next(bits) == "1":
                sign, step = (-1 if next(bits) == "1" else 1), 1
                while next(bits) == "1":
                    step += 1
                step *= sign
            counts.append(counts[-1] + step)
    except StopIteration:
        return None
    return counts if all(0 <= count <= n_layers for count in counts) else None


@pytest.mark.slow
@given(
    n=st.sampled_from([1, 2, 3, 20, 75]),
    n_layers=st.sampled_from([1, 8, 64]),
    first=st.integers(0, 70),
    zeros=st.integers(0, 3),
    seed=st.integers(0, 2**32),
    n_bytes=st.integers(0, 80),
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_as_the_page_says_or_refused(n, n_layers, first, zeros, seed, n_bytes):
    body = np.full(n_bytes, 255, np.uint8)
    random = np.random.default_rng(seed)
    for _ in range(zeros):  # the more, the fewer ones
        body &= random.integers(0, 256, n_bytes).astype(np.uint8)
    payload = bytes([MOVES, first]) + body.tobytes()
    wanted = read_bit_by_bit(payload, n, n_layers)
    block, header = Block(0, n, PLAIN, payload, 0, 0), header_for(1, n, n_layers)
    if wanted is None:
        with pytest.raises(ContainerError, match=r"\.$"):
            block_counts(block, header)
    else:
        assert block_counts(block, header).tolist() == [wanted]


@pytest.mark.parametrize("sign", [0, 1])
def test_counts_that_leave_a_byte_do_not_come_back_on_its_other_side(sign):
    bits = "1" + str(sign) + "1" * 255 + "0" * 80  # 256 more or fewer than 4, in one move; then they stay
    payload = bytes([MOVES, 4]) + int(bits.ljust(344, "0"), 2).to_bytes(43, "big")
    with pytest.raises(ContainerError, match=r"move beyond 0 to 8 layers\.$"):
        block_counts(Block(0, 75, PLAIN, payload, 0, 0), header_for(1, 75, 8))


def test_moves_of_any_length_are_looked_at_no_further_than_other_forms_reach(monkeypatch):
    """A payload may be as long as its codes, which are no moves: 180 kB for 750 frames of eight channels."""
    seen = []
    unpackbits = np.unpackbits
    monkeypatch.setattr(np, "unpackbits", lambda data, **more: seen.append(len(data)) or unpackbits(data, **more))
    block = Block(0, 750, PLAIN, bytes([MOVES, 8]) + b"\xff" * 180_000, 0, 0)
    with pytest.raises(ContainerError, match="cut off"):
        block_counts(block, header_for(8, 750, 24))
    assert sum(seen) <= 8 * 750 * 5 // 8


def test_inspecting_a_file_with_moves_tells_its_true_sizes(tmp_path):
    codes = moving_codes(5, 900, n_channels=2)
    path = tmp_path / "a.lamina"
    size = write_codes(path, codes)
    info = inspect_codes(path)
    assert path.read_bytes()[8] == MOVES_VERSION and not info.damage
    assert info.sent_bits == codes.bits == 10 * int(codes.counts.sum()) and info.n_bytes == size
    assert info.file_kbps == pytest.approx(size * 8 / 12.0 / 1000)
    assert info.layers == tuple((int(c.min()), int(c.max())) for c in codes.counts)
    assert same(read_codes(path).codes, codes)
    # Heads, counts of 2 bits or so per frame and channel, and whole bytes come on top of the codes.
    assert size <= codes.bits / 8 + 300 + 12 * 22 + 900 * 2 * 2.2 / 8
