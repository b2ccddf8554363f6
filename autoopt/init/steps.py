"""The first questions: what is to become better, which files may be edited, and which number tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from autoopt.errors import AutooptError, UsageError
from autoopt.init import guesses, reading, showing
from autoopt.init.draft import Draft, Ran, World, listed, paths, typed
from autoopt.init.reading import Mark, Reading, Screen
from autoopt.init.setups import Setup
from autoopt.init.talk import BackError, Talk, chosen
from autoopt.records import Failure
from autoopt.reporters import words
from autoopt.schema import Config, Extraction
from autoopt.scope import Scope

_PYTHON = re.compile(r"(?<![\w./${:=-])python3?(?=\s)")
_OURS = re.compile(r"\S+ -P -X pycache_prefix= -m autoopt\.instruments\.")
_SHOWN = 6
"""Files that are named."""
_IS_THAT = "Is that the number to improve? Enter for yes; else"
_WHICH = "Which number is to improve? Say"
_MEASURED = {"t": Extraction.wall, "c": Extraction.cpu, "m": Extraction.peak_memory}
_READABLE = 24  # characters of a regular expression that is shown to a person
_KINDS = {"wall": "the time it takes", "cpu": "its CPU time", "peak_memory": "the memory it takes"}


def aim(draft: Draft, world: World, talk: Talk) -> None:
    """Which recipe fits."""
    if draft.has("recipe"):
        draft.setup = _setup_of(draft.recipe, world)
        return
    if draft.has("metric.command"):
        _take(draft, _setup_of("command", world))
        return
    talk.say("", "What is to become better? This was found here:")
    width = max(len(one.recipe) for one in world.setups)
    for number, one in enumerate(world.setups, 1):
        talk.say(f" {number}  {one.recipe:<{width}}  {one.why}")
    about = (
        "Each line is a recipe: how to measure, what must stay true, which ideas are tried. `autoopt "
        "recipes` lists all, and any of them can be named here. The last one takes any command."
    )
    default = draft.answers.get("recipe", world.setups[0].recipe)
    while True:
        said = talk.ask("recipe", "Which one? (a number, or a recipe's name)", default, about, sure=False)
        if said.isdecimal() and 1 <= int(said) <= len(world.setups):
            return _take(draft, world.setups[int(said) - 1])
        if name := chosen(said, list(world.goals)):
            return _take(draft, _setup_of(name, world))
        talk.refuse(f"{said}: no such recipe here; there are {', '.join(sorted(world.goals))}.")


def _take(draft: Draft, setup: Setup) -> None:
    if draft.setup != setup:
        draft.answers.clear()
    draft.setup = setup
    draft.put("recipe", setup.recipe)


def _setup_of(recipe: str, world: World) -> Setup:
    found = next((one for one in world.setups if one.recipe == recipe), None)
    return found or Setup(recipe=recipe, why="", scope=world.setups[-1].scope)


def goal(draft: Draft, world: World, talk: Talk) -> None:
    """In a line of the user's own."""
    if draft.has("goal"):
        return
    default = draft.answers.get("goal") or _goal(draft, world)
    about = "One line for you, for readers of the report, and for agents that have ideas."
    draft.put("goal", talk.ask("goal", "The goal, in a line:", default, about))


def _goal(draft: Draft, world: World) -> str:
    known = draft.value("metric.command") or (draft.setup.command if draft.setup else "")
    if draft.recipe == "command" and known:
        return f"a better number from {words.one_line(known)[:60]}"
    return world.goals.get(draft.recipe) or "a better number"


def scope(draft: Draft, world: World, talk: Talk) -> None:
    """Which files may be edited."""
    if draft.has("scope"):
        return
    assert draft.setup is not None
    written = str(world.raw(draft.recipe).get("scope") or "")
    known = draft.answers.get("scope")
    default = typed(paths(known) if known else draft.setup.scope) or None
    about = (
        "Paths and globs from the top of the repository, with commas between: src, lib/*.py, src/**/*.sql. A "
        "directory stands for all below it. Nothing else is ever edited. What judges the result (tests, "
        "benchmarks, data) is better left out."
    )
    while True:
        question = "Which files may be edited?"
        said = talk.ask("scope", question, written or default, about, sure=bool(written))
        given = paths(said)
        try:
            matched = [path for path in world.tracked if Scope(given).contains(path)]
        except UsageError as error:
            talk.refuse(str(error))
            continue
        if matched:
            talk.say(f"{words.count(len(matched), 'file')}: {few(matched)}")
            draft.put("scope", listed(given))
            return
        talk.refuse(f"scope: {said} matches no committed file; there are {few(world.tracked)}.")


def few(paths: Sequence[str]) -> str:
    """The first ones of many."""
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(map(words.one_line, paths[:_SHOWN]))}{more}"


