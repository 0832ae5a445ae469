"""The bundled demo items are there, sound, short, at a sane level, and credited."""

import re
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

from lamina.gui.display import has_display
from lamina.plugin.demo_items.items import DemoItem, demo_items

CREDITS = Path(__file__).parents[2] / "docs" / "demo-items.md"
ALL_ITEMS_BYTES = 1_500_000


@pytest.mark.parametrize("item", demo_items(), ids=lambda item: item.title)
def test_a_demo_item_is_short_full_and_unclipped(item: DemoItem) -> None:
    with AudioFile(str(item.path)) as file:
        samples, sample_rate = file.read(file.frames), file.samplerate
    assert 10.0 <= samples.shape[1] / sample_rate <= 20.0
    peak_db = 20 * np.log10(np.max(np.abs(samples)))
    assert -3.0 <= peak_db <= -1.0  # Vorbis decoding moves the written peak of -2 dBFS by a fraction of a dB
    seconds = [samples[:, i : i + sample_rate] for i in range(0, samples.shape[1] - sample_rate, sample_rate)]
    assert min(float(np.sqrt(np.mean(second**2))) for second in seconds) > 1e-3, "a whole second of silence"
    assert abs(float(np.mean(samples))) < 1e-3


@pytest.mark.parametrize("item", demo_items(), ids=lambda item: item.title)
def test_a_demo_item_is_credited_with_its_licence(item: DemoItem) -> None:
    row = next(line for line in CREDITS.read_text(encoding="utf-8").splitlines() if f"`{item.path.name}`" in line)
    licences = re.findall(r"CC0-1\.0|GPL-2\.0-or-later", item.credit)
    assert licences
    assert all(licence in row for licence in licences)


def test_there_is_music_a_voice_and_a_noisy_voice_in_small_files() -> None:
    assert [item.title for item in demo_items()] == ["Music", "Voice", "Noisy voice"]
    assert sum(item.path.stat().st_size for item in demo_items()) < ALL_ITEMS_BYTES


def test_a_display_that_does_not_answer_is_no_display(tmp_path: Path) -> None:
    nobody = {"DISPLAY": ":4242", "WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert not has_display(nobody, "linux")
    assert not has_display({}, "linux")
    assert not has_display(nobody | {"QT_QPA_PLATFORM": "xcb"}, "linux")
    assert has_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
