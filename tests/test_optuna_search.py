"""The Optuna proposer on real files and real studies: order of ideas, resume, samplers, errors."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoopt.errors import DamagedStateError, UsageError
from autoopt.proposers.search.optuna_search import OptunaSearch
from autoopt.proposers.search.study_file import FileLock
from autoopt.protocols import Proposer
from autoopt.records import Experiment, Outcome, Proposal, Status
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.scope import Scope
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief, crashed, judged

SQL = "PRAGMA cache_size = -2000;\n"
CONFIG = "parallel: false\nthreads: 1\nrate: 0.1\nmode: a\n"


def cache(**more: Any) -> dict[str, ParameterConfig]:
    return {"cache_size": ParameterConfig(file="s.sql", sql="PRAGMA cache_size", **more)}


def keyed(name: str, **more: Any) -> dict[str, ParameterConfig]:
    return {name: ParameterConfig(file="c.yaml", key=name, **more)}


def switches(*names: str) -> dict[str, ParameterConfig]:
    return {name: ParameterConfig(file="flags", line=name) for name in names}


def search(
    params: dict[str, ParameterConfig], state: Path, sampler: str = "tpe", seed: int = 0, **options: Any
) -> OptunaSearch:
    config = OptunaConfig(sampler=sampler, options=options)
    return OptunaSearch(params, config, state / "study.log", seed, ".env")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "s.sql").write_text(SQL)
    (desk / "c.yaml").write_text(CONFIG)
    (desk / "flags").write_text("")
    return desk


def drive(
    proposer: Proposer, desk: Path, count: int, score: Any, threshold: float = 0.005
) -> list[Experiment]:
    """Run the loop without measuring: `score(parameters)` is the log gain over nothing at all."""
    history: list[Experiment] = []
    best: float | None = None
    for number in range(1, count + 1):
        proposal = proposer.ask(brief(desk, tuple(history)))
        if proposal is None:
            break
        if best is None:
            best = score(None)
        value = score(proposal.parameters)
        keep = value - best > threshold
        history.append(judged(proposal, number, value - best, Status.keep if keep else Status.discard))
        proposer.tell(history[-1])
        if keep:
            apply(proposal, desk)
            best = value
    return history


def trials(state: Path, context: int = 0) -> list[Any]:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(state / "study.log")))
    (name,) = (
        name
        for name in optuna.get_all_study_names(storage)
        if name.endswith(f"-after-{context}" if context else name.split("-after-")[0])
    )
    return optuna.load_study(study_name=name, storage=storage).trials


class TestOptunaSearchIsAProposer(ProposerSuite):
    def proposer(self, state: Path) -> Proposer:
        return search(cache(low=-(2.0**20), high=-1000.0, first=[-65536]) | switches("a", "b"), state)

    def fill(self, desk: Path) -> None:
        (desk / "s.sql").write_text(SQL)


def test_listed_values_come_first_alone_and_in_order(tmp_path: Path, desk: Path) -> None:
    params = cache(low=-1e6, high=-1000.0, first=[-4000, -8000]) | switches("a", "b")
    asked = drive(search(params, tmp_path), desk, 4, lambda _: 0.0)

    assert [e.description for e in asked] == [
        "cache_size -2000 → -4000",
        "cache_size -2000 → -8000",
        "a off → on",
        "b off → on",
    ]
    assert asked[0].hypothesis.startswith("Setting cache_size to -4000 should improve the metric because ")
    assert [e.area for e in asked] == ["cache_size", "cache_size", "a", "b"]
    assert asked[2].parameters == {"cache_size": -2000, "a": True, "b": False}


def test_kept_values_stay_while_the_next_is_tried(tmp_path: Path, desk: Path) -> None:
    gain = {"a": 0.2, "b": -0.1, "c": 0.1}
    asked = drive(
        search(switches(*gain), tmp_path),
        desk,
        3,
        lambda p: sum(gain[n] for n, on in (p or {}).items() if on),
    )

    assert [dict(e.parameters) for e in asked] == [
        {"a": True, "b": False, "c": False},
        {"a": True, "b": True, "c": False},
        {"a": True, "b": False, "c": True},
    ]


def test_only_the_changed_lines_are_edited(tmp_path: Path, desk: Path) -> None:
    (desk / "c.yaml").write_text("# head\nthreads:   1   # tail\nrate: 0.1\n")
    proposal = search(keyed("threads", choices=[1, 2]), tmp_path).ask(brief(desk))

    assert proposal is not None
    assert [(e.path, e.content) for e in proposal.edits] == [
        ("c.yaml", b"# head\nthreads:   2   # tail\nrate: 0.1\n")
    ]


def test_the_incumbent_is_told_as_zero_and_effects_add_up(tmp_path: Path, desk: Path) -> None:
    gain = {"a": 0.2, "b": 0.1}
    drive(search(switches("a", "b"), tmp_path), desk, 2, lambda p: sum(gain[n] for n in p or {} if p[n]))
    values = {tuple(sorted(t.params.items())): t.value for t in trials(tmp_path)}

    assert values[("a", False), ("b", False)] == 0
    assert values[("a", True), ("b", False)] == pytest.approx(0.2)
    assert values[("a", True), ("b", True)] == pytest.approx(0.3)


def test_a_finite_space_is_tried_through_once_and_then_nothing_is_left(tmp_path: Path, desk: Path) -> None:
    params = switches("a", "b") | keyed("mode", choices=["a", "b", "c"])
    proposer = search(params, tmp_path)
    asked = drive(proposer, desk, 50, lambda p: 0.0)

    assert len({json.dumps(dict(e.parameters)) for e in asked}) == len(asked) == 2 * 2 * 3 - 1
    assert proposer.ask(brief(desk, tuple(asked))) is None


def test_values_equal_to_the_present_ones_are_never_proposed(tmp_path: Path, desk: Path) -> None:
    params = keyed("threads", low=1.0, high=4.0)
    asked = drive(search(params, tmp_path, "random"), desk, 10, lambda p: 0.0)

    assert sorted(e.parameters["threads"] for e in asked) == [2, 3, 4]


def test_conditions_hide_parameters_until_they_hold(tmp_path: Path, desk: Path) -> None:
    params = keyed("threads", low=1.0, high=64.0, log=True, first=[8], when={"parallel": True}) | keyed(
        "parallel", choices=[True, False]
    )
    asked = drive(search(params, tmp_path), desk, 25, lambda p: 0.1 * math.log((p or {}).get("threads", 1)))
    off = [e for e in asked if not e.parameters["parallel"]]

    assert asked[0].description == "parallel off → on"
    assert {e.parameters["threads"] for e in off} <= {1}
    assert len({e.parameters["threads"] for e in asked}) > 5


def test_logarithmic_stepped_and_whole_numbers_stay_in_their_ranges(tmp_path: Path, desk: Path) -> None:
    params = (
        keyed("rate", low=1e-5, high=1.0, log=True)
        | keyed("threads", low=1.0, high=32.0, step=4.0)
        | cache(low=-1e6, high=-1000.0, integer=True)
    )
    asked = drive(search(params, tmp_path), desk, 20, lambda p: 0.0)

    assert all(1e-5 <= float(e.parameters["rate"]) <= 1 for e in asked)  # type: ignore[arg-type]
    assert min(float(e.parameters["rate"]) for e in asked) < 1e-2  # type: ignore[arg-type]
    assert {e.parameters["threads"] for e in asked} <= set(range(1, 33, 4))
    assert all(isinstance(e.parameters["cache_size"], int) for e in asked)


def test_an_absent_setting_is_added_from_its_first_value(tmp_path: Path, desk: Path) -> None:
    params = {
        "mmap": ParameterConfig(file="new.sql", sql="PRAGMA mmap_size", low=0.0, high=1e9, first=[4096])
    }
    proposal = search(params, tmp_path).ask(brief(desk))

    assert proposal is not None
    assert proposal.description == "mmap unset → 4096"
    assert proposal.edits[0].content == b"PRAGMA mmap_size = 4096;\n"


def test_an_environment_variable_is_kept_in_the_env_file(tmp_path: Path, desk: Path) -> None:
    params = {"omp": ParameterConfig(env="OMP_NUM_THREADS", choices=[None, 1, 2])}
    proposal = search(params, tmp_path).ask(brief(desk))

    assert proposal is not None
    assert proposal.edits[0].path == ".env"
    assert proposal.edits[0].content in {b"OMP_NUM_THREADS=1\n", b"OMP_NUM_THREADS=2\n"}


def test_crashes_and_rejections_are_failures_and_not_repeated(tmp_path: Path, desk: Path) -> None:
    proposer = search(switches("a", "b"), tmp_path)
    first = proposer.ask(brief(desk))
    assert first is not None
    history = [crashed(first, 1)]
    second = proposer.ask(brief(desk, tuple(history)))
    assert second is not None
    history.append(judged(second, 2, 0.3, Status.inspector_reject))
    third = proposer.ask(brief(desk, tuple(history)))
    states = [t.state.name for t in trials(tmp_path)]

    assert states[:3] == ["COMPLETE", "FAIL", "FAIL"]
    assert third is not None
    assert third.parameters == {"a": True, "b": True}


def test_an_effect_that_is_no_number_is_a_failure(tmp_path: Path, desk: Path) -> None:
    proposer = search(switches("a", "b"), tmp_path)
    first = proposer.ask(brief(desk))
    assert first is not None
    proposer.tell(judged(first, 1, math.inf))

    assert trials(tmp_path)[-1].state.name == "FAIL"


def test_telling_again_adds_nothing(tmp_path: Path, desk: Path) -> None:
    proposer = search(keyed("rate", low=0.01, high=1.0), tmp_path)
    history = drive(proposer, desk, 3, lambda p: 0.0)
    before = [(t.number, t.state, t.value) for t in trials(tmp_path)]
    resumed = search(keyed("rate", low=0.01, high=1.0), tmp_path)
    for experiment in [*history, *history]:
        proposer.tell(experiment)
        resumed.tell(experiment)
    resumed.ask(brief(desk, tuple(history)))

    assert [(t.number, t.state, t.value) for t in trials(tmp_path)][: len(before)] == before
    assert len(trials(tmp_path)) == len(before) + 1


def test_a_lost_study_is_rebuilt_from_the_history(tmp_path: Path, desk: Path) -> None:
    params = switches("a", "b", "c")
    history = drive(search(params, tmp_path), desk, 5, lambda p: 0.0)
    (tmp_path / "study.log").unlink()
    resumed = search(params, tmp_path)
    for experiment in history:
        resumed.tell(experiment)
    proposal = resumed.ask(brief(desk, tuple(history)))

    assert proposal is not None
    assert dict(proposal.parameters) not in [dict(e.parameters) for e in history]


def test_asked_again_for_one_experiment_it_takes_the_last_idea_as_declined(
    tmp_path: Path, desk: Path
) -> None:
    proposer = search(switches("a", "b"), tmp_path)
    asked = [proposer.ask(brief(desk)) for _ in range(4)]

    assert [p and dict(p.parameters) for p in asked] == [
        {"a": True, "b": False},
        {"a": False, "b": True},
        {"a": True, "b": True},
        None,
    ]


def test_a_place_that_another_change_removed_is_no_longer_searched(tmp_path: Path, desk: Path) -> None:
    params = keyed("rate", low=0.01, high=1.0) | switches("a")
    proposer = search(params, tmp_path)
    history = drive(proposer, desk, 2, lambda p: 0.0)
    (desk / "c.yaml").write_text("other: 1\n")
    (desk / "flags").write_text("a\n")
    proposal = proposer.ask(brief(desk, tuple(history)))

    assert proposal is None or "rate" not in proposal.parameters


def test_gains_of_other_proposers_do_not_count_for_parameters(tmp_path: Path, desk: Path) -> None:
    other = Proposal(description="inline", hypothesis="h", area="f", source="prompt")
    proposer = search(switches("a", "b"), tmp_path)
    history = (judged(other, 1, 0.7, Status.keep),)
    proposal = proposer.ask(brief(desk, history))
    assert proposal is not None
    proposer.tell(judged(proposal, 2, 0.1))

    assert [t.value for t in trials(tmp_path, context=1)] == [0, pytest.approx(0.1)]


# -- after another proposer's change was kept


def settled(proposal: Proposal, number: int, effect: float) -> Experiment:
    """A discard that was told from a gain."""
    experiment = judged(proposal, number, effect)
    assert experiment.verdict is not None
    return replace(experiment, verdict=replace(experiment.verdict, outcome=Outcome.same))


def foreign(number: int, status: Status = Status.keep) -> Experiment:
    other = Proposal(description="inline f", hypothesis="h", area="f", source="codemods")
    return judged(other, number, 0.3, status)


def run_out(proposer: Proposer, desk: Path, effects: dict[str, float]) -> list[Experiment]:
    """Every combination once, none kept; those of one switch with these effects, the others with none."""
    history: list[Experiment] = []
    while (proposal := proposer.ask(brief(desk, tuple(history)))) is not None:
        history.append(settled(proposal, len(history) + 1, effects.get(proposal.area, -0.1)))
    return history


def test_after_a_kept_code_change_only_promising_values_are_tried_alone_again(
    tmp_path: Path, desk: Path
) -> None:
    proposer = search(switches("a", "b", "c"), tmp_path)
    history = run_out(proposer, desk, {"b": 0.004})
    discarded = foreign(len(history) + 1, Status.discard)
    nothing = proposer.ask(brief(desk, (*history, discarded)))
    history += [discarded, foreign(len(history) + 2)]
    again = []
    while (proposal := proposer.ask(brief(desk, tuple(history)))) is not None:
        again.append(proposal)
        history.append(settled(proposal, len(history) + 1, -0.1))

    assert nothing is None
    assert (again[0].description, len(again)) == ("b off → on", 5)  # of 7, without a and c alone
    assert "it promised something before the code changed" in again[0].hypothesis
    assert all(sum(map(bool, p.parameters.values())) >= 2 for p in again[1:])


def test_a_value_that_promised_is_tried_alone_once_more_and_only_while_it_promises(
    tmp_path: Path, desk: Path
) -> None:
    proposer = search(switches("a", "b"), tmp_path)
    areas: list[str] = []
    history: list[Experiment] = []
    for effect in (0.004, None, -0.1, None, -0.1, -0.1):
        if effect is None:
            history.append(foreign(len(history) + 1))
            continue
        proposal = proposer.ask(brief(desk, tuple(history)))
        assert proposal is not None
        areas.append(proposal.area)
        history.append(settled(proposal, len(history) + 1, effect))

    assert areas == ["a", "a", "b", "flags"]


def test_a_new_context_starts_from_the_best_and_the_latest_results(tmp_path: Path, desk: Path) -> None:
    proposer = search(keyed("rate", low=0.01, high=1.0), tmp_path)
    history: list[Experiment] = []
    for number in range(1, 31):
        proposal = proposer.ask(brief(desk, tuple(history)))
        assert proposal is not None
        history.append(settled(proposal, number, -0.001 * number if number > 5 else -0.001 / number))
    history.append(foreign(31))
    proposal = proposer.ask(brief(desk, tuple(history)))
    warm = trials(tmp_path, 31)

    assert proposal is not None
    assert [t.user_attrs["warm"] for t in warm[:20]] == [*range(1, 11), *range(21, 31)]
    assert {t.state.name for t in warm[:21]} == {"COMPLETE"}
    assert [t.value for t in warm[20:]] == [0, None]  # the incumbent, and what was asked


def test_a_resumed_search_proposes_what_the_uninterrupted_one_would(tmp_path: Path, desk: Path) -> None:
    params = (
        keyed("rate", low=0.01, high=1.0) | keyed("threads", low=1.0, high=64.0, log=True) | switches("a")
    )

    def proposals(state: Path, resume: bool) -> list[Any]:
        state.mkdir()
        proposer, history = search(params, state), list[Experiment]()
        for number in range(1, 31):
            if number in (12, 22):
                history.append(foreign(number))
                continue
            if resume:
                proposer = search(params, state)
                for experiment in history:
                    proposer.tell(experiment)
            proposal = proposer.ask(brief(desk, tuple(history)))
            assert proposal is not None
            effect = -abs(float(proposal.parameters["rate"]) - 0.3)  # type: ignore[arg-type]
            history.append(settled(proposal, number, effect))
            proposer.tell(history[-1])
        return [dict(e.parameters) for e in history]

    assert proposals(tmp_path / "resumed", True) == proposals(tmp_path / "whole", False)


def test_a_new_context_that_a_crash_left_half_warm_is_completed(tmp_path: Path, desk: Path) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    proposer = search(params, tmp_path)
    history = [*drive(proposer, desk, 8, lambda p: -0.1), foreign(9)]
    proposer.ask(brief(desk, tuple(history)))
    lines = (tmp_path / "study.log").read_bytes().splitlines(keepends=True)
    started = next(i for i, line in enumerate(lines) if b"after-9" in line)
    (tmp_path / "study.log").write_bytes(b"".join(lines[: started + 4]))
    half = len(trials(tmp_path, 9))
    search(params, tmp_path).ask(brief(desk, tuple(history)))
    warm = [t.user_attrs.get("warm") for t in trials(tmp_path, 9)]

    assert 0 < half < 8
    assert warm == [*range(1, 9), None, None]


@pytest.mark.parametrize("content", [None, b"other: 1\n", b"rate: [\n", b"\xff\xfe\x00", b"rate: fast\n"])
def test_a_parameter_whose_file_or_place_a_code_change_took_away_is_dropped(
    tmp_path: Path, desk: Path, content: bytes | None
) -> None:
    params = keyed("rate", low=0.01, high=1.0) | switches("a", "b")
    proposer = search(params, tmp_path)
    history = drive(proposer, desk, 2, lambda p: -0.1)
    if content is None:
        (desk / "c.yaml").unlink()
    else:
        (desk / "c.yaml").write_bytes(content)
    history.append(foreign(3))
    resumed = search(params, tmp_path)
    resumed.check(desk, Scope(["*"]))

    for searching in (proposer, resumed):
        proposal = searching.ask(brief(desk, tuple(history)))
        assert proposal is not None
        if content != b"rate: fast\n":
            assert set(proposal.parameters) == {"a", "b"}


def test_a_condition_on_a_parameter_that_is_gone_never_holds(tmp_path: Path, desk: Path) -> None:
    params = keyed("threads", low=1.0, high=4.0, when={"a": True}) | switches("a")
    proposer = search(params, tmp_path)
    history = [*drive(proposer, desk, 1, lambda p: 0.1 if p else 0.0), foreign(2)]
    (desk / "flags").unlink()
    (desk / "flags").mkdir()

    assert proposer.ask(brief(desk, tuple(history))) is None


def test_when_every_place_is_gone_nothing_is_left_to_search(tmp_path: Path, desk: Path) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    proposer = search(params, tmp_path)
    history = [*drive(proposer, desk, 2, lambda p: -0.1), foreign(3)]
    (desk / "c.yaml").unlink()

    assert proposer.ask(brief(desk, tuple(history))) is None
    assert search(params, tmp_path).ask(brief(desk, tuple(history))) is None


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_optuna_search import brief, keyed, search, judged
root = Path({root!r})
proposer = search(keyed("rate", low=0.01, high=1.0), root)
first = proposer.ask(brief(root / "desk"))
experiment = judged(first, 1, 0.0)
proposer.tell(experiment)
second = proposer.ask(brief(root / "desk", (experiment,)))
print(first.parameters["rate"], second.parameters["rate"], flush=True)
os._exit(9)
"""


