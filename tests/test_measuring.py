"""How the evidence is taken: by seeds, with limits, for constraints and targets, on other machines."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_runs import EXACT, Run, comment, git, make, value

from autoopt import assemble, loop
from autoopt import journal as journals
from autoopt.errors import UsageError
from autoopt.guards.clocks import ClockGuard
from autoopt.guards.constraint import Constraint
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import start
from autoopt.places import RunFiles
from autoopt.processes import machine
from autoopt.records import Change, Finding, Outcome, Proposal, Sample, Status, Trial
from autoopt.schema import (
    Config,
    ConstraintConfig,
    Direction,
    ExtractConfig,
    Extraction,
    MetricConfig,
    Patience,
    Variation,
)
from autoopt.testing.doubles import RecordingReporter

# A quality that depends on the seed alone: 10.000 to 10.970 for 10; `other.txt` does not matter.
SEEDED = "echo METRIC t=$(cat src/value.txt).$(printf %03d $((AUTOOPT_SEED % 1000 * 7919 % 98 * 10)))"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


def counted(repo: Path, command: str) -> tuple[str, Callable[[], list[str]]]:
    """The command, and the seeds of its executions so far."""
    ran = repo.parent / "ran"
    return f"echo $(cat src/value.txt):$AUTOOPT_SEED >> {ran}; {command}", lambda: ran.read_text().split()


# -- how the number varies


def test_a_number_that_never_changes_is_exact(repo: Path) -> None:
    run = Run(repo)

    run.go([value("9")])

    assert run.journal.history[0].variation == "none"
    assert run.statuses() == ["baseline", "keep"]


def test_a_number_that_follows_the_seed_is_found_to_do_so(repo: Path) -> None:
    command, ran = counted(repo, SEEDED)
    run = Run(repo, command)

    run.go()

    assert run.journal.history[0].variation == "seed"
    assert len(ran()) == 6
    assert ran()[0] == ran()[5]
    assert len(run.journal.history[0].measurement.samples) == 5  # type: ignore[union-attr]
    assert "16 seeds" in run.journal.history[0].description


def test_a_number_that_follows_nothing_is_noise(repo: Path) -> None:
    run = Run(repo, "echo METRIC t=$(cat src/value.txt).$(date +%N)")

    run.go()

    assert run.journal.history[0].variation == "noise"
    assert len(run.journal.history[0].measurement.samples) == 6  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "metric", "suspicious"),
    [
        (0.83, MetricConfig(command="", direction=Direction.higher), True),
        (0.25, MetricConfig(command=""), True),
        (25.3, MetricConfig(command="", unit="val_loss"), True),
        (3.0, MetricConfig(command="", direction=Direction.higher), False),
        (85.9, MetricConfig(command="", direction=Direction.higher, unit="%"), False),
        (1234.56, MetricConfig(command="", unit="cost"), False),
        (1234.56, MetricConfig(command="", unit="cost", variation=Variation.seed), True),
    ],
)
def test_only_what_looks_like_a_models_quality_is_suspected_of_fitting_one_split(
    value: float, metric: MetricConfig, suspicious: bool
) -> None:
    samples = [Sample(value=value, wall_s=1, cpu_s=1, peak_bytes=1, seed=seed) for seed in range(5)]

    said = start.suspicion(Config(metric=metric), samples, Variation.none)

    assert ("one split" in said) is suspicious


def test_clocks_are_noise_without_another_run(repo: Path) -> None:
    command, ran = counted(repo, "true")
    run = Run(repo, command, kind=Extraction.wall)

    run.go()

    assert run.journal.history[0].variation == "noise"
    assert len(ran()) == 5


def test_a_number_said_not_to_vary_must_not(repo: Path) -> None:
    run = Run(repo, SEEDED, variation=Variation.none)

    with pytest.raises(UsageError, match=r"metric\.variation is none, but one commit gave 10"):
        run.go()


def test_a_quality_that_no_seed_changes_may_be_fitted_to_its_split(repo: Path) -> None:
    run = Run(repo, "echo METRIC t=0.$(cat src/value.txt)37")

    run.go()

    assert "AUTOOPT_SEED" in run.journal.history[0].description
    assert any("the same with 5 seeds" in note for note in run.notes())


@pytest.mark.parametrize(("command", "wished"), [("echo METRIC t=17", "auto"), ("echo METRIC t=0.5", "none")])
def test_counts_and_what_is_said_to_be_exact_are_not_suspected(repo: Path, command: str, wished: str) -> None:
    run = Run(repo, command, variation=Variation(wished))

    run.go()

    assert run.notes() == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"variation": Variation.seed, "extract": ExtractConfig(kind=Extraction.wall)}, "metric.variation"),
        ({"seeds": 1}, "metric.seeds"),
        ({"duet": True, "variation": Variation.seed}, "metric.duet"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, object], named: str) -> None:
    plain = {"command": "true", "extract": ExtractConfig(kind=Extraction.named, pattern="t")}

    with pytest.raises(UsageError, match=named):
        start.check(Config(metric=MetricConfig(**{**plain, **options})))  # type: ignore[arg-type]


# -- by seeds


def test_the_incumbent_runs_once_with_each_shared_seed(repo: Path) -> None:
    command, ran = counted(repo, SEEDED)
    run = Run(repo, command)

    run.go([value("11"), value("12"), comment(1), comment(2)])

    assert run.statuses() == ["baseline", *["discard"] * 4]
    incumbents = [one for one in ran()[6:] if one.startswith("10:")]
    known = {f"10:{sample.seed}" for sample in run.journal.history[0].measurement.samples}  # type: ignore[union-attr]
    challengers = sum(len(e.measurement.samples) for e in run.journal.history[3:])  # type: ignore[union-attr]
    assert len(incumbents) - challengers <= 16 - len(known)
    for past in run.journal.history[1:]:
        seeds = [pair.challenger.seed for pair in journals.pairs(past)]
        assert len(set(seeds)) == len(seeds)
        assert max(seeds) < 16


def test_a_gain_is_kept_once_the_incumbent_repeats(repo: Path) -> None:
    command, ran = counted(repo, SEEDED)
    run = Run(repo, command)

    run.go([value("9")])

    kept = run.journal.history[1]
    assert kept.status is Status.keep
    assert kept.verdict is not None
    assert kept.verdict.pairs == len(journals.pairs(kept)) >= 2
    assert run.journal.restarts == []
    final = {one.partition(":")[2] for one in ran()[-4:]}
    assert final.isdisjoint(str(seed) for seed in range(16))


def test_a_kept_change_brings_its_samples_along(repo: Path) -> None:
    command, ran = counted(repo, SEEDED)
    run = Run(repo, command)

    run.go([value("9"), value("12")])

    known = {sample.seed for sample in run.journal.history[1].measurement.samples}  # type: ignore[union-attr]
    shared = [int(one.partition(":")[2]) for one in ran() if one.startswith("9:")]
    in_experiments = [seed for seed in shared if seed < 16]
    assert len(in_experiments) == len(set(in_experiments)) >= len(known)


def test_a_seed_that_no_longer_decides_makes_the_number_noise(repo: Path) -> None:
    moved = repo.parent / "moved"
    run = Run(repo, f"test -e {moved} && echo METRIC t=$(cat src/value.txt).$(date +%N) || {SEEDED}")

    def move(number: int, stage: str, detail: str) -> None:
        if (number, stage) == (1, "edit"):
            moved.write_text("")

    run.go([value("8"), value("11")], at_stage=move)

    assert run.statuses() == ["baseline", "keep", "discard"]
    (restart,) = run.journal.restarts
    assert (restart.after, restart.variation) == (0, "noise")
    assert "varies from run to run" in restart.reason
    assert any("varies from run to run" in note for note in run.notes())
    assert max(pair.challenger.seed for pair in journals.pairs(run.journal.history[1])) >= 1000
    assert mind(run) == mind_of_a_resume(run)


# -- the same mind after a resume


def mind(run: Run) -> list[object]:
    """What the judge would say of the next change."""
    judge = run.latest.judge
    return [judge.exact, judge.noise, judge.smallest_gain(), judge.comparison().add(10.0, 9.7)]


def mind_of_a_resume(run: Run) -> list[object]:
    run.reopen()
    run.latest = run.parts()
    loop.restore(run.latest, run.journal)
    return mind(run)


@pytest.mark.parametrize("command", [SEEDED, "echo METRIC t=$(cat src/value.txt).$(date +%N)"])
def test_a_resume_is_of_the_same_mind(repo: Path, command: str) -> None:
    run = Run(repo, command)
    run.go([value("9"), value("11"), value("8")])
    before = mind(run)

    assert mind_of_a_resume(run) == before


def test_an_experiment_cut_short_between_seeds_is_made_anew(repo: Path) -> None:
    run = Run(repo, SEEDED)

    def interrupt(number: int, stage: str, detail: str) -> None:
        if number == 2 and detail.startswith("seed 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.go([value("9"), value("8")], at_stage=interrupt)
    run.reopen()
    run.go([value("8")])

    assert run.statuses() == ["baseline", "keep", "keep"]
    assert [e.number for e in run.journal.history] == [0, 1, 3]


# -- another machine, another metric


def test_a_run_that_goes_on_elsewhere_measures_the_incumbent_anew(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(repo, SEEDED)
    run.go([value("9")])
    assert run.journal.conditions == machine.conditions(run.config.metric)
    assert run.journal.confirmation is not None

    run.config.metric.command = "echo METRIC t=2$(cat src/value.txt)"
    run.reopen()
    run.go([value("8")])

    (restart,) = run.journal.restarts
    assert restart.reason == "the metric is taken in another way"
    assert (restart.after, restart.variation, restart.measurement.value) == (1, "none", 29.0)
    assert run.statuses() == ["baseline", "keep", "keep"]
    assert run.journal.history[2].verdict is not None
    assert "29" in run.journal.history[2].verdict.sentence
    assert mind(run) == mind_of_a_resume(run)


def test_a_run_that_goes_on_where_it_was_measures_nothing_anew(repo: Path) -> None:
    run = Run(repo, SEEDED)
    run.go([value("9")])

    run.reopen()
    run.go([value("8")])

    assert run.journal.restarts == []


def test_a_difference_is_told_with_both_sides() -> None:
    before = machine.conditions(MetricConfig(command="a"))
    now = {**machine.conditions(MetricConfig(command="b")), "cores": "64"}

    said = machine.difference(before, now)

    assert said == (f"another number of cores ({before['cores']} → 64), the metric is taken in another way")


# -- hopeless runs


def timed(repo: Path, command: str = "sleep $(cat src/value.txt)") -> Run:
    (repo / "src" / "value.txt").write_text("0.02")
    git(repo, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "quick")
    return Run(repo, command, kind=Extraction.wall, unit="s")


def test_a_hopeless_run_is_ended_and_is_no_crash(repo: Path) -> None:
    run = timed(repo)

    run.go([value("60"), value("0.021")])

    slow = run.journal.history[1]
    assert (slow.status, slow.measurement, slow.failure) == (Status.discard, None, None)
    assert slow.verdict is not None
    assert slow.verdict.outcome is Outcome.worse
    assert "ended after" in slow.verdict.sentence
    assert slow.seconds["measure"] < 20
    assert run.proposer.failures == []
    assert Journal(run.journal.path).history == run.journal.history
    assert mind(run) == mind_of_a_resume(run)


def test_no_run_is_ended_early_where_that_is_not_wanted(repo: Path) -> None:
    run = timed(repo)
    run.config.verdict.early_stop = False

    run.go([value("2.5")])

    slow = run.journal.history[1]
    assert slow.measurement is not None
    assert slow.measurement.value > 2.5


def test_a_slow_machine_is_not_held_against_a_change(repo: Path) -> None:
    load = repo.parent / "load"
    run = timed(repo, f"test -e {load} && sleep 2.5; sleep $(cat src/value.txt)")

    def slow_down(number: int, stage: str, detail: str) -> None:
        if (number, stage) == (1, "edit"):
            load.write_text("")

    run.config.verdict.patience = Patience.quick
    run.config.verdict.max_pairs = 2
    run.go([comment(1)], at_stage=slow_down)

    decided = run.journal.history[1]
    assert decided.status is Status.discard
    assert decided.measurement is not None
    assert sum("does not count" in note for note in run.notes()) == 3
    assert any("no run is ended early any more" in note for note in run.notes())


# -- both at once


def test_a_duet_runs_both_commits_of_a_pair_at_the_same_moment(repo: Path) -> None:
    ran = repo.parent / "ran"
    command = (
        f"v=$(cat src/value.txt); echo + >> {ran}; sleep 0.2; echo - >> {ran}; echo METRIC t=$v.$(date +%N)"
    )
    run = Run(repo, command, duet=True)

    run.go([value("7")])

    assert run.statuses() == ["baseline", "keep"]
    assert "+ + - -" in " ".join(ran.read_text().split())


def test_a_duet_is_judged_by_the_noise_of_duets(repo: Path) -> None:
    run = Run(repo, NOISY, duet=True)

    run.go()
    baseline = run.journal.history[0]
    noise = run.latest.judge.noise
    assert baseline.measurement is not None
    alone = Judge(run.config.verdict, Direction.lower)
    alone.start([sample.value for sample in baseline.measurement.samples], Variation.noise)

    assert len(baseline.twins) == len(baseline.measurement.samples) - 1 == 5
    assert all(pair.incumbent.seed == pair.challenger.seed for pair in baseline.twins)
    assert noise != alone.noise
    assert Journal(run.journal.path).history == run.journal.history
    assert mind(run) == mind_of_a_resume(run)


def test_a_duet_that_goes_on_elsewhere_takes_its_noise_anew(repo: Path) -> None:
    run = Run(repo, NOISY, duet=True)
    run.go([value("7")])

    run.config.metric.command = NOISY.replace("=", "=2")
    run.reopen()
    run.go([value("6")])

    (restart,) = run.journal.restarts
    assert len(restart.twins) == 5
    assert mind(run) == mind_of_a_resume(run)


def test_without_a_duet_no_commit_is_paired_with_itself(repo: Path) -> None:
    run = Run(repo, NOISY)

    run.go()

    assert run.journal.history[0].twins == ()


def test_runs_that_are_in_each_others_way_in_a_duet_are_made_in_turn(repo: Path) -> None:
    port = repo.parent / "port"
    command = f"mkdir {port} && sleep 0.2 && rmdir {port} && echo METRIC t=$(cat src/value.txt).$(date +%N)"
    run = Run(repo, command, duet=True)

    def free(number: int, stage: str, detail: str) -> None:
        assert not port.exists()

    run.go([value("7")], at_stage=free)

    assert run.statuses() == ["baseline", "keep"]


def test_a_duet_of_what_does_not_vary_is_said_to_do_nothing(repo: Path) -> None:
    run = Run(repo, duet=True)

    run.go()

    assert any("metric.duet does nothing here" in note for note in run.notes())


def test_a_change_that_fails_in_a_duet_is_a_crash(repo: Path) -> None:
    run = Run(repo, "v=$(cat src/value.txt); test $v -gt 0 && echo METRIC t=$v.$(date +%N)", duet=True)

    run.go([value("nine"), value("7")])

    assert run.statuses() == ["baseline", "crash", "keep"]


# -- constraints


class SureAfter:
    """A constraint that wants some further pairs."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.seen: list[Trial] = []

    def is_sure(self, trial: Trial) -> bool:
        self.seen.append(trial)
        return len(trial.further) >= self.pairs

    def is_broken(self, trial: Trial) -> bool:
        return False

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        self.seen.append(trial)
        return Finding(guard="constraints.mb", passed=True, message="")


