"""The command line."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from autoopt.instruments.entry import Parser, acted
from autoopt.instruments.numbers import inventory, metric_lines
from autoopt.instruments.size import matching, weighing

_PAGES = (".html", ".htm")


def main(argv: Sequence[str]) -> int:
    """Do what the words ask for; return the exit code. What goes wrong is one line on standard error."""
    return acted(_parser, argv)


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.size", description="Sizes of files.")
    for _, command in parser.subcommands(
        ("total", _total, "bytes of all files together, as metric lines"),
        ("largest", _largest, "the biggest files, biggest first"),
        ("kinds", _kinds, "what a build must not lose, as JSON for an inventory guard"),
    ):
        command.add_argument("--compression", default="none", help="none, gzip or brotli")
        command.add_argument(
            "--without", action="append", default=[], metavar="GLOB", help="files to leave out"
        )
        command.add_argument("--top", type=int, default=25, help="how many files `largest` shows")
        command.add_argument("files", nargs="+", metavar="GLOB", help="paths and globs of files")
    return parser


def _found(arguments: argparse.Namespace) -> list[str]:
    without = [pattern for given in arguments.without for pattern in given.split()]
    return matching.files(arguments.files, without)


def _total(arguments: argparse.Namespace) -> None:
    """`bytes` is what counts; the others are told beside it, and can be bounded."""
    weights = weighing.weights(_found(arguments), arguments.compression)
    numbers: dict[str, float] = {
        "bytes": sum(one.packed for one in weights),
        "raw_bytes": sum(one.raw for one in weights),
        "files": len(weights),
        "largest_bytes": max(one.packed for one in weights),
    }
    print(*metric_lines(numbers), sep="\n")


def _largest(arguments: argparse.Namespace) -> None:
    weights = weighing.weights(_found(arguments), arguments.compression)
    whole = sum(one.packed for one in weights) or 1
    print(f"{arguments.compression} bytes, share, bytes on disk, file")
    for one in sorted(weights, key=lambda one: (-one.packed, one.path))[: arguments.top]:
        print(f"{one.packed:>12} {one.packed / whole:>6.1%} {one.raw:>12}  {one.path}")


def _kinds(arguments: argparse.Namespace) -> None:
    """Each page, and that there is a file of each kind: files with content, as an empty one is no file.

    Names of other files are not compared: builds put a hash of the content into them.
    """
    weights = weighing.weights(_found(arguments), "none")
    kinds = Counter(PurePosixPath(one.path).suffix for one in weights if one.raw)
    pages = [one.path for one in weights if one.raw and PurePosixPath(one.path).suffix in _PAGES]
    wanted = {f"files of kind {suffix or '(none)'}": 1.0 for suffix in kinds}
    print(inventory(no_fewer=wanted | dict.fromkeys(pages, 1.0)))
