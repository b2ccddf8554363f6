"""Checks that are told to look away: comments, types that fit everything, warnings that nobody sees."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source, shortened

COMMENT = re.compile(
    r"#\s*(type:\s*ignore|noqa|(?:ruff|flake8):\s*noqa|pyright:|mypy:|ty:\s*ignore|pyre-(?:ignore|fixme)|"
    r"pytype:|pylint:\s*(?:disable|skip-file)|nosec|pragma:\s*no\s*(?:cover|branch)|nosonar|codeql)\b",
    re.I,
)
_LOOSE = frozenset({
    "typing.Any", "typing_extensions.Any", "typing.cast", "typing_extensions.cast", "_typeshed.Incomplete",
})  # fmt: skip
_UNCHECKED = frozenset(
    {"typing.no_type_check", "typing_extensions.no_type_check", "typing.no_type_check_decorator"}
)
_QUIET = frozenset({"warnings.filterwarnings", "warnings.simplefilter", "logging.disable", "numpy.seterr"})


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """Comments that suppress, and with a type checker among the judges the types that do."""
    if judging.is_checked:
        yield from _comments(source)
    for node in source.nodes:
        match node:
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                origin = source.origin(node)
                if origin in _UNCHECKED or (judging.is_typed and origin in _LOOSE):
                    yield source.sign("suppression", node, origin)
            case ast.Call() if source.origin(node.func) in _QUIET and not source.is_test:
                yield source.sign("suppression", node, "warnings")


def _comments(source: Source) -> Iterator[Sign]:
    if COMMENT.search(source.text) is None:
        return
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.text).readline))
    except (tokenize.TokenError, SyntaxError):
        return  # the parser has read it, so this is an odd end of file at most
    for token in tokens:
        if token.type == tokenize.COMMENT and (found := COMMENT.search(token.string)):
            what = re.sub(r"\s+", "", found.group(1)).lower()
            yield Sign("suppression", what, token.start[0], shortened(token.string))
