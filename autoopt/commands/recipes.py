"""`autoopt recipes`: list the recipes, show, trust, write or check them, and bring packs of others.

autoopt recipes [list]       every recipe, its goal, where it is from, and whether it is trusted
autoopt recipes show NAME [key=value ...]
                             one recipe with what it inherits, resolved, and where each value is from;
                             the words are taken as for a run: scope=src options.checker=mypy
autoopt recipes trust NAME [agent=NAME] [inspector=NAME] [recipe/GROUP=NAME] [--prompts] [--yes]
                             what a recipe of somebody else would run, and whether you agree to it; --yes does
                             without being asked
autoopt recipes trust run=RUN
                             the same for a run that another machine works on, before it is merged here
autoopt recipes untrust NAME (or agent=NAME, run=RUN, --prompts)
                             be asked again

autoopt recipes add URL[@REF] [name=NAME] [folder=PATH] [--user]
                             fetch a pack (a git repository; a path of one is fine, too) and pin its commit in
                             .autoopt/packs.lock, to be committed; --user: in a lock file of your own
autoopt recipes update [NAME ...] [ref=REF] [--yes]
                             show what is new in packs, commands first, and pin it if you agree
autoopt recipes remove NAME  take a pack out of its lock file
autoopt recipes sync [NAME ...] [--yes]
                             bring exactly what the lock files say, in a fresh clone for instance; --yes does
                             not ask before fetching from where this machine never has
autoopt recipes new NAME [DIR]
                             write a recipe with its script, an example and a test, all of which pass; DIR is
                             the pack, .autoopt of this repository by default
autoopt recipes check [DIR]  what is wrong with the recipes of a pack, a line each; exit code 2 if anything is

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
from autoopt.packs import lock
from autoopt.trust import Material, Store

_PACKS = ("add", "update", "remove", "sync")
_GROUPS = "recipe/"
"""What the names of groups below the recipe folder begin with."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what the first word says; returns the exit code."""
    words = list(argv)
    if words in ([], ["list"]):
        _list(environ)
    elif words[0] == "show" and len(words) > 1 and all("=" in word for word in words[2:]):
        _show(words[1], words[2:], environ)
    elif words[0] == "trust" and len(words) > 1:
        _trust(*_wanted(words[1:]), "--yes" in words, environ)
    elif words[0] == "untrust" and len(words) > 1:
        _untrust(*_wanted(words[1:]), environ)
    elif words[0] in _PACKS:
        _packing(words[0], words[1:], environ)
    elif words[0] in ("check", "new"):
        return _authoring(words[0], words[1:], environ)
    else:
        raise UsageError(
            f"recipes {' '.join(words)}: not understood; use list, show NAME [key=value ...], trust NAME, "
            "untrust NAME, add URL, update, remove NAME, sync, new NAME or check."
        )
    return 0


def _packing(what: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
    from autoopt.commands import packing  # reads git, which recipes do without otherwise

    act = {"add": packing.add, "update": packing.update, "remove": packing.remove, "sync": packing.sync}
    act[what](words, environ)


def _authoring(what: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    from autoopt.commands import checking, scaffolding

    return checking.check(words, environ) if what == "check" else scaffolding.new(words, environ)


def _wanted(words: Sequence[str]) -> tuple[foreign.Choice, list[str]]:
    """What is to be trusted, and the runs of other machines.

    Raises:
        UsageError: a word is none of those.
    """
    given = [word.partition("=") for word in words if "=" in word]
    names = [word for word in words if "=" not in word and not word.startswith("-")]
    flags = {word for word in words if "=" not in word and word.startswith("-")} - {"--yes"}
    known = (*agents.OPTIONS, "repo", "run")
    odd = [key for key, _, _ in given if key not in known and not _is_group(key)]
    if odd or flags - {"--prompts"}:
        raise UsageError(
            f"{[*odd, *sorted(flags)][0]}: not understood; name recipes, agent=NAME, inspector=NAME, "
            "recipe/GROUP=NAME, run=RUN or --prompts, and repo=PATH for where."
        )
    choice = foreign.Choice(
        recipes=names,
        parts=[f"{key.removeprefix(_GROUPS)}/{value}" for key, _, value in given if _is_group(key)],
        agents={key: [value] for key, _, value in given if key in agents.OPTIONS},
        asks="--prompts" in flags,
        any_scope=True,
        directory=next((value for key, _, value in given if key == "repo"), None),
    )
    return choice, [value for key, _, value in given if key == "run"]


def _is_group(key: str) -> bool:
    return key.startswith(_GROUPS)


def _runs(names: Sequence[str], start: Path | None, environ: Mapping[str, str]) -> list[Material]:
    """What these runs would run, as far as they are of other machines."""
    if not names:
        return []
    from autoopt.commands.fetching import material_of  # brings much that recipes do without
    from autoopt.commands.lookup import find, runs

    known = runs(environ, start or Path.cwd())
    found = [material_of(find(known, name)) for name in names]
    return [one for one in found if one is not None]


def _trust(choice: foreign.Choice, of_runs: Sequence[str], agreed: bool, environ: Mapping[str, str]) -> None:
    """Show what is from elsewhere, ask, and remember it."""
    start, root = _place(choice)
    library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
    for option, names in choice.agents.items():
        agents.check(option, names[0], agent_library)
    found = foreign.materials(choice, library, agent_library, root) + _runs(of_runs, start, environ)
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


def _untrust(choice: foreign.Choice, of_runs: Sequence[str], environ: Mapping[str, str]) -> None:
    """Forget what was agreed to under these names, and whatever else would let them run."""
    start, root = _place(choice)
    library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
    names = [f"recipe {name}" for name in (*choice.recipes, *choice.parts)]
    names += [f"agent {name}" for each in choice.agents.values() for name in each]
    names += ["prompts"] if choice.asks else []
    names += [f"run {name}" for name in of_runs]
    try:
        found = {one.name: one for one in foreign.materials(choice, library, agent_library, root)}
    except UsageError:  # broken or gone by now
        found = {}
    store = Store(environ, root)
    for name in names:
        now = found.get(name)
        gone = store.remove(name, _told_apart_by(now, environ), now)
        print(f"{trust.printable(name)}: " + ("not trusted any more" if gone else "was not trusted"))


def _told_apart_by(now: Material | None, environ: Mapping[str, str]) -> Path | None:
    """Where else one of the name may be that is another; None where all of the name are meant.

    Each version of a pack has a place of its own.
    """
    is_pinned = now is not None and now.place.is_relative_to(lock.kept(environ))
    return None if now is None or is_pinned else now.place


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
        where = trust.printable(one.shelf.origin or str(one.shelf.path))
        print(f"{one.name:<{width}}  {about}  [{one.shelf.label}: {where}]{known}")
    for shelf in library.missing:
        print(trust.printable(shelf.absence))


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
    lines = [f"# {line}" for line in _files(shown.lineage)]
    for line in _options(shown.content, shown.notes):
        lines += commented.wrapped(line, "# ", "#     ")
    if secrets := (shown.content.get("metric") or {}).pop("pass_env", None):
        names = ",".join(secrets)
        note = f"metric.pass_env=[{names}] is what it does besides; a recipe of yours leaves that to you."
        lines += commented.wrapped(note, "# ", "#     ")
    lines += commented.as_yaml(shown.content, shown.notes).removesuffix("\n").split("\n")
    print(*map(trust.printable, lines), sep="\n")


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
