"""The doctor's findings for people, as lines, and for programs, as plain data."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoopt.doctor import costs
from autoopt.doctor.advice import Advice, percent
from autoopt.doctor.examination import Examination
from autoopt.doctor.levels import Level
from autoopt.doctor.noise import Clock, Noise
from autoopt.doctor.twins import Way
from autoopt.reporters import words
from autoopt.schema import Config, Patience, Variation

_INDENT = 13
_HOW = {
    Variation.none: "repeats exactly, with other seeds too",
    Variation.seed: "varies with AUTOOPT_SEED alone",
    Variation.noise: "varies from run to run",
}
_WAYS = {Way.turns: "in turns", Way.duet: "at once (duet)"}
_FELT_S = 0.05
_CHEAP, _DEAR = 2, 20  # pairs in the time of an idea, between which `auto` is the default patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was examined.

    Attributes:
        words: The `key=value` words it was asked for with.
        place: The repository and the commit, for a person.
        changes: How many uncommitted changes were left out.
        sandbox: What commands can write, read and reach.
        proposers: Who would have ideas; why nobody could, where `ready` is false.
        asks: Whether an agent is among them.
    """

    config: Config
    words: tuple[str, ...]
    place: str
    changes: int
    sandbox: str
    proposers: str
    asks: bool


def command(subject: Subject, advice: Advice) -> str:
    """The line that starts the run as it is recommended, ready to paste."""
    replaced = {one.option for one in advice.overrides}
    kept = [word for word in subject.words if word.lstrip("+").partition("=")[0] not in replaced]
    added = [f"{one.option}={one.value}" for one in advice.overrides]
    return shlex.join(["autoopt", *kept, *added])


def lines(subject: Subject, found: Examination, advice: Advice) -> Iterator[str]:
    """The findings, top down: the machine, the number, its noise, what that means, and what to do."""
    yield from _block("examined", _examined(subject))
    yield from _block("machine", [_machine(found)])
    yield from _block("sandbox", [subject.sandbox])
    yield from _block("metric", _metric(subject.config, found))
    yield from _block("checks", _checks(found))
    yield ""
    yield f"Noise: {found.now.pairs} pairs of the same commit with itself"
    yield from _indented(_noises(found, advice))
    yield ""
    yield "What each patience confirms, and what the budget comes to (measuring only; most ideas do nothing)"
    yield from _indented(_levels(subject.config, found, found.levels))
    if advice.noise is not found.now:
        yield "  and as recommended"
        yield from _indented(_levels(subject.config, found, advice.levels))
    yield from _indented(_auto(subject, found, advice))
    yield ""
    yield from _block("ideas", [subject.proposers])
    yield from _block("cost", [costs.money(subject.config, asks=subject.asks)[0]])
    yield from _block("warnings", list(advice.warnings), mark="! ")
    yield from _recommended(subject, found, advice)


def facts(subject: Subject, found: Examination, advice: Advice) -> dict[str, Any]:
    """The same as plain data."""
    config = subject.config
    sentence, most = costs.money(config, asks=subject.asks)
    return {
        "place": subject.place,
        "uncommitted_changes": subject.changes,
        "sandbox": subject.sandbox,
        "machine": {**asdict(found.machine), "loaded": found.machine.is_loaded},
        "metric": {
            "value": found.now.value,
            "unit": config.metric.unit,
            "variation": found.how.value,
            "suspicion": found.suspicion,
            "cores_busy": found.computing,
            "pair_s": found.now.pair_s,
            "ready_s": found.ready_s,
            "failures": list(found.failures),
        },
        "checks": [asdict(one) for one in found.checks],
        "noise": [_noise_facts(one) for one in found.noises],
        "patience": [_level_facts(config, level, found.now) for level in found.levels],
        "patience_recommended": [_level_facts(config, level, advice.noise) for level in advice.levels],
        "proposers": subject.proposers,
        "cost": {"said": sentence, "most_usd": most},
        "warnings": list(advice.warnings),
        "overrides": [one._asdict() for one in advice.overrides],
        "command": command(subject, advice),
        "would_start": not found.complaints,
    }


def _noise_facts(one: Noise) -> dict[str, Any]:
    return {**asdict(one), "clock": one.clock.value, "way": one.way.value}


def _level_facts(config: Config, level: Level, one: Noise) -> dict[str, Any]:
    projected = costs.projection(config, level, one.pair_s)
    return {
        **asdict(level),
        "patience": level.patience.value,
        **{f"run_{k}": v for k, v in asdict(projected).items()},
    }


def _block(title: str, texts: Sequence[str], mark: str = "") -> Iterator[str]:
    """A titled paragraph; nothing where there is nothing to say."""
    for position, text in enumerate(texts):
        yield f"{title if position == 0 else '':<{_INDENT}}{mark}{text}"


def _indented(texts: Sequence[str]) -> Iterator[str]:
    return (f"  {text}" for text in texts)


