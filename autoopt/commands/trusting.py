"""Showing what is from elsewhere and asking a person whether it is trusted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from autoopt import trust
from autoopt.compose import agents, foreign
from autoopt.compose import library as shelves
from autoopt.errors import NotTrustedError
from autoopt.schema import Config
from autoopt.trust import Material, Store, Vet, printable

_YES = ("y", "yes")


def vet(environ: Mapping[str, str]) -> Vet:
    """Asks the person at the terminal about what nobody has agreed to; without one that is refused.

    `confirm=no` changes nothing about it. The answer is remembered.
    """
    return partial(_vet, environ=dict(environ))


def accept(materials: Sequence[Material], repository: Path, environ: Mapping[str, str]) -> None:
    """Take all of it for trusted, as its author is the one who runs it."""
    if materials:
        Store(environ, repository).add(materials)


def check(config: Config, repository: Path, environ: Mapping[str, str]) -> None:
    """See that what a run that goes on was made from is still trusted, as far as it is still there.

    Raises:
        NotTrustedError: it has changed, and nobody agrees to what it is now.
    """
    library, agent_library = shelves.visible(environ, repository), agents.visible(environ, repository)
    recipe = config.recipe if config.recipe and library.find(config.recipe) else None
    chosen = {"agent": config.agent.name, "inspector": config.inspector.name}
    choice = foreign.Choice(
        recipes=[recipe] if recipe else [],
        agents={option: [name] if name else [] for option, name in chosen.items()},
        scope=tuple(config.scope),
    )
    _vet(foreign.materials(choice, library, agent_library, repository), repository, environ=environ)


def shown(materials: Sequence[Material], store: Store) -> Iterator[str]:
    """Lines that say what a person is asked to agree to, harmless for a terminal."""
    for material in materials:
        yield f"{_capital(material.name)} ({printable(str(material.place))}) was not written on this machine."
        if material.commands:
            yield "It will run:"
            for number, (option, text) in enumerate(material.commands, 1):
                first, *more = text.splitlines() or [""]
                yield f"  {number}. {printable(option)}: {printable(first)}"
                yield from (f"     {printable(line)}" for line in more)
        if material.name.startswith("recipe "):
            yield f"It may change: {', '.join(map(printable, material.changes)) or 'what scope= names'}"
        if material.variables:
            yield f"It gets from your environment: {', '.join(map(printable, material.variables))}"
        yield from map(printable, material.notes)
        yield f"Its content is that of: {', '.join(map(printable, sorted(material.files)))}"
        if changed := store.changed(material):
            yield f"Changed since you trusted it: {', '.join(map(printable, changed))}"
        yield ""


def ask(materials: Sequence[Material], store: Store) -> None:
    """Show them, ask, and remember a yes.

    Raises:
        NotTrustedError: the answer is no, or there is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotTrustedError(trust.refusal(materials, store))
    for line in shown(materials, store):
        print(line, file=sys.stderr)
    print("Trust this exact content? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        raise NotTrustedError("not trusted; nothing of it was run.")
    store.add(materials)


def _vet(materials: Sequence[Material], repository: Path, *, environ: Mapping[str, str]) -> None:
    if not materials:
        return
    store = Store(environ, repository)
    if missing := trust.untrusted(materials, store):
        ask(missing, store)


def _capital(text: str) -> str:
    text = printable(text)
    return f"The {text}" if not text.startswith("prompts") else "What agents are told"
