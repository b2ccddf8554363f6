"""`autoopt init [key=value ...] [name=NAME] [at=LINE] [--yes] [--print]`: set a run up in a conversation.

Looks at the repository, proposes a recipe that fits, and asks: the goal, the files that may be edited, the
command that is measured. Runs that command once, shows its output with the number it would take, and takes
another one that is pointed at by its line or some of its text. Then the direction, unit and target, what is
off limits, further bounds, who has ideas, web search, the budget, and how simple it must stay. Writes a
commented recipe to .autoopt/recipes/NAME.yaml, trusts it on this machine, shows the settings, and offers to
start. ? explains a question, < goes back to the one before, q or Ctrl-D leaves: nothing is written then.

  key=value   any option of a run, as in scope=src budget.wall=2h agent=claude; it is not asked for. What no
              recipe can set (sandbox, metric.self_scored) stays for the command line of each run
  name=NAME   what the recipe is called
  at=LINE     where the number is in the output: a line's number, or some of its text; t, c, m for the time,
              CPU time and memory of the command
  --yes       ask nothing, take what was found; no agent unless agent=NAME is given
  --print     print the recipe and write nothing
  --no-run    do not run the command; the number is read as the recipe says
  --replace   write over a recipe of that name

Without a terminal nothing is asked either: what is missing is named in a line, and the exit code is 2.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console, ConsoleDimensions

from autoopt import assemble, files
from autoopt.commands import doctor, run, surveying
from autoopt.commands.telling import terminal
from autoopt.commands.trusting import accept
from autoopt.compose import agents, foreign, overrides, writing
from autoopt.compose import library as shelves
from autoopt.errors import AutooptError, UsageError
from autoopt.init import recipe, terms
from autoopt.init.conversation import converse
from autoopt.init.draft import Draft, World
from autoopt.init.steps import complete
from autoopt.init.talk import BackError, Nobody, Person, QuitError, Talk, chosen
from autoopt.reporters.settings import settings_table
from autoopt.schema import Config
from autoopt.workspaces.repository import Repository, discover

_FLAGS = ("--yes", "--print", "--no-run", "--replace")
_LEFT = "left; nothing was written."
_NOT_HERE = {
    "repo": "init works where you are; change to that directory.",
    "recipe/": "a part of a recipe is chosen on the command line of a run; leave it out.",
    "hydra": "an option of Hydra belongs to the command line of a run; leave it out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The words of the command line."""

    given: Mapping[str, str]
    name: str
    at: str
    flags: frozenset[str]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ask, write the recipe, and start what is wanted; returns the exit code."""
    asked = _parse(argv)
    prints = "--print" in asked.flags
    console = terminal(environ, aside=prints)
    is_person = "--yes" not in asked.flags and sys.stdin.isatty() and console.is_terminal
    aside = terminal(environ, aside=True)
    if console.is_dumb_terminal:  # which is taken for one of 80 columns otherwise
        console.size = ConsoleDimensions(*shutil.get_terminal_size())
    talk: Talk = Person(console) if is_person else Nobody(aside, agrees="--yes" in asked.flags)
    repository = discover(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="autoopt-init-") as place:
        ending = _Ending(repository, asked, environ, console if is_person else aside, Path(place))
        if not is_person:
            ending.check_free()
        try:
            world = surveying.survey(repository, environ, Path(place), talk.say)
            draft = Draft(
                given=asked.given, at=asked.at, wanted=asked.name, tries="--no-run" not in asked.flags
            )
            converse(draft, world, talk, ending.take)
        except QuitError:
            raise UsageError(_LEFT) from None
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):  # a terminal that was closed
                print(f"\nautoopt: {_LEFT}", file=sys.stderr)
            raise
    if prints:
        print(ending.text, end="")
        return 0
    return ending.go_on(talk) if is_person else 0


def _parse(argv: Sequence[str]) -> _Asked:
    """The words, apart.

    Raises:
        UsageError: one of them is not understood here.
    """
    given: dict[str, str] = {}
    for word in argv:
        if word in _FLAGS:
            continue
        if word.startswith(("~", "-")) or not overrides.is_override(word):
            raise UsageError(f"{word}: not understood; give key=value, or one of {', '.join(_FLAGS)}.")
        key, _, value = word.lstrip("+").partition("=")
        if reason := next((said for begun, said in _NOT_HERE.items() if key.startswith(begun)), ""):
            raise UsageError(f"{word}: {reason}")
        given |= terms.spelled(key, value)
    name, at = given.pop("name", ""), given.pop("at", "")
    if name:
        terms.check_name(name, ())
    return _Asked(given=given, name=name, at=at, flags=frozenset(argv) & frozenset(_FLAGS))


class _Ending:
    """What comes of the answers."""

    def __init__(
        self, repository: Repository, asked: _Asked, environ: Mapping[str, str], console: Console, place: Path
    ) -> None:
        self._repository, self._asked, self._environ = repository, asked, environ
        self._console, self._place = console, place
        self._words: tuple[str, ...] = ()
        self.text = ""

    def check_free(self) -> None:
        """Refuse a given name that is taken, where nobody can be asked.

        Raises:
            UsageError: naming the file.
        """
        path = self._path(self._asked.name)
        if self._asked.name and path.exists() and not self._asked.flags & {"--replace", "--print"}:
            where = path.relative_to(self._repository.root)
            raise UsageError(f"{where}: is there already; give --replace, or another name=NAME.")

    def _path(self, name: str) -> Path:
        return surveying.folder(self._repository) / f"{name}.yaml"

    def take(self, draft: Draft, world: World, talk: Talk) -> None:
        """Show the settings, write the recipe and trust it, where that is agreed to."""
        config = complete(draft, world, talk, world.check)
        written = self._written(draft, config, world)
        self._words = (f"recipe={draft.name}", *written.words)
        self.text = written.text
        if "--print" in self._asked.flags:
            return
        self._show(config, draft.name, talk)
        path = self._path(draft.name)
        self._agree(path, talk)
        self._write(path, draft.name)
        talk.say("", f"Written: {path.relative_to(self._repository.root)} (commit it to share it).")
        talk.say(f"A run:  autoopt {shlex.join(self._words)}")

    def _written(self, draft: Draft, config: Config, world: World) -> writing.Written:
        found = surveying.interpreter(self._repository, self._environ)
        own = writing.write(draft.recipe, draft.words, (), {}, found).words
        head, notes = recipe.head(draft, config, own), recipe.notes(draft, config, world)
        written = writing.write(draft.recipe, draft.words, head, notes, found)
        surveying.agrees(written, config, self._environ, self._place)
        return written

    def _show(self, config: Config, name: str, talk: Talk) -> None:
        talk.say("", "A run of it:")
        self._console.print(
            settings_table(replace(config, recipe=name), {"proposers": self._proposers(config)})
        )

    def _proposers(self, config: Config) -> str:
        try:
            assemble.check_proposers(config, self._environ)
            return assemble.described(config, self._environ)
        except AutooptError as error:
            return f"nobody yet: {error}"

    def _agree(self, path: Path, talk: Talk) -> None:
        """Ask whether it is written, and over what is there only when that is said."""
        where = path.relative_to(self._repository.root)
        if not path.parent.resolve().is_relative_to(self._repository.root.resolve()):
            raise UsageError(f"{where.parent}: leads out of the repository; remove that link.")
        replaces = "--replace" in self._asked.flags
        if path.exists() and not replaces:
            _confirm(talk, f"{where} is there already. Replace it?", "n")
        _confirm(talk, f"Write {where}, and trust it on this machine?", "y")

    def _write(self, path: Path, name: str) -> None:
        files.make_directory(path.parent)
        files.replace(path, self.text.encode())
        root = self._repository.root
        choice = foreign.Choice(recipes=[name], any_scope=True)
        library, agent_library = shelves.visible(self._environ, root), agents.visible(self._environ, root)
        found = foreign.materials(choice, library, agent_library, root)
        accept([one for one in found if one.name == f"recipe {name}"], root, self._environ)

    def go_on(self, talk: Talk) -> int:
        """Start a run, or examine first what it would take."""
        about = "doctor measures the noise, the smallest gain a run can see, its time and its cost."
        while True:
            try:
                said = talk.ask(
                    "", "What now? (s starts a run, d asks the doctor first, Enter leaves)", "leave", about
                )
            except (BackError, QuitError):
                return 0
            answer = chosen(said, ("start", "doctor", "leave"))
            if answer == "start":
                return run.main([*self._words, "confirm=no"], self._environ)
            if answer == "doctor":
                doctor.main(self._words, self._environ)
            elif answer == "leave":
                return 0


def _confirm(talk: Talk, question: str, default: str) -> None:
    """Ask for a yes.

    Raises:
        BackError: the answer is no.
    """
    while True:
        said = talk.ask("", f"{question} (y or n)", default, "n goes back to the question before; q leaves.")
        answer = chosen(said, ("yes", "no"))
        if answer == "yes":
            return
        if answer == "no":
            raise BackError
        talk.refuse(f"{said}: answer y or n.")
