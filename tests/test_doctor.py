"""The doctor: real A/A pairs in real repositories, and advice by what they show."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from autoopt import doctor
from autoopt.doctor import costs, levels, machine, noise
from autoopt.doctor.levels import Level
from autoopt.doctor.machine import Machine, Watch
from autoopt.doctor.noise import Clock, Noise
from autoopt.doctor.twins import Series, Way, take
from autoopt.judge import Judge
from autoopt.records import Failure, Sample
from autoopt.schema import Config, Direction, Extraction, Patience, Variation
from autoopt.scope import Scope
from autoopt.workspaces.bench import twin
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import plan
from autoopt.workspaces.links import Needs
from autoopt.workspaces.repository import discover

SUM = "awk '{s += $1} END {print s}' numbers.txt"
COUNT = (
    "scope=numbers.txt",
    f"metric.command={SUM}",
    "metric.extract.kind=line",
    "metric.extract.pattern=1",
    "metric.warmups=0",
    "guards.tests.command=null",
)


class Project:
    """A repository, and directories of its own for state and temporary files."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.state = root / "state"
        self.tmp = root / "tmp"
        self.root.mkdir()
        self.tmp.mkdir()
        (self.root / "numbers.txt").write_text("3\n4\n")
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state), "TMPDIR": str(self.tmp)}

    def doctor(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autoopt", "doctor", "recipe=command", *words],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def facts(self, *words: str, code: int = 0) -> dict[str, object]:
        done = self.doctor(*words, "--json", "--pairs", "3")
        assert done.returncode == code, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def content(self) -> dict[str, str]:
        """Every file of the repository with a hash of what is in it, and every directory."""
        files = sorted(self.root.rglob("*"))
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file()
            else "directory"
            for path in files
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_nothing_is_on_disk_afterwards(project: Project) -> None:
    before = project.content()

    done = project.doctor(*COUNT, "--pairs", "2")

    assert done.returncode == 0, done.stderr
    assert project.content() == before
    assert not project.state.exists()
    assert list(project.tmp.iterdir()) == []


def test_nothing_is_on_disk_after_it_was_ended_in_the_middle(project: Project) -> None:
    before = project.content()
    words = ("scope=numbers.txt", "metric.command=cat numbers.txt; sleep 60", "guards.tests.command=null")
    process = subprocess.Popen(
        [sys.executable, "-m", "autoopt", "doctor", "recipe=command", *words],
        cwd=project.root,
        env=project.environ,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(project.tmp.glob("*/*/logs/*/stdout")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 128 + signal.SIGTERM
    assert project.content() == before
    assert not project.state.exists()
    assert list(project.tmp.iterdir()) == []


def test_a_count_repeats_exactly_so_any_gain_counts(project: Project) -> None:
    told = project.facts(*COUNT)

    assert told["metric"]["variation"] == "none"  # type: ignore[index]
    assert told["metric"]["suspicion"] == ""  # type: ignore[index]
    assert {one["way"] for one in told["noise"]} == {"turns"}  # type: ignore[attr-defined]
    assert told["noise"][0]["sd"] == told["noise"][0]["gain"] == 0.0  # type: ignore[index]
    assert told["overrides"] == []
    assert told["would_start"]


def test_a_score_that_ignores_the_seed_is_said_to_fit_one_split(project: Project) -> None:
    told = project.facts(*COUNT, f"metric.command={SUM} | sed s/7/0.91/")

    assert "3 seeds" in told["metric"]["suspicion"]  # type: ignore[index]
    assert any("AUTOOPT_SEED" in one and "3 seeds" in one for one in told["warnings"])  # type: ignore[attr-defined]


def test_settings_are_not_called_good_below_a_warning(project: Project) -> None:
    said = project.doctor(*COUNT, f"metric.command={SUM} | sed s/7/0.91/", "--pairs", "2").stdout

    assert "it looks exact" in said
    assert "The settings are good" not in said
    assert "No other settings are recommended:" in said


def test_a_score_that_follows_the_seed_is_compared_seed_by_seed(project: Project) -> None:
    command = "awk -v s=$AUTOOPT_SEED '{t += $1} END {print t / 10 + (s * 37 % 11) / 100}' numbers.txt"
    told = project.facts(*COUNT, f"metric.command={command}")

    assert told["metric"]["variation"] == "seed"  # type: ignore[index]
    assert told["metric"]["suspicion"] == ""  # type: ignore[index]
    assert told["noise"][0]["sd"] > 0  # type: ignore[index]


def test_a_time_is_taken_in_turns_and_at_once(project: Project) -> None:
    told = project.facts(
        "scope=numbers.txt",
        f"metric.command={SUM} && sleep 0.05",
        "metric.unit=s",
        "metric.probe=no",
        "guards.tests.command=null",
    )
    taken = {(one["clock"], one["way"]) for one in told["noise"]}  # type: ignore[attr-defined]

    assert told["metric"]["variation"] == "noise"  # type: ignore[index]
    assert {("metric", "turns"), ("cpu", "turns")} <= taken
    assert (("metric", "duet") in taken) is (machine.available() > 1)
    assert [one["patience"] for one in told["patience"]] == ["quick", "default", "patient", "careful"]  # type: ignore[attr-defined]


def test_a_metric_that_does_not_run_the_scope_is_found_out(project: Project) -> None:
    told = project.facts(*COUNT, "metric.command=echo 7", code=2)

    assert not told["would_start"]
    assert "garbage" in told["checks"][0]["complaint"]  # type: ignore[index]


def test_a_number_that_is_said_not_to_vary_and_does_is_found_out(project: Project) -> None:
    command = "awk -v s=$AUTOOPT_SEED '{t += $1} END {print t + s % 7}' numbers.txt"
    told = project.facts(*COUNT, f"metric.command={command}", "metric.variation=none", code=2)

    assert "metric.variation is none" in told["checks"][0]["complaint"]  # type: ignore[index]


def test_a_guard_that_fails_already_is_found_out(project: Project) -> None:
    done = project.doctor(*COUNT, "guards.sane.command=exit 3", "--pairs", "2")

    assert done.returncode == 2
    assert "A run would not start" in done.stdout
    assert "sane: " in done.stdout


def test_a_command_without_a_number_is_one_line(project: Project) -> None:
    done = project.doctor(*COUNT, "metric.command=echo no number")

    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if not line.startswith("doctor: ")]
    assert told[0].startswith("autoopt: metric.command: ")
    assert list(project.tmp.iterdir()) == []


def test_the_line_to_paste_is_a_command_line_of_the_same_run(project: Project) -> None:
    told = project.facts(*COUNT)

    assert shlex.split(str(told["command"])) == ["autoopt", "recipe=command", *COUNT]


@pytest.mark.parametrize("words", [("--pairs", "1"), ("--pairs",), ("--pairs=x",), ("-m", "scope=a")])
def test_words_that_mean_nothing_here_are_refused(project: Project, words: tuple[str, ...]) -> None:
    done = project.doctor(*words)

    assert done.returncode == 2
    assert done.stderr.startswith("autoopt: -")
    assert len(done.stderr.splitlines()) == 1


def test_twins_are_two_checkouts_of_the_same_files(project: Project) -> None:
    repository, state = discover(project.root), project.tmp / "state"
    state.mkdir()
    layout = plan(repository, "twins", state, state / "desk", Needs())
    workspace = GitWorkspace.bench_only(layout, state, layout.base, None, Scope(["."]))
    one, other = workspace.checkout(layout.base), workspace.checkout(twin(layout.base))

    assert one != other
    assert len(str(one)) == len(str(other))
    assert (one / "numbers.txt").read_bytes() == (other / "numbers.txt").read_bytes() == b"3\n4\n"
    assert workspace.scratch(layout.base) != workspace.scratch(twin(layout.base))
    workspace.close()


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the kernel does not tell")
def test_a_program_that_keeps_a_core_busy_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        watch = Watch()
        time.sleep(0.5)
        read = watch.read()
        busy.kill()

    assert read.others is not None
    assert read.others > 0.3


def test_a_machine_is_loaded_by_what_others_do_not_by_what_was_before() -> None:
    assert Machine(cores=4, load=0.1, others=2.0).is_loaded
    assert not Machine(cores=4, load=2.0, others=0.1).is_loaded
    assert Machine(cores=4, load=0.9).is_loaded
    assert Machine(cores=4, others=0.0, stolen=0.2).is_loaded
    assert Machine(cores=4, others=0.0, granted=0.5).is_loaded


def test_a_program_that_has_to_wait_for_its_turn_is_no_program_that_waits() -> None:
    with ExitStack() as stack:
        for _ in range(2 * machine.available()):
            stack.callback(
                stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"])).kill
            )
        watch = Watch()
        time.sleep(0.2)
        for _ in range(3):
            watch.feel()
        read = watch.read()

    assert read.granted < 0.85
    assert read.is_loaded


def sample(value: float, cpu_s: float = 1.0, seed: int = 0) -> Sample:
    return Sample(value=value, wall_s=1.0, cpu_s=cpu_s, peak_bytes=1, seed=seed)


def series(values: list[tuple[float, float]], way: Way = Way.turns) -> Series:
    pairs = [(sample(one), sample(other)) for one, other in values]
    return Series(way, pairs=pairs, seconds=[3.0] + [2.0] * (len(pairs) - 1))


def config(kind: Extraction = Extraction.regex) -> Config:
    made = Config()
    made.metric.extract.kind = kind
    return made


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ([(5.0, 5.0), (5.0, 5.0)], Variation.none),
        ([(5.0, 5.0), (6.0, 6.0)], Variation.seed),
        ([(5.0, 5.0), (5.0, 5.1)], Variation.noise),
    ],
)
def test_pairs_of_one_seed_tell_how_a_number_varies(
    values: list[tuple[float, float]], how: Variation
) -> None:
    assert noise.variation(config(), series(values).pairs) is how
    assert noise.variation(config(Extraction.wall), series(values).pairs) is Variation.noise


