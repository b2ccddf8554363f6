"""Recognising an edit that was made before, whatever it looked like around it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable

from autoopt import lines

_File = tuple[str, bytes | None, bytes | None]


def fingerprint(changes: Iterable[_File]) -> str:
    """The normalised diff as a hash: which lines go and which come, next to which, in which file.

    Where the lines stand, how far they are indented, space within them and empty lines do not count, so that
    the same edit is recognised after another one has moved it. The line on either side counts: the same
    words put in another place are another edit. Where nothing but space changes, it is all there is and
    counts after all (a statement moved out of a loop, in some languages).

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
    """The lines without any space, those that are nothing else left out."""
    squeezed = (b"".join(line.split()) for line in content.split(b"\n"))
    return [line for line in squeezed if line]
