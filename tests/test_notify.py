import json
import os
import time
from dataclasses import replace

import pytest
from support.parallel_runs import here, recipe

from autoopt import signals
from autoopt.compose import finish, refusals
from autoopt.errors import Terminated, UsageError
from autoopt.processes.turns import Turns
from autoopt.records import Confirmation, Experiment, Failure, Finding, Measurement, Sample, Status
from autoopt.reporters.notify import Notifier
from autoopt.schema import Config, Direction, MetricConfig, Notice, NotifyConfig

SAMPLE = Sample(value=0.3, wall_s=1, cpu_s=1, peak_bytes=1, seed=1)
BASELINE = Experiment(
    number=0,
    status=Status.baseline,
    commit="a" * 40,
    parent="a" * 40,
    description="baseline",
    hypothesis="",
    area="",
    source="",
    measurement=Measurement(commit="a" * 40, samples=(SAMPLE,)),
)
KEEP = replace(BASELINE, number=1, status=Status.keep, description='an\nindex \x1b[31m"$(id)"')
CRASH = replace(
    BASELINE, number=2, status=Status.crash, measurement=None, failure=Failure(reason="exit code 1")
)
SUSPECT = replace(
    BASELINE,
    number=3,
    status=Status.inspector_reject,
    findings=(Finding(guard="clocks", passed=False, message="patches time", suspect=True),),
)
CLAIM = Confirmation(baseline=0.4, final=0.3, effect=0.28, low=0.27, high=0.29, pairs=8, is_ratio=True)


class Place:
    """A notifier whose command writes what it is told to a file."""

    def __init__(self, folder, command="cat >> said; echo >> said", **options):
        self.folder = folder
        self.complaints = []
        config = NotifyConfig(command=command, **options)
        self.notifier = Notifier(
            config,
            dict(os.environ),
            run_id="r1",
            goal="quick",
            unit="s",
            direction=Direction.lower,
            cwd=folder,
            logs=folder / "logs",
            baseline=None,
            turns=Turns(),
            tell=self.complaints.append,
        )

    def said(self):
        path = self.folder / "said"
        return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def test_what_happens_is_told_as_json_with_what_is_known_of_it(tmp_path):
    place = Place(tmp_path, on=list(Notice))
    for past in (BASELINE, KEEP, CRASH, SUSPECT):
        place.notifier.on_experiment(past, BASELINE)
    place.notifier.on_finish("spent", (BASELINE, KEEP), CLAIM)

    first, kept, crash, suspect, end = place.said()
    assert [one["event"] for one in place.said()] == ["baseline", "keep", "crash", "suspect", "end"]
    assert (first["run"], first["goal"], first["value"]) == ("r1", "quick", 0.3)
    assert (kept["number"], kept["status"], kept["baseline"]) == (1, "keep", 0.3)
    assert crash["text"] == "#2 crash  exit code 1  baseline"
    assert suspect["text"].startswith("#3 inspector-reject (suspect)  300 ms  suspect: clocks")
    assert end["text"] == "ended: spent; 400 ms → 300 ms: 24.4 % faster (95 % 23.7–25.2 %), 8 fresh pairs"
    assert (end["effect"], end["reason"], end["commit"]) == (0.28, "spent", None)
    assert {frozenset(one) for one in place.said()} == {frozenset(end)}
    assert place.complaints == []


def test_only_what_is_wanted_is_told_and_variables_are_one_plain_line_each(tmp_path):
    place = Place(tmp_path, 'echo "$AUTOOPT_EVENT|$AUTOOPT_TEXT|$AUTOOPT_RUN|$AUTOOPT_STATUS" >> lines')
    for past in (BASELINE, KEEP, CRASH):
        place.notifier.on_experiment(past, BASELINE)

    assert (tmp_path / "lines").read_text() == 'keep|#1 keep 300 ms an index "$(id)"|r1|keep\n'


@pytest.mark.parametrize(("command", "trouble"), [("false", "exit code 1"), ("sleep 30", "its time limit")])
def test_a_notification_that_fails_or_hangs_is_told_once_and_harms_nothing(tmp_path, command, trouble):
    place = Place(tmp_path, command, timeout_s=0.2)
    began = time.monotonic()
    place.notifier.on_experiment(KEEP, BASELINE)
    place.notifier.on_experiment(KEEP, BASELINE)

    assert time.monotonic() - began < 10
    (complaint,) = place.complaints
    assert complaint.startswith("notify.command: ") and trouble in complaint


