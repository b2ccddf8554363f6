"""The static checks are part of the test command."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy"],  # its cache stays: without one it takes half a minute
        ["lint-imports", "--no-cache"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_code_passes(command: list[str]) -> None:
    program = str(Path(sys.executable).parent / command[0])

    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_agreed_names_are_at_the_top_level() -> None:
    agreed = {"pyproject.toml", "autoopt", "conf", "recipes", "tests", "README.md", "LICENSE"}
    built = {"build", "dist"}

    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert found - agreed - built == set()
