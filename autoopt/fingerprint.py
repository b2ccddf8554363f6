"""Recognising an edit that was made before, whatever it looked like around it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable

from autoopt import lines

_SPACE = re.compile(rb"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\s+""")
_LONGEST = 2000  # bytes of a line in which quotes are looked for, which can take quadratic time
_File = tuple[str, bytes | None, bytes | None]


def fingerprint(changes: Iterable[_File]) -> str:
    """The normalised diff as a hash: which lines go and which come, next to which, in which file.

    Where the lines stand, space within them but for quotes, and empty lines do not count, so that the same
    edit is recognised after another one has moved it. How far they are indented does, which in some languages
    is what a statement does, and so does the line on either side: the same words put in another place are
    another edit. Where nothing but other space changes, it is all there is and counts after all.

    Args:
        changes: Path, content before and content after of each file; None where there is no file.

    Returns:
        64 hexadecimal digits; empty when no content changes.
    """
    files = sorted(changes, key=lambda change: change[0])
    return _digest(files, _squeezed) or _digest(files, lines.split)


def _digest(files: Iterable[_File], split: Callable[[bytes], list[bytes]]) -> str:
    digest, anything = hashlib.sha256(), False
    for path, before, after in files:
        for line in _moves(before, after, split):
            anything = True
            digest.update(os.fsencode(path) + b"\0" + line + b"\n")
    return digest.hexdigest() if anything else ""


def _moves(before: bytes | None, after: bytes | None, split: Callable[[bytes], list[bytes]]) -> list[bytes]:
    if before == after:
        return []
    found = [] if (before is None) == (after is None) else [b"file gone" if after is None else b"file made"]
    whole = (before or b"", after or b"")
    if not all(map(lines.is_text, whole)):
        return found + [hashlib.sha256(content).digest() for content in whole]
    old, new = map(split, whole)
    for a, b, c, d in lines.changed(old, new):
        found += [b"-" + line for line in old[a:b]] + [b"+" + line for line in new[c:d]]
        found += [b"after " + line for line in old[max(a - 1, 0) : a]] + [
            b"before " + line for line in old[b : b + 1]
        ]
    return found


def _squeezed(content: bytes) -> list[bytes]:
    """The lines without any space but that in quotes, those that are nothing else left out."""
    squeezed = map(_without_space, content.split(b"\n"))
    return [line for line in squeezed if line.strip()]


def _without_space(line: bytes) -> bytes:
    """The line's indentation and its words."""
    words = line.lstrip()
    indent = line[: len(line) - len(words)]
    if len(line) > _LONGEST:
        return indent + b"".join(words.split())
    return indent + _SPACE.sub(rb"\g<quoted>", words)
