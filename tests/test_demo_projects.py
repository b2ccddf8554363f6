import ast
import os
import subprocess
import sys

import pytest
import yaml
from support.trusting import everything

from autoopt import compose
from autoopt.demos import ml_f1, python_perf
from autoopt.proposers.search.sites import site

REPORT = [sys.executable, "report.py", "data/requests.csv", "--archive", os.devnull]


def contents(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def output(command, directory, **environ):
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=True, env={**os.environ, **environ}
    )
    return done.stdout


def composed(demo, directory, monkeypatch):
    """The settings that the demo's run starts with, and the fixed project."""
    configs = []
    monkeypatch.chdir(directory)
    environ = {"HOME": str(directory), "XDG_STATE_HOME": str(directory.with_name("state"))}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    compose.run(demo.overrides, environ, configs.append, vet=everything)
    return configs[0]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    directory = tmp_path_factory.mktemp("report")
    python_perf.DEMO.make(directory)
    return directory


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    directory = tmp_path_factory.mktemp("digits")
    ml_f1.DEMO.make(directory)
    return directory


@pytest.mark.parametrize("demo", [python_perf.DEMO, ml_f1.DEMO], ids=lambda demo: demo.name)
def test_a_project_is_the_same_every_time(demo, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        demo.make(tmp_path / name)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("demo", [python_perf.DEMO, ml_f1.DEMO], ids=lambda demo: demo.name)
def test_its_recipe_composes_and_every_parameter_is_where_it_says(demo, tmp_path, monkeypatch):
    demo.make(tmp_path)
    config = composed(demo, tmp_path, monkeypatch)

    for name, options in config.params.items():
        place = site(name, options, None)
        text = (tmp_path / place.file).read_text()
        present = place.read(text)
        for value in options.choices or (options.low, options.high):
            value = int(value) if isinstance(present, int) else value
            assert place.read(place.write(text, value)) == value
        assert options.choices is None or present in options.choices
    assert place.file in config.scope
    assert config.budget.experiments <= 10


def test_the_reports_own_tests_pass(report):
    output([sys.executable, "-m", "unittest", "-q"], report)


def test_the_data_of_the_report_is_ignored_by_git(report):
    assert (report / "data" / "requests.csv").stat().st_size > 1_000_000
    assert "/data/" in (report / ".gitignore").read_text().splitlines()


def variants():
    """Every value that the recipe lists, alone, except the one that is wrong."""
    recipe = yaml.safe_load(python_perf._RECIPE.replace("${python}", "python"))
    for name, options in recipe["params"].items():
        for value in {str(v): v for v in [*options.get("choices", ()), *options.get("first", ())]}.values():
            if (name, value) != ("CLOCK", "hour"):
                yield name, value


def changed(report, tmp_path, name, value):
    """A copy of the project in which one constant has this value."""
    source = (report / "report.py").read_text()
    (old,) = (line for line in source.splitlines() if line.startswith(f"{name} = "))
    (tmp_path / "report.py").write_text(source.replace(old, f"{name} = {value!r}"))
    (tmp_path / "test_report.py").write_text((report / "test_report.py").read_text())
    rows = (report / "data" / "requests.csv").read_text().splitlines(keepends=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "requests.csv").write_text("".join(rows[:1_500]))
    return tmp_path


@pytest.mark.parametrize(("name", "value"), list(variants()))
def test_no_listed_value_changes_the_report(name, value, report, tmp_path, tmp_path_factory):
    same = changed(report, tmp_path_factory.mktemp("same"), "PARSER", "dict")

    assert output(REPORT, changed(report, tmp_path, name, value)) == output(REPORT, same)


def test_the_tests_catch_the_quick_clock_that_is_wrong(report, tmp_path):
    wrong = changed(report, tmp_path, "CLOCK", "hour")
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=wrong, capture_output=True, check=False
    )

    assert done.returncode == 1


def test_the_constants_of_the_report_are_those_of_the_recipe(report):
    tree = ast.parse((report / "report.py").read_text())
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    recipe = yaml.safe_load(python_perf._RECIPE.replace("${python}", "python"))

    assert constants - {"FIELDS"} == set(recipe["params"])


TRAIN = """\
import os
import train

for seed in "1", "2":
    os.environ["AUTOOPT_SEED"] = seed
    train.main()
os.environ["AUTOOPT_SEED"] = "1"
settings = train.Path("params.yaml").read_text()
for old, new in ("C: 0.01", "C: 0.001"), ("kind: logistic", "kind: knn"):
    train.Path("params.yaml").write_text(settings.replace(old, new))
    train.main()
"""


def test_the_score_of_the_digits_follows_from_the_seed_and_the_settings_matter_in_both_directions(digits):
    pytest.importorskip("sklearn")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    again = output([sys.executable, "train.py"], digits, AUTOOPT_SEED="1", **threads).strip()
    first, other, worse, better = output([sys.executable, "-c", TRAIN], digits, **threads).splitlines()

    assert first == again != other
    assert first.startswith("f1=0.7")
    assert worse < first < better
