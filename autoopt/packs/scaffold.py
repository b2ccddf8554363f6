"""The files of a new recipe: itself, the script that it measures with, an example and a test."""

from __future__ import annotations

from collections.abc import Mapping

_RECIPE = """\
# Fewer lines of code, as a script beside this recipe counts them.
#
#   autoopt recipe=@NAME@ scope=src agent=claude
#
# It works as it stands; make it yours: say above what becomes better, have @SCRIPT@ print your number, and
# write goal and vocabulary anew. `autoopt help writing-recipes` has all that can be said here.
# No profile: counting is quick. What must not be traded in is bounded, memory for instance:
#
#   constraints.peak_mb.max_regression=0.1
goal: fewer lines of code
vocabulary: # what ideas are asked for
  - code that nothing uses
  - two pieces of code that do the same
  - a library function in the place of a loop
  - special cases that a general one covers
options: # the recipe's own; ??? makes one required
  suffix: .py
option_help:
  suffix: How the names of files end that count.
metric:
  command: ${interpreter:} -P ${beside:@SCRIPT@} --suffix ${quote:${options.suffix}} ${words:${scope}}
  extract: # @SCRIPT@ prints METRIC lines=12
    kind: named
    pattern: lines
  unit: lines
  direction: lower
  warmups: 0
guards:
  tests: # the project's own, where it has some; add what else must stay true
    command: ${detect:tests}
propose:
  use: [optuna, agent, queue, combine]
"""
_SCRIPT = '''\
"""Counts lines of code and prints them as `METRIC lines=N`."""

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--suffix", default=".py")
    given = parser.parse_args()
    found = {file for path in given.paths for file in (path, *path.rglob("*")) if file.is_file()}
    texts = [file.read_text("utf-8", "replace") for file in found if file.name.endswith(given.suffix)]
    print(f"METRIC lines={sum(bool(line.strip()) for text in texts for line in text.splitlines())}")


if __name__ == "__main__":
    main()
'''
_EXAMPLE = """\
def total(values):
    found = 0
    for value in values:
        found = found + value
    return found
"""
_TEST = '''\
"""The recipe @NAME@ keeps to the rules for recipes, and its script counts."""

import shutil
import subprocess
import sys
from pathlib import Path

from autoopt.testing.recipe_suite import RecipeSuite

PACK = Path(__file__).resolve().parents[1]


class TestRecipe(RecipeSuite):
    recipes = ("@NAME@",)
    folder = PACK / "recipes"

    def project(self, recipe, directory):
        shutil.copytree(PACK / "examples" / recipe, directory, dirs_exist_ok=True)


def test_the_script_counts_the_lines_of_the_example():
    words = [sys.executable, str(PACK / "recipes" / "@SCRIPT@"), str(PACK / "examples" / "@NAME@" / "src")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert done.stdout == "METRIC lines=5\\n"
'''


def files(name: str) -> Mapping[str, str]:
    """The files of a new recipe, by their paths in its pack."""
    module = name.replace("-", "_")
    texts = {
        f"recipes/{name}.yaml": _RECIPE,
        f"recipes/{name}.py": _SCRIPT,
        f"examples/{name}/src/app.py": _EXAMPLE,
        f"tests/test_{module}.py": _TEST,
    }
    return {
        path: text.replace("@SCRIPT@", f"{name}.py").replace("@NAME@", name) for path, text in texts.items()
    }
