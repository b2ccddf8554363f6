"""What a repository could be optimized for: the recipes that fit what is in it, the most telling first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autoopt.detect import DETECTORS, Place, benchmarks, checkers, files, project, spark
from autoopt.detect.databases import url
from autoopt.errors import UsageError
from autoopt.reporters import words

_AN_AIM = re.compile(
    r"(?i)^(?:bench|benchmark|measure|metric|score|perf|eval|evaluate|time)[\w-]*\.(?:sh|py)$"
)
_SCRIPT = re.compile(r"\.(?:sh|bash|py|js|mjs|rb|pl|R)$")
_PROGRAMS = {
    ".sh": "bash",
    ".bash": "bash",
    ".js": "node",
    ".mjs": "node",
    ".rb": "ruby",
    ".pl": "perl",
    ".R": "Rscript",
}
_TARGET = re.compile(r"^(bench|benchmark|perf|measure|score)\s*:(?!=)", re.MULTILINE)
_PARAMETERS = re.compile(
    r"(?i)(?:^|/)(?:params|parameters|hparams|hyperparameters|config|train)[\w-]*\.(?:ya?ml|toml|json)$"
)
_SET_UP = frozenset({"setup.py", "conftest.py", "noxfile.py", "manage.py"})
_ASIDE = frozenset(
    {"tests", "test", "docs", "doc", "examples", "scripts", "bench", "benches", "benchmark", "benchmarks"}
)
_SCORES = (("ml-f1", r"\bf1\b|f1_score"), ("ml-accuracy", r"accuracy"), ("ml-loss", r"loss|rmse|mae"))
_SOURCES = re.compile(r"\.(?:py|c|cc|cpp|h|rs|go|js|ts|jsx|tsx|java|rb|php|cs|swift|kt|scala|lua|jl|sql|R)$")
_MOST_FILES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One thing that could be done here.

    Attributes:
        recipe: Which recipe does it.
        why: What was found that speaks for it.
        scope: The files that are likely to be edited.
        command: What would be measured, where the recipe has no instrument of its own; may be empty.
    """

    recipe: str
    why: str
    scope: tuple[str, ...] = ()
    command: str = ""


def found(root: Path, tracked: Sequence[str], environ: Mapping[str, str]) -> list[Setup]:
    """What could be done in the repository; last whatever a command of the user's measures.

    Args:
        tracked: The files of the commit that is measured.
    """
    place = Place(root=root, environ=environ)
    made: list[Setup] = []
    for find in (_suite, _queries, _training, _spark, _package, _benchmark, _measures, _tests, _types):
        try:
            made += find(place, tracked)
        except UsageError as error:  # several could be meant, or a file is odd: a person will know
            made += _told(find, str(error), tracked)
    made += [] if any(one.command for one in made) else _lone_script(place, tracked)
    made.append(Setup(recipe="command", why="any other command", scope=sources(tracked)))
    return made


_Find = Callable[[Place, Sequence[str]], Iterator[Setup]]


def _told(find: _Find, problem: str, tracked: Sequence[str]) -> Iterator[Setup]:
    """A setup that its own recipe cannot complete by itself, with the reason."""
    if find is _queries and (scope := _sql(tracked)):
        yield Setup(recipe="sql-latency", why="SQL files; several databases, so say which", scope=scope)
    elif find is _training:
        yield Setup(
            recipe="ml-f1", why="several scripts that train, so say which", scope=_parameters(tracked)
        )
    elif find is _benchmark:
        yield Setup(recipe="python-perf", why=problem.partition(";")[0], scope=sources(tracked))


