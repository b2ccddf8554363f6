"""What a name says about a value: which range is worth searching, or that it is no knob at all."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Value = bool | int | float | str | None


class About(Enum):
    """What a knob changes: what a model learns, or how quickly a program runs."""

    model = "model"
    speed = "speed"
    both = "both"

    def serves(self, wanted: About) -> bool:
        """Whether a knob of this kind is wanted."""
        return About.both in {self, wanted} or self is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A range for all values whose name matches.

    Attributes:
        names: Regex that the whole name matches, in lower case and with underscores.
        low, high: Its ends; None where they follow from the present value.
        factor: Without ends, how far to go from the present value, down and up.
        typical: A value that is seldom bad.
    """

    names: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False
    factor: tuple[float, float] = (10.0, 10.0)
    typical: float | None = None
    choices: tuple[Value, ...] = ()
    about: About = About.model

    def fits(self, name: str) -> bool:
        """Whether the knob has this name."""
        return re.fullmatch(self.names, name) is not None


KNOBS = (
    Knob(names="((init(ial)?|base|max|peak)_)?(lr|learning_rate|eta)(_init|0)?",
         low=1e-5, high=1.0, log=True),
    Knob(names="c", low=1e-3, high=1e3, log=True, typical=1.0),
    Knob(names="(reg_)?(alpha|lambda_?)|l[12](_(reg|lambda|penalty|leaf_reg|regularization))?|(weight_)?decay|wd",
         low=1e-6, high=10.0, log=True),
    Knob(names="gamma", low=1e-4, high=10.0, log=True),
    Knob(names="nu", low=0.01, high=0.99),
    Knob(names="(max_)?depth|tree_depth", low=2, high=20, integer=True, typical=6),
    Knob(names="n_estimators|n_?trees|num_(boost_round|iterations|trees|rounds)|iterations|nrounds",
         low=20, high=1000, log=True, integer=True, typical=300),
    Knob(names="max_iter|(max_|n_|num_|train_)?(epochs?|steps)", log=True, integer=True, factor=(4, 4)),
    Knob(names="(num|max)_leaf(_node)?s|max_leaf_nodes", low=7, high=255, log=True, integer=True, typical=31),
    Knob(names="min_samples_(leaf|split)|min_(data_in_leaf|child_samples)",
         low=1, high=50, log=True, integer=True),
    Knob(names="min_child_weight", low=0.5, high=20, log=True),
    Knob(names="max_bins?", low=31, high=255, log=True, integer=True),
    Knob(names="subsample(_freq)?|colsample(_by\\w+)?|(bagging|feature|row|col)_fraction|max_samples",
         low=0.4, high=1.0),
    Knob(names="l1_ratio|mixup|cutmix", low=0.0, high=1.0),
    Knob(names="(\\w+_)?drop(out|_rate|_prob|path)(_rate|_prob|_p)?", low=0.0, high=0.6, typical=0.1),
    Knob(names="label_smoothing", low=0.0, high=0.3),
    Knob(names="momentum|beta_?1|decay_rate", low=0.5, high=0.99),
    Knob(names="beta_?2", low=0.9, high=0.9999),
    Knob(names="(warmup|lr)_(ratio|fraction)", low=0.0, high=0.3),
    Knob(names="var_smoothing|tol|tolerance", low=1e-10, high=1e-1, log=True),
    Knob(names="(\\w+_)?batch(_size)?", low=4, high=1024, log=True, integer=True, about=About.both),
    Knob(names="(n_|num_)?(hidden|units|channels|filters|width|neurons)(_(size|dim|units|width|channels))?|embed(ding)?_(size|dim)",
         low=4, high=1024, log=True, integer=True),
    Knob(names="(n_|num_)?(hidden_)?layers", low=1, high=8, integer=True),
    Knob(names="(n_|num_)?(components|latent|topics)|latent_dim",
         low=2, log=True, integer=True, factor=(4, 6)),
    Knob(names="(n_|num_)?(neighbou?rs)", low=1, high=50, log=True, integer=True, typical=5),
    Knob(names="max_features|vocab(ulary)?_size", log=True, integer=True, factor=(8, 8)),
    Knob(names="min_df", low=1, high=10, integer=True),
    Knob(names="degree|(poly(nomial)?|ngram)_(degree|max)", low=1, high=4, integer=True),
    Knob(names="class_weight", choices=(None, "balanced")),
    Knob(names="(grad(ient)?_)?clip(_(norm|value))?|max_grad_norm", low=0.1, high=10.0, log=True),
    Knob(names="(\\w+_)?(chunk|block|buffer|buf|page|window|slab)_?(size|bytes|rows|lines|len(gth)?)?(_\\w+)?|(read|write)_size",
         log=True, integer=True, factor=(16, 64), about=About.speed),
    Knob(names="(\\w+_)?(num_|n_|max_)?(workers|threads|procs|processes|jobs|concurrency|parallelism)(_count)?",
         low=1, high=16, log=True, integer=True, about=About.speed),
    Knob(names="(\\w+_)?(cache|queue|pool|prefetch)_?(size|count|factor|entries|depth)|prefetch|max_?size",
         log=True, integer=True, factor=(16, 64), about=About.speed),
    Knob(names="compress(ion)?_?level|zip_level", low=1, high=9, integer=True, about=About.speed),
)  # fmt: skip
_FAMILIES: Sequence[tuple[Value, ...]] = (
    ("gini", "entropy", "log_loss"),
    ("uniform", "distance"),
    ("linear", "rbf", "poly", "sigmoid"),
    ("relu", "tanh", "logistic", "identity"),
    ("best", "random"),
    ("mean", "median", "most_frequent"),
)
"""Words that only ever stand for each other in settings of estimators."""
_FAMILY_NAMES = {
    "criterion": 0, "weights": 1, "kernel": 2, "activation": 3, "splitter": 4, "strategy": 5,
}  # fmt: skip

