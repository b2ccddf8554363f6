"""Comments that speak to a type checker: they silence it, or set it up for their file."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

IGNORE = re.compile(r"#\s*(?P<tool>type|ty|pyright|mypy):\s*ignore(?![\w-])\s*(?:\[(?P<rules>[^\]]*)\])?")
_SETTING = re.compile(r"#\s*(?:pyright|mypy|ty):\s*+(?!ignore(?![\w-])).+")
_TYPE = re.compile(r"#\s*type:\s*+(?!ignore\b)\S")
_SCRIPT = re.compile(r"# /// \w+")


def comments(source: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each comment, as far as the file can be read."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):  # what could not be read is counted as such elsewhere
        return


def suppressions(source: str) -> Counter[str]:
    """How often each kind of comment silences a checker, as in `# type: ignore[arg-type]`."""
    found: Counter[str] = Counter()
    for _, text in comments(source):
        for match in IGNORE.finditer(text):
            named = [rule.strip() for rule in (match["rules"] or "").split(",") if rule.strip()]
            for rule in named:
                found[f"# {match['tool']}: ignore[{rule}]"] += 1
            if not named:
                found[f"# {match['tool']}: ignore"] += 1
        found["type comments"] += bool(_TYPE.match(text))
    return +found


def settings(source: str) -> list[str]:
    """The comments that set a checker up for the whole file, such as `# mypy: ignore-errors`."""
    return sorted(
        " ".join(text.split()) for _, text in comments(source) if _SETTING.search(text) or _SCRIPT.match(text)
    )
