"""How much runs of one commit differ, by clock and by way of taking pairs, in the judge's own figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median

from autoopt.doctor.twins import Series, Twins, Way
from autoopt.judge import Judge
from autoopt.judge.memory import same
from autoopt.records import Sample
from autoopt.schema import Config, Direction, Extraction, Patience, Variation
from autoopt.stats import trimmed_interval

MEASURED = frozenset({Extraction.wall, Extraction.cpu, Extraction.peak_memory})
"""Numbers that are taken from outside; they always vary from run to run."""
_TIMES = frozenset({"s", "sec", "seconds", "ms", "us", "µs", "ns", "min", "minutes"})
_SURE = 0.99  # that the checkouts differ, before it is said
_ENOUGH = 5  # pairs, before that is asked


class Clock(StrEnum):
    """What of a run is looked at."""

    metric = "metric"
    wall = "wall"
    cpu = "cpu"


_OF: dict[Clock, Callable[[Sample], float]] = {
    Clock.metric: lambda sample: sample.value,
    Clock.wall: lambda sample: sample.wall_s,
    Clock.cpu: lambda sample: sample.cpu_s,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What A/A pairs say of one clock, taken one way.

    Attributes:
        sd: Standard deviation of one pair's gain: a log ratio, or a difference in the metric's unit.
        share: The same as a share of the value, whatever the unit.
        low, high: 95 % limits of that share.
        gain: The smallest gain that the configured patience confirms in 9 of 10 comparisons.
        words: That gain, for a person.
        offset: How much better the second checkout seems to be, as a share; None while it may be no better.
    """

    clock: Clock
    way: Way
    pairs: int
    value: float
    sd: float
    share: float
    low: float
    high: float
    gain: float
    words: str
    offset: float | None
    pair_s: float

    @property
    def effort(self) -> float:
        """Seconds that one unit of precision costs: fewer pairs are needed where they agree better."""
        return self.share**2 * self.pair_s


def clocks(config: Config) -> tuple[Clock, ...]:
    """What there is to look at: the metric, and the clocks that it is not."""
    taken = {Extraction.wall: Clock.wall, Extraction.cpu: Clock.cpu}.get(config.metric.extract.kind)
    return (Clock.metric, *(clock for clock in (Clock.wall, Clock.cpu) if clock is not taken))


def is_time(config: Config) -> bool:
    """Whether the metric is a time, which whatever else runs on the machine disturbs."""
    timed = config.metric.extract.kind in (Extraction.wall, Extraction.cpu)
    return timed or config.metric.unit.lower() in _TIMES


def variation(config: Config, pairs: Sequence[Twins]) -> Variation:
    """How the metric varies, as the pairs show, each of which has a seed of its own; or as is configured."""
    wished = config.metric.variation
    if config.metric.extract.kind in MEASURED or wished is Variation.noise:
        return Variation.noise
    values = [one.value for one, _ in pairs]
    if not all(same(one.value, other.value) for one, other in pairs):
        return Variation.seed if wished is Variation.seed else Variation.noise
    return Variation.none if all(same(value, values[0]) for value in values) else Variation.seed


def judge_of(config: Config, series: Series, clock: Clock, how: Variation) -> Judge:
    """A judge that knows what these pairs tell of a clock."""
    direction = config.metric.direction if clock is Clock.metric else Direction.lower
    unit = config.metric.unit if clock is Clock.metric else "s"
    judge = Judge(config.verdict, direction, unit, config.metric.test_share)
    pairs = _values(series, clock)
    judge.start([one for one, _ in pairs], how)
    if how is Variation.noise:
        judge.learn(pairs, False)
    return judge


def of_series(config: Config, series: Series, clock: Clock, how: Variation, patience: Patience) -> Noise:
    """The noise of a clock in these pairs.

    Args:
        how: How the metric varies; clocks always vary from run to run.
    """
    how = how if clock is Clock.metric else Variation.noise
    judge, pairs = judge_of(config, series, clock, how), _values(series, clock)
    level, count = median(value for pair in pairs for value in pair), len(pairs)
    gain = judge.smallest_gain(patience)
    share = _share(judge.noise, pairs)
    factor = math.exp(1.96 / math.sqrt(2 * count))  # of a standard deviation from so many differences
    return Noise(
        clock=clock,
        way=series.way,
        pairs=count,
        value=level,
        sd=judge.noise,
        share=share,
        low=share / factor,
        high=share * factor,
        gain=gain,
        words=judge.in_words(gain),
        offset=_offset(pairs) if how is Variation.noise else None,
        pair_s=series.pair_s,
    )


def computing(series: Series, granted: float) -> float:
    """Cores that a run keeps busy when nobody is in its way: 1 is a program on one core that never waits.

    Args:
        granted: Share of a core that one got meanwhile; a program also waits for its turn.
    """
    samples = [sample for pair in series.pairs for sample in pair]
    wall = fmean(sample.wall_s for sample in samples)
    seen = fmean(sample.cpu_s for sample in samples) / wall if wall > 0 else 0.0
    alone = seen / granted
    return 1.0 if seen <= 1 < alone else alone  # schedulers do not treat all processes alike


def better(noise: Noise, than: Noise, by: float) -> bool:
    """Whether it is clearly the smaller noise: by this factor, and cheaper for the same precision."""
    return noise.share * by < than.share and noise.effort < than.effort


def _values(series: Series, clock: Clock) -> list[tuple[float, float]]:
    read = _OF[clock]
    return [(read(one), read(other)) for one, other in series.pairs]


def _share(sd: float, pairs: Sequence[tuple[float, float]]) -> float:
    """A pair's noise as a share of the value: a log ratio is one, a difference is not."""
    values = [value for pair in pairs for value in pair]
    if sd == 0.0 or min(values) > 0:
        return sd
    return sd / max(abs(median(values)), 20 * sd)


def _offset(pairs: Sequence[tuple[float, float]]) -> float | None:
    """How much the second checkout's values lie beside the first's, where that is no chance."""
    if len(pairs) < _ENOUGH or min(value for pair in pairs for value in pair) <= 0:
        return None
    found = trimmed_interval([math.log(other / one) for one, other in pairs], confidence=_SURE)
    return found.estimate if found.low > 0 or found.high < 0 else None
