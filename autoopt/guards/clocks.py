"""Two clocks: a time that a command prints is held against the time it takes as seen from outside.

A command that measures itself can be made to measure wrongly: its clock patched, its work moved to where it
is not timed. Then the part of its run that it does not account for grows by what the number claims to have
saved. That part is compared, not the whole: what the machine adds to the timed part it adds to both clocks,
so that a small saving shows in spite of it. Where the rest of a run varies by more than was saved, no clock
can tell; the change has the benefit of the doubt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from autoopt.records import Change, Finding, Pair, Proposal, Sample, Trial
from autoopt.schema import Direction, Extraction, MetricConfig
from autoopt.stats import t_cdf

GUARD = "clocks"

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanoseconds"), 1e-9),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_OUTSIDE = frozenset({Extraction.wall, Extraction.cpu, Extraction.peak_memory})
_CALIBRATED = frozenset(
    {Extraction.hyperfine, Extraction.pyperf, Extraction.pytest_benchmark, Extraction.asv}
)
"""Programs that repeat what is fast more often, so that they take as long as before whatever was gained."""

TOO_GOOD = 1000.0
"""A gain by this factor is seldom what it looks like."""
_LEAST_SHARE = 0.01
"""Below this share of the whole run a printed time is of many repetitions, whose number nobody knows."""
_MOST = 0.5
"""More than this share of a claimed saving must show in one of the clocks."""
_SURE = 0.95
_REFUTED = 0.99
"""Probability from which a saving counts as not there: to lose an honest gain is dear."""
_MIN_PAIRS = 2
_ENOUGH = 4  # pairs; of fewer nobody knows how much they vary
_PATIENCE = 8
"""Further pairs after which the change has the benefit of the doubt."""
_REPEATED = 2
"""Further pairs that a gain too good to be true has to be seen in."""
_BEGUN = 0.5
"""Share of what starting a program takes, on a machine that may have been busier then."""


class ClockGuard:
    """Passes a change whose claimed saving shows in the wall or CPU time of the same runs, from outside.

    Also a bound: where the pairs leave that open, or the gain is too good to be true, more of them are taken.
    """

    def __init__(self, metric: MetricConfig, starting: Callable[[str], float | None]) -> None:
        """Hold the metric's number against the clocks outside.

        Args:
            starting: Wall seconds that it takes in a commit's checkout to start the program that the metric
                command begins with, and no more; None where nobody knows.
        """
        self._direction = metric.direction
        self._seconds = printed_seconds(metric)
        self._timed = self._seconds > 0 or metric.extract.kind is Extraction.wall
        self._starting = starting

    def is_sure(self, trial: Trial) -> bool:
        """Whether more pairs would not change what is said of the change."""
        if trial.verdict is None:
            return True
        if self._factor(trial) >= TOO_GOOD and len(trial.further) < _REPEATED:
            return False
        if not self._seconds or len(trial.further) >= _PATIENCE:
            return True
        return len([*_pairs(trial)]) >= _MIN_PAIRS and _sure(self._claims(trial))

    def is_broken(self, trial: Trial) -> bool:
        """Whether the saving surely shows in neither clock."""
        return _shows_nowhere(self._claims(trial))

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Whether the claimed saving can be seen from outside, and could be true at all."""
        if trial.verdict is None:
            return _finding("")
        claims = self._claims(trial)
        if _shows_nowhere(claims):
            return _finding(_contradiction(claims), suspect=claims[0].share < _MOST)
        if (factor := self._factor(trial)) >= TOO_GOOD:
            runs = len(_challengers(trial))
            said = f"a gain by a factor of {factor:.3g} over {runs} runs is seldom what it looks like"
            return _finding(said, suspect=True)
        return self._too_short(change, trial) if self._timed and factor >= 2 else _finding("")

    def _too_short(self, change: Change, trial: Trial) -> Finding:
        """An objection where the command ended before its program can have begun."""
        wall_s = median(one.wall_s for one in _challengers(trial))
        started_s = self._starting(change.commit)
        if started_s is None or wall_s >= _BEGUN * started_s:
            return _finding("")
        return _finding(
            f"the command took {_shown(wall_s)}, but starting its program and nothing else takes "
            f"{_shown(started_s)}",
            suspect=True,
        )

    def _factor(self, trial: Trial) -> float:
        """By which factor the number got better; 1 where that says nothing, as of counts that reach 0."""
        olds = trial.incumbents or (trial.incumbent.samples if trial.incumbent else ())
        if not olds:
            return 1.0
        before, after = (median(one.value for one in side) for side in (olds, _challengers(trial)))
        better, worse = (after, before) if self._direction is Direction.lower else (before, after)
        if better > 0:
            return worse / better
        return math.inf if self._timed and worse > 0 else 1.0

    def _claims(self, trial: Trial) -> list[_Claim]:
        """What wall and CPU clock say of the saving; nothing where they can say nothing."""
        pairs = [*_pairs(trial)] if self._seconds else []
        if len(pairs) < _MIN_PAIRS:
            return []
        before = [pair.incumbent.value * self._seconds for pair in pairs]
        after = [pair.challenger.value * self._seconds for pair in pairs]
        saved, wall_s = fmean(before) - fmean(after), fmean(pair.incumbent.wall_s for pair in pairs)
        share = fmean(before) / wall_s if wall_s > 0 else 0.0
        busy_s = max(wall_s, fmean(pair.incumbent.cpu_s for pair in pairs))
        if saved <= 0 or share < _LEAST_SHARE or fmean(before) > 1.2 * busy_s:
            return []
        claims = [self._claim(pairs, share, *clock) for clock in (("wall", _wall_s), ("CPU", _cpu_s))]
        return [one for one in claims if one.saved_s > 0]

    def _claim(
        self, pairs: Sequence[Pair], share: float, clock: str, taken_s: Callable[[Sample], float]
    ) -> _Claim:
        """What one clock says, in its own seconds: of those printed a part is waiting for a processor."""

        def printed_s(sample: Sample) -> float:
            waited = taken_s is _cpu_s and 0 < sample.cpu_s < sample.wall_s
            return sample.value * self._seconds * (sample.cpu_s / sample.wall_s if waited else 1.0)

        before = [(taken_s(pair.incumbent), printed_s(pair.incumbent)) for pair in pairs]
        after = [(taken_s(pair.challenger), printed_s(pair.challenger)) for pair in pairs]
        return _Claim(
            clock=clock,
            saved_s=fmean(printed for _, printed in before) - fmean(printed for _, printed in after),
            share=share,
            before_s=fmean(taken for taken, _ in before),
            after_s=fmean(taken for taken, _ in after),
            hidden=[
                (new - left) - (old - kept) for (old, kept), (new, left) in zip(before, after, strict=True)
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A saving that was printed, and what one clock outside says of it.

    Attributes:
        saved_s: The saving, in seconds of one run.
        share: The printed time of the incumbent as a share of its run.
        before_s, after_s: What the clock says of whole runs.
        hidden: By how much the time that is not accounted for grew, in each pair.
    """

    clock: str
    saved_s: float
    share: float
    before_s: float
    after_s: float
    hidden: Sequence[float]

    @property
    def doubt(self) -> float:
        """P(less than half of the saving shows)."""
        # Beyond what no saving and a second one of the size would do, the machine had other things to do.
        seen = [min(2 * self.saved_s, max(-self.saved_s, grown)) for grown in self.hidden]
        excess, spread = fmean(seen) - _MOST * self.saved_s, stdev(seen)
        if spread == 0:
            return float(excess > 0)
        return t_cdf(excess / (spread / math.sqrt(len(seen))), len(seen) - 1)

    @property
    def tells(self) -> bool:
        """Whether there are pairs enough to tell, as the clock varies."""
        return len(self.hidden) >= _ENOUGH and self._told_by(len(self.hidden))

    @property
    def can_be_told(self) -> bool:
        """Whether the further pairs that may be taken could tell."""
        return self._told_by(len(self.hidden) + _PATIENCE)

    def _told_by(self, pairs: int) -> bool:
        return 2 * stdev(self.hidden) / math.sqrt(pairs) < self.saved_s


def _shows_nowhere(claims: Sequence[_Claim]) -> bool:
    """Whether a clock that can tell is sure that the saving is not there, and no other thinks it is."""
    return any(one.tells and one.doubt >= _REFUTED for one in claims) and all(
        one.doubt > 0.5 for one in claims
    )


def _sure(claims: Sequence[_Claim]) -> bool:
    if _shows_nowhere(claims) or any(one.doubt <= 1 - _SURE for one in claims):
        return True
    return not any(one.can_be_told for one in claims)


def _contradiction(claims: Sequence[_Claim]) -> str:
    clocks = " and ".join(
        f"{one.clock} time from {_shown(one.before_s)} to {_shown(one.after_s)}" for one in claims
    )
    return (
        f"the command says it saves {_shown(claims[0].saved_s)} a run, but seen from outside a run went in "
        f"{clocks}: its clock was changed, or work moved to where it is not timed; where the number is no "
        f"time of the run itself, suspicions.ignore=[{GUARD}] says so"
    )


def printed_seconds(metric: MetricConfig) -> float:
    """What one unit of a time that the command prints is in seconds; 0 where it prints none."""
    timed = metric.direction is Direction.lower and metric.extract.kind not in _OUTSIDE | _CALIBRATED
    return _UNITS.get(metric.unit.strip(), 0.0) if timed else 0.0


def _pairs(trial: Trial) -> Iterator[Pair]:
    """Both commits' runs that were taken next to each other."""
    remembers = bool(trial.history) and trial.history[0].variation == "seed"
    if trial.incumbents and not remembers:
        for old, new in zip(trial.incumbents, trial.challengers.samples, strict=True):
            yield Pair(incumbent=old, challenger=new)
    yield from trial.further


def _challengers(trial: Trial) -> list[Sample]:
    return [*trial.challengers.samples, *(pair.challenger for pair in trial.further)]


def _wall_s(sample: Sample) -> float:
    return sample.wall_s


def _cpu_s(sample: Sample) -> float:
    return sample.cpu_s


def _shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _finding(objection: str, *, suspect: bool = False) -> Finding:
    return Finding(guard=GUARD, passed=not objection, message=objection, suspect=bool(objection) and suspect)