def test_after_a_kill_the_open_trial_is_taken_back_and_asked_for_again(tmp_path: Path, desk: Path) -> None:
    code = KILLED.format(here=str(Path(__file__).parent), root=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    rates = [float(word) for word in done.stdout.split()]
    assert [t.state.name for t in trials(tmp_path)] == ["COMPLETE", "COMPLETE", "RUNNING"]

    resumed = search(keyed("rate", low=0.01, high=1.0), tmp_path)
    told = Proposal(description="d", hypothesis="h", area="a", source="optuna", parameters={"rate": rates[0]})
    experiment = judged(told, 1, 0.0)
    resumed.tell(experiment)
    third = resumed.ask(brief(desk, (experiment,)))

    assert third is not None
    assert third.parameters["rate"] == rates[1]  # as if nobody had killed it
    assert [t.state.name for t in trials(tmp_path)] == ["COMPLETE", "COMPLETE", "RUNNING"]


class Walk:
    """A search that declines, keeps, and is disturbed by others' keeps; `decided` is what a journal says.

    Attributes:
        lines: The length of the study's file at each decision, before the search is told.
    """

    FOREIGN = 8

    def __init__(self, place: Path, sampler: str, decided: list[Experiment], **options: Any) -> None:
        self.place, self.file = place, place / "study.log"
        self.decided = list(decided)
        self.lines: list[int] = []
        place.mkdir(exist_ok=True)
        kept = [past.parameters for past in decided if past.status is Status.keep and past.parameters]
        self._put(kept[-1] if kept else {"rate": 0.1, "threads": 1, "mode": "a"})
        domains = (
            keyed("threads", low=1.0, high=4.0)
            | keyed("mode", choices=["a", "b", "c"])
            | keyed("rate", low=0.1, high=0.4, step=0.1)
        )
        self.proposer = search(domains, place, sampler, seed=3, **options)

    def _put(self, values: Any) -> None:
        (self.place / "desk").mkdir(exist_ok=True)
        (self.place / "desk" / "c.yaml").write_text("".join(f"{n}: {v}\n" for n, v in values.items()))

    def to(self, count: int) -> list[Experiment]:
        """Go on until so many are decided."""
        while len(self.decided) < count:
            number = len(self.decided) + 1
            told = foreign(number) if number == self.FOREIGN else self._next(number)
            self.decided.append(told)
            self.lines.append(self.file.read_bytes().count(b"\n") if self.file.exists() else 0)
            self.proposer.tell(told)
            if told.status is Status.keep and told.parameters:
                self._put(told.parameters)
        return self.decided

    def _next(self, number: int) -> Experiment:
        for _ in range(2 if number % 3 == 0 else 1):  # every third experiment's first idea is declined
            proposal = self.proposer.ask(brief(self.place / "desk", tuple(self.decided)))
        assert proposal is not None
        if number % 5 == 0:
            return crashed(proposal, number)
        threads, rate = proposal.parameters["threads"], proposal.parameters["rate"]
        effect = 0.01 * float(threads) - abs(float(rate) - 0.3)  # type: ignore[arg-type]
        return judged(proposal, number, effect, Status.keep if number % 4 == 0 else Status.discard)


SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"n_startup_trials": 3, "multivariate": True},
    "random": {},
    "nsgaii": {"population_size": 3},
    "qmc": {},
    "bruteforce": {},
    "grid": {},
    "cmaes": {},
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_killed_at_any_line_it_writes_goes_on_as_if_nobody_had_killed_it(
    tmp_path: Path, sampler: str
) -> None:
    options, until = SAMPLERS[sampler], 10
    whole = Walk(tmp_path / "whole", sampler, [], **options)
    wanted = whole.to(until)
    lines = whole.file.read_bytes().splitlines(keepends=True)
    assert any(b'"state":1,' in line for line in lines)  # some draws were known already

    for cut in range(whole.lines[4], whole.lines[8], 3 if sampler == "tpe" else 13):
        decided = sum(length < cut for length in whole.lines)  # at the very moment: it was not told of it
        place = tmp_path / str(cut)
        place.mkdir()
        torn = lines[cut][: cut % 3 * 7]
        (place / "study.log").write_bytes(b"".join(lines[:cut]) + torn)
        resumed = Walk(place, sampler, wanted[: decided + cut % 2 * (cut in whole.lines)], **options)

        assert resumed.to(until) == wanted, cut