EVALUATION = re.compile(
    r"(\w+_)?(seeds?|random_state)|(test|train|val|valid|validation|holdout|eval|dev)_(size|fraction|frac|split|ratio|share|set)"
    r"|(n_|num_|k_?)?(splits?|folds?|repeats)|cv|scoring|average|pos_label|zero_division|stratify|shuffle|(sample_)?weights?_eval"
    r"|(decision_|score_|f1_)?threshold|normalize_score|greater_is_better|early_stopping_metric|metrics?(_name)?"
    r"|(max|n|num)_(samples_test|rows|train|test)|nrows|n_samples|training|limit|subset|(data|sample)_(fraction|frac|size)"
)
"""What decides how a result is judged, or on what: never searched, and held fixed by the guard."""
_NO_KNOB = re.compile(
    r"(n_|num_)?(class(es)?|labels?|targets?|outputs?|features_in|inputs?)|version\w*|(\w+_)?(port|host|url|uri|path|dir|file|"
    r"name|id|key|date|timeout(_s)?|retries|rank|epoch_start|device|gpus?|verbose|verbosity|debug|silent)|log_\w+|(\w+_)?(every|"
    r"interval|patience)|save_\w+|n_jobs|year|month|day|width_px|height_px|dpi|(image|img|input|output)_\w+|channels_in|in_channels"
    r"|out_channels|in_features|out_features|missing|sep|encoding|refit|probability|enable_\w+|wandb\w*|mlflow\w*"
)
_SECTIONS = re.compile(
    r"(eval(uation)?|test(ing|s)?|val(id|idation)?|splits?|metrics?|scoring|logging?|paths?|server|tracking|mlflow|wandb|deploy\w*)"
)
_DATA = re.compile(r"data(set|sets)?|database|source|input")


