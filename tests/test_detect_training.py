import pytest

from autoopt.detect import training
from autoopt.detect.place import Place
from autoopt.errors import UsageError


def place(root, **options):
    return Place(root=root, python="python", options=options)


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (["train"], "python train.py"),
        (["src__train", "deep__er__train"], "PYTHONPATH=src:.:$PYTHONPATH python src/train.py"),
        (["train_digits", "train"], "python train.py"),
        (["train_digits", "model"], "python train_digits.py"),
        (["build__train", "tests__train", "fit"], "python fit.py"),
        (["my code__train"], "PYTHONPATH=.:$PYTHONPATH python 'my code/train.py'"),
        (["model"], None),
    ],
)
def test_the_script_with_the_most_telling_name_trains(tmp_path, files, command):
    write(tmp_path, **dict.fromkeys(files, ""))

    assert training.command(place(tmp_path)) == command


def test_a_script_of_a_package_is_run_as_a_module(tmp_path):
    (tmp_path / "src" / "digits").mkdir(parents=True)
    for name in ("__init__.py", "train.py"):
        (tmp_path / "src" / "digits" / name).write_text("")

    assert training.command(place(tmp_path)) == "PYTHONPATH=src:$PYTHONPATH python -m digits.train"


def test_a_script_at_the_top_imports_the_packages_of_the_checkout(tmp_path):
    write(tmp_path, train="from digits import model")
    (tmp_path / "src" / "digits").mkdir(parents=True)
    (tmp_path / "src" / "digits" / "__init__.py").write_text("")

    assert training.command(place(tmp_path)) == "PYTHONPATH=src:$PYTHONPATH python train.py"


def test_of_several_scripts_one_has_to_be_given(tmp_path):
    write(tmp_path, train_a="", train_b="")
    with pytest.raises(
        UsageError, match=r"train_a\.py, train_b\.py may train; give one, as in options\.command="
    ):
        training.command(place(tmp_path))

    assert training.command(place(tmp_path, command="make train")) == "make train"


def test_a_dvc_stage_goes_before_scripts(tmp_path):
    write(tmp_path, train="")
    (tmp_path / "dvc.yaml").write_text("stages:\n  train:\n    cmd: python3 src/fit.py --fast\n")
    assert training.command(place(tmp_path)) == "python src/fit.py --fast"

    (tmp_path / "dvc.yaml").write_text("stages: [")
    assert training.command(place(tmp_path)) == "python train.py"


def test_an_entry_point_is_called_from_the_checkout(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project.scripts]\ndigits-train = "digits.cli:main"\n')

    code = "import sys; from digits.cli import main; sys.exit(main())"
    assert training.command(place(tmp_path)) == f"python -c '{code}'"


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ('mlflow.log_metric("val_f1", x)\nmlflow.log_metric("train_f1", y)', "val_f1"),
        ('mlflow.log_metrics({"accuracy": a, "loss": b}, step=3)', "accuracy"),
        ('mlflow.log_metric("loss", x)', "loss"),
        ('mlflow.log_metric("val_f1", x)\nmlflow.log_metric("val_accuracy", y)', None),
        ('mlflow.log_metric(f"val_{name}", x)', None),
    ],
)
def test_the_validation_score_is_found_where_the_script_names_just_one(tmp_path, text, metric):
    write(tmp_path, train=text)

    assert training.logged_metric(place(tmp_path)) == metric


def test_the_store_that_the_script_sets_is_found(tmp_path):
    write(tmp_path, train='mlflow.set_tracking_uri("sqlite:///runs.db")')

    assert training.tracking_uri(place(tmp_path)) == "sqlite:///runs.db"
    assert training.tracking_uri(place(tmp_path, tracking_uri="http://a")) == "http://a"