def test_what_a_resume_does_grows_with_the_trials_and_not_with_their_square(
    tmp_path: Path, desk: Path
) -> None:
    def calls(count: int) -> int:
        state, made = tmp_path / str(count), 0
        state.mkdir()
        params = keyed("rate", low=0.01, high=1.0)
        told = [
            Proposal(description="d", hypothesis="h", area="c", source="o", parameters={"rate": 1 / number})
            for number in range(1, count + 1)
        ]
        past = tuple(
            judged(one, at, 0.0, Status.discard if at % 9 else Status.keep) for at, one in enumerate(told, 1)
        )
        search(params, state, "random").ask(brief(desk, past))

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal made
            made += event == "call"

        sys.setprofile(note)
        try:
            search(params, state, "random").ask(brief(desk, past))
        finally:
            sys.setprofile(None)
        return made

    assert calls(400) < 5 * calls(100)


def test_a_result_that_was_decided_but_not_told_before_a_kill_is_told_on_resume(
    tmp_path: Path, desk: Path
) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    proposal = search(params, tmp_path).ask(brief(desk))
    assert proposal is not None
    resumed = search(params, tmp_path)
    resumed.tell(judged(proposal, 1, 0.25))
    resumed.ask(brief(desk, (judged(proposal, 1, 0.25),)))

    assert [(t.state.name, t.value) for t in trials(tmp_path)][:2] == [("COMPLETE", 0), ("COMPLETE", 0.25)]


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "work', b"\x00" * 512, b"x"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, desk: Path, torn: bytes) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    history = drive(search(params, tmp_path), desk, 2, lambda p: 0.0)
    with (tmp_path / "study.log").open("ab") as file:
        file.write(torn)

    assert search(params, tmp_path).ask(brief(desk, tuple(history))) is not None


