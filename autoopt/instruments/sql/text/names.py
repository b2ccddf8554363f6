"""Names as they stand in SQL, and names for new indexes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import cache

MAX_LENGTH = 60  # PostgreSQL cuts names at 63 bytes, and setup.sql may travel

# Reserved in SQLite or DuckDB, and no words to sqlglot.
_FURTHER_RESERVED = frozenset(
    """ADD ANALYSE ASYMMETRIC AT AUTHORIZATION BOTH CAST CHECK COLLATION CONCURRENTLY DEFERRABLE DO FREEZE
    INITIALLY LAMBDA LEADING NOTHING ONLY PIVOT_LONGER PIVOT_WIDER PLACING POSITIONAL RAISE SUMMARIZE
    SYMMETRIC TRAILING TRANSACTION UNPACK VARIADIC VERBOSE""".split()  # noqa: SIM905 - a table of words
)


def identifier(name: str, *, folds: bool = False) -> str:
    """The name, quoted only where it must be; any capital must where the engine folds them."""
    plain = r"[a-z_][a-z0-9_]*" if folds else r"[A-Za-z_][A-Za-z0-9_]*"
    if re.fullmatch(plain, name) and name.upper() not in _reserved():
        return name
    return '"' + name.replace('"', '""') + '"'


def index(table: str, columns: Collection[str], taken: Collection[str]) -> str:
    """A name nobody has: `IF NOT EXISTS` would quietly leave out an index whose name is taken."""
    words = re.sub(r"\W+", "_", "_".join(("idx", table, *columns)).lower(), flags=re.ASCII)
    if len(words) <= MAX_LENGTH and words not in taken:
        return words
    digest = hashlib.sha256(repr((table, *columns)).encode()).hexdigest()[:6]
    return f"{words[: MAX_LENGTH - 7]}_{digest}"


@cache
def _reserved() -> frozenset[str]:
    """Every word that any dialect could mean something by."""
    from sqlglot.tokens import Tokenizer

    return _FURTHER_RESERVED | {word for phrase in Tokenizer.KEYWORDS for word in phrase.split()}
