"""`python -m tests.inputs`: every row through the real command line, as a table; exit code 1 for a fault."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from inputs.judging import faults
from inputs.place import Place
from inputs.rows import ROWS


def main() -> int:
    """Type each row in a repository of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name has this")
    only = parser.parse_args().only
    wrong = 0
    slowest = 0.0
    for row in ROWS:
        if only not in row.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            row.make(place)
            before = place.contents()
            answer = place.type(*row.words, cwd=Path(row.cwd) if row.cwd else None)
            found = faults(row, answer, before, place.contents())
        wrong += bool(found)
        slowest = max(slowest, answer.seconds if row.lines == 1 else 0.0)
        said = "FAULT" if found else "right"
        print(f"{said}  {answer.code}  {answer.seconds:5.2f} s  {row.name}", flush=True)
        for line in found:
            print(f"       {line}")
    print(f"{len(ROWS)} rows, {wrong} faults; the slowest that ran no command took {slowest:.2f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