def test_a_broken_earlier_line_stops_with_the_next_step(tmp_path: Path, desk: Path) -> None:
    params = keyed("rate", low=0.01, high=1.0)
    drive(search(params, tmp_path), desk, 2, lambda p: 0.0)
    lines = (tmp_path / "study.log").read_bytes().splitlines(keepends=True)
    (tmp_path / "study.log").write_bytes(b"".join([lines[0], b"{broken\n", *lines[2:]]))

    with pytest.raises(DamagedStateError, match="Delete it"):
        search(params, tmp_path)


def test_a_killed_owner_leaves_no_lock(tmp_path: Path, desk: Path) -> None:
    child = os.fork()
    if child == 0:
        FileLock(tmp_path / "study.log.flock").acquire()
        os._exit(0)
    os.waitpid(child, 0)
    (tmp_path / "study.log.lock").symlink_to("study.log")  # what Optuna's own lock would leave
    started = time.monotonic()

    assert search(switches("a", "b"), tmp_path).ask(brief(desk)) is not None
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "sampler", ["tpe", "Random", "qmc", "NSGAII", "nsga-iii", "BruteForceSampler", "grid", "cma-es"]
)
def test_samplers_go_by_short_and_full_names(tmp_path: Path, desk: Path, sampler: str) -> None:
    if sampler == "cma-es":
        pytest.importorskip("cmaes")
    params = switches("a", "b") | keyed("mode", choices=["a", "b", "c"])
    asked = drive(search(params, tmp_path, sampler), desk, 30, lambda p: 0.0)

    assert len(asked) == 11


