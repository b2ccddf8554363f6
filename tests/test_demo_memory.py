"""The memory demo: a program whose planted improvements lower what it holds, and nothing else."""

import subprocess
import sys

import pytest
from support.trusting import everything

from autoopt import compose
from autoopt.demos import memory
from autoopt.proposers.search.sites import site

COMMAND = f"{sys.executable} billing.py data/records.csv --archive records.gz"
IMPROVEMENTS = {
    "BATCH = 100_000": "BATCH = 1000",
    "max([row[3] for row in records(options.records)])": "max(row[3] for row in records(options.records))",
    "in file.readlines():": "in file:",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memory.DEMO.make(tmp_path)
    records = (tmp_path / "data" / "records.csv").read_text().splitlines(keepends=True)
    (tmp_path / "data" / "records.csv").write_text("".join(records[:20_000]))
    # As in a run: without it each process would compile what it imports, and that takes memory too.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "data" / "pycache"))
    return tmp_path


def peak():
    words = ["-P", "-m", "autoopt.instruments.memory", "peak", "--command", COMMAND]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[0].removeprefix("METRIC peak_bytes="))


def test_each_planted_improvement_lowers_the_peak_and_keeps_the_bills(project):
    def bills():
        return subprocess.run(COMMAND.split(), capture_output=True, text=True, check=True).stdout

    source, before = (project / "billing.py").read_text(), bills()
    peak()  # warms up
    held = [peak()]
    for old, new in IMPROVEMENTS.items():
        assert old in source
        source = source.replace(old, new)
        (project / "billing.py").write_text(source)
        held.append(peak())

    assert held == sorted(held, reverse=True)
    assert held[-1] < held[0] / 4
    assert bills() == before
    assert subprocess.run([sys.executable, "-m", "unittest", "-q"], capture_output=True).returncode == 0


def test_its_recipe_builds_on_memory_and_its_parameter_is_there(project, monkeypatch):
    environ = {"HOME": str(project), "XDG_STATE_HOME": str(project.with_name("state"))}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    configs = []
    compose.run(memory.DEMO.overrides, environ, configs.append, vet=everything)
    (config,) = configs

    assert config.metric.extract.kind.value == "peak_memory"
    assert set(config.guards) == {"tests", "answers"}
    assert site("BATCH", config.params["BATCH"], None).read((project / "billing.py").read_text()) == 100_000
