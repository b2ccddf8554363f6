"""Places in files that hold one parameter's value: read it, or replace it and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import Protocol

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import checks
from autoopt.proposers.search.sites.plain import same
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_KEYED = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".json": "json",
    ".ini": "ini",
    ".cfg": "ini",
    ".conf": "properties",
    ".properties": "properties",
}


class Form(Protocol):
    """How one kind of file holds a value. A module of this package has one, made by its `form` function.

    Attributes:
        optional: Whether the value, and with it the whole file, may be missing (None).
    """

    optional: bool

    def read(self, text: str) -> Value:
        """The value in this text."""
        ...

    def write(self, text: str, value: Value) -> str:
        """The text with this value, which differs from the present one; everything else as it was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One value in one file.

    Attributes:
        name: The parameter's name.
        file: Path relative to the repository root.
        form: How the file holds it.
    """

    name: str
    file: str
    form: Form

    @property
    def optional(self) -> bool:
        """Whether the value may be absent (None); a missing file then reads as empty."""
        return self.form.optional

    def read(self, text: str) -> Value:
        """The value in this text.

        Raises:
            UsageError: the place is not there, or is there more than once.
        """
        return self.form.read(text)

    def write(self, text: str, value: Value) -> str:
        """The text with this value; byte-identical when it is there already.

        Raises:
            UsageError: the place is not there, or cannot hold this value.
        """
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"params.{self.name}: {value} is not a finite number.")
        if same(self.form.read(text), value):
            return text
        written = self.form.write(text, value)
        if not same(self.form.read(written), value):
            raise UsageError(
                f"params.{self.name}: {value!r} cannot be written in {self.file} so that it reads back equal."
            )
        return written


def site(name: str, config: ParameterConfig, env_file: str | None) -> Site:
    """The site of a parameter; its library is imported only now.

    Args:
        name: The parameter's name, for messages.
        config: What the recipe says about it.
        env_file: `metric.env_file`, where parameters of kind `env` are kept.

    Raises:
        UsageError: the options contradict each other or lack something.
    """
    checks.check(name, config)
    kind = checks.kind(name, config)
    file = _file(name, kind, config, env_file)
    module = _keyed(name, file) if kind == "key" else kind
    form: Form = import_module(f"{__name__}.{module}").form(f"params.{name}.{kind}", file, config)
    return Site(name=name, file=file, form=form)


def _file(name: str, kind: str, config: ParameterConfig, env_file: str | None) -> str:
    if kind == "env":
        if config.file is not None:
            raise UsageError(
                f"params.{name}.file: environment variables are kept in metric.env_file; set that, drop this."
            )
        if not env_file:
            raise UsageError(f"params.{name}.env: set metric.env_file to the tracked file that keeps it.")
        return env_file
    if not config.file:
        raise UsageError(f"params.{name}.file: missing; name the file that holds the value.")
    path = PurePosixPath(config.file)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(f"params.{name}.file: {config.file} must be relative to the repository root.")
    return path.as_posix()


def _keyed(name: str, file: str) -> str:
    suffix = PurePosixPath(file).suffix.lower()
    if suffix not in _KEYED:
        raise UsageError(
            f"params.{name}.key: {file} is none of {', '.join(_KEYED)}; use `regex` for other files."
        )
    return _KEYED[suffix]
