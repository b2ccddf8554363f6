"""`autoopt recipes`: list the recipes, show one with what it inherits and its own options, or trust one.

autoopt recipes [list]       every recipe, its goal, where it is from, and whether it is trusted
autoopt recipes show NAME [key=value ...]
                             one recipe with what it inherits, resolved, and where each value is from;
                             the words are taken as for a run: scope=src options.checker=mypy
autoopt recipes trust NAME [agent=NAME] [inspector=NAME] [recipe/GROUP=NAME] [--prompts] [--yes]
                             what a recipe of somebody else would run, and whether you agree to it; --yes does
                             without being asked
autoopt recipes untrust NAME (or agent=NAME, --prompts)
                             be asked again

What is neither autoopt's own nor in ~/.config/autoopt runs nothing before its exact content is trusted: the
recipe with all it inherits, the agents it chooses, the prompts they get, and every file its commands name but
those in the scope. One changed byte asks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoopt import trust
from autoopt.commands import trusting
from autoopt.compose import agents, foreign
from autoopt.compose import library as shelves
from autoopt.compose.own_options import described
from autoopt.errors import AutooptError, UsageError
from autoopt.trust import Store

_GROUPS = "recipe/"
"""What the names of groups below the recipe folder begin with."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List or show; returns the exit code."""
    words = list(argv)
    if words in ([], ["list"]):
        _list(environ)
    elif words[0] == "show" and len(words) > 1 and all("=" in word for word in words[2:]):
        _show(words[1], words[2:], environ)
    elif words[0] == "trust" and len(words) > 1:
        _trust(_wanted(words[1:]), "--yes" in words, environ)
    elif words[0] == "untrust" and len(words) > 1:
        _untrust(_wanted(words[1:]), environ)
    else:
        raise UsageError(
            f"recipes {' '.join(words)}: not understood; use list, show NAME [key=value ...], trust NAME or "
            "untrust NAME."
        )
    return 0


def _wanted(words: Sequence[str]) -> foreign.Choice:
    """What is to be trusted.

    Raises:
        UsageError: a word is none of those.
    """
    given = [word.partition("=") for word in words if "=" in word]
    names = [word for word in words if "=" not in word and not word.startswith("-")]
    flags = {word for word in words if "=" not in word and word.startswith("-")} - {"--yes"}
    odd = [key for key, _, _ in given if key not in (*agents.OPTIONS, "repo") and not _is_group(key)]
    if odd or flags - {"--prompts"}:
        raise UsageError(
            f"{[*odd, *sorted(flags)][0]}: not understood; name recipes, agent=NAME, inspector=NAME, "
            "recipe/GROUP=NAME or --prompts, and repo=PATH for where."
        )
    return foreign.Choice(
        recipes=names,
        parts=[f"{key.removeprefix(_GROUPS)}/{value}" for key, _, value in given if _is_group(key)],
        agents={key: [value] for key, _, value in given if key in agents.OPTIONS},
        asks="--prompts" in flags,
        any_scope=True,
        directory=next((value for key, _, value in given if key == "repo"), None),
    )


def _is_group(key: str) -> bool:
    return key.startswith(_GROUPS)


def _trust(choice: foreign.Choice, agreed: bool, environ: Mapping[str, str]) -> None:
    """Show what is from elsewhere, ask, and remember it."""
    start, root = _place(choice)
    library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
    for option, names in choice.agents.items():
        agents.check(option, names[0], agent_library)
    found = foreign.materials(choice, library, agent_library, root)
    if not found:
        print("Nothing of it is from elsewhere; it needs no trust.")
        return
    store = Store(environ, root)
    if not agreed and trust.untrusted(found, store):
        trusting.ask(found, store)
    elif agreed:
        print("\n".join(trusting.shown(found, store)))
        store.add(found)
    print("\n".join(f"trusted: {trust.printable(one.name)}" for one in found))


