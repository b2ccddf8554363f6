"""Plain values in Python source: assignments, argument defaults and keyword arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_TARGET = re.compile(r"[\w.]+(\(\w+=?\))?")
_STRING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")")


def form(where: str, file: str, config: ParameterConfig) -> PythonForm:
    """A place spelled `NAME`, `Class.NAME`, `function(argument)` or `call(keyword=)`."""
    assert config.python is not None
    target = "".join(config.python.split())
    if not _TARGET.fullmatch(target):
        raise UsageError(
            f"{where}: {config.python!r} is no place in a Python file; write NAME, Class.NAME, "
            "function(argument) or call(keyword=)."
        )
    return PythonForm(where, file, target)


@dataclass(frozen=True, slots=True)
class PythonForm:
    """A number, string, True, False or None written out in the source."""

    where: str
    file: str
    target: str
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value as Python evaluates it."""
        start, end = self._find(text)
        value: Value = ast.literal_eval(text[start:end])
        return value

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced, in the present quotes."""
        span = self._find(text)
        return plain.splice(text, span, _spell(value, text[span[0] : span[1]]))

    def _find(self, text: str) -> tuple[int, int]:
        try:
            places = _places(text)
        except _NotFaithfulError as error:
            raise UsageError(f"{self.where}: {self.file} has form feeds; use `regex` there.") from error
        except cst.ParserSyntaxError as error:
            raise UsageError(f"{self.where}: {self.file} is not valid Python: {error.message}") from error
        found = self._matching(places)
        if len(found) != 1:
            raise UsageError(self._not_one(found))
        if not found[0].plain:
            raise UsageError(
                f"{self.where}: {self.target} in {self.file} is an expression; only a plain value can be "
                "searched. Write it out."
            )
        return found[0].start, found[0].end

    def _matching(self, places: tuple[_Place, ...]) -> list[_Place]:
        exact = [place for place in places if place.path == self.target]
        if exact and not self.target.endswith("=)"):
            return exact
        return [place for place in places if f".{place.path}".endswith(f".{self.target}")]

    def _not_one(self, found: list[_Place]) -> str:
        if not found:
            return f"{self.where}: {self.target} is not there in {self.file}."
        names = sorted({place.path for place in found})
        way = f"name one of {', '.join(names[:4])}" if len(names) == len(found) else "use `regex`"
        return f"{self.where}: {self.target} is there {len(found)} times in {self.file}; {way}."


@dataclass(frozen=True, slots=True)
class _Place:
    """One value in a source file: its full path as a recipe spells it, and where it stands."""

    path: str
    start: int
    end: int
    plain: bool


class _NotFaithfulError(Exception):
    """libcst does not give the source back as it was: it drops a form feed that begins a line."""


@lru_cache(maxsize=8)  # several parameters of one file are read one after the other
def _places(text: str) -> tuple[_Place, ...]:
    source = text.removeprefix("\ufeff")
    module = cst.parse_module(source)
    if module.code != source:
        raise _NotFaithfulError
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    collector = _Collector()
    wrapper.visit(collector)
    data, shift = source.encode(), len(text) - len(source)
    places = []
    for path, node, span in collector.found:
        start = len(data[: span.start].decode()) + shift
        end = start + len(data[span.start : span.start + span.length].decode())
        places.append(_Place(path, start, end, _is_plain(node)))
    return tuple(places)


class _Collector(cst.CSTVisitor):
    """Walks a module and notes every value that has a name, with the classes and functions around it."""

    METADATA_DEPENDENCIES = (ByteSpanPositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, cst.BaseExpression, cst.metadata.CodeSpan]] = []
        self._scope: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802 - libcst's name
        self._scope.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802 - libcst's name
        self._scope.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802 - libcst's name
        for parameter in _parameters(node.params):
            if parameter.default is not None:
                self._note(f"{node.name.value}({parameter.name.value})", parameter.default)
        self._scope.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802 - libcst's name
        self._scope.pop()

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802 - libcst's name
        for target in node.targets:
            self._note_target(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802 - libcst's name
        if node.value is not None:
            self._note_target(node.target, node.value)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802 - libcst's name
        name = _dotted(node.func)
        for argument in node.args:
            if argument.keyword is not None and name:
                self._note(f"{name}({argument.keyword.value}=)", argument.value)

    def _note_target(self, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
        if name := _dotted(target):
            self._note(name, value)

    def _note(self, name: str, value: cst.BaseExpression) -> None:
        span = self.get_metadata(ByteSpanPositionProvider, value)
        self.found.append((".".join([*self._scope, name]), value, span))


def _parameters(parameters: cst.Parameters) -> Iterator[cst.Param]:
    yield from parameters.posonly_params
    yield from parameters.params
    yield from parameters.kwonly_params


def _dotted(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr.value}" if before else node.attr.value
    return ""


def _is_plain(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, (cst.Minus, cst.Plus)):
        node = node.expression
        return isinstance(node, (cst.Integer, cst.Float))
    if isinstance(node, cst.SimpleString):
        return "b" not in node.prefix.lower()
    if isinstance(node, cst.Name):
        return node.value in {"True", "False", "None"}
    return isinstance(node, (cst.Integer, cst.Float))


def _spell(value: Value, present: str) -> str:
    if isinstance(value, str):
        return _quote(value, present)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return plain.spell(value, present.replace("_", ""))
    return repr(value)


def _quote(value: str, present: str) -> str:
    match = _STRING.match(present)
    quotes = match[2] if match else '"'
    if match and "r" in match[1].lower() and quotes[0] not in value and not value.endswith("\\"):
        return f"{match[1]}{quotes}{value}{quotes}"
    inner = plain.quote(value)[1:-1]
    if quotes[0] == "'":
        inner = inner.replace('\\"', '"').replace("'", "\\'")
    return f"{quotes}{inner}{quotes}"
