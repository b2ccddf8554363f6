import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from autoopt import cli, compose, places
from autoopt.compose import library as shelves

SHIPPED = sorted(
    path.relative_to(places.data_dir("recipes")).with_suffix("").as_posix()
    for path in places.data_dir("recipes").rglob("*.yaml")
)


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """An empty directory, and a home without recipes."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "HOME": tmp_path,
        "XDG_STATE_HOME": tmp_path / "state",
        "AUTOOPT_RECIPES": "",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def own(tmp_path, environ):
    folder = tmp_path / ".autoopt" / "recipes"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_file_is_sound(name, environ):
    lineage = shelves.visible(environ).lineage(name)

    declared = {key for one in lineage for key in one.data.get("options") or {}}
    explained = {key for one in lineage for key in one.data.get("option_help") or {}}
    assert explained == declared


@pytest.mark.parametrize("name", [name for name in SHIPPED if "/" not in name])
def test_every_shipped_recipe_composes_once_its_required_options_are_given(name, environ):
    configs = []
    lineage = shelves.visible(environ).lineage(name)
    settings = {key: value for one in lineage for key, value in (one.data.get("options") or {}).items()}
    required = [f"options.{key}=x" for key, value in settings.items() if value == "???"]
    metric = (
        [] if any("command" in one.data.get("metric", {}) for one in lineage) else ["metric.command=true"]
    )
    compose.run([f"recipe={name}", "scope=src", *required, *metric], environ, configs.append)

    assert configs[0].recipe == name
    assert configs[0].goal
    assert compose.load(compose.dump(configs[0])) == configs[0]


def test_the_generic_recipe_measures_wall_time(environ):
    configs = []
    compose.run(["recipe=command", "scope=.", "metric.command=sleep 1"], environ, configs.append)

    assert configs[0].metric.extract.kind.name == "wall"


def test_a_profile_of_the_python_recipe_runs_the_metric_command_as_it_stands(environ):
    configs = []
    (Path.cwd() / "it's.py").write_text("def f():\n    return sum(n * n for n in range(10_000))\nf()\n")
    command = f'{sys.executable} "it\'s.py" | cat'
    compose.run(["recipe=python-perf", "scope=.", f"metric.command={command}"], environ, configs.append)
    words = ["bash", "-c", configs[0].profile.command]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert "it's.py:1 f" in done.stdout


def test_the_listing_has_name_goal_and_origin_and_needs_no_hydra(own, capsys):
    (own / "mine.yaml").write_text("goal: my goal\nmetric: {command: 'true'}")
    (own / "heir.yaml").write_text("defaults: [mine]")
    assert cli.main(["recipes", "list"]) == 0

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "my goal" in lines["mine"] and f"[repository: {own}]" in lines["mine"]
    assert "my goal" in lines["heir"]
    assert "built-in" in lines["command"]


def test_the_listing_marks_broken_and_shadowed_recipes(own, capsys):
    (own / "command.yaml").write_text("goal: mine")
    (own / "broken.yaml").write_text("goal: [")
    assert cli.main(["recipes"]) == 0

    out = capsys.readouterr().out
    assert f"BROKEN: {own / 'broken.yaml'}:1: " in out
    assert "(not used: repository has one of the same name)" in out


def test_a_recipe_is_shown_as_one_file_with_its_options_explained(own, capsys):
    (own / "base.yaml").write_text(
        "options:\n  url: ???\n  rows: 3\noption_help: {url: Connection URL, rows: How many}\n"
        "metric: {command: 'run ${options.url}'}"
    )
    (own / "mine.yaml").write_text("defaults: [base, _self_]\ngoal: my goal")
    assert cli.main(["recipes", "show", "mine"]) == 0

    out = capsys.readouterr().out
    assert "# options.url: Connection URL (required)\n# options.rows: How many (default 3)\n" in out
    assert yaml.safe_load(out) == {
        "goal": "my goal",
        "options": {"url": "???", "rows": 3},
        "option_help": {"url": "Connection URL", "rows": "How many"},
        "metric": {"command": "run ${options.url}"},
    }


def test_a_shown_recipe_can_be_used_as_a_recipe(own, environ, capsys):
    (own / "base.yaml").write_text("metric: {command: '${python} x', unit: ms}\nguards: {g: {command: y}}")
    (own / "mine.yaml").write_text("defaults: [base, _self_]\ngoal: my goal")
    cli.main(["recipes", "show", "mine"])
    (own / "copy.yaml").write_text(capsys.readouterr().out)

    configs = []
    for name in ("mine", "copy"):
        compose.run([f"recipe={name}", "scope=."], environ, configs.append)
    configs[1].recipe = "mine"
    assert configs[0] == configs[1]


def test_other_words_are_refused(capsys):
    assert cli.main(["recipes", "shwo", "x"]) == 2
    assert capsys.readouterr().err == "autoopt: recipes shwo x: not understood; use list, or show NAME.\n"


def test_a_listing_imports_no_hydra(own):
    code = "import sys\nfrom autoopt.cli import main\nmain(['recipes'])\nassert 'hydra' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
