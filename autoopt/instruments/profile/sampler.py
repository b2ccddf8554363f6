"""Samples the process with pyinstrument and, at its end, writes what it saw in the shape that cProfile gives.

It runs in whatever Python the command uses, which may have no pyinstrument.
"""

import atexit
import json
import os

TYPE_CHECKING = False  # typing takes long to import
if TYPE_CHECKING:
    from typing import Any

_PROCESS = os.getpid()
_INTERVAL_S = 0.001


def start(folder: str) -> None:
    """Look at the stack every millisecond; write `seen-*.json` into the folder when the process ends."""
    try:
        from pyinstrument import Profiler  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        with open(os.path.join(folder, f"missing-{_PROCESS}"), "w") as file:  # noqa: PTH118, PTH123
            file.write(
                "the command's Python has no pyinstrument: pip install pyinstrument there, or give "
                "options.profiler=cprofile."
            )
        return
    profiler = Profiler(interval=_INTERVAL_S)
    atexit.register(_write, profiler, folder)
    profiler.start()


def _write(profiler: "Any", folder: str) -> None:
    if os.getpid() != _PROCESS or not profiler.is_running:
        return
    root = profiler.stop().root_frame(trim_stem=False)
    rows: dict[Any, Any] = {}
    for frame in [] if root is None else [root] if root.file_path else root.children:  # the thread's own
        _add(frame, None, rows, [])
    path = os.path.join(folder, f"seen-{_PROCESS}.json")  # noqa: PTH118
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        json.dump([[*place, *row[:3], row[3]] for place, row in rows.items()], file)


def _add(frame: "Any", caller: "Any", rows: "dict[Any, Any]", above: "list[Any]") -> None:
    """Add up own and whole seconds by function; a recursive call is in the whole of the first one already."""
    place = (frame.file_path or "~", _first_line(frame), frame.function)
    row = rows.setdefault(place, [0, 0.0, 0.0, []])
    own = frame.time - sum(child.time for child in frame.children if not child.is_synthetic)
    row[1] += max(own, 0.0)
    if place not in above:
        row[2] += frame.time
    if caller is not None:
        row[3].append([*caller, frame.time])
    for child in frame.children:
        if not child.is_synthetic:
            _add(child, place, rows, [*above, place])


def _first_line(frame: "Any") -> int:
    """The line on which the function begins, as in its identifier: name, file and line between NULs."""
    return int(frame.identifier.split("\x00")[2])