@pytest.mark.parametrize(
    ("cpu_s", "granted", "cores"),
    [(0.98, 1.0, 0.98), (0.4, 0.4, 1.0), (0.95, 0.7, 1.0), (0.1, 0.5, 0.2), (1.8, 0.9, 2.0)],
)
def test_what_a_run_computes_is_told_from_what_the_machine_lets_it(
    cpu_s: float, granted: float, cores: float
) -> None:
    runs = Series(Way.turns, pairs=[(sample(1.0, cpu_s), sample(1.0, cpu_s))], seconds=[2.0])

    assert noise.computing(runs, granted) == pytest.approx(cores)


def test_the_noise_of_a_pair_is_that_of_its_gain() -> None:
    chance = random.Random(1)
    values = [(1.0, chance.gauss(1.0, 0.02)) for _ in range(40)]
    found = noise.of_series(
        config(Extraction.wall), series(values), Clock.metric, Variation.noise, Patience.default
    )

    assert 0.015 < found.share < 0.035
    assert found.low < found.share < found.high
    assert found.gain > found.share
    assert found.offset is None


def test_checkouts_that_differ_by_their_place_are_told_apart() -> None:
    values = [(1.0, 1.1 + 0.001 * (at % 3)) for at in range(8)]
    found = noise.of_series(
        config(Extraction.wall), series(values), Clock.metric, Variation.noise, Patience.default
    )

    assert found.offset == pytest.approx(0.096, abs=0.01)


