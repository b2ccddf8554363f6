"""The lines of a run's screen: as many as there is room for, each within the width; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from autoopt import budget
from autoopt.records import WAIT, Experiment, Status
from autoopt.reporters import words
from autoopt.reporters.live import spark
from autoopt.reporters.live.glance import RECENT, Glance, claimed, expected_s, rest_s
from autoopt.reporters.tables import STYLES

TITLES = {
    "confirm": "final comparison",
    "holdout": "final comparison by the holdout",
    "leave-one-out": "what each kept change is worth",
    "restart": "the incumbent anew",
    "target": "is the target reached?",
}
"""Stages that are no part of an experiment, as they are called in its place."""

_NARROW = 60
_MARGIN = 6  # of the two rows of experiments


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the screen.

    Attributes:
        rank: How much it matters, each its own; the largest are left out first.
    """

    rank: int
    text: Text


@dataclass(frozen=True, slots=True)
class Size:
    """The room there is, and what it can show.

    Attributes:
        encoding: Of the stream; what it cannot show is said in ASCII.
    """

    width: int
    height: int
    encoding: str = "utf-8"

    @property
    def letters(self) -> spark.Letters:
        """What the rows of experiments are drawn with."""
        drawn = "".join((spark.UNICODE.bars, *spark.UNICODE.marks.values(), spark.UNICODE.rule))
        return spark.UNICODE if words.encodable(drawn, self.encoding) == drawn else spark.ASCII


def lines(glance: Glance, size: Size, now: float) -> list[Text]:
    """What to draw, the most important lines where not all of them fit; never more than `size.height`."""
    rows = list(_rows(glance, size, now))
    ranks = sorted(row.rank for row in rows)[: max(1, size.height)]
    return [_cut(row.text, size) for row in rows if row.rank <= ranks[-1]]


def _rows(glance: Glance, size: Size, now: float) -> Iterator[_Row]:
    width = size.width
    yield _Row(30, Text(size.letters.rule * min(width, _NARROW), style="dim"))
    yield _Row(3, _title(glance))
    yield _Row(0, Text(_doing(glance, width, now)))
    if verdict := glance.stage.verdict:
        yield _Row(5, Text(words.evidence(verdict, glance.direction, glance.unit), style="italic"))
    if best := _fitted(_best(glance), width, ", "):
        yield _Row(2, Text(best))
    if gain := _gain(glance, width):
        yield _Row(1, Text(gain, style="green"))
    if left := _left(glance, width, now):
        yield _Row(4, Text(left))
    if noise := _fitted(_noise(glance), width):
        yield _Row(9, Text(noise))
    yield from _tries(glance, size)
    if spent := words.usage(glance.usage):
        yield _Row(10, Text(f"agents: {spent}", style="dim"))
    for age, past in enumerate(reversed(glance.recent[-RECENT:])):
        yield _Row(6 if age == 0 else 20 + age, recent_line(past, glance.unit, width))


def _title(glance: Glance) -> Text:
    goal = f"  {words.one_line(glance.goal)}" if glance.goal else ""
    return Text.assemble((words.one_line(glance.run_id), "bold"), goal)


def _doing(glance: Glance, width: int, now: float) -> str:
    """Where it is, what it does there, how long that has taken and will take."""
    if glance.over:
        return glance.over
    stage = glance.stage
    if not stage.name:
        return "starts"
    total = "" if glance.budget.experiments is None else f" of {glance.budget.experiments}"
    experiment = f"experiment {stage.number}" if width >= _NARROW else f"#{stage.number}"
    where = TITLES.get(stage.name) or ("baseline" if stage.number == 0 else f"{experiment}{total}")
    name = "" if stage.name in TITLES else stage.name
    doing = " ".join(filter(None, (name, words.one_line(stage.detail))))
    spent, expected = _clock(glance, now)
    line = _fitted((where, doing, f"{spent}{expected}"), width)
    if spent and not line.endswith(expected):
        line = _fitted((where, doing, spent), width)
    return line if doing in line else f"{where} · {doing}"


