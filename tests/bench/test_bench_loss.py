"""The benchmark of losses: every model loses the same frames, and its table says what was measured."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import loss
from heldout import read_mono
from loss import LOSSES, read_items, through_losses
from metrics import Scores

from lamina.plugin.demo_items.items import demo_items

NAN = float("nan")


@pytest.fixture
def heldout(tmp_path):
    (tmp_path / "speech").mkdir()
    for index in range(5):
        samples = 0.1 * np.random.default_rng(index).standard_normal(24_000 * (1 if index == 2 else 3))
        soundfile.write(tmp_path / "speech" / f"speech{index}.flac", samples, 24_000)
    return tmp_path


class Losing:
    """A codec that puts zeros in place of its frames, and remembers how it was set."""

    def __init__(self):
        self.frame_loss, self.seed, self.calls = 0.0, 0, []

    def __call__(self, audio, sample_rate):
        self.calls.append((self.frame_loss, self.seed))
        lost = np.random.default_rng(self.seed).random(audio.size // 320) < self.frame_loss
        return audio * ~np.repeat(lost, 320)[: audio.size]


@pytest.fixture
def only_waveforms(monkeypatch):
    """What is measured without the packages of the extra bench."""

    def scores(reference, coded, measures):
        error = float(np.sum((reference - coded) ** 2) / np.sum(reference**2))
        return Scores(NAN, 4.0, 0.9, -10 * np.log10(error + 1e-6), NAN, NAN, NAN)

    monkeypatch.setattr(loss, "scores", scores)


def test_items_are_taken_evenly_and_short_clips_are_left_out(heldout):
    assert len(read_items(heldout, 12, 2.0)) == 4
    items = read_items(heldout, 2, 2.0)
    everything = read_items(heldout, 4, 2.0)
    assert (items[0] == everything[0]).all() and (items[1] == everything[3]).all()
    assert all(item.shape == (48_000,) for item in items)


def test_every_item_has_a_seed_of_its_own_and_every_run_the_same(only_waveforms):
    items = [np.full(32_000, 0.1, np.float32)] * 3
    first, second = Losing(), Losing()
    found = through_losses(first, items, 0.1, 7)
    assert first.calls == [(0.1, 7), (0.1, 8), (0.1, 9)]
    assert found == through_losses(second, items, 0.1, 7)
    assert len({one.si_sdr for one in found}) == 3


@pytest.mark.slow
def test_more_loss_scores_lower_on_a_real_codec(only_waveforms):
    item = read_mono(demo_items()[0].path)[: 3 * 24_000]
    codec = loss.NeuralCodec(layers=16)
    without, little, much = (through_losses(codec, [item], share, 0)[0].si_sdr for share in (0.0, 0.1, 0.5))
    assert without > little > much


@pytest.mark.slow
def test_a_run_ends_in_markdown_and_json(heldout, tmp_path, capsys, only_waveforms):
    out = tmp_path / "loss.json"
    options = ["--heldout", str(heldout), "--items", "1", "--seconds", "1", "--concealment", "hold", "--json", str(out)]
    assert loss.main(options) == 0
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(LOSSES) and "concealment hold" in printed
    assert all(f"lamina-24k: {measure}" in rows[0] for measure in ("PESQ-wb", "ESTOI", "SI-SDR dB"))
    found = json.loads(out.read_text())
    assert found["settings"] == {"layers": 16, "concealment": "hold", "seconds": 1.0, "seed": 0, "items": 1}
    assert set(found["means"]["lamina-24k"]) == {"0", "0.05", "0.1"}
    assert found["means"]["lamina-24k"]["0.1"]["pesq"] == 4.0


def test_without_speech_nothing_is_measured(tmp_path, capsys):
    assert loss.main(["--heldout", str(tmp_path)]) == 0
    assert "Nothing was measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--layers", "25"], "25"),
        (["--items", "0"], "--items"),
        (["--seconds", "60"], "60 s"),
    ],
)
def test_what_can_not_be_measured_is_refused(heldout, capsys, arguments, reason):
    assert loss.main(["--heldout", str(heldout), *arguments]) == 2
    out, error = capsys.readouterr()
    assert reason in error and not out
