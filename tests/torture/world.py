"""A repository with somebody at work in it, a run beside it, and an oracle that git itself speaks."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from autoopt import journal as journals
from autoopt import loop
from autoopt.errors import DamagedStateError
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts, Stages
from autoopt.records import Edit, Experiment, Failure, Proposal, Sample, Task
from autoopt.schema import Config, ExtractConfig, Extraction, MetricConfig
from autoopt.scope import Scope
from autoopt.testing.doubles import RecordingReporter, ScriptedProposer
from autoopt.workspaces.git import GitWorkspace

START = 1000
RUN = "r1"
REF = f"refs/heads/autoresearch/{RUN}"
SCOPE = Scope(["src"])
VALUE = "src/value.txt"
_FILES = {
    VALUE: f"{START}\n",
    "src/pkg/mod.py": "x = 1\n",
    "src/pkg/deep/er.py": "y = 2\n",
    "docs/guide.md": "read me\n",
    "bench.py": "print(1)\n",
    ".gitignore": "*.log\nbuild/\n",
}
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",  # a referee that looks must not refresh the index it looks at
    **{
        f"GIT_{who}_{what}": f"someone@{what}"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}
_OURS = ("objects", f"worktrees/{RUN}-", "refs/autoopt", "refs/heads/autoresearch")
_WRITES = {
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.chmod",
    "os.truncate",
}


def git(folder: Path, *words: str, check: bool = True, **environment: str) -> str:
    """What git prints; without `check` it may refuse, as it may refuse a person."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**_ENVIRONMENT, **environment}, capture_output=True, text=True
    )
    assert not check or done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def make(folder: Path) -> Path:
    """A repository with two branches, a stash, and uncommitted, untracked and ignored files."""
    root = folder / "app"
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    git(root, "branch", "old")
    git(root, "commit", "-q", "--allow-empty", "-m", "second")
    (root / "docs" / "guide.md").write_text("stashed\n")
    git(root, "stash", "-q")
    (root / "bench.py").write_text("print('not committed')\n")
    (root / "notes.txt").write_text("mine\n")
    (root / "run.log").write_text("ignored\n")
    (root / "build").mkdir()
    (root / "build" / "product").write_bytes(b"\0")
    return root


def proposal(text: str | None, *further: Edit) -> Proposal:
    """A proposal to make the value this text; None for one whose edits an agent makes by hand."""
    edits = () if text is None else (Edit(path=VALUE, content=text.encode()),)
    shown = "by hand" if text is None else text.strip()
    return Proposal(
        description=f"set it to {shown}"[:80],
        hypothesis="",
        area="value",
        source="script",
        edits=(*edits, *further),
    )


class TreeMeter:
    """Reads the value out of the commit's checkout, having seen that it holds exactly the commit's files."""

    def __init__(self, root: Path, workspace: GitWorkspace) -> None:
        self._root = root
        self._workspace = workspace
        self.afterwards: Callable[[], object] | None = None
        """What somebody does right after the next sample, once."""

    def sample(self, commit: str, seed: int, limit_s: float | None = None) -> Sample | Failure:
        tree = self._workspace.checkout(commit)
        assert _tree_on_disk(tree) == _tree_of(self._root, commit.partition("+")[0]), (
            "measured something else"
        )
        deed, self.afterwards = self.afterwards, None
        text = (tree / VALUE).read_text() if (tree / VALUE).is_file() else ""
        if deed is not None:
            deed()
        if not text.strip().isdigit():
            return Failure(reason="no number")
        return Sample(value=float(text), wall_s=0.01, cpu_s=0.01, peak_bytes=1, seed=seed)

    def duet(self, one: str, other: str, seed: int) -> tuple[Sample | Failure, Sample | Failure]:
        return self.sample(one, seed), self.sample(other, seed)