def _suite(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    if command := benchmarks.suite(place):
        why = "tests with pytest-benchmark's fixture"
        yield Setup(recipe="python-benchmarks", why=why, scope=sources(tracked), command=command)


def _queries(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    scope = _sql(tracked)
    if not scope:
        return
    database = url(place)
    if database is not None:
        yield Setup(recipe="sql-latency", why=f"SQL files, and {database}", scope=scope)
    elif any(place.environ.get(name) for name in ("DATABASE_URL", "PGDATABASE")):
        yield Setup(recipe="sql-latency", why="SQL files, and a database in your environment", scope=scope)


def _sql(tracked: Sequence[str]) -> tuple[str, ...]:
    """The directories of queries, or the files at the top."""
    paths = [PurePosixPath(path) for path in tracked if path.endswith(".sql")]
    paths = [path for path in paths if not {"migrations", *_ASIDE} & {*path.parts}]
    return tuple(dict.fromkeys(str(path if len(path.parts) == 1 else path.parent) for path in paths))[
        :_MOST_FILES
    ]


def _training(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    command = DETECTORS["training"].find(place)
    if command is None:
        return
    scripts = [path for path in tracked if path.endswith(".py") and PurePosixPath(path).name in command]
    text = "\n".join(files.text(place.root, path) or "" for path in scripts)
    recipe = next((name for name, word in _SCORES if re.search(word, text, re.IGNORECASE)), "ml-f1")
    if DETECTORS["logged_metric"].find(place):
        recipe = "ml-mlflow"
    yield Setup(
        recipe=recipe, why=f"a training: {_brief(command)}", scope=_parameters(tracked) or tuple(scripts)
    )


def _parameters(tracked: Sequence[str]) -> tuple[str, ...]:
    return tuple(path for path in tracked if _PARAMETERS.search(path))[:_MOST_FILES]


def _spark(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    if job := spark.job(place):
        yield Setup(recipe="spark-job", why=f"a Spark job: {job}", scope=(job,))


def _package(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    if build := DETECTORS["package_build"].find(place):
        yield Setup(recipe="bundle-size", why=f"a build: {build}", scope=sources(tracked))


def _benchmark(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    scope = sources(tracked, ending=".py")
    if not scope:
        return
    here = Place(root=place.root, environ=place.environ, scope=scope)
    command = benchmarks.command(here)
    if command is not None and command != project.found_tests(here) and "--benchmark-disable" not in command:
        yield Setup(recipe="python-perf", why=f"a program: {_brief(command)}", scope=scope, command=command)


def _measures(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    """Scripts that are there to measure, by their names, and targets of a Makefile."""
    top = [path for path in tracked if len(PurePosixPath(path).parts) <= 2 and not project.is_test(path)]
    for path in top:
        if _AN_AIM.match(PurePosixPath(path).name):
            yield _command(place, path, tracked, f"a script by its name: {path}")
    if match := _TARGET.search(files.text(place.root, "Makefile") or ""):
        command = f"make -s {match[1]}"
        yield Setup(
            recipe="command", why=f"a target: make {match[1]}", scope=sources(tracked), command=command
        )


def _lone_script(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    """The only script at the top, whatever its name."""
    top = [path for path in tracked if "/" not in path and _SCRIPT.search(path)]
    top = [path for path in top if not project.is_test(path) and path not in _SET_UP]
    if len(top) == 1:
        yield _command(place, top[0], tracked, f"the only script: {top[0]}")


def _command(place: Place, path: str, tracked: Sequence[str], why: str) -> Setup:
    program = place.interpreter if path.endswith(".py") else _PROGRAMS.get(PurePosixPath(path).suffix, "bash")
    others = [one for one in tracked if one != path]
    return Setup(
        recipe="command",
        why=why,
        scope=sources(others) or (path,),
        command=f"{program} {shlex.quote(path)}",
    )


def _tests(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    if DETECTORS["suite"].find(place) is None:
        return
    tests = [PurePosixPath(path) for path in tracked if project.is_test(path)]
    folders = tuple(dict.fromkeys(path.parts[0] for path in tests))[:_MOST_FILES]
    count = words.count(len(tests), "test file")
    scope = tuple(dict.fromkeys((*folders, *sources(tracked, ending=".py"))))
    yield Setup(recipe="test-duration", why=f"{count}: make them quicker", scope=scope)
    yield Setup(recipe="test-coverage", why=f"{count}: check more of the code", scope=folders)
    yield Setup(
        recipe="test-pass-rate", why=f"{count}: make failing ones pass", scope=sources(tracked, ending=".py")
    )


def _types(place: Place, tracked: Sequence[str]) -> Iterator[Setup]:
    config = [path for path in tracked if path in ("mypy.ini", "ty.toml", "pyrightconfig.json", ".mypy.ini")]
    tools = files.table(place.root, "pyproject.toml", "tool").keys() & {*checkers.CHECKERS}
    if config or tools:
        checker = checkers.checker(place)
        yield Setup(recipe="ty-errors", why=f"settings of {checker}", scope=sources(tracked, ending=".py"))


def sources(tracked: Sequence[str], *, ending: str = "") -> tuple[str, ...]:
    """The directories of the project's own code, else the files at the top that are code or settings."""
    paths = [PurePosixPath(path) for path in tracked]
    code = [path for path in paths if (path.suffix == ending if ending else _SOURCES.search(path.name))]
    code = [path for path in code if not path.parts[0].startswith(".")]
    own = [path for path in code if path.parts[0] not in _ASIDE and not project.is_test(str(path))]
    folders = tuple(dict.fromkeys(path.parts[0] for path in own if len(path.parts) > 1))
    if "src" in folders:
        return ("src",)
    top = tuple(str(path) for path in own if len(path.parts) == 1 and path.name not in _SET_UP)
    top = tuple(path for path in top if not _AN_AIM.match(path) or len(top) == 1)
    if folders or top:
        return (
            (*folders, *top)[:_MOST_FILES]
            if len(folders) + len(top) <= _MOST_FILES
            else folders or (f"*{ending}",)
        )
    settings = tuple(
        path for path in tracked if "/" not in path and re.search(r"\.(?:json|ya?ml|toml|ini|txt)$", path)
    )
    return () if ending else settings[:_MOST_FILES]


def _brief(command: str) -> str:
    """The command without the path of its interpreter."""
    first, *rest = command.split(" ")
    return " ".join([first.rpartition("/")[2], *rest])
