"""Several workers on one study: nothing twice, nothing lost, comparable values; wherever it is kept."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from dulwich import porcelain
from support.postgres_server import server  # noqa: F401 - a fixture

from autoopt.compose import refusals
from autoopt.errors import DamagedStateError, ResourceError, UsageError
from autoopt.proposers.search import addresses, sampling, storages
from autoopt.proposers.search.addresses import Address
from autoopt.proposers.search.shared_search import SharedSearch
from autoopt.proposers.search.sharing import Sharing
from autoopt.protocols import Proposer
from autoopt.records import Experiment, Outcome, Proposal, Status, Verdict
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.scope import Scope
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief, crashed, judged

BASE = "0" * 40


def keyed(name: str, **more: Any) -> dict[str, ParameterConfig]:
    return {name: ParameterConfig(file="c.yaml", key=name, **more)}


def switches(*names: str) -> dict[str, ParameterConfig]:
    return {name: ParameterConfig(file="flags", line=name) for name in names}


def place(folder: Path) -> Address:
    return addresses.of_file(folder / "shared" / "study.log")


def worker(
    params: dict[str, ParameterConfig],
    at: Address,
    run: str = "one",
    sampler: str = "tpe",
    heartbeat_s: float = 15.0,
    note: Callable[[int, str], None] = lambda number, text: None,
    **options: Any,
) -> SharedSearch:
    config = OptunaConfig(sampler=sampler, options=options, heartbeat_s=heartbeat_s)
    return SharedSearch(params, config, sharing(at, run), 0, ".env", note)


def sharing(
    at: Address, run: str, study: str = "tune", base: str = BASE, knows: Callable[[str], bool] = bool
) -> Sharing:
    return Sharing(study=study, run=run, address=at, base=base, knows=knows)


class Desk:
    """A worker's desk and history, without measuring."""

    def __init__(self, folder: Path, search: SharedSearch, incumbent: str = BASE) -> None:
        self.folder, self.search, self.incumbent = folder, search, incumbent
        folder.mkdir(exist_ok=True)
        fill(folder)
        self.history: list[Experiment] = []
        self.asked: Proposal | None = None

    def ask(self) -> Proposal | None:
        number = len(self.history) + 1
        asked = replace(brief(self.folder, tuple(self.history)), number=number, incumbent=self.incumbent)
        self.asked = self.search.ask(asked)
        return self.asked

    def tell(self, effect: float, status: Status = Status.discard, **more: Any) -> Experiment:
        assert self.asked is not None
        number = len(self.history) + 1
        told = judged(self.asked, number, effect, status)
        commit = f"{self.search._sharing.run}-{number}".ljust(40, "0")
        told = replace(told, **{"parent": self.incumbent, "commit": commit} | more)
        self.history.append(told)
        self.search.tell(told)
        if status is Status.keep:
            apply(self.asked, self.folder)
            self.incumbent = commit
        return told

    def follow(self, other: Desk) -> None:
        """Go on from the other's incumbent."""
        self.incumbent = other.incumbent
        for path in other.folder.iterdir():
            (self.folder / path.name).write_bytes(path.read_bytes())


def verdict(effect: float) -> Verdict:
    outcome = Outcome.unclear if effect > 0 else Outcome.worse
    return Verdict(
        outcome=outcome,
        effect=effect,
        low=effect,
        high=effect,
        probability=0.5,
        pairs=2,
        is_ratio=True,
        sentence="",
    )


def fill(folder: Path) -> None:
    (folder / "c.yaml").write_text("threads: 1\nrate: 0.1\nmode: a\n")
    (folder / "flags").write_text("")


def desks(
    folder: Path, at: Address, params: dict[str, ParameterConfig], *runs: str, **more: Any
) -> list[Desk]:
    return [Desk(folder / run, worker(params, at, run, **more)) for run in runs]


def trials(at: Address, name: str = "tune") -> list[Any]:
    return optuna.load_study(study_name=name, storage=storages.opened(at)).trials


class TestSharedSearchIsAProposer(ProposerSuite):
    def proposer(self, state: Path) -> Proposer:
        return worker(switches("a", "b", "c"), place(state))

    def fill(self, desk: Path) -> None:
        fill(desk)


