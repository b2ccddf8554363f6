"""A module as text that can be edited in places, and what it holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """The bytes from `start` to `end` become `text`."""

    start: int
    end: int
    text: bytes


class Module:
    """One file of the incumbent."""

    def __init__(self, path: str, content: bytes, *, has_unions: bool = True) -> None:
        """Read the file.

        Args:
            has_unions: Whether every Python that the project supports can evaluate `X | None`.

        Raises:
            SyntaxError, ValueError: it is no Python in UTF-8.
        """
        self.path = path
        self.has_unions = has_unions
        self.content = content
        self.tree = ast.parse(content)
        self.source = content.decode("utf-8")

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins; line 1 is the first entry."""
        starts, position = [0], 0
        for line in self.content.splitlines(keepends=True):
            position += len(line)
            starts.append(position)
        return starts

    def place(self, line: int, column: int) -> int:
        """The offset of a position as `ast` counts: lines from 1, bytes from 0."""
        return self.starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node's text begins and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def text(self, node: ast.expr) -> bytes:
        """The node's text, without brackets around it."""
        start, end = self.span(node)
        return self.content[start:end]

    @cached_property
    def functions(self) -> list[Function]:
        """Every function, outer ones first."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def function_at(self, line: int) -> Function | None:
        """The innermost function the line belongs to, its decorators included."""
        around = [one for one in self.functions if first_line(one) <= line <= (one.end_lineno or 0)]
        return max(around, key=first_line, default=None)

    @cached_property
    def typing_names(self) -> dict[str, str]:
        """What the module calls the names it has imported from typing, by their own names."""
        return {
            alias.name: alias.asname or alias.name
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module in ("typing", "typing_extensions")
            for alias in node.names
        }

    @cached_property
    def bound(self) -> set[str]:
        """Every name that is bound anywhere in the module, in whatever scope."""
        return set(_bound(self.tree))

    @cached_property
    def postpones(self) -> bool:
        """Whether annotations are never evaluated."""
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in self.tree.body
        )

    def import_cut(self, names: set[str]) -> list[Cut]:
        """What imports these names from typing; nothing for those it has."""
        missing = ", ".join(sorted(names - self.typing_names.keys()))
        if not missing:
            return []
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "typing":
                start, end = self.span(node)
                if not self.content[start:end].endswith((b")", b"*")):
                    return [Cut(end, end, f", {missing}".encode())]
        ending = "\r\n" if b"\r\n" in self.content else "\n"
        at, before, after = self._import_place()
        return [Cut(at, at, f"{ending * before}from typing import {missing}{ending * (1 + after)}".encode())]

    def _import_place(self) -> tuple[int, int, int]:
        """Where an import may stand, and how many empty lines go before and behind it."""
        head = 0
        for node in self.tree.body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if (isinstance(node, ast.ImportFrom) and node.module == "__future__") or is_docstring:
                head = node.end_lineno or 0
            elif isinstance(node, ast.Import | ast.ImportFrom):
                return self.starts[node.lineno - 1], 0, 0
            else:
                return self.starts[head or first_line(node) - 1], bool(head), 0 if head else 2
        return len(self.content), 1, 0


def first_line(node: ast.stmt) -> int:
    """Where it begins, decorators included."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef | Function) else []
    return min((node.lineno, *(one.lineno for one in decorators)))


def apply(content: bytes, cuts: list[Cut]) -> bytes | None:
    """The content with the cuts made, each once; None when two of them overlap."""
    parts, position = [], 0
    for cut in sorted(set(cuts)):
        if cut.start < position:
            return None
        parts += [content[position : cut.start], cut.text]
        position = cut.end
    return b"".join([*parts, content[position:]])


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield (other or name).partition(".")[0]
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name
            case _:
                pass
