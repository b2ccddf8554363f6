"""Whether an extraction can give a number at all."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from autoopt.errors import UsageError
from autoopt.meters.extract.reading import TEXT_READERS
from autoopt.meters.formats.documents import steps
from autoopt.schema import ExtractConfig, Extraction

_WITHOUT_TEXT = frozenset(Extraction) - frozenset(TEXT_READERS)
_WITHOUT_PATTERN = _WITHOUT_TEXT | {Extraction.hyperfine}


def check(config: ExtractConfig, option: str = "metric.extract") -> None:
    """See that the configuration can give a number at all.

    Args:
        option: The group of options it was read from.

    Raises:
        UsageError: it cannot.
    """
    _check_place(config, option)
    kind, pattern, named = config.kind, config.pattern, f"{option}.pattern"
    if kind in _WITHOUT_PATTERN and pattern:
        raise UsageError(
            f"{named} is {pattern!r}, but kind={kind.name} looks for nothing; remove it or set "
            f"{option}.kind to regex, line, json or named."
        )
    if kind is Extraction.regex:
        _check_regex(pattern, named)
    elif kind is Extraction.line and (not _integer(pattern) or int(pattern) == 0):
        raise UsageError(
            f"{named} is {pattern!r}; kind=line wants a line number: 1 is the first, -1 the last."
        )
    elif kind is Extraction.json and not steps(pattern):
        raise UsageError(f"{named} is {pattern!r}; kind=json wants a path such as `a.b[0].c`.")
    elif kind is Extraction.named and not re.fullmatch(r"[^\s=]+", pattern):
        raise UsageError(f"{named} is {pattern!r}; kind=named wants the NAME of a `METRIC NAME=value` line.")


def _check_place(config: ExtractConfig, option: str) -> None:
    """See that the file, if one is named, is read and in the checkout."""
    if config.file is None:
        return
    if config.kind in _WITHOUT_TEXT:
        raise UsageError(f"{option}.file has no effect with {option}.kind={config.kind.name}; remove it.")
    if not _inside(config.file):
        raise UsageError(
            f"{option}.file is {config.file!r}; it must be relative to the checkout, without `..`."
        )


def _inside(path: str) -> bool:
    return bool(path) and not path.startswith(("/", "~")) and ".." not in PurePosixPath(path).parts


def _integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,9}", text) is not None


def _check_regex(pattern: str, named: str) -> None:
    try:
        groups = re.compile(pattern, re.MULTILINE).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{named} is {pattern!r}, which is no regex: {error}.") from error
    if groups != 1:
        raise UsageError(
            f"{named} is {pattern!r}, which has {groups} groups; it must have exactly one, around the "
            "number (write `(?:...)` for the others)."
        )
