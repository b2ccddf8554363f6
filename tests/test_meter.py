from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.folders import Folders, arms

from autoopt.errors import UsageError
from autoopt.meters.shell import ShellMeter
from autoopt.records import Failure, Sample
from autoopt.schema import ExtractConfig, Extraction, MetricConfig, Stream

NAMED = {"kind": Extraction.named, "pattern": "x"}


def meter(
    tmp_path: Path,
    bench: Folders,
    *,
    names: tuple[str, ...] = (),
    baseline: float | None = None,
    **options: Any,
) -> ShellMeter:
    config = MetricConfig(**{"warmups": 0, **options})
    return ShellMeter(config, arms(bench, tmp_path / "logs", config, env_names=names), baseline)


def bench(tmp_path: Path, **commits: str) -> Folders:
    return Folders(tmp_path / "bench", {name: {"value": content} for name, content in commits.items()})


def sample(taken: Sample | Failure) -> Sample:
    assert isinstance(taken, Sample), taken
    return taken


def failed(taken: Sample | Failure) -> Failure:
    assert isinstance(taken, Failure)
    return taken


def counted(tmp_path: Path, what: str) -> str:
    """A command that leaves a line, outside of the checkout."""
    return f"echo {what} >> {tmp_path}/count"


def count(tmp_path: Path) -> list[str]:
    file = tmp_path / "count"
    return file.read_text().split() if file.exists() else []


def test_a_sample_is_the_number_of_that_commit_with_seed_clocks_and_details(tmp_path: Path) -> None:
    command = "sleep 0.1; echo METRIC x=$(cat value); echo METRIC seed=$AUTOOPT_SEED"
    taken = meter(
        tmp_path, bench(tmp_path, c1="41", c2="42"), command=command, extract=ExtractConfig(**NAMED)
    )
    first, second = sample(taken.sample("c1", 7)), sample(taken.sample("c2", 8))

    assert (first.value, second.value) == (41.0, 42.0)
    assert (first.seed, first.details["seed"]) == (7, 7.0)
    assert 0.1 <= first.wall_s < 3
    assert 0 < first.cpu_s < 1
    assert first.peak_bytes > 1_000_000


def test_warmups_are_thrown_away_once_per_checkout(tmp_path: Path) -> None:
    taken = meter(
        tmp_path, bench(tmp_path, c1="", c2="", c3=""), command=counted(tmp_path, "run"),
        prepare=counted(tmp_path, "prepare"), warmups=2,
    )  # fmt: skip
    for commit in ("c1", "c2", "c1", "c2"):
        sample(taken.sample(commit, 0))
    once = ["prepare", "run", "run", "run"]
    assert count(tmp_path) == [*once, *once, "run", "run"]

    sample(taken.sample("c3", 0))
    sample(taken.sample("c1", 0))

    assert count(tmp_path)[10:] == once + once


def test_a_checkout_that_others_used_meanwhile_is_prepared_again(tmp_path: Path) -> None:
    place = bench(tmp_path, c1="", c2="", c3="")
    taken = meter(tmp_path, place, command="test -e built", prepare=f"touch built; {counted(tmp_path, 'p')}")
    sample(taken.sample("c1", 0))
    place.checkout("c2")
    place.checkout("c3")

    sample(taken.sample("c1", 0))
    assert count(tmp_path) == ["p", "p"]


def test_a_command_that_empties_its_home_does_not_harm_the_meter(tmp_path: Path) -> None:
    command = "rm -rf $HOME/* $HOME/.a*; echo METRIC x=1"
    taken = meter(
        tmp_path, bench(tmp_path, c1=""), command=command, extract=ExtractConfig(**NAMED), warmups=1
    )

    assert [sample(taken.sample("c1", 0)).value for _ in range(2)] == [1.0, 1.0]


