"""docs/container.md is enough to read `.lamina` files.

A reader written from that page alone finds what Lamina wrote.
"""

import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from container_parts import moving_codes, random_codes, real_codes

from lamina.models.coding.entropy import RATES
from lamina.plugin.codes_file.file import pack
from lamina.plugin.codes_file.header import MAX_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "container.md").read_text(encoding="utf-8")


class Bits:
    def __init__(self, data: bytes) -> None:
        self.text, self.place = "".join(f"{byte:08b}" for byte in data), 0

    def take(self, n_bits: int) -> int:
        self.place += n_bits
        return int(self.text[self.place - n_bits : self.place], 2)


class Ranges:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data + bytes(10), 6
        self.value, self.range = int.from_bytes(self.data[:6], "big"), 1 << 48

    def pick(self, weights: list[int]) -> int:
        unit = self.range // sum(weights)
        index = start = 0
        while (start + weights[index]) * unit <= self.value:
            start += weights[index]
            index += 1
        self.value -= start * unit
        self.range = weights[index] * unit
        while self.range < 1 << 32:
            self.value = self.value << 16 | int.from_bytes(
                (self.data[self.place : self.place + 2] + bytes(2))[:2], "big"
            )
            self.range <<= 16
            self.place += 2
        return index


def read(data: bytes) -> tuple[dict, dict]:
    """The header, and codes by (channel, frame, layer)."""
    assert data[:8] == bytes.fromhex("4C414D494E411A0A")
    version, n_text = struct.unpack_from("<HI", data, 8)
    end = 14 + n_text
    (head_crc,) = struct.unpack_from("<I", data, end)
    header, place, found = json.loads(data[14:end]), end + 4, {}
    assert head_crc == zlib.crc32(data[:end])
    forms = set()
    while place < len(data):
        marker, first, n_frames, mode, n_payload, crc = struct.unpack_from("<4sIHBII", data, place)
        payload = data[place + 19 : place + 19 + n_payload]
        assert marker == bytes.fromhex("F54C62A7") and crc == zlib.crc32(
            payload, zlib.crc32(data[place + 4 : place + 15], head_crc)
        )
        n_coded = 1 if header["stereo"] == "mono" else header["n_channels"]
        forms.add(payload[0])
        counts, body = read_counts(payload, n_coded * n_frames)
        sent = np.reshape(counts, (n_coded, n_frames))
        values = (read_plain, read_entropy)[mode](body, sent)
        found |= {(channel, first + frame, layer): value for (channel, frame, layer), value in values.items()}
        place += 19 + n_payload
    assert version == (4 if 3 in forms else 2 if header.get("lag_from") else 1)
    return header, found


def read_counts(payload: bytes, n: int) -> tuple[list[int], bytes]:
    if payload[0] == 0:
        return [payload[1]] * n, payload[2:]
    if payload[0] == 1:
        (n_runs,) = struct.unpack_from("<H", payload, 1)
        runs = [struct.unpack_from("<BH", payload, 3 + 3 * run) for run in range(n_runs)]
        return [count for count, times in runs for _ in range(times)], payload[3 + 3 * n_runs :]
    if payload[0] == 3:
        bits, counts = Bits(payload[2:]), [payload[1]]
        while len(counts) < n:
            counts.append(counts[-1] + read_move(bits))
        assert "1" not in bits.text[bits.place : -(-bits.place // 8) * 8]
        return counts, payload[2 + -(-bits.place // 8) :]
    n_bytes = -(-5 * n // 8)
    bits = Bits(payload[1 : 1 + n_bytes])
    return [bits.take(5) for _ in range(n)], payload[1 + n_bytes :]


def read_move(bits: Bits) -> int:
    if not bits.take(1):
        return 0
    sign, size = -1 if bits.take(1) else 1, 1
    while bits.take(1):
        size += 1
    return sign * size


def places(sent: np.ndarray):
    """What was sent, in the order of the page."""
    n_coded, n_frames = sent.shape
    return (
        (channel, frame, layer)
        for frame in range(n_frames)
        for channel in range(n_coded)
        for layer in range(sent[channel, frame])
    )


def read_plain(body: bytes, sent: np.ndarray) -> dict:
    bits = Bits(body)
    return {place: bits.take(10) for place in places(sent)}


def read_entropy(body: bytes, sent: np.ndarray) -> dict:
    n_layers = int(sent.max())
    bits = Bits(body)
    rates = [RATES[bits.take(4)] for _ in range(n_layers)]
    coder = Ranges(body[-(-n_layers // 2) :])
    weights = [[base] * 1024 for base, _ in rates]
    flags, found, last, right = {}, {}, {}, {}
    done = 0
    for channel, frame, layer in places(sent):
        if frame != done:  # earlier frames have been learned from, and only those
            for other in range(done, frame):
                for (_, _, at), code in [(place, code) for place, code in found.items() if place[1] == other]:
                    weights[at][code] += rates[at][1]
            done = frame
        guesses = [found.get((channel - 1, frame, layer)), last.get((channel, layer))]
        code = None
        for kind, guess in enumerate(guesses):
            if guess is None or guess in guesses[:kind]:
                continue
            context = kind, layer == 0, right.get((kind, channel), False)
            flag = flags.setdefault(context, [20, 1])
            yes = coder.pick(flag)
            flag[yes] += 1
            if sum(flag) > 512:
                flag[:] = [-(-weight // 2) for weight in flag]
            if yes:
                code = guess
                break
        if code is None:
            code = coder.pick([0 if index in guesses else weight for index, weight in enumerate(weights[layer])])
        found[channel, frame, layer] = last[channel, layer] = code
        for kind, guess in enumerate(guesses):
            right[kind, channel] = code == guess
            if layer == 0:
                right[kind, channel, "first"] = code == guess
        if layer == sent[channel, frame] - 1:  # the next code of this channel is layer 1 of a later frame
            for kind in range(2):
                right[kind, channel] = right[kind, channel, "first"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("seed", [*range(12), "real", "moving"])
def test_a_reader_written_from_the_page_finds_what_was_written(seed, entropy):
    kinds = {"real": lambda: real_codes(4, 3.0, n_channels=2), "moving": lambda: moving_codes(3, 30, n_channels=2)}
    codes = kinds[seed]() if seed in kinds else random_codes(seed, 12)
    header, found = read(pack(codes, entropy))
    assert (
        header["frames"] == codes.n_frames
        and header["layers"] == codes.codes.shape[2]
        and header["model"] == codes.model
    )
    assert len(found) == codes.counts.sum()
    assert all(codes.codes[place] == code for place, code in found.items())


def test_the_page_gives_the_numbers_of_the_code():
    assert ", ".join(str(rate) for rate in RATES) in " ".join(PAGE.split())
    assert f"at most {(MAX_SECONDS + 1) * 75} " in PAGE


@pytest.mark.slow
def test_the_example_of_the_page_runs(capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    names = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)  # each goes on where the one before ended
    assert "the file is whole 6.0 kbps of codes" in capsys.readouterr().out
