"""Two runs at the same time with disjoint scopes: from one command line, and from two terminals."""

import importlib.util
import time

import pytest
from support.parallel_runs import FILES, Project, recipe
from support.trusting import trust
from support.workspace_repos import git

TOGETHER = (
    "touch {gate}/{name}; until [ -e {gate}/{other} ]; do sleep 0.2; done; echo METRIC n=$(cat src/{name}/n)"
)


@pytest.fixture
def project(tmp_path):
    """Neither run's metric ends before the other's has begun."""
    gate = tmp_path / "gate"
    gate.mkdir()
    commands = {
        name: TOGETHER.format(gate=gate, name=name, other=other) for name, other in (("a", "b"), ("b", "a"))
    }
    return Project(tmp_path, {name: recipe(name, 1, command) for name, command in commands.items()}, FILES)


def measured(project, run):
    """Whether its baseline is being measured, which ends at the gate only."""
    return any('"BEGIN"' in path.read_text() for path in project.state.glob(f"autoopt/*/{run}/journal.jsonl"))


def apart(project):
    """What each of the two runs has to itself."""
    assert len(project.states()) == 2
    for state in project.states():
        part = state.name.partition("-")[0]
        branch = f"autoresearch/{state.name}"
        assert project.git("diff", "--name-only", f"main..{branch}") == f"src/{part}/n"
        assert project.git("show", f"{branch}:src/{part}/n") == "1"
        assert (project.root / f"autoresearch-{state.name}.tsv").read_text().count("\n") == 3
        assert (project.root.parent / f"app-{state.name}" / ".git").is_file()
        assert (state / "bench" / "a").is_dir()
    project.in_order()


@pytest.mark.skipif(
    importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None,
    reason="hydra-joblib-launcher is not installed; pip install 'autoopt[cluster]' to run this",
)
def test_one_command_line_runs_two_recipes_at_once(project):
    gate = project.root.parent / "gate"
    done = project.autoopt("-m", "recipe=a,b", "hydra/launcher=joblib", f"writable=[{gate}]")

    assert done.returncode == 0, done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if line.endswith(" ")]
    apart(project)
    assert "Put together: autoopt merge a-" in done.stdout
    assert "[a-" in done.stdout  # whose line it is
    assert not (project.root / "multirun").exists()


def test_two_terminals_run_at_once_and_both_are_listed_as_running(project):
    gate = project.root.parent / "gate"
    for name in ("a", "b"):
        command = f"until [ -e {gate}/go ]; do sleep 0.2; done; echo METRIC n=$(cat src/{name}/n)"
        (project.root / f".autoopt/recipes/{name}.yaml").write_text(recipe(name, 1, command))
    git(project.root, "commit", "-qam", "wait")
    trust(project.root, project.environ, "a", "b")
    both = [project.begin(f"recipe={name}", f"run_id={name}-1") for name in ("a", "b")]
    deadline = time.monotonic() + 240
    while not all(measured(project, f"{name}-1") for name in ("a", "b")) and time.monotonic() < deadline:
        time.sleep(0.05)
    listed = project.autoopt("runs").stdout
    (gate / "go").touch()
    outputs = [one.communicate(timeout=240)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], outputs
    assert listed.count("running") == 2, listed
    apart(project)
