import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel, and the dependencies of this one but not its autoopt."""
    home = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
    (site,) = (home / "venv" / "lib").glob("python*/site-packages")
    _run(
        *(sys.executable, "-m", "pip", "--python", home / "venv" / "bin" / "python", "install", "-q"),
        *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
    )
    # A directory on the path through a .pth does not have its own .pth files read: no editable install.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "venv" / "bin"


@pytest.fixture
def elsewhere(tmp_path):
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    return {"cwd": tmp_path, "env": environ}


def test_the_wheel_has_configuration_and_recipes_but_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    shipped = {
        path.relative_to(ROOT).as_posix()
        for folder in ("conf", "recipes")
        for path in (*(ROOT / folder).rglob("*.yaml"), *(ROOT / folder).rglob("*.j2"))
    }
    assert {f"autoopt/_data/{name}" for name in shipped} <= names
    for ending in ("md", "css", "bash", "zsh", "fish"):
        read = {path.relative_to(ROOT).as_posix() for path in (ROOT / "autoopt").rglob(f"*.{ending}")}
        assert read and read <= names
    assert "autoopt/py.typed" in names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


def test_the_installed_program_is_the_one_in_its_environment(installed, elsewhere):
    place = _run(installed / "python", "-c", "import autoopt; print(autoopt.__file__)", **elsewhere)

    assert Path(place.strip()).is_relative_to(installed.parent)


def test_the_installed_program_lists_its_recipes(installed, elsewhere):
    out = _run(installed / "autoopt", "recipes", "list", **elsewhere)

    assert "[built-in: " in out and f"{installed.parent}/lib" in out and "command " in out


def test_the_installed_program_composes_a_run(installed, elsewhere):
    out = _run(
        installed / "autoopt", "--cfg", "job", "recipe=command", "scope=.", "metric.command=true", **elsewhere
    )

    assert "recipe: command\n" in out and "  command: 'true'\n" in out


def test_the_version_is_said_once_only():
    import tomllib

    from autoopt import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_installed_program_runs_a_recipe_in_a_repository_elsewhere(installed, elsewhere, tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "settings.ini").write_text("[box]\nwidth = 5\n")
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "start"]):
        _run("git", "-C", root, *words)

    out = _run(
        installed / "autoopt",
        "recipe=command",
        f"repo={root}",
        "run_id=elsewhere",
        "scope=settings.ini",
        "metric.command=grep -o '[0-9]*' settings.ini",
        "metric.extract.kind=line",
        "metric.extract.pattern=1",
        "params.width.file=settings.ini",
        "params.width.key=box.width",
        "params.width.choices=[2,5]",
        "budget.experiments=2",
        **elsewhere,
    )

    assert "Kept commits" in out
    assert "width = 2" in _run("git", "-C", root, "show", "autoresearch/elsewhere:settings.ini")
