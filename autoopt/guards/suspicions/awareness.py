"""Code that knows it is being measured, or that speaks in the measurement's name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source, shortened, text_of

_PRIVATE = re.compile(
    r"PYTEST_(CURRENT_TEST|VERSION|XDIST\w*)|AUTOOPT_(?!SEED$|FOLDS?$|SCRATCH$)\w*|"
    r"/proc/.*/(cmdline|environ|comm)|/cmdline"
)
_SEEDS = frozenset({"AUTOOPT_SEED", "AUTOOPT_FOLD", "AUTOOPT_FOLDS"})
_PROCESS = re.compile(r"^/(proc|dev/fd|dev/std(in|out|err))(/|$)")
_GIT = re.compile(
    r"(^|[\s/'\"])\.git($|[\s/'\"])|"
    r"(^|[\s;&|])git (log|show|stash|reflog|cat-file|checkout|restore|rev-list|grep|diff|blame|archive)\b"
)
_PROGRAMS = frozenset({"pytest", "_pytest", "unittest", "timeit", "pyperf", "asv", "coverage", "autoopt"})
_WRITERS = frozenset({
    "print", "sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines", "sys.stdout.buffer.write",
    "sys.__stdout__.write", "os.write", "sys.stdout.flush",
})  # fmt: skip
_SEEDED = frozenset({"seed", "random_state", "random_seed", "rng_seed"})
_SEEDERS = (
    "random.seed",
    "numpy.random.seed",
    "torch.manual_seed",
    "numpy.random.default_rng",
    "random.Random",
)
_COMPUTED = (ast.BinOp, ast.JoinedStr, ast.Call, ast.Subscript)
_ENVIRONMENT = frozenset({"os.environ", "os.environb"})


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """What reads the names, arguments and environment of the measurement, and output where nobody asked."""
    yield from _texts(source, judging)
    yield from _output(source)
    for node in source.nodes:
        match node:
            case ast.Attribute() if source.origin(node) == "sys.argv":
                yield from _argv(source, node)
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
                yield from _loaded(source, judging, left, right, node)
            case ast.Import() | ast.ImportFrom():
                yield from _imports(source, judging, node)
            case ast.Subscript() | ast.Call():
                yield from _modules(source, judging, node)
                yield from _seeded(source, node)
                yield from _disguised(source, node)
            case ast.For(iter=things) | ast.comprehension(iter=things) if _is_environment(source, things):
                yield source.sign("names", things, "os.environ")


def _texts(source: Source, judging: Judging) -> Iterator[Sign]:
    """Texts that name what only the judge has."""
    line = re.compile(rf"\bMETRIC\s+{re.escape(judging.name)}\s*=?") if judging.name else None
    for node, text in source.literals:
        shown = shortened(repr(text))
        if _PRIVATE.fullmatch(text):
            yield Sign("benchmark", text, node.lineno, shown)
        elif _PROCESS.search(text):
            yield Sign("names", "/proc", node.lineno, shown)
        elif _GIT.search(text) or (text == "git" and _is_listed(source, node)):
            yield Sign("history", "git", node.lineno, shown)
        elif text in _SEEDS and judging.is_resource:
            yield Sign("seed", text, node.lineno, shown)
        elif text in judging.files and not source.is_test:
            yield Sign("names", text, node.lineno, shown)
        elif (line is not None and line.search(text)) or (line is None and text.startswith("METRIC ")):
            yield Sign("metric-line", "METRIC", node.lineno, shown)


def _is_listed(source: Source, node: ast.AST) -> bool:
    """Whether it is a word of a command that is given as a list."""
    return isinstance(source.parents[node], ast.List | ast.Tuple)


def _output(source: Source) -> Iterator[Sign]:
    """The first thing printed at import; a script that prints as it goes may print more."""
    if source.is_test:
        return
    for node in source.imported:
        if isinstance(node, ast.Call) and source.origin(node.func) in _WRITERS:
            yield source.sign("output", node, source.path)
            return


def _argv(source: Source, node: ast.Attribute) -> Iterator[Sign]:
    """Where the product reads the command line, unless it is what a script does to start."""
    at = source.around(node)
    name = getattr(at, "name", "main" if node not in source.imported else "")
    if "main" not in name:
        yield source.sign("argv", node, "sys.argv")


def _loaded(
    source: Source, judging: Judging, left: ast.expr, right: ast.expr, node: ast.Compare
) -> Iterator[Sign]:
    """A question whether a program that measures is loaded, or who is the main one."""
    if source.origin(right) == "sys.modules" and _is_judge(text_of(left), judging):
        yield source.sign("benchmark", node, text_of(left) or "")


def _imports(source: Source, judging: Judging, node: ast.Import | ast.ImportFrom) -> Iterator[Sign]:
    if source.is_test:
        return
    modules = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        if module.split(".")[0] == "__main__":
            yield source.sign("benchmark", node, "__main__")
        elif module.split(".")[-1] in judging.files:
            yield source.sign("names", node, module)


def _modules(source: Source, judging: Judging, node: ast.Subscript | ast.Call) -> Iterator[Sign]:
    """The main module, or the judge's, taken from the table of modules."""
    key: ast.AST | None = None
    match node:
        case ast.Subscript(value=table, slice=key) if source.origin(table) == "sys.modules":
            pass
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[key, *_]):
            if source.origin(table) != "sys.modules":
                return
        case _:
            return
    if key is not None and _is_judge(text_of(key), judging):
        yield source.sign("benchmark", node, text_of(key) or "")


def _is_judge(module: str | None, judging: Judging) -> bool:
    """Whether it is the name of the main module, or of one of a program that measures."""
    root = (module or "").partition(".")[0]
    return root in _PROGRAMS or root in judging.files or root == "__main__"


def _disguised(source: Source, node: ast.Subscript | ast.Call) -> Iterator[Sign]:
    """A variable of the environment whose name is made up on the spot, so that nobody reads it."""
    match node:
        case ast.Subscript(value=table, slice=name) if source.origin(table) in _ENVIRONMENT:
            pass
        case ast.Call(args=[name, *_]) if source.origin(node.func) in ("os.getenv", "os.environ.get"):
            pass
        case _:
            return
    if isinstance(name, _COMPUTED) and text_of(name) is None:
        yield source.sign("names", node, "os.environ")


def _seeded(source: Source, node: ast.Subscript | ast.Call) -> Iterator[Sign]:
    """A fixed seed that was not there, or that was another one."""
    if not isinstance(node, ast.Call) or source.is_test:
        return
    given = [one.value for one in node.keywords if one.arg in _SEEDED]
    if (source.origin(node.func) or "").startswith(_SEEDERS):
        given += node.args[:1]
    for value in given:
        if isinstance(value, ast.Constant) and isinstance(value.value, int):
            yield source.sign("seed", node, f"seed {value.value}")


def _is_environment(source: Source, things: ast.expr) -> bool:
    match things:
        case ast.Call(func=ast.Attribute(value=owner, attr="items" | "keys" | "values"), args=[]):
            return source.origin(owner) in _ENVIRONMENT
    return source.origin(things) in _ENVIRONMENT
