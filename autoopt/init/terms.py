"""The further questions: which way is better, until when, what must not suffer, and what it may cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from autoopt.detect.scripts import scripts
from autoopt.errors import UsageError
from autoopt.init import bounds, guesses
from autoopt.init.draft import Draft, World, listed, paths, typed
from autoopt.init.steps import few, numbers
from autoopt.init.talk import BackError, Nobody, Talk, chosen
from autoopt.reporters import words
from autoopt.schema import Config, Extraction
from autoopt.scope import Scope

_OUTSIDE = frozenset(
    {Extraction.wall, Extraction.cpu, Extraction.peak_memory, Extraction.exit_code, Extraction.hyperfine}
)
_TESTS = ("**/test_*.py", "**/*_test.py", "**/conftest.py", "tests/**", "test/**")
_POLICIES = {
    "usual": "a line of code must bring 0.02 % (a 1 % gain may cost 50 lines)",
    "strict": "a line of code must bring 0.1 %",
    "any": "any gain is worth its code",
}
_LINE_GAINS = {"usual": "0.0002", "strict": "0.001", "any": "0"}
_PLAIN_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_NONE = ("-", "none", "no", "null")


def direction(draft: Draft, world: World, talk: Talk) -> None:
    """Whether lower or higher is better."""
    if draft.has("metric.direction"):
        return
    config = draft.known(world)
    default = draft.answers.get("metric.direction") or _direction(draft, config)
    about = "lower: times, sizes, errors. higher: scores, throughput, coverage."
    while True:
        said = talk.ask("metric.direction", "Which way is better? (lower or higher)", default, about)
        if answer := chosen(said, ("lower", "higher")):
            return draft.put("metric.direction", answer)
        talk.refuse(f"{said}: answer lower or higher.")


def _direction(draft: Draft, config: Config) -> str:
    if draft.reading is None or not _is_changed(draft):
        return config.metric.direction.value
    return guesses.direction(draft.reading, guesses.unit(draft.reading), config.goal).value


def _is_changed(draft: Draft) -> bool:
    """Whether the number is another than the recipe's own."""
    return "metric.extract.kind" in draft.answers or draft.has("metric.extract") or draft.recipe == "command"


def unit(draft: Draft, world: World, talk: Talk) -> None:
    """What the number is in."""
    if draft.has("metric.unit"):
        return
    config = draft.known(world)
    own = "" if _is_changed(draft) and draft.reading else config.metric.unit
    found = guesses.unit(draft.reading) if draft.reading else ""
    default = draft.answers.get("metric.unit") or own or found or "points"
    about = (
        "For people: ms, s, MB, %, errors, points. s, ms, us, ns and bytes, kB, MB, GB are scaled as needed."
    )
    while True:
        said = talk.ask("metric.unit", "Which unit is it in? (for people)", default, about)
        if not _PLAIN_NUMBER.fullmatch(said):
            return draft.put("metric.unit", said)
        talk.refuse(f"{said}: is a number; give a unit, as in ms.")


def target(draft: Draft, world: World, talk: Talk) -> None:
    """When it is good enough."""
    if draft.has("metric.target"):
        return
    own = draft.known(world).metric.target
    default = draft.answers.get("metric.target") or ("none" if own is None else f"{own:g}")
    about = (
        "A run stops once the number has reached this with 95 % confidence; none: when the budget is spent."
    )
    while True:
        said = talk.ask(
            "metric.target", "Is there a value that is good enough? (a number, or none)", default, about
        )
        if said.lower() in _NONE:
            draft.drop("metric.target")
            return None if own is None else draft.put("metric.target", "null")
        if _PLAIN_NUMBER.fullmatch(said):
            return draft.put("metric.target", said)
        talk.refuse(f"{said}: is no number.")


def off_limits(draft: Draft, world: World, talk: Talk) -> None:
    """What of the scope must not be edited after all: above all, what judges."""
    config = draft.known(world)
    judging = judges(draft, config, world)
    own = (*config.off_limits, *_tests(draft, config, world), *judging)
    default = typed(tuple(dict.fromkeys(own))) or "none"
    if judging:
        names = ", ".join(map(words.one_line, judging))
        talk.say("", f"{names} prints or checks the number, so an edit could make it say anything.")
    if draft.has("off_limits"):
        return
    about = "Files in the scope that stay as they are: tests, benchmarks, data, what prints the number."
    while True:
        said = talk.ask(
            "off_limits", "What of the scope is off limits? (paths and globs, or none)", default, about
        )
        given = [] if said.lower() in _NONE else paths(said)
        try:
            left = [path for path in world.tracked if Scope(config.scope, given).contains(path)]
            odd = [
                one for one in given if one not in own and not any(map(Scope([one]).contains, world.tracked))
            ]
        except UsageError as error:
            talk.refuse(str(error))
            continue
        if odd:
            talk.refuse(f"off_limits: {odd[0]} matches no committed file.")
            continue
        if left:
            talk.say(f"{words.count(len(left), 'file')} may be edited: {few(left)}")
            return _put_off_limits(draft, given)
        if judging and not draft.has("metric.self_scored"):
            return _self_scored(draft, given, judging, talk)
        talk.refuse("Nothing would be left to edit.")


