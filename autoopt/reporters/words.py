"""Numbers, gains and durations as people read them; pure functions, no terminal."""

from __future__ import annotations

import math
import re
import unicodedata
from statistics import median

from autoopt.records import Confirmation, Experiment, Failure, Finding, Usage, Value, Verdict
from autoopt.schema import Direction

_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TIMES = frozenset({*_SECONDS, "min", "minutes", "h", "hours"})
_SECONDS_SCALE = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = {"B": 1.0, "bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}
_BYTES_SCALE = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))

_ASCII = str.maketrans(
    {
        "─": "-",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "–": "-",
        "—": "-",
        "−": "-",
        "×": "x",
        "…": "...",
        "µ": "u",
        "●": "*",
        "▸": ">",
        "·": "|",
    }
)
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links
)
_LONGEST = 160  # characters of one line of a message
_FAR = 0.05  # of two numbers' ratio: beyond that the smaller one is better read in its own unit
_LARGEST_LOG = 50.0  # beyond e^50 a ratio says nothing, and exp must not overflow


def number(value: float, unit: str = "", digits: int = 3) -> str:
    """The value with its unit, to `digits` significant digits; whole numbers keep all of theirs."""
    scaled, shown = _scale(value, value, unit)
    return _with_unit(_digits(scaled, digits), shown)


def change(before: float, after: float, unit: str = "") -> str:
    """As in "412 ms → 318 ms", or "1.54 s → 11.9 ms" where one unit would not suit both.

    There is a fourth digit where three would make two numbers look the same.
    """
    largest = max(abs(before), abs(after))
    if 0 < min(abs(before), abs(after)) < _FAR * largest:
        return f"{number(before, unit)} → {number(after, unit)}"
    (first, shown), (second, _) = _scale(before, largest, unit), _scale(after, largest, unit)
    digits = 4 if before != after and _digits(first, 3) == _digits(second, 3) else 3
    return f"{_with_unit(_digits(first, digits), shown)} → {_with_unit(_digits(second, digits), shown)}"


def _scale(value: float, largest: float, unit: str) -> tuple[float, str]:
    """The value in the unit that suits the largest of the numbers shown beside it."""
    for units, scale in ((_SECONDS, _SECONDS_SCALE), (_BYTES, _BYTES_SCALE)):
        if unit in units and largest != 0:
            base = units[unit]
            fits = [step for step in scale if abs(largest) * base >= step[0] * 0.9995]
            size, name = fits[0] if fits else scale[-1]
            return value * base / size, name
    return value, unit


