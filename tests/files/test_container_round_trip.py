"""`.lamina` files give back exactly the codes that were written, and nothing is written that can't be read."""

import dataclasses
import struct
import subprocess
import sys

import numpy as np
import pytest
from container_parts import random_codes, real_codes, same, with_header
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.file import ContainerError, pack, read_codes, unpack, write_codes
from lamina.plugin.codes_file.header import MAGIC, MAX_SECONDS
from lamina.plugin.codes_file.summary import inspect_codes


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@given(
    seed=st.integers(0, 2**32), n_frames=st.one_of(st.none(), st.sampled_from([0, 1, 74, 75, 76, 150, 749, 750, 751]))
)
@settings(max_examples=60, deadline=None)
@example(seed=1, n_frames=0)
def test_any_codes_come_back(entropy, seed, n_frames):
    codes = random_codes(seed, n_frames)
    result = unpack(pack(codes, entropy))
    assert same(result.codes, codes)
    assert not result.damage and str(result.damage) == ""


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize(("n_layers", "n_channels"), [(1, 1), (8, 2), (24, 1)])
def test_real_codes_come_back_from_disk(tmp_path, entropy, n_layers, n_channels):
    codes = real_codes(n_layers, 5.0, n_channels=n_channels)
    size = write_codes(tmp_path / "take.lamina", codes, entropy)
    assert (tmp_path / "take.lamina").stat().st_size == size
    assert same(read_codes(tmp_path / "take.lamina").codes, codes)
    assert [path.name for path in tmp_path.iterdir()] == ["take.lamina"]