def test_a_failing_preparation_or_warmup_is_the_failure(tmp_path: Path) -> None:
    place = bench(tmp_path, c1="")
    prepare = failed(
        meter(tmp_path, place, command="true", prepare="echo broken >&2; exit 2").sample("c1", 0)
    )
    warmup = failed(meter(tmp_path, place, command="exit 3", warmups=1).sample("c1", 0))

    assert (prepare.reason, prepare.tail) == ("metric.prepare: exit code 2", "broken")
    assert warmup.reason == "metric.command: exit code 3"


def test_a_failed_preparation_is_tried_again(tmp_path: Path) -> None:
    taken = meter(
        tmp_path, bench(tmp_path, c1=""), command="true", prepare=f"{counted(tmp_path, 'p')}; exit 1"
    )
    failed(taken.sample("c1", 0))
    failed(taken.sample("c1", 0))

    assert count(tmp_path) == ["p", "p"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo METRIC x=1; exit 1", "metric.command: exit code 1"),
        ("echo METRIC x=1; kill -9 $$", "metric.command: killed by SIGKILL (out of memory?)"),
        ("echo METRIC x=0,5", "metric.command: '0,5' has a comma; print numbers with a decimal point only"),
        ("echo METRIC x=1 >&2", "metric.command: the line `METRIC x=` was not found in the output"),
    ],
)
def test_a_command_without_a_number_is_a_failure_with_its_output(
    tmp_path: Path, command: str, reason: str
) -> None:
    taken = failed(
        meter(tmp_path, bench(tmp_path, c1=""), command=command, extract=ExtractConfig(**NAMED)).sample(
            "c1", 0
        )
    )

    assert taken.reason == reason
    assert taken.tail.startswith("METRIC x=")
    assert not taken.timeout


def test_the_configured_timeout_counts(tmp_path: Path) -> None:
    taken = failed(meter(tmp_path, bench(tmp_path, c1=""), command="sleep 30", timeout_s=0.3).sample("c1", 0))

    assert taken.timeout
    assert taken.reason.startswith("metric.command: ended after 0.")


def test_the_baseline_sets_the_timeout_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoopt.meters.shell.SHORTEST_LIMIT_S", 0.5)
    place = bench(tmp_path, c1="0.6", c2="0.9", c3="30", c4="30")
    taken = meter(tmp_path, place, command="sleep $(cat value)")
    sample(taken.sample("c1", 0))
    sample(taken.sample("c2", 0))  # does not lengthen the limit
    started = time.monotonic()

    assert failed(taken.sample("c3", 0)).timeout
    assert 1.2 <= time.monotonic() - started < 1.8
    assert failed(meter(tmp_path, place, command="sleep 30", baseline=0.3).sample("c4", 0)).timeout


def test_the_first_commit_may_be_late_on_a_machine_that_has_become_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoopt.meters.shell.SHORTEST_LIMIT_S", 0.3)
    place = bench(tmp_path, c1="")
    slow = f"test -e {tmp_path}/again && sleep 0.7; touch {tmp_path}/again"
    taken = meter(tmp_path, place, command=slow)
    sample(taken.sample("c1", 0))

    assert sample(taken.sample("c1", 0)).wall_s > 0.6


def test_a_hopeless_run_is_ended_at_the_callers_limit_and_says_so(tmp_path: Path) -> None:
    taken = meter(tmp_path, bench(tmp_path, c1="0", c2="30"), command="sleep $(cat value)", warmups=0)
    ended = failed(taken.sample("c2", 0, limit_s=0.4))

    assert (ended.over_s, ended.timeout) == (0.4, True)
    assert sample(taken.sample("c1", 0, limit_s=0.4)).wall_s < 0.4
    own = failed(meter(tmp_path, bench(tmp_path, c1="30"), command="exit 3").sample("c1", 0, limit_s=5))
    assert own.over_s is None


def test_a_warm_up_may_take_longer_but_not_for_ever(tmp_path: Path) -> None:
    started = time.monotonic()
    ended = failed(
        meter(tmp_path, bench(tmp_path, c1=""), command="sleep 30", warmups=1).sample("c1", 0, limit_s=0.3)
    )

    assert (ended.over_s, ended.timeout) == (0.3, True)
    assert 0.6 <= time.monotonic() - started < 5


