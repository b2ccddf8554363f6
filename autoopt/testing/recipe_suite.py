"""What every recipe must say and do; inherit `RecipeSuite` in a test module and name yours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autoopt import assemble, compose
from autoopt.compose import library as shelves
from autoopt.compose import shape
from autoopt.detect import DETECTORS
from autoopt.errors import UsageError
from autoopt.schema import Config
from autoopt.testing import recipe_text

_LEAST_VOCABULARY = 4


class RecipeSuite:
    """Inherit, name your recipes, say what a project of theirs looks like, and run with pytest.

    Attributes:
        recipes: Their names.
        folder: The directory of their files; by default those that autoopt brings.
    """

    recipes: Sequence[str] = ()
    folder: Path | None = None

    def project(self, recipe: str, directory: Path) -> None:
        """Write the files of a project that the recipe's first use fits; by default none."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Have every test run for every recipe."""
        if "recipe" in metafunc.fixturenames:
            metafunc.parametrize("recipe", self.recipes)

    def test_it_begins_with_what_it_does_and_a_use(self, recipe: str) -> None:
        """A comment block: a sentence, then an indented `autoopt recipe=NAME scope=... `."""
        said = recipe_text.header(self._path(recipe))
        assert said and said[0][:1] == " " and said[0].strip(), "the first line is not a comment"
        assert "recipe=" not in said[0], "the first line is to say what the recipe does"
        assert recipe_text.uses(said, recipe), (
            f"no indented line `autoopt recipe={recipe} scope=...` at the top"
        )
        assert max(map(len, said)) < 130, "a line of the comment is too long to read"

    def test_its_uses_compose(self, recipe: str, tmp_path: Path, monkeypatch: Any) -> None:
        """The first one in a project of its kind; the others there too, or they are refused in a line."""
        self.project(recipe, tmp_path)
        first, *others = recipe_text.uses(recipe_text.header(self._path(recipe)), recipe)
        config = self._composed(first, tmp_path, monkeypatch)
        assemble.check(config)
        assert config.recipe == recipe and config.goal and not config.goal.endswith("."), (
            "goal: one line without a full stop was expected"
        )
        assert len(set(config.vocabulary)) == len(config.vocabulary) >= _LEAST_VOCABULARY, (
            f"vocabulary: {_LEAST_VOCABULARY} ideas or more were expected, each once"
        )
        assert config.metric.command.strip() and config.metric.unit, (
            "metric.command and metric.unit are needed"
        )
        again = compose.load(compose.dump(config))
        assert again == config, "the settings do not survive being written to disk"
        for use in others:
            _refused_in_a_line(partial(self._composed, use, tmp_path, monkeypatch))

    def test_what_it_cannot_find_is_a_line_with_an_option(
        self, recipe: str, tmp_path: Path, monkeypatch: Any
    ) -> None:
        """In an empty repository it composes, or says in one line what to give."""
        first = recipe_text.uses(recipe_text.header(self._path(recipe)), recipe)[0]
        said = _refused_in_a_line(partial(self._composed, first, tmp_path, monkeypatch))
        assert not said or "=" in said, f"names no option to give: {said}"

    def test_it_says_what_it_measures_and_what_it_guards(self, recipe: str) -> None:
        """Metric, guards, profile and proposers are written out, or a comment says why not."""
        content, said = self._content(recipe), self._comments(recipe)
        metric, propose = content.get("metric") or {}, content.get("propose") or {}
        assert metric.get("direction"), "metric.direction is not written out"
        assert (metric.get("extract") or {}).get("kind"), "metric.extract.kind is not written out"
        assert content.get("guards") or "No guards:" in said, "no guards, and no comment `No guards: <why>`"
        has_profile = bool((content.get("profile") or {}).get("command"))
        assert has_profile or "No profile:" in said, "no profile, and no comment `No profile: <why>`"
        used = propose.get("use")
        assert used, "propose.use is not written out"
        assert ("rewrites" in used) == bool(propose.get("rewrites")), "rewrites is used without its command"

    def test_it_bounds_something_or_shows_how(self, recipe: str, tmp_path: Path, monkeypatch: Any) -> None:
        """A constraint, or an example of one in a comment that can be added to the first use."""
        shown = recipe_text.bounds(self._comments(recipe))
        assert self._content(recipe).get("constraints") or shown, "no constraint, and no example of one"
        if not shown:
            return  # that the first use composes is another rule
        self.project(recipe, tmp_path)
        first = recipe_text.uses(recipe_text.header(self._path(recipe)), recipe)[0]
        config = self._composed(replace(first, words=(*first.words, *shown)), tmp_path, monkeypatch)
        assemble.check(config)
        assert all(one.split(".")[1] in config.constraints for one in shown), "constraints: one is not known"

    def test_its_options_are_explained_and_used(self, recipe: str) -> None:
        """Every option has its help, and an effect."""
        content = self._content(recipe)
        options = content.get("options") or {}
        assert set(content.get("option_help") or {}) == set(options), (
            "option_help: one line for each of options was expected, and for nothing else"
        )
        assert set(content.get("option_choices") or {}) <= set(options), "option_choices: of no option"
        found = list(recipe_text.interpolations(content))
        asks = any(one.name in ("detect", "need") for one in found)
        for name in options:
            assert asks or any(one.name == f"options.{name}" for one in found), (
                f"options.{name}: without effect"
            )

    def test_its_interpolations_are_known(self, recipe: str) -> None:
        """Options and detectors that are there; which functions it may call is looked at as it is read."""
        content = self._content(recipe)
        for one in recipe_text.interpolations(content):
            if one.argument is None and one.name.startswith("options."):
                assert one.name.partition(".")[2] in content["options"], f"{one.at}: {one.name}: not declared"
            elif one.argument is None:
                assert shape.kind_at(tuple(one.name.split("."))) is not None, f"{one.at}: {one.name}"
            elif one.name in ("detect", "need") and one.argument:
                assert one.argument.strip() in DETECTORS, f"{one.at}: {one.argument}: no such detector"

    def test_its_commands_are_safe_and_find_their_programs(self, recipe: str) -> None:
        """Values are quoted for the shell, and no command hopes for a `python` on the PATH."""
        content = self._content(recipe)
        for found, wanted in (
            (recipe_text.unquoted(content), "write ${quote:...} or ${words:...} around it"),
            (recipe_text.plain_pythons(content), "write ${detect:python} or ${python}"),
            (recipe_text.wrong_calls(content), "write ${instrument:NAME}"),
        ):
            assert not found, f"{found[0]}: {wanted}"

    def test_its_instruments_are_there(self, recipe: str) -> None:
        """Each subcommand prints its help."""
        for module, subcommand in sorted(recipe_text.calls(self._content(recipe))):
            code, said = _help(module, subcommand)
            assert code == 0 and said.startswith("usage:"), f"{module} {subcommand} --help: {said}"

    def test_what_it_inherits_comes_first(self, recipe: str) -> None:
        """`_self_` ends the list of defaults, so that the file's own values win."""
        for one in self._lineage(recipe):
            names = [base.names for base in one.bases]
            assert not names or names[-1] == ("_self_",), f"{one.name}: defaults must end with _self_"

    def _lineage(self, recipe: str) -> list[shelves.Recipe]:
        return shelves.visible(self._environ(Path(os.devnull))).lineage(recipe)

    def _path(self, recipe: str) -> Path:
        return self._lineage(recipe)[-1].document.path

    def _content(self, recipe: str) -> dict[str, Any]:
        return shelves.merged(self._lineage(recipe))

    def _comments(self, recipe: str) -> str:
        return "\n".join(recipe_text.comments(one.document.path) for one in self._lineage(recipe))

    def _environ(self, home: Path) -> dict[str, str]:
        """A home without recipes, so that no file of whoever runs the tests is taken for one of these."""
        folders = "" if self.folder is None else str(self.folder)
        return {"HOME": str(home), "XDG_STATE_HOME": f"{home}/state", "AUTOOPT_RECIPES": folders}

    def _composed(self, use: recipe_text.Use, directory: Path, monkeypatch: Any) -> Config:
        configs: list[Config] = []
        (directory / ".git").mkdir(exist_ok=True)  # its top, for detectors
        monkeypatch.chdir(directory)
        environ = {**self._environ(directory / "no home"), **use.environ}
        compose.run(use.words, environ, configs.append, vet=lambda materials, repository: None)
        return configs[0]


def _refused_in_a_line(attempt: Callable[[], object]) -> str:
    """The line with which something is refused; empty when it is not."""
    try:
        attempt()
    except UsageError as error:
        assert len(str(error).splitlines()) == 1, f"more than one line: {error}"
        return str(error)
    return ""


@cache
def _help(module: str, subcommand: str) -> tuple[int, str]:
    """What an instrument says of itself; asked once for all recipes."""
    if find_spec(f"autoopt.instruments.{module}") is None:
        return 1, "no such instrument"
    words = [sys.executable, "-P", "-m", f"autoopt.instruments.{module}"]
    done = subprocess.run(
        [*words, *filter(None, [subcommand]), "--help"], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout or done.stderr
