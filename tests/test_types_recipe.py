"""The recipe on its sample project, without a model; and which checker it finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_typecheck import needs, write

from autoopt.demos.ty_errors import DEMO
from autoopt.detect import Place
from autoopt.detect.checkers import checker


def test_the_demo_loses_most_of_its_errors_without_a_model(tmp_path: Path) -> None:
    needs("ty")
    tests = (
        f"guards.tests.command={sys.executable} -m unittest discover -q -s tests"  # starts sooner than pytest
    )
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", "demo", "ty-errors", tests],
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) errors → (\d+) errors: ", done.stdout)
    assert found is not None, done.stdout
    assert (int(found[1]), int(found[2])) == (20, 1)
    assert "unused ignore comments: 4 places in 3 files" in done.stdout


def test_the_demo_is_about_ty(tmp_path: Path) -> None:
    DEMO.make(tmp_path)

    assert checker(Place(root=tmp_path)) == "ty"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[tool.mypy]\nstrict = true\n"}, "mypy"),
        ({"pyproject.toml": "[tool.pyright]\ninclude = ['src']\n"}, "pyright"),
        ({"pyrightconfig.json": "{}"}, "pyright"),
        ({"setup.cfg": "[metadata]\nname = a\n\n[mypy]\nstrict = true\n"}, "mypy"),
        ({"mypy.ini": "[mypy]\n", "ty.toml": ""}, "ty"),
        ({"pyproject.toml": "[dependency-groups]\ndev = ['pytest', 'mypy>=1.8']\n"}, "mypy"),
        ({"requirements-dev.txt": "pytest\npyright==1.1.400\n"}, "pyright"),
        ({"requirements.txt": "mypy-boto3\n"}, "ty"),
        ({"pyproject.toml": "not [ toml"}, "ty"),
        ({}, "ty"),
    ],
)
def test_the_checker_is_the_one_the_project_uses(
    files: dict[str, str], expected: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, files) / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)

    assert checker(Place(root=tmp_path)) == expected


def test_a_checker_in_the_projects_own_environment_is_used(tmp_path: Path) -> None:
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "mypy"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)

    assert checker(Place(root=tmp_path)) == "mypy"
    assert checker(Place(root=tmp_path, options={"checker": "pyright"})) == "pyright"
