"""Ideas for less code: what can go, one kind and one file per experiment, judged by costing nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoopt.processes.walls import Walls
from autoopt.proposers.linting.mentions import Listing, listing, unmentioned, used_elsewhere
from autoopt.proposers.linting.python_files import (
    PythonFiles,
    bound_names,
    line_count,
    parse,
    widest,
    without_lines,
)
from autoopt.proposers.linting.ruff_tool import Files, Ruff, Spot, repository_flags
from autoopt.proposers.linting.unreached import Private, private_definitions, unreachable_lines
from autoopt.records import Brief, Edit, Proposal

SOURCE = "deadcode"
_WIDEST = 120
_A_REMARK = re.compile(rb"\s*#\s*[\w ]+ \(")
"""As in `# fragment (optional)`, which ruff takes for a call."""

Spots = Mapping[str, Sequence[Spot]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something ruff can take away: its rules, what it is called, one and many, and why it can go."""

    rules: tuple[str, ...]
    one: str
    many: str
    because: str


_UNUSED_IMPORTS = _Kind(("F401",), "unused import", "unused imports", "nothing reads them")
_COMMENTED = _Kind(
    ("ERA001",), "line of commented-out code", "lines of commented-out code", "comments are not run"
)
_KINDS = (
    _Kind(("F841",), "unused variable", "unused variables", "nothing reads them"),
    _Kind(
        ("RET505", "RET506", "RET507", "RET508"),
        "needless else",
        "needless elses",
        "the branch before has left already",
    ),
    _Kind(("SIM114",), "duplicate branch", "duplicate branches", "one condition can stand for both"),
    _Kind(("SIM103",), "needless branch", "needless branches", "the condition is the answer"),
    _Kind(("RET504",), "needless assignment", "needless assignments", "the value is returned at once"),
    _Kind(("PIE794",), "duplicate field", "duplicate fields", "the later one wins"),
    _Kind(("PIE790",), "needless pass", "needless passes", "the block has a statement without it"),
    _Kind(("PLR1711",), "needless return", "needless returns", "None is returned anyway"),
)
_RULES = tuple(rule for kind in (_UNUSED_IMPORTS, *_KINDS, _COMMENTED) for rule in kind.rules)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A file with something taken away."""

    path: str
    after: bytes
    what: str
    because: str


class DeadCode:
    """Finds code that can go: a `candidates.Finder`, whose proposals simplify."""

    def __init__(self, scratch: Path, environ: Mapping[str, str], walls: Walls | None = None) -> None:
        """Make a finder that keeps copies of files below `scratch`; nothing is run yet."""
        self._ruff = Ruff(_RULES, True, scratch, environ, walls)
        self._python_files = PythonFiles()
        self._unrun: tuple[tuple[object, ...], tuple[list[_Cut], ...]] = ((), ())

    def check(self) -> None:
        """See that ruff is there and knows the rules.

        Raises:
            UsageError: naming `propose.use`.
        """
        self._ruff.check("propose.use")

    def __call__(self, brief: Brief) -> Iterator[Proposal]:
        """One proposal per kind and file: the surest kinds first, then whatever takes most lines away."""
        files, flags = self._python_files(brief), repository_flags(brief.desk)
        spots = self._ruff.spots(files, flags)
        for cuts in self._by_kind(brief.desk, files, flags, spots):
            found = [(cut, _saved(files[cut.path], cut.after)) for cut in cuts]
            for cut, saved in sorted(found, key=lambda pair: pair[1], reverse=True):
                if saved > (0, 0) and self._is_sound(files[cut.path], cut.after):
                    yield _proposal(cut, saved[0])

    def _is_sound(self, before: bytes, after: bytes) -> bool:
        """Whether what is left is a module, and nothing was put on one endless line to make it shorter."""
        return widest(after) <= max(widest(before), _WIDEST) and self._python_files.is_python(after)

    def _by_kind(
        self, desk: Path, files: Files, flags: Sequence[str], spots: Spots
    ) -> Iterator[Iterable[_Cut]]:
        files_now = listing(desk)
        yield self._without_imports(desk, files_now, _affected(_UNUSED_IMPORTS, files, spots), flags)
        key = (files_now, tuple(files.items()))
        if self._unrun[0] != key:
            self._unrun = (
                key,
                (list(_unused_definitions(desk, files_now, files)), list(_unreachable(files))),
            )
        yield from self._unrun[1]
        for kind in _KINDS:
            after = self._ruff.fixed(kind.rules, _affected(kind, files, spots), flags)
            yield _cuts(kind, after, spots)
        yield _commented_out(files, spots)

    def _without_imports(
        self, desk: Path, files_now: Listing, asked: Files, flags: Sequence[str]
    ) -> Iterator[_Cut]:
        """Files without the imports that neither they nor anybody through them uses.

        An `__init__.py` imports for others by its nature and stays as it is.
        """
        asked = {path: content for path, content in asked.items() if not path.endswith("__init__.py")}
        bare = self._ruff.fixed(_UNUSED_IMPORTS.rules, asked, flags)
        lost = {path: _exported(asked[path]) - _exported(bare[path]) for path in asked}
        used = used_elsewhere(desk, files_now, lost) if lost else {}
        marked = {path: content + _reading(used[path]) for path, content in asked.items()}
        after = self._ruff.fixed(_UNUSED_IMPORTS.rules, marked, flags)
        for cut in _cuts(_UNUSED_IMPORTS, after, self._ruff.spots(marked, flags)):
            yield replace(cut, after=cut.after.removesuffix(_reading(used[cut.path])))


def _cuts(kind: _Kind, after: Files, spots: Spots) -> Iterator[_Cut]:
    """What ruff has left of the files, with how often it took something away."""
    for path, content in after.items():
        if count := sum(1 for spot in spots.get(path, ()) if spot.code in kind.rules and spot.fix):
            yield _Cut(path, content, _counted(count, kind), kind.because)


def _affected(kind: _Kind, files: Files, spots: Spots) -> dict[str, bytes]:
    """The files in which ruff would take away something of this kind."""
    return {
        path: files[path]
        for path, seen in spots.items()
        if any(spot.code in kind.rules and spot.fix for spot in seen)
    }


def _exported(content: bytes) -> set[str]:
    module = parse(content)
    return bound_names(module.body) if module else set()


def _reading(names: set[str]) -> bytes:
    """A line that uses the names, so that ruff leaves them."""
    return f"\n({', '.join(sorted(names))})\n".encode() if names else b""


def _unused_definitions(desk: Path, files_now: Listing, files: Files) -> Iterator[_Cut]:
    """Files without the private definitions that no file of the repository mentions."""
    defined = {
        path: private_definitions(module, content)
        for path, content in files.items()
        if (module := parse(content)) is not None
    }
    homes = {private.name: (path, private) for path, found in defined.items() for private in found}
    gone = unmentioned(
        desk,
        files_now,
        {name: path for name, (path, _) in homes.items()},
        lambda name: without_lines(files[homes[name][0]], homes[name][1].lines),
    )
    for path, found in defined.items():
        if unused := [private for private in found if private.name in gone]:
            lines = {line for private in unused for line in private.lines}
            after = without_lines(files[path], lines)
            yield _Cut(path, after, _named(unused), "no file of the repository mentions it")


def _named(unused: Sequence[Private]) -> str:
    names = [private.shown for private in unused]
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"unused {', '.join(names[:3])}{rest}"


def _unreachable(files: Files) -> Iterator[_Cut]:
    for path, content in files.items():
        module = parse(content)
        if module and (lines := unreachable_lines(module, content)):
            what = f"{len(lines)} unreachable {'line' if len(lines) == 1 else 'lines'}"
            yield _Cut(path, without_lines(content, lines), what, "nothing gets there")


def _commented_out(files: Files, spots: Spots) -> Iterator[_Cut]:
    """Files without the comments that are code from beginning to end; a remark among them keeps them all."""
    for path, seen in spots.items():
        rows = {spot.row for spot in seen if spot.code in _COMMENTED.rules}
        if gone := _whole_comments(files[path].splitlines(), rows):
            yield _Cut(
                path, without_lines(files[path], gone), _counted(len(gone), _COMMENTED), _COMMENTED.because
            )


def _whole_comments(lines: Sequence[bytes], rows: set[int]) -> set[int]:
    """Of the rows, those in blocks of comment lines all of which are among them."""
    gone, block = set[int](), list[int]()
    for row, line in enumerate([*lines, b""], 1):
        if line.lstrip().startswith(b"#"):
            block.append(0 if _A_REMARK.match(line) else row)
        else:
            gone |= set(block) if set(block) <= rows else set()
            block = []
    return gone


def _saved(before: bytes, after: bytes) -> tuple[int, int]:
    """How many lines and letters are gone."""
    return line_count(before) - line_count(after), len(b"".join(before.split())) - len(
        b"".join(after.split())
    )


def _counted(number: int, kind: _Kind) -> str:
    return f"{number} {kind.one if number == 1 else kind.many}"


def _proposal(cut: _Cut, fewer: int) -> Proposal:
    less = f"{fewer} {'line' if fewer == 1 else 'lines'} less" if fewer else "less code"
    return Proposal(
        description=f"Remove {cut.what} from {cut.path}",
        hypothesis=f"Removing {cut.what} should hold the metric with {less} because {cut.because}.",
        area=cut.path,
        source=SOURCE,
        edits=(Edit(path=cut.path, content=cut.after),),
        simplifies=True,
    )
