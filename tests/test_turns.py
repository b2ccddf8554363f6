import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.workspace_repos import ENVIRONMENT, make_repository

from autoopt import signals
from autoopt.assemble import confining
from autoopt.journal import Journal
from autoopt.measure import Stages, is_timed
from autoopt.places import RunFiles
from autoopt.processes import turns
from autoopt.processes.turns import PLACE, Turns
from autoopt.removing import remove_whole
from autoopt.schema import Config, ConstraintConfig, ExtractConfig, Extraction, MetricConfig, Variation

WORKER = """
import sys, time
from pathlib import Path
from autoopt.processes.turns import Turns

name, folder, kinds, rounds, work_s = sys.argv[1:]
queue = Turns(name, Path(folder))
print("ready", flush=True)
for position in range(int(rounds)):
    kind = kinds[position % len(kinds)]
    with queue.alone() if kind == "a" else queue.beside():
        began = time.monotonic()
        time.sleep(float(work_s))
        print(kind, began, time.monotonic(), flush=True)
"""


class Worker:
    """A process that takes turns, as `kinds` says: a for alone, s for shared."""

    def __init__(self, name: str, folder: Path, kinds: str, rounds: int, work_s: float) -> None:
        words = [name, str(folder), kinds, str(rounds), str(work_s)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, *words], stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def has_turn(self, folder: Path) -> None:
        """Wait until it has one."""
        assert self.line() == "ready"
        while not any(one.pid == self.pid and not one.waits for one in turns.line({PLACE: str(folder)})):
            time.sleep(0.005)

    def intervals(self) -> list[tuple[str, float, float]]:
        out, _ = self.process.communicate(timeout=60)
        rows = [line.split() for line in out.splitlines() if line != "ready"]
        return [(kind, float(began), float(ended)) for kind, began, ended in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "turns"


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
        one.process.wait()


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that other users reach, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


class Waiter:
    """A turn of this process that is waited for in another thread."""

    def __init__(self, folder: Path, *, alone: bool = True) -> None:
        self.said: list[str] = []
        self.got = threading.Event()
        self.waited_s = 0.0
        self._queue = Turns("waiter", folder)
        self._alone = alone
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        turns.tell(self.said.append)
        with self._queue.alone() if self._alone else self._queue.beside():
            self.got.set()
        self.waited_s = turns.waited_s()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def until(happened, patience_s: float = 10.0) -> None:
    end = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def overlap(one: tuple[str, float, float], other: tuple[str, float, float]) -> bool:
    return one[1] < other[2] and other[1] < one[2]


def test_what_is_timed_is_never_beside_anything_and_the_rest_is_beside_itself(
    folder: Path, workers: list[Worker]
) -> None:
    for number, kinds in enumerate(("aas", "sa", "s", "ssa")):
        workers.append(Worker(f"run{number}", folder, kinds, 60, 0.003))

    per_worker = [worker.intervals() for worker in workers]

    assert [len(found) for found in per_worker] == [60] * 4
    pairs = [
        (one, other)
        for position, found in enumerate(per_worker)
        for others in per_worker[position + 1 :]
        for one in found
        for other in others
        if overlap(one, other)
    ]
    assert pairs, "nothing ever went on at the same moment"
    assert {(one[0], other[0]) for one, other in pairs} == {("s", "s")}
    assert names(folder) == []


def test_whoever_came_first_is_first(folder: Path, workers: list[Worker]) -> None:
    holder = Worker("holder", folder, "a", 1, 60)
    workers.append(holder)
    holder.has_turn(folder)
    order: list[int] = []
    threads = []
    for number in range(6):

        def take(number: int = number) -> None:
            with Turns(f"run{number}", folder).alone() if number % 3 else Turns("", folder).beside():
                order.append(number)

        threads.append(threading.Thread(target=take, daemon=True))
        threads[-1].start()
        until(lambda: len(turns.line({PLACE: str(folder)})) == len(threads) + 1)
    standing = turns.line({PLACE: str(folder)})

    os.kill(holder.pid, signal.SIGKILL)
    for thread in threads:
        thread.join(10)

    assert order == sorted(order)
    assert [one.waits for one in standing] == [False] + [True] * 6
    assert (standing[0].run, standing[0].pid, standing[0].alone) == ("holder", holder.pid, True)


def test_a_holder_that_is_killed_lets_go_at_once(folder: Path, workers: list[Worker]) -> None:
    workers.append(Worker("holder", folder, "a", 1, 60))
    workers[0].has_turn(folder)
    waiter = Waiter(folder)
    until(lambda: len(turns.line({PLACE: str(folder)})) == 2)

    os.kill(workers[0].pid, signal.SIGKILL)
    killed = time.monotonic()
    assert waiter.got.wait(5)
    took_s = time.monotonic() - killed
    waiter.join()

    assert took_s < 0.5
    assert names(folder) == []


def test_a_wait_tells_behind_whom_and_that_the_holder_is_stopped(folder: Path, workers: list[Worker]) -> None:
    workers.append(Worker("slow-run", folder, "a", 1, 1.8))
    workers[0].has_turn(folder)
    waiter = Waiter(folder)
    until(lambda: waiter.said)
    os.kill(workers[0].pid, signal.SIGSTOP)
    until(lambda: len(waiter.said) > 1)
    stuck = not waiter.got.is_set()
    os.kill(workers[0].pid, signal.SIGCONT)
    waiter.join()

    assert stuck
    behind = f"for its turn behind run slow-run (process {workers[0].pid})"
    assert waiter.said[:2] == [behind, f"{behind}; that one is stopped: kill -CONT {workers[0].pid}"]
    assert waiter.said[-1] == ""
    assert waiter.waited_s > 1


def test_ctrl_c_ends_a_wait_at_once_though_it_else_waits_for_the_experiment(
    folder: Path, workers: list[Worker]
) -> None:
    workers.append(Worker("holder", folder, "a", 1, 60))
    workers[0].has_turn(folder)
    said: list[str] = []
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()

    with signals.handled(), pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - the order is the point
        with signals.patient(lambda: said.append("later")), Turns("me", folder).alone():
            raise AssertionError("it had a turn")

    assert time.monotonic() - began < 5
    assert said == []
    assert [one.run for one in turns.line({PLACE: str(folder)})] == ["holder"]


def test_a_turn_within_a_turn_is_the_same_one(folder: Path) -> None:
    with Turns("one", folder).alone():
        waiter = Waiter(folder)
        until(lambda: len(turns.line({PLACE: str(folder)})) == 2)
        with Turns("a setup within it", folder).beside(), Turns("", folder).alone():
            assert len(names(folder)) == 2
        assert turns.has_turn()
    waiter.join()

    assert not turns.has_turn()


def test_what_others_left_in_the_directory_holds_up_nobody(folder: Path) -> None:
    folder.mkdir()
    for name in (
        "17-alone-1-dead",
        "99999999999999999999-alone-4-dead",
        "x-alone-1-odd",
        "3-shared--odd",
        "note",
    ):
        (folder / name).write_text("someone")
    os.mkfifo(folder / "5-alone-1-pipe")

    with Turns("me", folder).alone():
        mine = [name for name in names(folder) if f"-{os.getpid()}-" in name]

    assert [name.partition("-")[0] for name in mine] == ["100000000000000000000"]
    assert names(folder) == ["3-shared--odd", "note", "x-alone-1-odd"]


def test_where_no_turns_can_be_had_that_is_said_once_and_the_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    queue, done = Turns("me", tmp_path / "file" / "turns", complain=said.append), 0

    for _ in range(2):
        with queue.measuring():
            done += 1

    assert done == 2
    assert len(said) == 1
    assert "cannot take turns" in said[0] and "Not a directory" in said[0] and PLACE in said[0]


def test_everybody_may_line_up_in_the_directory_and_read_the_tickets(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with Turns("me", folder).alone():
            assert folder.stat().st_mode & 0o7777 == 0o1777
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")
def test_two_users_of_a_machine_wait_for_each_other(workers: list[Worker], public: Path) -> None:
    folder = public / "turns"
    workers.append(Worker("theirs", folder, "a", 1, 60))
    workers[0].has_turn(folder)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            with Turns("mine", folder).alone():  # a dead ticket of another user stays where it is
                code = 0 if len(names(folder)) == 2 else 2
        finally:
            os._exit(code)
    until(lambda: len(turns.line({PLACE: str(folder)})) == 2)
    os.kill(workers[0].pid, signal.SIGKILL)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Stagehand:
    def __init__(self) -> None:
        self.stages: list[tuple[int, str, str]] = []

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        self.stages.append((number, stage, detail))


def test_waiting_is_a_stage_of_its_own_and_counts_for_no_other(folder: Path, workers: list[Worker]) -> None:
    workers.append(Worker("holder", folder, "a", 1, 1.2))
    workers[0].has_turn(folder)
    hand = Stagehand()
    stages = Stages(hand, 3)  # type: ignore[arg-type]

    stages.enter("measure", "pair 1 of ≤8")
    with Turns("me", folder).alone():
        time.sleep(0.05)
    seconds = stages.total()

    assert 0.04 <= seconds["measure"] < 0.5
    assert 0.6 < seconds["wait"] < 10
    assert [stage for _, stage, _ in hand.stages[:3]] == ["measure", "wait", "measure"]
    assert hand.stages[1][2].startswith("for its turn behind run holder")
    assert hand.stages[2] == (3, "measure", "pair 1 of ≤8")


def printed(**settings) -> MetricConfig:
    return MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.line), **settings)


