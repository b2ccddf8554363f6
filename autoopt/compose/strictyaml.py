"""Reading a YAML file somebody else wrote: bounded in size and depth, no tags, with line numbers.

Plain words are read as on the command line: only `true` and `false` are booleans (`on`, `yes` and `no` are
text, as databases want them), `1e3` is a number, and `1:30` and dates are text.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from autoopt.errors import UsageError

_MAX_BYTES = 256 * 1024
_MAX_DEPTH = 20
_CORE_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping read from a file.

    Attributes:
        data: Plain dicts, lists and scalars.
        lines: The line, from 1, of each key and list item, by its path from the root.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def at(self, path: tuple[str, ...]) -> str:
        """`FILE:LINE` of a path, or of its nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines.get(path, 1)}"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without aliases, deep nesting and every tag that is not plain data."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases are not allowed; write the value out, or refer to it as "
                "${path.of.option}",
                problem_mark=event.start_mark,
            )
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {_MAX_DEPTH} levels", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][-+]?\d+)?|\d[\d_]*\.(?:[eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+"
        r"|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag in {_TAG + name for name in _CORE_TAGS}
}


def read(path: Path) -> Document:
    """The one mapping in the file.

    Raises:
        UsageError: it cannot be read, or is not one mapping of plain data. One line, `FILE:LINE: ...`.
    """
    text = _decoded(path, _content(path))
    try:
        found = _document(path, text)
        return replace(found, data=deepcopy(found.data))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{path}:{line}: {_problem(error)}.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(f"{path}:{line}: a control character ({error.reason}); remove it.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}.") from error


def _content(path: Path) -> bytes:
    """The file's bytes; never waits (a FIFO) and never reads without end (a device)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            what = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise UsageError(f"{path}: is {what}, but a recipe is a YAML file.")
        if status.st_size > _MAX_BYTES:
            raise UsageError(f"{path}: has {status.st_size} bytes, but a recipe has at most {_MAX_BYTES}.")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_MAX_BYTES)
    finally:
        os.close(descriptor)


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8; save the file as UTF-8.") from error


@lru_cache(maxsize=128)  # one start meets a recipe a dozen times: as listed, trusted, inherited, composed
def _document(path: Path, text: str) -> Document:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None or (isinstance(root, ScalarNode) and root.value == ""):
            raise UsageError(
                f"{path}: is empty; a recipe needs at least metric.command, an agent at least command."
            )
        if not isinstance(root, MappingNode):
            raise UsageError(f"{path}:{root.start_mark.line + 1}: `key: value` lines were expected.")
        lines: dict[tuple[str, ...], int] = {}
        _index(root, (), lines)
        return Document(path=path, data=loader.construct_document(root), lines=lines)
    finally:
        loader.dispose()


def _index(node: Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    """Note the line of everything below `node`; refuse keys that are not text or come twice."""
    if isinstance(node, SequenceNode):
        for position, item in enumerate(node.value):
            lines[(*path, str(position))] = item.start_mark.line + 1
            _index(item, (*path, str(position)), lines)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            below = (*path, _key(key))
            if below in lines:
                raise yaml.MarkedYAMLError(
                    problem=f"{'.'.join(below)} is given twice (first on line {lines[below]})",
                    problem_mark=key.start_mark,
                )
            lines[below] = key.start_mark.line + 1
            _index(value, below, lines)


def _key(node: Node) -> str:
    if isinstance(node, ScalarNode) and node.tag == _TAG + "str":
        return str(node.value)
    shown = node.value if isinstance(node, ScalarNode) else "a list or mapping"
    raise yaml.MarkedYAMLError(
        problem=f"the key {shown!r} is not text; put it in quotes", problem_mark=node.start_mark
    )


def _problem(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, yaml.constructor.ConstructorError):
        return "tags (`!...`) are not allowed in a recipe; write plain values"
    if isinstance(error, yaml.composer.ComposerError):
        return "a second YAML document begins here, but a recipe is one"
    parts = [part for part in (error.problem, error.context) if part]
    return " ".join(", ".join(parts).split())
