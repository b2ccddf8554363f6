"""What the machine does not have, in words, and whether there is room."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt import files, shortage
from autoopt.errors import ResourceError


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EMFILE, "too many open files"),
        (errno.EIO, "input/output error"),
    ],
)
def test_what_the_machine_refuses_is_told_with_the_file_and_what_to_do(number: int, words: str) -> None:
    told = shortage.explained(OSError(number, os.strerror(number), "/some/file"))

    assert told is not None
    assert str(told).startswith("/some/file: ")
    assert words in str(told)
    assert "autoopt resume" in str(told)
    assert "\n" not in str(told)
    assert told.exit_code == 4


def test_a_mistake_of_the_program_is_not_blamed_on_the_machine() -> None:
    assert shortage.explained(FileNotFoundError(errno.ENOENT, "no such file", "x")) is None


def test_memory_that_ran_out_is_told_too() -> None:
    assert "out of memory" in str(shortage.explained(MemoryError()))


def test_a_place_without_room_is_refused_with_figures(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"GB free, and .*GB are wanted \(three checkouts\)"):
        shortage.check_room(tmp_path / "not" / "there", 10**18, "three checkouts")

    shortage.check_room(tmp_path, 1, "a byte")


def test_a_write_that_fails_says_which_file_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"

    code = subprocess.run(
        [sys.executable, "-c", _WRITES, str(path)], capture_output=True, text=True, check=False
    )

    assert code.stdout.strip() == f"{errno.EFBIG} {path}", code.stderr
    assert list(tmp_path.iterdir()) == []


_WRITES = """
import resource, sys
from pathlib import Path
from autoopt import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.replace(Path(sys.argv[1]), b"x" * 2000)
except OSError as error:
    print(error.errno, error.filename)
"""


def test_directories_are_made_with_those_above_them(tmp_path: Path) -> None:
    files.make_directory(tmp_path / "a" / "b")
    files.make_directory(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def project(root: Path) -> None:
    root.mkdir()
    (root / "n").write_text("9\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=root, check=True)


def autoopt(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_STATE_HOME": str(root.parent / "state")}
    command = [sys.executable, "-m", "autoopt", *words]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)


RUN = (
    *("recipe=command", "scope=n", "run_id=r", "metric.command=echo METRIC n=$(cat n)", "metric.warmups=0"),
    *("metric.extract.kind=named", "metric.extract.pattern=n", "budget.experiments=1"),
    *("params.n.file=n", "params.n.regex=(\\d+)", "params.n.choices=[9,5]", "guards.tests.command=null"),
)


def test_a_run_that_has_no_room_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    root = tmp_path / "project"
    project(root)

    done = autoopt(root, *RUN, "workspace.min_free_gb=1000000000")

    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "workspace.min_free_gb" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "state"] == ["project"]
    assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file()]


def test_a_negative_amount_of_room_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    project(root)

    done = autoopt(root, *RUN, "workspace.min_free_gb=-1")

    assert done.returncode == 2
    assert "workspace.min_free_gb" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of its own of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "small", str(place)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_ends_the_run_with_its_journal_whole_and_a_resume_goes_on(
    small_disk: Path,
) -> None:
    root = small_disk / "project"
    project(root)
    fills = f"[ -e {small_disk}/once ] || [ $(cat n) = 9 ] || head -c 20M /dev/zero > {small_disk}/once"
    metric = f"metric.command={fills} 2>&-; echo METRIC n=$(cat n)"

    done = autoopt(root, *RUN, metric, "workspace.min_free_gb=0", "metric.probe=no", "sandbox=none")
    (small_disk / "once").write_bytes(b"")
    resumed = autoopt(root, "resume", "r")

    assert done.returncode == 4, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "full" in done.stderr or "No space" in done.stderr
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert (root / "autoresearch-r.tsv").read_text().count("\tkeep\t") == 1
