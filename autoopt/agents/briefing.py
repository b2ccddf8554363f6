"""A brief as plain data for the templates: texts, numbers and lists; what others wrote comes fenced."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from autoopt.agents.fences import code, fence, one_line
from autoopt.agents.thoughts import Idea
from autoopt.records import Brief, Claim, Experiment, Status, Task
from autoopt.think import hottest_first

CHARS_PER_TOKEN = 4
_JOURNAL_FULL = 12_000  # characters of experiments told in full, the latest ones
_JOURNAL_ALL = 32_000  # characters of the journal altogether
_CLAIMS = 12_000  # characters of what was tried before the run
_EXCERPT = 2_000  # less of a file than this is not worth showing
_PATHS = 100  # files named without their content
_TOO_LARGE = 4_000_000  # bytes of a file that is not even opened
_AROUND = 15  # lines shown on either side of one that the profile names


def task_data(task: Task) -> dict[str, object]:
    """What the user asked for."""
    return {
        "goal": one_line(task.goal, 500),
        "metric": code(task.metric)
        if "\n" not in task.metric.strip()
        else fence(task.metric, "metric command"),
        "unit": one_line(task.unit, 40),
        "direction": task.direction,
        "constraints": [one_line(each, 500) for each in task.constraints],
        "scope": [code(each) for each in task.scope],
        "off_limits": [code(each) for each in task.off_limits],
        "vocabulary": [one_line(each, 300) for each in task.vocabulary],
        "simplicity": one_line(task.simplicity, 1000),
        "web_search": task.web_search,
    }


def brief_data(brief: Brief, context_tokens: int, ideas: Sequence[Idea] = ()) -> dict[str, object]:
    """What the templates may know of an experiment that is about to be thought of.

    Args:
        context_tokens: Most tokens of profile and file contents, at four characters each.
        ideas: Those that were scored and not tried.
    """
    room = context_tokens * CHARS_PER_TOKEN
    profile = _clipped(brief.profile.strip("\n"), room // 3)
    shown, more = _files(brief, room - len(profile))
    return {
        **task_data(brief.task),
        "number": brief.number,
        "value": _value(brief.history, tuple(one for one in Status if one.leads)),
        "baseline": _value(brief.history, (Status.baseline,)),
        "step": one_line(brief.step, 200),
        "advice": one_line(brief.advice, 500),
        "profile": fence(profile, "profile") if profile else "",
        "journal": fence("\n".join(_journal(brief.history)), "journal") if len(brief.history) > 1 else "",
        "known": fence("\n".join(_claims(brief.claims)), "claims") if brief.claims else "",
        "ideas": fence("\n".join(_idea_lines(brief, ideas)), "ideas") if ideas else "",
        "files": shown,
        "more_files": more,
    }


def _value(history: Sequence[Experiment], of: tuple[Status, ...]) -> str:
    """The latest number with one of these statuses; empty when there is none."""
    values = [past.value for past in history if past.status in of and past.value is not None]
    return f"{values[-1]:.6g}" if values else ""


def _clipped(text: str, limit: int) -> str:
    """The head of a long text, up to a line's end, saying how much was left out."""
    if len(text) <= limit:
        return text
    head = text[:limit].rpartition("\n")[0] or text[:limit]
    return f"{head}\n[the rest, {len(text) - len(head)} characters, is left out]"


