"""What a run gives to other tools, from a run as it lies there when it has ended."""

import csv
import json

import pytest
from support.kept_runs import Kept, Step
from support.parallel_runs import here

from autoopt.interop import exported, tracking
from autoopt.interop.rows import FIELDS
from autoopt.places import RunFiles, repository_id

STEPS = [
    Step(description="=HYPERLINK(1)", files={"src/a/n": "1\n"}),
    Step(description="täglich\u2028neu", files={"src/b/n": "2\n"}),
]


GIVEN = ("metric.command=true", "metric.extract.kind=wall", "scope=src")


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = here(tmp_path, monkeypatch, {})
    Kept(steps=STEPS).make(made)
    return made


def of(project):
    return RunFiles(project.state / "autoopt" / repository_id(project.root / ".git") / "r")


def test_experiments_leave_as_json_lines_and_as_a_sheet_and_come_back_as_claims(project, capsys):
    before = of(project).journal.read_bytes()

    code, out, err = project.run(capsys, "export", "--to", "jsonl")
    sheet = project.run(capsys, "export", "r", "--to=csv", "--output", "r.csv")

    assert (code, err) == (0, "")
    made = [json.loads(line) for line in out.removesuffix("\n").split("\n")]
    assert [list(one) for one in made] == [list(FIELDS)] * 3
    assert [one["status"] for one in made] == ["baseline", "keep", "keep"]
    assert made[1]["gain"] == pytest.approx(0.0305, abs=1e-4)
    assert sheet == (0, "", "wrote r.csv\n")
    text = (project.root / "r.csv").read_bytes().decode("utf-8-sig")
    listed = list(csv.DictReader(text.split("\r\n")))
    assert [one["description"] for one in listed] == ["", "'=HYPERLINK(1)", "täglich neu"]
    assert of(project).journal.read_bytes() == before

    path = project.root / "r.jsonl"
    path.write_text(out)
    log = exported.read(path)
    assert exported.is_one(path)
    assert [(one.status.value, one.description) for one in log.claims][1] == ("keep", "=HYPERLINK(1)")
    code, out, err = project.run(capsys, "import", "r.jsonl", *GIVEN, "--print")
    assert (code, err) == (0, "")
    assert "r.jsonl: 2 experiments of autoopt run r: 2 keep" in out


def test_mlflow_has_each_experiment_once_however_often_it_is_exported(project, capsys, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # tables of a database take seconds to make
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{project.root}/store")

    first = project.run(capsys, "export", "r", "--to", "mlflow")
    again = project.run(capsys, "export", "r", "--to", "mlflow")

    assert (first[0], first[2], again[0], again[2]) == (0, "", 0, "")
    assert "3 experiments added, 0 were there" in first[1]
    assert "0 experiments added, 3 were there" in again[1]
    client = mlflow.MlflowClient(f"file://{project.root}/store")
    place = client.get_experiment_by_name("autoopt app").experiment_id
    found = {one.info.run_name: one for one in client.search_runs([place])}
    assert sorted(found) == ["#0 baseline", "#1 keep", "#2 keep", "r"]
    parent, kept = found["r"], found["#1 keep"]
    assert kept.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert kept.data.tags["autoopt.description"] == "=HYPERLINK(1)"
    assert kept.data.metrics["gain"] == pytest.approx(0.0305, abs=1e-4)
    assert parent.data.metrics["confirmed_gain"] == pytest.approx(0.228, abs=1e-3)
    assert parent.data.params["metric.command"] == "python bench.py"
    assert len(client.get_metric_history(parent.info.run_id, "confirmed_gain")) == 1
    assert [one.path for one in client.list_artifacts(parent.info.run_id)] == ["experiments.jsonl"]


def test_a_directory_with_a_quote_in_its_name_is_found_again_in_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    whole = tracking.Whole(name="r", repository="bob's-app-1", experiment="autoopt bob's-app")

    first, again = (tracking.export(whole, [], f"file://{tmp_path}/store") for _ in range(2))

    assert first.run == again.run


def test_a_study_is_copied_whole_for_the_dashboard(project, capsys):
    optuna = pytest.importorskip("optuna")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(of(project).study))))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    with of(project).study.open("ab") as file:
        file.write(b'{"op_code": 6, "wor')  # as while a run writes

    code, out, err = project.run(capsys, "export", "--to", "optuna", "--output", "study.log")

    assert (code, out, err) == (0, "wrote study.log; `optuna-dashboard study.log` shows it\n", "")
    (copied,) = optuna.get_all_study_summaries(
        JournalStorage(JournalFileBackend(str(project.root / "study.log")))
    )
    assert copied.n_trials == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["r"], "--to wants one of jsonl, csv, mlflow, optuna"),
        (["r", "--to", "xml"], "--to wants one of"),
        (["r", "--to"], "--to wants a word after it"),
        (["r", "s", "--to", "csv"], "not understood"),
        (["r", "--to", "csv", "--all"], "not understood"),
        (["r", "--to", "csv", "--output", "no/where.csv"], "cannot be written: No such file"),
        (["r", "--to", "mlflow"], "nothing says where to; give --output mlflow.db"),
        (["r", "--to", "csv", "--output", ""], "--output wants a word after it"),
        (["r", "--to", "mlflow", "--output", "no/x.db"], "no is not there"),
        (["r", "--to", "mlflow", "--output", "src"], "no SQLite store can be there"),
        (["r", "--to", "mlflow", "--output", "README"], "no SQLite store can be there"),
        (["r", "--to", "optuna", "--output", "x"], "has no study here: no parameters were searched"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(project, capsys, monkeypatch, words, why):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    code, out, err = project.run(capsys, "export", *words)

    assert (code in (2, 4), out, err.count("\n")) == (True, "", 1)
    assert why in err
