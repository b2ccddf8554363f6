"""Compiles Python files without running them; a program for other interpreters than autoopt's own.

    python -I -S compiler.py LIST

LIST holds `level NUL source NUL target` and a line feed for each file. What cannot be compiled is left out.
"""

import sys
from py_compile import PyCompileError, compile


def main() -> None:
    """Compile what the list names."""
    with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as listing:  # noqa: PTH123 - any Python
        wanted = [line.split("\0") for line in listing.read().split("\n") if line]
    for level, source, target in wanted:
        try:
            compile(source, target, doraise=True, optimize=int(level))
        except (PyCompileError, OSError, ValueError, RecursionError, MemoryError):
            continue


if __name__ == "__main__":
    main()