def _examined(subject: Subject) -> list[str]:
    left_out = (
        f"; your {words.count(subject.changes, 'uncommitted change')} left out" if subject.changes else ""
    )
    return [f"{subject.place}{left_out}", words.one_line(subject.config.metric.command)]


def _machine(found: Examination) -> str:
    machine = found.machine
    said = [words.count(machine.cores, "core")]
    if machine.load is not None:
        said.append(f"load {machine.load:.2f} per core before")
    if machine.others is not None:
        said.append(f"other programs kept {machine.others:.1f} cores busy meanwhile")
    if machine.granted < 1:
        said.append(f"a program gets {percent(machine.granted)} of a core")
    if machine.stolen is not None:
        said.append(f"steal {percent(machine.stolen)}")
    if machine.frequency is not None:
        said.append(f"clock at {percent(machine.frequency)} of its highest")
    return f"{', '.join(said)}: {'LOADED' if machine.is_loaded else 'quiet'}"


def _metric(config: Config, found: Examination) -> list[str]:
    value = words.number(found.now.value, config.metric.unit)
    pair, ready = words.duration(found.now.pair_s), words.duration(found.ready_s)
    return [
        f"{value}, {config.metric.direction.value} is better; it {_HOW[found.how]}",
        f"a pair takes {pair}, and making its checkouts ready {ready} more in each experiment",
        f"left alone, a run keeps {found.computing:.2g} of the cores busy",
    ]


def _checks(found: Examination) -> list[str]:
    said = []
    for one in found.checks:
        if one.complaint is not None:
            said.append(f"{one.name}: FAILS: {words.one_line(one.complaint)}")
        elif one.name == "scope":
            said.append("scope: the metric notices garbage in its files")
        else:
            took = f", {words.duration(one.seconds)} for each gain" if one.seconds >= _FELT_S else ""
            said.append(f"{one.name}: passes{took}")
    return said


def _noises(found: Examination, advice: Advice) -> list[str]:
    rows = [("", "", "a pair varies by", "95 %", "confirmed from", "a pair takes", "")]
    for one in found.noises:
        mark = "now" if one is found.now else "recommended" if one is advice.noise else ""
        name = _clock(one)
        if one.sd == 0:
            rows.append((name, _WAYS[one.way], "nothing", "", "any gain", words.duration(one.pair_s), mark))
            continue
        ends = f"{percent(one.low)} to {percent(one.high)}"
        rows.append(
            (name, _WAYS[one.way], percent(one.share), ends, one.words, words.duration(one.pair_s), mark)
        )
    return _columns(rows)


def _clock(one: Noise) -> str:
    return {Clock.metric: "the metric", Clock.wall: "wall time", Clock.cpu: "CPU time"}[one.clock]


def _levels(config: Config, found: Examination, levels: Sequence[Level]) -> list[str]:
    unit = "runs" if found.how is Variation.none else "pairs"
    levels = levels[:1] if found.how is Variation.none else levels
    rows = [("patience", "confirmed from", unit, "at most", "an experiment", "the run")]
    for level in levels:
        name = "exact" if found.how is Variation.none else level.patience.value
        mark = " *" if level.patience is config.verdict.patience else ""
        gain = "any gain" if level.gain == 0 else level.words
        rows.append(
            (
                name + mark,
                gain,
                f"{level.pairs:.1f}",
                str(level.most),
                words.duration(level.seconds),
                _run(config, level, found),
            )
        )
    return _columns(rows)


def _run(config: Config, level: Level, found: Examination) -> str:
    made = costs.projection(config, level, found.now.pair_s)
    if made.experiments is None or made.seconds is None:
        return "no limit: budget.experiments or budget.wall sets one"
    short = f" (not {config.budget.experiments}: budget.wall={config.budget.wall})" if not made.fits else ""
    return f"{words.count(made.experiments, 'experiment')}{short} in {words.duration(made.seconds)}"


def _auto(subject: Subject, found: Examination, advice: Advice) -> list[str]:
    """What the configured patience means here."""
    if found.how is Variation.none:
        return []
    if subject.config.verdict.patience is not Patience.auto:
        return ["* as configured"]
    cheap, dear = (words.duration(count * advice.noise.pair_s) for count in (_CHEAP, _DEAR))
    said = f"quick while an idea takes less than {cheap}, patient from {dear} on, default between"
    return [f"verdict.patience=auto is {said}"]


def _recommended(subject: Subject, found: Examination, advice: Advice) -> Iterator[str]:
    yield ""
    if found.complaints:
        yield "A run would not start before this is mended:"
        yield from (f"  - {complaint}" for complaint in found.complaints)
    clean = not (found.complaints or advice.warnings)
    as_they_are = "The settings are good as they are:" if clean else "No other settings are recommended:"
    yield "Recommended:" if advice.overrides else as_they_are
    yield f"  {command(subject, advice)}"
    yield from (f"  - {one.option}={one.value}: {one.reason}" for one in advice.overrides)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