def test_workers_share_a_finite_space_without_measuring_anything_twice(tmp_path: Path) -> None:
    workers = desks(tmp_path, place(tmp_path), switches("a", "b", "c"), "one", "two", "three")
    seen: list[Any] = []
    for _ in range(4):
        for desk in workers:  # all of a round are open at once
            if desk.ask() is not None:
                assert desk.asked is not None
                seen.append(tuple(desk.asked.parameters.values()))
        for desk in workers:
            if desk.asked is not None:
                desk.tell(0.0)

    assert len(seen) == len(set(seen)) == 7  # all but the start
    assert {t.user_attrs["run"] for t in trials(place(tmp_path))} == {"one", "two", "three"}
    assert all(t.state.is_finished() for t in trials(place(tmp_path)))


def test_values_of_workers_on_different_incumbents_add_up_along_the_line(tmp_path: Path) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a", "b", "c"), "one", "two")
    one.ask(), two.ask()
    one.tell(0.2, Status.keep)
    two.follow(one)
    two.tell(-0.1, parent=BASE)  # it had been measured against the base
    two.ask()
    two.tell(0.05, Status.keep)
    one.ask()  # still on its own keep
    one.tell(0.01)

    told = {
        (t.user_attrs["run"], t.user_attrs["experiment"]): t
        for t in trials(place(tmp_path))
        if "outcome" in t.user_attrs
    }
    assert told["one", 1].value == pytest.approx(0.2)
    assert told["two", 1].value == pytest.approx(-0.1)
    assert told["two", 2].value == pytest.approx(0.25)
    assert told["one", 2].value == pytest.approx(0.21)
    assert told["two", 2].user_attrs["parent"] == one.history[0].commit
    assert two.history[1].commit == told["two", 2].user_attrs["outcome"]["commit"]


def test_a_better_change_that_was_overtaken_is_asked_again_on_the_new_incumbent(tmp_path: Path) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a", "b", "c"), "one", "two")
    one.ask(), two.ask()
    one.tell(0.2, Status.keep)
    two.tell(0.1, overtaken=one.incumbent)
    two.follow(one)
    again = two.ask()

    assert again is not None
    assert dict(again.parameters) == {"a": True, "b": True, "c": False}
    assert "another worker's keep" in again.hypothesis
    assert [edit.path for edit in again.edits] == ["flags"]
    two.tell(0.0)
    assert two.ask() is not None
    assert two.asked is not None
    assert two.asked.parameters["c"]  # once was enough


def test_the_same_values_are_measured_again_where_they_promise_more_than_what_overtook_them(
    tmp_path: Path,
) -> None:
    params = keyed("mode", choices=["a", "b", "c", "d"], first=["b", "c", "d"])
    one, two = desks(tmp_path, place(tmp_path), params, "one", "two")
    one.ask(), two.ask()
    one.tell(0.1, Status.keep)
    two.tell(0.5, overtaken=one.incumbent)
    two.follow(one)
    asked = two.ask()
    assert asked is not None and asked.parameters["mode"] == "c"
    two.tell(0.4, Status.keep)
    one.follow(two)
    after = one.ask()

    assert after is not None and after.parameters["mode"] == "d"
    assert [t.value for t in trials(place(tmp_path)) if "outcome" in t.user_attrs] == pytest.approx(
        [0.1, 0.5, 0.5]
    )


def test_a_change_of_code_begins_a_new_context_for_all_workers_warmed_by_what_all_found(
    tmp_path: Path,
) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a", "b", "c"), "one", "two")
    for desk, effect in ((one, 0.004), (two, -0.1)):  # a promised something, b did not
        desk.ask()
        desk.tell(effect, verdict=verdict(effect))
    one.asked = Proposal(description="inline f", hypothesis="h", area="f", source="agent")
    code = one.tell(0.3, Status.keep)
    two.follow(one)
    after = [asked.parameters for desk in (one, two) if (asked := desk.ask()) is not None]

    assert [dict(values) for values in after] == [
        {"a": True, "b": False, "c": False},  # once more, and then what nobody tried
        {"a": False, "b": False, "c": True},
    ]
    warm = [
        t.value for t in trials(place(tmp_path), f"tune after {code.commit[:12]}") if "warm" in t.user_attrs
    ]
    assert warm == pytest.approx([0.004, -0.1])


