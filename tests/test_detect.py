import json
import os
import shlex
import sys
import time
from pathlib import Path

import pytest
from support.trusting import everything

from autoopt import cli, compose
from autoopt.detect import DETECTORS, Detector, Place, files, interpreters, packages, project
from autoopt.errors import RepositoryError, UsageError


def interpreter(folder):
    """A virtual environment as far as its interpreter can be seen."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("#!/bin/sh\n")
    (folder / "bin" / "python").chmod(0o755)
    (folder / "pyvenv.cfg").write_text("")
    return f"{folder}/bin/python"


def write(root, *paths, text=""):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


# The files of a repository.


def test_the_nearest_files_come_first_in_order(tmp_path):
    write(tmp_path, "b/z.py", "b/a.py", "c.py", "a/deep/x.py", "a.py")

    assert list(files.below(tmp_path)) == ["a.py", "c.py", "b/a.py", "b/z.py", "a/deep/x.py"]


def test_what_tools_make_and_git_ignores_is_passed_over(tmp_path):
    made = ("node_modules/x/test_a.py", "build/test_a.py", "dist/a.py", ".tox/a.py", "pkg.egg-info/a.py")
    write(tmp_path, *made, "generated/a.py", "out/lib/a.py", "lib/a.py", "src/lib/out.py", "mine/a.py")
    write(tmp_path, "other/.git/config", "other/a.py", "env/pyvenv.cfg", "env/lib/a.py")
    (tmp_path / ".gitignore").write_text("# comment\ngenerated/\n/lib\nout/lib/\n*.log\n!mine\n")

    assert list(files.below(tmp_path)) == [".gitignore", "mine/a.py", "src/lib/out.py"]


def test_loops_of_links_unreadable_directories_and_odd_names_do_no_harm(tmp_path):
    write(tmp_path, "src/a.py")
    (tmp_path / "src" / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    (tmp_path / "closed").mkdir(mode=0)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / os.fsdecode(b"gr\xfc\xdfe.py")).write_text("")
    (tmp_path / "two\nlines.py").write_text("")

    assert list(files.below(tmp_path)) == ["src/a.py"]


def test_a_search_ends_however_much_there_is(tmp_path, monkeypatch):
    write(tmp_path, *(f"{n}.py" for n in range(30)), *(f"{n}/x.py" for n in range(30)))
    monkeypatch.setattr(files, "MOST", 20)

    assert len(list(files.below(tmp_path))) <= 60


def test_a_large_repository_takes_a_fraction_of_a_second(tmp_path):
    for folder in range(40):
        (tmp_path / f"package{folder}").mkdir()
        for name in range(100):
            (tmp_path / f"package{folder}" / f"module{name}.py").touch()
    begin = time.process_time()

    assert project.tests(tmp_path) is None
    assert time.process_time() - begin < 1


def test_text_is_read_within_the_repository_only(tmp_path):
    root = tmp_path / "repository"
    write(tmp_path, "secret.txt", text="secret")
    write(root, "a.txt", text="a")
    (root / "in.txt").symlink_to("a.txt")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(root / "pipe.txt")
    (root / "odd.txt").write_bytes(b"\xef\xbb\xbfgr\xfc\xdfe")

    assert files.text(root, "a.txt") == files.text(root, "in.txt") == "a"
    assert files.text(root, "odd.txt") == "gr\ufffd\ufffde"
    for path in ("out.txt", "loop.txt", "pipe.txt", "none.txt", "../secret.txt", "."):
        assert files.text(root, path) is None


# The project's interpreter.


@pytest.mark.parametrize("folder", [".venv", "venv"])
def test_the_repositorys_environment_is_its_interpreter(folder, tmp_path):
    interpreter(tmp_path / folder)

    active = {"VIRTUAL_ENV": str(tmp_path / folder)}
    assert (
        interpreters.of_project(tmp_path, active) == f"{folder}/bin/python"
    )  # so that it fits each checkout


def test_an_activated_environment_is_the_interpreter_of_a_project_without_its_own(tmp_path):
    poetry, conda = tmp_path / "poe try", tmp_path / "conda"
    interpreter(poetry)
    interpreter(conda)

    assert interpreters.of_project(tmp_path, {"VIRTUAL_ENV": str(poetry)}) == f"'{poetry}/bin/python'"
    named = {"CONDA_PREFIX": str(conda), "CONDA_DEFAULT_ENV": "work"}
    assert interpreters.of_project(tmp_path, named) == f"{conda}/bin/python"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"VIRTUAL_ENV": "/nowhere"},
        {"VIRTUAL_ENV": "relative"},
        {"CONDA_PREFIX": "{conda}", "CONDA_DEFAULT_ENV": "base"},
    ],
    ids=["none", "gone", "relative", "conda's base"],
)
def test_without_one_it_is_the_running_interpreter(environ, tmp_path):
    interpreter(tmp_path / "conda")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.9")  # its base was uninstalled
    environ = {name: value.format(conda=tmp_path / "conda") for name, value in environ.items()}

    assert interpreters.of_project(tmp_path, environ) == shlex.quote(sys.executable)


def test_the_given_interpreter_comes_before_all_others(tmp_path):
    interpreter(tmp_path / ".venv")

    assert Place(root=tmp_path, python="uv run python").interpreter == "uv run python"


# How it is tested.


@pytest.mark.parametrize("path", ["tests/test_a.py", "a_test.py", "src/pkg/tests/unit/test_b.py"])
def test_tests_are_run_by_the_projects_pytest(path, tmp_path):
    interpreter(tmp_path / ".venv")
    write(tmp_path, path)

    assert project.tests(tmp_path, ".venv/bin/python") == ".venv/bin/python -m pytest -q -p no:cacheprovider"


@pytest.mark.parametrize("path", ["src/contest.py", "tests/helper.py", "test_a.txt", "build/test_a.py"])
def test_other_files_are_no_tests(path, tmp_path):
    write(tmp_path, path)

    assert project.tests(tmp_path) is None


@pytest.mark.parametrize(
    ("paths", "start"),
    [
        (["tests/test_a.py"], "tests"),
        (["tests/test_a.py", "tests/__init__.py"], "tests -t ."),
        (["test_a.py"], "."),
        (["a/test_a.py", "b/test_b.py"], "."),
    ],
)
def test_where_pytest_is_missing_unittest_runs_what_is_written_for_it(paths, start, tmp_path):
    word = interpreter(tmp_path / "env")
    write(tmp_path, *paths, text="import unittest\n")

    assert project.tests(tmp_path, word) == f"{word} -m unittest discover -q -s {start}"


def test_with_pytest_in_the_environment_it_runs_those_too(tmp_path):
    word = interpreter(tmp_path / "env")
    write(tmp_path, "test_a.py", text="import unittest\n")
    write(tmp_path, "env/lib/python3.12/site-packages/pytest/__init__.py")

    assert project.tests(tmp_path, word) == f"{word} -m pytest -q -p no:cacheprovider"


# What package.json says.


def package(root, folder="", lock="", **content):
    write(root, f"{folder}package.json", text=json.dumps(content))
    if lock:
        write(root, f"{folder}{lock}")


@pytest.mark.parametrize(
    ("lock", "manager"),
    [
        ("", "npm"),
        ("package-lock.json", "npm"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
    ],
)
def test_the_build_script_is_run_by_the_manager_whose_lock_file_is_there(lock, manager, tmp_path):
    package(tmp_path, lock=lock, scripts={"build": "vite build", "test": "vitest run"})
    place = Place(root=tmp_path)

    assert packages.build(place) == f"{manager} run build"
    assert packages.tests(place) == f"{manager} run test"
    assert packages.output(place) == "dist/**"


def test_the_package_of_the_scope_counts(tmp_path):
    package(tmp_path, scripts={"test": "echo top"})
    package(tmp_path, "web app/", scripts={"build": "x"}, devDependencies={"react-scripts": "5"})
    place = Place(root=tmp_path, scope=("web app/src/**/*.js",))

    assert packages.build(place) == "cd 'web app/' && npm run build"
    assert packages.output(place) == "web app/build/**"
    assert packages.tests(place) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"scripts": 3}',
        '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}',
        "[" * 100_000,
    ],
    ids=["nothing", "half", "a list", "no scripts", "npm init", "deep"],
)
def test_a_package_without_scripts_has_neither(text, tmp_path):
    write(tmp_path, "package.json", text=text)
    place = Place(root=tmp_path)

    assert packages.build(place) is packages.tests(place) is packages.output(place) is None


# In recipes.


@pytest.fixture
def environ(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": tmp_path / "home", "XDG_STATE_HOME": tmp_path / "state"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("XDG_CONFIG_HOME", "AUTOOPT_RECIPES", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".autoopt" / "recipes").mkdir(parents=True)
    return dict(os.environ)


RECIPE = """\
options: {build: '${need:package_build}', other: 1}
metric: {command: '${options.build}', prepare: '${detect:package_build}'}
guards: {tests: {command: '${detect:tests}'}}
profile: {command: '${detect:python} -m cProfile ${words:${scope}}'}
"""


def recipe(text, name="mine"):
    Path(f".autoopt/recipes/{name}.yaml").write_text(text)


def composed(environ, *words):
    configs = []
    compose.run(["recipe=mine", "scope=src", *words], environ, configs.append, vet=everything)
    return configs[0]


def counted(monkeypatch, found="found"):
    """A detector that notes what it was asked for."""
    asked = []

    def find(place):
        asked.append(place)
        return found

    monkeypatch.setitem(
        DETECTORS, "package_build", Detector(find=find, missing="no build; give options.build=X.")
    )
    return asked


def test_what_is_missing_is_one_line_after_the_option_that_asked(environ):
    recipe(RECIPE)
    with pytest.raises(UsageError) as refused:
        composed(environ)

    assert str(refused.value) == (
        "options.build: no package.json with a build script was found; give metric.prepare=COMMAND."
    )


@pytest.mark.parametrize(
    "missing",
    ["options.build: nothing was found; give it.", "options.build is 'x'; give a name."],
)
def test_an_option_that_a_detector_names_itself_is_named_once(missing, environ, monkeypatch):
    recipe("options: {build: x}\nmetric: {command: '${need:package_build}'}")
    found = Detector(find=lambda place: None, missing=missing)
    monkeypatch.setitem(DETECTORS, "package_build", found)
    with pytest.raises(UsageError) as refused:
        composed(environ)

    assert str(refused.value) == missing


def test_a_file_at_the_beginning_is_no_option(environ, monkeypatch):
    recipe("metric: {command: '${need:package_build}'}")
    found = Detector(find=lambda place: None, missing="train.py: trains nothing; give it.")
    monkeypatch.setitem(DETECTORS, "package_build", found)
    with pytest.raises(UsageError, match=r"^metric\.command: train\.py: trains nothing; give it\.$"):
        composed(environ)


def test_outside_a_repository_that_is_said_and_not_what_is_missing(environ, tmp_path):
    recipe(RECIPE)
    (tmp_path / ".git").rmdir()
    environ["AUTOOPT_RECIPES"] = str(tmp_path / ".autoopt" / "recipes")
    with pytest.raises(RepositoryError, match="not in a git repository; run git init and commit") as refused:
        composed(environ)

    assert refused.value.exit_code == 3
    with pytest.raises(RepositoryError, match=r"missing: no directory; give one in a git repository"):
        composed(environ, f"repo={tmp_path / 'missing'}")


def test_what_is_given_is_not_looked_for(environ, monkeypatch):
    recipe(RECIPE)
    asked = counted(monkeypatch)
    config = composed(environ, "options.build=make", "metric.prepare=null")

    assert asked == []
    assert config.metric.command == "make" and config.metric.prepare is None


def test_what_is_not_there_is_null_and_a_guard_without_command(environ):
    recipe(RECIPE)
    config = composed(environ, "options.build=make")

    assert config.metric.prepare is None
    assert config.guards["tests"].command is None


def test_a_detector_is_asked_once_and_knows_root_scope_options_and_environment(
    environ, monkeypatch, tmp_path
):
    recipe(RECIPE + "vocabulary: ['${need:package_build}', '${quote:${detect:package_build}}']\n")
    asked = counted(monkeypatch)
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    config = composed(environ)

    assert config.vocabulary == ["found", "found"] and len(asked) == 1
    assert asked[0].root == tmp_path and asked[0].scope == ("src",)
    assert asked[0].options["other"] == 1 and "nothing" not in asked[0].options
    assert asked[0].environ["HOME"] == environ["HOME"]


def test_options_still_to_be_given_are_unknown_to_a_detector(environ, monkeypatch):
    recipe("options: {a: 1, b: '???'}\nmetric: {command: '${need:package_build}'}")
    asked = counted(monkeypatch)
    composed(environ, "options.b=2")

    assert dict(asked[0].options) == {"a": 1, "b": 2}
    assert asked[0].options.get("c") is None


def test_the_python_option_is_the_projects_interpreter(environ, tmp_path):
    interpreter(tmp_path / ".venv")
    recipe("metric: {command: '${detect:python} x.py'}")

    assert composed(environ).metric.command == ".venv/bin/python x.py"
    assert composed(environ, "python=uv run python").metric.command == "uv run python x.py"
    assert composed(environ, f"python={sys.executable}").metric.command == f"{sys.executable} x.py"


def test_an_unknown_detector_is_refused_with_all_there_are(environ):
    recipe("metric: {command: '${detect:nonsense}'}")
    with pytest.raises(
        UsageError, match=r"^metric\.command: 'nonsense' is nothing .* there are python, tests, "
    ):
        composed(environ)


def test_a_detector_that_needs_itself_is_refused_in_a_line(environ, monkeypatch):
    recipe("options: {a: '${need:package_build}'}\nmetric: {command: '${options.a}'}")
    circular = Detector(find=lambda place: place.options["a"], missing="")
    monkeypatch.setitem(DETECTORS, "package_build", circular)
    with pytest.raises(UsageError) as refused:
        composed(environ)

    assert str(refused.value).startswith(
        "options.a: package_build is looked for by an option that depends on"
    )


def test_the_settings_note_which_options_were_detected(environ, monkeypatch):
    recipe(RECIPE)
    counted(monkeypatch)
    given = composed(environ, "options.build=make")

    found = ["guards.tests.command", "metric.command", "metric.prepare", "options.build"]
    assert composed(environ).detected == found
    assert given.detected == ["guards.tests.command", "metric.prepare"]
    assert compose.load(compose.dump(given)).detected == given.detected


def test_what_an_option_of_the_recipe_says_was_not_detected(environ, tmp_path):
    recipe("options: {command: null, module: null}\nmetric: {command: '${need:benchmark}'}")
    (tmp_path / "bench.py").write_text("print(1)\n")

    assert composed(environ).detected == ["metric.command"]
    assert composed(environ, "options.module=shop.report").detected == []


def test_nobody_but_autoopt_writes_what_was_detected(environ):
    recipe(RECIPE)
    with pytest.raises(UsageError, match=r"^detected: only autoopt writes this"):
        composed(environ, "detected=[x]")
    recipe("detected: [x]\nmetric: {command: x}")
    with pytest.raises(UsageError, match=r"mine\.yaml:1: detected: only autoopt writes this"):
        composed(environ)


@pytest.mark.parametrize(
    "line", ["autoopt recipe=mine ", "autoopt recipe=mine options.", "autoopt recipe=mine metric.c"]
)
def test_completion_never_detects(line, environ, monkeypatch, capsys):
    recipe(RECIPE)
    asked = counted(monkeypatch)
    monkeypatch.setenv("COMP_LINE", line)
    assert cli.main(["-sc", "query=bash"]) == 0

    assert "option" in capsys.readouterr().out or "metric" in line
    assert asked == []


def test_a_listing_never_detects(environ, monkeypatch, capsys):
    recipe(RECIPE)
    asked = counted(monkeypatch)
    assert cli.main(["recipes"]) == 0

    assert "mine" in capsys.readouterr().out
    assert asked == []


def test_every_detector_takes_a_project_without_anything(tmp_path):
    for name, detector in DETECTORS.items():
        found = detector.find(Place(root=tmp_path, scope=("src",), environ={}))
        assert found is None or isinstance(found, str), name
        assert detector.missing.endswith(".") and "\n" not in detector.missing, name
        assert "=" in detector.missing or "options." in detector.missing, name
