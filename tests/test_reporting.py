"""What a report gathers from a run's directory."""

from pathlib import Path

from support.kept_runs import Kept, Step
from support.parallel_runs import here

from autoopt.commands.reporting import discreet, transcripts
from autoopt.records import Call, Usage
from autoopt.reporters import html, markdown
from autoopt.reporters.account import Account, Transcript
from autoopt.schema import Direction


def asked(number: int) -> Call:
    return Call(number=number, stage="think", agent="a", transcript=f"{number:04d}-1-think", usage=Usage())


def test_prompts_and_answers_are_read_as_far_as_there_is_room_the_latest_first(tmp_path: Path) -> None:
    for number in range(1, 60):
        (tmp_path / f"{number:04d}-1-think.prompt.md").write_text("p" * 70_000, "utf-8")
    (tmp_path / "0059-1-think.answer.md").write_bytes(b"an\xffswer")
    found = dict(transcripts([asked(number) for number in range(1, 61)], tmp_path))

    assert "0060-1-think" not in found  # its files are gone
    assert found["0059-1-think"].answer == "an\ufffdswer"
    assert "[... 10,000 characters are not shown ...]" in found["0059-1-think"].prompt
    assert "0058-1-think" in found and "0001-1-think" not in found
    assert sum(len(text) for one in found.values() for text in one) < 2_100_000


def test_a_secret_that_markup_would_hide_is_taken_out_before() -> None:
    secret = 'pa"ss<&_word'
    account = Account(
        run_id="r", goal="g", unit="s", direction=Direction.lower, history=(), confirmation=None, branch="b",
        base="0" * 40, reason="", diffs={1: f"+{secret}"}, facts={"metric": f"curl -u {secret}"},
        transcripts={"0001-1-think": Transcript(secret, secret)},
    )  # fmt: skip
    told = discreet(account, lambda text: text.replace(secret, "[secret]"))

    assert "curl -u [secret]" in html.report(told) and "curl -u [secret]" in markdown.report(told)
    assert told.diffs == {1: "+[secret]"} and told.transcripts["0001-1-think"] == ("[secret]", "[secret]")


def test_a_run_whose_commits_git_has_dropped_is_reported_without_them(tmp_path, monkeypatch, capsys):
    project = here(tmp_path, monkeypatch, {})
    Kept(steps=[Step(description="a", files={"src/a/n": "1\n"})]).make(project)
    gone = project.git("rev-parse", "autoresearch/r")
    (project.root / ".git" / "objects" / gone[:2] / gone[2:]).unlink()

    code, out, err = project.run(capsys, "report", "r")
    shown = project.run(capsys, "show", "r", "1")

    assert (code, err, shown[0]) == (0, "", 0)
    assert "Not in git any more, so not to be had: \\#1." in out
    assert "git merge" not in out and "autoopt resume r" in out
    assert f"no diff: {gone}: not in" in shown[2]
