"""Values written out in Python files, in the places that a parameter can name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from autoopt.instruments.parameters.knobs import Value
from autoopt.instruments.parameters.places import Found

_PLAIN = re.compile(r"""(["'])[\w-]*\1|[+-]?[\d.][\w.]*([eE][+-]?\d+)?|True|False|None""")
_OPTION = re.compile(r"--?([A-Za-z][\w-]*)")
_OPTION_CALLS = frozenset({"add_argument", "option", "Option", "add_option"})


def found(path: str, text: str) -> Iterator[Found]:
    """The plain values of one file that have a name; nothing where it is no Python."""
    if "\f" in text:
        return
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError):
        return
    collector = _Collector(text.removeprefix("\ufeff"))
    collector.visit(tree)
    targets = Counter(place.target for place in collector.places)
    for place in collector.places:
        if not place.is_plain:
            continue
        where = place.target or place.path[-1]
        site = _site(place, targets, text)
        yield Found(file=path, site=site, where=where, path=place.path, value=place.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A named value: its target as parameters spell it (empty where only a regex reaches it)."""

    target: str
    path: tuple[str, ...]
    is_plain: bool
    value: Value = None
    regex: str = ""


def _site(place: _Place, targets: Counter[str], text: str) -> dict[str, str]:
    """The option that reaches this place and no other; nothing where there is none."""
    if place.target:
        ends = sum(count for other, count in targets.items() if f".{other}".endswith(f".{place.target}"))
        alone = targets[place.target] == 1 if not place.target.endswith("=)") else ends == 1
        return {"python": place.target} if alone else {}
    matches = list(re.finditer(place.regex, text, re.MULTILINE))
    return {"regex": place.regex} if len(matches) == 1 else {}


@dataclass(slots=True)
class _Collector(ast.NodeVisitor):
    """Walks a module and notes every value that has a name, with the classes and functions around it."""

    text: str
    places: list[_Place] = field(default_factory=list)
    scope: list[str] = field(default_factory=list)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Note what is in the class."""
        self._inside(node.name, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Note the defaults of its arguments, and what is in it."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Note the same of a coroutine."""
        self._function(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Note the value of a name."""
        for target in node.targets:
            self._assigned(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Note the value of a name with a type."""
        if node.value is not None:
            self._assigned(node.target, node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Note the keyword arguments; of an option of the command line, its default under its own name."""
        name = _dotted(node.func)
        option = _option(node) if name.rpartition(".")[2] in _OPTION_CALLS else ""
        for keyword in node.keywords:
            if keyword.arg is None or not name:
                continue
            if option and keyword.arg == "default":
                regex = rf"""["']--?{re.escape(option)}["'][^()]*?\bdefault\s*=\s*([-+\w.]+)"""
                self._by_regex(option, keyword.value, regex)
            else:
                self._note(f"{name}({keyword.arg}=)", (name, keyword.arg), keyword.value)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        """Note the entries of a dict, as people write the settings of an estimator."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
                self._by_regex(key.value, value, rf"""["']{key.value}["']\s*:\s*([-+\w.]+)""")
        self.generic_visit(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for argument, default in _defaults(node.args):
            self._note(f"{node.name}({argument})", (node.name, argument), default)
        self._inside(node.name, node)

    def _inside(self, name: str, node: ast.AST) -> None:
        self.scope.append(name)
        self.generic_visit(node)
        self.scope.pop()

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        if name := _dotted(target):
            self._note(name, (name,), value)

    def _note(self, name: str, path: tuple[str, ...], value: ast.expr) -> None:
        plain, found = self._value(value)
        target = ".".join([*self.scope, name])
        self.places.append(_Place(target=target, path=path, is_plain=plain, value=found))

    def _by_regex(self, name: str, node: ast.expr, regex: str) -> None:
        plain, found = self._value(node)
        # An underscore between digits, a string or None would not read back from the text as what it is.
        segment = ast.get_source_segment(self.text, node) or ""
        if (
            plain
            and isinstance(found, (int, float))
            and re.fullmatch(r"-?[\d.]+([eE][+-]?\d+)?|True|False", segment)
        ):
            self.places.append(_Place(target="", path=(name,), is_plain=True, value=found, regex=regex))

    def _value(self, node: ast.expr) -> tuple[bool, Value]:
        """Whether the value is written out plainly, and what it is."""
        segment = ast.get_source_segment(self.text, node) or ""
        if not _PLAIN.fullmatch(segment):
            return False, None
        value: Value = ast.literal_eval(segment)
        return True, value


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    if arguments.defaults:
        for argument, default in zip(positional[-len(arguments.defaults) :], arguments.defaults, strict=True):
            yield argument.arg, default
    for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if given is not None:
            yield argument.arg, given


def _option(node: ast.Call) -> str:
    """The name of an option of the command line, without dashes: the long one of `"-l", "--lr"`."""
    texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    names = [match[1] for text in texts if (match := _OPTION.fullmatch(text))]
    return max(names, key=len, default="")


def _dotted(node: ast.expr) -> str:
    """The name as it is written, what comes before a call or an index left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""
