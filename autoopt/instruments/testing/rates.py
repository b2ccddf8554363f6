"""How many tests pass, of all that there are: a file that cannot be collected fails with every test in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.instruments.testing import results, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Outcomes of several runs taken together.

    Attributes:
        files: How many tests of each file have which outcome; `passed` means in every run, `flaky` in some.
    """

    files: Mapping[str, Counter[str]]

    @property
    def total(self) -> Counter[str]:
        """The outcomes of all files."""
        return sum(self.files.values(), start=Counter())

    def numbers(self) -> dict[str, float]:
        """What is told of all tests.

        Raises:
            UsageError: every test was skipped, so there is no rate.
        """
        total = self.total
        if not ran(total):
            raise UsageError(f"all {sum(total.values())} tests were skipped, so none could pass.")
        return {
            "pass_rate": rate(total),
            "passed": total[results.PASSED],
            "failed": total[results.FAILED],
            "errors": total[results.ERROR],
            "flaky": total["flaky"],
            "skipped": total[results.SKIPPED] + total[results.XFAILED],
            "tests": sum(total.values()),
            "unmended": unmended(total),
        }


def rate(counts: Counter[str]) -> float:
    """How many percent of the tests that ran passed."""
    return 100.0 * counts[results.PASSED] / ran(counts)


def ran(counts: Counter[str]) -> int:
    """How many tests neither were skipped nor were to fail."""
    return sum(counts.values()) - counts[results.SKIPPED] - counts[results.XFAILED]


def unmended(counts: Counter[str]) -> float:
    """How many tests fail, and a fraction that grows with the number of all tests.

    With further tests that pass the rate is higher though nothing was mended; this number is then worse, and
    it is better only when fewer tests fail, however many were added.
    """
    tests = sum(counts.values())
    return ran(counts) - counts[results.PASSED] + tests / (tests + 1)


def by_file(found: Rates, most: int) -> dict[str, float]:
    """The rates of files with tests that do not pass, the worst first."""
    partial = {file: rate(counts) for file, counts in found.files.items() if ran(counts)}
    worst = sorted((value, file) for file, value in partial.items() if value < 100)
    return {f"{file}:pass_rate": value for value, file in worst[:most]}


def of(sessions: Sequence[results.Session], root: Path) -> Rates:
    """The outcomes of the sessions, which ran the same tests."""
    files: dict[str, Counter[str]] = {}
    names = dict.fromkeys(name for session in sessions for name in session.tests)
    for name in names:
        outcome = _outcome([session.tests.get(name) for session in sessions])
        files.setdefault(name.partition("::")[0], Counter())[outcome] += 1
    for file in {broken for session in sessions for broken in session.broken}:
        seen = sum(files.get(file, Counter()).values())
        hidden = sources.expected(root / file) - seen
        files.setdefault(file, Counter())[results.ERROR] += max(hidden, 0)
    return Rates(files=files)


def _outcome(runs: Sequence[results.Test | None]) -> str:
    """What a test came to: in all runs the same, or flaky, or the worst."""
    outcomes = {results.ERROR if test is None else test.outcome for test in runs}
    if len(outcomes) == 1:
        return outcomes.pop()
    if results.PASSED in outcomes:
        return "flaky"
    return next(
        one for one in (results.ERROR, results.FAILED, results.XFAILED, results.SKIPPED) if one in outcomes
    )
