"""The edit hook: stands for a coding agent that has one idea for each experiment, which an editor makes.

`python hook.py --world DIR --run ID [--edit] EDITOR...`, with the prompt on standard input.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cheats.editors import Place
from cheats.pack import EDITORS
from cheats.project import REPORT

_NUMBER = re.compile(r"This is experiment (\d+)\.")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--world", type=Path, required=True)
    asked.add_argument("--run", required=True)
    asked.add_argument("--edit", action="store_true")
    asked.add_argument("editors", nargs="+")
    given = asked.parse_args()
    found = _NUMBER.search(sys.stdin.read())
    number = int(found[1]) if found else 1
    name = given.editors[min(number, len(given.editors)) - 1]
    if given.edit:
        edit(name, Place(Path.cwd(), given.world, given.run))
        print(json.dumps({"description": name}))
    else:
        print(json.dumps({"ideas": [idea(name)], "queries": []}))


def edit(name: str, place: Place) -> None:
    """Let the editor do what it can; where that is nothing, a comment says that it was here."""
    try:
        EDITORS[name].edit(place)
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr)
    module = place.desk / REPORT
    if EDITORS[name].marks:
        module.write_text(module.read_text() + f"\n# {name}\n")


def idea(name: str) -> dict[str, object]:
    return {
        "hypothesis": f"The editor {name} should reduce the seconds because {name} is what it does",
        "area": name,
        "impact": 10,
        "feasibility": 10,
        "novelty": 10,
        "assumption": "nobody looks",
        "risk": "somebody does",
    }


if __name__ == "__main__":
    main()
