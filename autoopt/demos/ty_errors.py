"""A booking system whose annotations were written in a hurry and never checked."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files

_FILES = {
    "src/bookings/__init__.py": '"""Rooms, guests and what they pay."""\n',
    "src/bookings/rooms.py": '''\
"""Rooms and who is in them."""

from dataclasses import dataclass


@dataclass
class Room:
    number: int
    beds: int = 2
    view: str = None
    guest: str = None


def describe(room: Room, prefix: str = None) -> str:
    label = f"room {room.number}, {room.beds} beds"
    if room.view is not None:
        label += f", view of the {room.view}"
    return label if prefix is None else f"{prefix} {label}"


def find(rooms: list[Room], beds: int) -> Room:
    for room in rooms:
        if room.beds >= beds and room.guest is None:
            return room
    return None


def occupied(rooms: list[Room]) -> int:
    return sum(1 for room in rooms if room.guest is not None)  # type: ignore
''',
    "src/bookings/prices.py": '''\
"""What a stay costs."""

from typing import cast

BASE = 80  # type: ignore
RATES = {"low": 0.8, "high": 1.4}


def rate(season: str = None) -> float:
    return RATES.get(season or "", 1.0)  # type: ignore


def nightly(beds: int, season: str = None) -> float:
    return cast(float, rate(season)) * (BASE + 25 * beds)


def range_of(beds: int) -> (float, float):
    return nightly(beds, "low"), nightly(beds, "high")


def discount(nights: int) -> float:
    if nights >= 14:
        return 0.2
    if nights >= 7:
        return 0.1


def total(beds: int, nights: int, season: str = None) -> float:
    full = nights * nightly(beds, season)
    return full * (1 - (discount(nights) or 0))
''',
    "src/bookings/guests.py": '''\
"""The guest list."""


def parse(line: str) -> Optional[Dict[str, str]]:
    name, _, mail = line.partition(",")
    if not mail:
        return None
    return {"name": name.strip(), "mail": mail.strip()}


def load(text: str) -> List[Dict[str, str]]:
    return [guest for line in text.splitlines() if (guest := parse(line)) is not None]


def initials(guest: Dict[str, str]) -> str:
    return "".join(part[0] for part in guest["name"].split())  # type: ignore


def age(guest: Dict[str, str], year: int) -> int:
    return year - guest.get("born", year)
''',
    "tests/test_bookings.py": """\
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from bookings import prices, rooms


class Bookings(unittest.TestCase):
    def test_a_free_room_with_enough_beds_is_found(self) -> None:
        known = [rooms.Room(1), rooms.Room(2, beds=4)]

        self.assertIs(rooms.find(known, 3), known[1])
        self.assertIsNone(rooms.find(known, 5))

    def test_a_long_stay_is_cheaper(self) -> None:
        self.assertEqual(prices.total(2, 1), 130)
        self.assertEqual(prices.total(2, 10), 1170)
""",
    "pyproject.toml": """\
[project]
name = "bookings"
version = "1.0"
requires-python = ">=3.11"

[tool.ty.rules]
unused-ignore-comment = "error"
unused-type-ignore-comment = "error"
redundant-cast = "error"
""",
    "README.md": """\
# Bookings

`ty check` complains a lot about `src`. `autoopt recipe=ty-errors scope=src` mends what can be mended
mechanically and leaves what needs a thought: how old is a guest whose year of birth is a text?
""",
    ".gitignore": "__pycache__/\n",
}


def make(directory: Path) -> None:
    """Write the package, its tests and the settings of its type checker."""
    files.write(directory, _FILES)


DEMO = Demo(
    name="ty-errors",
    summary="a package with wrong annotations: which type errors can be mended mechanically",
    make=make,
    overrides=("recipe=ty-errors", "scope=src"),
    extra="types",
)
