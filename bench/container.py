"""How large `.lamina` files of held-out sounds are, plain and entropy coded, and how long both take to write and read.

Every clip is a file of its own, in mono at 24 kHz. Sizes are exact; times on a shared machine vary.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from heldout import MUSIC, SPEECH, read_mono, sound_files
from metrics import SAMPLE_RATE, Samples

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.file import pack, unpack

LAYERS = (4, 8, 16, 24)
"""3, 6, 12 and 18 kbps."""
TIMED_SECONDS = 60


@dataclass(frozen=True)
class Size:
    """One clip at one rate, in bytes.

    Its codes packed without anything else, its plain file, and its entropy-coded file.
    """

    seconds: float
    codes: float
    plain: int
    entropy: int

    @property
    def saved(self) -> float:
        """Share of the plain file that entropy coding saves."""
        return 1 - self.entropy / self.plain


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heldout", type=Path, required=True, help="folder with speech/ and music/")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="name or folder of the model")
    options = parser.parse_args(arguments)
    paths = {kind: sound_files(options.heldout / kind) for kind in (SPEECH, MUSIC)}
    if not any(paths.values()):
        print(
            f"There are no sounds in {options.heldout}/{SPEECH} and {options.heldout}/{MUSIC}: nothing is measured.",
            file=sys.stderr,
        )
        return 0
    codec = NeuralCodec(layers=max(LAYERS), model=options.bundle)
    clips = {kind: [read_mono(path) for path in found] for kind, found in paths.items() if found}
    size_table(codec, clips)
    time_table(codec, [clip for found in clips.values() for clip in found])
    return 0


def size_table(codec: NeuralCodec, clips: dict[str, list[Samples]]) -> None:
    """Print bitrates of all clips of a kind together, and how much single clips save."""
    print(
        "saved: of the plain file; below codes: less than the codes alone take, packed plainly, although head and "
        "blocks come on top"
    )
    titles = f"{'kind':8}{'clips':>6}{'codes kbps':>12}{'plain kbps':>12}{'entropy kbps':>14}{'saved':>8}"
    print(f"{titles}{'clip by clip':>18}{'below codes':>13}")
    for kind, sounds in clips.items():
        coded = [codec.encode(sound, SAMPLE_RATE) for sound in sounds]
        for layers in LAYERS:
            sizes = [size_of(thinned(codes, layers)) for codes in coded]
            kbps = 8 / sum(size.seconds for size in sizes) / 1000
            codes, plain, entropy = (
                kbps * sum(getattr(size, name) for size in sizes) for name in ("codes", "plain", "entropy")
            )
            spread = f"{min(size.saved for size in sizes):.1%} to {max(size.saved for size in sizes):.1%}"
            print(
                f"{kind:8}{len(sizes):>6}{codes:>12.2f}{plain:>12.2f}{entropy:>14.2f}"
                f"{1 - entropy / plain:>8.1%}{spread:>18}{1 - entropy / codes:>13.1%}",
                flush=True,
            )


def time_table(codec: NeuralCodec, sounds: list[Samples]) -> None:
    """Print the seconds that a minute of stereo takes in all layers.

    One channel is the sounds one after another, the other the same half of them later.
    """
    joined = np.concatenate(sounds)
    n_samples = TIMED_SECONDS * SAMPLE_RATE
    stereo = np.stack([np.resize(joined, n_samples), np.resize(np.roll(joined, joined.size // 2), n_samples)])
    codes = codec.encode(stereo, SAMPLE_RATE)
    print(f"\nseconds for {TIMED_SECONDS} s of stereo in {max(LAYERS)} layers{'write':>10}{'read':>8}{'bytes':>10}")
    for name, entropy in (("plain", False), ("entropy coded", True)):
        started = time.perf_counter()
        data = pack(codes, entropy)
        packed = time.perf_counter()
        result = unpack(data)
        read = time.perf_counter()
        if not np.array_equal(result.codes.codes, codes.codes):
            raise AssertionError("what was read is not what was written")
        print(f"{name:43}{packed - started:>10.2f}{read - packed:>8.2f}{len(data):>10}")


def thinned(codes: Codes, layers: int) -> Codes:
    """The same with fewer layers, as a coarser rate sends them."""
    part = np.ascontiguousarray(codes.codes[:, :, :layers])
    return replace(codes, codes=part, counts=np.full_like(codes.counts, layers))


def size_of(codes: Codes) -> Size:
    """How large its files are."""
    return Size(codes.n_frames / codes.frame_rate, codes.bits / 8, len(pack(codes)), len(pack(codes, True)))


if __name__ == "__main__":
    sys.exit(main())
