"""Two hypotheses race for the same files; only the winner is merged."""

import pytest
from support.parallel_runs import here, recipe


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"a": recipe("a", 1).replace("[9, 1]", "[9, 5, 1]")})


def test_of_two_hypotheses_the_better_one_is_merged(project, capsys):
    words = ("-m", "recipe=a", "params.n.first=[5],[1]", "seed=1", "propose.optuna.sampler=random")
    refused, _, error = project.run(capsys, *words)
    code, out, err = project.run(capsys, *words, "allow_overlap=race")

    assert refused == 2
    assert "params.n.first=[5] and params.n.first=[1] would both edit src/a/n" in error
    assert code == 0, out + err
    (line,) = [line for line in out.splitlines() if line.startswith("Put together: ")]
    runs = line.partition("autoopt ")[2].split()
    assert len(runs) == 3

    code, out, err = project.run(capsys, *runs)

    assert code == 0, err
    assert out.count("left out: lost the race against ") == 1
    (branch,) = [name for name in project.branches() if name.startswith("autoresearch/merge-")]
    assert project.git("show", f"{branch}:src/a/n") == "1"
    assert "18 → 10: 44.4 % lower" in out
    project.in_order()
