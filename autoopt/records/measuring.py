"""What executing a metric command gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One number from one execution of the metric command.

    Attributes:
        value: The metric, finite, in the metric's own unit.
        wall_s, cpu_s: Wall and CPU seconds of the command, measured from outside.
        peak_bytes: Largest resident set of any process of the command.
        seed: What AUTOOPT_SEED was for this execution.
        details: Further named numbers the command printed (per-query latency, secondary metrics).
        leftovers: Processes that were still at work when it had ended, and were ended.
    """

    value: float
    wall_s: float
    cpu_s: float
    peak_bytes: int
    seed: int
    details: Mapping[str, float] = field(default_factory=dict)
    leftovers: int = 0

    def number(self, name: str) -> float | None:
        """A number that may be bounded: `wall_s`, `cpu_s`, `peak_mb`, or one that the command printed."""
        outside = {"wall_s": self.wall_s, "cpu_s": self.cpu_s, "peak_mb": self.peak_bytes / 1e6}
        return outside[name] if name in outside else self.details.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A command that gave no number: a crash, a timeout, no match. Data, never an exception.

    Attributes:
        reason: One line for a person.
        tail: The last lines of output, for repairs and reports.
        timeout: Whether the command was ended for taking too long.
        over_s: The limit the caller gave that it was ended at; None for every other failure.
    """

    reason: str
    tail: str = ""
    timeout: bool = False
    over_s: float | None = None

    def told(self, otherwise: str) -> str:
        """What a person should read of it.

        An instrument of autoopt that gave up has said in one line what is wrong and what to do; where that
        is all there is, it is enough. Else `otherwise`, and the last lines of output.
        """
        if self.tail.startswith("autoopt: ") and "\n" not in self.tail:
            return self.tail.removeprefix("autoopt: ")
        return f"{otherwise}\n{self.tail}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two samples taken next to each other, in random order, with the same seed."""

    incumbent: Sample
    challenger: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All samples of one commit, at least one."""

    commit: str
    samples: Sequence[Sample]

    @property
    def value(self) -> float:
        """The median sample."""
        return median(sample.value for sample in self.samples)
