"""No program that a repository or git's configuration names is ever started by an operation of ours.

Every such program leaves a mark here, and so does a git executable. That most can be started is shown with
the real one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.parallel_runs import FILES, Project, recipe

from autoopt.cli import SUBCOMMANDS

GIT = shutil.which("git") or "git"
HOOKS = """
    applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg
    post-commit pre-rebase post-checkout post-merge pre-push pre-receive update proc-receive post-receive
    post-update reference-transaction push-to-checkout pre-auto-gc post-rewrite sendemail-validate
    fsmonitor-watchman post-index-change
""".split()  # noqa: SIM905 - a page of quotes is no easier to read
PROGRAMS = (
    "git gpg gpgsm ssh ssh-keygen git-lfs git-receive-pack git-upload-pack hg less vi vim nano sh-askpass"
)
NO_PART_OF_A_RUN = {"demo", "recipes", "skill", "mcp", "help", "completion"}
"""They read no repository, or serve the other subcommands to an agent."""
DRIVERS = ("tree", "info", "global", "lfs")
PIPES = [f"filter.{name}.{what}" for name in DRIVERS for what in ("clean", "smudge")]
"""Run by a shell, with the content of a file to pass on."""
MARKED = ["alias.st", "credential.helper", "submodule.x.update"]
"""Run by a shell, after an exclamation mark."""
PLAIN = [
    "core.fsmonitor",
    "core.askPass",
    "core.gitProxy",
    "gpg.program",
    "gpg.ssh.program",
    "gpg.x509.program",
]
SHELL = """
    core.editor core.pager core.sshCommand core.alternateRefsCommand gpg.ssh.defaultKeyCommand sequence.editor
    interactive.diffFilter diff.external mergetool.evil.cmd uploadpack.packObjectsHook trailer.x.command
    remote.origin.uploadpack remote.origin.receivepack sendemail.smtpServer web.browser pager.log
