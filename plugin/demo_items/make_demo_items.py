"""Makes the demo items from the sounds of two Debian packages, so that where every sample comes from can be checked.

    python make_demo_items.py [--packages FOLDER] [--out FOLDER]

`sonic-pi-samples` (CC0) holds the instruments of the music and the machine of the noisy voice,
`sound-theme-freedesktop` (the loudspeaker names, GPL-2.0-or-later) the voice. Without --packages the script downloads
both with apt-get and unpacks them into a temporary folder; nothing is installed. The same packages give the same
samples, before Vorbis coding.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pedalboard.io import AudioFile

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100
PACKAGES = ("sonic-pi-samples", "sound-theme-freedesktop")
INSTRUMENTS = Path("usr/share/sonic-pi/samples")
VOICES = Path("usr/share/sounds/freedesktop/stereo")
PEAK_DB = -2.0
SNR_DB = 9.0
# Around the room in two ways: the eight names are all the words this voice has.
CLEAR_ORDER = (
    "front-left",
    "front-center",
    "front-right",
    "side-right",
    "rear-right",
    "rear-center",
    "rear-left",
    "side-left",
)
NOISY_ORDER = (
    "rear-left",
    "front-right",
    "side-left",
    "rear-center",
    "side-right",
    "front-center",
    "rear-right",
    "front-left",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write music.ogg, voice.ogg and noisy-voice.ogg; return the exit code."""
    parser = argparse.ArgumentParser(description="Make Lamina's demo items from the sounds of two Debian packages.")
    parser.add_argument(
        "--packages", type=Path, help="folder with both packages unpacked into it (default: download them)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="where to write the items (default: beside this script)"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        packages = options.packages or download(Path(scratch))
        if not (packages / INSTRUMENTS).is_dir() or not (packages / VOICES).is_dir():
            print(f"{packages} must hold {' and '.join(PACKAGES)}, unpacked with dpkg -x.", file=sys.stderr)
            return 2
        options.out.mkdir(parents=True, exist_ok=True)
        write(options.out / "music.ogg", music(packages / INSTRUMENTS), "160 kbps")
        clear = voice(packages / VOICES, CLEAR_ORDER)
        write(options.out / "voice.ogg", clear, "96 kbps")
        spoken = voice(packages / VOICES, NOISY_ORDER)
        write(options.out / "noisy-voice.ogg", noisy(spoken, packages / INSTRUMENTS), "96 kbps")
    return 0


def download(folder: Path) -> Path:
    """Download and unpack the packages under `folder`; return the folder that holds their files."""
    subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, check=True)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), "unpacked"], cwd=folder, check=True)
    return folder / "unpacked"


def music(instruments: Path) -> Samples:
    """Compose six bars in E minor at 96 beats a minute.

    Guitar first, then bass and drums, so that each is heard alone and together.
    """
    beat = 60 / 96
    bar = 4 * beat
    seconds = 6 * bar
    mix = np.zeros((2, round(seconds * SAMPLE_RATE)), dtype=np.float32)

    def play(
        name: str, at_seconds: float, gain: float, pan: float = 0.0, semitones: float = 0.0, length_seconds: float = bar
    ) -> None:
        sound = read(instruments / f"{name}.flac", semitones)
        if sound.shape[1] > length_seconds * SAMPLE_RATE:
            sound = faded(sound[:, : round(length_seconds * SAMPLE_RATE)], 0.03)
        add(mix, sound * np.array([[1 - max(pan, 0.0)], [1 + min(pan, 0.0)]], dtype=np.float32), at_seconds, gain)

    play("guit_em9", 0 * bar, 0.75, -0.2, length_seconds=4 * bar)
    play("guit_em9", 4 * bar, 0.75, -0.2, length_seconds=2 * bar)
    play("guit_harmonics", 1 * bar + 2 * beat, 0.5, 0.4, length_seconds=1.5 * bar)
    play("guit_harmonics", 3 * bar + 2 * beat, 0.5, 0.4, length_seconds=1.5 * bar)
    play("guit_e_fifths", 2 * bar, 0.4, 0.5, length_seconds=2 * bar)
    play("guit_e_slide", 5 * bar, 0.4, 0.5)
    play("perc_bell", 4 * bar, 0.25, 0.3, length_seconds=2 * bar)

    # The bass sample is a C: E is 4 semitones up, G 7, A 9, D 2, B 1 down.
    riff = ((0.0, 4, 1.4), (1.5, 4, 0.4), (2.0, 7, 0.9), (3.0, 9, 0.4), (3.5, 2, 0.5))
    for index in range(1, 6):
        for at_beats, semitones, length_beats in riff:
            play("bass_woodsy_c", index * bar + at_beats * beat, 0.3, 0.0, semitones, length_beats * beat)

    for index in range(2, 6):
        for at_beats in (0.0, 1.5, 2.5):
            play("drum_heavy_kick", index * bar + at_beats * beat, 0.6)
        for at_beats, gain in ((1.0, 0.45), (3.0, 0.45), (3.75, 0.15)):
            play("drum_snare_hard", index * bar + at_beats * beat, gain, 0.1)
        for eighth in range(8):
            play("drum_cymbal_closed", index * bar + eighth * beat / 2, 0.3 if eighth % 2 == 0 else 0.2, -0.4)
    play("drum_splash_soft", 2 * bar, 0.5, -0.3)
    play("drum_splash_soft", 4 * bar, 0.5, -0.3)
    return faded(mix, 0.6)


