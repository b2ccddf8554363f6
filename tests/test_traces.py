"""What runs leave behind, and numbers that nothing moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.small_runs import Run, git, make

from autoopt import loop
from autoopt.guards.traces import TracesGuard
from autoopt.records.findings import Finding, Overrule
from autoopt.testing.doubles import proposal


def test_only_what_could_change_a_number_is_suspect(tmp_path: Path) -> None:
    repo = make(tmp_path / "project")
    scripts = {
        "rewrites a file of the commit": "echo faster >> outside.txt; echo METRIC t=9",
        "leaves work behind": "sleep 30 > /dev/null 2>&1 & echo METRIC t=8",
        "leaves a file": "echo done > report.txt; echo METRIC t=7",
    }
    run = Run(repo, "test -e src/run.sh || { echo METRIC t=10; exit; }; sh src/run.sh")
    parts = run.parts([proposal("src/run.sh", script, name) for name, script in scripts.items()])
    guard = TracesGuard(run.workspace.traces, run.workspace.commits.content)

    loop.run(run.config, replace(parts, guards=(guard,)), run.journal)

    assert run.statuses() == ["baseline", "inspector-reject", "inspector-reject", "keep"]
    rewrites, leaves = (past.suspicions[0] for past in run.journal.history[1:3])
    assert (rewrites.where, rewrites.message.split(",")[0]) == (
        "outside.txt",
        "its runs rewrite a file of the commit",
    )
    assert leaves.message.startswith("its runs leave a process at work")


def test_what_only_the_changes_preparation_wrote_of_the_commit_is_suspect(tmp_path: Path) -> None:
    repo = make(tmp_path / "project")
    builds = "mkdir -p out; echo built >> README; echo {} > out/number"
    (repo / "src" / "prepare.sh").write_text(builds.format(10))
    (repo / "README").write_text("mine\n")
    git(repo, "add", ".")
    git(repo, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "prepared")
    more = ("echo 5 >> outside.txt", "touch src/sitecustomize.py", "touch out/more more.o")
    run = Run(repo, "echo METRIC t=$(cat out/number)", prepare="sh src/prepare.sh")
    edits = [
        proposal("src/prepare.sh", f"{builds.format(9 - number)}; {what}", what)
        for number, what in enumerate(more)
    ]
    parts = run.parts(edits)
    guard = TracesGuard(run.workspace.traces, run.workspace.commits.content)

    loop.run(run.config, replace(parts, guards=(guard,)), run.journal)

    assert run.statuses() == ["baseline", "inspector-reject", "inspector-reject", "keep"]
    found = [past.suspicions[0] for past in run.journal.history[1:3]]
    assert [one.where for one in found] == ["outside.txt", "src/sitecustomize.py"]
    assert found[0].message.startswith("its metric.prepare writes it and the incumbent's does not")


def test_a_person_overrules_what_was_shown_and_nothing_that_shows_up_later() -> None:
    seen = Finding(
        guard="suspicions", passed=False, message="disk: it; and 1 more (disk a.py:7)", where="a.py:4"
    )
    word = Overrule(
        number=1,
        guards=("suspicions", "clocks"),
        reason="r",
        by="me",
        when="now",
        about=(seen.about, "clocks"),
    )
    elsewhere = replace(seen, message="disk: it; and 1 more (disk a.py:9)", where="a.py:6")
    others = (replace(seen, message="exit: it"), replace(seen, where="b.py:4"), replace(seen, guard="traces"))

    assert word.covers(seen) and word.covers(elsewhere)
    assert word.covers(Finding(guard="clocks", passed=False, message="12 ms of 80 ms"))
    assert not any(word.covers(one) for one in others)
    assert all(replace(word, about=None).covers(one) for one in others[:2])


def test_a_number_that_no_change_moves_is_told_once(tmp_path: Path) -> None:
    run = Run(make(tmp_path / "project"), "cat src/* | wc -c > /dev/null; echo METRIC t=10")

    run.go([proposal("src/other.txt", f"{number}\n" * number) for number in range(1, 8)])

    told = [note for note in run.notes() if note.startswith("constant metric")]
    assert len(told) == 1 and "10 with each of 5 changes" in told[0]


def test_a_time_that_is_the_same_every_time_is_told_at_the_baseline(tmp_path: Path) -> None:
    run = Run(make(tmp_path / "project"), unit="ms")

    run.go([])

    assert run.notes()[0].startswith("constant metric: the number is 10 in each of 5 runs")
