"""How the project trains a model, and which metric it logs to MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from autoopt.detect import files, programs
from autoopt.detect.place import Place
from autoopt.errors import UsageError

MISSING = (
    "no training script was found (train.py, train_*.py, *_train.py, training.py or fit.py, "
    "a stage `train` in dvc.yaml, a script `train` in pyproject.toml); give it, as in "
    "options.command='python path/to/train.py'."
)
MISSING_METRIC = (
    "the training script names no single MLflow metric that is a validation score "
    '(log_metric("val_f1", …)); give it, as in options.metric=val_f1.'
)
MISSING_URI = (
    "the training script sets no tracking store; give it, as in options.tracking_uri=http://localhost:5000."
)
_NAMES = ("train.py", "train_model.py", "training.py", "train_*.py", "*_train.py", "fit.py")
_STAGES = ("train", "training", "fit")
_TESTS = frozenset({"test", "tests", "docs"})
_LOGGED = re.compile(r"""log_metric\(\s*(?:key\s*=\s*)?["']([^"'{}]+)["']""")
_LOGGED_TOGETHER = re.compile(r"log_metrics\(\s*(?:metrics\s*=\s*)?\{([^{}]*)\}", re.DOTALL)
_KEY = re.compile(r"""["']([^"'{}]+)["']\s*:""")
_URI = re.compile(r"""set_tracking_uri\(\s*(?:uri\s*=\s*)?["']([^"'{}]+)["']""")
_HELD_OUT = re.compile(r"(?i)(^|[\W_])(val|valid|validation|dev|eval|cv)([\W_]|$)")
_NO_SCORE = re.compile(r"(?i)(^|[\W_])(train|training|loss|time|seconds|lr|epoch)([\W_]|$)")


def command(place: Place) -> str | None:
    """The shell command that trains: the one that is given, a DVC stage, a script, an entry point.

    Raises:
        UsageError: several scripts could be meant.
    """
    if given := place.options.get("command"):
        return str(given)
    return _stage(place) or _script(place) or programs.entry_point(place, r"(^|[-_])train($|[-_])")


def logged_metric(place: Place) -> str | None:
    """The name under which the script logs its validation score to MLflow, where only one could be it."""
    if given := place.options.get("metric"):
        return str(given)
    names = list(dict.fromkeys(_logged(_source(place))))
    scores = [name for name in names if not _NO_SCORE.search(name)]
    held_out = [name for name in scores if _HELD_OUT.search(name)]
    return next((found[0] for found in (held_out, scores, names) if len(found) == 1), None)


def tracking_uri(place: Place) -> str | None:
    """The tracking store that is given, or that the script sets itself."""
    if given := place.options.get("tracking_uri"):
        return str(given)
    found = _URI.search(_source(place))
    return found[1] if found else None


def _stage(place: Place) -> str | None:
    text = files.text(place.root, "dvc.yaml")
    if text is None:
        return None
    import yaml

    try:
        stages = (yaml.safe_load(text) or {}).get("stages") or {}
        found = [stages[name]["cmd"] for name in _STAGES if name in stages]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return None  # a file that is no DVC pipeline after all
    commands = [one for one in found if isinstance(one, str) and "${" not in one]
    return re.sub(r"^python3?(?=\s)", lambda _: place.interpreter, commands[0]) if commands else None


def _script(place: Place) -> str | None:
    """The script with the most telling name, of those the ones nearest to the top."""
    found = [PurePosixPath(path) for path in files.below(place.root) if path.endswith(".py")]
    found = [path for path in found if _TESTS.isdisjoint(path.parts)]
    for name in _NAMES:
        named = [path for path in found if path.match(name)]
        nearest = [path for path in named if len(path.parts) == min(len(one.parts) for one in named)]
        if len(nearest) > 1:
            shown = ", ".join(map(str, nearest[:4]))
            raise UsageError(f"{shown} may train; give one, as in options.command='python {nearest[0]}'.")
        if nearest:
            return programs.script(place, nearest[0])
    return None


def _source(place: Place) -> str:
    """The text of the files that the training command names, by path or as a module."""
    words = re.split(r"[\s'\";:]+", command(place) or "")
    modules = [
        word.replace(".", "/") + ".py" for word in words if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", word)
    ]
    paths = [
        *(word for word in words if word.endswith(".py")),
        *modules,
        *(f"src/{path}" for path in modules),
    ]
    return "\n".join(files.text(place.root, path) or "" for path in paths)


def _logged(text: str) -> Iterator[str]:
    yield from _LOGGED.findall(text)
    for body in _LOGGED_TOGETHER.findall(text):
        yield from _KEY.findall(body)