def _put_off_limits(draft: Draft, given: list[str]) -> None:
    draft.drop("off_limits")
    if given:
        draft.put("off_limits", listed(given))


def _self_scored(draft: Draft, given: list[str], judging: list[str], talk: Talk) -> None:
    """Where the program that is edited is the one that prints the number, only a person can say so.

    Raises:
        BackError: it is not.
    """
    about = "Then its edits could print any number, and only the guards and you would notice."
    question = (
        f"Nothing else is in the scope. Is {', '.join(judging)} itself to be improved, and prints its own "
        "number? A recipe cannot say so; each run is then started with metric.self_scored=yes. (y or n)"
    )
    while True:
        answer = chosen(talk.ask("metric.self_scored", question, None, about), ("yes", "no"))
        if answer == "no":
            raise BackError
        if answer == "yes":
            draft.given = {**draft.given, "metric.self_scored": "yes"}
            return _put_off_limits(draft, [one for one in given if one not in judging])
        talk.refuse("answer y or n.")


def _tests(draft: Draft, config: Config, world: World) -> list[str]:
    """Globs for tests that are in the scope, where tests are not what is edited."""
    if config.off_limits or draft.recipe.startswith("test-"):
        return []
    inside = Scope(config.scope)
    found = [path for path in world.tracked if inside.contains(path)]
    return [glob for glob in _TESTS if any(Scope([glob]).contains(path) for path in found)]


def judges(draft: Draft, config: Config, world: World) -> list[str]:
    """Scripts in the scope that say what the number is, or whether a change is right."""
    metric, scope = config.metric, Scope(config.scope, config.off_limits)
    extract = metric.extract if draft.reading is None else draft.reading.extract
    is_own = not draft.has("metric.self_scored") and extract.kind not in _OUTSIDE
    commands = [metric.command] if is_own else []
    commands += [guard.command for guard in config.guards.values() if guard.command is not None]
    named = [path for command in commands for path in scripts(command)]
    return [path for path in dict.fromkeys(named) if path in world.tracked and scope.contains(path)]


def constraints(draft: Draft, world: World, talk: Talk) -> None:
    """What must not get worse for it."""
    if draft.has("constraints"):
        return
    own = draft.known(world).constraints
    talk.say("", f"Other numbers that can be bounded: {numbers(draft.ran, draft.known(world))}.")
    if own and not any(key.startswith("constraints.") for key in draft.answers):
        talk.say(f"The recipe bounds {', '.join(own)} already; what you add comes on top.")
    checked = [name for name, guard in draft.known(world).guards.items() if guard.command is not None]
    talk.say(f"Checked before a change is kept: {', '.join(checked)}." if checked else _UNCHECKED)
    about = (
        f"Bounds, {bounds.CONSTRAINTS}. A share is against the start. Commands that must pass can be given "
        "beforehand: guards.NAME.command='make check'."
    )
    while True:
        said = talk.ask("constraints", "What must not get worse for it? (bounds, or none)", "none", about)
        try:
            found = {} if said.lower() in _NONE else bounds.constraints(said)
        except UsageError as error:
            talk.refuse(str(error))
            continue
        draft.drop("constraints")
        return draft.answers.update(found)


_UNCHECKED = (
    "No tests were found: nothing checks that a change is right but the number. "
    "guards.NAME.command=COMMAND adds what must pass."
)


def agent(draft: Draft, world: World, talk: Talk) -> None:
    """Who has ideas."""
    if draft.has("agent"):
        return
    installed, known = world.agents
    likely = installed[0] if installed and not isinstance(talk, Nobody) else "none"  # agents cost money
    default = draft.answers.get("agent") or likely
    about = (
        "A coding agent thinks of changes and edits the files. Without one, only what needs none is tried: "
        f"parameters, and the recipe's own rewrites. There are: {', '.join(known)}; installed here: "
        f"{', '.join(installed) or 'none'}."
    )
    while True:
        question = f"Which coding agent has ideas? ({', '.join([*installed, 'none'])}; ? for all)"
        said = talk.ask("agent", question, default, about)
        if said.lower() in _NONE:
            return draft.drop("agent", "web_search")
        if said in known:
            return draft.put("agent", said)
        talk.refuse(f"{said}: no such agent; there are {', '.join(known)}.")


