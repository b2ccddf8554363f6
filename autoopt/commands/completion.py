"""`autoopt completion bash|zsh|fish`: the script with which a shell completes what you type.

  bash   eval "$(autoopt completion bash)"            in ~/.bashrc
  zsh    eval "$(autoopt completion zsh)"             in ~/.zshrc, after compinit
  fish   autoopt completion fish | source             in ~/.config/fish/config.fish

It knows subcommands and their flags, runs, recipes with their goals, options and their values, agents and
files. Hydra's own `autoopt -sc install=bash` goes on working.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from autoopt.compose import offers
from autoopt.compose.offers import FILES, Offer, beginning
from autoopt.errors import AutooptError, UsageError

SHELLS = ("bash", "zsh", "fish")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_LINE = re.compile(r"^  (--[a-z][a-z-]*)(?: [A-Z]+)? {2,}(.+)$", re.MULTILINE)
_PLACE = re.compile(r"(?<!=)\b(?:PATH|DIR|DIRECTORY)\b")
_FIRST = re.compile(r"^autoopt \w+ (?:\[(\w+)\]|(\w+))", re.MULTILINE)


def main(argv: Sequence[str], environ: Mapping[str, str], known: Mapping[str, tuple[str, str]]) -> int:
    """Print the script of a shell, or answer its question: what the last word of a line may become.

    Args:
        known: Every subcommand's module and what it does.
    """
    if len(argv) == 2 and argv[0] == "query":
        for one in _answered(argv[1], environ, known):
            print(f"{one.word}\t{one.about}")
        return 0
    if len(argv) != 1 or argv[0] not in SHELLS:
        raise UsageError(
            f"completion {' '.join(argv)}: there are {', '.join(SHELLS)}; write `autoopt completion bash`."
        )
    script = resources.files("autoopt.commands").joinpath(f"shells/completion.{argv[0]}")
    sys.stdout.write(script.read_text(encoding="utf-8"))
    return 0


def answer(line: str, environ: Mapping[str, str], known: Mapping[str, tuple[str, str]]) -> list[str] | None:
    """What Hydra's own completion should say instead: of subcommands alone; None where Hydra knows more."""
    first, *more = line.split(" ")[1:] or [""]
    if not more:
        return [name for name in known if name.startswith(first)] + [
            one.word for one in offers.words(first, environ) or []
        ]
    found = [one.word for one in _answered(line, environ, known) if one is not FILES]
    return found if first in known else None


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line up to the cursor: the words that are finished, and the one that is begun."""

    before: tuple[str, ...]
    begun: str


def _answered(line: str, environ: Mapping[str, str], known: Mapping[str, tuple[str, str]]) -> list[Offer]:
    """What the last word may become, whoever knows; nothing where something is wrong."""
    with contextlib.suppress(AutooptError, OSError, ValueError):  # in the midst of a quotation, say
        _, *before = shlex.split(line)
        begun = before.pop() if before and not line.endswith(" ") else ""
        found = _offered(_Line(tuple(before), begun), environ, known)
        if found is None:
            found = _of_hydra(line, environ)
        return [one for one in found if one is FILES or one.is_harmless]
    return []


def _offered(
    line: _Line, environ: Mapping[str, str], known: Mapping[str, tuple[str, str]]
) -> list[Offer] | None:
    """What the begun word may become; None where only Hydra knows."""
    if line.before and line.before[0] in known:
        return list(_of_subcommand(line, environ, known))
    flags = [Offer("-m", "several runs"), Offer("--help", "all options"), Offer("--version")]
    if line.begun.startswith("-"):
        return beginning([*flags, Offer("--cfg", "show the settings")], line.begun)
    found = offers.words(line.begun, environ)
    if line.before or "=" in line.begun:
        return found
    names = [Offer(name, about) for name, (_, about) in known.items()]
    return [*beginning(names, line.begun), *(found or [])]


def _of_subcommand(
    line: _Line, environ: Mapping[str, str], known: Mapping[str, tuple[str, str]]
) -> Iterator[Offer]:
    name, *given = line.before
    doc = _doc(known[name][0])
    usage = doc.partition("\n\n")[0]
    if line.begun.startswith("-"):
        about = dict(_LINE.findall(doc))
        flags = dict.fromkeys([*_FLAG.findall(doc), "--help"])
        yield from beginning([Offer(flag, about.get(flag, "")) for flag in flags], line.begun)
        return
    if "=" in line.begun:
        yield from offers.words(line.begun, environ) or _of_hydra(f"autoopt {line.begun}", environ)
        return
    is_first = not [word for word in given if not word.startswith("-")]
    if is_first:
        own = dict.fromkeys(_own(name, doc, known))
        yield from beginning([Offer(word) for word in own], line.begun)
    if "RUN" in usage and (is_first or "RUN..." in usage):
        yield from (
            one for one in _runs(environ) if one.word.startswith(line.begun) and one.word not in given
        )
    if name == "recipes" and given:
        yield from _names_of_recipes(line.begun, environ)
    if "key=value" in usage and line.begun:
        yield from offers.words(line.begun, environ) or ()
    if _PLACE.search(usage):
        yield FILES


def _own(name: str, doc: str, known: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """The words that a subcommand begins with, if it has some of its own."""
    if name == "completion":
        yield from SHELLS
    elif name == "demo":
        from autoopt.demos import demos

        yield from ("list", *demos())
    elif name == "help":
        from autoopt import help as topics

        yield from ("search", *topics.TOPICS, *known)
    else:
        yield from dict.fromkeys(one or other for one, other in _FIRST.findall(doc))


def _doc(module: str) -> str:
    """What the subcommand's `--help` prints, read without importing all that it needs."""
    found = importlib.util.find_spec(f"autoopt.commands.{module}")
    if found is None or found.origin is None:
        return ""
    return ast.get_docstring(ast.parse(Path(found.origin).read_text("utf-8")), clean=False) or ""


def _runs(environ: Mapping[str, str]) -> Iterator[Offer]:
    """The runs here, the latest first, and which of them are at work."""
    from autoopt import journal
    from autoopt.commands import lookup

    yield from (
        Offer(found.layout.run_id, "running" if journal.is_held(found.files.state) else "")
        for found in reversed(lookup.runs(environ, Path.cwd()))
    )


def _names_of_recipes(begun: str, environ: Mapping[str, str]) -> Iterator[Offer]:
    found = offers.words(f"recipe={begun}", environ) or []
    yield from (Offer(one.word.removeprefix("recipe="), one.about) for one in found)


def _of_hydra(line: str, environ: Mapping[str, str]) -> list[Offer]:
    """What Hydra would offer: what a recipe brings, its own options and groups."""
    from autoopt import compose

    asked = {**environ, "COMP_LINE": line, "COMP_POINT": str(len(line.encode()))}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        compose.run(["-sc", "query=bash"], asked, lambda config: None)
    return [Offer(word) for word in said.getvalue().split()]