def test_the_callers_limit_is_longer_for_warmups_and_not_longer_than_the_metrics(tmp_path: Path) -> None:
    place = bench(tmp_path, c1="")
    slow_start = "test -e $AUTOOPT_SCRATCH/warm || { sleep 0.6; touch $AUTOOPT_SCRATCH/warm; }"
    assert sample(meter(tmp_path, place, command=slow_start, warmups=1).sample("c1", 0, limit_s=0.4))

    ended = failed(meter(tmp_path, place, command="sleep 30", timeout_s=0.3).sample("c1", 0, limit_s=60))
    assert (ended.over_s, ended.timeout) == (None, True)


NOW = "date +%s%N > $AUTOOPT_SCRATCH"
WHEN = f"{NOW}/from; sleep 0.2; {NOW}/to; echo METRIC x=$(cat value)"


@pytest.mark.skipif(os.cpu_count() == 1, reason="one processor")
def test_a_duet_runs_both_commits_at_the_same_moment_with_one_seed(tmp_path: Path) -> None:
    place = bench(tmp_path, c1="41", c2="42")
    taken = meter(tmp_path, place, command=WHEN, extract=ExtractConfig(**NAMED), warmups=1)
    one, other = (sample(each) for each in taken.duet("c1", "c2", 7))

    assert (one.value, other.value, one.seed, other.seed) == (41.0, 42.0, 7, 7)
    times = [
        [int((place.scratch(c) / "kept" / end).read_text()) for c in ("c1", "c2")] for end in ("from", "to")
    ]
    assert max(times[0]) < min(times[1])
    with pytest.raises(ValueError, match="two commits"):
        taken.duet("c1", "c1", 7)


@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 1, reason="needs two processors")
def test_the_sides_of_a_duet_are_apart_and_swapped_at_random(tmp_path: Path) -> None:
    where = "echo METRIC x=$(grep Cpus_allowed_list /proc/self/status | tr -cd 0-9)"
    taken = meter(tmp_path, bench(tmp_path, c1="", c2=""), command=where, extract=ExtractConfig(**NAMED))
    seen = set()
    for _ in range(40):  # the same side each time would be a chance of 2 in a million million
        one, other = (sample(each).value for each in taken.duet("c1", "c2", 0))
        assert one != other
        seen.add((one, other))
        if len(seen) == 2:
            return
    raise AssertionError(seen)


def test_a_duet_shows_which_of_the_two_fails(tmp_path: Path) -> None:
    place = bench(tmp_path, c1="0", c2="3", c3="0")
    running = meter(tmp_path, place, command="exit $(cat value)")
    building = meter(tmp_path, place, command="echo", prepare="exit $(cat value)")

    well, ill = running.duet("c1", "c2", 0)
    assert sample(well) and failed(ill).reason == "metric.command: exit code 3"
    ill, well = building.duet("c2", "c3", 0)
    assert sample(well) and failed(ill).reason == "metric.prepare: exit code 3"
    well, ill = building.duet("c1", "c2", 0)
    assert sample(well) and failed(ill).reason == "metric.prepare: exit code 3"


def test_a_duet_may_take_longer_than_either_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoopt.meters.shell.SHORTEST_LIMIT_S", 0.5)
    place = bench(tmp_path, c1="0.8", c2="30")
    taken = meter(tmp_path, place, command="sleep $(cat value)", baseline=0.35)

    well, ill = taken.duet("c1", "c2", 0)
    assert sample(well)
    assert failed(ill).timeout


def test_a_duet_needs_two_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoopt.meters.shell.halves", lambda: None)

    with pytest.raises(UsageError, match=r"metric\.duet=no"):
        meter(tmp_path, bench(tmp_path), command="true", duet=True)


def test_an_exit_code_can_be_the_number_but_not_a_signal(tmp_path: Path) -> None:
    place, number = bench(tmp_path, c1=""), ExtractConfig(kind=Extraction.exit_code)

    assert sample(meter(tmp_path, place, command="exit 17", extract=number).sample("c1", 0)).value == 17.0
    assert (
        "SIGKILL" in failed(meter(tmp_path, place, command="exit 137", extract=number).sample("c1", 0)).reason
    )


