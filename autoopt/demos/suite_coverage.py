"""The same library without its mistakes, and patches with further tests, one of which checks nothing."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files, suite_project

_RECIPE = """\
# Which of the tests in patches/ run code that no test has run?
#
#   autoopt recipe=everyday-tests
defaults:
  - test-coverage
  - _self_
goal: tests for every branch of the everyday functions
scope: tests
options:
  source: [src]
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

_IDLE = """\
from everyday import numerals, ranges, slugs, spans


def test_everything_runs():
    for call in (lambda: slugs.slug("", 0), lambda: ranges.merged([(2, 1)]), lambda: numerals.roman(0)):
        try:
            call()
        except ValueError:
            pass
    spans.span(0)
"""
_ERRORS = """\
import pytest

from everyday import numerals, ranges, slugs, spans


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="above"):
        ranges.merged([(2, 1)])
    with pytest.raises(ValueError, match="3999"):
        numerals.roman(4000)
    with pytest.raises(ValueError, match="1 or more"):
        slugs.slug("tea", 0)


def test_words_are_no_span():
    with pytest.raises(ValueError, match="no span"):
        spans.seconds("soon")
"""
_ZERO = """\
from everyday import spans


def test_parts_that_are_nothing_are_left_out():
    assert spans.span(0) == "0s"
    assert spans.span(59) == "59s"
"""
_AGAIN = """\
from everyday.slugs import slug


def test_a_slug_is_in_lower_case():
    assert slug("TEA") == "tea"
"""
_SENT = (
    ("Run everything once", "tests/test_everything.py", _IDLE),
    ("Test slugs once more", "tests/test_case.py", _AGAIN),
    ("Test what is refused", "tests/test_errors.py", _ERRORS),
    ("Test spans without parts", "tests/test_zero.py", _ZERO),
)


def make(directory: Path) -> None:
    """Write the library, its tests, a recipe, and the patches."""
    sources = {**suite_project.SOURCES, **{path: suite_project.fixed(path) for path in suite_project.FIXES}}
    patches = {
        f"patches/{number}.patch": files.patch(path, "", text, subject)
        for number, (subject, path, text) in enumerate(_SENT)
    }
    recipe = {".autoopt/recipes/everyday-tests.yaml": _RECIPE}
    suite_project.write(directory, {**sources, **suite_project.TESTS, **recipe, **patches})


DEMO = Demo(
    name="test-coverage",
    summary="a library whose errors nobody tests: which of the tests sent for it cover more",
    make=make,
    overrides=("recipe=everyday-tests",),
    extra="testing",
)
