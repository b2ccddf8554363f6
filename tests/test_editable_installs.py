"""A package installed from the user's checkout: the run is stopped, and the advice it gives works."""

import os
import subprocess
import sys
import sysconfig

import pytest
from support.workspace_repos import git

from autoopt.cli import main
from autoopt.detect.installs import editable_sources

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "fastlib"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["code/fastlib"]
[tool.hatch.build]
dev-mode-dirs = ["code"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose virtual environment has its package installed with `pip install -e`."""
    root = tmp_path / "app"
    (root / "code" / "fastlib").mkdir(parents=True)
    (root / "code" / "fastlib" / "__init__.py").write_text("def work():\n    return 41 + 1\n")
    (root / "bench.py").write_text("import fastlib\n\nprint('value', fastlib.work())\n")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / ".gitignore").write_text(".venv\n")
    git(root.parent, "init", "-q", "-b", "main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    subprocess.run([sys.executable, "-m", "venv", root / ".venv"], check=True)
    subprocess.run(
        [
            root / ".venv/bin/python",
            "-m",
            "pip",
            "install",
            "-q",
            "--no-build-isolation",
            "--no-deps",
            "-e",
            root,
        ],
        env={**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")},  # where the build backend is
        check=True,
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return root


def run(*words):
    return main(
        [
            *(
                "recipe=command",
                "scope=code",
                "metric.command=.venv/bin/python bench.py",
                "metric.direction=lower",
            ),
            *("metric.extract.kind=regex", r"metric.extract.pattern=value (\d+)", "confirm=no"),
            *("propose.use=[ruff]", *words),
        ]
    )


def test_the_probe_stops_the_run_and_its_advice_works(project, capsys):
    before = git(project, "status", "--porcelain", "--ignored")
    assert run() == 2
    said = capsys.readouterr().err.strip()

    assert "packages are installed from your own checkout's code: metric.env.PYTHONPATH=code lets" in said
    assert said.count("\n") == 0
    assert git(project, "status", "--porcelain", "--ignored") == before
    assert run("metric.env.PYTHONPATH=code") == 0


def test_finders_and_path_files_say_where_packages_come_from(tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    for folder in ("one", "two/deep", "three"):
        (tmp_path / folder).mkdir(parents=True)
    (packages / "__editable__.a-1.pth").write_text(f"{tmp_path}/one\n")
    (packages / "_b.pth").write_text("import b\nrelative\n/nowhere/else\n")
    mapping = {"deep": f"{tmp_path}/two/deep"}
    (packages / "__editable___c_finder.py").write_text(f"MAPPING: dict[str, str] = {mapping!r}\n")
    (packages / "__editable___d_finder.py").write_text(f"MAPPING = {{'e': {f'{tmp_path}/three/e'!r}}}\n")
    (packages / "__editable___f_finder.py").write_text("MAPPING = {")

    assert editable_sources(tmp_path, [], {}) == ("one", "three", "two")


def test_an_environment_is_also_found_by_its_programs_and_when_it_is_active(tmp_path):
    for name in ("used", "active"):
        packages = tmp_path / name / "lib" / "python3.11" / "site-packages"
        packages.mkdir(parents=True)
        (tmp_path / f"from_{name}").mkdir()
        (packages / "x.pth").write_text(f"{tmp_path}/from_{name}\n")

    found = editable_sources(
        tmp_path, ["env X=1 used/bin/pytest -q", "'unclosed"], {"VIRTUAL_ENV": f"{tmp_path}/active"}
    )

    assert found == ("from_active", "from_used")
