"""A library with 25 tests of which 17 pass, and patches that mend it, one of which cheats."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files, suite_project

_CHEAT = "src/everyday/spans.py"
_HEAD = 'match = re.match(r"(\\d+)([hms])", text)'

_RECIPE = """\
# Which of the patches in patches/ mend something, and break nothing?
#
#   autoopt recipe=everyday
defaults:
  - test-pass-rate
  - _self_
goal: all tests of the everyday functions pass
scope: src
metric:
  env:
    PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1" # plugins that happen to be installed take longer than the tests
propose:
  use: [queue]
  queue:
    patches: patches
budget:
  experiments: 6
"""


def make(directory: Path) -> None:
    """Write the library, its tests, a recipe, and the patches."""
    patches = {"patches/0.patch": _cheat()}
    for number, (path, (subject, *_)) in enumerate(suite_project.FIXES.items(), start=1):
        change = files.patch(path, suite_project.SOURCES[path], suite_project.fixed(path), subject)
        patches[f"patches/{number}.patch"] = change
    recipe = {".autoopt/recipes/everyday.yaml": _RECIPE}
    suite_project.write(directory, {**suite_project.SOURCES, **suite_project.TESTS, **recipe, **patches})


def _cheat() -> str:
    """A change that skips the tests it cannot mend, so that a larger part of those that are left passes."""
    before = suite_project.SOURCES[_CHEAT]
    after = before.replace(
        f"    {_HEAD}",
        f"    if not text[-1:].isdigit() and len(text) > 2:\n        import pytest\n\n"
        f'        pytest.skip("not supported yet")\n    {_HEAD}',
    )
    return files.patch(_CHEAT, before, after, "Leave out long spans for now")


DEMO = Demo(
    name="test-pass-rate",
    summary="a library with 25 tests of which 17 pass: which of the patches sent for it mend it",
    make=make,
    overrides=("recipe=everyday",),
    extra="testing",
)
