"""Ideas from ruff: one rule's fixes in one file per experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt.processes.walls import Walls
from autoopt.proposers.linting.python_files import PythonFiles, does_differ, line_count
from autoopt.proposers.linting.ruff_tool import Files, Ruff, Spot, repository_flags
from autoopt.records import Brief, Edit, Proposal
from autoopt.schema import RuffConfig

SOURCE = "ruff"
_WIDTH = 72
_FOR_SPEED = ("PERF", "FURB", "C4")
_NO_MATTER = {
    *("FURB101", "FURB103", "FURB105", "FURB152", "FURB154", "FURB156", "FURB167", "FURB177", "FURB180"),
    *("RET502", "RET503", "UP004", "UP008"),
}
"""Rules that change what a thing is called and not what is done; only less code speaks for them."""
_NEVER = {"SIM112", "FURB189"}
"""One renames environment variables; the other swaps dict and list for slower classes of other types."""
_REASONS = {
    "PERF101": "a loop needs no list made first",
    "PERF102": "only the half of each item that is used is made",
    "PERF4": "a comprehension neither looks up a method nor calls one for each element",
    "PERF": "each turn of the loop does less",
    "FURB113": "one extend grows the list once",
    "FURB118": "a function of `operator` runs in C",
    "FURB140": "starmap unpacks the arguments in C",
    "FURB142": "a whole update runs in C",
    "FURB192": "the smallest or largest element is found in one pass, without sorting",
    "FURB": "a builtin or method does it in fewer steps",
    "C419": "any and all stop at the first answer when nothing is listed before",
    "C4": "the collection is built directly, without a call or a copy in between",
    "SIM": "the plainer form takes fewer steps",
    "UP": "the newer form takes fewer steps",
    "RET": "fewer names and branches are gone through",
}


@dataclass(frozen=True, slots=True)
class _Lead:
    """A rule that would change a file."""

    path: str
    code: str
    spots: tuple[Spot, ...]


class RuffFixes:
    """Finds what ruff would rewrite: a `candidates.Finder`."""

    def __init__(
        self, config: RuffConfig, scratch: Path, environ: Mapping[str, str], walls: Walls | None = None
    ) -> None:
        """Make a finder that keeps copies of files below `scratch`; nothing is run yet."""
        self._select = tuple(config.select)
        self._ruff = Ruff(config.select, config.unsafe, scratch, environ, walls)
        self._python_files = PythonFiles()
        self._matters: dict[tuple[bytes, bytes], bool] = {}

    def check(self) -> None:
        """See that ruff is there and knows the rules.

        Raises:
            UsageError: naming `propose.use` or `propose.ruff.select`.
        """
        self._ruff.check("propose.ruff.select")

    def __call__(self, brief: Brief) -> Iterator[Proposal]:
        """One proposal per rule and file: in the order of `propose.ruff.select`, then hottest files first."""
        files, flags = self._python_files(brief), repository_flags(brief.desk)
        leads = self._leads(files, flags)
        for lead in leads:
            alike = {other.path: files[other.path] for other in leads if other.code == lead.code}
            after = self._ruff.fixed([lead.code], alike, flags)[lead.path]
            before = files[lead.path]
            gains = lead.code.startswith(_FOR_SPEED) and lead.code not in _NO_MATTER
            simplifies = not gains and line_count(after) < line_count(before)
            if self._is_worth_it(lead.code, before, after, simplifies):
                yield _proposal(lead, before, after, simplifies)

    def _is_worth_it(self, code: str, before: bytes, after: bytes, simplifies: bool) -> bool:
        """Whether the fix leaves a module that is shorter or does something else."""
        if after == before or not self._python_files.is_python(after):
            return False
        if simplifies or code in _NO_MATTER:
            return simplifies
        key = (before, after)
        if key not in self._matters:
            self._matters[key] = does_differ(before, after)
        return self._matters[key]

    def _leads(self, files: Files, flags: Sequence[str]) -> list[_Lead]:
        heat = {path: place for place, path in enumerate(files)}
        leads = [
            _Lead(path, code, tuple(spot for spot in spots if spot.code == code))
            for path, spots in self._ruff.spots(files, flags).items()
            for code in sorted({spot.code for spot in spots if spot.fix} - _NEVER)
        ]
        leads.sort(key=lambda lead: (self._rank(lead.code), heat[lead.path], -len(lead.spots), lead.code))
        return leads

    def _rank(self, code: str) -> int:
        """Where the first entry of `propose.ruff.select` is that means this rule."""
        places = (
            place for place, prefix in enumerate(self._select) if prefix == "ALL" or code.startswith(prefix)
        )
        return next(places, len(self._select))


def _proposal(lead: _Lead, before: bytes, after: bytes, simplifies: bool) -> Proposal:
    fewer = line_count(before) - line_count(after)
    if simplifies:
        effect = f"hold the metric in {_counted(fewer, 'line')} less because the shorter form does the same"
    else:
        effect = f"improve the metric because {_reason(lead.code)}"
    return Proposal(
        description=f"{lead.code} in {lead.path}: {_what(lead.spots)}",
        hypothesis=f"Applying {lead.spots[0].name} to {lead.path} should {effect}.",
        area=lead.path,
        source=SOURCE,
        edits=(Edit(path=lead.path, content=after),),
        simplifies=simplifies,
    )


def _what(spots: Sequence[Spot]) -> str:
    """What is done, in ruff's words, as in `3 × replace for loop with list comprehension`."""
    fixes = Counter(spot.fix for spot in spots if spot.fix)
    said = next(iter(fixes))
    if len(fixes) > 1 or len(said) > _WIDTH:
        said = spots[0].name.replace("-", " ")
    text = " ".join(said.split())
    text = text[:1].lower() + text[1:] if text[1:2].islower() else text
    count = fixes.total()
    return text if count == 1 else f"{count} × {text}"


def _reason(code: str) -> str:
    return next((why for prefix, why in _REASONS.items() if code.startswith(prefix)), "it takes fewer steps")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
