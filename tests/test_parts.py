"""The metric's parts: found by their names or by a pattern, followed by their pairs."""

import pytest

from autoopt.errors import UsageError
from autoopt.records import Experiment, Measurement, Sample, Status
from autoopt.reporters import html, parts
from autoopt.reporters.account import Account
from autoopt.schema import Direction


def sample(value: float, **details: float) -> Sample:
    return Sample(value=value, wall_s=1, cpu_s=1, peak_bytes=1_000_000, seed=1, details=details)


def experiment(
    number: int, status: Status, samples: list[Sample], against: list[Sample] | None = None
) -> Experiment:
    return Experiment(
        number=number, status=status, commit="c", parent="p", description="d", hypothesis="", area="",
        source="",
        measurement=Measurement(commit="c", samples=tuple(samples)), incumbent_samples=tuple(against or ()),
    )  # fmt: skip


def account(*history: Experiment, unit: str = "ms", metric: str = "", **patterns: str) -> Account:
    return Account(
        run_id="r", goal="g", unit=unit, direction=Direction.lower, history=history, confirmation=None,
        branch="b", base="0" * 40, reason="", breakdown=patterns, metric_name=metric,
    )  # fmt: skip


def errors(total: int, **files: int) -> Sample:
    named = {f"file:{name}.py": float(count) for name, count in files.items()}
    return sample(total, errors=total, **named)


COUNTED = account(
    experiment(0, Status.baseline, [errors(9, a=6, b=3)]),
    experiment(1, Status.keep, [errors(3, b=3)]),
    unit="errors",
    metric="errors",
)


def test_parts_are_found_by_what_stands_before_the_colon_and_a_missing_one_counts_as_nothing() -> None:
    (found,) = parts.breakdowns(COUNTED)

    assert (found.kind, found.unit, found.is_judged) == ("file", "errors", True)
    assert [(one.name, one.before, one.after) for one in found.parts] == [("a.py", 6, 0), ("b.py", 3, 3)]
    assert "| a.py | 6 errors | 0 errors | −6 errors |" in parts.section(COUNTED)
    assert "| b.py | 3 errors | 3 errors | the same |" in parts.section(COUNTED)
    page = html.report(COUNTED)
    assert "<h2>By file</h2>" in page and 'class="fill before"' in page and 'class="fill after"' in page


def test_parts_are_found_by_what_stands_after_the_colon() -> None:
    def covered(**files: float) -> Sample:
        return sample(
            1.0, coverage=1.0, **{f"src/{name}.py:coverage": share for name, share in files.items()}
        )

    told = account(
        experiment(0, Status.baseline, [covered(a=10.0, b=20.0)]),
        experiment(1, Status.keep, [covered(a=30.0, b=20.0)]),
        metric="coverage",
        unit="%",
    )
    (found,) = parts.breakdowns(told)

    assert (found.kind, found.is_judged, found.unit) == ("coverage", True, "%")
    assert [part.name for part in found.parts] == ["src/a.py", "src/b.py"]


def slow(share: float) -> list[Sample]:
    """Samples on a machine that got `share` times slower, of two queries and their sum."""
    return [sample(30 * share, total_ms=30 * share, a_ms=10 * share, b_ms=20 * share) for _ in range(3)]


def halved(share: float) -> list[Sample]:
    return [sample(20 * share, total_ms=20 * share, a_ms=10 * share, b_ms=10 * share) for _ in range(3)]


def test_a_pattern_finds_parts_and_pairs_keep_a_slower_machine_out_of_them() -> None:
    told = account(
        experiment(0, Status.baseline, slow(1)),
        experiment(1, Status.keep, halved(2), slow(2)),
        metric="total_ms",
        query="*_ms",
    )
    (found,) = parts.breakdowns(told)

    assert (found.kind, found.unit) == ("query", "ms")
    assert [(one.name, one.before, one.after) for one in found.parts] == [("b", 20, 10), ("a", 10, 10)]
    assert [row[0] for row in parts.further(told)] == ["cpu_s", "peak_mb", "wall_s"]


def test_what_the_pairs_cannot_tell_from_nothing_is_not_called_a_change() -> None:
    jitter = [0.9, 1.1, 1.0, 1.15, 0.85, 1.05]
    before = [sample(1, a_ms=10.0, b_ms=5.0) for _ in jitter]
    after = [sample(1, a_ms=10.1 * by, b_ms=2.5) for by in jitter]
    told = account(
        experiment(0, Status.baseline, before), experiment(1, Status.keep, after, before), query="*_ms"
    )
    (found,) = parts.breakdowns(told)

    assert [parts.change(part, found.unit) for part in found.parts] == ["−50.0 %", "within the noise"]


def test_a_run_that_kept_nothing_has_no_breakdown() -> None:
    assert parts.breakdowns(account(experiment(0, Status.baseline, slow(1)), query="*_ms")) == ()
    assert parts.section(account()) == "" and parts.further(account()) == ()


@pytest.mark.parametrize("pattern", ["total", "*_*", ""])
def test_a_pattern_without_exactly_one_star_is_refused_by_its_name(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"report\.breakdown\.query: .* needs one `\*`"):
        parts.check({"query": pattern})
