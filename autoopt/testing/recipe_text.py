"""What a recipe file says around and between its values: comments, uses, interpolations, instruments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.compose import shape
from autoopt.compose.foreign import COMMANDS, PROSE

_USE = re.compile(r"\s+(?:[A-Z_]+=\S+\s+)*autoopt\s")
_BOUND = re.compile(r"constraints\.[\w./:@%+-]+\.(?:max|min|max_regression)=[\d.e-]+\d")
_PLAIN_PYTHON = re.compile(r"(?<![\w./${:=-])(?:python|pip)3?(?=\s)")
_CALL = re.compile(r"\$\{instrument:(\w+)\}(?:\s+([a-z][\w-]*)(?=\s|$))?")
_WHOLE = re.compile(
    r"\$\{(?:quote|words):\s*\$\{(?:options\.\w+|scope|metric\.command)\}\s*(?:,\s*--[\w-]+\s*)?\}"
)
_OPTION = re.compile(r"\$\{options\.(\w+)\}")
_INTERPOLATION = re.compile(r"(?<!\\)\$\{\s*([\w.-]+)\s*(?::([^{}$]*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolation:
    """One `${...}`: the option it refers to, or the function it calls and with what.

    Attributes:
        at: The option's path in whose text it stands.
        name: An option's path, or a function's name.
        argument: What the function is given, as far as that is plain text; None for an option.
    """

    at: str
    name: str
    argument: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A command line that is shown: the words behind `autoopt`, and the environment variables before it."""

    words: tuple[str, ...]
    environ: Mapping[str, str]


def header(path: Path) -> list[str]:
    """The comment block at the top, without `#`."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line[1:])
    return lines


def comments(path: Path) -> str:
    """All comments of the file that have a line of their own."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip().lstrip("#") for line in lines if line.strip().startswith("#"))


def uses(lines: Sequence[str], recipe: str) -> list[Use]:
    """The command lines that a header shows for the recipe.

    Raises:
        ValueError: one has a quote without its end.
    """
    found: list[str] = []
    continued = False
    for line in lines:
        if continued:
            found[-1] += " " + line.strip()
        elif _USE.match(line):
            found.append(line.strip())
        else:
            continue
        continued = found[-1].endswith("\\")
        found[-1] = found[-1].removesuffix("\\")
    made = [_use(shlex.split(line, comments=True)) for line in found]
    return [use for use in made if f"recipe={recipe}" in use.words]


def _use(words: list[str]) -> Use:
    at = words.index("autoopt")
    environ = dict(word.split("=", 1) for word in words[:at])
    return Use(words=tuple(words[at + 1 :]), environ=environ)


def bounds(text: str) -> list[str]:
    """The constraints that a comment shows, as `key=value`."""
    return _BOUND.findall(text)


def texts(content: Mapping[str, Any]) -> dict[str, str]:
    """Every text that is not prose, by its option's path."""
    return {".".join(path): text for path, text in shape.texts(content) if path[0] not in PROSE}


def interpolations(content: Mapping[str, Any]) -> Iterator[Interpolation]:
    """Every `${...}` of the recipe."""
    for at, text in texts(content).items():
        for match in _INTERPOLATION.finditer(text):
            yield Interpolation(at=at, name=match[1], argument=match[2])


def unquoted(content: Mapping[str, Any]) -> list[str]:
    """Where a command has an option's or the scope's text without quotes for the shell.

    An option whose help calls it a command is one, and so is a text that is nothing but the option.
    """
    helps = {key: str(value).lower() for key, value in (content.get("option_help") or {}).items()}
    found = []
    for at, text in texts(content).items():
        if at.rpartition(".")[2] not in COMMANDS:
            continue
        rest = _WHOLE.sub("", text)
        names = [name for name in _OPTION.findall(rest) if "command" not in helps.get(name, "")]
        found += [f"{at}: ${{options.{name}}}" for name in names]
        found += [f"{at}: ${{scope}}"] * ("${scope}" in rest)
        found += [f"{at}: ${{metric.command}}"] * ("${metric.command}" in rest and "${instrument:" in text)
    return found


def plain_pythons(content: Mapping[str, Any]) -> list[str]:
    """Where a bare `python`, `python3` or `pip` stands."""
    return [f"{at}: {text}" for at, text in texts(content).items() if _PLAIN_PYTHON.search(text)]


def calls(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The instruments that are run, each with its subcommand, which may be empty."""
    return {(match[1], match[2] or "") for text in texts(content).values() for match in _CALL.finditer(text)}


def wrong_calls(content: Mapping[str, Any]) -> list[str]:
    """Where an instrument is run in other words than `${instrument:NAME}`."""
    return [f"{at}: {text}" for at, text in texts(content).items() if "autoopt.instruments" in text]
