"""Every shipped recipe against the rules for recipes, and the rules against recipes that break them."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from autoopt import places
from autoopt.compose import library as shelves
from autoopt.demos import demos
from autoopt.errors import UsageError
from autoopt.testing.recipe_suite import RecipeSuite


@cache
def made(name):
    """A demo's project; some take a while to make, and several recipes want one."""
    folder = TemporaryDirectory()
    demos()[name].make(Path(folder.name))
    return folder


class TestShipped(RecipeSuite):
    recipes = sorted(path.stem for path in places.data_dir("recipes").glob("*.yaml"))

    def project(self, recipe, directory):
        """The demo of the recipe, or of the nearest one that it inherits; with a benchmark."""
        lineage = shelves.visible({"HOME": str(directory)}).lineage(recipe)
        name = next((one.name for one in reversed(lineage) if one.name in demos()), None)
        if name is not None:
            shutil.copytree(made(name).name, directory, dirs_exist_ok=True)
        (directory / "bench").mkdir()
        (directory / "bench" / "test_speed.py").write_text(
            "def test_speed(benchmark):\n    benchmark(sum, [1])\n"
        )


GOOD = """\
# A shorter list from a program that counts.
#
#   autoopt recipe=mine scope=src options.words='a b'
#   autoopt recipe=mine scope=src options.words=x \\
#     constraints.files.max=3
#
# No profile: counting is quick. Bound memory with constraints.peak_mb.max_regression=0.1.
goal: a shorter list
vocabulary: [one, two, three, four]
options: {words: all}
option_help: {words: What is counted}
metric:
  command: count ${quote:${options.words}} ${words:${scope}}
  extract: {kind: line, pattern: '-1'}
  direction: lower
  unit: words
guards:
  tests: {command: '${detect:tests}'}
propose: {use: [optuna, agent]}
"""


class TestMine(RecipeSuite):
    """As an author of recipes would have it: a folder and names."""

    recipes = ("mine", "heir")

    @pytest.fixture(autouse=True)
    def _written(self, tmp_path_factory):
        self.folder = tmp_path_factory.mktemp("recipes")
        (self.folder / "mine.yaml").write_text(GOOD)
        (self.folder / "heir.yaml").write_text(
            "# The same of other words.\n#\n#   autoopt recipe=heir scope=src\n"
            "defaults: [mine, _self_]\ngoal: a shorter list of other words\noptions: {words: others}\n"
        )


def broken(folder: Path, old: str, new: str) -> RecipeSuite:
    assert old in GOOD
    (folder / "mine.yaml").write_text(GOOD.replace(old, new, 1))
    suite = RecipeSuite()
    suite.folder = folder
    return suite


RULES = {
    "begins": "test_it_begins_with_what_it_does_and_a_use",
    "says": "test_it_says_what_it_measures_and_what_it_guards",
    "options": "test_its_options_are_explained_and_used",
    "interpolations": "test_its_interpolations_are_known",
    "safe": "test_its_commands_are_safe_and_find_their_programs",
    "instruments": "test_its_instruments_are_there",
    "inherits": "test_what_it_inherits_comes_first",
}


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("begins", "# A shorter list from a program that counts.\n", ""),
        ("says", "  direction: lower\n", ""),
        ("says", "  extract: {kind: line, pattern: '-1'}\n", ""),
        ("says", "guards:\n  tests: {command: '${detect:tests}'}\n", ""),
        ("says", "No profile: counting is quick.", ""),
        ("says", "propose: {use: [optuna, agent]}\n", ""),
        ("says", "use: [optuna, agent]", "use: [rewrites]"),
        ("options", "option_help: {words: What is counted}\n", ""),
        ("options", "{words: What is counted}", "{words: What is counted, more: Nothing}"),
        ("interpolations", "'${detect:tests}'", "'${detect:tset}'"),
        ("interpolations", "${quote:${options.words}}", "${quote:${options.word}}"),
        ("interpolations", "${words:${scope}}", "${words:${scoop}}"),
        ("safe", "${quote:${options.words}}", "${options.words}"),
        ("safe", "${words:${scope}}", "${scope}"),
        ("safe", "command: count", "command: python count.py"),
        ("safe", "command: count", "command: ${python} -m autoopt.instruments.profile --command true"),
        ("instruments", "command: count", "command: ${instrument:nonsense}"),
        ("instruments", "command: count", "command: ${instrument:size} weigh"),
        ("inherits", "goal: a shorter", "defaults: [_self_, command]\ngoal: a shorter"),
    ],
)
def test_a_recipe_that_breaks_a_rule_fails_its_test(rule, old, new, tmp_path):
    suite = broken(tmp_path, old, new)

    with pytest.raises(AssertionError):
        getattr(suite, RULES[rule])("mine")


def test_one_that_reads_the_environment_is_refused_as_it_is_read(tmp_path):
    suite = broken(tmp_path, "'${detect:tests}'", "'${oc.env:TOKEN}'")

    with pytest.raises(UsageError, match=r"mine\.yaml:\d+: guards\.tests\.command: \$\{oc\.env:"):
        suite.test_its_interpolations_are_known("mine")


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("test_its_uses_compose", "[one, two, three, four]", "[one, two, three]"),
        ("test_its_uses_compose", "[one, two, three, four]", "[one, two, three, one]"),
        ("test_its_uses_compose", "goal: a shorter list\n", "goal: a shorter list.\n"),
        ("test_its_uses_compose", "  unit: words\n", ""),
        (
            "test_it_bounds_something_or_shows_how",
            " Bound memory with constraints.peak_mb.max_regression=0.1.",
            "",
        ),
    ],
)
def test_so_does_one_whose_use_or_bound_lacks_something(rule, old, new, tmp_path, monkeypatch):
    suite = broken(tmp_path, old, new)
    text = (tmp_path / "mine.yaml").read_text().replace(" \\\n#     constraints.files.max=3", "")
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "project").mkdir()

    with pytest.raises(AssertionError):
        getattr(suite, rule)("mine", tmp_path / "project", monkeypatch)


def test_an_option_that_nothing_reads_is_without_effect(tmp_path):
    suite = broken(
        tmp_path, "guards:\n  tests: {command: '${detect:tests}'}\n", "guards: {tests: {command: x}}\n"
    )
    text = (tmp_path / "mine.yaml").read_text().replace("{words: ", "{idle: x, words: ")
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(AssertionError, match=r"options\.idle: without effect"):
        suite.test_its_options_are_explained_and_used("mine")
