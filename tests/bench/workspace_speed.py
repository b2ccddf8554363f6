"""What a workspace's commit, bench update and revert cost, against the same done with the git binary.

    python tests/bench/workspace_speed.py [files ...]

For each size (1000, 10000 and 50000 files by default) a repository is generated and packed. One cycle changes
one file. The classic loop: git add, git commit, git reset --hard, git restore, in the one checkout it also
measures in. autoopt: the edit in the desk, a durable commit, a clean checkout brought to it, the desk
put back. Cycles of both are interleaved; printed are medians in milliseconds and their ratio.

`verified` is the cycle where commands ran in the checkout since its last commit, as in every real experiment:
all of its files are looked at then, which the classic loop never does. `keep` is the cycle with the change
kept, which writes git's index. `desk` (making the run's branch and desk) compares with `git worktree add`;
`bench` is one of the two checkouts.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autoopt.records import Edit, Proposal
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace

CYCLES = 15
CHECKOUTS = 3


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make(repo: Path, files: int) -> None:
    for number in range(files - 1):
        path = repo / "src" / f"group{number // 2500}" / f"package{number // 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * 40)
    (repo / "src" / "value.txt").write_text("100\n")
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "start")
    git(repo, "repack", "-adq")


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def classic(repo: Path, number: int) -> None:
    (repo / "src" / "value.txt").write_text(f"{number}\n")
    git(repo, "add", "src/value.txt")
    git(repo, "commit", "-qm", f"experiment {number}")
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    git(repo, "restore", "src/value.txt")


def ours(workspace: GitWorkspace, number: int, *, ran: bool = False, keep: bool = False) -> None:
    edit = Edit(path="src/value.txt", content=f"by autoopt {number}\n".encode())
    proposal = Proposal(description="a try", hypothesis="", area="", source="bench", edits=(edit,))
    with workspace.attempt(proposal, number) as attempt:
        bring = workspace.checkout if ran else workspace.scratch
        bring(attempt.change.commit)
        if keep:
            attempt.keep()


def first_checkouts(repo: Path, place: Path) -> tuple[GitWorkspace, float, float]:
    """A workspace, and the medians of git's and our seconds for a new worktree."""
    theirs, own = [], []
    for number in range(CHECKOUTS):
        added = str(place / f"worktree{number}")
        theirs.append(seconds(lambda added=added: git(repo, "worktree", "add", "-q", added)))
        state = place / f"state{number}"
        state.mkdir()
        started = time.perf_counter()
        workspace = GitWorkspace.create(repo, f"run{number}", state, Scope(["src"]))
        own.append(time.perf_counter() - started)
    return workspace, median(theirs), median(own)


def measure(files: int) -> None:
    with tempfile.TemporaryDirectory(prefix="autoopt-bench-") as folder:
        place = Path(folder)
        repo = place / "repo"
        repo.mkdir()
        make(repo, files)
        workspace, worktree_add, desk = first_checkouts(repo, place)
        commits = (workspace.base, workspace.twin(workspace.base))
        bench = median([seconds(lambda commit=commit: workspace.checkout(commit)) for commit in commits])
        found: dict[str, list[float]] = {"git": [], "autoopt": [], "verified": [], "keep": []}
        numbers = iter(range(1, 10 * CYCLES))
        ours(workspace, next(numbers))
        classic(repo, 0)
        for _ in range(CYCLES):
            found["git"].append(seconds(lambda: classic(repo, next(numbers))))
            found["autoopt"].append(seconds(lambda: ours(workspace, next(numbers))))
        for _ in range(CYCLES // 3):
            ours(workspace, next(numbers), ran=True)
            found["verified"].append(seconds(lambda: ours(workspace, next(numbers), ran=True)))
        ours(workspace, next(numbers))
        for _ in range(CYCLES // 3):
            found["keep"].append(seconds(lambda: ours(workspace, next(numbers), keep=True)))
        workspace.close()
    mids = {name: 1000 * median(times) for name, times in found.items()}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{files:6}  {mids['git']:8.1f}  {mids['autoopt']:8.1f}  {mids['git'] / mids['autoopt']:6.1f}x  "
        f"{mids['verified']:8.1f}  {mids['keep']:8.1f}  {worktree_add:10.2f}  {desk:8.2f}  "
        f"{desk / worktree_add:6.2f}  {bench:8.2f}  {memory:8.0f}",
        flush=True,
    )


def main() -> None:
    print(
        " files   git, ms  ours, ms   ahead  verified      keep  worktree,s   desk, s   ratio  bench, s",
        end="",
    )
    print("  peak, MB")
    for files in [int(word) for word in sys.argv[1:]] or [1000, 10_000, 50_000]:
        measure(files)


if __name__ == "__main__":
    main()
