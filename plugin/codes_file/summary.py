"""What a `.lamina` file says about itself, without decoding codes: it takes no time even for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.plugin.codes_file.blocks import ENTROPY, Bytes, block_counts, find_blocks
from lamina.plugin.codes_file.codes import sent_bits
from lamina.plugin.codes_file.damage import Damage, DamageTally
from lamina.plugin.codes_file.header import ContainerError, HeaderFields
from lamina.plugin.codes_file.reader import container_bytes, open_container


@dataclass(frozen=True)
class ContainerInfo:
    """What `lamina inspect` shows, without decoding codes.

    Args:
        header: what the file's head says.
        damage: what could not be used.
        n_bytes: length of the file.
        sent_bits: bits of all codes that are there, packed plainly.
        n_blocks: blocks that are whole.
        n_entropy_blocks: how many of those are entropy coded.
        layers: the fewest and the most layers that a frame sent, of each coded channel; 0 without frames.
    """

    header: HeaderFields
    damage: Damage
    n_bytes: int
    sent_bits: int
    n_blocks: int
    n_entropy_blocks: int
    layers: tuple[tuple[int, int], ...]

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.header.n_samples / self.header.sample_rate

    @property
    def file_kbps(self) -> float:
        """Kilobits per second that the file really takes, head and blocks, over the frames that are there."""
        return self._kbps((self.n_bytes - self.damage.stray_bytes) * 8)

    @property
    def packed_kbps(self) -> float:
        """Kilobits per second of the codes alone, packed plainly, over the frames that are there."""
        return self._kbps(self.sent_bits)

    def _kbps(self, bits: int) -> float:
        n_frames = self.header.frames - self.damage.n_missing
        return bits * self.header.frame_rate / n_frames / 1000 if n_frames else 0.0


def inspect_codes(path: str | Path) -> ContainerInfo:
    """What a file says about itself, quickly; raises ContainerError as `read_codes` does."""
    with container_bytes(path) as data:
        return _inspected(data)


def _inspected(data: Bytes) -> ContainerInfo:
    header, position, seed = open_container(data)
    tally = DamageTally(header, len(data) - position)
    bits = n_blocks = n_entropy = 0
    least = np.full(header.n_coded, header.layers, np.uint8)
    most = np.zeros(header.n_coded, np.uint8)
    for block in find_blocks(data, position, header, seed):
        try:
            counts = block_counts(block, header)
        except ContainerError:
            continue
        bits += sent_bits(counts, header.code_bits)
        least, most = np.minimum(least, counts.min(1)), np.maximum(most, counts.max(1))
        tally.use(block)
        n_blocks, n_entropy = n_blocks + 1, n_entropy + (block.mode == ENTROPY)
    layers = tuple(zip((least if n_blocks else most).tolist(), most.tolist(), strict=True))
    return ContainerInfo(header, tally.damage(), len(data), bits, n_blocks, n_entropy, layers)
