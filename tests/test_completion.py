import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest
from support.kept_runs import Kept, Step
from support.parallel_runs import Project, recipe

from autoopt import cli

HOSTILE = "bad$(touch pwned)"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    project = Project(folder, {"smaller": recipe("a", 1)})
    Kept(steps=[Step(description="a", files={"src/a/n": "1\n"})], name="r1").make(project)
    (project.root / ".autoopt" / "recipes" / f"{HOSTILE}.yaml").write_text(recipe("b", 1))
    (project.root / "src" / "two words").write_text("")
    program = folder / "bin" / "autoopt"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m autoopt "$@"\n')
    program.chmod(0o755)
    project.environ |= {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "TERM": "xterm",
        "HOME": str(folder),
    }
    return project


@pytest.fixture
def offered(project, monkeypatch, capsys):
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.root)

    def ask(line):
        assert cli.main(["completion", "query", f"autoopt {line}"]) == 0
        return [row.partition("\t")[::2] for row in capsys.readouterr().out.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rec", ["recipes", "recipe="]),
        ("recipe=sma", ["recipe=smaller"]),
        ("-m recipe=ml-f1,ml-l", ["recipe=ml-f1,ml-loss"]),
        ("metric.dir", ["metric.direction="]),
        ("metric.direction=", ["metric.direction=lower", "metric.direction=higher"]),
        ("verdict.early_stop=t", ["verdict.early_stop=true"]),
        ("notify.on=[keep,c", ["notify.on=[keep,crash"]),
        ("agent=cla", ["agent=claude"]),
        ("scope=", ["<files>"]),
        ("show r", ["r1"]),
        ("show r1 --f", ["--follow"]),
        ("clean r1 r", []),
        ("recipes sh", ["show"]),
        ("recipes show small", ["smaller"]),
        ("completion z", ["zsh"]),
        ("help safe", ["safety"]),
        ("demo sql", ["sql-latency", "<files>"]),
        ("doctor bud", ["budget."]),
        ("doctor metric.direction=h", ["metric.direction=higher"]),
        ("metric.command='a | b", []),
        ("metric.command='a | b' metric.dir", ["metric.direction="]),
        ("nonsense", []),
    ],
)
def test_the_last_word_becomes_what_it_can(offered, line, expected):
    assert [word for word, _ in offered(line)] == expected


def test_recipes_and_options_say_what_they_are(offered):
    assert offered("recipe=sma") == [("recipe=smaller", "a smaller a")]
    assert offered("budget.experiments") == [("budget.experiments=", "Experiments after the baseline")]
    assert dict(offered("show --"))["--json"] == "print one JSON object"


def test_a_recipes_own_names_are_offered_through_hydra(offered):
    assert ("guards.rows.", "") not in offered("guards.")
    assert ("params.n.file=", "") in offered("recipe=smaller params.n.fi")


def test_names_from_a_cloned_repository_are_never_commands(offered, project):
    assert [word for word, _ in offered("recipe=b") if "$" in word or "bad" in word] == []


def test_a_strangers_description_has_nothing_in_it_that_a_terminal_would_obey(offered, project):
    path = project.root / ".autoopt" / "recipes" / "sly.yaml"
    path.write_text('goal: "the \\e[31mbest"\nmetric: {command: ls}\n')
    told = offered("recipe=sly")
    path.unlink()

    assert told == [("recipe=sly", r"the \x1b[31mbest")]


@pytest.mark.parametrize("script", ["-sc install=bash", "completion bash"])
def test_a_strangers_option_is_no_command_of_the_shell(project, script):
    options = 'options: {"$(touch pwned)": 1, "$(touch>pwned)": 2, "a`touch>pwned`": 3, fine: 4}\n'
    folder = project.root / ".autoopt" / "recipes"
    (folder / "sly.yaml").write_text(recipe("b", 1) + options)
    typed = "autoopt recipe=sly options."
    asked = f"""
        eval "$(autoopt {script})"
        COMP_LINE='{typed}' COMP_POINT={len(typed)} COMP_WORDS=({typed}) COMP_CWORD=2
        name=$(complete -p autoopt | sed 's/.*-F //; s/ .*//')
        $name autoopt; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", asked], cwd=project.root, env=project.environ, capture_output=True, text=True
    )
    (folder / "sly.yaml").unlink()

    assert done.stdout.strip() == "options.fine=", done.stderr
    assert not (project.root / "pwned").exists()


def test_hydras_own_completion_goes_on_working(offered, monkeypatch, capsys):
    monkeypatch.setenv("COMP_LINE", "autoopt show r")

    assert cli.main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.split() == ["r1"]


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='$ '; "),
    "zsh": (["zsh", "-f", "-i"], "PS1='$ '; autoload -U compinit; compinit -u -D; "),
    "fish": (["fish", "--no-config", "-i"], ""),
}
LOADED = {
    "bash": 'eval "$(autoopt completion bash)"',
    "zsh": 'eval "$(autoopt completion zsh)"',
    "fish": "autoopt completion fish | source",
}


class Typing:
    """An interactive shell on a terminal of its own."""

    def __init__(self, shell: str, project: Project) -> None:
        argv, first = SHELLS[shell]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(project.root)
            os.execvpe(argv[0], argv, project.environ)
        self.said = ""
        self.type(f"{first}{LOADED[shell]}; echo rea''dy\r", "ready")

    def type(self, text: str, until: str, patience_s: float = 30.0) -> None:
        begun = len(self.said)
        os.write(self.terminal, text.encode())
        end = time.monotonic() + patience_s
        while until not in self.said[begun:] and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.2)[0]:
                data = os.read(self.terminal, 65536)
                if b"\x1b[c" in data or b"\x1b[0c" in data:  # fish asks what terminal this is
                    os.write(self.terminal, b"\x1b[?62c")
                self.said += data.decode(errors="replace")
        assert until in self.said[begun:], self.said

    def close(self) -> None:
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes_while_somebody_types(shell, project):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    shown = Typing(shell, project)
    shown.type("autoopt recipe=sma\t", "ller")
    shown.type("metric.direction=hi\t", "gher")
    shown.type("scope=src/tw\t", "words")
    shown.close()

    assert not (project.root / "pwned").exists()
