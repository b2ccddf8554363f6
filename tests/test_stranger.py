"""Records that anybody who may push has put beside the code: nothing of them runs, nothing of ours goes."""

import json
import subprocess

import pytest
from support.away import World
from support.workspace_repos import git

from autoopt import compose
from autoopt.commands.fetching import vet
from autoopt.commands.lookup import runs
from autoopt.errors import NotTrustedError
from autoopt.places import repository_id, state_root
from autoopt.schema import Config, Sandbox


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def come_home(world, monkeypatch, capsys, *words):
    """A machine with a clone of the hub, to which a run of another one has come back."""
    away, home = world.machine("away"), world.machine("home")
    code, told = away.run(monkeypatch, capsys, "recipe=a", f"repo={world.url}", "run_id=r1", *words)
    assert code == 0, told
    git(home.here, "clone", "-q", str(world.hub), ".")
    return home


def record(here, run_id, **contents):
    """Records under the run's ref, as somebody makes them who can push; a name is a file in them."""
    lines = []
    for name, data in contents.items():
        (here / "blob").write_bytes(data)
        sha = git(here, "hash-object", "-w", "blob").strip()
        lines.append(f"100644 blob {sha}\t{name.replace('_', '.')}\n")
    (here / "blob").unlink(missing_ok=True)
    (here / "lines").write_text("".join(sorted(lines, key=lambda line: line.split("\t")[1])))
    with (here / "lines").open() as listed:
        made = subprocess.run(["git", "mktree"], cwd=here, stdin=listed, capture_output=True, check=True)
    (here / "lines").unlink()
    commit = git(here, "commit-tree", made.stdout.decode().strip(), "-m", "records").strip()
    git(here, "update-ref", f"refs/autoopt/{run_id}/records", commit)


def poisoned(here, run_id="r1", **changes):
    """The run's records with other settings."""
    show = [
        git(here, "show", f"refs/autoopt/{run_id}/records:{name}")
        for name in ("journal.jsonl", "config.yaml", "about.json")
    ]
    config = compose.load(show[1])
    for path, value in changes.items():
        place = config
        *above, last = path.split("__")
        for name in above:
            place = getattr(place, name)
        setattr(place, last, value)
    record(
        here,
        run_id,
        journal_jsonl=show[0].encode(),
        config_yaml=compose.dump(config).encode(),
        about_json=show[2].encode(),
    )


def test_settings_of_a_stranger_run_nothing_before_they_are_trusted_and_nothing_when_they_go(
    world, tmp_path, monkeypatch, capsys
):
    home = come_home(world, monkeypatch, capsys)
    assert home.run(monkeypatch, capsys, "runs", "--fetch")[0] == 0
    (state,) = home.states()
    precious = state.parent.parent / "precious"
    precious.mkdir()
    (state.parent / ".searches").mkdir()
    git(home.here, "worktree", "add", "-q", "--detach", str(tmp_path / "r1-away"))
    poisoned(
        home.here,
        metric__command=f"touch {tmp_path / 'ran'}; echo METRIC n=$(cat src/a/n)",
        metric__cleanup=f"touch {tmp_path / 'ran'}",
        sandbox=Sandbox.none,
        search="../../precious",
    )
    code, told = home.run(monkeypatch, capsys, "merge", "r1")

    assert code == NotTrustedError.exit_code
    assert "run r1" in told and "autoopt recipes trust run=r1" in told
    code, told = home.run(monkeypatch, capsys, "clean", "r1", "--yes", "--force")
    assert code == 0, told
    assert not home.states()
    assert not (tmp_path / "ran").exists()
    assert precious.is_dir()
    assert git(tmp_path / "r1-away", "status", "--porcelain") == ""


def test_what_a_run_from_elsewhere_would_run_is_agreed_to_by_content(world, monkeypatch, capsys):
    home = world.machine("home")
    git(home.here, "clone", "-q", str(world.hub), ".")
    base = git(home.here, "rev-parse", "HEAD").strip()

    def sent(run_id, **values):
        config = Config(run_id=run_id, scope=["src"], **values)
        config.metric.command = "make number"
        about = ABOUT | {"run_id": run_id, "base": base}
        record(
            home.here,
            run_id,
            about_json=json.dumps(about).encode(),
            journal_jsonl=b"",
            config_yaml=compose.dump(config).encode(),
        )
        return next(run for run in runs(home.environ, home.here) if run.layout.run_id == run_id)

    first = sent("r1")
    with pytest.raises(NotTrustedError, match="trust run=r1"):
        vet([first], home.environ)
    monkeypatch.chdir(home.here)
    code, told = home.run(monkeypatch, capsys, "recipes", "trust", "run=r1", "--yes")
    assert (code, "metric.command: make number" in told) == (0, True)
    vet([first, sent("r2", seed=7)], home.environ)  # a job of the same sweep
    with pytest.raises(NotTrustedError, match="trust run=r3"):
        vet([sent("r3", sandbox=Sandbox.none)], home.environ)
    home.run(monkeypatch, capsys, "recipes", "untrust", "run=r1")
    with pytest.raises(NotTrustedError):
        vet([first], home.environ)


ABOUT = {"run_id": "r9", "base": "a" * 40, "host": "h", "sent": 1, "version": 1}


def test_records_that_are_not_as_ours_are_left_alone(world, monkeypatch, capsys):
    home = world.machine("home")
    git(home.here, "clone", "-q", str(world.hub), ".")
    odd = [
        {"sent": "yesterday"},
        {"sent": 10**400},
        {"host": "\x1b[2J"},
        {"host": ["h"]},
        {"base": "../../x"},
        {"base": None},
        {"run_id": "../r9"},
        {"more": 1},
    ]
    for number, values in enumerate(odd):
        about = ABOUT | {"run_id": f"odd{number}"} | values
        files = {"about_json": json.dumps(about).encode(), "journal_jsonl": b"", "config_yaml": b"{}\n"}
        record(home.here, f"odd{number}", **files)
    refs = home.here / ".git/refs/autoopt"
    for name, sha in {"blob": git(home.here, "rev-parse", "HEAD:README"), "gone": "a" * 40 + "\n"}.items():
        (refs / name).mkdir()
        (refs / name / "records").write_text(sha)
    git(home.here, "update-ref", "refs/autoopt/code/records", "HEAD")
    found = {"about_json": json.dumps(ABOUT).encode(), "journal_jsonl": b"", "config_yaml": b"{}\n"}
    record(home.here, "r9", **found)
    folder = state_root(home.environ) / repository_id(home.here / ".git")
    folder.mkdir(parents=True)
    (folder / "r9").write_text("a file in the place of a run")
    code, told = home.run(monkeypatch, capsys, "runs")

    assert code == 0, told
    assert "No runs yet" in told
    assert not home.states()
    assert (folder / "r9").read_text() == "a file in the place of a run"
