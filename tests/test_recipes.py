import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.trusting import everything

from autoopt import cli, compose, places
from autoopt.compose import library as shelves
from autoopt.compose import strictyaml
from autoopt.detect.spark import UNITS
from autoopt.errors import UsageError

SHIPPED = sorted(path.stem for path in places.data_dir("recipes").glob("*.yaml"))


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """An empty repository, and a home without recipes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    for name, value in {
        "HOME": tmp_path,
        "XDG_STATE_HOME": tmp_path / "state",
        "AUTOOPT_RECIPES": "",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}


CHOICES = """\
options: {how: fast, times: 3, share: 0.5, careful: false, folds: null}
option_help: {how: How, times: How often, share: How much, careful: Whether, folds: How many}
option_choices: {how: [fast, slow], times: [int], share: [number], careful: [bool], folds: [null, int]}
metric: {command: 'run ${options.how}'}
"""


@pytest.fixture
def own(tmp_path, environ):
    folder = tmp_path / ".autoopt" / "recipes"
    folder.mkdir(parents=True)
    return folder


def test_the_generic_recipe_measures_wall_time(environ):
    configs = []
    compose.run(
        ["recipe=command", "scope=.", "metric.command=sleep 1"], environ, configs.append, vet=everything
    )

    assert configs[0].metric.extract.kind.name == "wall"


def test_a_profile_of_the_python_recipe_runs_the_metric_command_as_it_stands(environ):
    configs = []
    (Path.cwd() / "it's.py").write_text("def f():\n    return sum(n * n for n in range(10_000))\nf()\n")
    command = f'{sys.executable} "it\'s.py" | cat'
    compose.run(
        ["recipe=python-perf", "scope=.", f"metric.command={command}"],
        environ,
        configs.append,
        vet=everything,
    )
    words = ["bash", "-c", configs[0].profile.command]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert "it's.py:1 f" in done.stdout


@pytest.mark.parametrize("name", ["memory", "memory-tracemalloc"])
def test_a_memory_recipe_lets_no_other_memory_grow_and_searches_for_more_than_speed(environ, name):
    configs = []
    (Path.cwd() / "bench.py").write_text("print(1)\n")
    compose.run([f"recipe={name}", "scope=."], environ, configs.append, vet=everything)

    bounds = {key: one.max_regression for key, one in configs[0].constraints.items()}
    assert bounds == {"cpu_s": 0.5, "wall_s": 1.0, "peak_mb": 0.1}
    assert "--about both" in configs[0].propose.discover


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
        compose.run([f"recipe={name}", "scope=."], environ, configs.append, vet=everything)
    configs[1].recipe = "mine"
    assert configs[0] == configs[1]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_is_shown_as_a_recipe_in_110_columns(name, own, environ, capsys):
    assert cli.main(["recipes", "show", name]) == 0
    shown = capsys.readouterr().out
    (own / "copy.yaml").write_text(shown)

    lines = [line for line in shown.splitlines() if not line.endswith(".yaml")]
    assert not [line for line in lines if len(line) > 110 and " " in line.strip()]
    assert "goal: " in shown and "# from " in shown
    assert shelves.visible(environ).lineage("copy")


@pytest.fixture
def family(own):
    """A recipe, and one that builds on it and looks around."""
    (own / "base.yaml").write_text(
        "goal: base\nvocabulary: [a, b]\nmetric: {command: 'run ${words:${scope}}', unit: ms, warmups: 3}\n"
        "options: {level: 1, url: '???'}\noption_help: {level: How much, url: Where}\n"
    )
    (own / "mine.yaml").write_text(
        "defaults: [base, _self_]\ngoal: mine\n"
        "metric: {warmups: 2, prepare: 'load ${quote:${options.url}} $HOME'}\n"
        "guards:\n  tests: {command: '${detect:tests}'}\n  need: {command: '${need:package_build}'}\n"
    )
    return own


def lines_of(capsys, *words):
    assert cli.main(["recipes", "show", *words]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_each_value_says_which_recipe_it_is_from(family, capsys):
    lines = lines_of(capsys, "mine")

    assert lines[:2] == [f"# mine: {family / 'mine.yaml'}", f"# builds on base: {family / 'base.yaml'}"]
    assert "goal: mine  # from mine" in lines
    assert "vocabulary: [a, b]  # from base" in lines or "vocabulary:  # from base" in lines
    assert "unit: ms  # from base" in lines
    assert "warmups: 2  # from mine" in lines
    assert not [line for line in lines if "tolerance" in line or "timeout_s" in line]  # the schema's defaults


def test_a_base_that_comes_after_the_recipes_own_values_is_where_they_are_from(family, capsys):
    (family / "weak.yaml").write_text("defaults: [_self_, base]\ngoal: weak\nbudget: {experiments: 3}\n")
    lines = lines_of(capsys, "weak")

    assert "goal: base  # from base" in lines
    assert "experiments: 3  # from weak" in lines


def test_what_only_a_scope_or_an_option_tells_is_shown_as_such(family, capsys):
    lines = lines_of(capsys, "mine")

    assert "command: run ${words:${scope}}  # from base; known with scope" in lines
    assert "prepare: load ${quote:${options.url}} $HOME  # from mine; known with options.url" in lines
    assert "url: ???  # from base; required" in lines


def test_words_of_the_command_line_are_put_in(family, capsys):
    lines = lines_of(capsys, "mine", "scope=[src,my lib]", "options.url=a b", "guards.tests.timeout_s=5")

    assert "command: run src 'my lib'  # from base" in lines
    assert "prepare: load 'a b' $HOME  # from mine" in lines
    assert "url: a b  # from the command line" in lines
    assert "timeout_s: 5.0  # from the command line" in lines
    assert "# options.url: Where (given a b)" in lines


def test_what_is_detected_says_so_and_so_does_what_is_not(family, capsys):
    before = lines_of(capsys, "mine")
    Path("package.json").write_text('{"scripts": {"build": "x"}}')
    Path("test_a.py").write_text("import pytest\n")
    after = lines_of(capsys, "mine")

    assert "command: null  # from mine; none found here" in before
    assert (
        "# from mine; not found here: no package.json with a build script was found; give "
        "metric.prepare=COMMAND." in before
    )
    assert "command: ${need:package_build}" in before
    assert "command: npm run build  # from mine; detected" in after
    assert [line for line in after if "-m pytest" in line and line.endswith("# from mine; detected")]


def test_text_that_looks_like_an_interpolation_stays_text(own, environ, capsys):
    (own / "mine.yaml").write_text(
        "options: {a: '\\${x}'}\noption_help: {a: b}\nmetric: {command: 'echo \\${HOME} ${options.a}'}\n"
    )
    cli.main(["recipes", "show", "mine"])
    (own / "copy.yaml").write_text(capsys.readouterr().out)
    configs = []
    for name in ("mine", "copy"):
        compose.run([f"recipe={name}", "scope=."], environ, configs.append, vet=everything)

    assert configs[0].metric.command == configs[1].metric.command == "echo ${HOME} ${x}"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("options.uri=x", "options.uri: no such option; did you mean options.url?"),
        ("metric.warmups=many", "metric.warmups: 'many' is not a whole number."),
        ("seed=1,2", "seed: 1,2 is several values; "),
        ("agent=nobody", "agent: nobody: no such agent."),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(word, said, family, capsys):
    assert cli.main(["recipes", "show", "mine", word]) == 2

    err = capsys.readouterr().err
    assert err.startswith(f"autoopt: {said}") and len(err.splitlines()) == 1


def test_a_chosen_agent_is_shown_by_its_name(family, capsys):
    lines = lines_of(capsys, "mine", "agent=claude", "agent.model=opus")

    assert "defaults: [{agent: claude}, _self_]" in lines
    assert "model: opus  # from the command line" in lines


def test_the_help_says_how_to_give_words(capsys):
    assert cli.main(["recipes", "--help"]) == 0
    assert "autoopt recipes show NAME [key=value ...]\n" in capsys.readouterr().out


def test_what_an_option_may_be_is_shown_and_refused(own, capsys):
    (own / "mine.yaml").write_text(CHOICES)

    assert cli.main(["recipes", "show", "mine"]) == 0
    assert "# options.how: How (default fast; fast or slow)" in capsys.readouterr().out
    assert cli.main(["recipes", "show", "mine", "options.how=odd"]) == 2
    assert capsys.readouterr().err.endswith(
        "autoopt: options.how: 'odd' is not possible; give fast or slow.\n"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("how=odd", "options.how: 'odd' is not possible; give fast or slow."),
        ("how=null", "options.how: 'null' is not possible; give fast or slow."),
        ("times=1.5", "options.times: '1.5' is not possible; give a whole number."),
        ("share=much", "options.share: 'much' is not possible; give a number."),
        ("share=nan", "options.share: 'nan' is not possible; give a number."),
        ("careful=5", "options.careful: '5' is not possible; give true or false."),
        ("folds=x", "options.folds: 'x' is not possible; give null or a whole number."),
        ("folds=${options.how}", "options.folds: 'fast' is not possible; give null or a whole number."),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_in_one_line(own, environ, word, said):
    (own / "mine.yaml").write_text(CHOICES)
    with pytest.raises(UsageError) as refused:
        compose.run(["recipe=mine", "scope=.", f"options.{word}"], environ, print, vet=everything)

    assert str(refused.value) == said


def test_what_an_option_may_be_is_taken_as_it_is(own, environ):
    (own / "mine.yaml").write_text(CHOICES)
    words = ["how=slow", "times=-1", "share=2", "careful=True", "folds=4"]
    configs = []
    compose.run(
        ["recipe=mine", "scope=.", *(f"options.{word}" for word in words)],
        environ,
        configs.append,
        vet=everything,
    )

    assert configs[0].options == {"how": "slow", "times": -1, "share": 2, "careful": True, "folds": 4}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bundle-size", "compression=zip"),
        ("memory", "profiler=cprofile"),
        ("ml-loss", "step=first"),
        ("ml-mlflow", "folds=all"),
        ("python-hyperfine", "timer=foo"),
        ("python-hyperfine", "runs=x"),
        ("python-hyperfine", "statistic=max"),
        ("python-instructions", "counter=zzz"),
        ("python-perf", "profiler=foo"),
        ("spark-job", "measure=joules"),
        ("sql-cost", "measure=speed"),
        ("test-coverage", "branch=maybe"),
        ("test-duration", "assertions=more"),
        ("test-pass-rate", "repeats=often"),
        ("ty-errors", "checker=pylint"),
    ],
)
def test_our_recipes_refuse_it_before_anything_is_looked_for(environ, name, word):
    option, _, value = word.partition("=")
    with pytest.raises(UsageError) as refused:
        compose.run([f"recipe={name}", "scope=.", f"options.{word}"], environ, print)

    assert str(refused.value).startswith(f"options.{option}: {value!r} is not possible; give ")


def test_what_spark_measures_is_what_may_be_asked_for(environ):
    (spark,) = shelves.visible(environ).lineage("spark-job")

    assert spark.data["option_choices"]["measure"] == list(UNITS)


def test_other_words_are_refused(capsys):
    assert cli.main(["recipes", "shwo", "x"]) == 2
    assert (
        capsys.readouterr().err
        == "autoopt: recipes shwo x: not understood; use list, show NAME [key=value ...], trust NAME, "
        "untrust NAME, add URL, update, remove NAME, sync, new NAME or check.\n"
    )


def test_a_listing_imports_no_hydra(own):
    code = "import sys\nfrom autoopt.cli import main\nmain(['recipes'])\nassert 'hydra' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_what_is_read_again_is_as_the_file_says_now_and_belongs_to_whoever_reads_it(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("params: {n: {choices: [1]}}\n")
    first, second = strictyaml.read(path), strictyaml.read(path)
    first.data["params"]["n"]["choices"].append(2)
    third = strictyaml.read(path)
    path.write_text("goal: other\n")

    assert second.data == third.data == {"params": {"n": {"choices": [1]}}}
    assert strictyaml.read(path).data == {"goal": "other"}
