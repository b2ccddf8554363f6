"""Tables and pages for the terminal: settings before a run, runs, experiments, one experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoopt.journal import pairs
from autoopt.records import Experiment, Pair, Status, Thought
from autoopt.reporters import evidence, strips, words
from autoopt.reporters.ruler import Ruler
from autoopt.schema import Direction

STYLES = {
    Status.baseline: "cyan",
    Status.keep: "bold green",
    Status.follow: "cyan",
    Status.discard: "dim",
    Status.inspector_reject: "yellow",
    Status.crash: "red",
}
"""Colours of the statuses; the word is always there too, so that nothing hangs on colour."""

_FOUND = {
    (True, False): "green",
    (False, False): "red",
    (False, True): "yellow",
    (True, True): "bold yellow",
}
"""Colours of findings, by whether they passed and whether they are suspicions."""

_OF_DIFF = {"file": "bold", "added": "green", "removed": "red", "place": "cyan", "": ""}
"""Colours of a diff's rows."""

_WIDE = 72
_VERY_WIDE = 120
_STRIP = 33


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in the list of runs.

    Attributes:
        state: Where it stands, one word or two: running, finished, interrupted, damaged.
        started: When, for people.
        result: What came of it, in one line.
        place: Where its files are, else its branch.
    """

    run_id: str
    state: str
    started: str
    experiments: int
    kept: int
    result: str
    goal: str
    place: str = ""


def plain_table(columns: Sequence[str], right: Sequence[str] = ()) -> Table:
    """A table without frames whose cells wrap: nothing is cut off when a pipe has no width."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def runs_table(rows: Iterable[RunRow]) -> RenderableType:
    """The runs of a repository, one line each, or a sentence when there are none."""
    listed = tuple(rows)
    if not listed:
        return Text("No runs yet in this repository.")
    return _Runs(listed)