""".split()  # noqa: SIM905 - a page of quotes is no easier to read
SHELL += [f"diff.{name}.{what}" for name in DRIVERS for what in ("textconv", "command")]
SHELL += [f"merge.{name}.driver" for name in DRIVERS] + ["filter.process.process"]
"""Run by a shell."""
ATTRIBUTES = "*.md filter={0} diff={0} merge={0}\n*.txt ident text eol=crlf\n"


def _line(key: str, value: str) -> str:
    section, _, rest = key.partition(".")
    middle, _, name = rest.rpartition(".")
    head = f'[{section} "{middle}"]' if middle else f"[{section}]"
    return f'{head}\n\t{name} = "{value}"\n'


class Trap:
    """A project in which everything that could be started says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        texts = {"notes.md": "one\n", "wide.txt": "two\n", ".gitattributes": ATTRIBUTES.format("tree")}
        recipes = {"a": recipe("a", 1), "b": recipe("b", 2)}
        self.project = Project(folder, recipes, FILES | texts)
        self.root = self.project.root
        self.control = self.root / ".git"
        self._set_up()

    def _set_up(self) -> None:
        other = self.folder / "other"
        subprocess.run([GIT, "clone", "-q", str(self.root), str(other)], check=True, env=self.project.environ)
        self.project.git("remote", "add", "origin", "ssh://nowhere.invalid/x")
        for place in (self.control / "hooks", self.folder / "hooks"):
            for hook in HOOKS:
                self.program(place / hook, f"hook.{hook}")
        bin_folder = self.folder / "bin"
        for name in PROGRAMS.split():
            self.program(bin_folder / name, f"program.{name}")
        (self.control / "info" / "attributes").write_text(ATTRIBUTES.format("info"))
        mine = self.folder / "attributes"
        mine.write_text(ATTRIBUTES.format("global"))
        texts = {
            self.control / "config": self.options("repo"),
            self.control / "config.worktree": self.options("worktree"),
            self.folder / "included": self.options("included"),
            self.folder / "gitconfig": f"[core]\n\tattributesFile = {mine}\n" + self.options("user"),
        }
        for path, text in texts.items():
            with path.open("a") as file:
                file.write(text)
        self.project.environ |= self.variables(bin_folder)

    def program(self, path: Path, mark: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{self.leave(mark)}\nexit 1\n")
        path.chmod(0o755)
        return path

    def leave(self, mark: str) -> str:
        return f"touch '{self.marks}/{mark}'"

    def options(self, place: str) -> str:
        """Every option that names a program, as a file of options has it."""
        values = {key: f"{self.leave(f'{place}.{key}')}; false #" for key in SHELL}
        values |= {key: f"{self.leave(f'{place}.{key}')}; cat #" for key in PIPES}
        values |= {key: f"!{self.leave(f'{place}.{key}')}" for key in MARKED}
        values |= {
            key: str(self.program(self.folder / "programs" / place / key, f"{place}.{key}")) for key in PLAIN
        }
        values |= {"core.hooksPath": f"{self.folder}/hooks", "init.templateDir": f"{self.folder}/template"}
        values |= {"commit.gpgSign": "true", "merge.tool": "evil", "trailer.x.ifMissing": "add"}
        if place != "included":
            included = f"{self.folder}/included"
            values |= {"include.path": included, "includeIf.gitdir:**.path": included}
        return "".join(_line(key, value) for key, value in values.items())

    def variables(self, programs: Path) -> dict[str, str]:
        """Every variable that names a program or an option, or leads git elsewhere."""
        named = (
            "GIT_SSH GIT_SSH_COMMAND GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_ASKPASS SSH_ASKPASS EDITOR"
        )
        named += " GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND VISUAL PAGER BROWSER"
        found = {
            name: str(self.program(self.folder / "variables" / name, f"variable.{name}"))
            for name in named.split()
        }
        monitor = self.program(self.folder / "variables" / "monitor", "variable.GIT_CONFIG_COUNT")
        places = {
            "GIT_CONFIG_GLOBAL": self.folder / "gitconfig",
            "GIT_EXEC_PATH": programs,
            "GIT_TEMPLATE_DIR": self.folder / "template",
            "GIT_DIR": self.folder / "other" / ".git",
            "GIT_COMMON_DIR": self.folder / "other" / ".git",
            "GIT_WORK_TREE": self.folder / "other",
            "GIT_INDEX_FILE": self.folder / "other" / ".git" / "index",
            "GIT_OBJECT_DIRECTORY": self.folder / "other" / ".git" / "objects",
            "GIT_NAMESPACE": "elsewhere",
            "GIT_CEILING_DIRECTORIES": self.root,
        }
        counted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor"}
        path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        return {
            **found,
            **{name: str(value) for name, value in places.items()},
            **counted,
            "GIT_CONFIG_VALUE_0": str(monitor),
            "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={monitor}'",
            **path,
        }

    def run(self, *words: str, code: int = 0) -> str:
        """An operation of ours, after which nothing may have been started."""
        done = self.project.autoopt(*words)
        assert done.returncode == code, done.stdout + done.stderr
        assert self.left() == set(), words
        return done.stdout

    def left(self) -> set[str]:
        return {path.name for path in self.marks.iterdir()}

    def state(self, run: str) -> dict:
        found = next(self.project.state.glob(f"autoopt/*/{run}/workspace.json"))
        return json.loads(found.read_text())

    def kept(self, run: str) -> str:
        """The tip of the run's branch, as the ref's own file says."""
        return (self.control / "refs" / "heads" / "autoresearch" / run).read_text()

    def infect_desk(self, run: str) -> Path:
        """Hooks and options where only the run's own worktree has them."""
        layout = self.state(run)
        admin = self.control / "worktrees" / layout["worktree"]
        for hook in HOOKS:
            self.program(admin / "hooks" / hook, f"worktree.{hook}")
        (admin / "config.worktree").write_text(self.options("desk"))
        return Path(layout["desk"])


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    yield Trap(tmp_path)


def test_nothing_runs_in_runs_from_start_to_end(trap: Trap) -> None:
    elsewhere = shutil.which("git") and sorted((trap.folder / "other").rglob("*"))
    trap.run("recipe=a", "run_id=one")
    trap.run("recipe=b", "run_id=two")
    trap.infect_desk("one")
    trap.infect_desk("two")
    trap.run("resume", "one", "budget.experiments=2")
    trap.run("runs")
    trap.run("show", "one")
    trap.run("show", "one", "1")
    trap.run("report", "one")
    trap.run("report", "one", "--html")
    trap.run("review", "one")
    trap.run("export", "one", "--to", "csv")
    log = trap.root / "results.tsv"
    log.write_text(
        f"commit\tmetric\tstatus\tidea\n{'0' * 7}\t2\tkeep\ta\n{trap.kept('one')[:7]}\t1\tdiscard\tb\n"
    )
    measured = ["metric.command=true", "metric.extract.kind=wall", "metric.direction=lower"]
    trap.run("import", str(log), *measured, "scope=src", "--print")
    trap.run("init", "recipe=command", *measured, "scope=src", "--yes", "--print")
    log.unlink()
    trap.run("brief", "one")
    trap.run("merge", "one", "two")
    trap.run("finish", "one", "--unconfirmed")
    trap.run("clean", "one", "--yes", "--force")
    trap.run("clean", "two", "--yes", "--force")

    assert sorted((trap.folder / "other").rglob("*")) == elsewhere


def test_nothing_runs_in_a_run_that_is_driven_from_outside(trap: Trap) -> None:
    trap.run("start", "recipe=a", "run_id=one", "propose.use=[]")
    desk = trap.infect_desk("one")
    (desk / "src" / "a" / "n").write_text("3\n")
    trap.run("try", "one", "--hypothesis", "A smaller number should help because it is smaller")
    (desk / "src" / "a" / "n").write_text("7\n")
    (desk / ".gitattributes").write_text(ATTRIBUTES.format("lfs"))
    trap.run(
        "try", "one", "--hypothesis", "Attributes should not be touched because they are not ours", code=2
    )


def test_nothing_runs_in_place(trap: Trap) -> None:
    trap.run("recipe=a", "run_id=one", "workspace.mode=inplace")


def test_nothing_runs_when_the_machine_is_looked_at(trap: Trap) -> None:
    trap.run("doctor", "recipe=a")


FIRED = """
    hook.post-checkout hook.post-commit hook.post-index-change hook.pre-commit hook.reference-transaction
    core.fsmonitor core.editor core.sshCommand sequence.editor alias.st credential.helper gpg.program
    filter.info.smudge diff.info.textconv diff.info.command diff.external merge.info.driver trailer.x.command
    variable.GIT_CONFIG_COUNT variable.GIT_EDITOR variable.GIT_EXTERNAL_DIFF variable.GIT_SSH_COMMAND
""".split()  # noqa: SIM905


def test_most_of_it_runs_when_the_real_git_does_the_same(trap: Trap) -> None:
    """Without this, a trap that is set wrongly would be taken for safety."""
    given = trap.project.environ
    named = {name: given[name] for name in given if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ = {**plain, **named, "GIT_CONFIG_GLOBAL": given["GIT_CONFIG_GLOBAL"]}

    def git(*words: str, given: str = "", text: str = "") -> None:
        kept = {name: value for name, value in trap.project.environ.items() if name in given.split()}
        subprocess.run(
            [GIT, *words],
            cwd=trap.root,
            env=environ | kept,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            timeout=20,
        )

    git("branch", "stopped-by-a-hook")
    for place in (trap.control / "hooks", trap.folder / "hooks"):
        (place / "reference-transaction").unlink()
        (place / "prepare-commit-msg").unlink()  # it would stop the signing
    git("status")
    git("status", given="GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0")
    (trap.root / "notes.md").write_text("other\n")
    (trap.root / "README").write_text("other\n")
    git("diff", "README")
    git("diff", given="GIT_EXTERNAL_DIFF")
    git("diff", "notes.md")
    git("diff", "--no-ext-diff", "--textconv", "notes.md")
    git("add", "-A")
    git("commit", "-m", "stopped by a hook")
    git("commit", "--no-verify", "-m", "signed")
    git("commit", "--no-verify", "--no-gpg-sign", "-m", "unsigned")
    git("commit", "--amend", "--no-verify", "--no-gpg-sign")
    git("commit", "--amend", "--no-verify", "--no-gpg-sign", given="GIT_EDITOR")
    git("checkout", "-q", "-B", "side", "HEAD~1")
    (trap.root / "notes.md").write_text("third\n")
    git("add", "-A")
    git("commit", "--no-verify", "--no-gpg-sign", "-m", "side")
    git("checkout", "-q", "main")
    git("merge", "--no-gpg-sign", "side")
    git("reset", "-q", "--hard")
    git("rebase", "--no-gpg-sign", "--no-verify", "-i", "HEAD~1")
    git("fetch", "origin")
    git("fetch", "origin", given="GIT_SSH_COMMAND")
    git("credential", "fill", text="protocol=https\nhost=nowhere.invalid\n\n")
    git("interpret-trailers", text="subject\n")
    git("st")
    named = ("hook", "variable")
    fired = {mark if mark.startswith(named) else mark.partition(".")[2] for mark in trap.left()}

    assert set(FIRED) - fired == set()


def test_every_subcommand_is_driven_here() -> None:
    text = Path(__file__).read_text()

    assert {name for name in SUBCOMMANDS if f'trap.run("{name}"' not in text} == NO_PART_OF_A_RUN