def _digits(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == round(value) and abs(value) < 1e15:
        return _minus(f"{value:,.0f}")
    magnitude = int(
        f"{value:.{digits - 1}e}".partition("e")[2]
    )  # of the rounded number: 0.9996 has that of 1
    if magnitude < -4 or magnitude >= 15:
        return _minus(f"{value:.{digits - 1}e}")
    text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
    return _minus(text)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text


def percent(ratio: float) -> str:
    """A ratio as a percentage without its sign of quality, as in "22.8 %" or "−0.04 %"."""
    return f"{_percent_digits(ratio)} %"


def _percent_digits(ratio: float) -> str:
    value = abs(ratio) * 100
    places = 0 if value >= 99.95 else 1 if value >= 0.095 or value == 0 else 2
    text = f"{value:,.{places}f}"
    return f"−{text}" if ratio < 0 and float(text.replace(",", "")) else text


def ratio_gain(effect: float, direction: Direction) -> float:
    """How much lower (or higher) a log gain leaves the metric: 0.26 is 0.229 lower, or 0.297 higher."""
    bounded = max(-_LARGEST_LOG, min(_LARGEST_LOG, effect))
    return -math.expm1(-bounded) if direction is Direction.lower else math.expm1(bounded)


def gain(effect: float, direction: Direction, unit: str = "", *, is_ratio: bool = True) -> str:
    """The effect in words: "22.9 % faster", "29.7 % higher", "3.1 % slower", "0.012 higher"."""
    amount = ratio_gain(effect, direction)
    shown = percent(abs(amount)) if is_ratio else number(abs(effect), unit)
    return f"{shown} {side(effect, direction, unit)}"


def side(effect: float, direction: Direction, unit: str) -> str:
    """What a gain (or a loss) makes the metric: faster, slower, lower or higher."""
    if direction is Direction.lower and unit.lower() in _TIMES:
        return "faster" if effect >= 0 else "slower"
    return "lower" if (direction is Direction.lower) == (effect >= 0) else "higher"


def interval(low: float, high: float, direction: Direction, unit: str = "", *, is_ratio: bool = True) -> str:
    """The two ends of a gain's interval, as in "1.8–4.4 %" or "−0.3 to 2.1 %"."""
    if is_ratio:
        ends = [_percent_digits(ratio_gain(end, direction)) for end in (low, high)]
        return f"{_join(ends)} %"
    scaled = [_scale(end, max(abs(low), abs(high)), unit) for end in (low, high)]
    return _with_unit(_join([_digits(value, 3) for value, _ in scaled]), scaled[0][1])


def _join(ends: list[str]) -> str:
    return " to ".join(ends) if any(end.startswith("−") for end in ends) else "–".join(ends)


def headline(confirmation: Confirmation, direction: Direction, unit: str) -> str:
    """The final claim: "412 ms → 318 ms: 22.8 % faster (95 % 21.9–23.7 %), 8 fresh pairs"."""
    is_ratio, low, high = confirmation.is_ratio, confirmation.low, confirmation.high
    moved = change(confirmation.baseline, confirmation.final, unit)
    claim = gain(confirmation.effect, direction, unit, is_ratio=is_ratio)
    ends = f" (95 % {interval(low, high, direction, unit, is_ratio=is_ratio)})" if low < high else ""
    return f"{moved}: {claim}{ends}, {count(confirmation.pairs, 'fresh pair')}{_doubt(low, high)}"


def _doubt(low: float, high: float) -> str:
    if low > 0:
        return ""
    return "; this is a loss" if high < 0 else "; no gain at all is within the interval"


def evidence(verdict: Verdict, direction: Direction, unit: str) -> str:
    """What the pairs say before it is decided: "so far 2.1 % faster, 87 % sure, 3 pairs"."""
    said = gain(verdict.effect, direction, unit, is_ratio=verdict.is_ratio)
    sure = percent_sure(verdict.probability if verdict.effect >= 0 else 1 - verdict.probability)
    return f"so far {said}, {sure}, {count(verdict.pairs, 'pair')}"


def percent_sure(probability: float) -> str:
    """As in "87 % sure", rounded down as verdicts have it; never 100, which no number of pairs can give."""
    return f"{min(99, int(100 * probability))} % sure"


def raw_change(before: float, after: float) -> str:
    """The plain relative change of two numbers, as in "−22.8 %"; empty where a ratio has no meaning."""
    if before <= 0 or after <= 0:
        return ""
    ratio = after / before - 1
    return percent(ratio) if ratio <= 0 else f"+{percent(ratio)}"


def duration(seconds: float) -> str:
    """As in "0.42 s", "12 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(amount: int, noun: str) -> str:
    """As in "1 pair", "3 pairs"."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def usage(spent: Usage) -> str:
    """What agents took: "3 calls, $0.42, 12.3k tokens"; empty when none was called."""
    if not spent.calls:
        return ""
    cost = f"${spent.cost_usd:.2f}" if spent.cost_usd >= 0.005 else "under $0.01" if spent.cost_usd else ""
    tokens = f"{thousands(spent.tokens)} tokens" if spent.tokens else ""
    return ", ".join(filter(None, (count(spent.calls, "call"), cost, tokens)))


def thousands(amount: int) -> str:
    """As in "830", "12.3k", "3.46M"."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g}{unit}"
    return str(amount)


def value(parameter: Value) -> str:
    """A parameter's value: "absent" for a line that is not there, yes and no in lower case."""
    if parameter is None:
        return "absent"
    return str(parameter).lower() if isinstance(parameter, bool) else one_line(str(parameter))


def one_line(text: str) -> str:
    """The text on one line without control characters: it may come from a stranger's program."""
    return " ".join(lines(text).split())


def lines(text: str) -> str:
    """The text with its lines, without colours, cursor moves and other control characters."""
    if text.isascii() and text.isprintable():  # as most are, in reports with millions of them
        return text
    bare = _ESCAPES.sub("", text.expandtabs())
    return "".join(letter for letter in bare if letter == "\n" or unicodedata.category(letter)[0] != "C")


def encodable(text: str, encoding: str) -> str:
    """The text as a stream of this encoding can show it: arrows and dashes in ASCII where they must be."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def nearest(error: UnicodeError) -> tuple[str, int]:
    """What a stream that cannot show a letter gets in its place: a minus sign must not become a `?`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missed = error.object[error.start : error.end].translate(_ASCII)
    return "".join(letter if letter.isascii() else "?" for letter in missed), error.end


def moved(experiment: Experiment, unit: str) -> str:
    """The experiment's numbers: "412 ms → 318 ms" in pairs, one number, or nothing after a crash."""
    if experiment.measurement is None:
        return ""
    if not experiment.incumbent_samples:
        return number(experiment.measurement.value, unit)
    return change(incumbent_value(experiment), experiment.measurement.value, unit)


def incumbent_value(experiment: Experiment) -> float:
    """The median of the incumbent's samples in the experiment's own pairs; there must be one."""
    return median(sample.value for sample in experiment.incumbent_samples)


def decision(experiment: Experiment) -> str:
    """Why it was decided so, in one line: the guard that failed, how it crashed, or the verdict."""
    if said := "; ".join(objection(finding) for finding in experiment.findings if not finding.passed):
        return said
    if experiment.failure is not None:
        return one_line(_failure(experiment.failure))
    said = one_line(experiment.verdict.sentence) if experiment.verdict else ""
    return "; ".join([said, *(f"{guard} is flaky" for guard in _flaky(experiment))])


def _flaky(experiment: Experiment) -> list[str]:
    """The guards that passed, but not every time."""
    return [one_line(one.guard) for one in experiment.findings if one.is_flaky]


def objection(finding: Finding) -> str:
    """What a guard says against a change, in one line: which, what it saw and where."""
    said = f"{one_line(finding.guard)}: {_ends(finding.message)}"
    if finding.where and finding.where not in finding.message:
        said = f"{said} ({one_line(finding.where)})"
    return f"suspect: {said}" if finding.suspect else said


def found(finding: Finding) -> str:
    """What a guard's finding comes to, in a word: passed, failed, suspect or overruled."""
    if finding.suspect:
        return "overruled" if finding.passed else "suspect"
    return "passed" if finding.passed else "failed"


def overruled(experiment: Experiment) -> str:
    """Who had a suspect change tried again, and why; empty for all others."""
    if (said := experiment.overrule) is None:
        return ""
    guards = ", ".join(map(one_line, said.guards))
    return f"#{said.number} was suspect ({guards}); {one_line(said.by)}, {said.when}: {one_line(said.reason)}"


def status(experiment: Experiment) -> str:
    """The status, and whether a suspicion is all that is behind it."""
    return f"{experiment.status.value} (suspect)" if experiment.suspicions else experiment.status.value


def _ends(message: str) -> str:
    """The first and the last line of a message: what happened, and the tool's own conclusion."""
    rows = [one_line(row) for row in lines(message).splitlines() if row.strip()]
    return " … ".join(_clipped(row) for row in (rows if len(rows) < 2 else (rows[0], rows[-1])))


def _clipped(row: str) -> str:
    return row if len(row) <= _LONGEST else f"{row[: _LONGEST - 1]}…"


def _failure(failure: Failure) -> str:
    return (
        f"timed out: {failure.reason}" if failure.timeout and "time" not in failure.reason else failure.reason
    )


def kind_of_row(row: str) -> str:
    """What a row of a diff is: file, added, removed, place; empty for one that stays as it is."""
    if row.startswith(("+++", "---", "diff ", "index ")):
        return "file"
    return {"+": "added", "-": "removed", "@": "place"}.get(row[:1], "")