def command(draft: Draft, world: World, talk: Talk) -> None:
    """What is run to get the number, where that is not the recipe's own instrument."""
    raw = world.raw(draft.recipe).get("metric")
    own = str(raw.get("command") or "") if isinstance(raw, dict) else ""
    if draft.has("metric.command", "options.command", "options.module"):
        _name_interpreter(draft, world, talk)
        return
    if "${instrument:" in own:
        return
    assert draft.setup is not None
    default = draft.answers.get("metric.command") or draft.setup.command or None
    about = (
        "A shell command, run from the top of a clean checkout, again and again. Either it prints a "
        "number, or its time or memory is the number. What takes long and is no part of the number belongs "
        "into metric.prepare, which can be given beforehand."
    )
    draft.put("metric.command", talk.ask("metric.command", "Which command is measured?", default, about))
    _name_interpreter(draft, world, talk)


def _name_interpreter(draft: Draft, world: World, talk: Talk) -> None:
    """Have a bare `python` be the project's own, which other machines find, too."""
    said = draft.value("metric.command")
    if world.interpreter and (mended := _PYTHON.sub(lambda _: world.interpreter, said)) != said:
        talk.say(f"python is taken for {world.interpreter}, the project's own.")
        draft.correct("metric.command", mended)


def number(draft: Draft, world: World, talk: Talk) -> None:
    """Run the command once and find the number."""
    config = complete(draft, world, talk)
    if not (draft.tries and (draft.has_run(config) or _agreed(config, world, talk))):
        draft.reading = draft.ran = draft.screen = None
        talk.say("Not run: whether its number can be read shows at the start of a run.")
        return
    ran = draft.run(world, config)
    while ran.problem:
        _show(draft.screen, None, talk)
        talk.refuse(f"metric.command: {ran.problem}. A run could not start with it.")
        config = _another(draft, world, talk)
        ran = draft.run(world, config)
    assert draft.screen is not None
    _choose(draft, draft.screen, config, talk)


def complete(
    draft: Draft, world: World, talk: Talk, check: Callable[[Config], None] = lambda config: None
) -> Config:
    """The settings, once what is still missing or wrong in them is known.

    Args:
        check: Refuses settings, too.
    """
    while True:
        try:
            config = draft.settings(world)
            check(config)
            return config
        except AutooptError as error:
            talk.refuse(str(error))
        about = "What the line above asks for, as you would write it on the command line: key=value."
        said = talk.ask("", "Give that as key=value, or < to go back:", None, about)
        key, equals, value = said.partition("=")
        if equals and key.strip():
            draft.correct(key.strip(), value.strip().strip("'\""))


def _another(draft: Draft, world: World, talk: Talk) -> Config:
    """Another command in the place of one that failed."""
    about = "Type another command, or the same again once you have mended (and committed) it."
    before = draft.settings(world).metric.command
    said = talk.ask("metric.command", "Another command, or Enter to try this one again:", before, about)
    draft.forget()
    if said != before:
        draft.correct("metric.command", said)
        _name_interpreter(draft, world, talk)
    return complete(draft, world, talk)


def _agreed(config: Config, world: World, talk: Talk) -> bool:
    talk.say("", "To see its output, this is run once, in a clean checkout of the last commit:")
    commands = filter(None, (config.workspace.setup, config.metric.prepare, config.metric.command))
    shown = (_OURS.sub("autoopt's ", words.one_line(command)) for command in commands)
    talk.say(*(f"  {one}" for one in shown))
    about = f"As in a run. Sandbox: {world.walls}."
    while True:
        said = talk.ask("", "Run it now? (y or n)", "y", about)
        if (answer := chosen(said, ("yes", "no"))) is not None:
            return answer == "yes"
        talk.refuse(f"{said}: answer y or n.")


def _show(screen: Screen | None, mark: Mark | None, talk: Talk) -> None:
    if screen is not None:
        talk.show("", *showing.screen(screen, mark, talk.width))


def _choose(draft: Draft, screen: Screen, config: Config, talk: Talk) -> None:
    """Agree on the number; what is pointed at is looked up and tried."""
    found = _proposal(draft, screen, config)
    if draft.at:
        found = _pointed(draft.at, screen, talk)
    _tell(found, screen, config, talk)
    while True:
        said = talk.ask(
            "at",
            f"{_IS_THAT if found else _WHICH} a line's number, or some of its text; or t for the time, c for "
            "CPU time, m for memory:",
            "yes" if found else None,
            "The number is found again by the words around it, its place, or its path in JSON, and that is "
            "tried on this output before it is taken. A run stops where it is not found, or not unique.",
            sure=bool(draft.at) or _is_certain(found, screen, draft),
            found="" if found is None else told(found),
        )
        if found and said in ("yes", "y"):
            draft.reading = found
            if found.note or found.extract != config.metric.extract:
                draft.extraction(found)
            return
        if pointed := _pointed(said, screen, talk):
            found = pointed
            _tell(found, screen, config, talk)