def test_sampler_options_reach_the_sampler(tmp_path: Path, desk: Path) -> None:
    params = keyed("rate", low=0.01, high=1.0) | keyed("threads", low=1.0, high=9.0)

    def score(parameters: Any) -> float:
        return -abs((parameters or {"rate": 0.1})["rate"] - 0.7)

    far = drive(search(params, tmp_path, n_startup_trials=1000), desk, 12, score)
    (desk / "c.yaml").write_text(CONFIG)
    (tmp_path / "study.log").unlink()
    near = drive(search(params, tmp_path, n_startup_trials=1), desk, 12, score)

    assert [dict(e.parameters) for e in far] != [dict(e.parameters) for e in near]


def test_one_seed_gives_one_sequence(tmp_path: Path, desk: Path) -> None:
    def sequence(seed: int) -> list[Any]:
        state = tmp_path / f"{seed}-{len(list(tmp_path.iterdir()))}"
        state.mkdir()
        (desk / "c.yaml").write_text(CONFIG)
        history = drive(search(keyed("rate", low=0.01, high=1.0), state, seed=seed), desk, 4, lambda p: 0.0)
        return [dict(e.parameters) for e in history]

    assert sequence(1) == sequence(1)
    assert sequence(1) != sequence(2)


@pytest.mark.parametrize(
    ("sampler", "options", "message"),
    [
        ("tpee", {}, "propose.optuna.sampler: no sampler 'tpee'; there are: bruteforce, cmaes"),
        ("partialfixed", {}, "no sampler"),
        ("tpe", {"n_startup_trial": 3}, "no option 'n_startup_trial'; did you mean n_startup_trials?"),
        ("grid", {"search_space": {}}, "no option 'search_space'; GridSampler has: none"),
        ("nsgaii", {"population_size": 0}, "propose.optuna.options: NSGAIISampler says:"),
        ("qmc", {"qmc_type": "x"}, "propose.optuna.options"),
    ],
)
def test_bad_sampler_settings_are_named(
    tmp_path: Path, sampler: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        search(switches("a"), tmp_path, sampler, **options)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("sampler", "package"), [("gp", "torch"), ("cmaes", "cmaes")])
