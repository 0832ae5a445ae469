"""Without Qt, sound devices and training's packages everything else works.

What lacks one says so with the command that installs it.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lamina.plugin.demo_items.items import demo_items

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = (
    "PyQt6",
    "sounddevice",
    "rtmixer",
    "pa_ringbuffer",
    "torch",
    "onnx",
    "scipy",
    "soundfile",
    "soxr",
    "tensorboard",
    "shtab",
    "argparse_manpage",
    "aioice",
    "aiortc",
)


@pytest.fixture
def lamina(tmp_path):
    """Runs Lamina in a Python that has the base alone, as processes that it starts have."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    # Packages that were never installed are not found, which is another thing than one that can't be loaded.
    (blocked / "sitecustomize.py").write_text(
        f"""import sys
from importlib.machinery import PathFinder

class WithoutExtras:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in {EXTRAS} else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [WithoutExtras if finder is PathFinder else finder for finder in sys.meta_path]
"""
    )

    def run(*arguments, code=None):
        command = [sys.executable, *(("-c", code) if code is not None else ("-m", "lamina", *map(str, arguments)))]
        environment = os.environ | {"PYTHONPATH": str(blocked)}
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.mark.slow
def test_files_are_rendered_encoded_inspected_and_decoded(lamina, tmp_path):
    voice = demo_items()[0].path
    for command in (
        ["render", voice, "thin.wav", "--kbps", "3"],
        ["encode", voice, "a.lamina"],
        ["inspect", "a.lamina"],
        ["decode", "a.lamina", "a.flac"],
    ):
        done = lamina(*command)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("thin.wav", "a.lamina", "a.flac"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["presets"], ["--help"], ["train", "--help"], ["live", "--help"], ["app", "--help"]]
)
def test_what_there_is_can_be_asked(lamina, command):
    done = lamina(*command)
    assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.slow
def test_a_bug_report_can_be_written(lamina):
    done = lamina("info")
    assert done.returncode == 0, done.stderr
    assert "pip install 'lamina[live]'" in done.stdout


@pytest.mark.slow
def test_scripts_process_and_play_on_a_virtual_device(lamina):
    code = """
import numpy as np
from lamina import Board, DeviceSettings, LiveEngine, NeuralCodec
assert Board([NeuralCodec(kbps=3)])(np.zeros((2, 4800), np.float32), 48000).shape == (2, 4800)
if __name__ == "__main__":
    with LiveEngine(opens=False) as engine:
        engine.set_devices(DeviceSettings(output="virtual", input="virtual")).result(60)
        engine.set_live(True).result(60)
"""
    done = lamina(code=code)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["app"], "app"),
        (["live"], "live"),
        (["devices"], "live"),
        (["train", "--data", ".", "--name", "mine"], "train"),
        (["data", "check", "."], "train"),
        (["data", "pack", ".", "--out", "all.lpack"], "train"),
        (["completion", "bash"], "shell"),
        (["man"], "shell"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_missing_extra_is_told_in_one_line_with_the_command_that_installs_it(lamina, command, extra, tmp_path):
    before = sorted(tmp_path.iterdir())
    done = lamina(*command)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("lamina: ") and f"pip install 'lamina[{extra}]'" in line
    assert sorted(tmp_path.iterdir()) == before
    assert extra in PROJECT["optional-dependencies"]


@pytest.mark.slow
def test_devices_that_are_probed_in_another_process_are_told_of_alike(lamina):
    code = (
        "from lamina.plugin.host.device.devices import probe_devices\ntry: probe_devices()\nexcept OSError as "
        "error: print(error)"
    )
    assert "pip install 'lamina[live]'" in lamina(code=code).stdout


@pytest.mark.slow
def test_a_line_says_what_it_needs(lamina):
    done = lamina("line", "send", demo_items()[0].path)
    assert done.returncode == 2
    assert "pip install 'lamina[line]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_package_that_is_published_is_pinned():
    published = ["app", "line", "live", "train", "all"]
    wanted = [
        *PROJECT["dependencies"],
        *(line for extra in published for line in PROJECT["optional-dependencies"][extra]),
    ]
    assert not [line for line in wanted if "==" in line]


def test_all_is_every_extra_for_users():
    """But for [compare], of which a part is compiled when it is installed: not every machine can do that."""
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == ["lamina[app,line,rivals,shell,train]"] and "lamina[live]" in extras["app"]
