"""Comments that silence nothing go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.inventory.comments import IGNORE, comments
from autoopt.instruments.typecheck.rewrites.module import Cut, Module

_RULES = frozenset(
    {
        "unused-ignore-comment",
        "unused-type-ignore-comment",
        "reportUnnecessaryTypeIgnoreComment",
        "unused-ignore",
    }
)
_TOOL = re.compile(r"(type|ty|pyright): ?ignore")
_NAMED = re.compile(r"\[([^\]]*)\]|['\"]([\w:-]+)['\"](?!.*ignore)")


def find(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each unused comment, or for those of its rules that are unused."""
    texts = dict(comments(module.source))
    for line in sorted({one.line for one in wrong if one.rule in _RULES}):
        comment = texts.get(line)
        if comment is None:
            continue
        kept = comment
        for one in wrong:
            if one.line == line and one.rule in _RULES:
                kept = _without(kept, one.message)
        if kept != comment:
            yield (_cut(module, line, comment, kept),), frozenset()


def _without(comment: str, message: str) -> str:
    """The comment without the directive that the message names, or without the rules it names."""
    tool = _TOOL.search(message)
    for match in IGNORE.finditer(comment):
        if tool is None or match["tool"] != tool[1]:
            continue
        unused = _unused(message)
        rules = [rule.strip() for rule in (match["rules"] or "").split(",") if rule.strip()]
        left = [rule for rule in rules if rule not in unused] if unused else []
        if left and len(left) < len(rules):
            return comment[: match.start("rules")] + ", ".join(left) + comment[match.end("rules") :]
        if not left:
            rest = comment[match.end() :]
            return (
                comment[: match.start()] + rest[rest.index("#") :]
                if "#" in rest
                else comment[: match.start()]
            )
    return comment


def _unused(message: str) -> set[str]:
    """The rules that the message calls unused; none when it means the comment as a whole."""
    said = message.partition("use narrower")[0]
    found = [one or other for one, other in _NAMED.findall(said)]
    return {rule.strip() for text in found for rule in text.split(",") if rule.strip()}


def _cut(module: Module, line: int, comment: str, kept: str) -> Cut:
    """The edit of the line; one that held nothing else goes as a whole."""
    start, end = module.starts[line - 1], module.starts[line]
    text = module.content[start:end]
    at = text.index(comment.encode())
    ending = text[at + len(comment.encode()) :]
    if kept.strip():
        return Cut(start + at, start + at + len(comment.encode()), kept.rstrip().encode())
    code = text[:at].rstrip()
    return Cut(start, end, code + ending if code else b"")