@dataclass(frozen=True, slots=True)
class _Runs:
    rows: tuple[RunRow, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if options.max_width < _WIDE:
            yield from (self._entry(row) for row in self.rows)
            return
        columns = ("run", "state", "started", "tried", "kept", "result", "place")
        table = plain_table(columns, ("tried", "kept"))
        for row in self.rows:
            cells = (
                row.run_id,
                row.state,
                row.started,
                str(row.experiments),
                str(row.kept),
                row.result or row.goal,
                row.place,
            )
            table.add_row(*(Text(words.one_line(cell)) for cell in cells))
        yield table

    @staticmethod
    def _entry(row: RunRow) -> RenderableType:
        head = Text.assemble((words.one_line(row.run_id), "bold"), f"  {row.state}  {row.started}")
        tried = f"{words.count(row.experiments, 'experiment')}, {row.kept} kept"
        said = [f"{tried}: {words.one_line(row.result or row.goal)}", words.one_line(row.place)]
        return Group(head, *(Padding(Text(line, overflow="fold"), (0, 0, 0, 2)) for line in said if line))


def experiments_table(history: Sequence[Experiment], unit: str) -> RenderableType:
    """Every experiment with its numbers, status and verdict; a list of entries on a narrow terminal."""
    return _Experiments(tuple(history), unit) if history else Text("No experiments yet.")


@dataclass(frozen=True, slots=True)
class _Experiments:
    history: tuple[Experiment, ...]
    unit: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if options.max_width < _WIDE:
            yield from (experiment_line(experiment, self.unit) for experiment in self.history)
        elif options.max_width < _VERY_WIDE:
            yield self._table(("experiment",), self._stacked)
        else:
            yield self._table(("experiment", "why", "commit"), self._apart)

    def _table(self, columns: tuple[str, ...], cells: Callable[[Experiment], Iterable[Text]]) -> Table:
        table = plain_table(("#", "status", "metric", *columns), ("#",))
        for column in table.columns[:3]:
            column.no_wrap = True
        for experiment in self.history:
            numbers = Text(words.moved(experiment, self.unit))
            table.add_row(str(experiment.number), status_text(experiment), numbers, *cells(experiment))
        return table

    @staticmethod
    def _stacked(experiment: Experiment) -> Iterator[Text]:
        said = (words.one_line(experiment.description), words.decision(experiment))
        yield Text("\n".join(filter(None, said)))

    @staticmethod
    def _apart(experiment: Experiment) -> Iterator[Text]:
        yield Text(words.one_line(experiment.description))
        yield Text(words.decision(experiment))
        yield Text(experiment.commit[:10], style="dim")


def status_text(experiment: Experiment) -> Text:
    """The status word in its colour, and whether a suspicion is all that is behind it."""
    return Text(words.status(experiment), style=STYLES[experiment.status])


def experiment_line(experiment: Experiment, unit: str) -> Text:
    """One experiment on one line: "#3 keep  412 ms → 318 ms  KEEP 22.8 % faster …  orders index on …"."""
    parts = (
        words.moved(experiment, unit),
        words.decision(experiment),
        words.one_line(experiment.description),
    )
    line = Text.assemble((f"#{experiment.number} ", "bold"), status_text(experiment))
    for part in parts:
        if part:
            line.append(f"  {part}")
    return line


def experiment_text(
    experiment: Experiment, diff: str, unit: str, direction: Direction = Direction.lower
) -> RenderableType:
    """Everything about one experiment: idea, parameters, verdict and why, pairs, guards, failure, diff."""
    title = Text.assemble((f"Experiment {experiment.number} ", "bold"), status_text(experiment))
    parts: list[RenderableType] = [title, _facts(experiment)]
    for heading, body in _sections(experiment, diff, unit, direction):
        parts += [Text(), Text(heading, style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*parts)


def _facts(experiment: Experiment) -> RenderableType:
    parameters = ", ".join(f"{name} = {words.value(held)}" for name, held in experiment.parameters.items())
    touched = f"{', '.join(experiment.paths)} (+{experiment.added} −{experiment.removed})"
    stages = ", ".join(f"{stage} {words.duration(spent)}" for stage, spent in experiment.seconds.items())
    facts = {
        "change": experiment.description,
        "hypothesis": experiment.hypothesis,
        "parameters": parameters,
        **_thought(experiment.thought),
        "from": " · ".join(filter(None, (experiment.source, experiment.area))),
        "commit": experiment.commit,
        "against": experiment.parent if experiment.parent != experiment.commit else "",
        "files": touched if experiment.paths else "",
        "decided": words.decision(experiment),
        "overruled": words.overruled(experiment),
        "time": stages,
        "agents": words.usage(experiment.usage),
        "finished": experiment.finished,
    }
    return facts_table(facts)


def _thought(thought: Thought | None) -> dict[str, str]:
    """What an agent said of its idea beforehand."""
    if thought is None:
        return {}
    scores = f"impact {thought.impact}, feasibility {thought.feasibility}"
    novelty = f"novelty {thought.novelty} (the journal says {thought.newness})"
    return {
        "score": f"{thought.score:.1f}: {scores}, {novelty}",
        "assumes": thought.assumption,
        "not measured": thought.risk,
        "sources": "\n".join(thought.sources),
    }


def facts_table(facts: Mapping[str, str]) -> Table:
    """Names and texts in two columns; empty texts are left out."""
    table = plain_table(("", ""))
    table.show_header = False
    table.columns[0].style = "dim"
    table.columns[0].no_wrap = True
    for name, text in facts.items():
        if text:
            table.add_row(Text(words.one_line(name)), Text(words.lines(text).strip()))
    return table


def _sections(
    experiment: Experiment, diff: str, unit: str, direction: Direction
) -> Iterator[tuple[str, RenderableType]]:
    if told := _why(experiment, unit, direction):
        yield "Why", facts_table(told)
    if experiment.incumbent_samples:
        yield "Pairs", _Pairs(experiment, unit, direction)
    elif experiment.measurement is not None:
        values = (words.number(sample.value, unit) for sample in experiment.measurement.samples)
        yield "Samples", Text(", ".join(values))
    if experiment.further:
        yield "Further pairs, for constraints and clocks alone", _further(experiment.further, unit)
    if experiment.findings:
        yield "Guards", _findings(experiment)
    if experiment.failure is not None and experiment.failure.tail.strip():
        yield "Last output", Text(words.lines(experiment.failure.tail).strip("\n"))
    if diff.strip():
        yield "Diff", _diff(diff)


def _why(experiment: Experiment, unit: str, direction: Direction) -> dict[str, str]:
    """What decided it, and the numbers it was decided by."""
    verdict = experiment.verdict
    return {
        "decided": evidence.why(experiment, direction, unit),
        "varies": evidence.VARIATIONS.get(experiment.variation, experiment.variation),
        **(evidence.numbers(verdict, direction, unit) if verdict is not None else {}),
    }


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs with a picture of them, without one on a narrow terminal."""

    experiment: Experiment
    unit: str
    direction: Direction

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        drawn = options.max_width >= _WIDE
        columns = ("pair", "incumbent", "challenger", "change")
        table = plain_table((*columns, "") if drawn else columns, columns)
        picture = self._picture(strips.ASCII if options.ascii_only else strips.UNICODE) if drawn else ()
        for numbers, strip in zip_longest(self._rows(), picture):
            table.add_row(*(numbers or ("",) * len(columns)), *([Text(strip)] if drawn else ()))
        yield table

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for place, pair in enumerate(pairs(self.experiment), start=1):
            yield str(place), *_compared(pair, self.unit)

    def _picture(self, letters: strips.Letters) -> Iterator[str]:
        """A line for each pair, one for what they say together, and the two sides' words."""
        verdict, found = self.experiment.verdict, evidence.gains(self.experiment, self.direction)
        ends = (verdict.low, verdict.high) if verdict is not None else ()
        ruler = Ruler.around([*found, *ends], verdict.noise if verdict is not None else 0.0)
        for gain in found:
            yield strips.of_pair(gain, ruler, _STRIP, letters)
        if verdict is not None:
            yield strips.of_interval(verdict.effect, verdict.low, verdict.high, ruler, _STRIP, letters)
        worse, better = (words.side(sign, self.direction, self.unit) for sign in (-1.0, 1.0))
        if (sides := strips.of_scale(worse, better, ruler, _STRIP)).strip():
            yield sides


def _compared(pair: Pair, unit: str) -> tuple[str, str, str]:
    old, new = pair.incumbent.value, pair.challenger.value
    before, after = words.change(old, new, unit).split(" → ")
    return before, after, words.raw_change(old, new)


def _further(taken: Sequence[Pair], unit: str) -> RenderableType:
    columns = ("pair", "incumbent", "challenger", "change")
    table = plain_table(columns, columns)
    for place, pair in enumerate(taken, start=1):
        table.add_row(str(place), *_compared(pair, unit))
    return table


def _findings(experiment: Experiment) -> RenderableType:
    table = plain_table(("", "", ""))
    table.show_header = False
    for finding in experiment.findings:
        word = Text(words.found(finding), style=_FOUND[finding.passed, finding.suspect])
        said = "\n".join(filter(None, (words.lines(finding.message).strip(), words.one_line(finding.where))))
        table.add_row(Text(words.one_line(finding.guard)), word, Text(said))
    return table


def _diff(diff: str) -> Text:
    text = Text(overflow="fold")
    for line in words.lines(diff).rstrip("\n").split("\n"):
        text.append(f"{line}\n", style=_OF_DIFF[words.kind_of_row(line)])
    text.rstrip()
    return text