def test_the_file_with_the_number_must_be_written_by_this_execution(tmp_path: Path) -> None:
    number = ExtractConfig(kind=Extraction.line, pattern="1", file="out/number")
    place = Folders(tmp_path / "bench", {"c1": {"out/number": "99"}, "c2": {"out/number/deep": ""}})
    good = meter(tmp_path, place, command="echo 5 > out/number", extract=number)
    stale = meter(tmp_path, place, command="true", extract=number)

    assert sample(good.sample("c1", 0)).value == 5.0
    assert "did not write out/number" in failed(stale.sample("c1", 0)).reason
    assert "out/number is there and stays" in failed(good.sample("c2", 0)).reason


@pytest.mark.parametrize(
    "how", ["ln -s $PWD/value number", "mkfifo number", "ln -s /dev/zero number", "mkdir number"]
)
def test_only_a_regular_file_can_hold_the_number(tmp_path: Path, how: str) -> None:
    number = ExtractConfig(kind=Extraction.line, pattern="1", file="number")
    taken = meter(tmp_path, bench(tmp_path, c1="5"), command=how, extract=number).sample("c1", 0)

    assert "did not write number" in failed(taken).reason


def test_parameters_of_the_env_file_reach_the_command_and_nothing_else_of_it(tmp_path: Path) -> None:
    files = {
        "c1": {"tuning.env": "THREADS=4\nBASH_ENV=evil\nMODE=fast\n", "evil": "echo METRIC x=666; exit 0"}
    }
    taken = meter(
        tmp_path, Folders(tmp_path / "bench", files), names=("THREADS",), env={"MODE": "slow"},
        env_file="tuning.env", extract=ExtractConfig(**NAMED),
        command='test "$MODE" = slow && echo METRIC x=$THREADS',
    )  # fmt: skip

    assert sample(taken.sample("c1", 0)).value == 4.0


def test_the_environment_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    place = bench(tmp_path, c1="")
    command = 'test -z "$API_TOKEN" -a "$HOME" != "$AUTOOPT_SCRATCH" -a "$TMPDIR" = "$HOME" && touch $HOME/x'
    sample(meter(tmp_path, place, command=command).sample("c1", 0))

    assert (place.scratch("c1") / "own" / "x").exists()


def test_the_number_is_found_at_either_end_of_a_long_output(tmp_path: Path) -> None:
    command = "echo METRIC y=1; head -c 5000000 /dev/zero; echo; echo METRIC x=2"
    taken = meter(tmp_path, bench(tmp_path, c1=""), command=command, extract=ExtractConfig(**NAMED))

    assert sample(taken.sample("c1", 0)).details == {"x": 2.0, "y": 1.0}


def test_long_json_is_read_whole(tmp_path: Path) -> None:
    config = ExtractConfig(kind=Extraction.json, pattern="t", stream=Stream.stderr)
    script = tmp_path / "long.py"
    script.write_text('import json, sys; json.dump({"pad": "x" * 4_000_000, "t": 3}, sys.stderr)')
    taken = meter(tmp_path, bench(tmp_path, c1=""), command=f"{sys.executable} {script}", extract=config)

    assert sample(taken.sample("c1", 0)).value == 3


def test_logs_do_not_pile_up(tmp_path: Path) -> None:
    taken = meter(tmp_path, bench(tmp_path, c1=""), command="echo hello")
    for _ in range(13):
        sample(taken.sample("c1", 0))

    logs = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert len(logs) == 10
    assert logs[-1] == "000013-sample"
    assert (tmp_path / "logs" / logs[-1] / "stdout").read_text() == "hello\n"


def test_an_extraction_that_cannot_work_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"metric\.extract\.pattern"):
        meter(
            tmp_path,
            bench(tmp_path),
            command="true",
            extract=ExtractConfig(kind=Extraction.regex, pattern="x"),
        )
