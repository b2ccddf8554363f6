"""Watches where the process allocates and, at its end, writes what was held when it held the most.

It runs in whatever Python the command uses, before anything else, and never fails: memray where that has it
(its high-water mark is exact), else tracemalloc, of which a thread takes a snapshot whenever there is much
more than in the one before.
"""

import atexit
import json
import os
import threading
import tracemalloc

_PROCESS = os.getpid()
_FRAMES = 12
_PLACES = 400
_INTERVAL_S = 0.005
_GROWTH = 1.15
_LEAST = 1 << 20


def start(folder: str) -> None:
    """Watch every allocation from now on; write `seen-*.json` into the folder when the process ends."""
    wanted = os.environ.get("AUTOOPT_MEMORY_PROFILER", "auto")
    if wanted != "tracemalloc":
        try:
            _with_memray(folder)
            return
        except ImportError:
            if wanted == "memray":
                said = (
                    "the command's Python has no memray: pip install memray there, or give "
                    "options.profiler=tracemalloc."
                )
                with open(os.path.join(folder, f"missing-{_PROCESS}"), "w") as file:  # noqa: PTH118, PTH123
                    file.write(said)
                return
    _with_tracemalloc(folder)


def _with_memray(folder: str) -> None:
    import memray  # type: ignore[import-not-found,unused-ignore]

    path = os.path.join(folder, f"memray-{_PROCESS}.bin")  # noqa: PTH118
    tracker = memray.Tracker(path)

    def finish() -> None:
        if os.getpid() != _PROCESS:
            return
        tracker.__exit__(None, None, None)
        with memray.FileReader(path) as reader:
            found: dict[tuple[tuple[str, int, str], ...], list[int]] = {}
            for record in reader.get_high_watermark_allocation_records(merge_threads=True):
                stack = tuple(
                    (file, line, name) for name, file, line in record.stack_trace(max_stacks=_FRAMES)
                )
                size = found.setdefault(stack, [0, 0])
                size[0] += record.size
                size[1] += record.n_allocations
        _write(folder, "memray", [(stack, size, many) for stack, (size, many) in found.items()])

    tracker.__enter__()
    atexit.register(finish)


def _with_tracemalloc(folder: str) -> None:
    best: list[object] = [0, None]
    over = threading.Event()

    def look() -> None:
        held, _ = tracemalloc.get_traced_memory()
        if held > max(best[0] * _GROWTH, _LEAST):  # type: ignore[operator]
            best[:] = held, tracemalloc.take_snapshot()

    def watch() -> None:
        while not over.wait(_INTERVAL_S):
            look()

    thread = threading.Thread(target=watch, daemon=True)

    def finish() -> None:
        if os.getpid() != _PROCESS:
            return
        over.set()
        thread.join()
        snapshot = best[1] or tracemalloc.take_snapshot()
        tracemalloc.stop()
        rows = []
        for each in snapshot.statistics("traceback"):  # type: ignore[attr-defined]
            stack = tuple((frame.filename, frame.lineno, "") for frame in reversed(each.traceback))
            rows.append((stack, each.size, each.count))
        _write(folder, "tracemalloc", rows)

    tracemalloc.start(_FRAMES)
    thread.start()
    atexit.register(finish)


def _write(folder: str, tool: str, rows: list[tuple[tuple[tuple[str, int, str], ...], int, int]]) -> None:
    """Write the largest places, and the sum of all."""
    rows.sort(key=lambda row: -row[1])
    seen = {"tool": tool, "bytes": sum(row[1] for row in rows), "rows": rows[:_PLACES]}
    path = os.path.join(folder, f"seen-{_PROCESS}.json")  # noqa: PTH118
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        json.dump(seen, file)
