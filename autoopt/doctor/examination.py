"""The examination: A/A pairs, the probe, the guards, and what they say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from autoopt import measure
from autoopt.doctor import noise
from autoopt.doctor.levels import Level, levels
from autoopt.doctor.machine import Machine, Watch, available
from autoopt.doctor.noise import Clock, Noise
from autoopt.doctor.twins import Series, Tell, Way, take
from autoopt.errors import UsageError
from autoopt.measure import Parts
from autoopt.processes import turns as queue
from autoopt.records import WAIT, Change, Measurement, Proposal, Trial
from autoopt.schema import Config, Patience, Variation

_BETWEEN = Patience.default  # what `auto` is judged as where a single figure is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Something that has to be so before a run can start.

    Attributes:
        complaint: Why a run would not start; None where it would.
    """

    name: str
    seconds: float
    complaint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found.

    Attributes:
        how: How the metric varies.
        suspicion: What to think of a score that never varies; empty where there is nothing to think.
        now: The noise as the settings would have it.
        noises: That of every clock and way that was looked at, `now` included.
        levels: What each patience confirms with the settings as they are.
        computing: Cores that a run keeps busy, if nobody is in its way: 1 is a program that never waits.
        ready_s: What making both checkouts ready takes, once for each experiment.
        failures: Why runs gave no number.
        runs: All runs of the pairs, failed ones included.
    """

    machine: Machine
    how: Variation
    suspicion: str
    now: Noise
    noises: tuple[Noise, ...]
    levels: tuple[Level, ...]
    series: tuple[Series, ...]
    computing: float
    ready_s: float
    checks: tuple[Checked, ...]
    failures: tuple[str, ...]
    runs: int

    @property
    def complaints(self) -> tuple[str, ...]:
        """Why a run would not start, as things are."""
        return tuple(one.complaint for one in self.checks if one.complaint is not None)

    def noise(self, clock: Clock, way: Way) -> Noise | None:
        """What was found of this clock and way, if it was looked at."""
        return next((one for one in self.noises if (one.clock, one.way) == (clock, way)), None)


def examine(config: Config, parts: Parts, twin: str, wanted: int | None, tell: Tell) -> Examination:
    """Measure the commit a run would start from against itself, and try what the run would try first.

    Args:
        twin: The name by which the other checkout has that commit.
        wanted: Pairs of each way; None for as many as a minute holds, within limits.
        tell: Told what is done now.

    Raises:
        UsageError: the metric command gives no number.
    """
    watch, names = Watch(), (parts.workspace.base, twin)

    def before(stage: str, detail: str) -> None:
        tell(stage, detail)
        queue.tell(lambda whom: tell(WAIT if whom else stage, whom or detail))
        watch.feel()

    turns = take(config, parts.meter, names, Way.turns, wanted, before, parts.turns)
    how = noise.variation(config, turns.pairs)
    series = [turns]
    if config.metric.duet or (how is Variation.noise and noise.is_time(config) and available() > 1):
        series.append(take(config, parts.meter, names, Way.duet, wanted, before, parts.turns))
    machine = watch.read()
    measured = Measurement(commit=names[0], samples=tuple(one for one, _ in turns.pairs))
    checks = (
        *_steadiness(config, how),
        *_probe(config, parts, measured, tell),
        *_guards(parts, measured, tell),
    )
    return _found(config, machine, how, tuple(series), checks)


def levels_of(config: Config, found: Examination, one: Noise) -> tuple[Level, ...]:
    """What each patience confirms with this clock and way."""
    return _levels(config, found.series, found.how, one)


def _levels(config: Config, series: tuple[Series, ...], how: Variation, one: Noise) -> tuple[Level, ...]:
    how = how if one.clock is Clock.metric else Variation.noise
    used = next(taken for taken in series if taken.way is one.way)
    judge = noise.judge_of(config, used, one.clock, how)
    return levels(config, judge, one.share, how, one.pair_s, series[0].ready_s)


def _found(
    config: Config, machine: Machine, how: Variation, series: tuple[Series, ...], checks: tuple[Checked, ...]
) -> Examination:
    patience = _BETWEEN if config.verdict.patience is Patience.auto else config.verdict.patience
    looked = [(one, clock) for one in series for clock in noise.clocks(config)]
    noises = tuple(noise.of_series(config, one, clock, how, patience) for one, clock in looked)
    turns, way = series[0], Way.duet if config.metric.duet else Way.turns
    now = next(one for one in noises if one.clock is Clock.metric and one.way is way)
    return Examination(
        machine=machine,
        how=how,
        suspicion=measure.suspicion(config, [one for one, _ in turns.pairs], how),
        now=now,
        noises=noises,
        levels=_levels(config, series, how, now),
        series=series,
        computing=noise.computing(turns, machine.granted),
        ready_s=turns.ready_s,
        checks=checks,
        failures=tuple(failure.reason for one in series for failure in one.failures),
        runs=2 * sum(len(one.pairs) + len(one.failures) for one in series),
    )


def _steadiness(config: Config, how: Variation) -> tuple[Checked, ...]:
    """Whether a number that is said not to vary does not."""
    if config.metric.variation is not Variation.none or how is Variation.none:
        return ()
    said = f"metric.variation is none, but the number varies ({how.value}); leave it at auto."
    return (Checked(name="variation", seconds=0.0, complaint=said),)


def _probe(config: Config, parts: Parts, measured: Measurement, tell: Tell) -> tuple[Checked, ...]:
    """Whether the metric notices garbage in the scope."""
    if not config.metric.probe:
        return ()
    tell("probe", "does the metric notice the scope?")
    return (_check("scope", lambda: measure.probe(config, parts, measured)),)


def _guards(parts: Parts, measured: Measurement, tell: Tell) -> tuple[Checked, ...]:
    """Whether each guard passes before anything is changed."""
    base = measured.commit
    unchanged = Change(commit=base, parent=base, tree="", paths=(), added=0, removed=0)
    plain = Proposal(description="nothing is changed", hypothesis="", area="", source="")
    trial = Trial(number=0, challengers=measured)
    found = []
    for position, guard in enumerate(parts.guards, start=1):
        tell("guards", f"{position} of {len(parts.guards)}")
        began = monotonic()
        finding = guard.inspect(unchanged, plain, trial)
        complaint = None if finding.passed else f"{finding.guard}: {finding.message.strip()}"
        found.append(Checked(name=finding.guard, seconds=monotonic() - began, complaint=complaint))
    return tuple(found)


def _check(name: str, look: Callable[[], None]) -> Checked:
    began = monotonic()
    try:
        look()
    except UsageError as error:
        return Checked(name=name, seconds=monotonic() - began, complaint=str(error))
    return Checked(name=name, seconds=monotonic() - began, complaint=None)