def _is_certain(found: Reading | None, screen: Screen, draft: Draft) -> bool:
    """Whether there is no doubt which number is meant."""
    if draft.has("metric.extract") or draft.recipe != "command":
        return True
    return found is not None and (found.extract.kind is Extraction.named or len(screen.marks) == 1)


def _proposal(draft: Draft, screen: Screen, config: Config) -> Reading | None:
    """What the recipe or an earlier answer says, else what the output suggests."""
    said = draft.has("metric.extract") or "metric.extract.kind" in draft.answers
    if said or draft.recipe != "command":
        found = reading.read(screen, config.metric.extract)
        return None if isinstance(found, Failure) else found
    mark = reading.guess(screen)
    ways = reading.of_mark(screen, mark) if mark else []
    return next(iter(ways or reading.measured(screen)), None)


def _tell(found: Reading | None, screen: Screen, config: Config, talk: Talk) -> None:
    _show(screen, found.mark if found else None, talk)
    if found is None:
        talk.say("No number was found in it.")
        return
    shown = words.number(found.value, guesses.unit(found) or config.metric.unit)
    talk.say("", f"The number: {shown} ({told(found)})")
    if found.note:
        talk.say(f"{found.note}.")


def told(found: Reading) -> str:
    """How a number is read, in words."""
    config = found.extract
    if config.kind.value in _KINDS:
        return _KINDS[config.kind.value]
    place = (
        f"in {config.file}" if config.file else "" if found.mark is None else f"line {found.mark.line.number}"
    )
    said = {
        Extraction.json: f"at {config.pattern} in the JSON",
        Extraction.named: f"METRIC {config.pattern}",
        Extraction.line: "the last line" if config.pattern == "-1" else f"line {config.pattern}",
        Extraction.regex: "by a pattern" if len(config.pattern or "") > _READABLE else f"by {config.pattern}",
    }.get(config.kind, config.kind.value)
    return ", ".join(dict.fromkeys(filter(None, (place, said))))


def _pointed(said: str, screen: Screen, talk: Talk) -> Reading | None:
    """The number that was pointed at, with the best way to read it; None where it is not clear yet."""
    if (kind := _MEASURED.get(said.lower())) is not None:
        return next(one for one in reading.measured(screen) if one.extract.kind is kind)
    lines = screen.named(said)
    if not lines:
        talk.refuse(f"{said}: no line has that number or text.")
        return None
    with_number = [line for line in lines if screen.on(line)]
    if not with_number:
        talk.refuse(f"there is no plain number on line {lines[0].number}{_reason(lines[0].text)}.")
        return None
    if len(with_number) > 1:
        shown = ", ".join(str(line.number) for line in with_number[:8])
        talk.refuse(f"{said}: {len(with_number)} lines have it ({shown}); give one line's number.")
        return None
    try:
        mark = _which(screen.on(with_number[0]), talk)
    except BackError:  # to the line
        return None
    ways = reading.of_mark(screen, mark)
    if not ways:
        talk.refuse(reading.unclear(screen, mark))
    return ways[0] if ways else None


def _reason(text: str) -> str:
    if re.search(r"\d,\d", text):
        return ": numbers are printed with a decimal point and no other comma"
    return ""


def _which(marks: Sequence[Mark], talk: Talk) -> Mark:
    """The one that is meant of several on a line."""
    if len(marks) == 1:
        return marks[0]
    shown = [mark.line.text[mark.start : mark.end] for mark in marks]
    probable = next(iter(_telling(marks)), len(marks))
    while True:
        said = talk.ask(
            "",
            f"Which of {', '.join(shown)}? (the number itself, or #1 to #{len(marks)})",
            shown[probable - 1],
            "The line has several numbers; only one of them is the one to improve.",
        )
        if said in shown:
            return marks[shown.index(said)]
        if re.fullmatch(r"#\d+", said) and 1 <= int(said[1:]) <= len(marks):
            return marks[int(said[1:]) - 1]
        talk.refuse(f"{said}: is none of them.")


def _telling(marks: Sequence[Mark]) -> Iterator[int]:
    """Positions, from 1, of those right behind `=` or `:`."""
    for position, mark in enumerate(marks, 1):
        if re.search(r"[=:]\s*$", mark.line.text[: mark.start]):
            yield position


def numbers(ran: Ran | None, config: Config) -> str:
    """What else is known of the command, as it was in the execution."""
    if ran is None:
        return "peak_mb, wall_s, cpu_s"
    extract = config.metric.extract
    outside = {Extraction.wall: "wall_s", Extraction.cpu: "cpu_s", Extraction.peak_memory: "peak_mb"}
    own = extract.pattern if extract.kind is Extraction.named else outside.get(extract.kind, "")
    others = [(name, value) for name, value in sorted(ran.details.items()) if name != own]
    return ", ".join(f"{name} ({words.number(value)})" for name, value in others)
