"""What README and docs say is what the code does: parameters, latencies, examples, links."""

import inspect
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina.cli.main import main
from lamina.plugin import PARAMETERS, NeuralCodec
from lamina.plugin.documents.presets import list_presets
from lamina.plugin.host.device.virtual_device import virtual_device
from lamina.plugin.parameters.settings import FIELDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def rows(page: str) -> list[list[str]]:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda parameter: parameter.name)
def test_every_parameter_stands_in_the_docs(parameter):
    (row,) = [row for row in rows("docs/effect.md") if row[0] == f"`{parameter.name}`"]
    _, span, default, text = row
    assert (span, default, text) == (parameter.range_text(), parameter.default_text(), parameter.help)


def test_constructor_attributes_and_table_agree():
    codec = NeuralCodec()
    arguments = inspect.signature(NeuralCodec).parameters
    for name, parameter in PARAMETERS.items():
        assert getattr(codec, name) == parameter.default
        assert arguments[name].default in (parameter.default, None)
        assert getattr(NeuralCodec, name).__doc__ == parameter.help
    assert set(arguments) == {*PARAMETERS, "model"}
    assert list(arguments)[:6] == ["layers", "denoise", "mix", "input_gain_db", "output_gain_db", "bypass"], (
        "they go by place too"
    )
    assert set(FIELDS) == {name for name, parameter in PARAMETERS.items() if parameter.view_of is None}


def test_the_documented_latencies_are_the_reported_ones():
    table = [row for row in rows("docs/effect.md") if row[0].endswith("kHz")]
    assert len(table) == 4
    codec = NeuralCodec()
    for name, *cells in table:
        rate = round(float(name.split()[0]) * 1000)
        for cell, block in zip(cells, (None, 512, 480), strict=True):
            samples = codec.latency_samples(rate, block)
            assert cell == f"{samples} samples, {samples / rate * 1000:.1f} ms"


@pytest.mark.slow
def test_the_readme_example_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    names: dict[str, object] = {"block": np.zeros((2, 4800), np.float32)}
    for example in examples:
        exec(example, names)
    assert names["wet"].shape == names["audio"].shape
    assert names["out"].shape == (2, 4800)
    assert names["moved"].shape == names["again"].shape == names["audio"].shape


@pytest.mark.slow
def test_the_live_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/live.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {})
    assert "safety margin" in capsys.readouterr().out


def test_the_documented_delay_is_the_engines():
    from lamina.dsp.bridge import bridge_parts
    from lamina.plugin.host.engine.audio_thread import FRAME_SECONDS
    from lamina.plugin.host.engine.engine import LIVE_MARGIN_FRAMES

    config, block, rate = NeuralCodec().bundle.config, 256, 48_000
    parts = {"buffer": block / rate, "safety margin": LIVE_MARGIN_FRAMES * FRAME_SECONDS}
    for name, samples in bridge_parts(rate, config.sample_rate, config.frame, config.delay_samples, block):
        parts[name] = samples / rate
    parts["sum"] = sum(parts.values())
    told = {row[0]: row[1] for row in rows("docs/live.md")[2:]}
    assert told == {name: f"{1000 * seconds:.1f}" for name, seconds in parts.items()}
    smaller, saved = re.search(r"Buffers of\s(\d+) samples save ([\d.]+) ms", page_text("docs/live.md")).groups()
    bridge = bridge_parts(rate, config.sample_rate, config.frame, config.delay_samples, int(smaller))
    smaller_sum = parts["safety margin"] + (int(smaller) + sum(samples for _, samples in bridge)) / rate
    assert saved == f"{1000 * (parts['sum'] - smaller_sum):.1f}"


def test_documented_ways_to_play_live_are_understood(monkeypatch):
    asked = []
    monkeypatch.setattr("lamina.cli.live._live", asked.append)
    commands = [
        line
        for page in ("README.md", "docs/live.md")
        for line in re.findall(r"^lamina live .*", page_text(page), re.MULTILINE)
    ]
    for command in commands:
        main(shlex.split(command, comments=True)[1:])
    assert len(asked) == len(commands) >= 4


@pytest.mark.slow
def test_the_documented_virtual_devices_exist_and_a_cable_is_measured_without_hardware(capsys):
    names = set(re.findall(r"virtual\?[\w=.&]+", page_text("docs/live.md")))
    assert len(names) >= 4
    for name in names:
        assert virtual_device(name) != virtual_device("virtual"), name
    (command,) = re.findall(r"^lamina live --calibrate .*", page_text("docs/live.md"), re.MULTILINE)
    # The device keeps time: where a busy machine makes a block late the measurement fails, and is to be made again.
    for _ in range(5):
        code, said = main(shlex.split(command)[1:]), capsys.readouterr()
        if code == 0:
            break
    assert code == 0 and re.search(r"device, out and in +480 samples", said.out), said


def page_text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_the_preset_example_is_a_preset(tmp_path):
    from lamina.plugin.documents.presets import load_preset

    (example,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/effect.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "example.json"
    path.write_text(example)
    factory = {preset.title: preset for preset in list_presets()}
    assert load_preset(path).parameters == factory["Paper thin"].parameters


def test_documented_commands_exist(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in set(re.findall(r"^lamina (\w+)", text, re.MULTILINE)):
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0
    capsys.readouterr()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z][a-z-]+)", text)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_site_has_every_page_and_a_reference_of_every_name():
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shown = set(re.findall(r"[\w/-]+\.md", site.split("nav:")[1]))
    assert {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} <= shown
    for page in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        assert f'"{page}"' in page_text("docs/.site/hooks.py")
    named = re.findall(r'"(\w+)"', page_text("docs/.site/hooks.py").split("REFERENCE = ")[1].split("LINK = ")[0])
    assert set(lamina.__all__) - set(named) == {"PARAMETERS", "__version__"}, "tables of parameters stand in effect.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_source_that_are_named_are_there(page):
    for name in re.findall(
        r"`((?:bench|core|dsp|gui|lamina|models|plugin|tests)/[\w/.-]+\.\w+)`", page.read_text(encoding="utf-8")
    ):
        assert "NAME" in name or (ROOT / name).exists(), f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_model_card_tells_the_training_that_the_manifest_records():
    bundle = NeuralCodec().bundle
    card = (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"{bundle.training['steps']} steps" in card
    for heading in ("Data", "Figures", "Known weaknesses"):
        assert f"## {heading}" in card