@pytest.mark.parametrize("command", [EXACT, SEEDED])
def test_a_constraint_that_is_not_sure_gets_further_pairs(repo: Path, command: str) -> None:
    run, bound = Run(repo, command), SureAfter(3)

    run.go([value("9"), value("11")], bounds=(bound,))

    kept, discarded = run.journal.history[1:]
    assert len(kept.further) == 3
    assert discarded.further == ()
    assert all(pair.incumbent.seed == pair.challenger.seed for pair in kept.further)
    assert len({pair.incumbent.seed for pair in kept.further}) == 3
    assert {pair.challenger.value // 1 for pair in kept.further} == {9}
    assert bound.seen[-1].further == kept.further
    assert [past.number for past in bound.seen[-1].history] == [0]
    assert Journal(run.journal.path).history == run.journal.history


def test_a_constraint_that_never_is_sure_gets_no_more_pairs_than_the_change_may_cost(repo: Path) -> None:
    run = Run(repo)
    run.config.verdict.max_pairs = 5

    run.go([value("9")], bounds=(SureAfter(100),))

    assert len(run.journal.history[1].further) == 5


def test_seeds_that_all_were_used_leave_room_for_further_pairs(repo: Path) -> None:
    run = Run(repo, SEEDED, seeds=3)

    run.go([value("9")], bounds=(SureAfter(100),))

    kept = run.journal.history[1]
    assert kept.measurement is not None
    assert len(kept.further) == 3


def test_a_constraint_that_is_surely_broken_ends_the_pairs_for_all_others(repo: Path) -> None:
    command = f"{EXACT}; echo METRIC mb=$((1000 / $(cat src/value.txt)))"
    run = Run(repo, command, constraints={"mb": ConstraintConfig(max=105.0)})

    run.go([value("9")], bounds=(SureAfter(100),))

    assert run.statuses() == ["baseline", "inspector-reject"]
    assert len(run.journal.history[1].further) <= 1


def test_a_constraint_that_is_sure_costs_no_pairs(repo: Path) -> None:
    run = Run(repo, f"{SEEDED}; echo METRIC mb=100", constraints={"mb": ConstraintConfig(max=300.0)})

    run.go([value("9")])

    assert run.statuses() == ["baseline", "keep"]
    assert run.journal.history[1].further == ()


# -- the target


NOISY = "echo METRIC t=$(cat src/value.txt).$(date +%N)"  # 10 is 10.0 to 11.0


def test_a_target_is_reached_with_confidence_only(repo: Path) -> None:
    run = Run(repo, NOISY, target=8.0, unit="ms")

    reason = run.go([value("9"), value("6"), value("5")])

    assert run.statuses() == ["baseline", "keep", "keep"]
    assert reason.startswith("the target 8 ms is reached: 6.")
    assert "(95 % 6." in reason or "(95 % 5." in reason
    level = run.journal.history[2].level
    assert level is not None
    assert level.probability >= 0.95
    assert 2 <= len(level.samples) <= 8
    assert Journal(run.journal.path).history == run.journal.history


def test_a_number_that_hovers_about_the_target_does_not_end_the_run(repo: Path) -> None:
    count = repo.parent / "count"  # 8 is 8.0 to 9.0, evenly spread
    command = f"n=$(cat {count} || echo 0); echo $((n + 1)) > {count}; "
    command += "echo METRIC t=$(cat src/value.txt).$(printf %03d $((n * 618 % 1000)))"
    run = Run(repo, command, target=8.5, variation=Variation.noise)

    run.go([value("8"), value("6")])

    assert run.statuses() == ["baseline", "keep", "keep"]
    hovering = run.journal.history[1].level
    assert hovering is None or hovering.probability < 0.95


def test_a_baseline_at_the_target_ends_the_run(repo: Path) -> None:
    run = Run(repo, target=10.0)

    assert run.go([value("9")]) == "the target 10 is reached"
    assert run.statuses() == ["baseline"]


def test_a_target_given_anew_is_looked_at_anew(repo: Path) -> None:
    run = Run(repo, NOISY, target=8.0)
    run.go([value("6")])

    run.config.metric.target = 5.0
    run.reopen()
    reason = run.go([value("3")])

    assert reason.startswith("the target 5 is reached")
    assert run.statuses() == ["baseline", "keep", "keep"]


def test_a_target_check_that_was_cut_short_is_made_by_the_resume(repo: Path) -> None:
    run = Run(repo, NOISY, target=8.0)

    def interrupt(number: int, stage: str, detail: str) -> None:
        if number == 1 and stage == "target":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.go([value("6")], at_stage=interrupt)
    assert run.journal.history[1].level is None
    run.reopen()

    assert run.go([value("5")]).startswith("the target 8 is reached")
    assert run.statuses() == ["baseline", "keep"]


# -- patience


def test_patience_follows_from_what_ideas_cost(repo: Path) -> None:
    run = Run(repo, SEEDED)

    run.go([value("11"), value("12")])

    second = run.journal.history[2].verdict
    assert second is not None
    assert second.patience == "quick"


# -- what the settings are made into


def test_settings_reach_the_parts(repo: Path) -> None:
    run = Run(repo, constraints={"peak_mb": ConstraintConfig(max=300.0)}, test_share=0.2)
    run.config.final.holdout.command = "echo METRIC t=3"
    environment, reporter = {"PATH": os.environ["PATH"]}, RecordingReporter()

    parts = assemble.parts(
        run.config,
        RunFiles(run.state),
        run.workspace,
        run.journal,
        reporter,
        lambda history: None,
        environment,
        proposes=False,
    )

    assert parts.bounds == parts.guards[:2]
    assert [type(bound) for bound in parts.bounds] == [Constraint, ClockGuard]
    assert parts.holdout is not None
    held_out = parts.holdout.sample(run.workspace.base, 0)
    assert isinstance(held_out, Sample)
    assert held_out.value == 3.0
    run.config.metric.test_share = 1.0
    with pytest.raises(UsageError, match=r"metric\.test_share"):
        assemble.check(run.config)
