"""What a run shows in TensorBoard: losses, sounds and spectrograms."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
events = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
)

from toy_training import TOY, toy_corpus, toy_plan  # noqa: E402

from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training import monitor as monitor_module  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402


def train(folder):
    torch.manual_seed(0)
    corpus = toy_corpus()
    trainer = Trainer(CodecNetwork(TOY), corpus, toy_plan(max_steps=2), folder)
    before = corpus.random.bit_generator.state
    monitor = trainer._open_folder()
    assert corpus.random.bit_generator.state == before  # the examples that are shown cost the run no chance
    monitor.close()
    trainer.run()
    return trainer


def test_losses_sounds_and_spectrograms_are_shown(tmp_path):
    train(tmp_path)
    shown = events.EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={events.AUDIO: 0, events.IMAGES: 0})
    shown.Reload()
    tags = shown.Tags()
    assert {"mel", "transform", "loudness", "modulation", "waveform", "commitment", "gradient"} <= set(tags["scalars"])
    names = {f"example {index}/{version}" for index in (1, 2, 3) for version in ("original", "3 layers")}
    assert set(tags["audio"]) == names and set(tags["images"]) == names
    (sound,) = shown.Audio("example 1/original")
    assert sound.sample_rate == 24_000 and sound.length_frames == 12 * 320
    (image,) = shown.Images("example 1/original")
    assert image.height == 257
    # What is shown is what is logged.
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert shown.Scalars("mel")[-1].value == pytest.approx(last["mel"], abs=1e-4)


def test_spectrograms_have_low_frequencies_at_the_bottom():
    seconds = torch.arange(24_000) / 24_000
    image = monitor_module._spectrogram(0.5 * torch.sin(2 * torch.pi * 3000 * seconds))[0]
    assert image.shape[0] == 257 and 0 <= image.min() and image.max() <= 1
    assert int(image.mean(1).argmax()) == 256 - 64


def test_without_tensorboard_the_log_is_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor_module, "_tensorboard", lambda folder: None)
    train(tmp_path)
    assert (tmp_path / "log.jsonl").exists() and not (tmp_path / "tensorboard").exists()
