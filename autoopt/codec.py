"""Records to plain JSON data and back, refusing whatever is not understood."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any


def encode(record: Any) -> Any:
    """A record as plain JSON data."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: encode(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, Mapping):
        return {str(key): encode(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [encode(item) for item in record]
    return record


def decode(kind: Any, data: Any) -> Any:
    """The record of this type that the plain data stands for; unknown words and fields are refused.

    Raises:
        KeyError, TypeError, ValueError: the data is not such a record.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if data is None or all(not dataclasses.is_dataclass(a) for a in arguments):
            return data
        return decode(next(a for a in arguments if dataclasses.is_dataclass(a)), data)
    if origin is tuple:
        return tuple(decode(arguments[0], item) for item in data)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: decode(hints[name], value) for name, value in data.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return data


@cache
def _hints(kind: type) -> dict[str, Any]:
    """A record's fields and their types; working them out takes longer than decoding a record."""
    return typing.get_type_hints(kind)
