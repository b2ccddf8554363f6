"""Commands of a run that was killed together with its supervisors, and their end at the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.survivors import alive
from torture import orphans

from autoopt.places import RunFiles
from autoopt.processes import leftovers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are told by /proc")

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def stay(mark: str, before: str = "") -> str:
    return f'bash -c "{before}while :; do sleep 0.2; done" {mark}'


LEFT_BEHIND = {
    "background": "{0} &",
    "disowned": "{0} & disown",
    "own session": "setsid {0} &",
    "double fork": "(setsid bash -c '(exec -a {1} sleep 300) & exit' &)",
    "ignores term": "setsid {2} 2>/dev/null &",
    "nohup with the outputs": "nohup {0} >/dev/null 2>&1 &",
    "a clean environment below a marked shell": "bash -c 'env -i {3} & wait' {1} &",
}


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "state")


@pytest.fixture
def running(files: RunFiles, mark: str) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a process that runs a command as a run does, and waits until it is under way."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(command: str) -> subprocess.Popen[bytes]:
        logs = files.logs / "agent" / "000001-metric"
        program = files.state / "loop.py"  # not on a command line, which would carry the mark
        files.state.mkdir(parents=True)
        program.write_text(
            "from pathlib import Path\nfrom autoopt.processes import run\n"
            f"run({command!r}, cwd=Path({str(files.state)!r}), env={ENV!r}, timeout_s=None,"
            f" logs=Path({str(logs)!r}))"
        )
        begun.append(subprocess.Popen([sys.executable, str(program)]))
        until(lambda: len(alive(mark)) >= 2)
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.wait()


def until(condition: Callable[[], object], limit_s: float = 15.0) -> None:
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def kill_both(loop: subprocess.Popen[bytes], files: RunFiles) -> None:
    """End the loop first, so that it cannot see to what the supervisor leaves."""
    (record,) = files.running
    os.kill(loop.pid, signal.SIGSTOP)
    os.kill(json.loads(record.read_bytes())["pid"], signal.SIGKILL)
    loop.kill()
    loop.wait()


@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_what_a_killed_loop_and_a_killed_supervisor_left_is_ended(
    files: RunFiles, running: Callable[[str], subprocess.Popen[bytes]], mark: str, how: str
) -> None:
    command = LEFT_BEHIND[how].format(stay(mark), mark, stay(mark, "trap : TERM; "), stay(mark))
    kill_both(running(f"{command}\n{stay(mark)}"), files)
    assert alive(mark)
    count = leftovers.end(files.running)

    assert alive(mark) == []
    assert count >= 2
    assert files.running == ()


def test_whoever_only_lost_its_loop_is_given_time_to_end_by_itself(
    files: RunFiles, running: Callable[[str], subprocess.Popen[bytes]], mark: str
) -> None:
    tidy = files.state / "tidy"
    loop = running(f"trap 'sleep 0.5; echo done > {tidy}; exit' TERM; {stay(mark)} & {stay(mark)} & wait")
    loop.kill()
    loop.wait()
    leftovers.end(files.running)

    assert alive(mark) == []
    assert tidy.read_text() == "done\n"


def test_no_record_is_left_of_a_command_that_is_over(
    files: RunFiles, running: Callable[[str], subprocess.Popen[bytes]], mark: str
) -> None:
    loop = running(f"{stay(mark)} & sleep 1")
    assert len(files.running) == 1
    loop.wait()

    assert files.running == ()


@pytest.mark.parametrize("change", ["start", "boot", "mark", "torn"])
def test_a_process_that_only_has_the_number_is_left_alone(
    files: RunFiles, tmp_path: Path, change: str
) -> None:
    files.logs.mkdir(parents=True)
    bystander = subprocess.Popen(
        ["sleep", "60"], env={leftovers.MARK: "0123456789abcdef"}, start_new_session=True
    )
    try:
        until(lambda: b"sleep" in Path(f"/proc/{bystander.pid}/cmdline").read_bytes())
        true = leftovers.record(bystander.pid, "0123456789abcdef")
        assert true is not None
        wrong = {"start": true.start - 1, "boot": "another boot", "mark": "f" * 16}
        path = files.logs / "running"
        body = {name: getattr(true, name) for name in ("boot", "pid", "start", "mark")}
        body |= {change: wrong[change]} if change in wrong else {}
        if change in ("start", "mark"):  # each alone would be proof
            body |= {"start": wrong["start"], "mark": wrong["mark"]}
        path.write_text(json.dumps(body)[: -5 if change == "torn" else None])
        ended = leftovers.end(files.running)

        assert ended == 0
        assert bystander.poll() is None
        assert not path.exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_whoever_ends_leftovers_from_below_one_of_them_survives_it(files: RunFiles, tmp_path: Path) -> None:
    files.logs.mkdir(parents=True)
    program = tmp_path / "resume.py"
    program.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom autoopt.processes import leftovers\n"
        f"path = Path({str(files.logs / 'running')!r})\n"
        "found = leftovers.record(os.getppid(), os.environ[leftovers.MARK])\n"
        "leftovers.write(path, leftovers.Record(boot=found.boot, pid=1, start=0, mark=found.mark))\n"
        "print(leftovers.end([path]))"
    )
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {program}; echo still here"],
        env={**os.environ, leftovers.MARK: "0123456789abcdef"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "0\nstill here\n"


def test_a_resumed_run_measures_nothing_before_leftovers_are_gone(tmp_path: Path, mark: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "value.txt").write_text("5\n")
    (root / "bench.sh").write_text(
        f"pgrep -fc '[w]hile.*{mark}' >> {tmp_path}/seen\n"  # of the first run's, none of its own
        f"if mkdir {tmp_path}/first 2>/dev/null; then setsid {stay(mark)} & {stay(mark)}; fi\n"
        "echo METRIC t=$(cat value.txt)\n"
    )
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "start"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    program = [sys.executable, "-m", "autoopt"]
    settings = [
        *(
            "recipe=command",
            "scope=value.txt",
            "run_id=r1",
            "metric.command=bash bench.sh",
            "budget.experiments=2",
            "sandbox=none",  # what it saw is told outside of its checkout
        ),
        *("metric.extract.kind=named", "metric.extract.pattern=t", "params.value.file=value.txt"),
        *("params.value.regex=(\\d+)", "params.value.choices=[5,4]"),
    ]
    loop = subprocess.Popen(
        [*program, *settings], cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    until(lambda: len(alive(mark)) >= 2, 30)
    (folder,) = (tmp_path / "state" / "autoopt").glob("project-*/r1")
    kill_both(loop, RunFiles(folder))
    assert len(alive(mark)) >= 2
    done = subprocess.run([*program, "resume", "r1"], cwd=root, env=environ, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert alive(mark) == []
    assert set((tmp_path / "seen").read_text().split()) == {"0"}


def test_no_orphan_survives_whatever_ends_the_command_that_left_it(tmp_path: Path, mark: str) -> None:
    found = orphans.cells(tmp_path, "auto", mark)

    assert len(found) == 54
    assert [cell for cell in found if cell.survivors] == []
    assert [cell for cell in found if not cell.seen and cell.kind != "forks-on"] == []
