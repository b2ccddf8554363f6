"""Running the project's tests with the recorder in them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.instruments import shell
from autoopt.instruments.testing import results

_RECORDER = Path(__file__).with_name("recorder.py")
_MODULE = "autoopt_recorder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be recorded besides the outcomes.

    Attributes:
        serial: Run in one process though the project uses several (pytest-xdist).
        assertions: Which assertions held.
        profile: Functions and fixtures that take time.
        coverage: Options of a measurement by coverage.py, None for none.
        only: Names of the tests to run, None for all.
        backwards: In reverse order.
        steady: Keep compiled files as the environment says, so that all runs but the first take as long.
    """

    serial: bool = False
    assertions: bool = False
    profile: bool = False
    coverage: Mapping[str, Any] | None = None
    only: tuple[str, ...] | None = None
    backwards: bool = False
    steady: bool = False

    @property
    def is_serial(self) -> bool:
        """Whether all tests must run in the process that records."""
        return self.serial or self.assertions or self.profile or self.coverage is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One execution of all tests.

    Attributes:
        session: What they did.
        coverage: coverage.py's reports as it writes them in JSON, one for each process.
        wall_s: How long the command took.
    """

    session: results.Session
    coverage: tuple[Mapping[str, Any], ...]
    wall_s: float


def run(command: str, environ: Mapping[str, str], wanted: Wanted | None = None) -> Suite:
    """Run the tests in the working directory, whatever their outcome.

    Raises:
        UsageError: no test could be seen, or what was wanted cannot be measured.
    """
    wanted = wanted or Wanted()
    with tempfile.TemporaryDirectory(prefix="autoopt-tests-") as name:
        folder = Path(name)
        shutil.copyfile(_RECORDER, folder / f"{_MODULE}.py")
        done = shell.run(command, _environment(folder, environ, wanted))
        session = results.read(folder, Path.cwd())
        problems = [line["problem"] for line in session.lines if "problem" in line]
        if problems:
            raise UsageError(problems[0])
        _refuse_nothing(session, done, command)
        reports = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("coverage-*.json"))]
    return Suite(session=session, coverage=tuple(reports), wall_s=done.wall_s)


def tolerate(session: results.Session, failures: int) -> None:
    """See that no more tests fail than that.

    Raises:
        UsageError: more do; with the first of them.
    """
    names = [test.name for test in session.having(results.FAILED, results.ERROR)] + list(session.broken)
    if len(names) > failures:
        shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        raise UsageError(
            f"{len(names)} tests fail ({shown}), and options.failures={failures} may; mend them or raise it."
        )


def _refuse_nothing(session: results.Session, done: shell.Ran, command: str) -> None:
    if session.tests or session.broken:
        return
    _explain(f"{done.stdout}\n{done.stderr}", command)
    if session.lines:
        raise UsageError(f"the tests' command found no tests (exit code {done.code}): {_said(done)}")
    raise UsageError(
        f"the tests' command ran no pytest that could be seen (exit code {done.code}: {_said(done)}); it "
        "must end in pytest of the project's interpreter, as in options.tests='.venv/bin/python -m pytest'."
    )


def _explain(said: str, command: str) -> None:
    """Refuse what is known to have gone wrong.

    Raises:
        UsageError: pytest is not installed, or the command hides the recorder from it.
    """
    without = re.search(r"^(.+): No module named '?pytest'?$", said, re.MULTILINE)
    if without:
        python = _python(command) or without[1]
        folder = Path(python).parent
        place = folder.parent if folder.name == "bin" else python
        raise UsageError(f"`{place}` has no pytest: {python} -m pip install pytest")
    if re.search(rf"No module named '?{_MODULE}\b", said):
        given = re.search(r"\bPYTHONPATH=([^\s;&]*)", command)
        path = given[1].strip("'\"") if given else "."
        raise UsageError(
            "options.tests replaces PYTHONPATH, on which pytest finds what records the tests; keep what is "
            f"there: PYTHONPATH={path}:$PYTHONPATH"
        )


def _python(command: str) -> str:
    """The interpreter whose pytest a command asks for, as it is written; empty when that cannot be seen."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    found = (
        word for word, *rest in zip(words, words[1:], words[2:], strict=False) if rest == ["-m", "pytest"]
    )
    return next(found, "")


def _said(done: shell.Ran) -> str:
    """The last error it spoke of, else the last thing it said."""
    lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it said nothing"])[-1].strip()[:300]


def _environment(folder: Path, environ: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """The environment in which pytest loads the recorder, which puts the present one back for the tests."""
    changed = {
        "PYTEST_ADDOPTS": _words(environ.get("PYTEST_ADDOPTS", ""), f"-p {_MODULE}", *_options(wanted)),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), environ.get("PYTHONPATH", "")])),
    }
    told = {
        "serial": wanted.is_serial,
        "profile": wanted.profile,
        "coverage": wanted.coverage,
        "only": wanted.only,
        "backwards": wanted.backwards,
        "restore": {name: environ.get(name) for name in changed},
    }
    (folder / "wanted.json").write_text(json.dumps(told), "utf-8")
    given = dict(environ) if wanted.steady else _uncached(environ)
    return {**given, **changed, "AUTOOPT_TESTS_FOLDER": str(folder)}


def _uncached(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which compiled files are read where packages were installed, and none are written.

    In a private cache, which each commit has anew, all of pytest would be compiled again; and tests that were
    rewritten for one purpose must not be found by the next.
    """
    given = {name: value for name, value in environ.items() if name != "PYTHONPYCACHEPREFIX"}
    return {**given, "PYTHONDONTWRITEBYTECODE": "1"}


def _options(wanted: Wanted) -> Sequence[str]:
    return ["-o enable_assertion_pass_hook=true"] if wanted.assertions else []


def _words(*parts: str) -> str:
    return " ".join(filter(None, parts))
