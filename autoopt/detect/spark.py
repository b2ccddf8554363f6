"""What a Spark project has: the job, its settings file, and what the job writes."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from autoopt.detect import files, project
from autoopt.detect.place import Place

MISSING_JOB = (
    "options.job: no single Spark job was found (a .py file that makes a SparkSession, or a Databricks "
    "notebook); give it, as in options.job=jobs/daily.py."
)
MISSING_OUTPUT = (
    "options.output: the job writes nothing that could be found and compared; give what it leaves: a path, a "
    "table or a DataFrame variable, as in options.output=out/daily; guards.rows.command=null goes without."
)
MISSING_COMPUTE = (
    "Databricks: no compute is named; set DATABRICKS_CLUSTER_ID (or DATABRICKS_SERVERLESS_COMPUTE_ID=auto), "
    "and DATABRICKS_PROFILE where the login is not the default profile of ~/.databrickscfg."
)
UNITS = {
    "job_s": "s",
    "executor_run_s": "s",
    "executor_cpu_s": "s",
    "shuffle_read_bytes": "bytes",
    "shuffle_write_bytes": "bytes",
    "spill_bytes": "bytes",
    "input_bytes": "bytes",
    "output_bytes": "bytes",
    "tasks": "tasks",
    "stages": "stages",
}
"""What the spark instrument measures, with units."""
MISSING_UNIT = f"options.measure: is no number of a Spark job; give one of {', '.join(UNITS)}."

_JOB = re.compile(
    r"SparkSession\b.*\bbuilder\b|DatabricksSession\b|\A\ufeff?# Databricks notebook source", re.DOTALL
)
_SETTING = re.compile(r"^[ \t]*spark\.[\w.]+[ \t=:]", re.MULTILINE)
_DEFAULT = "spark-defaults.conf"
_WRITERS = frozenset({"parquet", "csv", "json", "orc", "save"})
_NAMERS = frozenset(
    {
        "saveAsTable",
        "insertInto",
        "createOrReplaceTempView",
        "createTempView",
        "createOrReplaceGlobalTempView",
    }
)
_COMPUTE = ("DATABRICKS_CLUSTER_ID", "DATABRICKS_SERVERLESS_COMPUTE_ID", "DATABRICKS_PROFILE")


def job(place: Place) -> str | None:
    """The job that is given, the one in scope, else the one in the repository."""
    if given := place.options.get("job"):
        return str(given)
    every = [path for path in files.below(place.root) if _is_source(path)]
    scoped = [path for path in every if place.has_in_scope(path)]
    for paths in (scoped, every):
        found = [path for path in paths if _JOB.search(files.text(place.root, path) or "")]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def settings(place: Place) -> str:
    """The settings file; where there is none yet, the name in scope that it would get."""
    if given := place.options.get("conf"):
        return str(given)
    found = [
        path for path in files.below(place.root) if PurePosixPath(path).suffix in {".conf", ".properties"}
    ]
    found = [path for path in found if _SETTING.search(files.text(place.root, path) or "")]
    named = [path for path in place.scope if PurePosixPath(path).suffix in {".conf", ".properties"}]
    found.sort(key=lambda path: (not place.has_in_scope(path), PurePosixPath(path).name != _DEFAULT))
    if found or named:
        return found[0] if found else named[0]
    folders = [path for path in place.scope if (place.root / path).is_dir()]
    return PurePosixPath(folders[0], _DEFAULT).as_posix() if folders else _DEFAULT


def outputs(place: Place) -> str | None:
    """Shell words for what is given, else for what the job writes."""
    given = place.options.get("output")
    if given:
        return shlex.join([given] if isinstance(given, str) else map(str, given))
    path = job(place)
    text = None if path is None else files.text(place.root, path)
    if text is None:
        return None
    try:
        tree = ast.parse("\n".join("" if line.startswith("# MAGIC") else line for line in text.splitlines()))
    except SyntaxError:
        return None
    written = list(dict.fromkeys(_written(tree)))
    return shlex.join(written) if written else None


def unit(place: Place) -> str | None:
    """The unit of the number that is measured."""
    return UNITS.get(str(place.options.get("measure")))


def compute(place: Place) -> str | None:
    """`databricks`, when the environment says which cluster or profile."""
    return "databricks" if _is_named(place.environ) else None


def _is_named(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) for name in (*_COMPUTE, "DATABRICKS_CONFIG_PROFILE"))


def _is_source(path: str) -> bool:
    return path.endswith(".py") and not project.is_test(path) and PurePosixPath(path).name != "conftest.py"


def _written(tree: ast.AST) -> Iterator[str]:
    """Literal paths and names in `frame.write...parquet("out/day")` and its like."""
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        name = node.func.attr
        target = _text(node.args[0], constants)
        if target and (name in _NAMERS or (name in _WRITERS and _is_writer(node.func.value))):
            form = _format(node.func.value)
            yield f"{form}:{target}" if name == "save" and form else target


def _is_writer(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr in {"write", "writeTo"} for part in ast.walk(node)
    )


def _format(node: ast.AST) -> str | None:
    """What a chain before `save` says in `.format("csv")`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "format":
            return _text(part.args[0], {}) if part.args else None
    return None


def _constants(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.value


def _text(node: ast.AST, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id) if isinstance(node, ast.Name) else None
