"""Changes of test files that may save time and leave what is tested as it is; the guards decide.

A fixture that is made for every test, of nothing but fixtures that live longer, is made once for a module.
What it returns is then shared, so no test may seem to change it. And where pytest-xdist is installed and not
used, the tests are given several processes.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.instruments.testing import results, sources

_WORTH_S = 0.005  # what a fixture takes in all, below which sharing it changes nothing
_WORTH_WORKERS_S = 2.0  # below that, starting processes takes longer than they save
_CHANGING = re.compile(
    r"(?:append|extend|insert|remove|pop|clear|sort|reverse|update|add|discard|set|write|close|del)"
)
_SCOPES = ("session", "package", "module")
_SETTINGS = (("pyproject.toml", "tool.pytest.ini_options", '"'), ("pytest.ini", "pytest", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One edit of one file, in the words of a proposal."""

    description: str
    hypothesis: str
    area: str
    path: str
    text: str


def as_json(found: Sequence[Rewrite]) -> str:
    """The edits as a recipe's `propose.rewrites` wants them."""
    return json.dumps(
        [
            {
                "description": one.description,
                "hypothesis": one.hypothesis,
                "area": one.area,
                "edits": {one.path: one.text},
            }
            for one in found
        ]
    )


def found(root: Path, session: results.Session) -> list[Rewrite]:
    """Every edit, the one that promises most first."""
    shared = [one for spent in _spent(session, root) if (one := _shared(root, spent, session))]
    return [*shared, *_workers(root, session)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """What a fixture cost in all."""

    name: str
    path: str
    line: int
    times: int
    seconds: float


def _spent(session: results.Session, root: Path) -> list[_Spent]:
    """The fixtures that are made for each test, in files of the project, the dearest first."""
    seconds: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for line in session.lines:
        if "fixture" in line and line["scope"] == "function":
            file, number = line["place"]
            seconds[line["fixture"], file, number].append(line["seconds"])
    found = [
        _Spent(
            name=name,
            path=Path(file).resolve().relative_to(root.resolve()).as_posix(),
            line=line,
            times=len(taken),
            seconds=sum(taken),
        )
        for (name, file, line), taken in seconds.items()
        if Path(file).resolve().is_relative_to(root.resolve()) and len(taken) > 1 and sum(taken) >= _WORTH_S
    ]
    return sorted(found, key=lambda one: -one.seconds)


def _shared(root: Path, spent: _Spent, session: results.Session) -> Rewrite | None:
    """The file with the fixture made once for a module, where that seems to be safe."""
    tree = sources.parsed(root / spent.path)
    if tree is None:
        return None
    place = next(
        ((name, node) for name, node in sources.functions(tree).items() if _is_at(node, spent)), None
    )
    if place is None or "::" in place[0] or not _can_live_longer(place[1], session):
        return None
    decorator = _decorator(place[1])
    if decorator is None or _is_changed_by_a_test(root, spent):
        return None
    text = _with_scope((root / spent.path).read_text("utf-8"), decorator)
    return Rewrite(
        description=f"make the fixture {spent.name} once for a module ({spent.path})",
        hypothesis=f"Sharing {spent.name} within a module should shorten the tests because it is made "
        f"{spent.times} times, which takes {spent.seconds:.2f} s.",
        area=f"{spent.path}:{spent.name}",
        path=spent.path,
        text=text,
    )


def _is_at(node: sources.Function, spent: _Spent) -> bool:
    """Whether the function is the one: its code begins with its decorators."""
    return spent.line in (node.lineno, *(one.lineno for one in node.decorator_list))


def _can_live_longer(node: sources.Function, session: results.Session) -> bool:
    """Whether a fixture has nothing to take down and depends on nothing that does not live as long."""
    scopes = {line["fixture"]: line["scope"] for line in session.lines if "fixture" in line}
    arguments = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    yields = any(isinstance(inner, ast.Yield | ast.YieldFrom | ast.Global) for inner in ast.walk(node))
    plain = isinstance(node, ast.FunctionDef) and not yields
    return plain and all(scopes.get(name) in _SCOPES for name in arguments)


def _decorator(node: sources.Function) -> ast.expr | None:
    """The decorator that makes it a fixture, if that is the only one and says nothing of scope or autouse."""
    if len(node.decorator_list) != 1:
        return None
    (one,) = node.decorator_list
    function = one.func if isinstance(one, ast.Call) else one
    said = {keyword.arg for keyword in one.keywords} if isinstance(one, ast.Call) else set()
    if ast.unparse(function) not in ("pytest.fixture", "fixture") or said & {"scope", "autouse", None}:
        return None
    return None if isinstance(one, ast.Call) and one.args else one


def _with_scope(text: str, decorator: ast.expr) -> str:
    lines = text.splitlines(keepends=True)
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    number = (function.end_lineno or 1) - 1
    line = lines[number].encode()
    head, tail = line[: function.end_col_offset], line[function.end_col_offset or 0 :]
    if isinstance(decorator, ast.Call):
        comma = b", " if decorator.keywords else b""
        tail = tail.replace(b"(", b'(scope="module"' + comma, 1)
    else:
        tail = b'(scope="module")' + tail
    lines[number] = (head + tail).decode()
    return "".join(lines)


def _is_changed_by_a_test(root: Path, spent: _Spent) -> bool:
    """Whether a function that asks for the fixture seems to change what it gets."""
    for path in sources.python_files(root):
        tree = sources.parsed(root / path) if sources.is_of_tests(path) else None
        functions = {} if tree is None else sources.functions(tree)
        users = (node for node in functions.values() if any(a.arg == spent.name for a in node.args.args))
        if any(_changes(node, spent.name) for node in users):
            return True
    return False


def _changes(node: sources.Function, name: str) -> bool:
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                if _is_of(inner.value, name):
                    return True
            case ast.Call(func=ast.Attribute(value=value, attr=attribute)):
                if _is_of(value, name) and _CHANGING.match(attribute):
                    return True
            case ast.AugAssign(target=target) if _is_of(target, name):
                return True
    return False


def _is_of(node: ast.expr, name: str) -> bool:
    """Whether an expression is the name, or something reached through it."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id == name


def _workers(root: Path, session: results.Session) -> Iterator[Rewrite]:
    """The settings with several processes, where those can be had and the tests take long enough."""
    loaded: Mapping[str, Any] = next((line for line in session.lines if "loaded" in line), {})
    took = sum(sum(test.seconds.values()) for test in session.tests.values())
    if not loaded.get("xdist") or loaded.get("workers") or took < _WORTH_WORKERS_S:
        return
    for path, section, quote in _SETTINGS:
        text = (root / path).read_text("utf-8") if (root / path).is_file() else ""
        if (changed := _with_workers(text, section, quote)) is not None:
            yield Rewrite(
                description=f"run the tests in several processes ({path})",
                hypothesis="Several processes should shorten the tests because they take turns in one now, "
                f"for {took:.1f} s.",
                area=path,
                path=path,
                text=changed,
            )
            return


def _with_workers(text: str, section: str, quote: str) -> str | None:
    """The file with `-n auto`; None where it has no such section, or has its options in another form."""
    head = re.search(rf"^\[{re.escape(section)}\][ \t]*\n", text, re.MULTILINE)
    if head is None:
        return None
    end = re.compile(r"^\[", re.MULTILINE).search(text, head.end())
    body = text[head.end() : end.start() if end else len(text)]
    given = re.search(rf"^addopts[ \t]*=[ \t]*{quote}(?!\")", body, re.MULTILINE)
    if given is None and re.search(r"^addopts\b", body, re.MULTILINE):
        return None
    at = head.end() + (given.end() if given else 0)
    added = "-n auto " if given else f"addopts = {quote}-n auto{quote}\n"
    return text[:at] + added + text[at:]
