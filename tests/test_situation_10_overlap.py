"""Overlapping scopes are refused before anything starts, with a split that can be pasted."""

import shlex

import pytest
from support.parallel_runs import here, recipe


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"a": recipe("a", 1), "b": recipe("b", 4)})


def test_the_proposed_split_runs(project, capsys):
    code, _, err = project.run(capsys, "-m", "recipe=a,b", "scope=src")

    assert code == 2
    assert "src/a/n, src/b/n, src/both" in err
    assert project.states() == []
    lines = [line.strip() for line in err.splitlines() if line.startswith("  recipe=")]
    assert len(lines) == 2
    for line in lines:
        code, out, error = project.run(capsys, *shlex.split(line))
        assert code == 0, out + error
    changed = [project.git("diff", "--name-only", f"main..autoresearch/{s.name}") for s in project.states()]
    assert sorted(changed) == ["src/a/n", "src/b/n"]
    project.in_order()
