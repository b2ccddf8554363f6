"""Records that are read from their place in a journal when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Spans(Sequence[T], Generic[T]):
    """A growing list of records, each known by the bytes it is made from until it is wanted.

    Equal to any other sequence of equal records.
    """

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        """Begin empty; `decode` makes a record from its bytes."""
        self._decode = decode
        self._content = b""
        self._places: list[int] = []  # start and end of each in turn
        self._items: list[T | None] = []
        self._unread = 0

    def open(self, content: bytes, places: Sequence[int]) -> None:
        """Hold the records at these places (start and end in turn) in the content."""
        self._content, self._places = content, list(places)
        self._unread = len(places) // 2
        self._items = [None] * self._unread

    def append(self, item: T, start: int, end: int) -> None:
        """Add a record that is at this place."""
        self._items.append(item)
        self._places += (start, end)

    def replace(self, position: int, item: T) -> None:
        """Put another record in the place of one that was read."""
        self[position]
        self._items[position] = item

    @property
    def places(self) -> Sequence[int]:
        """Start and end of each record in turn."""
        return self._places

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return (
                [self[each] for each in range(*index.indices(len(self)))]
                if self._unread
                else self._all[index]
            )
        item = self._items[index]
        return self._read(index) if item is None else item

    def __iter__(self) -> Iterator[T]:
        for position in range(len(self)) if self._unread else ():
            self[position]
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(other) == len(self) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return repr(list(self))

    @property
    def _all(self) -> list[Any]:
        return self._items

    def _read(self, index: int) -> T:
        position = range(len(self))[index]
        start, end = self._places[2 * position : 2 * position + 2]
        item = self._items[position] = self._decode(self._content[start:end])
        self._unread -= 1
        if not self._unread:
            self._content = b""
        return item