def test_a_file_costs_its_codes_and_little_more():
    codes = real_codes(8, 6.0)
    n_blocks = -(-codes.n_frames // 75)
    assert len(pack(codes)) <= codes.bits / 8 + 22 * n_blocks + 300
    assert len(pack(codes, entropy=True)) < len(pack(codes))


def test_entropy_coding_never_costs():
    codes = random_codes(3, 300)
    noise = np.random.default_rng(0).integers(0, 1024, codes.codes.shape).astype(np.uint16)
    noisy = dataclasses.replace(codes, codes=noise, counts=np.full_like(codes.counts, noise.shape[2]))
    assert len(pack(noisy, entropy=True)) <= len(pack(noisy))


def test_codes_without_lags_are_written_so_that_older_laminas_read_them():
    """Whoever knows nothing of lags must not take one for an entry: such files have a version of their own."""
    codes = dataclasses.replace(real_codes(4, 1.0), lag_from=0)
    old, new = pack(codes), pack(dataclasses.replace(codes, lag_from=3))
    assert [struct.unpack_from("<H", data, len(MAGIC))[0] for data in (old, new)] == [1, 2]
    assert b"lag_from" not in old
    assert [unpack(data).codes.lag_from for data in (old, new)] == [0, 3]


def test_changing_layer_counts_cost_five_bits_a_frame_at_most():
    counts = np.resize(np.array([1, 8, 2, 7], np.uint8), (1, 75))
    codes = Codes(np.zeros((1, 75, 8), np.uint16), counts, 24_000, 24_000, 1, "m", "d")
    plain = Codes(codes.codes, np.full_like(counts, 8), 24_000, 24_000, 1, "m", "d")
    codes_bytes = [(int(c.counts.sum()) * 10 + 7) // 8 for c in (codes, plain)]
    assert len(pack(codes)) - codes_bytes[0] - (len(pack(plain)) - codes_bytes[1]) == 1 + (75 * 5 + 7) // 8 - 2


def test_what_was_not_sent_is_not_in_the_file():
    codes = random_codes(5, 80)
    codes.counts[:] = 0
    codes.codes[:] = 7
    result = unpack(pack(codes, entropy=True))
    assert not result.codes.codes.any() and not result.codes.counts.any() and not result.damage


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
def test_inspecting_tells_what_reading_finds(tmp_path, entropy):
    codes = real_codes(6, 4.0, n_channels=2)
    size = write_codes(tmp_path / "take.lamina", codes, entropy)
    info = inspect_codes(tmp_path / "take.lamina")
    assert info.packed_kbps == pytest.approx(codes.kbps) == pytest.approx(9.0)
    assert info.file_kbps == pytest.approx(size * 8 * 75 / codes.n_frames / 1000)
    assert info.layers == ((6, 6), (6, 6)) and info.seconds == pytest.approx(4.0, abs=0.02)
    assert (info.n_entropy_blocks > 0) == entropy and not info.damage


OTHER_MODELS = {
    "48 kHz in 16 layers": (46.875, (10,) * 16),
    "12.5 frames of unequal codes": (12.5, (10, 6, 6, 6)),
    "40 layers of 16 bits": (75, (16,) * 40),
    "one bit": (100, (1,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize(("frame_rate", "code_bits"), OTHER_MODELS.values(), ids=OTHER_MODELS)
def test_codes_of_other_models_come_back_in_as_many_bits_as_they_have(frame_rate, code_bits, entropy):
    random, n_frames = np.random.default_rng(len(code_bits)), 90
    codes = np.stack([random.integers(0, 1 << bits, (2, n_frames)) for bits in code_bits], -1).astype(np.uint16)
    counts = random.integers(0, len(code_bits) + 1, (2, n_frames)).astype(np.uint8)
    codes[np.arange(len(code_bits)) >= counts[..., None]] = 0
    made = Codes(
        codes,
        counts,
        48_000,
        int(48_000 * n_frames / frame_rate),
        2,
        "m",
        "d",
        frame_rate=frame_rate,
        code_bits=code_bits,
    )
    data = pack(made, entropy)
    found = unpack(data)
    assert not found.damage and np.array_equal(found.codes.codes, codes) and np.array_equal(found.codes.counts, counts)
    assert (found.codes.frame_rate, found.codes.code_bits) == (frame_rate, code_bits)
    assert found.codes.bits == sum(sum(code_bits[:count]) for count in counts.flatten().tolist())
    assert found.codes.kbps == pytest.approx(found.codes.bits / (n_frames / frame_rate) / 1000)
    if not entropy:
        header, counted = (
            len(
                pack(
                    Codes(
                        codes[:, :0], counts[:, :0], 48_000, 0, 2, "m", "d", frame_rate=frame_rate, code_bits=code_bits
                    )
                )
            ),
            2 * 19,
        )
        assert len(data) - header - counted <= found.codes.bits / 8 + 2 * n_frames + 4


def test_a_file_is_written_in_the_oldest_version_that_can_hold_it():
    def version(**given):
        codes = np.zeros((1, 75, given.pop("layers", 4)), np.uint16)
        return pack(Codes(codes, np.ones((1, 75), np.uint8), 24_000, 24_000, 1, "m", "d", **given))[8]

    assert (version(), version(lag_from=3), version(frame_rate=50), version(layers=25)) == (1, 2, 3, 3)
    assert version(code_bits=(9, 10, 10, 10)) == 3 and version(frame_rate=75.0, code_bits=(10,) * 4) == 1


TOO_LONG = (MAX_SECONDS + 1) * 75 + 1
WRONG = {
    "more than a week": {"codes": np.zeros((1, TOO_LONG, 1), np.uint16), "counts": np.zeros((1, TOO_LONG), np.uint8)},
    "sound without frames": {"n_samples": 10**9},
    "a rate of no sound": {"sample_rate": 1},
    "a very long name": {"model": "m" * 300},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_refused_before_anything_is_written(tmp_path, change):
    codes = Codes(np.zeros((1, 75, 1), np.uint16), np.ones((1, 75), np.uint8), 24_000, 24_000, 1, "m", "d")
    target = tmp_path / "take.lamina"
    target.write_bytes(b"before")
    # Codes that can't be are refused before they are there, others by the file.
    with pytest.raises(ValueError, match=r"\.$"):
        write_codes(target, dataclasses.replace(codes, **change))
    assert target.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("take.wav", "ends in '.wav'"),
        ("take", "no suffix"),
        ("no/take.lamina", "does not exist"),
        ("d.lamina", "folder"),
    ],
)
def test_places_that_take_no_file_are_refused(tmp_path, name, words):
    (tmp_path / "d.lamina").mkdir()
    with pytest.raises(ContainerError, match=words):
        write_codes(tmp_path / name, random_codes(0))
    assert [path.name for path in tmp_path.iterdir()] == ["d.lamina"]


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(ContainerError, match="There is no file"):
        read_codes(tmp_path / "none.lamina")
    with pytest.raises(ContainerError, match="is a folder"):
        read_codes(tmp_path)
    (tmp_path / "song.lamina").write_bytes(b"RIFF....")
    with pytest.raises(ContainerError, match=r"song\.lamina: It is no \.lamina file"):
        read_codes(tmp_path / "song.lamina")


@pytest.mark.slow
def test_reading_imports_no_network():
    script = (
        "import sys, lamina.plugin.codes_file.file; print(sorted({'torch', 'onnxruntime', 'PyQt6'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_of_version_1_are_read_for_good():
    """Written down once; a change that breaks this breaks people's files."""
    head = (
        b'{"sample_rate":48000,"n_samples":3000,"n_channels":2,"frames":6,"layers":3,"stereo":"mid-side",'
        b'"model":"lamina-24k","digest":"abab","frame_rate":75}'
    )
    plain = (
        "f54c62a7000000000600003100000011ba3ef30218c4318c6318c600000250601000c2802c3008c1b0380102c3006c0e0040"
        "b0c02306c0e0040b0c02306c0e0040b0c023"
    )
    entropy = "f54c62a70000000006000121000000a8df49fc0218c4318c6318c6000000000250600e4d685b7d9c3115f45a4ce687930d249314"
    codes = (np.arange(36, dtype=np.uint16) * 37 % 50).reshape(2, 6, 3)
    codes[:, 2:] = codes[:, 1:2]
    counts = np.array([[3, 3, 2, 3, 3, 3], [3, 3, 3, 3, 3, 0]], np.uint8)
    codes[np.arange(3) >= counts[..., None]] = 0
    written = Codes(codes, counts, 48_000, 3000, 2, "lamina-24k", "abab", "mid-side")
    for blocks in (plain, entropy):
        result = unpack(with_header(head, blocks=bytes.fromhex(blocks)))
        assert same(result.codes, written) and not result.damage
