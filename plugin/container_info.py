"""What a `.lamina` file says about itself, without decoding codes: it takes no time even for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.plugin.codes import CODEBOOK_BITS, FRAME_RATE
from lamina.plugin.container import container_bytes, open_container
from lamina.plugin.container_blocks import ENTROPY, Block, block_counts, find_blocks
from lamina.plugin.container_damage import Damage, damage_of
from lamina.plugin.container_header import ContainerError, HeaderFields


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
        least_layers, most_layers: layers that the frames that are there sent; 0 without frames.
    """

    header: HeaderFields
    damage: Damage
    n_bytes: int
    sent_bits: int
    n_blocks: int
    n_entropy_blocks: int
    least_layers: int
    most_layers: int

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.header.n_samples / self.header.sample_rate

    @property
    def file_kbps(self) -> float:
        """Kilobits per second that the file takes, all of it; 0 without frames."""
        return self.n_bytes * 8 * FRAME_RATE / self.header.frames / 1000 if self.header.frames else 0.0

    @property
    def packed_kbps(self) -> float:
        """Kilobits per second of the codes alone, packed plainly, over the frames that are there."""
        n_frames = self.header.frames - self.damage.n_missing
        return self.sent_bits * FRAME_RATE / n_frames / 1000 if n_frames else 0.0


def inspect_codes(path: str | Path) -> ContainerInfo:
    """What a file says about itself, quickly; raises ContainerError as `read_codes` does."""
    with container_bytes(path) as data:
        header, position, seed = open_container(data)
    used: list[Block] = []
    layers: set[int] = set()
    bits = 0
    for block in find_blocks(data, position, header, seed):
        try:
            counts = block_counts(block, header)
        except ContainerError:
            continue
        bits += CODEBOOK_BITS * int(counts.sum(dtype=np.int64))
        layers |= {int(counts.min()), int(counts.max())}
        used.append(block)
    coded = sum(block.mode == ENTROPY for block in used)
    damage = damage_of(used, header, len(data) - position)
    return ContainerInfo(header, damage, len(data), bits, len(used), coded, min(layers, default=0), max(layers, default=0))
