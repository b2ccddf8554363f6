"""A repository in which many runs work side by side, each in its own part; and what has to come of each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .scenarios import environment

START = 50
"""What every number of a part is at first."""
_PATCHES_OF_AN_EXTRA = 3
_PARAMETERS = 8
_METRIC = r"""
# metric.sh PART exact|wall: the sum of a part's numbers, as a number or as a time
ls "$1"/broken* >/dev/null 2>&1 && exit 1
cat "$1"/v* | awk -v how="$2" '
!/^[0-9]+$/ { bad = 1 }
{ sum += $1 }
END { if (bad) exit 1; if (how == "exact") print "METRIC n=" sum; else printf "%.4f\n", sum / 200000 }
' > "$TMPDIR/said" || exit 1
if test "$2" = exact; then cat "$TMPDIR/said"; else sleep "$(cat "$TMPDIR/said")"; fi
"""
_HISTORY = """\
git branch other && git tag v1
git config user.name Someone && git config user.email someone@example.org
git config gc.autoDetach false && git config maintenance.autoDetach false
printf '# mine\\nscratch\\n' >> .git/info/exclude
echo unstaged >> docs/guide
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """An idea of a run that does not search.

    Attributes:
        subject: What it says of itself.
        status: What has to become of it.
        path, text: The file it writes.
        old: What that holds before; None where it is new.
    """

    subject: str
    status: str
    path: str
    text: str
    old: str | None

    def mail(self) -> str:
        """As `git format-patch` would write it."""
        before = "/dev/null" if self.old is None else f"a/{self.path}"
        made = "new file mode 100644\n" if self.old is None else ""
        hunk = f"@@ -0,0 +1 @@\n+{self.text}" if self.old is None else f"@@ -1 +1 @@\n-{self.old}+{self.text}"
        return (
            f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: Someone <someone@example.org>\n"
            f"Date: Mon, 2 Nov 2026 10:00:00 +0000\nSubject: [PATCH] {self.subject}\n\n---\n"
            f"diff --git a/{self.path} b/{self.path}\n{made}--- {before}\n+++ b/{self.path}\n{hunk}-- \n2.0\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs.

    Attributes:
        name: Its id.
        part: The directory that is its scope.
        other: Another run's, in which some of its patches try to write.
        searches: Whether it sets parameters; otherwise it has patches.
        timed: Whether its metric is a time, of which nobody knows what it will be.
    """

    name: str
    part: str
    other: str
    experiments: int
    searches: bool = False
    timed: bool = False

    def patches(self) -> Iterator[Patch]:
        """Its ideas in their order: lower a number, raise one, write next door, lower, break everything."""
        for number in range(self.experiments):
            path, old = f"{self.part}/v{number:02}", f"{START}\n"
            match number % 5:
                case 0 | 3:
                    yield self._patch(f"lower {number}", "keep", path, f"{number % 40}\n", old)
                case 1:
                    yield self._patch(f"raise {number}", "discard", path, f"{60 + number}\n", old)
                case 2:
                    outside = f"{self.other}/v{number:02}"
                    yield self._patch(f"next door {number}", "inspector-reject", outside, "1\n", old)
                case _:
                    broken = f"{self.part}/broken{number}"
                    yield self._patch(f"break it {number}", "crash", broken, "x\n", None)

    def _patch(self, subject: str, status: str, path: str, text: str, old: str | None) -> Patch:
        unknown = self.timed and status in ("keep", "discard")
        return Patch(subject=subject, status="" if unknown else status, path=path, text=text, old=old)

    def command(self, place: Path) -> list[str]:
        """What is typed to start it."""
        how = "wall" if self.timed else "exact"
        read = ["metric.extract.kind=wall"] if self.timed else ["metric.extract.kind=named"]
        read += [] if self.timed else ["metric.extract.pattern=n"]
        plain = ["recipe=command", "metric.warmups=0", "metric.baseline_samples=2", "verdict.max_pairs=2"]
        fixed = ["final.max_pairs=2", "final.leave_one_out=no", "guards.tests.command=null", "confirm=no"]
        budget = [f"budget.experiments={self.experiments}", "budget.plateau=null"]
        named = [f"scope={self.part}", f"run_id={self.name}"]
        metric = [f"metric.command=bash tool/metric.sh {self.part} {how}"]
        return [*plain, *fixed, *budget, *read, *named, *metric, *self._ideas(place)]

    def _ideas(self, place: Path) -> list[str]:
        if not self.searches:
            return ["propose.use=[queue]", f"propose.queue.patches={place / 'patches' / self.name}"]
        choices = f"regex: '(\\d+)', choices: [{START}, 60, 30, 40]"
        wanted = [f"params.v{at}={{file: {self.part}/v{at:02}, {choices}}}" for at in range(_PARAMETERS)]
        return ["propose.use=[optuna]", "propose.optuna.sampler=random", *wanted]


def crowd(runs: int, experiments: int) -> list[Run]:
    """So many runs with that many experiments; of eight two are timed, three search."""
    return [
        Run(
            name=f"r{at}",
            part=f"part{at}",
            other=f"part{(at + 1) % runs}",
            experiments=experiments,
            searches=at % 8 in (2, 6, 7),
            timed=at % 8 in (3, 7),
        )
        for at in range(runs)
    ]


def extras(count: int) -> list[Run]:
    """Runs that have ended before the others begin, for somebody to merge, finish and remove meanwhile."""
    return [
        Run(name=f"rx{at}", part=f"extra{at}", other="docs", experiments=_PATCHES_OF_AN_EXTRA)
        for at in range(count)
    ]


def build(place: Path, runs: list[Run], ended: list[Run], files: int) -> None:
    """Make the repository with at least that many files, the patches of all runs, and the ended runs."""
    root = place / "app"
    (root / "docs").mkdir(parents=True)
    (root / "tool").mkdir()
    (root / "docs" / "guide").write_text("read me\n")
    (root / "tool" / "metric.sh").write_text(_METRIC)
    (root / ".gitignore").write_text("*.cache\n")
    everybody = [*runs, *ended]
    for run in everybody:
        _fill(root / run.part, run, files // len(everybody))
    _shell(place, "git init -q -b main && git add -A")
    _shell(place, "git -c user.name=S -c user.email=s@example.org commit -qm start")
    _shell(place, _HISTORY)
    for run in everybody:
        if not run.searches:
            _write_patches(place / "patches" / run.name, run)
    for run in ended:
        _shell(place, 'exec "$@" >/dev/null', "sh", sys.executable, "-m", "autoopt", *run.command(place))


def _fill(folder: Path, run: Run, files: int) -> None:
    folder.mkdir()
    for number in range(max(run.experiments, _PARAMETERS)):
        (folder / f"v{number:02}").write_text(f"{START}\n")
    for number in range(files - run.experiments):
        path = folder / f"d{number % 7}" / f"f{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{run.part} {number}\n")


def _write_patches(folder: Path, run: Run) -> None:
    folder.mkdir(parents=True)
    for number, patch in enumerate(run.patches()):
        (folder / f"{number:03}.patch").write_text(patch.mail())


def _shell(place: Path, script: str, *words: str) -> None:
    subprocess.run(["sh", "-euc", script, *words], cwd=place / "app", env=environment(place), check=True)