def test_crashes_are_known_to_all_and_not_repeated(tmp_path: Path) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a"), "one", "two")
    asked = one.ask()
    assert asked is not None
    one.history.append(crashed(asked, 1))
    one.search.tell(one.history[-1])

    assert two.ask() is None
    (told,) = (t for t in trials(place(tmp_path)) if "outcome" in t.user_attrs)
    assert told.state.name == "FAIL"


def test_asked_again_for_one_experiment_nobody_is_given_what_was_declined(tmp_path: Path) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a", "b"), "one", "two")
    first, second = one.ask(), one.ask()
    third = two.ask()

    assert first is not None and second is not None and third is not None
    assert first.parameters != second.parameters != third.parameters != first.parameters


def test_a_killed_worker_takes_up_what_it_had_claimed_and_no_trial_of_others_is_touched(
    tmp_path: Path,
) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    one, two = desks(tmp_path, place(tmp_path), params, "one", "two", sampler="random")
    claimed, other = one.ask(), two.ask()
    resumed = Desk(tmp_path / "one", worker(params, place(tmp_path), "one", "random"))
    again = resumed.ask()
    assert again is not None and claimed is not None and other is not None

    assert again.parameters == claimed.parameters
    assert [t.state.name for t in trials(place(tmp_path))] == ["COMPLETE", "RUNNING", "RUNNING"]
    resumed.tell(0.1)
    two.tell(0.2)
    found = [t.value for t in trials(place(tmp_path))]
    assert found == pytest.approx([0, 0.1, 0.2])


def test_a_lost_study_is_told_again_what_each_run_measured(tmp_path: Path) -> None:
    params = switches("a", "b", "c")
    one, two = desks(tmp_path, place(tmp_path), params, "one", "two")
    for desk, status in ((one, Status.keep), (two, Status.discard)):
        desk.ask()
        desk.tell(0.1, status)
    Path(place(tmp_path).target).unlink()
    told = {}
    for desk in (one, two):
        resumed = Desk(desk.folder, worker(params, place(tmp_path), desk.folder.name), desk.incumbent)
        resumed.history = desk.history
        resumed.ask()
    told = [t.user_attrs["run"] for t in trials(place(tmp_path)) if "outcome" in t.user_attrs]

    assert told == ["one", "two"]


SILENT = """
import sys, time
sys.path.insert(0, {here!r})
from test_shared_study import *
root = Path({root!r})
one = Desk(root / "gone", worker(switches("a", "b"), place(root), "gone", heartbeat_s=0.05))
one.ask()
print("claimed", flush=True)
time.sleep(60)
"""


