"""A line is in the journal, or the journal is as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from autoopt import journal
from autoopt.errors import ResourceError
from autoopt.journal import Journal
from autoopt.journal.appending import RESERVE, Tail

BASE = "a" * 40


@pytest.fixture
def full_disk(tmp_path: Path):
    """A file system with a journal and its reserve, and no room beside them."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "small", str(place)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    Journal.create(place / "journal.jsonl", run_id="r", base=BASE, goal="g")
    journal.reserve(place)
    with (place / "rest").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def begun(record: Journal, count: int = 10_000) -> int:
    """Begin experiments until no more can be recorded; how many that were."""
    for number in range(count):
        try:
            record.begin(number, BASE, "x" * 1000)
        except ResourceError as error:
            assert "disk is full" in str(error)
            return number
    raise AssertionError("the disk is not full")


def test_the_reserve_takes_the_line_that_does_not_fit_and_the_run_is_told_to_end(full_disk: Path) -> None:
    path = full_disk / "journal.jsonl"
    record = Journal(path)
    refused = begun(record)
    record.stop(journal.INTERRUPTED)

    assert not (full_disk / RESERVE).exists()
    again = Journal(path)
    assert again.stopped == journal.INTERRUPTED
    assert again.pending is not None
    assert again.pending.number == refused  # what was refused afterwards is on record all the same


def test_without_room_or_reserve_the_journal_stays_as_it_was(full_disk: Path) -> None:
    path = full_disk / "journal.jsonl"
    record = Journal(path)
    (full_disk / "rest2").write_bytes(b"")
    begun(record)
    with (full_disk / "rest2").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(b"x" * 4096)
    begun(record)
    whole = path.read_bytes()
    with pytest.raises(ResourceError):
        record.begin(99_999, BASE, "x" * 5000)

    assert path.read_bytes() == whole
    assert Journal(path).pending == record.pending


def test_a_line_that_was_neither_written_nor_taken_back_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    record = Journal.create(path, run_id="r", base=BASE, goal="g")

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken)
        disk.setattr(os, "ftruncate", broken)
        with pytest.raises(ResourceError, match="failed"):
            record.begin(0, BASE, "first")
    with pytest.raises(ResourceError, match="neither written nor taken back"):
        record.begin(1, BASE, "second")

    again = Journal(path)
    assert again.pending is not None
    assert again.pending.number == 0


def test_the_reserve_is_made_once_and_given_back(tmp_path: Path) -> None:
    journal.reserve(tmp_path)
    made = (tmp_path / RESERVE).stat()
    journal.reserve(tmp_path)

    assert made.st_blocks * 512 >= 1 << 20
    assert (tmp_path / RESERVE).stat().st_mtime_ns == made.st_mtime_ns
    assert journal.unreserve(tmp_path)
    assert not journal.unreserve(tmp_path)


def test_a_half_written_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"whole\nha")
    tail = Tail(path)
    tail.cut(6)

    assert tail.add(b"next\n") is None
    assert path.read_bytes() == b"whole\nnext\n"
