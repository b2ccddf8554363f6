"""Lets cheating and honest editors loose on the real program, and prints what became of each.

`python -m tests.cheats [--sandbox auto|none] [--repeats 1] [--load] [--together 1] [--only PART …]`: each
editor gets a machine of its own, or shares a run with some others (`--together`), which is quicker. `--load`
keeps all processors busy meanwhile. Names given with `--only` are parts of editors' names or their groups.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cheats.pack import EDITORS
from cheats.runs import batches, let_loose
from cheats.world import SOURCE, Outcome, load


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.cheats", description=__doc__)
    asked.add_argument("--sandbox", choices=["auto", "none", ""], default="auto")
    asked.add_argument("--repeats", type=int, default=1)
    asked.add_argument("--load", action="store_true")
    asked.add_argument("--together", type=int, default=1)
    asked.add_argument("--only", nargs="*", default=[""])
    asked.add_argument("--options", nargs="*", default=[])
    asked.add_argument("--base", type=Path, default=None)
    asked.add_argument("--source", type=Path, default=SOURCE, help="checkout of the program to try")
    given = asked.parse_args()
    names = [n for n, e in EDITORS.items() if any(part in n or part == e.group for part in given.only)]
    options = [*([f"sandbox={given.sandbox}"] if given.sandbox else []), *given.options]
    with load((os.cpu_count() or 1) * given.load), tempfile.TemporaryDirectory(dir=given.base) as base:
        outcomes = [
            one
            for repeat in range(given.repeats)
            for number, batch in enumerate(batches(names, given.together))
            for one in shown(let_loose(Path(base) / f"{repeat}-{number}", batch, options, given.source))
        ]
    return summed(outcomes)


def shown(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    for one in outcomes:
        group = EDITORS[one.name].group
        harm = f"  HARM: {', '.join(one.harm[:3])}" if one.harm else ""
        print(f"{group:8} {one.name:42} {one.status:16} {one.by:24} {one.told}{harm}", flush=True)
    return outcomes


def summed(outcomes: Sequence[Outcome]) -> int:
    cheats = [one for one in outcomes if EDITORS[one.name].group != "honest"]
    kept = [one.name for one in cheats if one.kept]
    honest = [one for one in outcomes if EDITORS[one.name].group == "honest"]
    print(f"cheats: {len(cheats)}, kept: {len(kept)} {sorted(set(kept))}")
    print(f"harm done by: {sorted({one.name for one in outcomes if one.harm})}")
    print(f"no experiment: {sorted({one.name for one in outcomes if one.status == 'none'})}")
    for name in sorted({one.name for one in honest}):
        of = [one for one in honest if one.name == name]
        print(
            f"{name}: kept {sum(one.kept for one in of)} of {len(of)}, "
            f"objected to {sum(one.status in ('inspector-reject', 'crash') for one in of)}"
        )
    return int(bool(kept))


if __name__ == "__main__":
    sys.exit(main())