def _clock(glance: Glance, now: float) -> tuple[str, str]:
    """How long the stage has taken, and how long such a stage takes, as far as there is something to say."""
    stage, elapsed_s = glance.stage, max(0.0, now - glance.stage.began)
    expected = None if stage.name == WAIT else expected_s(glance, now)
    if elapsed_s < 1 and (expected is None or expected[0] < 1):
        return "", ""
    return f"{int(elapsed_s)} s" if elapsed_s < 1 else words.duration(int(elapsed_s)), _expected(
        expected, elapsed_s
    )


def _expected(expected: tuple[float, bool] | None, elapsed_s: float) -> str:
    if expected is None or expected[0] < 1:
        return ""
    takes_s, at_most = expected
    if not at_most and elapsed_s > 1.2 * takes_s:
        return f", usually {words.duration(takes_s)}"
    return f" of {'at most' if at_most else 'about'} {words.duration(takes_s)}"


def _best(glance: Glance) -> Iterator[str]:
    best, baseline = glance.incumbent, glance.baseline
    if best is None or best.value is None:
        return
    shown = f"incumbent {words.number(best.value, glance.unit)}"
    if best.status is Status.baseline:
        yield f"{shown} (baseline)"
        return
    yield f"{shown} (#{best.number})"
    if baseline is None or baseline.value is None:
        return
    yield f"baseline {words.number(baseline.value, glance.unit)}"
    if gained := words.raw_change(baseline.value, best.value):
        yield f"{gained} so far"


def _gain(glance: Glance, width: int) -> str:
    """The gain with its interval: what was confirmed, else what the kept steps claim together."""
    if glance.confirmation is not None:
        return f"confirmed: {words.headline(glance.confirmation, glance.direction, glance.unit)}"
    if (total := claimed(glance)) is None or glance.steps is None:
        return ""
    said = words.gain(total.effect, glance.direction, glance.unit, is_ratio=total.is_ratio)
    ends = words.interval(total.low, total.high, glance.direction, glance.unit, is_ratio=total.is_ratio)
    sure = f" (95 % {ends})" if total.low < total.high else ""
    caveats = (
        f"as claimed by {words.count(len(glance.steps), 'kept step')}; fresh pairs mostly confirm less",
        "claimed, not confirmed",
        "claimed",
    )
    known = (f"gain {said}{sure}, {caveat}" for caveat in caveats)
    return next((line for line in known if cell_len(line) <= width), f"gain {said}{sure}")


def _left(glance: Glance, width: int, now: float) -> str:
    """What the budget has left, with the time that takes where there is room; empty without limits."""
    parts = list(_limits(glance, now))
    if not parts:
        return ""
    rest = rest_s(glance)
    about = f" (about {words.duration(rest)})" if rest else ""
    whole = f"left: {' · '.join((parts[0] + about, *parts[1:]))}"
    return whole if cell_len(whole) <= width else _fitted((f"left: {parts[0]}", *parts[1:]), width)


def _limits(glance: Glance, now: float) -> Iterator[str]:
    """What is left of experiments, time, money and tokens, as far as they are limited."""
    limits, usage = glance.budget, glance.usage
    if limits.experiments is not None:
        yield words.count(max(0, limits.experiments - glance.counted), "experiment")
    if limits.wall is not None:
        left_s = budget.seconds(limits.wall, "budget.wall") - glance.worked(now)
        yield f"{words.duration(max(0, int(left_s)))} of {words.one_line(limits.wall)}"
    if limits.cost_usd is not None:
        yield f"${max(0.0, limits.cost_usd - usage.cost_usd):.2f} of ${limits.cost_usd:.2f}"
    if limits.tokens is not None:
        unspent = words.thousands(max(0, limits.tokens - usage.tokens))
        yield f"{unspent} of {words.thousands(limits.tokens)} tokens"