def plain(name: str) -> str:
    """A name as the tables have it: in lower case, with underscores."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()


def evaluates(path: Sequence[str]) -> bool:
    """Whether the value at this path, sections first, decides how a result is judged."""
    names = [plain(one) for one in path]
    return EVALUATION.fullmatch(names[-1]) is not None or any(map(_SECTIONS.fullmatch, names[:-1]))


def options(path: Sequence[str], value: Value, wanted: About, *, guess: bool) -> dict[str, Any] | None:
    """What a value may be, as options of a parameter; None where it is not to be searched.

    Args:
        path: Its name, and the sections around it before.
        wanted: What the knob is to change.
        guess: Whether a number or switch of an unknown name is one, as in a file of settings.
    """
    names = [plain(one) for one in path]
    if evaluates(path) or _NO_KNOB.fullmatch(names[-1]):
        return None
    for knob in KNOBS:
        if knob.about.serves(wanted) and knob.fits(names[-1]):
            return _known(knob, value)
    if isinstance(value, str):
        return _family(names[-1], value) if About.model.serves(wanted) else None
    if guess and wanted is not About.speed and not any(map(_DATA.fullmatch, names[:-1])):
        return _guessed(value)
    return None


def _known(knob: Knob, value: Value) -> dict[str, Any] | None:
    if knob.choices:
        return {"choices": list(knob.choices)} if value in knob.choices else None
    if value is None and knob.low is not None and knob.high is not None and knob.integer:
        middle = round(math.sqrt(knob.low * knob.high))
        return {"choices": [None, *sorted({middle // 2, middle, round(knob.high)} - {0})]}
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return None
    if knob.integer and not isinstance(value, int):
        return None  # a share where the other meaning of the name is a count, as of max_features
    return _range(knob, value)


def _range(knob: Knob, value: int | float) -> dict[str, Any]:
    whole = isinstance(value, int) and (knob.integer or value > 1)
    least = 1 if whole else 0.0
    low = max(value / knob.factor[0], least) if knob.low is None else knob.low
    high = value * knob.factor[1] if knob.high is None else knob.high
    if value > 0 or not knob.log:
        low, high = min(low, value), max(high, value)
    if whole:
        low, high = math.floor(low), math.ceil(high)
    low, high = _rounded(low), _rounded(high)
    found: dict[str, Any] = {"low": low, "high": high}
    if knob.log:
        found["log"] = True
    if whole:
        found["integer"] = True
    first = [one for one in _first(knob, value, whole) if low <= one <= high and one != value]
    return {**found, "first": first[:2]} if first else found


def _first(knob: Knob, value: int | float, whole: bool) -> list[int | float]:
    """Values worth trying alone: what is typical where the present one is far from it, a step each way."""
    far = knob.typical is not None and not knob.typical / 3 <= value <= knob.typical * 3
    typical = [knob.typical] if far and knob.typical is not None else []
    if knob.log or value == 0:
        steps = [value * 3, value / 3] if value else [] if knob.low is None else [knob.low * 100]
    else:
        steps = [value * 1.5, value / 1.5]
    near = [round(one) if whole else _rounded(one) for one in (*typical, *steps)]
    return list(dict.fromkeys(near))


def _rounded(number: int | float) -> int | float:
    """The number with three digits: a range's end is nothing exact."""
    return number if isinstance(number, int) else float(f"{number:.3g}")


def _family(name: str, value: str) -> dict[str, Any] | None:
    family = _FAMILIES[_FAMILY_NAMES[name]] if name in _FAMILY_NAMES else ()
    return {"choices": list(family)} if value in family else None


def _guessed(value: Value) -> dict[str, Any] | None:
    """A switch, a factor of ten around a positive fraction, a factor of four around a count."""
    if isinstance(value, bool):
        return {"choices": [False, True]}
    if isinstance(value, float) and 0 < value < math.inf:
        return _range(Knob(names="", log=True), value)
    if isinstance(value, int) and value > 1:
        return _range(Knob(names="", log=True, integer=True, factor=(4, 4)), value)
    return None
