"""The shell command of one call: a template's placeholders filled in, each quoted for the shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.schema import AgentConfig

# `${NAME}` is the shell's, `{{name}}` a literal `{name}`; JSON and lists such as `{a,b}` are no placeholders.
_PLACEHOLDER = re.compile(r"\$\{|\{\{(?P<literal>\w+)\}\}|\{(?P<name>[A-Za-z_]\w*)\}")
_COMMAND = ("prompt_file", "prompt", "answer_file", "desk", "flags", "model", "usd", "turns")
_FLAGS = {"model": ("model",), "budget": ("usd",), "turns": ("turns",), "writable": ("directory",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one call asks of an agent's command.

    Attributes:
        usd: What the call may cost at most; None for no limit.
    """

    desk: Path
    prompt_file: Path
    answer_file: Path
    edits: bool
    web: bool
    usd: float | None


def check(config: AgentConfig, path: str) -> None:
    """Refuse placeholders that stand for nothing.

    Args:
        path: The agent's options as the user knows them: `agent` or `inspector`.

    Raises:
        UsageError: naming the option.
    """
    if not (config.command or "").strip():
        raise UsageError(
            f"{path}.command: is missing; choose one with {path}=NAME, or give {path}.command=..."
        )
    _refuse_unknown(config.command or "", f"{path}.command", _COMMAND)
    for name, text in vars(config.flags).items():
        _refuse_unknown(text, f"{path}.flags.{name}", (*_FLAGS.get(name, ()), "desk"))


def takes_argument(config: AgentConfig) -> bool:
    """Whether the prompt is an argument of the command, which limits its length."""
    return "prompt" in _used(config.command or "")


def answers_in_file(config: AgentConfig) -> bool:
    """Whether the command writes its answer to a file."""
    return "answer_file" in _used(config.command or "")


def render(config: AgentConfig, request: Request) -> str:
    """The shell command of one call. Without a placeholder for it, the prompt is on standard input."""
    command, prompt_file = config.command or "", shlex.quote(str(request.prompt_file))
    values = {
        "prompt_file": prompt_file,
        "prompt": f'"$(cat {prompt_file})"',  # the whole command is one argument too, and would be too long
        "answer_file": shlex.quote(str(request.answer_file)),
        "desk": shlex.quote(str(request.desk)),
        "flags": " ".join(_flags(config, request)),
        "model": shlex.quote(config.model or ""),
        "usd": _dollars(request.usd),
        "turns": "" if config.max_turns is None else str(config.max_turns),
    }
    text = _fill(command, values)
    return text if {"prompt", "prompt_file"} & _used(command) else f"exec <{prompt_file}\n{text}"


def _flags(config: AgentConfig, request: Request) -> Iterator[str]:
    flags, desk = config.flags, {"desk": shlex.quote(str(request.desk))}
    if config.model is not None:
        yield _fill(flags.model, {**desk, "model": shlex.quote(config.model)})
    yield _fill(flags.edit if request.edits else flags.read, desk)
    if request.usd is not None:
        yield _fill(flags.budget, {**desk, "usd": _dollars(request.usd)})
    if config.max_turns is not None:
        yield _fill(flags.turns, {**desk, "turns": str(config.max_turns)})
    yield _fill(flags.web if request.web else flags.no_web, desk)
    for directory in config.writable:
        yield _fill(flags.writable, {**desk, "directory": shlex.quote(directory)})


def _dollars(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.4f}"


def _fill(template: str, values: Mapping[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        if match["literal"]:
            return f"{{{match['literal']}}}"
        return values[match["name"]] if match["name"] else match[0]

    return _PLACEHOLDER.sub(fill, template)


def _used(template: str) -> set[str]:
    return {match["name"] for match in _PLACEHOLDER.finditer(template) if match["name"]}


def _refuse_unknown(template: str, option: str, known: tuple[str, ...]) -> None:
    for name in sorted(_used(template) - set(known)):
        there_are = ", ".join(f"{{{one}}}" for one in known)
        raise UsageError(
            f"{option}: {{{name}}} stands for nothing; there are {there_are}. "
            f"A literal is written {{{{{name}}}}}."
        )
