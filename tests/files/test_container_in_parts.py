"""`.lamina` files that are written as codes come, and read part by part.

The same files, the same codes, little memory.
"""

import os
import tracemalloc

import numpy as np
import pytest
from container_parts import block_starts, random_codes, real_codes

from lamina.models.config import MOST_LAYERS
from lamina.plugin import Codes
from lamina.plugin.codes_file.codes import join_codes
from lamina.plugin.codes_file.file import ContainerError, codes_writer, open_codes, pack, read_codes, write_codes
from lamina.plugin.codes_file.reader import PART_FRAMES
from lamina.plugin.codes_file.summary import inspect_codes


def written(path, parts, entropy=False):
    with codes_writer(path, entropy) as file:
        for part in parts:
            file.write(part)
    return path.read_bytes()


def in_parts(codes, seed):
    """Stretches of any length, some of them empty, that together are `codes`."""
    random, edges = np.random.default_rng(seed), [0]
    while edges[-1] < len(codes):
        edges.append(min(len(codes), edges[-1] + int(random.integers(0, 200))))
    return [codes[a:b] for a, b in zip([0, *edges], [*edges, len(codes)], strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_file_is_the_one_that_is_written_at_once(tmp_path, seed, entropy):
    codes = random_codes(seed, 130 * seed)
    data = written(tmp_path / "a.lamina", in_parts(codes, seed), entropy)
    assert data == pack(codes, entropy)
    with open_codes(tmp_path / "a.lamina") as file:
        parts = list(file)
        assert not file.damage
    assert join_codes(parts) == codes == read_codes(tmp_path / "a.lamina").codes
    assert all(len(part) >= PART_FRAMES for part in parts[:-1])


@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("bits", [(9, 10, 10, 12), (10,) * 4 + (8,) * 36, (4,) * MOST_LAYERS])
def test_layers_that_come_later_do_not_spoil_what_was_packed_before(tmp_path, bits, entropy):
    """How counts and codes are packed hangs on all layers of the file."""
    random = np.random.default_rng(1)

    def stretch(n_layers, n_frames):
        codes = random.integers(0, 16, (2, n_frames, n_layers)).astype(np.uint16)
        counts = random.integers(0, n_layers + 1, (2, n_frames)).astype(np.uint8)
        return Codes(codes, counts, 8_000, 0, 2, "m", "d", frame_rate=50, code_bits=bits[:n_layers])

    parts = [stretch(1, 800), stretch(3, 100), stretch(len(bits), 90), stretch(2, 1)]
    assert written(tmp_path / "a.lamina", parts, entropy) == pack(join_codes(parts), entropy)


def test_damage_is_told_and_concealed_part_by_part(tmp_path):
    codes = real_codes(4, 30.0)
    data = bytearray(pack(codes))
    for block in (0, 9, 10, 11, 29):
        data[block_starts(bytes(data))[block] + 30] ^= 1
    path = tmp_path / "a.lamina"
    path.write_bytes(data)
    whole = read_codes(path)
    with open_codes(path) as file:
        parts = list(file)
        assert file.damage == whole.damage == inspect_codes(path).damage
    assert join_codes(parts) == whole.codes and whole.damage.n_missing == 5 * 75
    path.write_bytes(data[: block_starts(bytes(data))[0]])
    with open_codes(path) as file:
        assert [len(part) for part in file] == [750, 750, 750] and file.damage.n_missing == 2250


@pytest.mark.slow
def test_a_file_of_many_hours_is_written_and_read_in_little_memory(tmp_path):
    """Two hours: the format has no limit near that, and they are not in memory, where they would take 26 MB."""
    minute = real_codes(1, 60.0)
    path = tmp_path / "a.lamina"
    tracemalloc.start()
    try:
        with codes_writer(path) as file:
            for _ in range(120):
                file.write(minute)
        n_frames = 0
        with open_codes(path) as file:
            for part in file:
                n_frames += len(part)
            assert not file.damage
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_frames == 120 * len(minute) == file.header.frames
    assert inspect_codes(path).seconds == 2 * 3600
    assert path.stat().st_size > 600_000 and peak < 10_000_000


def test_what_is_too_long_to_be_read_at_once_says_how_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lamina.plugin.codes_file.file.MOST_VALUES", 299)
    path = tmp_path / "a.lamina"
    write_codes(path, real_codes(4, 1.0))
    with pytest.raises(ContainerError, match="part by part, with `open_codes`"):
        read_codes(path)
    with open_codes(path) as file:
        assert sum(len(part) for part in file) == 75


def test_what_fails_on_the_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.lamina"
    path.write_bytes(b"before")

    def fails(parts, error):
        with pytest.raises(error), codes_writer(path) as file:
            for part in parts:
                file.write(part)
                if isinstance(part, Codes) and error is KeyboardInterrupt:
                    raise KeyboardInterrupt
        assert path.read_bytes() == b"before" and [at.name for at in tmp_path.iterdir()] == ["a.lamina"]

    fails([], ContainerError)
    fails([real_codes(4, 2.0)], KeyboardInterrupt)
    fails([real_codes(4, 2.0), random_codes(1)], ValueError)
    stranger = real_codes(4, 1.0)
    object.__setattr__(stranger, "model", "m" * 300)
    fails([stranger], ContainerError)
    with pytest.raises(ContainerError, match=r"ends in '\.wav'"), codes_writer(tmp_path / "a.wav"):
        pass


def test_a_pipe_is_read_too(tmp_path):
    data = pack(real_codes(4, 1.0))
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    try:
        assert len(read_codes(f"/dev/fd/{read}").codes) == 75
    finally:
        os.close(read)
