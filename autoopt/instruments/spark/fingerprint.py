"""What a job wrote, so that two commits can be compared: schema, number of rows, and a hash of the rows.

Neither the order of rows nor the last digits of floats count: both differ from run to run where tasks end in
another order. A float column is summed with weights that follow from the other columns of its rows, so that
values that changed places are found too; the sums count to nine digits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoopt.errors import UsageError

_FORMATS = {"parquet": "parquet", "csv": "csv", "json": "json", "orc": "orc", "txt": "text", "avro": "avro"}
_DIGITS = 9


def of(session: Any, name: str, known: dict[str, Any]) -> dict[str, object]:
    """The schema, rows and hash of one output, each under a name of its own.

    Args:
        session: An open session of the engine that wrote it.
        name: A path, a table or view, or a variable of the job that is a DataFrame.
        known: The job's variables.
    """
    frame = _frame(session, name, known)
    plain = [field for field in frame.schema.fields if not _is_float(field)]
    floats = [field for field in frame.schema.fields if _is_float(field)]
    row = frame.agg(*_sums(plain, floats)).collect()[0]
    found: dict[str, object] = {
        f"{name}:schema": frame.schema.simpleString(),
        f"{name}:rows": row["rows"],
        f"{name}:hash": str(row["hash"]),
    }
    for index, field in enumerate(floats):
        found[f"{name}:{field.name}"] = _rounded(row[f"size{index}"], row[f"sum{index}"])
    return found


def _frame(session: Any, name: str, known: dict[str, Any]) -> Any:
    if hasattr(known.get(name), "schema"):
        return known[name]
    if _is_path(name):
        path, form = _path_and_format(name)
        options = {"header": "true"} if form == "csv" else {}
        return session.read.format(form).options(**options).load(path)
    if name.isidentifier() and not session.catalog.tableExists(name):
        raise UsageError(
            f"options.output: the job left no table, view or DataFrame {name}; name what it writes."
        )
    return session.table(name)


def _is_path(name: str) -> bool:
    return "/" in name or name.rpartition(".")[2] in _FORMATS or Path(name).exists()


def _path_and_format(name: str) -> tuple[str, str]:
    """`csv:out/day` says its format; else the ending does, or that of the first file in the directory."""
    form, colon, path = name.partition(":")
    if colon and form in _FORMATS.values():
        return path, form
    folder = Path(name)
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    for candidate in (folder, *(file for file in files if not file.name.startswith(("_", ".")))):
        for suffix in candidate.suffixes:
            if suffix[1:] in _FORMATS:
                return name, _FORMATS[suffix[1:]]
    return name, "parquet"


def _is_float(field: Any) -> bool:
    return field.dataType.typeName() in {"float", "double"}


def _sums(plain: list[Any], floats: list[Any]) -> list[Any]:
    from pyspark.sql import functions as F  # noqa: N812 (its usual name)

    kinds = [_kind(F, F.col(_quoted(field.name))) for field in floats]
    row = F.xxhash64(*(_hashable(F, field) for field in plain), *kinds, F.lit(0))
    weight = F.lit(1.5) + row.cast("double") / F.lit(2.0**64)
    found = [F.count(F.lit(1)).alias("rows"), F.sum(row.cast("decimal(20,0)")).alias("hash")]
    for index, field in enumerate(floats):
        column = F.col(_quoted(field.name)).cast("double")
        finite = F.when(F.isnan(column) | F.abs(column).isin(float("inf")), 0.0).otherwise(column) * weight
        found += [F.sum(F.abs(finite)).alias(f"size{index}"), F.sum(finite).alias(f"sum{index}")]
    return found


def _kind(functions: Any, column: Any) -> Any:
    """What a float is besides a number: these do not add up."""
    odd = functions.isnan(column) | functions.abs(column.cast("double")).isin(float("inf"))
    return functions.when(odd, column.cast("string")).when(column.isNull(), "null").otherwise("")


def _hashable(functions: Any, field: Any) -> Any:
    column = functions.col(_quoted(field.name))
    has_map = "map<" in field.dataType.simpleString() or field.dataType.typeName() == "variant"
    hashed = functions.to_json(functions.struct(column)) if has_map else column
    return functions.coalesce(functions.xxhash64(hashed), functions.lit(0)) if not has_map else hashed


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _rounded(size: float | None, total: float | None) -> str:
    """The size to nine digits, and the sum as a share of it: one that cancels out has no own digits."""
    if size is None or total is None:
        return "null"
    return f"{size:.{_DIGITS - 1}e} {total / size if size else 0.0:.{_DIGITS}f}"