def test_a_sampler_without_its_package_says_which(tmp_path: Path, sampler: str, package: str) -> None:
    pytest.importorskip("optuna")
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(UsageError, match=f"needs {package}; pip install '"):
            search(switches("a"), tmp_path, sampler)
    else:
        search(switches("a"), tmp_path, sampler)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "params: there are none"),
        (
            keyed("threads", low=1.0, high=2.0, when={"x": 1}),
            "params.threads.when: there is no parameter 'x'",
        ),
        (
            keyed("threads", choices=[1, 2], when={"rate": 0.1})
            | keyed("rate", choices=[1], when={"threads": 1}),
            "circle: threads → rate → threads",
        ),
        (keyed("threads", choices=[]), "params.threads.choices"),
    ],
)
def test_bad_parameters_are_refused_at_once(tmp_path: Path, params: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        search(params, tmp_path)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("params", "sampler", "message"),
    [
        (keyed("threads"), "tpe", "params.threads: give `choices`, or `low` and `high`; it is 1 now."),
        (keyed("threads", choices=[True, False]), "tpe", "params.threads.choices: it is 1 now"),
        (
            keyed("threads", choices=[1, 2], when={"mode": ["a", "z"]}) | keyed("mode", choices=["a", "b"]),
            "tpe",
            "params.threads.when: mode can never be 'z'",
        ),
        (keyed("missing", choices=[1]), "tpe", "params.missing.key"),
        ({"x": ParameterConfig(file="none.py", python="X", choices=[1])}, "tpe", "none.py is not there"),
        (keyed("rate", low=0.1, high=1.0), "grid", "params.rate: a grid needs `choices` or a `step`"),
    ],
)
def test_what_only_the_files_show_is_refused_at_the_first_ask(
    tmp_path: Path, desk: Path, params: Any, sampler: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        search(params, tmp_path, sampler).ask(brief(desk))

    assert message in str(caught.value)


def test_optuna_says_nothing_on_the_terminal(tmp_path: Path, desk: Path) -> None:
    code = f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_optuna_search import cache, drive, keyed, search, switches
        params = switches("a") | keyed("rate", low=0.01, high=1.0) | cache(low=-9e3, high=-1e3, step=1700.0)
        drive(search(params, Path({str(tmp_path)!r}), "nsgaii"), Path({str(desk)!r}), 15, lambda p: 0.0)
    """
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_long_descriptions_end_in_a_count(tmp_path: Path, desk: Path) -> None:
    names = [f"a_rather_long_switch_{index}" for index in range(8)]
    asked = drive(search(switches(*names), tmp_path, "random"), desk, 20, lambda p: 0.0)

    assert all(len(e.description) <= 80 for e in asked)
    assert any(e.description.endswith(" more") for e in asked)
    assert any(e.area == "flags" for e in asked)


def test_a_parameter_outside_the_scope_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text("[a]\nsize = 3\n")
    params = {"size": ParameterConfig(file="settings.ini", key="a.size", low=1, high=9)}
    search = OptunaSearch(params, OptunaConfig(), tmp_path / "study.log", 0, None)

    search.check(tmp_path, Scope(["settings.ini"]))
    with pytest.raises(UsageError, match=r"params\.size\.file: settings\.ini is not in scope"):
        search.check(tmp_path, Scope(["src"]))


def test_a_value_that_is_not_there_is_found_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text("[a]\nsize = 3\n")
    params = {"size": ParameterConfig(file="settings.ini", key="a.sise", low=1, high=9)}
    search = OptunaSearch(params, OptunaConfig(), tmp_path / "study.log", 0, None)

    with pytest.raises(UsageError, match=r"params\.size\.key"):
        search.check(tmp_path, Scope(["settings.ini"]))
