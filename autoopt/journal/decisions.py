"""Experiments as their lines tell them: the pairs, and the decision that refers to them."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from autoopt.codec import decode, encode
from autoopt.journal import lines
from autoopt.records import Call, Experiment, Measurement, Pair, Sample


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An experiment that a crash left open.

    Attributes:
        parent: The incumbent it started from.
        decided: The experiment when its decision is on record, None when the attempt was interrupted.
        offered: The experiment when it would be kept, and nobody knows yet whether another run was first.
    """

    number: int
    parent: str
    decided: Experiment | None
    offered: Experiment | None = None


def body(experiment: Experiment) -> dict[str, Any]:
    """What a line says of an experiment, whose samples are in the MEASURED lines before it."""
    found: dict[str, Any] = encode(experiment)
    found["measurement"] = experiment.measurement is not None
    del found["incumbent_samples"]
    return found


def of_events(body: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]) -> Experiment:
    """The experiment of a DECIDED event and the MEASURED ones that count."""
    taken = _Taken(pairs)
    return _experiment(body, taken.challengers, taken.incumbents)


def of_span(span: bytes) -> Experiment:
    """The experiment of lines from its first pair to its decision; the pairs are read once they are wanted.

    They are most of a journal, and all that is asked of most experiments is what was decided.
    """
    before = span.rfind(b"\n", 0, len(span) - 1) + 1
    taken = _Taken(span[:before])
    return _experiment(
        lines.body(span[before:])["experiment"], _Samples(taken, "challengers"), _Samples(taken, "incumbents")
    )


def _experiment(
    body: Mapping[str, Any], challengers: Sequence[Sample], incumbents: Sequence[Sample]
) -> Experiment:
    measurement = Measurement(commit=body["commit"], samples=challengers) if body["measurement"] else None
    theirs = incumbents if body["measurement"] else ()
    found: Experiment = decode(Experiment, body, measurement=measurement, incumbent_samples=theirs)
    return found


def call(line: bytes) -> Call:
    """The call of a SPENT line."""
    found: Call = decode(Call, lines.body(line)["call"])
    return found


def position(history: Sequence[Experiment], number: int) -> int:
    """Where experiment `number` is in the history.

    Raises:
        KeyError: it is not decided.
    """
    found = bisect_left(history, number, key=lambda past: past.number)
    if found == len(history) or history[found].number != number:
        raise KeyError(number)
    return found


class _Taken:
    """Pairs, as events or as the lines that hold them among others."""

    def __init__(self, found: bytes | Sequence[Mapping[str, Any]]) -> None:
        self._found: bytes | Sequence[Mapping[str, Any]] = found

    @cached_property
    def challengers(self) -> tuple[Sample, ...]:
        return tuple(decode(Sample, pair["challenger"]) for pair in self._events())

    @cached_property
    def incumbents(self) -> tuple[Sample, ...]:
        return tuple(decode(Sample, pair["incumbent"]) for pair in self._events() if pair["incumbent"])

    def _events(self) -> Sequence[Mapping[str, Any]]:
        if isinstance(self._found, bytes):
            events = map(lines.body, self._found.splitlines())
            self._found = [event for event in events if event["event"] == "MEASURED"]
        return self._found


class _Samples(Sequence[Sample]):
    """One side of pairs that are read when they are wanted; equal to a tuple of the same samples."""

    def __init__(self, taken: _Taken, side: str) -> None:
        self._taken, self._side = taken, side

    @property
    def _all(self) -> tuple[Sample, ...]:
        found: tuple[Sample, ...] = getattr(self._taken, self._side)
        return found

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Sample, ...]: ...

    def __getitem__(self, index: int | slice) -> Sample | tuple[Sample, ...]:
        return self._all[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return repr(self._all)


def pairs(experiment: Experiment) -> tuple[Pair, ...]:
    """The experiment's interleaved pairs; none for the baseline and for exact metrics."""
    if experiment.measurement is None or not experiment.incumbent_samples:
        return ()
    both = zip(experiment.incumbent_samples, experiment.measurement.samples, strict=True)
    return tuple(Pair(incumbent=incumbent, challenger=challenger) for incumbent, challenger in both)
