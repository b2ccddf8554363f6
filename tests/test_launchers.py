"""The runs of a sweep under launchers: each on its own, ended in order, told about whatever becomes of it."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.parallel_runs import FILES, Project, here, recipe
from support.survivors import alive

from autoopt.compose import complaints, launching
from autoopt.compose.board import Board
from autoopt.processes import siblings

STEPS = {f"src/{part}/n": "9\n" for part in "abc"} | {"README": FILES["README"]}
PLUGINS = {
    "processes": None,
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
}
QUICK = {"ray": ["+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false"]}


def launcher(name):
    """The words that choose a launcher, where it is installed."""
    plugin = PLUGINS[name]
    if plugin is not None and importlib.util.find_spec(plugin) is None:
        pytest.skip(f"the {name} launcher is not installed; pip install 'autoopt[cluster]' to run this")
    return [f"hydra/launcher={name}", *QUICK.get(name, [])]


def slow(part, gate):
    """A recipe whose metric waits from the first experiment on until there is a file of that name."""
    wait = f"[ $n = 9 ] || until [ -e {gate}/{part} ]; do sleep 0.1; done"
    command = f"n=$(cat src/{part}/n); {wait}; echo METRIC n=$n"
    return recipe(part, 1, command)


@pytest.fixture
def gate(tmp_path):
    made = tmp_path / "gate"
    made.mkdir()
    return made


def begun(project, *parts, after=0):
    """The processes that do the runs, by their parts, as soon as each has measured its baseline."""
    limit = time.monotonic() + 240
    while time.monotonic() < limit:
        states = {path.name.partition("-")[0]: path for path in project.states()}
        tables = [project.root / f"autoresearch-{states[part].name}.tsv" for part in parts if part in states]
        if len(tables) == len(parts) and all(
            path.exists() and path.read_text().count("\n") > 1 for path in tables
        ):
            found = {part: (states[part] / "lock").read_text() for part in parts}
            return {part: int(re.findall(r"\d+", text)[0]) for part, text in found.items()}
        time.sleep(0.05)
    raise AssertionError(f"not begun: {project.states()}")


def row(out, part):
    """The run's line in the table at the end."""
    table = out[out.rindex("\nrun ") :]
    return next(line for line in table.splitlines() if line.startswith(f"{part}-"))


@pytest.mark.parametrize("name", ["submitit_local", "ray"])  # joblib: the seventh situation
def test_every_launcher_gives_each_run_its_own_of_everything(tmp_path, name):
    words = launcher(name)
    project = Project(
        tmp_path, {part: recipe(part, 1, f"echo METRIC n=$(cat src/{part}/n)") for part in "ab"}
    )
    done = project.autoopt("-m", "recipe=a,b", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(project.states()) == 2
    for state in project.states():
        part = state.name.partition("-")[0]
        assert project.git("diff", "--name-only", f"main..autoresearch/{state.name}") == f"src/{part}/n"
        assert (project.root / f"autoresearch-{state.name}.tsv").read_text().count("\n") == 3
        assert (project.root.parent / f"app-{state.name}" / ".git").is_file()
        assert "  finished  " in row(done.stdout, part)
    assert "Put together: autoopt merge a-" in done.stdout
    project.in_order()
    assert not (project.root / "multirun").exists()
    assert alive(str(tmp_path)) == []


@pytest.mark.parametrize("name", ["processes", "joblib"])
def test_a_run_that_is_killed_ends_no_other_and_is_told_about(tmp_path, gate, name):
    words = launcher(name)
    project = Project(tmp_path, {part: slow(part, gate) for part in "ab"}, STEPS)
    sweep = project.begin("-m", "recipe=a,b", *words, f"writable=[{gate}]")
    doing = begun(project, "a", "b")
    listed = project.autoopt("runs").stdout
    os.kill(doing["a"], signal.SIGKILL)
    (gate / "b").touch()
    out, _ = sweep.communicate(timeout=300)

    assert listed.count("  running, ") == 2, listed
    assert sweep.returncode == 1, out
    assert "  interrupted  " in row(out, "a")
    assert "its process was killed" in row(out, "a")
    assert "  finished  " in row(out, "b")
    assert re.search(r"^Go on with:   autoopt resume a-", out, re.MULTILINE)
    assert "Traceback" not in out
    assert alive(str(tmp_path)) == []


def test_an_interrupt_ends_all_runs_in_order(tmp_path, gate):
    words = [*launcher("joblib"), "hydra.launcher.n_jobs=2"]
    project = Project(tmp_path, {part: slow(part, gate) for part in "abc"}, STEPS)
    sweep = project.begin("-m", "recipe=a,b,c", *words, f"writable=[{gate}]")
    begun(project, "a", "b")
    sweep.send_signal(signal.SIGTERM)
    out, _ = sweep.communicate(timeout=300)

    assert sweep.returncode == 143, out
    for part in "ab":
        assert "  interrupted  " in row(out, part)
        assert "was asked to end" in row(out, part)
    assert re.search(r"  not (made|begun)  ", row(out, "c"))
    assert len(project.states()) == 2
    assert "Traceback" not in out
    assert alive(str(tmp_path)) == []
    project.in_order()


def test_ids_are_known_beforehand_and_a_launcher_that_is_not_there_starts_nothing(
    tmp_path, monkeypatch, capsys
):
    project = here(tmp_path, monkeypatch, {part: recipe(part, 1) for part in "ab"})
    refused, _, said = project.run(capsys, "-m", "recipe=a,b", "run_id=mine")
    missing, announced, error = project.run(capsys, "-m", "recipe=a,b", "hydra/launcher=nobody")
    words = ["-m", "recipe=a,b", "hydra/launcher=processes", "hydra.launcher.n_jobs=x"]
    unread, _, number = project.run(capsys, *words)

    assert refused == 2
    assert "run_id: mine is given to several runs" in said
    assert missing == 2
    assert announced == ""
    assert "hydra/launcher: nobody: no such choice; installed: basic" in error
    assert unread == 2
    assert number.startswith("autoopt: hydra.launcher.n_jobs: x is no number of processes")
    assert "processes" in error
    assert project.branches() == ["main"]


def test_a_launcher_that_does_not_leave_when_its_jobs_have_ended_is_made_to(tmp_path, monkeypatch, mark):
    monkeypatch.setattr(launching, "_LEAVE_S", 0.2)
    program = f"import time; time.sleep(60)  # {mark}"

    def hydra():
        subprocess.Popen([sys.executable, "-c", program])
        threading.Thread(target=time.sleep, args=(60,)).start()

    began = time.monotonic()
    complaint = launching.launch(hydra, Board(tmp_path / "board"))

    assert complaint is None
    assert time.monotonic() - began < 30
    assert alive(mark) == []


def test_a_launcher_of_the_extra_says_what_installs_it():
    told = complaints.no_choice("hydra/launcher", "ray", ["basic"])

    assert (
        told
        == "hydra/launcher: ray: no such choice; installed: basic; pip install 'autoopt[cluster]' brings it."
    )


def test_exit_codes_come_back_in_order_also_of_what_was_killed():
    tasks = [lambda: 0, lambda: 3, lambda: os.kill(os.getpid(), signal.SIGKILL) or 0, lambda: 1 // 0]

    assert siblings.run(tasks, at_once=2) == [0, 3, -signal.SIGKILL, 1]
