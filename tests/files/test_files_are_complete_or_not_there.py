"""A file that Lamina writes is there completely or not at all, whatever ends the writing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.models.leftovers import remove_leftovers, temporary_folder, temporary_name
from lamina.plugin.files.atomic import atomic_file


def test_contents_are_on_the_disk_before_the_name_and_the_name_before_it_is_done(tmp_path, monkeypatch):
    target, steps = tmp_path / "song.wav", []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        steps.append(("kept", str(Path(f"/proc/self/fd/{handle}").readlink())))
        fsync(handle)

    def noted_replace(source, destination, **options):
        steps.append(("named", str(destination)))
        replace(source, destination, **options)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    with atomic_file(target) as partial:
        partial.write_bytes(b"sound")
        written = str(partial)
    assert steps == [("kept", written), ("named", str(target)), ("kept", str(tmp_path))]
    assert target.read_bytes() == b"sound" and list(tmp_path.iterdir()) == [target]


def test_what_can_not_be_kept_is_not_named(tmp_path, monkeypatch):
    target = tmp_path / "song.wav"
    target.write_bytes(b"before")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), atomic_file(target) as partial:
        partial.write_bytes(b"after")
    assert target.read_bytes() == b"before" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_file_as_it_was(tmp_path, error):
    target = tmp_path / "song.wav"
    target.write_bytes(b"before")
    with pytest.raises(error), atomic_file(target) as partial:
        partial.write_bytes(b"half")
        raise error
    assert target.read_bytes() == b"before" and list(tmp_path.iterdir()) == [target]


def test_the_writer_may_have_made_the_file_anew(tmp_path):
    with atomic_file(tmp_path / "song.wav") as partial:
        partial.unlink()
        partial.write_bytes(b"anew")
    assert (tmp_path / "song.wav").read_bytes() == b"anew"


@pytest.fixture(autouse=True)
def nothing_is_looked_at_twice():
    remove_leftovers.cache_clear()


HOLDING = """
import sys, time
from pathlib import Path
from lamina.models.leftovers import temporary_folder
from lamina.plugin.files.atomic import atomic_file
target = Path(sys.argv[1])
with atomic_file(target) as partial, temporary_folder(target.parent, "decoded") as folder:
    partial.write_bytes(b"half")
    (folder / "decoded-1.wav").write_bytes(b"sound")
    print(flush=True)
    time.sleep(600)
"""


def test_what_a_kill_leaves_is_removed_when_something_is_written_beside_it(tmp_path):
    target = tmp_path / "song.wav"
    target.write_bytes(b"before")
    names = ("mine.txt", f".song-lamina-{2**22 + 1}-0123456.wav", ".song-0123abcd.wav", "a-lamina-b-01234567.wav")
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(target)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert len(list(tmp_path.iterdir())) == len(names) + 3
        remove_leftovers(tmp_path)  # while it lives, all of it is in use
        assert len(list(tmp_path.iterdir())) == len(names) + 3
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    remove_leftovers.cache_clear()
    with atomic_file(tmp_path / "another.wav") as partial:
        partial.write_bytes(b"sound")
    assert {path.name for path in tmp_path.iterdir()} == {"song.wav", "another.wav", *names}
    assert target.read_bytes() == b"before"


def test_what_is_in_use_stays_even_where_its_process_has_another_number(tmp_path, monkeypatch):
    # As where another machine, with numbers of its own, shares the folder.
    monkeypatch.setattr("lamina.models.leftovers._is_gone", lambda process: True)
    script = HOLDING.replace("600", "60")
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "song.wav")], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        before = set(tmp_path.iterdir())
        remove_leftovers(tmp_path)
        assert set(tmp_path.iterdir()) == before
        holder.kill()
    remove_leftovers.cache_clear()
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())


def test_links_with_such_names_lead_to_no_loss(tmp_path, monkeypatch):
    monkeypatch.setattr("lamina.models.leftovers._is_gone", lambda process: True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "song.wav").write_bytes(b"mine")
    (tmp_path / temporary_name(".x")).symlink_to(tmp_path / "kept", target_is_directory=True)
    remove_leftovers(tmp_path)
    assert (tmp_path / "kept" / "song.wav").read_bytes() == b"mine"


def test_a_temporary_folder_is_gone_afterwards(tmp_path):
    with pytest.raises(KeyError), temporary_folder(tmp_path, "decoded") as folder:
        (folder / "x").touch()
        raise KeyError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path, is_there):
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / "real.wav", tmp_path / "link.wav"
    if is_there:
        real.write_bytes(b"before")
    link.symlink_to(real)
    with atomic_file(link) as partial:
        partial.write_bytes(b"after")
    assert link.is_symlink() and real.read_bytes() == b"after"


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(OSError, match="a pipe or a device is there"), atomic_file(tmp_path / "pipe.wav"):
        pass
    assert (tmp_path / "pipe.wav").is_fifo() and len(list(tmp_path.iterdir())) == 1