def _journal(history: Sequence[Experiment]) -> Iterator[str]:
    """Every experiment: the latest in full, older ones on a line each, the oldest failures as counts."""
    tried = [past for past in history if past.status is not Status.baseline]
    full = _latest(map(_in_full, reversed(tried)), _JOURNAL_FULL)
    earlier = tried[: len(tried) - len(full)]
    spare = _JOURNAL_ALL - sum(len(entry) + 1 for entry in full)
    short = _latest(map(_in_short, reversed(earlier)), spare)
    oldest = earlier[: len(earlier) - len(short)]
    yield from (_in_full(past) for past in history if past.status is Status.baseline)
    if oldest:
        kept = [past for past in oldest if past.status is Status.keep]
        yield from _latest(map(_in_short, reversed(kept)), _JOURNAL_ALL // 2)
        yield _counted(oldest, kept)
    yield from short
    yield from full


def _latest(backwards: Iterable[str], room: int) -> list[str]:
    """As many of the last entries as fit, in order; they come from the last one backwards."""
    taken: list[str] = []
    for entry in backwards:
        room -= len(entry) + 1
        if room < 0:
            break
        taken.append(entry)
    return taken[::-1]


def _counted(oldest: Sequence[Experiment], kept: Sequence[Experiment]) -> str:
    failed = Counter(past.area for past in oldest if not past.status.advances)
    areas: Counter[str] = Counter()
    for area, count in failed.items():
        areas[one_line(area, 40) or "?"] += count
    named = ", ".join(f"{area} {count}" for area, count in areas.most_common(40))
    others = sum(count for _, count in areas.most_common()[40:])
    rest = f", other areas {others}" if others else ""
    return (
        f"experiments {oldest[0].number} to {oldest[-1].number}: {len(kept)} kept, "
        f"{failed.total()} not, in {named}{rest}"
    )


def _claims(claims: Sequence[Claim]) -> Iterator[str]:
    """What was tried before the run: the latest in full, older ones on a line each, the oldest as a count."""
    full = _latest(map(_claim_in_full, reversed(claims)), _CLAIMS // 2)
    earlier = claims[: len(claims) - len(full)]
    spare = _CLAIMS - sum(len(entry) + 1 for entry in full)
    short = _latest(map(_claim_in_short, reversed(earlier)), spare)
    if oldest := len(earlier) - len(short):
        yield f"{oldest} before these are left out"
    yield from short
    yield from full


def _claim_in_full(claim: Claim) -> str:
    area = f" | {one_line(claim.area, 60)}" if claim.area else ""
    idea, note = one_line(claim.hypothesis, 300), one_line(claim.note, 300)
    entry = f"{_claim_in_short(claim, 200)}{area}" + (f"\n  idea: {idea}" if idea else "")
    return entry + (f"\n  note: {note}" if note else "")


def _claim_in_short(claim: Claim, limit: int = 100) -> str:
    value = "" if claim.value is None else f" {claim.value:.6g}"
    return f"{claim.number} {claim.status}{value} | {one_line(claim.description, limit)}"


def _in_full(past: Experiment) -> str:
    value = "" if past.value is None else f" {past.value:.6g}"
    entry = f"{past.number} {past.status}{value} | {one_line(past.description, 200)}"
    entry += f" | {one_line(past.area, 60)}" if past.area else ""
    if past.hypothesis and past.hypothesis != past.description:
        entry += f"\n  idea: {one_line(past.hypothesis, 300)}"
    reason = _why(past)
    return entry + (f"\n  why: {one_line(reason, 300)}" if reason else "")


def _in_short(past: Experiment) -> str:
    return f"{past.number} {past.status} | {one_line(past.description, 80)} | {one_line(past.area, 30)}"


def _why(past: Experiment) -> str:
    """What decided the experiment: an objection, a crash, or the numbers."""
    objection = next(
        (f"{finding.guard}: {finding.message}" for finding in past.findings if not finding.passed), ""
    )
    crash = past.failure.reason if past.failure else ""
    return objection or crash or (past.verdict.sentence if past.verdict else "")


def _idea_lines(brief: Brief, ideas: Sequence[Idea]) -> Iterator[str]:
    for idea in ideas:
        yield f"{idea.thought(brief.tried).score:.1f} | {idea.area} | {idea.hypothesis}"


def _files(brief: Brief, room: int) -> tuple[list[dict[str, str]], int]:
    """Files in scope, hot ones first: whole while they fit, then excerpts, then names; and how many more."""
    ordered = hottest_first(brief.scope, brief.profile)
    shown: list[dict[str, str]] = []
    for position, path in enumerate(ordered):
        if room < _EXCERPT and position >= _PATHS:
            return shown, len(ordered) - position
        content, note = _content(brief.desk / path, room)
        if len(content) > room:
            content, note = _excerpt(content, path, brief.profile, room)
        room -= len(content)
        block = fence(content, path) if content else ""
        shown.append({"path": code(path), "note": note, "content": block})
    return shown, 0


def _content(path: Path, room: int) -> tuple[str, str]:
    """A regular file's text, or why it is not shown."""
    if path.is_symlink() or not path.is_file():
        return "", "no regular file"
    if (size := path.stat().st_size) > (_TOO_LARGE if room >= _EXCERPT else room):
        return "", f"{size} bytes, not shown"
    raw = path.read_bytes()
    try:
        return raw.decode(), "" if raw else "empty"
    except UnicodeDecodeError:
        return "", f"{len(raw)} bytes, not text"


def _excerpt(content: str, path: str, profile: str, room: int) -> tuple[str, str]:
    """The lines around those that the profile names, from the first line where it names none."""
    lines = content.splitlines()
    taken: set[int] = set()
    for number in _windows(_named_lines(path, profile, len(lines)), len(lines)):
        room -= len(lines[number]) + 12  # the line's number and a mark of what is left out come on top
        if room < 0:
            break
        taken.add(number)
    shown: list[str] = []
    for number in sorted(taken):
        if number and number - 1 not in taken:
            shown.append("[...]")
        shown.append(f"{number + 1:>5}  {lines[number]}")
    if not shown:
        return "", f"{len(lines)} lines, not shown"
    return "\n".join(shown), f"{len(shown) - shown.count('[...]')} of {len(lines)} lines, numbered"


def _named_lines(path: str, profile: str, count: int) -> list[int]:
    """Lines (from 0) of the file that the profile names, as in `src/a.py:12` or `"src/a.py", line 12`."""
    name = re.escape(path.rpartition("/")[2])
    found = re.findall(rf'(?<![\w.-]){name}(?::|", line )(\d{{1,7}})', profile)
    return list(dict.fromkeys(int(line) - 1 for line in found if 1 <= int(line) <= count)) or [0]


def _windows(centres: Sequence[int], count: int) -> Iterator[int]:
    """Lines around each centre in turn, each line once, then whatever follows from the start."""
    seen: set[int] = set()
    for first, last in [*((each - _AROUND, each + _AROUND) for each in centres), (0, count - 1)]:
        for number in range(max(0, first), min(count - 1, last) + 1):
            if number not in seen:
                seen.add(number)
                yield number
