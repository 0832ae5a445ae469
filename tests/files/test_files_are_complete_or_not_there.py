"""A file that Lamina writes is there completely or not at all, whatever ends the writing."""

import os
from pathlib import Path

import pytest

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
