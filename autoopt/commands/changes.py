"""What an update of a pack would change, for a person who is to agree: commands first, then every line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autoopt import diffs
from autoopt.compose import foreign
from autoopt.compose import library as shelves
from autoopt.errors import AutooptError, UsageError
from autoopt.packs import content, fetching
from autoopt.packs.lock import Pin
from autoopt.trust import printable

_TAB = 4
_Commands = dict[tuple[str, str], str]


def changes(old: Pin, new: Pin, environ: Mapping[str, str], *, is_rewritten: bool) -> Iterator[str]:
    """Lines that say so, harmless for a terminal. Both are brought here, if they can be had."""
    yield f"{new.name}: {printable(old.origin)} → {printable(new.origin)}"
    if is_rewritten:
        yield "  What is pinned now is not in its history: that was rewritten, or is another branch."
    if not fetching.is_here(old, environ):
        try:
            fetching.restore(old, environ)
        except AutooptError as error:
            yield f"  What is pinned now is not to be had, so all is shown as new: {printable(str(error))}"
    before, after = _commands(old, environ), _commands(new, environ)
    yield from _of_commands(before, after)
    yield from _of_files(content.found(old.place(environ)) or {}, content.found(new.place(environ)) or {})


def _of_commands(before: _Commands, after: _Commands) -> Iterator[str]:
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    yield "Commands that change:" if changed else "No command of a recipe changes; what they run may:"
    for recipe, option in changed:
        yield f"  recipe {printable(recipe)}, {printable(option)}"
        for sign, commands in (("-", before), ("+", after)):
            text = commands.get((recipe, option))
            yield from (f"    {sign} {_line(line)}" for line in (text or "").splitlines())


def _of_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """Every line that changes; scripts come before recipes, whose commands were told."""
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in sorted(changed, key=lambda one: (one.endswith(content.SUFFIX), one)):
        text = diffs.unified(path, before.get(path), after.get(path))
        yield from (_line(line) for line in text.splitlines())


def _line(text: str) -> str:
    return printable(text.expandtabs(_TAB))


def _commands(pin: Pin, environ: Mapping[str, str]) -> _Commands:
    """Every command of the pack's recipes with all they inherit, by recipe and option."""
    mine = shelves.pinned_shelf(pin, environ)
    others = [shelf for shelf in shelves.visible(environ).shelves if shelf.label != mine.label]
    library = shelves.Library((mine, *others))
    found: _Commands = {}
    for name, is_group in shelves.entries(mine.path):
        if not is_group:
            try:
                commands = foreign.commands_of(shelves.merged(library.lineage(name)))
                found |= {(name, option): text for option, text in commands}
            except UsageError as error:
                found[name, "BROKEN"] = str(error)
    return found
