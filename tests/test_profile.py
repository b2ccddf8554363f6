import json
import sys

import pytest
from support.folders import Folders, arms

from autoopt.assemble.proposing import with_a_note
from autoopt.meters.profile import MOST, Profile
from autoopt.schema import MetricConfig, ProfileConfig

COMMITS = {"one": {"a.txt": "hot: a.txt\n"}, "two": {"a.txt": "hot: b.txt\n"}}


@pytest.fixture
def make(tmp_path):
    bench = Folders(tmp_path / "bench", COMMITS)

    def build(command, timeout_s=20.0, prepare=None, env=None):
        metric = MetricConfig(command="true", prepare=prepare, env=env or {})
        environ = {"PATH": "/usr/bin:/bin", "SECRET": "x"}
        return Profile(
            ProfileConfig(command=command, timeout_s=timeout_s),
            arms(bench, tmp_path / "logs", metric, environ),
            tmp_path / "profile.json",
        )

    return build


def test_each_commit_is_profiled_once_in_its_own_checkout(make, tmp_path):
    profile = make(f"echo run >> {tmp_path}/runs; cat a.txt")

    assert [profile.of("one"), profile.of("one"), profile.of("two")] == [
        "hot: a.txt",
        "hot: a.txt",
        "hot: b.txt",
    ]
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_a_resume_remembers_the_latest_profile_of_the_same_command(make, tmp_path):
    command = f"echo run >> {tmp_path}/runs; cat a.txt"
    make(command).of("one")

    assert make(command).of("one") == "hot: a.txt"
    assert (tmp_path / "runs").read_text() == "run\n"
    assert make("echo other").of("one") == "other"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"commit": "one"}'])
def test_a_damaged_memory_is_no_memory(make, tmp_path, content):
    (tmp_path / "profile.json").write_text(content)

    assert make("cat a.txt").of("one") == "hot: a.txt"
    assert json.loads((tmp_path / "profile.json").read_text())["text"] == "hot: a.txt"


def test_without_a_command_there_is_no_profile(make, tmp_path):
    assert make(None).of("one") == ""
    assert not (tmp_path / "bench").exists()


@pytest.mark.parametrize(
    ("command", "timeout_s", "note"),
    [
        ("echo lost; echo it broke >&2; exit 3", 20.0, "(no profile: exit code 3: it broke)"),
        ("exit 3", 20.0, "(no profile: exit code 3)"),
        ("sleep 30", 0.3, "(no profile: ended after 0.3 s, its time limit)"),
    ],
)
def test_a_profile_that_fails_is_a_note_and_is_tried_again_by_a_resume(
    make, tmp_path, command, timeout_s, note
):
    assert make(command, timeout_s).of("one") == note
    assert not (tmp_path / "profile.json").exists()


def test_a_person_is_told_once_that_there_is_no_profile(make):
    told = []
    profile = with_a_note(
        make("test $(cat a.txt | wc -l) = 2 || { echo broke >&2; exit 3; }").of, told.append
    )

    assert [profile("one"), profile("two")] == ["(no profile: exit code 3: broke)"] * 2
    assert told == ["no profile: exit code 3: broke"]
    assert with_a_note(make("cat a.txt").of, told.append)("one") == "hot: a.txt" and len(told) == 1


def test_a_checkout_that_cannot_be_prepared_has_no_profile(make):
    assert make("cat a.txt", prepare="exit 2").of("one") == "(no profile: metric.prepare: exit code 2)"


def test_it_sees_the_environment_of_the_metric(make):
    text = make('echo "$SEEN|$SECRET|$AUTOOPT_SCRATCH"', env={"SEEN": "yes"}).of("one")

    assert text.startswith("yes||/")


def test_of_a_long_profile_the_beginning_is_shown_and_what_is_missing_is_said(make):
    text = make(f"{sys.executable} -c 'print(\"\\n\".join(str(n) * 10 for n in range(9000)))'").of("one")

    assert text.startswith("0000000000\n1111111111\n")
    assert len(text) < MOST + 100
    *_, last, note = text.splitlines()
    assert note.startswith("(cut after ") and last.isdigit() and len(last) % 10 == 0


def test_terminal_colours_are_left_out(make):
    assert make("printf '\\033[31mred\\033[0m\\n'").of("one") == "red"