def test_patience_confirms_smaller_gains_for_more_pairs() -> None:
    judge = Judge(Config().verdict, Direction.lower, "s")
    judge.start([1.0, 1.05, 0.97, 1.02, 0.99, 1.04], Variation.noise)
    quick, default, patient, careful = levels.levels(Config(), judge, judge.noise, Variation.noise, 2.0, 1.0)

    assert quick.gain > default.gain > patient.gain > careful.gain
    assert quick.pairs < default.pairs < patient.pairs < careful.pairs
    assert quick.most == 8 and careful.most == 32
    assert default.seconds == pytest.approx(1.0 + 2.0 * default.pairs)


def test_an_exact_number_needs_a_run_or_two() -> None:
    judge = Judge(Config().verdict, Direction.lower)
    judge.start([7.0, 7.0], Variation.none)
    found = levels.levels(Config(), judge, 0.0, Variation.none, 2.0, 0.5)

    assert {one.most for one in found} == {2}
    assert found[0].seconds < 2.0


def one_noise(share: float, clock: Clock = Clock.metric, way: Way = Way.turns, pair_s: float = 2.0) -> Noise:
    return Noise(
        clock=clock,
        way=way,
        pairs=12,
        value=1.0,
        sd=share,
        share=share,
        low=share / 1.5,
        high=share * 1.5,
        gain=1.7 * share,
        words=f"{170 * share:.2g} %",
        offset=None,
        pair_s=pair_s,
    )


def examination(*noises: Noise, computing: float = 1.0, loaded: bool = False) -> doctor.Examination:
    made = [
        Level(patience=one, gain=0.1, words="10 %", pairs=4, most=16, seconds=9.0) for one in levels.LEVELS
    ]
    return doctor.Examination(
        machine=Machine(cores=2, others=1.5 if loaded else 0.0),
        how=Variation.noise,
        suspicion="",
        now=noises[0],
        noises=noises,
        levels=tuple(made),
        series=(
            series([(1.0, 1.01), (1.01, 1.0), (1.0, 1.02)]),
            series([(1.0, 1.0), (1.0, 1.001)], Way.duet),
        ),
        computing=computing,
        ready_s=1.0,
        checks=(),
        failures=(),
        runs=10,
    )


def overrides(found: doctor.Examination, made: Config | None = None) -> dict[str, str]:
    advice = doctor.advise(made or config(Extraction.wall), found)
    return {one.option: one.value for one in advice.overrides}


def test_cpu_time_is_recommended_where_it_is_steadier_and_the_program_computes() -> None:
    noises = one_noise(0.04), one_noise(0.01, Clock.cpu)

    assert overrides(examination(*noises)) == {"metric.extract.kind": "cpu"}
    assert overrides(examination(*noises, computing=0.3)) == {}
    assert overrides(examination(*noises, computing=1.9)) == {}


