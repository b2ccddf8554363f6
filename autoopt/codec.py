"""Records to plain JSON data and back, refusing whatever is not understood."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache, partial
from typing import Any


def encode(record: Any) -> Any:
    """A record as plain JSON data."""
    if record is None or (isinstance(record, (str, int, float)) and not isinstance(record, Enum)):
        return record
    kind: Any = type(record)
    if (names := _names(kind)) is not None:
        return {name: encode(getattr(record, name)) for name in names}
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, Mapping):
        return {str(key): encode(value) for key, value in record.items()}
    if isinstance(record, Sequence):
        return [encode(item) for item in record]
    return record


def decode(kind: Any, data: Any, **ready: Any) -> Any:
    """The record of this type that the plain data stands for; unknown words and fields are refused.

    Args:
        ready: Fields of the record that need no decoding; they go before those of the data.

    Raises:
        KeyError, TypeError, ValueError: the data is not such a record.
    """
    reader = _reader(kind)
    return data if reader is None else reader(data, **ready)


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """A record's fields; None where the type is no record."""
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@cache
def _reader(kind: Any) -> Callable[..., Any] | None:
    """What makes a value of this type from plain data; None where plain data is such a value.

    Worked out once for each type: a journal holds far more records than there are types of them.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        records: list[Any] = [each for each in arguments if dataclasses.is_dataclass(each)]
        inner = _reader(records[0]) if records else None
        return None if inner is None else partial(_optional, inner)
    if origin in (tuple, Sequence):
        return partial(_several, _reader(arguments[0]))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        readers = {name: _reader(hint) for name, hint in hints.items()}
        return partial(
            _record, kind, {name: reader for name, reader in readers.items() if reader is not None}
        )
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return None


def _optional(reader: Callable[[Any], Any], data: Any) -> Any:
    return None if data is None else reader(data)


def _several(reader: Callable[[Any], Any] | None, data: Any) -> tuple[Any, ...]:
    return tuple(data) if reader is None else tuple([reader(item) for item in data])


def _record(
    kind: type, readers: Mapping[str, Callable[[Any], Any]], data: Mapping[str, Any], /, **ready: Any
) -> Any:
    if not readers:
        return kind(**data)
    fields = {**data, **ready}
    for name, reader in readers.items():
        if name in fields and name not in ready:
            fields[name] = reader(fields[name])
    return kind(**fields)