def test_what_a_dead_worker_measured_is_failed_and_measured_by_another_and_a_living_one_is_left_alone(
    tmp_path: Path,
) -> None:
    code = SILENT.format(here=str(Path(__file__).parent), root=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as dead:
        assert dead.stdout is not None and dead.stdout.readline() == "claimed\n"
        lives, asks = desks(tmp_path, place(tmp_path), switches("a", "b"), "lives", "asks", heartbeat_s=0.05)
        lives.ask()
        time.sleep(0.5)
        both = asks.ask()  # both live, and have the switches
        dead.kill()
    assert both is not None and dict(both.parameters) == {"a": True, "b": True}
    asks.tell(0.0)
    assert asks.ask() is None  # it is not known to be dead yet
    until = time.monotonic() + 10
    while asks.ask() is None and time.monotonic() < until:
        time.sleep(0.1)

    assert asks.asked is not None
    assert dict(asks.asked.parameters) == {"a": True, "b": False}
    assert "run gone fell silent" in asks.asked.hypothesis
    states = {(t.user_attrs["run"], t.state.name) for t in trials(place(tmp_path))}
    assert ("gone", "FAIL") in states
    assert ("lives", "RUNNING") in states


def test_the_result_of_a_worker_that_was_taken_for_dead_still_counts(tmp_path: Path) -> None:
    slow, quick = desks(tmp_path, place(tmp_path), switches("a"), "slow", "quick", heartbeat_s=0.02)
    slow.ask()
    slow.search._study._heartbeat.follow(None)  # type: ignore[union-attr]  # as if it had been stopped
    until = time.monotonic() + 10
    while quick.ask() is None and time.monotonic() < until:
        time.sleep(0.02)
    slow.tell(0.1)
    quick.tell(0.2)

    told = [(t.user_attrs["run"], t.value) for t in trials(place(tmp_path)) if "outcome" in t.user_attrs]
    assert sorted(told) == [("quick", pytest.approx(0.2)), ("slow", pytest.approx(0.1))]


def test_what_a_killed_writer_left_half_written_stops_nobody(tmp_path: Path) -> None:
    one, two = desks(tmp_path, place(tmp_path), switches("a", "b", "c"), "one", "two")
    one.ask()
    with Path(place(tmp_path).target).open("ab") as file:
        file.write(b'{"op_code": 4, "work')
    two.ask()
    one.tell(0.1)

    assert [t.value for t in trials(place(tmp_path))][:2] == [0, pytest.approx(0.1)]


def test_a_study_of_other_parameters_is_refused(tmp_path: Path) -> None:
    (one,) = desks(tmp_path, place(tmp_path), switches("a", "b"), "one")
    one.ask()
    other = worker(switches("a", "x"), place(tmp_path), "two")

    with pytest.raises(UsageError, match=r"search: the study tune at .* is of other params.*\(a, b\)"):
        other.check(one.folder, Scope(["flags"], []))


def test_a_study_of_another_repository_or_clone_is_refused(tmp_path: Path) -> None:
    at, params = place(tmp_path), switches("a", "b", "c")
    here, there = {"1" * 40}, {"2" * 40}
    mine = SharedSearch(params, OptunaConfig(), sharing(at, "mine", base="1" * 40, knows=bool), 0, None)
    one = Desk(tmp_path / "one", mine, "1" * 40)
    one.ask()
    strange, clone = (
        SharedSearch(
            params, OptunaConfig(), sharing(at, "two", base="2" * 40, knows=known.__contains__), 0, None
        )
        for known in (there, here | there)
    )

    with pytest.raises(
        UsageError, match=r"search: the study tune at .* as commit 111111111111 is not in this"
    ):
        strange.check(one.folder, Scope(["flags"], []))
    two = Desk(tmp_path / "two", clone, "1" * 40)
    assert two.ask() is not None  # the same history, and nothing that was kept in one of them alone
    kept = one.tell(0.1, Status.keep).commit
    two.tell(0.1)
    with pytest.raises(UsageError, match=f"another repository or clone, as commit {kept[:12]} is not"):
        two.ask()


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "nsgaii", "bruteforce", "grid", "gp"])
def test_every_sampler_serves_two_workers_and_never_the_same_values(tmp_path: Path, sampler: str) -> None:
    needed = {"gp": "torch", "cmaes": "cmaes", "qmc": "scipy"}.get(sampler)
    if needed:
        pytest.importorskip(needed)
    params = keyed("rate", low=0.1, high=0.9, step=0.1) | keyed("threads", low=1.0, high=4.0)
    options = {"tpe": {"n_startup_trials": 2}, "nsgaii": {"population_size": 2}}.get(sampler, {})
    workers = desks(tmp_path, place(tmp_path), params, "one", "two", sampler=sampler, **options)
    seen = []
    for _ in range(2):
        for desk in workers:
            asked = desk.ask()
            assert asked is not None
            seen.append(tuple(asked.parameters.values()))
        for desk in workers:
            desk.tell(-abs(float(desk.asked.parameters["rate"]) - 0.4))  # type: ignore[union-attr]

    assert len(set(seen)) == 4


def test_samplers_reckon_with_what_others_are_measuring() -> None:
    maker = sampling.maker(OptunaConfig(sampler="tpe"), shared=True)

    assert maker(None, 0, 0)._constant_liar  # type: ignore[attr-defined]


