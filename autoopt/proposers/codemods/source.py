"""A Python file as text: read so that it can be written back byte for byte."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass

_NEWLINE = re.compile(r"\r\n|\r|\n")
_MOST_BYTES = 1_000_000

Position = tuple[int, int]
"""Line from 1 and column in characters from 0."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file without its byte order mark, its lines, and its encoding (`utf-8-sig` with one)."""

    text: str
    lines: tuple[str, ...]
    encoding: str

    def start(self, node: ast.expr | ast.stmt) -> Position:
        """Where the node begins."""
        return node.lineno, self._column(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> Position:
        """Where the node ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return node.end_lineno, self._column(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr) -> str:
        """The expression as it is written; on one line unless it is a text."""
        (line, start), (last, end) = self.start(node), self.end(node)
        if line == last:
            return self.lines[line - 1][start:end]
        if not isinstance(node, ast.Constant):
            return ast.unparse(node)
        return "\n".join(
            [self.lines[line - 1][start:], *self.lines[line : last - 1], self.lines[last - 1][:end]]
        )

    def inside(self, node: ast.expr) -> tuple[Position, Position, str]:
        """Where what stands in the brackets of an expression begins and ends, without space, and its text."""
        (line, column), (last, end) = self.start(node), self.end(node)
        column, end = column + 1, end - 1
        while line < last and not self.lines[line - 1][column:].strip():
            line, column = line + 1, 0
        while last > line and not self.lines[last - 1][:end].strip():
            last -= 1
            end = len(self.lines[last - 1])
        column += len(self.lines[line - 1][column:]) - len(self.lines[line - 1][column:].lstrip())
        end = len(self.lines[last - 1][:end].rstrip())
        text = [*self.lines[line - 1 : last]]
        text[-1] = text[-1][:end]
        text[0] = text[0][column:]
        return (line, column), (last, end), "\n".join(text)

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())


def read(content: bytes) -> Source | None:
    """The source in a file; None where the file is huge or not text that can be written back as it was."""
    if len(content) > _MOST_BYTES:
        return None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        return (
            Source(text, tuple(_NEWLINE.split(text)), encoding) if text.encode(encoding) == content else None
        )
    except (SyntaxError, UnicodeError, LookupError):
        return None


def parse(text: str) -> ast.Module | None:
    """The syntax tree; None where this Python cannot read the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
