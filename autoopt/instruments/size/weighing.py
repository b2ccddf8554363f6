"""How large files are, and how large when they are compressed."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import UsageError

_BEST = 9

Compressor = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One file: bytes on disk, and after compression."""

    path: str
    raw: int
    packed: int


def weights(paths: Sequence[str], compression: str) -> list[Weight]:
    """The files' sizes, in the given order; each is compressed by itself, as a web server does.

    Raises:
        UsageError: the compression needs a package that is not installed.
    """
    compress = compressor(compression)
    return [_weight(path, compress) for path in paths]


def _weight(path: str, compress: Compressor) -> Weight:
    data = Path(path).read_bytes()
    return Weight(path=path, raw=len(data), packed=len(compress(data)))


def compressor(name: str) -> Compressor:
    """The compression of that name, at its best level and the same every time.

    Raises:
        UsageError: there is none, or its package is not installed.
    """
    if name == "none":
        return lambda data: data
    if name == "gzip":
        return lambda data: gzip.compress(data, _BEST, mtime=0)
    if name != "brotli":
        raise UsageError(f"options.compression: {name}: there are none, gzip and brotli.")
    try:
        import brotli  # a package of its own, which few need
    except ImportError as error:
        raise UsageError(
            "options.compression: brotli is a package of its own: pip install brotli, or give "
            "options.compression=gzip."
        ) from error
    compress: Compressor = brotli.compress
    return compress
