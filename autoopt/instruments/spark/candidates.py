"""Settings of Spark SQL that are worth searching, as parameters of the settings file or of the job."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from autoopt.instruments.spark.engine import Engine, Kind
from autoopt.scope import Scope

Scalar = bool | int | str | None

_ANYWHERE: dict[str, tuple[Scalar, ...]] = {
    "spark.sql.adaptive.enabled": (True, False),
    "spark.sql.autoBroadcastJoinThreshold": ("64m", "256m", -1),
    "spark.sql.shuffle.partitions": (),
    "spark.sql.adaptive.coalescePartitions.enabled": (True, False),
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": (False, True),
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": ("16m", "64m", "256m"),
    "spark.sql.adaptive.skewJoin.enabled": (True, False),
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": ("64m", "256m"),
    "spark.sql.files.maxPartitionBytes": ("32m", "128m", "512m"),
    "spark.sql.join.preferSortMergeJoin": (False, True),
    "spark.sql.inMemoryColumnarStorage.compressed": (False, True),
    "spark.sql.inMemoryColumnarStorage.batchSize": (10_000, 50_000),
    "spark.sql.parquet.compression.codec": ("zstd", "lz4", "snappy"),
    "spark.sql.execution.arrow.pyspark.enabled": (True, False),
    "spark.sql.optimizer.runtime.bloomFilter.enabled": (True, False),
}
"""The values besides the present one, the likely better ones first; all can be set in a session."""
_OWN: dict[str, tuple[Scalar, ...]] = {
    "spark.io.compression.codec": ("zstd", "lz4", "snappy"),
    "spark.serializer": ("org.apache.spark.serializer.KryoSerializer",),
    "spark.shuffle.compress": (True, False),
    "spark.memory.fraction": ("0.7", "0.8"),
}
"""The same where the driver and its settings are ours."""
_MEANING = re.compile(
    r"spark\.sql\.(session|ansi|legacy|catalog|warehouse|extensions|sources\.|datetime|store|caseSensitive|map|"
    r"parquet\.(output|int96|datetime)|avro|timestamp|streaming|hive|variable)",
    re.IGNORECASE,
)
"""Settings that decide what a query means, not how quickly it runs."""


def find(
    engine: Engine, settings: Mapping[str, str], *, conf: str, job: str, scope: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """`params` entries by name.

    What the job sets itself is searched there, where the settings file would have no effect.
    """
    allowed = Scope(scope)
    text = ""
    with suppress(OSError, UnicodeDecodeError):
        text = Path(job).read_text("utf-8-sig")
    found = {}
    for key, values in _known(engine, settings).items():
        inline = list(re.finditer(_inline(key), text, re.MULTILINE))
        if inline:
            if len(inline) == 1 and allowed.contains(job):
                found[_name(key)] = _in_job(key, values, inline[0][1], job)
        elif conf and allowed.contains(conf):
            found[_name(key)] = _in_conf(key, values, settings.get(key), conf)
    return {name: one for name, one in found.items() if len(one["choices"]) > 1}


def _known(engine: Engine, settings: Mapping[str, str]) -> dict[str, tuple[Scalar, ...]]:
    """Settings in the file first: dropping a bad one is the quickest gain."""
    known = {**_ANYWHERE, **({} if engine.is_remote else _OWN)}
    known["spark.sql.shuffle.partitions"] = tuple(_partitions(engine))
    given = {key: () for key in settings if key.startswith("spark.sql.") and not _MEANING.match(key)}
    return {**{key: known.get(key, ()) for key in given}, **known}


def _partitions(engine: Engine) -> Iterator[int]:
    cores = os.cpu_count() or 1
    if engine.kind is Kind.local and (named := re.match(r"local\[(\d+)", engine.master)):
        cores = int(named[1])
    yield from dict.fromkeys((2 * cores, cores, 8 * cores, 64, 200))


def _in_conf(key: str, values: tuple[Scalar, ...], text: str | None, conf: str) -> dict[str, Any]:
    present = None if text is None else _decoded(text)
    choices = list(dict.fromkeys([(type(value), value) for value in (present, None, *values)]))
    plain = [value for _, value in choices]
    first = [None, *values[:1]] if text is not None else list(values[:1])
    return {"file": conf, "key": key, "choices": plain, "first": [one for one in first if one != present]}


def _in_job(key: str, values: tuple[Scalar, ...], text: str, job: str) -> dict[str, Any]:
    present = _decoded(text)
    choices = [value for _, value in dict.fromkeys([(type(value), value) for value in (present, *values)])]
    first = [value for value in values[:1] if value != present]
    return {"file": job, "regex": _inline(key), "choices": choices, "first": first}


def _inline(key: str) -> str:
    """`.config("key", value)` and `conf.set("key", value)`; the group is the value without its quotes."""
    return rf"""^[^#\n]*(?:config|set)\(\s*["']{re.escape(key)}["']\s*,\s*["']?([\w.+-]+)["']?\s*\)"""


def _decoded(text: str) -> Scalar:
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return int(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _name(key: str) -> str:
    return re.sub(r"\W", "_", key.removeprefix("spark.").removeprefix("sql."))