def web_search(draft: Draft, world: World, talk: Talk) -> None:
    """Whether the agent may search the web."""
    if draft.has("web_search") or not (draft.value("agent") or draft.has("agent")):
        return
    default = draft.answers.get("web_search") or "no"
    about = "yes; no; or ask: you are asked about each query, and nobody there means no."
    while True:
        said = talk.ask("web_search", "May the agent search the web? (yes, ask or no)", default, about)
        if answer := chosen(said, ("yes", "ask", "no")):
            return draft.put("web_search", answer)
        talk.refuse(f"{said}: answer yes, ask or no.")


def spelled(key: str, value: str) -> dict[str, str]:
    """What a word given beforehand stands for, which may be said as an answer to its question is.

    Raises:
        UsageError: it is no such answer.
    """
    if key == "simplicity" and (policy := chosen(value, tuple(_POLICIES))):
        return {"line_gain": _LINE_GAINS[policy]}
    if key in _SHORT and not value.startswith("{"):
        return _SHORT[key](value)
    return {key: value}


_SHORT: Mapping[str, Callable[[str], dict[str, str]]] = {
    "budget": bounds.budget,
    "constraints": lambda said: {} if said.lower() in _NONE else bounds.constraints(said),
}
"""Questions whose answers are several options."""


def budget(draft: Draft, world: World, talk: Talk) -> None:
    """What it may take."""
    if draft.has("budget"):
        return
    default = _budget(draft.known(world))
    about = f"When to stop, whichever comes first, {bounds.BUDGET}."
    while True:
        said = talk.ask("budget", f"The budget? ({bounds.BUDGET})", default, about)
        try:
            found = bounds.budget(said)
        except UsageError as error:
            talk.refuse(str(error))
            continue
        draft.drop("budget")
        return draft.answers.update(found)


def _budget(config: Config) -> str:
    known = config.budget
    parts = (
        "" if known.experiments is None else _experiments(known.experiments),
        known.wall or "",
        f"${known.cost_usd:g}" if known.cost_usd is not None else "",
        f"{known.tokens} tokens" if known.tokens is not None else "",
    )
    return ", ".join(filter(None, parts)) or "20 experiments"


def _experiments(number: int) -> str:
    """So many, without the comma of thousands, which would end a bound where the answer is read."""
    return f"{number} experiment{'' if number == 1 else 's'}"


def simplicity(draft: Draft, world: World, talk: Talk) -> None:
    """How a gain is weighed against the code it takes."""
    if draft.has("simplicity", "line_gain"):
        return
    config = draft.known(world)
    own = next((name for name, gain in _LINE_GAINS.items() if float(gain) == config.line_gain), "usual")
    default = draft.answers.get("simplicity") or own
    about = "\n".join(f"{name}: {meaning}" for name, meaning in _POLICIES.items())
    about += (
        "\nOr a sentence of your own, which agents are told. Equal numbers with less code are always a win."
    )
    said = talk.ask(
        "simplicity",
        "How simple must it stay? (usual, strict, any; or a sentence for agents)",
        default,
        about,
    )
    draft.drop("simplicity", "line_gain")
    if policy := chosen(said, tuple(_POLICIES)):
        draft.put("line_gain", _LINE_GAINS[policy])
    else:
        draft.put("simplicity", said)


def name(draft: Draft, world: World, talk: Talk) -> None:
    """What the recipe is called."""
    default = guesses.name(f"{world.root.name}-{draft.recipe}", [*world.taken, *world.goals])
    about = "It becomes the file .autoopt/recipes/NAME.yaml, and is run with autoopt recipe=NAME."
    while True:
        said = draft.wanted or talk.ask("name", "A name for the recipe?", draft.name or default, about)
        draft.wanted = ""
        try:
            check_name(said, [one for one in world.goals if one not in world.taken])
        except UsageError as error:
            talk.refuse(str(error))
            continue
        draft.name = said
        return


def check_name(name: str, others: Collection[str]) -> None:
    """Refuse what cannot name a recipe of the repository.

    Args:
        others: The recipes from elsewhere, which one of the repository's would hide.

    Raises:
        UsageError: it is no name, or one of theirs.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", name):
        raise UsageError(f"name: {name!r} cannot name a recipe; use letters, digits, '-', '_' and '.'.")
    if name in others:
        raise UsageError(f"name: {name} is a recipe already, which this one would hide; choose another name.")
