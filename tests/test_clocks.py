"""Two clocks: honest savings of every size pass, lies about them do not, and neither hangs on the noise."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from autoopt.guards.clocks import ClockGuard
from autoopt.guards.starting import doing_nothing
from autoopt.records import Change, Finding, Measurement, Outcome, Pair, Proposal, Sample, Trial, Verdict
from autoopt.schema import Direction, ExtractConfig, Extraction, MetricConfig

Draw = Callable[[], tuple[Sample, Sample]]
PLAIN = Proposal(description="faster", hypothesis="", area="", source="")
CHANGE = Change(commit="new", parent="old", tree="", paths=("a.py",), added=1, removed=1)
BETTER = Verdict(
    outcome=Outcome.better,
    effect=0.1,
    low=0.05,
    high=0.2,
    probability=0.99,
    pairs=2,
    is_ratio=True,
    sentence="",
)


def guard(
    unit: str = "ms",
    kind: Extraction = Extraction.named,
    direction: Direction = Direction.lower,
    starting: Callable[[str], float | None] = lambda commit: None,
) -> ClockGuard:
    metric = MetricConfig(command="run", extract=ExtractConfig(kind=kind), unit=unit, direction=direction)
    return ClockGuard(metric, starting)


def sample(value_ms: float, rest_ms: float, *, busy: float = 1.0) -> Sample:
    """A run of whose wall time `value_ms` were printed; its processor was `busy` for this share of it."""
    wall_s = (value_ms + rest_ms) / 1000
    return Sample(value=value_ms, wall_s=wall_s, cpu_s=busy * wall_s, peak_bytes=1, seed=0)


def trial(pairs: list[tuple[Sample, Sample]], further: int = 0) -> Trial:
    first, rest = pairs[: len(pairs) - further], pairs[len(pairs) - further :]
    return Trial(
        number=1,
        challengers=Measurement(commit="new", samples=[new for _, new in first]),
        incumbents=tuple(old for old, _ in first),
        verdict=BETTER,
        incumbent=Measurement(commit="old", samples=[old for old, _ in first]),
        further=tuple(Pair(incumbent=old, challenger=new) for old, new in rest),
    )


def asked(judge: ClockGuard, draw: Draw, pairs: int = 2) -> Finding:
    """What it says in the end, with as many further pairs as it wants."""
    taken, further = [draw() for _ in range(pairs)], 0
    while not judge.is_sure(trial(taken, further)) and further < 14:
        taken.append(draw())
        further += 1
    return judge.inspect(CHANGE, PLAIN, trial(taken, further))


def drawn(dice: random.Random, before: float, after: float, hidden: float, rest: float, noise: float) -> Draw:
    """Pairs of a run whose timed part goes from `before` to `after` ms while its rest grows by `hidden`."""

    def draw() -> tuple[Sample, Sample]:
        slow, fast = (abs(dice.gauss(1, 0.03)) for _ in range(2))
        rests = [rest + abs(dice.gauss(0, noise)) for _ in range(2)]
        return sample(before * slow, rests[0]), sample(after * fast, rests[1] + hidden)

    return draw


@pytest.mark.parametrize(
    ("before", "after", "rest", "noise"),
    [
        (1000, 20, 50, 5),  # 50 times of nearly everything
        (1000, 20, 800, 80),  # 50 times of a part
        (60, 1.2, 1000, 100),  # 50 times of a small part, on a busy machine
        (100, 97, 40, 2),
        (100, 97, 400, 100),
    ],
)
def test_an_honest_saving_passes_whatever_share_of_the_run_it_is(
    before: float, after: float, rest: float, noise: float
) -> None:
    dice = random.Random(7)
    said = [asked(guard(), drawn(dice, before, after, 0, rest, noise)).passed for _ in range(300)]

    assert said.count(False) <= 12  # 4 %; where the clocks can tell, none


@pytest.mark.parametrize(
    ("before", "after", "rest", "noise"), [(100, 50, 40, 3), (100, 90, 40, 3), (1000, 1, 100, 60)]
)
def test_a_lie_about_the_clock_does_not(before: float, after: float, rest: float, noise: float) -> None:
    dice = random.Random(7)
    said = [asked(guard(), drawn(dice, before, after, before - after, rest, noise)) for _ in range(300)]

    assert sum(finding.passed for finding in said) <= 6
    assert "clock was changed" in said[0].message and "wall time from" in said[0].message
    assert not said[0].suspect  # nearly the whole run is printed: there is nothing to argue about


def test_a_lie_about_a_small_part_of_the_run_is_a_suspicion() -> None:
    dice = random.Random(7)

    found = asked(guard(), drawn(dice, 100, 20, 80, 400, 4))

    assert not found.passed and found.suspect


def test_work_on_several_cores_shows_in_one_of_the_clocks() -> None:
    def fewer_seconds_of_threads() -> tuple[Sample, Sample]:
        old = Sample(value=4000, wall_s=2.1, cpu_s=4.1, peak_bytes=1, seed=0)
        new = Sample(value=2000 + random.random(), wall_s=1.9, cpu_s=2.1, peak_bytes=1, seed=0)
        return old, new

    def the_same_on_two_cores() -> tuple[Sample, Sample]:
        old = Sample(value=1000, wall_s=1.1, cpu_s=1.1, peak_bytes=1, seed=0)
        new = Sample(value=520 + random.random(), wall_s=0.6, cpu_s=1.2, peak_bytes=1, seed=0)
        return old, new

    assert asked(guard(), fewer_seconds_of_threads).passed
    assert asked(guard(), the_same_on_two_cores).passed


@pytest.mark.parametrize(
    "judge",
    [
        guard(unit="MB"),
        guard(unit=""),
        guard(kind=Extraction.pyperf),
        guard(kind=Extraction.hyperfine),
        guard(kind=Extraction.cpu, unit="s"),
        guard(direction=Direction.higher),
    ],
)
def test_what_is_no_time_or_is_repeated_to_fill_one_is_not_held_against_clocks(judge: ClockGuard) -> None:
    found = trial([(sample(100, 40), sample(50, 90))] * 4)

    assert judge.is_sure(found) and judge.inspect(CHANGE, PLAIN, found).passed


@pytest.mark.parametrize(
    ("unit", "direction", "before", "after"),
    [("ms", Direction.lower, 1000, 0.9), ("ms", Direction.lower, 5, 0), ("ops/s", Direction.higher, 2, 2100)],
)
def test_a_gain_too_good_to_be_true_is_measured_again_and_suspect(
    unit: str, direction: Direction, before: float, after: float
) -> None:
    judge = guard(unit, direction=direction)
    pairs = [(sample(before, 0.1), sample(after, 0.1))] * 2

    assert not judge.is_sure(trial(pairs))
    found = asked(judge, lambda: pairs[0])
    assert not found.passed and found.suspect and "over 4 runs" in found.message


def test_a_count_may_reach_zero_and_a_gain_of_fifty_times_is_none_too_good() -> None:
    counts = trial([(sample(40, 10), sample(0, 10))] * 2)
    fifty = trial([(sample(1000, 10), sample(20, 10))] * 2)

    assert guard(unit="findings").inspect(CHANGE, PLAIN, counts).passed
    assert guard().inspect(CHANGE, PLAIN, fifty).passed


def test_a_command_that_ends_before_its_program_can_have_begun_is_suspect() -> None:
    done_at_once = trial([(sample(0, 500), sample(0, 3))] * 2)
    pairs = [
        (
            Sample(value=0.5, wall_s=0.5, cpu_s=0.5, peak_bytes=1, seed=0),
            Sample(value=wall_s, wall_s=wall_s, cpu_s=wall_s, peak_bytes=1, seed=0),
        )
        for wall_s in (0.003, 0.004)
    ]
    wall = guard(kind=Extraction.wall, unit="s", starting=lambda commit: 0.02)

    assert guard(starting=lambda commit: 0.02).inspect(CHANGE, PLAIN, done_at_once).passed  # prints no gain
    found = wall.inspect(CHANGE, PLAIN, trial(pairs))
    assert found.suspect and found.message.startswith("the command took 3.5 ms, but starting its program")
    assert guard(kind=Extraction.wall, unit="s").inspect(CHANGE, PLAIN, trial(pairs)).passed


def test_at_the_base_there_is_nothing_to_say() -> None:
    plain = Trial(number=0, challengers=Measurement(commit="old", samples=[sample(100, 10)]))

    assert guard().is_sure(plain) and guard().inspect(CHANGE, PLAIN, plain).passed


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ("python3.12 bench.py --fast", 'python3.12 -c ""'),
        ("OMP_NUM_THREADS=1 '/opt/my venv/bin/python' -m pytest", "'/opt/my venv/bin/python' -c \"\""),
        ("bash run.sh", "bash -c :"),
        ("make bench", ":"),
        ("./target/release/app | tail", ":"),
        ("echo 'unfinished", ":"),
    ],
)
def test_a_program_is_started_to_do_nothing(command: str, started: str) -> None:
    assert doing_nothing(command) == started


def test_an_honest_saving_passes_where_runs_wait_for_a_processor_half_of_the_time() -> None:
    dice = random.Random(7)

    def crowded() -> tuple[Sample, Sample]:
        return tuple(
            sample(value * dice.uniform(1.5, 3), 100 * dice.uniform(1.5, 3), busy=dice.uniform(0.35, 0.6))
            for value in (1000, 20)
        )  # type: ignore[return-value]

    assert all(asked(guard(), crowded).passed for _ in range(300))