# -- where it is kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgresql://me:hunter2@h/x", "holds a password"),
        ("postgresql://me:hun@ter2@h/x", "holds a password"),
        ("postgresql://me:hun/ter2@h/x", "holds a password"),
        ("postgresql://h/x?user=me&password=hunter2", "holds a password"),
        ("postgresql://me:$hunter2@h/x", r"names \$hunter2, which is not set"),
        ("postgresql://me@127.0.0.1:1/x", "127.0.0.1:1/x cannot be used: .*refused"),
        ("grpc://me:hunter2@h:1", "grpc://HOST:PORT, without more"),
        ("grpc://h", "grpc://HOST:PORT"),
        ("redis://me:hunter2@h/x", "cannot be kept at redis://"),
        ("mysql+pymysql://me:hunter2@h/x", "cannot be kept at"),
        ("sqlite://", "sqlite:///FILE"),
        ("sqlite:///none/x.db", "no directory .*/none"),
        ("none/study.log", "no directory .*/none"),
        (".", "is a directory"),
    ],
)
def test_a_wrong_place_is_refused_in_one_line_without_its_password(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=f"propose.optuna.storage: .*{message}") as refused:
        storages.reach(addresses.read(text, tmp_path, {}))

    shown = str(refused.value)
    assert "\n" not in shown
    assert "ter2" not in shown.replace("$hunter2", "")
    assert not any(tmp_path.iterdir())


def test_a_run_whose_storage_is_wrong_leaves_nothing_behind_and_says_no_password(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    repo = porcelain.init(repository)
    fill(repository)
    porcelain.add(repo, [repository / "c.yaml"])
    porcelain.commit(repo, message=b"start", author=b"a <a@b>", committer=b"a <a@b>")
    repo.close()
    words = ["recipe=command", "scope=c.yaml", "metric.command=true", "confirm=no"]
    words += ["params.threads={file: c.yaml, key: threads, low: 1, high: 4}"]
    words += ["propose.optuna.storage=postgresql://me:hunter2@127.0.0.1:1/x?sslmode=require"]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", *words],
        cwd=repository,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "propose.optuna.storage: holds a password" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not list((tmp_path / "state").rglob("journal.jsonl"))
    assert not list((tmp_path / "state").rglob("config.yaml"))


@pytest.mark.parametrize("text", ["notes.txt", "sqlite:///notes.txt"])
def test_a_file_that_holds_something_else_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.txt").write_text("mine\nno newline at the end")
    at = addresses.read(text, tmp_path, {})
    for use in (storages.reach, storages.opened):
        with pytest.raises(UsageError, match=r"notes\.txt is there and holds no study"):
            use(at)

    assert (tmp_path / "notes.txt").read_text() == "mine\nno newline at the end"


def test_a_recipe_and_an_agent_cannot_say_where_a_study_is_kept() -> None:
    told = dict(refusals.of_persons({"propose": {"optuna": {"storage": "x"}}}, is_ours=True))

    assert told == {
        (
            "propose",
            "optuna",
            "storage",
        ): "propose.optuna.storage: only you can set this, on the command line."
    }
    assert "only a person" in refusals.of_agents(["propose.optuna.storage=x"])


def test_a_password_comes_from_a_variable_and_is_not_shown(tmp_path: Path) -> None:
    found = addresses.read("postgresql://me:$PW@h:5432/x?sslmode=require", tmp_path, {"PW": "a/b@c"})

    assert found.target == "postgresql+psycopg://me:a%2Fb%40c@h:5432/x?sslmode=require"
    assert found.shown == "postgresql://me@h:5432/x?sslmode=require"
    assert "a/b" not in repr(found) and "a%2F" not in repr(found)


def test_relative_places_start_from_the_repository(tmp_path: Path) -> None:
    assert addresses.read("s/x.log", tmp_path, {}).target == str(tmp_path / "s/x.log")
    assert addresses.read("sqlite:///x.db", tmp_path, {}).target == f"sqlite:///{tmp_path}/x.db"
    assert addresses.read("sqlite:////srv/x.db", tmp_path, {}).target == "sqlite:////srv/x.db"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts an Optuna proxy over a database in `tmp_path`, at `at`; again, once the last one is gone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import optuna; optuna.storages.run_grpc_proxy_server(optuna.storages.get_storage("
        f"'sqlite:///{tmp_path}/behind.db'), host='127.0.0.1', port={port})"
    )
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], **silent))  # type: ignore[call-overload]
        return started[-1]

    start.at = addresses.read(f"grpc://127.0.0.1:{port}", tmp_path, {})  # type: ignore[attr-defined]
    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "grpc"])
