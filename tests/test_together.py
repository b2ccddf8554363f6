"""Commands side by side: `run_together`, and the processors they are kept to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from support.survivors import alive

from autoopt.errors import ResourceError
from autoopt.processes import Completed, Order, run_together
from autoopt.processes.cores import halves

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and affinities")


def stay(mark: str) -> str:
    return f'bash -c "while :; do sleep 0.2; done" {mark}'


def until(condition: object, limit_s: float = 10.0) -> None:
    assert callable(condition)
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def order(tmp_path: Path, name: str, command: str, *, cores: frozenset[int] = frozenset()) -> Order:
    return Order(command=command, cwd=tmp_path, env=ENV, timeout_s=30.0, logs=tmp_path / name, cores=cores)


def both(tmp_path: Path, one: str, other: str) -> tuple[Completed, Completed]:
    first, second = run_together([order(tmp_path, "one", one), order(tmp_path, "other", other)])
    return first, second


def test_two_commands_start_together_and_report_for_themselves(tmp_path: Path) -> None:
    gaps = []
    for _ in range(5):
        one, other = both(
            tmp_path, "date +%s%N; sleep 0.1; exit 3", "date +%s%N; sleep 0.3; echo done >&2; kill -9 $$"
        )
        first, second = (int(done.stdout.read_text()) for done in (one, other))
        gaps.append(abs(first - second) / 1e9)
        assert (one.code, other.code) == (3, -9)
        assert 0.1 <= one.wall_s < other.wall_s
        assert other.stderr.read_text() == "done\n"

    assert min(gaps) < 0.02  # a supervisor alone takes longer to start


@linux
def test_each_command_is_kept_to_its_processors_with_all_it_starts(tmp_path: Path) -> None:
    cpu = min(os.sched_getaffinity(0))
    asked = "bash -c 'grep Cpus_allowed_list /proc/self/status | cut -f2'"
    one, other = run_together(
        [order(tmp_path, "one", asked, cores=frozenset({cpu})), order(tmp_path, "other", asked)]
    )

    assert one.stdout.read_text().strip() == str(cpu)
    assert other.stdout.read_text().strip() == subprocess.check_output(asked, shell=True, text=True).strip()


@linux
def test_a_processor_that_is_not_there_does_no_harm(tmp_path: Path) -> None:
    alone = run_together([order(tmp_path, "one", "echo here", cores=frozenset({100_000}))])

    assert alone[0].stdout.read_text() == "here\n"


@linux
def test_a_command_that_kills_its_supervisor_does_not_fail_the_other(tmp_path: Path, mark: str) -> None:
    one, other = both(tmp_path, f"{stay(mark)} & kill -9 $PPID; sleep 300", "sleep 0.3; echo well")

    assert (one.code, other.code) == (-9, 0)
    assert other.stdout.read_text() == "well\n"
    assert alive(mark) == []


def test_the_first_command_does_not_run_when_the_second_cannot(tmp_path: Path, mark: str) -> None:
    missing = Order(
        command="true", cwd=tmp_path / "nowhere", env=ENV, timeout_s=None, logs=tmp_path / "other"
    )
    with pytest.raises(ResourceError, match="nowhere"):
        run_together([order(tmp_path, "one", f"touch ran; {stay(mark)}"), missing])

    assert alive(mark) == []
    assert not (tmp_path / "ran").exists()


def test_an_interrupt_ends_both_trees_and_is_passed_on(tmp_path: Path, mark: str) -> None:
    main = threading.main_thread().ident or 0
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        both(tmp_path, f"setsid {stay(mark)} & {stay(mark)}", f"setsid {stay(mark)} & {stay(mark)}")

    assert alive(mark) == []


@linux
def test_nothing_of_either_survives_when_autoopt_is_killed(tmp_path: Path, mark: str) -> None:
    command = f"setsid {stay(mark)} & {stay(mark)}"
    code = textwrap.dedent(f"""
        from pathlib import Path
        from autoopt.processes import Order, run_together
        here = Path({str(tmp_path)!r})
        run_together([
            Order(command={command!r}, cwd=here, env={ENV!r}, timeout_s=None, logs=here / name)
            for name in ("one", "other")
        ])
    """)
    (tmp_path / "loop.py").write_text(code)  # not on a command line, which would carry the mark
    autoopt = subprocess.Popen([sys.executable, str(tmp_path / "loop.py")])
    until(lambda: len(alive(mark)) >= 4)
    autoopt.kill()
    autoopt.wait()

    until(lambda: not alive(mark))


def test_no_descriptors_and_no_threads_are_leaked(tmp_path: Path) -> None:
    both(tmp_path, "true", "true")
    descriptors, threads = len(list(Path("/dev/fd").iterdir())), set(threading.enumerate())
    for _ in range(5):
        both(tmp_path, "true", "false")

    assert len(list(Path("/dev/fd").iterdir())) == descriptors
    until(lambda: set(threading.enumerate()) <= threads)


@linux
def test_the_processors_are_shared_fairly() -> None:
    cpus = frozenset(os.sched_getaffinity(0))
    if len(cpus) > 1:
        one, other = halves() or (frozenset(), frozenset())
        assert one and len(one) == len(other)
        assert not one & other
        assert one | other <= cpus
    assert halves(frozenset({0})) is None


@linux
def test_threads_of_one_core_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu in range(8):  # two threads a core; the kernel numbers the second threads after all the first
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "core_cpus_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    monkeypatch.setattr("autoopt.processes.cores._TOPOLOGY", tmp_path)

    assert halves(frozenset(range(8))) == (frozenset({0, 4, 2, 6}), frozenset({1, 5, 3, 7}))
    assert halves(frozenset({0, 1, 2, 4, 5, 6})) == (frozenset({0, 4}), frozenset({1, 5}))
    assert halves(frozenset({3, 7})) == (frozenset({3}), frozenset({7}))