@pytest.mark.parametrize(
    ("metric", "constraint", "expected"),
    [
        (MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.wall)), "", True),
        (MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.peak_memory)), "", False),
        (MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.peak_memory)), "wall_s", True),
        (printed(variation=Variation.none), "", False),
        (printed(variation=Variation.none), "raw_bytes", False),
        (printed(variation=Variation.seed), "training_seconds", True),
        (printed(variation=Variation.none, unit="ms"), "", True),
        (printed(), "", True),
    ],
)
def test_a_number_is_taken_for_a_time_unless_load_cannot_show_in_it(
    tmp_path: Path, metric: MetricConfig, constraint: str, expected: bool
) -> None:
    config = Config(metric=metric, constraints={constraint: ConstraintConfig(max=1)} if constraint else {})
    journal = Journal.create(tmp_path / "journal.jsonl", run_id="r", base="b" * 40, goal="")

    assert is_timed(config, journal) is expected


LOGGED = 'began=$EPOCHREALTIME; sleep {work_s}; echo "$AUTOOPT_RUN {kind} $began $EPOCHREALTIME" >> {log}'


def start(root: Path, part: str, log: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    words = [
        *("recipe=command", f"scope=src/{part}", f"run_id={part}", "confirm=no", "sandbox=none"),
        f"metric.command={LOGGED.format(kind='sample', work_s=f'0.0$(cat src/{part}/n)', log=log)}",
        f"metric.prepare={LOGGED.format(kind='prepare', work_s=0.04, log=log)}",
        *("metric.unit=s", "metric.warmups=0", "metric.baseline_samples=3", "metric.probe=no"),
        f"params.n={{file: src/{part}/n, regex: '(\\d+)', choices: [9, 1], first: [1]}}",
        *(
            "propose.use=[optuna]",
            "budget.experiments=1",
            "final.max_pairs=2",
            "verdict.max_pairs=2",
            "verdict.early_stop=no",
        ),
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "autoopt", *words],
        cwd=root,
        env=environ,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_the_samples_of_two_runs_are_never_at_the_same_moment_and_pairs_stay_together(tmp_path: Path) -> None:
    root = make_repository(tmp_path, {f"src/{part}/n": "9\n" for part in "ab"})
    log = tmp_path / "log"
    environ = {**ENVIRONMENT, "XDG_STATE_HOME": str(tmp_path / "state"), PLACE: str(tmp_path / "turns")}
    both = [start(root, part, log, environ) for part in "ab"]
    said = [one.communicate(timeout=120)[0] for one in both]
    rows = [line.split() for line in log.read_text().splitlines()]

    assert [one.returncode for one in both] == [0, 0], said
    samples = [(run, float(began), float(ended)) for run, kind, began, ended in rows if kind == "sample"]
    prepared = [(run, float(began), float(ended)) for run, kind, began, ended in rows if kind == "prepare"]
    for one in samples:
        assert not any(overlap(one, other) for other in (*samples, *prepared) if other != one)
    runs = [run for run, _, _ in sorted(samples, key=lambda sample: sample[1])]
    for part in "ab":
        places = [place for place, run in enumerate(runs) if run == part][3:]  # after the baseline
        assert len(places) >= 2
        assert all(later == place + 1 for place, later in zip(places[::2], places[1::2], strict=True))
    assert names(tmp_path / "turns") == []


def test_whoever_waits_goes_on_when_somebody_removes_the_directory(
    folder: Path, workers: list[Worker]
) -> None:
    workers.append(Worker("holder", folder, "a", 1, 60))
    workers[0].has_turn(folder)
    waiter = Waiter(folder)
    until(lambda: waiter.said)
    remove_whole(folder)
    os.kill(workers[0].pid, signal.SIGKILL)
    until(waiter.got.is_set)

    waiter.join()
    assert turns.line({PLACE: str(folder)}) == ()


def test_a_run_that_a_command_of_another_one_starts_does_not_wait_for_it(tmp_path: Path) -> None:
    environ, files = {PLACE: str(tmp_path / "turns")}, RunFiles(tmp_path / "run")
    with confining.turns_of(Config(), files, environ, timed=lambda: True).measuring():
        inner = confining.turns_of(Config(), files, environ | {turns.WITHIN: "run"}, timed=lambda: True)
        waiter = threading.Thread(target=lambda: _taken_and_left(inner), daemon=True)
        waiter.start()
        waiter.join(5)
        assert not waiter.is_alive()


def _taken_and_left(queue: Turns) -> None:
    with queue.measuring():
        pass