def voice(voices: Path, names: Sequence[str]) -> Samples:
    """The loudspeaker names one after the other, long enough apart to be understood; mono."""
    gap = np.zeros((1, round(0.15 * SAMPLE_RATE)), dtype=np.float32)
    parts: list[Samples] = [gap]
    for name in names:
        parts += [trimmed(mono(read(voices / f"audio-channel-{name}.oga"))), gap]
    return np.concatenate(parts, axis=1)


def noisy(spoken: Samples, instruments: Path) -> Samples:
    """`spoken` beside a running machine (a recorded 3D printer), SNR_DB below the voice over the whole item."""
    machine = mono(read(instruments / "loop_3d_printer.flac"))
    noise = np.tile(machine, (1, 1 + spoken.shape[1] // machine.shape[1]))[:, : spoken.shape[1]]
    gain = np.sqrt(np.mean(spoken**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    mixed: Samples = faded(spoken + gain * noise, 0.2).astype(np.float32)
    return mixed


def read(path: Path, semitones: float = 0.0) -> Samples:
    """Read `path` at SAMPLE_RATE, moved by `semitones` as a tape would be (faster is higher).

    Stereo stays stereo.
    """
    ratio = 2 ** (semitones / 12)
    with AudioFile(str(path)).resampled_to(SAMPLE_RATE / ratio) as file:
        sound: Samples = file.read(int(file.frames))
    return sound


def mono(sound: Samples) -> Samples:
    """The mean of all channels, as one channel."""
    mixed: Samples = np.mean(sound, axis=0, keepdims=True, dtype=np.float32)
    return mixed


def trimmed(sound: Samples) -> Samples:
    """`sound` without what is more than 50 dB below its peak at either end, except for 20 ms."""
    loud = np.flatnonzero(np.abs(sound[0]) > np.max(np.abs(sound)) * 10 ** (-50 / 20))
    margin = round(0.02 * SAMPLE_RATE)
    return sound[:, max(loud[0] - margin, 0) : loud[-1] + margin]


def faded(sound: Samples, seconds: float) -> Samples:
    """`sound` with its last `seconds` faded out and 2 ms faded in, so that no cut clicks."""
    faded_sound = sound.copy()
    for samples, part in (
        (round(0.002 * SAMPLE_RATE), slice(None)),
        (round(seconds * SAMPLE_RATE), slice(None, None, -1)),
    ):
        count = min(samples, sound.shape[1])
        faded_sound[:, part][:, :count] *= np.linspace(0, 1, count, dtype=np.float32)
    return faded_sound


def add(mix: Samples, sound: Samples, at_seconds: float, gain: float) -> None:
    """Add `sound` into `mix` in place; what would stand after its end is left out."""
    start = round(at_seconds * SAMPLE_RATE)
    count = min(sound.shape[1], mix.shape[1] - start)
    mix[:, start : start + count] += gain * sound[:, :count]


def write(path: Path, sound: Samples, quality: str) -> None:
    """Write `sound` with its peak at PEAK_DB."""
    levelled = sound * (10 ** (PEAK_DB / 20) / np.max(np.abs(sound)))
    with AudioFile(str(path), "w", samplerate=SAMPLE_RATE, num_channels=sound.shape[0], quality=quality) as file:
        file.write(levelled.astype(np.float32))
    print(f"{path.name}: {sound.shape[1] / SAMPLE_RATE:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
