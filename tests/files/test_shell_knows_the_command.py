"""What a shell completes and `man` shows is what the parsers know."""

import os
import shutil
import subprocess

import pytest

from lamina.cli.main import main

pytest.importorskip("shtab", reason="completion needs the extra [shell]")
pytest.importorskip("argparse_manpage", reason="the manual page needs the extra [shell]")

COMMANDS = (
    "app",
    "render",
    "encode",
    "decode",
    "inspect",
    "listen",
    "compare",
    "live",
    "devices",
    "info",
    "presets",
    "models",
    "train",
    "data",
)


def printed(capsys, *arguments):
    assert main([*arguments]) == 0
    return capsys.readouterr().out


def completed(script, *words):
    """What bash offers for the last word."""
    line = " ".join(words)
    program = f"""
{script}
COMP_WORDS=({" ".join(repr(word) for word in words)})
COMP_CWORD={len(words) - 1}
COMP_LINE={line!r}
COMP_POINT={len(line)}
_shtab_lamina
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return {word.strip() for word in done.stdout.split()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_completes_commands_and_their_options(capsys):
    script = printed(capsys, "completion", "bash")
    assert completed(script, "lamina", "") >= set(COMMANDS)
    assert completed(script, "lamina", "render", "--skip") == {"--skip-existing"}
    assert completed(script, "lamina", "models", "re") == {"rename", "remove"}


def test_zsh_gets_a_script_too(capsys):
    script = printed(capsys, "completion", "zsh")
    assert script.startswith("#compdef lamina") and all(command in script for command in COMMANDS)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes_commands_and_their_options(capsys, tmp_path):
    script = tmp_path / "lamina.fish"
    script.write_text(printed(capsys, "completion", "fish"))

    def completed(line):
        program = f"source {script}; complete -C {line!r}"
        shell = ["fish", "--no-config", "-c", program]
        place = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
        done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True, env=place)
        return {answer.split("\t")[0] for answer in done.stdout.splitlines()}

    assert completed("lamina ") >= set(COMMANDS)
    assert completed("lamina render --skip") == {"--skip-existing"}
    assert completed("lamina models re") == {"rename", "remove"}
    assert completed("lamina completion ") == {"bash", "zsh", "fish"}


def test_the_manual_page_has_every_command_and_the_exit_codes(capsys):
    page = printed(capsys, "man")
    assert page.startswith(".TH LAMINA")
    assert all(f"lamina {command}" in page for command in COMMANDS)
    assert "skip\\-existing" in page and "Exit codes" in page