def test_a_notification_that_cannot_be_written_down_is_told_too(tmp_path):
    (tmp_path / "logs").write_text("no directory")
    place = Place(tmp_path)
    place.notifier.on_experiment(KEEP, BASELINE)

    (complaint,) = place.complaints
    assert complaint.startswith("notify.command: ") and "File exists" in complaint


def test_no_agent_may_have_anything_notified():
    assert "only a person can set this" in refusals.of_agents(["notify.command=curl evil.example"])
    assert "only a person can set this" in refusals.of_agents(["notify={command: x}"])


def test_no_notification_without_time_for_it():
    with pytest.raises(UsageError, match=r"^notify\.timeout_s: 0 s leaves no time"):
        finish.refuse_odd_numbers(
            Config(metric=MetricConfig(command="true"), notify=NotifyConfig(timeout_s=0))
        )


@pytest.mark.parametrize(("name", "raised"), [("TERM", Terminated), ("INT", KeyboardInterrupt)])
def test_ctrl_c_ends_a_notification_and_the_run(tmp_path, name, raised):
    place, said = Place(tmp_path, f"kill -{name} $AUTOOPT_TEST_PID; sleep 20"), []
    place.notifier._environ = {**os.environ, "AUTOOPT_TEST_PID": str(os.getpid())}
    began = time.monotonic()
    with signals.handled(), pytest.raises(raised), signals.patient(lambda: said.append("waits")):
        place.notifier.on_experiment(KEEP, BASELINE)

    assert time.monotonic() - began < 10
    assert said == []


def test_a_run_notifies_between_its_experiments_shows_the_command_and_leaves_no_status(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SHOP_TOKEN", "hush-hush-4711")
    monkeypatch.setenv("OTHER_TOKEN", "of-the-user-himself")
    project = here(tmp_path, monkeypatch, {"one": recipe("a", 1)})
    seen = f'echo "[$SHOP_TOKEN] [$OTHER_TOKEN] [$SHOP_NAME]" >> {tmp_path}/tokens'
    command = f"{seen}; cat >> {tmp_path}/said; echo >> {tmp_path}/said; exit 3"
    monkeypatch.setenv("SHOP_NAME", "yes")
    words = ("recipe=one", "run_id=r", "confirm=no", "metric.pass_env=[SHOP_*]")
    code, out, err = project.run(capsys, *words, f"notify.command={command}", "notify.on=[keep,end]")
    said = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines() if line]

    assert code == 0, err
    assert (
        tmp_path / "tokens"
    ).read_text() == "[] [of-the-user-himself] [yes]\n" * 2  # the metric's is not for it
    assert [one["event"] for one in said] == ["keep", "end"]
    assert said[0]["run"] == "r" and said[0]["value"] == 10.0 and said[0]["baseline"] == 18.0
    assert said[1]["text"].startswith("ended: the budget of 1 experiment is spent; 18 → 10")
    assert "at keep, end; as you, outside the sandbox" in " ".join(out.split())
    assert out.count("notify.command: exit code 3") == 1
    assert not list(project.state.rglob("now.json"))


def test_a_strangers_recipe_says_before_it_is_trusted_that_it_notifies_outside_the_sandbox(
    tmp_path, monkeypatch, capsys
):
    project = here(tmp_path, monkeypatch, {})
    folder = project.root / ".autoopt" / "recipes"
    folder.mkdir(parents=True)
    (folder / "nosy.yaml").write_text(
        recipe("a", 1, more="notify: {command: curl -s -d hi ntfy.sh/x, on: [end]}")
    )
    refused, _, err = project.run(capsys, "recipe=nosy", "confirm=no")
    _, out, shown = project.run(capsys, "recipes", "trust", "nosy", "--yes")

    assert refused == 7 and "not trusted" in err
    assert "notify.command: curl -s -d hi ntfy.sh/x" in out + shown
    assert "notify.command runs as you, outside the sandbox." in out + shown