def test_why_cpu_time_is_not_recommended_is_said() -> None:
    found = examination(one_noise(0.04), one_noise(0.01, Clock.cpu), computing=0.3)

    warnings = doctor.advise(config(Extraction.wall), found).warnings

    assert any("waits 70 % of its time" in warning for warning in warnings)


def test_a_recipe_that_has_a_clock_of_its_own_is_told_to_use_it() -> None:
    made = config(Extraction.wall)
    made.options["clock"] = "wall"

    assert overrides(examination(one_noise(0.04), one_noise(0.01, Clock.cpu)), made) == {
        "options.clock": "cpu"
    }


def test_both_at_once_is_recommended_only_where_it_adds_to_cpu_time() -> None:
    turns, cpu, duet = one_noise(0.09), one_noise(0.02, Clock.cpu), one_noise(0.03, way=Way.duet)

    assert overrides(examination(turns, cpu, duet)) == {"metric.extract.kind": "cpu"}
    assert overrides(examination(turns, duet)) == {"metric.duet": "yes"}
    assert overrides(examination(turns, cpu, one_noise(0.005, Clock.cpu, Way.duet))) == {
        "metric.extract.kind": "cpu",
        "metric.duet": "yes",
    }


def test_duet_is_taken_back_where_it_disturbs() -> None:
    made = config(Extraction.wall)
    made.metric.duet = True

    assert overrides(examination(one_noise(0.05, way=Way.duet), one_noise(0.01)), made) == {
        "metric.duet": "no"
    }


def test_what_is_steady_enough_stays_as_it_is() -> None:
    found = examination(one_noise(0.005), one_noise(0.0001, Clock.cpu))

    advice = doctor.advise(config(Extraction.wall), found)

    assert advice.overrides == ()
    assert advice.noise is found.now


def test_patience_is_recommended_where_nothing_else_helps_and_never_over_the_users() -> None:
    made = config(Extraction.wall)
    found = examination(one_noise(0.2))
    assert overrides(found, made) == {"verdict.patience": "patient"}

    made.verdict.patience = Patience.quick
    assert overrides(found, made) == {}


def test_a_short_wall_budget_asks_for_quick_decisions() -> None:
    made = config(Extraction.wall)
    made.budget.wall = "1m"

    assert overrides(examination(one_noise(0.2)), made) == {"verdict.patience": "quick"}


def test_a_loaded_machine_hopeless_noise_and_failures_are_warned_of() -> None:
    found = replace(examination(one_noise(0.6), loaded=True), failures=("exit code 1",))

    said = "\n".join(doctor.advise(config(Extraction.wall), found).warnings)

    assert "the machine is loaded" in said
    assert "only gains of" in said
    assert "1 of 10 runs of the same commit gave no number (exit code 1)" in said


def test_a_metric_that_fails_now_and_then_is_still_examined() -> None:
    class Flaky:
        def __init__(self) -> None:
            self.count = 0

        def sample(self, commit: str, seed: int, limit_s: float | None = None) -> Sample | Failure:
            self.count += 1
            return Failure(reason="it fell over") if self.count == 4 else sample(1.0, seed=seed)

        def duet(self, one: str, other: str, seed: int) -> tuple[Sample | Failure, Sample | Failure]:
            return self.sample(one, seed), self.sample(other, seed)

    taken = take(Config(), Flaky(), ("a", "b"), Way.turns, 4, lambda stage, detail: None)

    assert len(taken.pairs) == 3
    assert [one.reason for one in taken.failures] == ["it fell over"]
    assert len({pair[0].seed for pair in taken.pairs}) == 3
    assert all(one.seed == other.seed for one, other in taken.pairs)


def test_the_budget_is_projected_in_time() -> None:
    made, level = Config(), Level(patience=Patience.quick, gain=0.1, words="", pairs=2, most=8, seconds=10.0)
    whole = costs.projection(made, level, 2.0)
    made.budget.wall = "60s"
    part = costs.projection(made, level, 2.0)

    assert whole.experiments == 20 and whole.fits
    assert whole.seconds is not None and whole.seconds >= 200
    assert part.experiments == 6 and not part.fits


def test_cost_is_told_as_far_as_it_is_known() -> None:
    made = Config()
    made.agent.name = "helper"
    assert costs.money(made, asks=False) == ("no agent is asked, so it costs nothing", 0.0)
    assert "unknown until helper" in costs.money(made, asks=True)[0]

    made.agent.prices.input = 3.0
    assert "about $0.18 an experiment" in costs.money(made, asks=True)[0]

    made.budget.experiment_cost_usd = 0.5
    assert costs.money(made, asks=True)[1] == 10.0

    made.budget.cost_usd = 4.0
    assert costs.money(made, asks=True)[1] == 4.0
