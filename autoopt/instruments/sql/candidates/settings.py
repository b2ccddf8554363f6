"""Engine settings that change how long queries take and not what they answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from autoopt.instruments.sql.database.engines import Session

Setting = tuple[str, str, list[Any], list[Any]]
"""Keyword, name, values beside the present one, and those of them worth trying alone."""

_MB = 1 << 20

_SQLITE: tuple[Setting, ...] = (
    ("PRAGMA", "cache_size", [-16_000, -64_000, -256_000], [-64_000]),  # negative: KiB; the default is 2 MB
    ("PRAGMA", "mmap_size", [64 * _MB, 256 * _MB, 1024 * _MB], [256 * _MB]),
    ("PRAGMA", "temp_store", ["MEMORY"], ["MEMORY"]),
    ("PRAGMA", "threads", [2, 4], []),
    ("PRAGMA", "automatic_index", [0], []),
)
_POSTGRESQL: tuple[Setting, ...] = (
    ("SET", "work_mem", [16_384, 65_536, 262_144], [65_536]),  # kB
    ("SET", "jit", ["off", "on"], ["off"]),
    ("SET", "random_page_cost", [1.1, 2.0], [1.1]),
    ("SET", "max_parallel_workers_per_gather", [0, 1, 4], [0]),
    ("SET", "enable_nestloop", ["off"], []),
    ("SET", "enable_mergejoin", ["off"], []),
    ("SET", "enable_seqscan", ["off"], []),
    ("SET", "hash_mem_multiplier", [1.0, 4.0], []),
    ("SET", "effective_cache_size", [131_072, 1_048_576], []),  # pages of 8 kB
    ("SET", "join_collapse_limit", [1, 12], []),
    ("SET", "from_collapse_limit", [1, 12], []),
)


_OPINIONS = frozenset({"jit", "random_page_cost", "effective_cache_size"})


def worth_trying(session: Session, engine: str, *, costs: bool = False) -> Iterator[Setting]:
    """Settings this engine has, without the values they have now.

    Args:
        costs: Leave out those that only change what the planner thinks things cost.
    """
    known = _sqlite(session) if engine == "sqlite" else _listed(session, engine)
    table = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "duckdb": _duckdb()}[engine]
    for keyword, name, choices, first in table:
        if name in known and not (costs and name in _OPINIONS):
            others = [choice for choice in choices if not _same(choice, known[name])]
            if others:
                yield keyword, name, others, [choice for choice in first if choice in others]


def _duckdb() -> tuple[Setting, ...]:
    cores = os.cpu_count() or 1
    threads = [count for count in (1, 2, 4, 8) if count <= cores]
    return (
        ("SET", "threads", threads, threads[:1]),
        ("SET", "preserve_insertion_order", [False], [False]),
        ("SET", "late_materialization_max_rows", [0, 1000], []),
        ("SET", "nested_loop_join_threshold", [0, 100], []),
        ("SET", "merge_join_threshold", [0, 100_000], []),
        ("SET", "dynamic_or_filter_threshold", [0, 500], []),
    )


def _sqlite(session: Session) -> dict[str, str]:
    present = {}
    for _, name, _, _ in _SQLITE:
        result = session.execute(f"PRAGMA {name}")
        if result is not None and result.rows:
            present[name] = str(result.rows[0][0])
    return present


def _listed(session: Session, engine: str) -> dict[str, str]:
    sources = {
        "duckdb": "SELECT name, value FROM duckdb_settings()",
        "postgresql": "SELECT name, setting FROM pg_settings",
    }
    result = session.execute(sources[engine])
    return {name: str(value) for name, value in result.rows} if result is not None else {}


def _same(choice: Any, present: str) -> bool:
    if isinstance(choice, (bool, str)):
        return str(choice).lower() == present.lower()
    try:
        return float(choice) == float(present)
    except ValueError:
        return False
