"""What Hydra and OmegaConf complain about, said in one line for the person who typed it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.errors import MissingConfigException
from omegaconf.errors import (
    GrammarParseError,
    InterpolationKeyError,
    InterpolationToMissingValueError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from autoopt.compose import shape
from autoopt.errors import AutooptError, UsageError

Path = tuple[str, ...]
_EXTRA = ("joblib", "ray", "submitit_local", "submitit_slurm")
"""The launchers of the extra `cluster`."""
_NAMED = re.compile(r"(\w+(?:\.[\w-]+)*)(?:: | is )")


def translate(error: Exception) -> AutooptError:
    """The error a person can act on, for whatever composing raised."""
    chain = _chain(error)
    for one in chain:
        if isinstance(one, OmegaConfBaseException) and one.full_key:
            return UsageError(describe(one)[1])
    if refused := refusal(error):
        return refused
    for one in chain:
        if isinstance(one, MissingConfigException) and one.missing_cfg_file:
            return UsageError(_missing(one))
    if isinstance(error, RecursionError):
        return UsageError("recipe: a recipe cannot build on itself.")
    return UsageError(first_line(error))


@contextmanager
def on_one_line() -> Iterator[None]:
    """Say in one line what a mistake is about, whatever was typed."""
    try:
        yield
    except UsageError as error:
        lines = str(error).splitlines()
        if len(lines) <= 1:
            raise
        raise UsageError("\\n".join(lines)) from error


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what led to it, outermost first."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def refusal(error: BaseException) -> AutooptError | None:
    """The refusal that an error of OmegaConf wraps; None when it is OmegaConf's own."""
    return next((one for one in _chain(error) if isinstance(one, AutooptError)), None)


def describe(error: OmegaConfBaseException) -> tuple[Path, str]:
    """The option an error is about, and the line that says what is wrong with it."""
    key = re.sub(r"\[(\d+)\]", r".\1", error.full_key or "")
    refused = refusal(error)
    problem = first_line(refused or error)
    if refused and (named := _option_named(problem)):
        return named, f"{problem}."
    if isinstance(error, (InterpolationKeyError, UnsupportedInterpolationType)):
        problem += "; a shell variable is written $NAME, without braces"
    elif isinstance(error, GrammarParseError):
        problem = f"{error.value!r} cannot be read as an interpolation; a literal `${{` is written \\${{"
    elif isinstance(error, InterpolationToMissingValueError):
        problem += "; give that first"
    return tuple(key.split(".")), f"{key}: {problem}."


def _option_named(problem: str) -> Path:
    """The option a refusal begins with, so that nobody reads another one before it; empty when none."""
    match = _NAMED.match(problem)
    path = tuple(match[1].split(".")) if match else ()
    return path if path and shape.kind_at(path) is not None else ()


def _missing(error: MissingConfigException) -> str:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    return no_choice(group or "config", name, error.options or ())


def no_choice(group: str, name: str, options: Sequence[str]) -> str:
    """The line that says what can be chosen from a config group instead of a name that is not there."""
    brought = "; pip install 'autoopt[cluster]' brings it" if name in _EXTRA else ""
    return f"{group}: {name}: no such choice; installed: {', '.join(options) or 'none'}{brought}."


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