def test_a_study_is_shared_wherever_it_is_kept(tmp_path: Path, kind: str, request: Any) -> None:
    if kind == "grpc":
        pytest.importorskip("grpc")
        start = request.getfixturevalue("proxy")
        start()
        at = start.at
    elif kind == "postgresql":
        at = addresses.read(request.getfixturevalue("server"), tmp_path, {})
    else:
        at = addresses.read("sqlite:///study.db", tmp_path, {})
    storages.reach(at)
    one, two = desks(tmp_path, at, switches("a", "b"), "one", "two")
    one.ask(), two.ask()
    one.tell(0.1, Status.keep)
    two.follow(one)
    two.tell(0.2, overtaken=one.incumbent, parent=BASE)
    again = two.ask()
    assert again is not None and dict(again.parameters) == {"a": True, "b": True}
    two.tell(0.05)

    told = [t.value for t in trials(at) if "outcome" in t.user_attrs]
    assert told == pytest.approx([0.1, 0.2, 0.15])
    assert one.ask() is None


RACE = """
import sys
sys.path.insert(0, {here!r})
from test_shared_study import *
root = Path({root!r})
desk = Desk(root / sys.argv[1], worker(switches("a", "b", "c"), place(root), sys.argv[1]))
while (asked := desk.ask()) is not None:
    print(list(asked.parameters.values()), flush=True)
    desk.tell(0.0)
"""


def test_processes_that_race_for_a_space_measure_each_assignment_once(tmp_path: Path) -> None:
    code = RACE.format(here=str(Path(__file__).parent), root=str(tmp_path))
    racing = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, run], stdout=subprocess.PIPE, text=True)
        for run in ("one", "two", "three")
    ]
    told = [line for one in racing for line in one.communicate(timeout=120)[0].splitlines()]

    assert all(one.returncode == 0 for one in racing)
    assert len(told) == len(set(told)) == 7


def test_while_the_proxy_is_away_the_search_waits_with_one_line_and_tells_it_afterwards(
    tmp_path: Path, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("grpc")
    from autoopt.proposers.search import proxy as client

    notes: list[str] = []
    first = proxy()
    storages.reach(proxy.at)
    search = worker(switches("a", "b", "c"), proxy.at, note=lambda number, text: notes.append(text))
    one = Desk(tmp_path / "one", search)
    one.ask()
    first.send_signal(signal.SIGSTOP)  # as a host that is gone: what is sent is taken, and no word comes
    with (
        monkeypatch.context() as short,
        pytest.raises(storages.gone(proxy.at.kind), match="Deadline Exceeded"),
    ):
        short.setattr(client, "ANSWER_S", 0.2)
        trials(proxy.at)
    first.kill()
    first.wait()
    one.tell(0.1)  # nobody to tell, and no error
    late = threading.Timer(2.0, proxy)
    late.start()
    assert one.ask() is not None
    late.join()

    assert len(notes) == 2 and notes[0].startswith(f"waits for the study at {proxy.at.shown}: ")
    assert notes[1] == f"the study at {proxy.at.shown} answers again"
    assert [t.value for t in trials(proxy.at) if "outcome" in t.user_attrs] == pytest.approx([0.1])


def test_a_restart_of_the_database_goes_unnoticed(tmp_path: Path, server: str) -> None:  # noqa: F811
    import psycopg

    at = addresses.read(server, tmp_path, {})
    search = SharedSearch(switches("a", "b", "c"), OptunaConfig(), sharing(at, "one", "restart"), 0, ".env")
    one = Desk(tmp_path / "one", search)
    one.ask()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    one.tell(0.1)
    assert one.ask() is not None

    assert [t.value for t in trials(at, "restart") if "outcome" in t.user_attrs] == pytest.approx([0.1])


def test_a_storage_that_stays_away_ends_the_run_with_the_next_step(tmp_path: Path) -> None:
    at = place(tmp_path)
    patiently = storages.Patience(at, lambda number, text: None, limit_s=0.3)

    def work() -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    with pytest.raises(ResourceError, match=r"study\.log is silent.*Stale file handle.*resume the run"):
        patiently(1, work)


def test_a_damaged_shared_file_is_told_with_the_next_step(tmp_path: Path) -> None:
    (one,) = desks(tmp_path, place(tmp_path), switches("a", "b"), "one")
    one.ask()
    path = Path(place(tmp_path).target)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{broken\n", *lines[2:]]))

    with pytest.raises(DamagedStateError, match="move it away"):
        worker(switches("a", "b"), place(tmp_path))