def _noise(glance: Glance) -> Iterator[str]:
    """How much one pair's gain varies by itself, and which gains are seen all the same."""
    if (judged := glance.judged) is not None:
        amount = partial(words.gain, direction=glance.direction, unit=glance.unit, is_ratio=judged.is_ratio)
        if not judged.noise:
            yield "noise none: the number is exact"
            return
        yield f"noise {_bare(amount(judged.noise))} a pair"
        if judged.reach:
            yield f"gains from {_bare(amount(judged.reach))} are waited for"
    elif glance.baseline is not None:
        said = words.one_line(glance.baseline.description).removeprefix("baseline; ")
        if said != "baseline":
            yield f"noise: {said}"


def _bare(gain: str) -> str:
    """A gain without its word: "0.8 % faster" as "0.8 %"."""
    return gain.rpartition(" ")[0]


def _tries(glance: Glance, size: Size) -> Iterator[_Row]:
    if len(glance.statuses) < 2:
        return
    letters, room = size.letters, size.width - _MARGIN
    bars = spark.bars(glance.levels, glance.direction, room, letters)
    if bars.strip():
        yield _Row(8, Text(f"level {bars}"))
    counted = Counter(glance.statuses[1:])
    tally = " ".join(f"{letters.marks[s]} {counted[s]} {s}" for s in Status if counted[s])
    line = Text("tries ").append_text(_marks(glance, room, letters))
    if cell_len(line.plain) + 2 + cell_len(tally) <= size.width:
        line.append(f"  {tally}", "dim")
    yield _Row(7, line)


def _marks(glance: Glance, room: int, letters: spark.Letters) -> Text:
    """What became of the latest experiments that fit, a letter each."""
    return Text.assemble(*((letters.marks[status], STYLES[status]) for status in glance.statuses[-room:]))


def recent_line(experiment: Experiment, unit: str, width: int) -> Text:
    """A decision; status and verdict first: on a narrow terminal they are what is left."""
    line = Text.assemble(
        f"#{experiment.number:<3}", (f"{words.status(experiment):<9}", STYLES[experiment.status])
    )
    line.append(f" {words.decision(experiment) or words.moved(experiment, unit)}")
    if width >= _NARROW:
        line.append(f"  {words.one_line(experiment.description)}", style="dim")
    return line


def _fitted(parts: Iterator[str] | Sequence[str], width: int, between: str = " · ") -> str:
    """The parts in a row, as many as fit, the first in any case."""
    line = ""
    for part in filter(None, parts):
        longer = f"{line}{between}{part}" if line else part
        if line and cell_len(longer) > width:
            break
        line = longer
    return line


def _cut(text: Text, size: Size) -> Text:
    """The line within the width; a line that wraps would be drawn over at the next change."""
    shown = words.encodable(text.plain, size.encoding)
    if shown != text.plain:
        text = Text(shown, style=text.style)  # letters have become several: styles would be in wrong places
    if cell_len(text.plain) > size.width:
        end = "…" if words.encodable("…", size.encoding) == "…" else "~"
        text = _shortened(text, size.width - 1)
        text.append(end)
    text.no_wrap = True
    return text


def _shortened(text: Text, width: int) -> Text:
    kept = set_cell_size(text.plain, max(0, width)).rstrip()
    return text[: len(kept)] if kept else Text()


def overview(glances: Sequence[Glance], size: Size, now: float) -> list[Text]:
    """Several runs at once, two lines each; those that do not fit are counted."""
    room = max(1, (size.height - 1) // 2)
    rows = [line for glance in glances[:room] for line in _brief(glance, size, now)]
    if hidden := len(glances) - room:
        rows += [Text(f"and {hidden} more", style="dim")] if hidden > 0 else []
    return [_cut(line, size) for line in rows]


def _brief(glance: Glance, size: Size, now: float) -> Iterator[Text]:
    run_id = words.one_line(glance.run_id)
    yield Text.assemble(
        (run_id, "bold"), f"  {_doing(glance, max(1, size.width - cell_len(run_id) - 2), now)}"
    )
    line = Text("  ")
    line.append_text(_marks(glance, max(1, min(40, size.width // 3)), size.letters))
    best = _gain(glance, 0).removeprefix("gain ") or ", ".join(_best(glance))
    room = max(1, size.width - cell_len(line.plain) - 2)
    yield line.append(f"  {_fitted((best, _left(glance, 0, now)), room)}")
