import json

import pytest
from support.parallel_runs import Project, recipe

from autoopt import cli, compose, journal
from autoopt.agents.notebook import Notebook
from autoopt.agents.thoughts import Idea
from autoopt.commands.reviewing import review_of
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.reporters import review as texts
from autoopt.workspaces.layout import Layout

READER = """\
command: cat > {log}; echo '{{"said":"merge it \\u001b[31mred","usd":0.25,"in":1200}}'
answer: {{format: json, text: said, cost_usd: usd, input_tokens: in, output_tokens: in}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A finished run of one keep, and an agent that reads."""
    folder = tmp_path_factory.mktemp("review")
    made = Project(folder, {"a": recipe("a", 3, more="final: {max_pairs: 2}")})
    made.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    agents = folder / "config" / "autoopt" / "agents"
    agents.mkdir(parents=True)
    (agents / "reader.yaml").write_text(READER.format(log=folder / "asked"))
    (agents / "silent.yaml").write_text("command: exit 3\n")
    done = made.autoopt("recipe=a", "run_id=r1", "confirm=no", "sandbox=none")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def review(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    for name, held in project.environ.items():
        monkeypatch.setenv(name, held)

    def call(*words):
        code = cli.main(["review", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_a_review_says_scores_reasons_and_what_to_type(review):
    code, out, _ = review()

    assert code == 0
    assert "Soundness 8 of 10: Can the claim be believed?" in out
    assert "+3 of 3: 2 fresh pairs confirm a gain: 33.3 % lower" in out
    assert "autoopt finish r1" in out and "unguarded: No command checked" in out


def test_the_review_as_json_has_every_rule(review):
    code, out, _ = review("r1", "--json")
    told = json.loads(out)

    assert code == 0 and told["run"] == "r1" and told["opinion"] is None
    assert set(told["scores"]) == {"soundness", "quality", "significance", "completeness"}
    for axis in told["axes"]:
        assert axis["score"] == max(1, min(10, 1 + sum(rule["given"] for rule in axis["rules"])))


def test_an_agent_reads_it_and_changes_no_score(review, project):
    _, before, _ = review("r1", "--json")
    code, out, _ = review("r1", "--json", "--agent", "reader")
    with_opinion, without = json.loads(out), json.loads(before)
    _, shown, _ = review("--agent=reader")
    asked = (project.root.parent / "asked").read_text()

    assert code == 0
    assert with_opinion["opinion"]["usage"]["cost_usd"] == 0.25
    assert {**with_opinion, "opinion": None} == without
    assert "An opinion. The scores are computed from the evidence" in shown
    assert "reader: 1 call, $0.25" in shown and "merge it red" in shown and "\x1b" not in shown
    assert "Soundness: 8 of 10" in asked and "-9" in asked and "+3" in asked


def test_ideas_that_an_agent_scored_and_nobody_tried_are_shown_with_their_scores(review, project):
    files = RunFiles(next(project.state.glob("autoopt/*/r1")))
    incumbent = Journal(files.journal).incumbent.commit
    idea = {"area": "src", "impact": 9, "feasibility": 8, "novelty": 7, "assumption": "a", "risk": "r"}
    said = Idea(hypothesis="Less should improve it because \x1b[31mit is", **idea)
    Notebook(files.ideas).remember(incumbent, [said])
    try:
        out = review("r1")[1]
    finally:
        files.ideas.unlink()

    assert "Less should improve it because it is (scored 8.0 of 10)" in out and "\x1b" not in out
    assert "+0 of 1: 1 idea scored and not tried" in out
    assert "autoopt resume r1 budget.experiments=10" in out


def test_a_run_that_is_worked_on_is_not_called_cut_short(project):
    files = RunFiles(next(project.state.glob("autoopt/*/r1")))
    record, layout = Journal(files.journal), Layout.load(files.state)
    config = compose.load(files.config.read_text())
    record.stopped = None

    with journal.held(files.state):
        said = texts.markdown(review_of(config, record, layout, files))
    assert "it is still running" in said.lower() and "it has not ended" in said.lower()
    assert "it was cut short" in texts.markdown(review_of(config, record, layout, files)).lower()


def test_a_reader_that_fails_or_is_unknown_is_told_in_a_line(review):
    assert review("--agent", "silent")[::2] == (
        4,
        "autoopt: --agent: no reading by silent: exit code 3; "
        "the review without it is `autoopt review r1`.\n",
    )
    assert "--agent: raeder: no such agent. Did you mean reader?" in review("--agent", "raeder")[2]
    assert "--agent needs the name of one" in review("--agent")[2]
    assert "review takes one run" in review("r1", "r2")[2]


def test_the_report_has_the_review(review, project, capsys):
    assert cli.main(["report", "r1"]) == 0

    assert "### Soundness: 8 of 10" in capsys.readouterr().out
    assert 'class="review"' in next(project.state.glob("*/*/*/report.html")).read_text()
