"""A cut or damaged `.lamina` file is read as far as it is whole, exactly, and says what is missing."""

import dataclasses
import os

import pytest
from container_parts import assert_rest_is_exact, block_starts, header_of, random_codes, real_codes, same, with_header

from lamina.plugin.codes_file.blocks import MARKER
from lamina.plugin.codes_file.file import ContainerError, pack, unpack
from lamina.plugin.codes_file.header import unpack_header
from lamina.plugin.codes_file.summary import inspect_codes


def test_a_damaged_block_is_left_out_and_the_rest_is_exact():
    codes = real_codes(4, 5.0)
    data = bytearray(pack(codes))
    data[block_starts(bytes(data))[2] + 40] ^= 1
    result = unpack(bytes(data))
    assert result.damage.missing == ((150, 225),)
    assert_rest_is_exact(result, codes)
    assert "2.00 to 3.00 s (frames 150 to 224) could not be read" in str(result.damage)


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
def test_a_cut_file_reads_up_to_the_cut(entropy):
    codes = real_codes(4, 12.0)
    data = pack(codes, entropy)
    result = unpack(data[: block_starts(data)[1] + 50])
    size = 750 if entropy else 75
    assert result.damage.missing == ((size, codes.n_frames),) and result.damage.stray_bytes == 50
    assert_rest_is_exact(result, codes)


@pytest.mark.slow
@pytest.mark.parametrize("n_lost", [1, 5, 700])
@pytest.mark.parametrize("adding", [False, True])
def test_bytes_that_got_lost_or_slipped_in_cost_one_or_a_few_blocks(n_lost, adding):
    codes = real_codes(8, 10.0)
    data = pack(codes)
    place = block_starts(data)[3] + 100
    broken = data[:place] + MARKER * n_lost + data[place:] if adding else data[:place] + data[place + n_lost :]
    result = unpack(broken)
    assert_rest_is_exact(result, codes)
    assert 75 <= result.damage.n_missing <= 150 and result.damage.missing[0][0] == 225


def test_rubbish_at_the_end_is_told_and_harms_nothing():
    codes = random_codes(3, 160)
    data = pack(codes)
    for rubbish in (b"\0", os.urandom(3000), MARKER * 50, pack(random_codes(4, 300)), data[block_starts(data)[0] :]):
        result = unpack(data + rubbish)
        assert same(result.codes, codes)
        assert not result.damage.missing and result.damage.stray_bytes == len(rubbish)
    assert str(unpack(data + b"\0").damage) == "1 byte of the file belongs to no block and was passed over."


def test_what_does_not_belong_to_the_file_is_not_counted_in_its_bitrate(tmp_path):
    data = pack(real_codes(8, 4.0), True)
    rates = []
    for rubbish in (b"", b"\0" * 3000):
        path = tmp_path / "rubbish.lamina"
        path.write_bytes(data + rubbish)
        info = inspect_codes(path)
        assert info.n_bytes == len(data) + len(rubbish)
        rates.append(info.file_kbps)
    assert rates == [len(data) * 8 / 4.0 / 1000] * 2


@pytest.mark.slow
def test_a_block_of_another_file_is_not_believed():
    mine, other = real_codes(4, 3.0), dataclasses.replace(real_codes(4, 3.0, item=0), model="other")
    data, foreign = pack(mine), pack(other)
    at, there = block_starts(data), block_starts(foreign)
    result = unpack(data[: at[1]] + foreign[there[1] : there[2]] + data[at[2] :])
    assert result.damage.missing == ((75, 150),)
    assert_rest_is_exact(result, mine)


def test_a_damaged_header_is_refused():
    data = bytearray(pack(random_codes(1, 10)))
    for position in range(8, unpack_header(bytes(data))[1]):
        data[position] ^= 0x10
        with pytest.raises(ContainerError, match="header"):
            unpack(bytes(data))
        data[position] ^= 0x10
    unpack(bytes(data))


def test_a_newer_version_asks_for_an_update():
    header = header_of(pack(random_codes(1, 10)))
    with pytest.raises(ContainerError, match=r"version 5; this Lamina reads versions 1 to 4\. Update Lamina"):
        unpack(with_header(header | {"something": "new"}, version=5))
    for version in (1, 2, 3, 4):
        unpack(with_header(header | {"something": "new"}, version=version))
