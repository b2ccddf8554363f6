"""Keeping a run from what goes wrong while it is told about."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_log = logging.getLogger(__name__)


class Shielded(Protocol):
    """Whoever tells; `warned` is whether an error of it was told."""

    warned: bool


_Self = TypeVar("_Self", bound=Shielded)
_Arguments = ParamSpec("_Arguments")


def shielded(
    method: Callable[Concatenate[_Self, _Arguments], None],
) -> Callable[Concatenate[_Self, _Arguments], None]:
    """The method, whose errors are logged (the first one) and go no further."""

    @wraps(method)
    def call(self: _Self, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        # A closed terminal or pipe, a mistake in here: hours of measuring are worth more than a line.
        except Exception as error:  # noqa: BLE001
            failed(self, error)

    return call


def failed(teller: Shielded, error: Exception) -> None:
    """Log an error of what tells of a run: the first of each as a warning."""
    level = logging.DEBUG if teller.warned else logging.WARNING
    teller.warned = True
    _log.log(level, "the progress display failed, the run goes on: %s", error)
