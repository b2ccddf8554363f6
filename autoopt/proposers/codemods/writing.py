"""Makes changes in a file with libcst, which keeps comments, quotes, indents and line ends as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from autoopt.proposers.codemods import source
from autoopt.proposers.codemods.edits import Change, Decorate, Insert, Replace, Rewrite
from autoopt.proposers.codemods.source import Source

_Span = tuple[source.Position, source.Position]


def write(text: Source, changes: Sequence[Change]) -> bytes | None:
    """The file with the changes; None where one of them has no place, or libcst cannot read the file."""
    try:
        module = cst.parse_module(text.text)
    except (cst.ParserSyntaxError, RecursionError):
        return None
    if module.code != text.text:  # libcst drops a form feed that begins a line
        return None
    editor = _Editor(module.config_for_parsing, _Todo.of(changes))
    written = MetadataWrapper(module, unsafe_skip_copy=True).visit(editor).code
    if editor.done != len(changes) or source.parse(written) is None:
        return None
    return written.encode(text.encoding)


@dataclass(slots=True)
class _Todo:
    """The changes by what they are looked up with."""

    replace: dict[_Span, str] = field(default_factory=dict)
    rewrite: dict[int, Rewrite] = field(default_factory=dict)
    before: dict[int, list[str]] = field(default_factory=dict)
    after: dict[int, list[str]] = field(default_factory=dict)
    decorate: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Iterable[Change]) -> _Todo:
        todo = cls()
        for change in changes:
            match change:
                case Replace(start, end, code):
                    todo.replace[start, end] = code
                case Rewrite(first):
                    todo.rewrite[first] = change
                case Insert(line, code, after):
                    (todo.after if after else todo.before).setdefault(line, []).append(code)
                case Decorate(line, code):
                    todo.decorate[line] = code
        return todo


class _Editor(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, config: cst.PartialParserConfig, todo: _Todo) -> None:
        super().__init__()
        self.done = 0
        self._config = config
        self._todo = todo

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        """Replace expressions here, since every kind of them may be one of the changes."""
        left = super().on_leave(original_node, updated_node)
        assert isinstance(left, cst.CSTNode)
        if not self._todo.replace or not isinstance(left, cst.BaseExpression):
            return left
        span = self.get_metadata(PositionProvider, original_node, None)
        if span is None:
            return left
        place = ((span.start.line, span.start.column), (span.end.line, span.end.column))
        code = self._todo.replace.pop(place, None) or self._todo.replace.pop(_around(left, place), None)
        if code is None:
            return left
        if not _Comments.of([left]):  # an expression with a comment in it stays, and with it the whole change
            self.done += 1
        return _in_parentheses(left, cst.parse_expression(code, self._config))

    def leave_FunctionDef(  # noqa: N802 - libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """Add a decorator, innermost."""
        code = self._todo.decorate.pop(self._line(original_node), None)
        if code is None:
            return updated_node
        self.done += 1
        decorator = cst.Decorator(cst.parse_expression(code, self._config))
        return updated_node.with_changes(decorators=[*updated_node.decorators, decorator])

    def leave_IndentedBlock(  # noqa: N802 - libcst's name
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Change the statements of a block."""
        return updated_node.with_changes(body=self._body(original_node.body, updated_node.body, False))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:  # noqa: N802 - libcst's name
        """Change the statements of the module itself."""
        return updated_node.with_changes(body=self._body(original_node.body, updated_node.body, True))

    def _body(
        self, before: Sequence[cst.CSTNode], now: Sequence[cst.CSTNode], top: bool
    ) -> list[cst.CSTNode]:
        body: list[cst.CSTNode] = []
        index, lines = 0, [self._line(node) for node in before]
        while index < len(now):
            line, taken = lines[index], 1
            for code in self._todo.before.pop(line, []):
                body += self._spaced(code, body, top)
            rewrite = self._todo.rewrite.get(line)
            if rewrite is not None and rewrite.last in lines[index:] and _alone(before[index]):
                taken = lines.index(rewrite.last) - index + 1
                body += self._rewritten(self._todo.rewrite.pop(line), now[index : index + taken])
            else:
                body.append(now[index])
            index += taken
            for code in self._todo.after.pop(lines[index - 1], []):
                body += self._statements(code)
        return body

    def _spaced(self, code: str, body: list[cst.CSTNode], top: bool) -> list[cst.CSTNode]:
        """New statements; in a module with two empty lines after a function or class."""
        new = self._statements(code)
        if top and body and isinstance(body[-1], (cst.FunctionDef, cst.ClassDef)):
            empty = cst.EmptyLine(indent=False)
            new[0] = new[0].with_changes(leading_lines=[empty, empty])
        return new

    def _rewritten(self, rewrite: Rewrite, old: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
        """New statements with every comment of the old ones above them."""
        self.done += 1
        new = [cst.parse_statement(code, self._config) for code in _split(rewrite.code)]
        leading = list(getattr(old[0], "leading_lines", ()))
        first = old[0].with_changes(leading_lines=())
        comments = _Comments.of([first, *old[1:]])
        if isinstance(old[-1], cst.SimpleStatementLine) and len(old) == len(new) == len(comments) == 1:
            new[0] = new[0].with_changes(trailing_whitespace=old[-1].trailing_whitespace)
            comments = []
        new[0] = new[0].with_changes(leading_lines=[*leading, *(cst.EmptyLine(comment=c) for c in comments)])
        return list(new)

    def _statements(self, code: str) -> list[cst.CSTNode]:
        self.done += 1
        return [cst.parse_statement(part, self._config) for part in _split(code)]

    def _line(self, node: cst.CSTNode) -> int:
        line: int = self.get_metadata(PositionProvider, node).start.line
        return line


class _Comments(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Comment] = []

    def visit_Comment(self, node: cst.Comment) -> None:  # noqa: N802 - libcst's name
        self.found.append(node)

    @classmethod
    def of(cls, nodes: Iterable[cst.CSTNode]) -> list[cst.Comment]:
        visitor = cls()
        for node in nodes:
            node.visit(visitor)
        return visitor.found


def _split(code: str) -> list[str]:
    """Statements, which code that is made here parts by an empty line."""
    return [f"{part}\n" for part in code.split("\n\n")]


def _alone(node: cst.CSTNode) -> bool:
    """Whether a line holds one statement."""
    return not isinstance(node, cst.SimpleStatementLine) or len(node.body) == 1


def _around(node: cst.BaseExpression, place: _Span) -> _Span:
    """The place with parentheses: the compiler's tree counts those of a tuple in."""
    (line, column), (last, end) = place
    return ((line, column - 1), (last, end + 1)) if isinstance(node, cst.Tuple) else place


def _in_parentheses(old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(old, (cst.Tuple, cst.GeneratorExp)):
        return new  # theirs are part of what is replaced
    return new.with_changes(lpar=[*old.lpar, *new.lpar], rpar=[*new.rpar, *old.rpar])
