"""On Windows: a clear pointer to WSL. Elsewhere: machines that have `python3` and no `python`."""

import os
import shutil
import subprocess
import sys

import pytest
from support.trusting import everything

from autoopt import cli, compose

AS_WINDOWS = """
import os, signal, sys
import importlib, io, pathlib, threading
for name in ("SIGPIPE", "SIGHUP", "SIGKILL", "SIGQUIT"):
    delattr(signal, name)
for name in ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty"):
    sys.modules[name] = None
os.name = "nt"
from autoopt.cli import main
code = main({words})
assert not {{"hydra", "dulwich", "sh", "autoopt.commands", "autoopt.compose"}} & set(sys.modules)
os.name = "posix"
sys.exit(code)
"""


@pytest.mark.parametrize(
    "words", [[], ["recipe=command", "scope=."], ["--help"], ["demo"], ["recipes"], ["nonsense"]], ids=str
)
def test_on_windows_there_is_one_line_that_points_to_wsl(words):
    done = subprocess.run(
        [sys.executable, "-c", AS_WINDOWS.format(words=words)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("autoopt: Windows itself cannot run it") and "wsl --install" in done.stderr


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A committed script, on a machine whose PATH has `python3` and no `python`."""
    programs, root = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    for name in ("bash", "sh", "env", "cat", "git"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    (programs / "python3").symlink_to(sys.executable)
    root.mkdir()
    (root / "work.py").write_text("print('n=', 3)\n")
    for name, value in {"HOME": tmp_path, "XDG_STATE_HOME": tmp_path / "state", "PATH": programs}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(root)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main", "."], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "begin"], check=True)
    return root


def started(project, command, capsys):
    words = [
        *("scope=work.py", "metric.extract.kind=regex", r"metric.extract.pattern=n= (\d+)", "metric.unit=n"),
        *("confirm=no", "propose.use=[codemods]", "metric.baseline_samples=2", "budget.experiments=1"),
        "metric.self_scored=yes",
    ]
    code = cli.main([*words, f"metric.command={command}"])
    return code, capsys.readouterr().err


def test_a_metric_that_says_python_is_told_of_python3(project, capsys):
    code, said = started(project, "python work.py", capsys)

    assert code != 0
    assert "exit code 127 (python: command not found; write python3" in said


def test_a_metric_that_says_python3_runs(project, capsys):
    code, said = started(project, "python3 work.py", capsys)

    assert code == 0, said


def test_a_program_of_another_name_that_is_missing_is_no_matter_of_python(project, capsys):
    code, said = started(project, "mypython work.py", capsys)

    assert code != 0
    assert "exit code 127 (command not found)" in said
    assert "python3" not in said


def test_in_a_recipe_python_is_the_running_interpreter(project):
    folder = project / ".autoopt" / "recipes"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("metric: {command: '${python} work.py'}")
    configs = []
    compose.run(["recipe=mine", "scope=work.py"], dict(os.environ), configs.append, vet=everything)

    done = subprocess.run(["bash", "-c", configs[0].metric.command], capture_output=True, check=False)
    assert done.stdout == b"n= 3\n"
