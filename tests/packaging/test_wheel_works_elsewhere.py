"""A wheel built from this source, installed into a fresh environment, works from another folder and without torch."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

from lamina.models.engines.core import library

pytestmark = [pytest.mark.install, pytest.mark.long]

ROOT = Path(__file__).parents[2]
SUBPACKAGES = ("dsp", "gui", "models", "plugin", "presets")
SECONDS = 0.5
SAMPLE_RATE = 44_100


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that leftovers of other builds in the source folder can't get in."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("lamina", *SUBPACKAGES, "core"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("wheel")
    # Without build isolation, since a test must not need the network; setuptools is in the extra [dev].
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "-w",
            str(target),
            str(source),
        ],
        target,
    )
    (built,) = target.glob("lamina-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment's bin folder: the wheel, and by a path entry the dependencies installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], folder
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    # Path entries come after the environment's own packages, and their .pth files (an editable Lamina's) are not read.
    (packages / "dependencies.pth").write_text(
        sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n"
    )
    return python.parent


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that is not the source folder, with a short stereo sound in it."""
    noise = np.random.default_rng(0).standard_normal((2, round(SECONDS * SAMPLE_RATE)))
    with AudioFile(str(tmp_path / "in.wav"), "w", samplerate=SAMPLE_RATE, num_channels=2) as file:
        file.write((0.1 * noise).astype(np.float32))
    return tmp_path


def test_the_wheel_holds_every_module_and_data_file_and_nothing_at_the_top_but_lamina(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"lamina"}
    modules = {
        path for folder in ("lamina", *SUBPACKAGES) for path in (ROOT / folder).rglob("*.py") if path.stat().st_size
    }
    left_out = {str(path) for path in modules if inside(path) not in names}
    assert not left_out, f"add their packages to pyproject.toml: {left_out}"
    for pattern in ("models/weights/*/*", "presets/*.json", "plugin/demo_items/*.ogg", "*/py.typed"):
        files = [path for path in ROOT.glob(pattern) if path.is_file()]
        assert files
        assert not [path for path in files if inside(path) not in names]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert library() is None or any(name.startswith("lamina/models/_core.") for name in names)


@pytest.mark.parametrize("command", [["info"], ["presets"], ["--help"]], ids=lambda command: command[0])
def test_the_command_line_answers_from_another_folder(environment: Path, elsewhere: Path, command: list[str]) -> None:
    done = run([str(environment / "lamina"), *command], elsewhere)
    assert done.stdout.strip()


def test_a_file_is_rendered_from_another_folder_without_importing_torch(environment: Path, elsewhere: Path) -> None:
    command = [str(environment / "lamina"), "render", "in.wav", "out.wav", "--kbps", "6"]
    done = run(command, elsewhere, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "lamina.plugin" in imported
    assert not {name for name in imported if name.split(".")[0] in ("torch", "PyQt6")}
    with AudioFile(str(elsewhere / "out.wav")) as file:
        rendered, rate = file.read(file.frames), file.samplerate
    assert (rendered.shape, rate) == ((2, round(SECONDS * SAMPLE_RATE)), SAMPLE_RATE)
    assert np.max(np.abs(rendered)) > 0.01


def test_the_installed_copy_is_what_runs(environment: Path, elsewhere: Path) -> None:
    code = (
        "import lamina.plugin, lamina.plugin.demo_items.items as d; print(lamina.plugin.__file__); "
        "print(d.demo_items()[0].path)"
    )
    for path in run([str(environment / "python"), "-c", code], elsewhere).stdout.split():
        assert Path(path).is_relative_to(environment.parent)
        assert Path(path).is_file()


def inside(path: Path) -> str:
    """Where a file of the repository lies in the wheel."""
    name = path.relative_to(ROOT).as_posix()
    return name if name.startswith("lamina/") else f"lamina/{name}"


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to success in `folder`; what the development set-up puts on the path is taken off."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=240,
    )
    assert done.returncode == 0, (
        f"{command} exited with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    return done
