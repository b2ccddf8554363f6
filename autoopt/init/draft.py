"""What has been answered so far, as the words of a command line, and who does what this package does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoopt.init.reading import Reading, Screen
from autoopt.init.setups import Setup
from autoopt.meters.extract import Output
from autoopt.schema import Config, ExtractConfig

_PLAIN = re.compile(r"[\w./*-]+")
_TYPED = re.compile(r""" "([^"]+)" | '([^']+)' | ([^,\s]+) """, re.VERBOSE)
_NUMERIC = re.compile(r"[-+.\d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one execution of the metric command came to.

    Attributes:
        problem: Why it counts as failed; empty where it does not.
        details: Numbers it has printed by name, and those known of every command.
    """

    output: Output
    problem: str
    details: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The repository, and what is done in it.

    Attributes:
        tracked: The regular files of the commit that is measured.
        setups: What could be done here, the most telling first.
        goals: The goal of every recipe there is, by name.
        agents: Coding agents that are installed here, and all there are.
        taken: Names that the repository's own recipes have.
        interpreter: The project's Python as a shell word, where it is certain which that is; else empty.
        walls: What the sandbox lets a command do, for a person.
        raw: What a recipe and all it builds on say, nothing resolved.
        compose: The settings that words give. Raises AutooptError.
        run: Runs the metric command once in a clean checkout.
        check: Raises AutooptError for settings that a run would be refused for.
    """

    root: Path
    tracked: Sequence[str]
    setups: Sequence[Setup]
    goals: Mapping[str, str]
    agents: tuple[Sequence[str], Sequence[str]]
    taken: Sequence[str]
    interpreter: str
    walls: str
    raw: Callable[[str], Mapping[str, object]]
    compose: Callable[[Sequence[str]], Config]
    run: Callable[[Config], Ran]
    check: Callable[[Config], None]


@dataclass(slots=True)
class Draft:
    """The answers.

    Attributes:
        given: What was said on the command line, by key; it is not asked for.
        answers: What was answered or found, by key.
        at: Where the number stands, as said on the command line.
        tries: Whether the command is run.
        screen: What the command has left; None while it was not run.
        reading: How the number is read; None where that is left to the recipe.
        wanted: The name for the recipe that the command line gives.
        name: What it will be called.
    """

    given: Mapping[str, str]
    at: str = ""
    tries: bool = True
    wanted: str = ""
    name: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    setup: Setup | None = None
    ran: Ran | None = None
    screen: Screen | None = None
    reading: Reading | None = None
    _composed: Config | None = None
    _tried: dict[tuple[str, ...], Ran] = field(default_factory=dict)

    @property
    def recipe(self) -> str:
        """The recipe that is built on."""
        return self.value("recipe") or "command"

    @property
    def words(self) -> list[str]:
        """All of it as `key=value`; what was given comes last and wins."""
        found = {**self.answers, **self.given}
        return [f"{key}={value}" for key, value in found.items() if key != "recipe"]

    def value(self, key: str) -> str:
        """What is known of it; empty for nothing."""
        return self.given.get(key, self.answers.get(key, ""))

    def has(self, *keys: str) -> bool:
        """Whether the command line says one of these, or something of it."""
        return any(one == key or one.startswith(f"{key}.") for one in self.given for key in keys)

    def put(self, key: str, value: str) -> None:
        """Take an answer."""
        self.answers[key] = value

    def correct(self, key: str, value: str) -> None:
        """Take an answer in the place of what was said before, on the command line, too."""
        self.given = {known: said for known, said in self.given.items() if known != key}
        self.put(key, value)

    def drop(self, *keys: str) -> None:
        """Forget answers, with all that is below them."""
        for one in [one for one in self.answers for key in keys if one == key or one.startswith(f"{key}.")]:
            self.answers.pop(one, None)

    def extraction(self, reading: Reading) -> None:
        """Read the number so, whatever the recipe says."""
        config = reading.extract
        self.drop("metric.extract")
        values = {
            "kind": config.kind.value,
            "pattern": config.pattern,
            "stream": config.stream.value,
        }
        plain = ExtractConfig()
        for key, value in values.items():
            usual = getattr(plain, key)
            if key == "kind" or value != getattr(usual, "value", usual):
                self.put(f"metric.extract.{key}", value)
        self.reading = reading

    def settings(self, world: World) -> Config:
        """The settings as they are now.

        Raises:
            AutooptError: they are not complete, or not right.
        """
        self._composed = world.compose([f"recipe={self.recipe}", *self.words])
        return self._composed

    def known(self, world: World) -> Config:
        """The settings as they were when they were last asked for: composing takes a moment."""
        return self._composed or self.settings(world)

    def has_run(self, config: Config) -> bool:
        """Whether the command was run with these settings."""
        return _execution(config) in self._tried

    def forget(self) -> None:
        """Have every command run again."""
        self._tried.clear()

    def run(self, world: World, config: Config) -> Ran:
        """What the command comes to; it is not run again for settings it was run with before."""
        if not self.has_run(config):
            self._tried[_execution(config)] = world.run(config)
        self.ran = self._tried[_execution(config)]
        self.screen = Screen(self.ran.output)
        return self.ran


def _execution(config: Config) -> tuple[str, ...]:
    """What makes one execution another."""
    metric = config.metric
    return metric.command, metric.prepare or "", metric.extract.file or "", json.dumps(dict(metric.env))


def listed(paths: Sequence[str]) -> str:
    """Paths as the value of an option."""
    shown = [
        path if _PLAIN.fullmatch(path) and not _NUMERIC.match(path) else json.dumps(path) for path in paths
    ]
    return f"[{','.join(shown)}]"


def paths(said: str) -> list[str]:
    """Paths and globs as a person lists them, with commas or blanks between; quotes hold one together."""
    whole = said.strip()
    whole = whole[1:-1] if whole.startswith("[") and whole.endswith("]") else whole
    return [next(filter(None, found)) for found in _TYPED.findall(whole)]


def typed(paths: Sequence[str]) -> str:
    """Paths as a person would type them."""
    return ", ".join(f'"{path}"' if re.search(r"[\s,']", path) else path for path in paths)