def _untrust(choice: foreign.Choice, environ: Mapping[str, str]) -> None:
    """Forget what was agreed to under these names, and whatever else would let them run."""
    start, root = _place(choice)
    library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
    names = [f"recipe {name}" for name in (*choice.recipes, *choice.parts)]
    names += [f"agent {name}" for each in choice.agents.values() for name in each]
    names += ["prompts"] if choice.asks else []
    try:
        found = {one.name: one for one in foreign.materials(choice, library, agent_library, root)}
    except UsageError:  # broken or gone by now
        found = {}
    store = Store(environ, root)
    for name in names:
        now = found.get(name)
        gone = store.remove(name, now.place if now else None, now)
        print(f"{trust.printable(name)}: " + ("not trusted any more" if gone else "was not trusted"))


def _place(choice: foreign.Choice) -> tuple[Path | None, Path]:
    """Where recipes are looked for from, and the top of the repository there."""
    start = None if choice.directory is None else Path(choice.directory).expanduser().absolute()
    return start, shelves.top(start or Path.cwd())


def _list(environ: Mapping[str, str]) -> None:
    """A line for each recipe; broken and shadowed ones say so."""
    library = shelves.visible(environ)
    listed = library.listing()
    if not listed:
        print("No recipes were found.")
        return
    width = max(len(one.name) for one in listed)
    for one in listed:
        about = f"BROKEN: {one.problem}" if one.problem else one.goal
        if one.shadowed_by:
            about = f"(not used: {one.shadowed_by} has one of the same name)"
        known = "" if one.problem or one.shadowed_by else _trusted(one, library, environ)
        about = trust.printable(about)
        print(f"{one.name:<{width}}  {about}  [{one.shelf.label}: {one.shelf.path}]{known}")


def _trusted(one: shelves.Listed, library: shelves.Library, environ: Mapping[str, str]) -> str:
    """Whether a recipe from elsewhere is trusted as it is; nothing for others."""
    root = shelves.top(Path.cwd())
    try:
        found = foreign.materials(foreign.Choice(recipes=[one.name]), library, shelves.Library(()), root)
        missing = trust.untrusted(found, Store(environ, root)) if found else []
    except AutooptError as error:
        return f" cannot be trusted: {trust.printable(str(error))}"
    return "" if not found else " not trusted" if missing else " trusted"


def _show(name: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
    """The recipe as one file, after its own options; each value says where it is from."""
    from autoopt.compose import commented
    from autoopt.compose.preview import preview  # imports Hydra, which a listing does not need

    shown = preview(name, words, shelves.visible(environ), environ)
    print(*(f"# {line}" for line in _files(shown.lineage)), sep="\n")
    for line in _options(shown.content, shown.notes):
        print(*commented.wrapped(line, "# ", "#     "), sep="\n")
    if secrets := (shown.content.get("metric") or {}).pop("pass_env", None):
        names = ",".join(secrets)
        note = f"metric.pass_env=[{names}] is what it does besides; a recipe of yours leaves that to you."
        print(*commented.wrapped(note, "# ", "#     "), sep="\n")
    print(commented.as_yaml(shown.content, shown.notes), end="")


def _files(lineage: Sequence[tuple[str, Path]]) -> list[str]:
    """The recipe's file, then those that it builds on."""
    named = [f"{name}: {path}" for name, path in reversed(lineage)]
    return [named[0], *(f"builds on {one}" for one in named[1:])]


def _options(content: Mapping[str, Any], notes: Mapping[tuple[str, ...], str]) -> list[str]:
    """What the recipe's own options mean, one line each."""
    helps, choices = content.get("option_help") or {}, content.get("option_choices") or {}
    lines = []
    for key, value in (content.get("options") or {}).items():
        state = _state(value, notes.get(("options", key), ""))
        if key in choices:
            state += f"; {described(choices[key])}"
        lines.append(f"options.{key}: {helps.get(key, '')} ({state})".replace(":  (", " ("))
    return lines


def _state(value: Any, note: str) -> str:
    """What an option is at present, by the note on where its value is from."""
    for said in ("required", "none found here", "not found here", "known with"):
        if said in note:
            return note[note.index(said) :].partition(":")[0]
    known = {"detected": "detected", "command line": "given"}
    word = next((word for said, word in known.items() if said in note), "default")
    return f"{word} {value}"