def _tree_on_disk(tree: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for path in tree.rglob("*"):
        if path.is_file():
            mode = "100755" if path.stat().st_mode & stat.S_IXUSR else "100644"
            data = path.read_bytes()
            found[str(path.relative_to(tree))] = (
                mode,
                hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
            )
    return found


@cache
def _tree_of(root: Path, commit: str) -> dict[str, tuple[str, str]]:
    lines = git(root, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0")[:-1]
    return {name: (mode, sha) for mode, _, rest in map(_words, lines) for sha, name in [rest.split("\t", 1)]}


def _words(line: str) -> list[str]:
    return line.split(" ", 2)


@dataclass(frozen=True)
class Kept:
    """A kept experiment, by what must still be there at the end."""

    commit: str
    value: int


class Life:
    """What one process has of the run, from its start to its end."""

    def __init__(self, world: World, *, keep_edits: bool = False) -> None:
        self.world = world
        self._held = ExitStack()
        try:
            self._open(keep_edits)
        except BaseException:
            self._held.close()
            raise

    def _open(self, keep_edits: bool) -> None:
        state = self.world.state
        state.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(journals.held(state))
        path = state / "journal.jsonl"
        try:
            self.workspace = GitWorkspace.reopen(state, SCOPE, keep_edits=keep_edits)
        except DamagedStateError:
            self.workspace = GitWorkspace.create(self.world.root, RUN, state, SCOPE)
        self._held.callback(self.workspace.close)
        if not path.exists():
            Journal.create(path, run_id=RUN, base=self.workspace.base, goal="")
        self.journal = Journal(path)
        extract = ExtractConfig(kind=Extraction.named, pattern="t")
        metric = MetricConfig(command="true", extract=extract, warmups=0, probe=False)
        self.config = Config(goal="a smaller number", scope=["src"], metric=metric)
        self.meter = TreeMeter(self.world.root, self.workspace)
        self.parts = self._parts()
        loop.prepare(self.config, self.parts, self.journal)

    def _parts(self) -> Parts:
        def publish(history: Sequence[Experiment]) -> None:
            name = self.world.root / f"autoresearch-{RUN}"
            journals.publish(history, table=name.with_suffix(".tsv"), prose=name.with_suffix(".log"))

        metric = self.config.metric
        return Parts(
            proposer=ScriptedProposer(()),
            workspace=self.workspace,
            meter=self.meter,
            guards=(),
            reporter=RecordingReporter(),
            judge=Judge(self.config.verdict, metric.direction, metric.unit, metric.test_share),
            publish=publish,
            task=Task(goal=""),
        )

    def experiment(self, idea: Proposal, repairs: Sequence[Proposal] = ()) -> Experiment:
        parts = replace(self.parts, proposer=ScriptedProposer((), repairs))
        stages = Stages(parts.reporter, self.journal.next_number)
        return loop.attempt(self.config, parts, self.journal, idea, stages)

    def close(self) -> None:
        self._held.close()


class World:
    """The repository, the run's state, and what the model believes of both.

    Attributes:
        jump_s: How far the clock is off at the moment.
        foreign: Locks that somebody else has left, which nobody may remove.
    """

    def __init__(self, folder: Path, template: Path | None = None) -> None:
        self.folder = folder
        self.root = folder / "app"
        if template is None:
            make(folder)
        else:
            shutil.copytree(template, self.root, symlinks=True)
            git(self.root, "update-index", "-q", "--refresh", check=False)
        self.state = folder / "state" / RUN
        self.desk = folder / f"app-{RUN}"
        self.jump_s = 0.0
        self.foreign: set[Path] = set()
        self.kept: list[Kept] = []
        self.statuses: list[str] = []
        self.value = START
        self._life: Life | None = None
        self._before: dict[str, object] = {}
        with self.ours():
            self.kept.append(Kept(self.life.workspace.base, START))
            self.statuses.append("baseline")

    @property
    def life(self) -> Life:
        """The open run; resumed when it is not open."""
        if self._life is None:
            self._life = Life(self)
        return self._life

    @property
    def admin(self) -> Path:
        (found,) = (self.root / ".git" / "worktrees").glob(f"{RUN}-*")
        return found

    @property
    def is_registered(self) -> bool:
        return any((self.root / ".git" / "worktrees").glob(f"{RUN}-*"))

    def close(self) -> None:
        if self._life is not None:
            self._life.close()
            self._life = None

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Something that autoopt does: nothing of the user's may be different afterwards."""
        self._before, true_clock = self.snapshot(), time.time
        time.time = lambda: true_clock() + self.jump_s
        try:
            yield
        finally:
            time.time = true_clock
            self._compare()

    def meanwhile(self, deed: Callable[[], object]) -> None:
        """Something that the user does while autoopt is at work."""
        self._compare()
        deed()
        self._before = self.snapshot()

    def _compare(self) -> None:
        before, after = self._before, self.snapshot()
        changed = sorted(name for name in before | after if before.get(name) != after.get(name))
        assert not changed, f"changed by autoopt: {changed[:5]}"

    def snapshot(self) -> dict[str, object]:
        """Every byte and time of the user's, git's own records of their checkout included."""
        found: dict[str, object] = {}
        for above, folders, names in os.walk(self.root):
            here = os.path.relpath(above, self.root)
            inside = here.removeprefix(".git").lstrip("/") if here.split("/")[0] == ".git" else None
            if inside is not None and inside.startswith(_OURS):
                folders.clear()
                continue
            for name in names:
                path = Path(above, name)
                if inside == "" and name == "x":
                    continue
                if here == "." and name.startswith((f"autoresearch-{RUN}.", ".autoresearch-")):
                    continue
                found[f"{here}/{name}"] = _bytes_of(path, here.endswith(".git/info") and name == "exclude")
        return found

    def tip(self) -> str:
        return git(self.root, "rev-parse", "--verify", "-q", REF, check=False).strip()

    def decided(self, experiment: Experiment) -> None:
        """Take over what was decided, having seen that it is what the journal says."""
        self.statuses.append(experiment.status.value)
        if experiment.status.value == "keep":
            assert experiment.measurement is not None
            self.value = int(experiment.measurement.value)
            self.kept.append(Kept(experiment.commit, self.value))

    def check(self, *, whole: bool = False) -> None:
        """What must be true at any time.

        Args:
            whole: Ask git to look at every object, too.
        """
        control = self.root / ".git"
        locks = {path for path in control.rglob("*.lock") if "objects" not in path.parts}
        assert locks <= self.foreign, f"left behind: {locks - self.foreign}"
        assert all(path.exists() for path in self.foreign), "somebody else's lock was removed"
        journal = Journal(self.state / "journal.jsonl")
        assert [past.status.value for past in journal.history] == self.statuses
        wanted = [kept.commit for kept in self.kept] + [p.commit for p in journal.history if p.commit]
        answers = subprocess.run(
            ["git", "cat-file", "--batch-check"],
            cwd=self.root,
            env=_ENVIRONMENT,
            input="\n".join(wanted),
            capture_output=True,
            text=True,
        ).stdout
        assert answers.count(" commit ") == len(wanted), f"lost: {answers}"
        assert self.tip() == self.kept[-1].commit
        if whole:
            self.check_whole()

    def check_whole(self) -> None:
        said = subprocess.run(
            ["git", "fsck", "--strict", "--no-dangling"],
            cwd=self.root,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said
        assert not said.stdout.strip(), said
        tree = _tree_of(self.root, self.kept[-1].commit)
        assert int(git(self.root, "cat-file", "blob", tree[VALUE][1])) == self.value
        self.check_desk()
        self.check_places()

    def check_desk(self) -> None:
        """The desk is what git expects of a clean worktree at the incumbent."""
        said = git(self.desk, "status", "--porcelain=v2", "--branch").splitlines()
        assert f"# branch.oid {self.kept[-1].commit}" in said, said
        assert f"# branch.head {REF.removeprefix('refs/heads/')}" in said, said
        assert all(line.startswith("#") for line in said), said

    def check_places(self) -> None:
        """git knows the desk, where it is."""
        listed = git(self.root, "worktree", "list", "--porcelain")
        assert f"worktree {self.desk}\nHEAD {self.kept[-1].commit}\n" in listed

    def in_a_child(self, work: Callable[[], object], dies_at: int) -> int | None:
        """Do the work in a process that is gone before its n-th write; its exit code if it lived."""
        self.close()
        child = os.fork()
        if child == 0:
            code = 70
            try:
                _die_at(dies_at)
                work()
                code = 0
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return None if status == 9 else status


def _bytes_of(path: Path, only_others: bool) -> object:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return path.readlink()
    if not stat.S_ISREG(found.st_mode):
        return stat.S_IFMT(found.st_mode)
    if only_others:
        return [line for line in path.read_bytes().splitlines() if b"autoresearch-" not in line]
    return (path.read_bytes(), found.st_mode, found.st_mtime_ns)


def _die_at(write: int) -> None:
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        creates = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_APPEND)
        )
        if event in _WRITES or creates:
            seen += 1
            if seen == write:
                os._exit(9)

    sys.addaudithook(count)
