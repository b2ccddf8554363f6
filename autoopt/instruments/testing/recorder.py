"""Records one pytest session as lines of JSON; copied as `autoopt_recorder.py` and loaded with `-p`.

It runs in whatever Python and pytest the project uses, so it keeps to what both have had for years. It takes
what it was told out of the environment before tests run: what they start, pytest among it, is not recorded.
Each line is written when it is known, so that a session that dies leaves what it had done.
"""

from __future__ import annotations

import cProfile
import json
import os
import sys
import time
from typing import Any, Iterator  # noqa: UP035 - of Python 3.8 too

import pytest

_LONGEST = 6000  # characters of a failure's text
_PROCESS = os.getpid()
_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # it reports to the process that started it
_FOLDER = "" if _WORKER else os.environ.get("AUTOOPT_TESTS_FOLDER", "")


def _read_wanted() -> dict[str, Any]:
    folder = os.environ.get("AUTOOPT_TESTS_FOLDER")
    if not folder:
        return {}
    with open(os.path.join(folder, "wanted.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        found: dict[str, Any] = json.load(file)
    return found


_WANTED = _read_wanted()
_checked: dict[str, set[str]] = {}
_profile = cProfile.Profile() if _WANTED.get("profile") else None
_coverage: Any = None


def _write(**fields: object) -> None:
    if not _FOLDER or os.getpid() != _PROCESS:
        return
    path = os.path.join(_FOLDER, f"session-{_PROCESS}.jsonl")  # noqa: PTH118
    with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
        file.write(json.dumps(fields) + "\n")


def _start_coverage() -> Any:
    """Measure from now on, before any module of the project is imported."""
    try:
        import coverage
    except ImportError:
        _write(problem=f"coverage is not installed for {sys.executable}; pip install coverage there.")
        return None
    wanted = _WANTED["coverage"]
    measured = coverage.Coverage(
        data_file=None, branch=wanted["branch"], source=wanted["source"], messages=False
    )
    measured.start()
    return measured


if _FOLDER and _WANTED.get("coverage"):
    _coverage = _start_coverage()


def _restore() -> None:
    """Put the environment back, for the tests and what they start."""
    os.environ.pop("AUTOOPT_TESTS_FOLDER", None)
    for name, value in _WANTED.get("restore", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _workers(known: Any) -> Any:
    """What was said about worker processes of pytest-xdist; nothing where it is not installed."""
    return getattr(known, "numprocesses", None)


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: Any, args: list[str]) -> Iterator[None]:
    """See that every test is run and, where needed, in this process and with no other coverage."""
    known, plugins = early_config.known_args_namespace, early_config.pluginmanager
    _write(loaded=pytest.__version__, xdist=plugins.hasplugin("xdist"), workers=_workers(known))
    args.extend(["--continue-on-collection-errors", "--maxfail=0"])
    if _WANTED.get("serial") and plugins.hasplugin("xdist"):
        args.append("-n0")
        known.numprocesses = 0
    if _coverage is not None and plugins.hasplugin("pytest_cov"):
        args.append("--no-cov")
        known.no_cov = True
    if _WORKER or not _workers(known):  # else workers will want the environment as it is
        _restore()
    yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Leave out tests that are not asked for (names may have directories in front), or turn the order."""
    if _WANTED.get("backwards"):
        items.reverse()
    only = _WANTED.get("only")
    if only is not None:
        names = tuple("/" + name for name in only)
        items[:] = [item for item in items if any(name.endswith("/" + item.nodeid) for name in names)]


def pytest_collection_finish(session: Any) -> None:
    """Note the tests that will run."""
    tests = [[item.nodeid, item.location[1]] for item in session.items]
    _write(root=str(session.config.rootdir), collected=tests)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Note the tests that will run, where workers collect them."""
    _write(root=str(node.config.rootdir), collected=[[name, None] for name in ids])


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: Any) -> Iterator[None]:
    """Note how long a module takes to be imported."""
    begin = time.perf_counter()
    yield
    if isinstance(collector, pytest.Module):
        _write(imported=collector.nodeid, seconds=time.perf_counter() - begin)


def pytest_collectreport(report: Any) -> None:
    """Note what could not be collected, and what a whole module leaves out."""
    if report.failed or report.skipped:
        _write(uncollected=report.nodeid, failed=report.failed, text=str(report.longrepr)[-_LONGEST:])


def pytest_assertion_pass(item: Any, orig: str) -> None:
    """Remember which assertions held in a test."""
    _checked.setdefault(item.nodeid, set()).add(" ".join(orig.split()))


def pytest_runtest_logreport(report: Any) -> None:
    """Note one phase of one test."""
    crash = getattr(report.longrepr, "reprcrash", None)
    _write(
        test=report.nodeid,
        when=report.when,
        outcome=report.outcome,
        expected=hasattr(report, "wasxfail"),
        seconds=report.duration,
        text=str(report.longreprtext)[-_LONGEST:] if report.outcome == "failed" else "",
        said=str(getattr(crash, "message", ""))[:500],
    )


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note the assertions that held."""
    if nodeid in _checked:
        _write(checked=nodeid, assertions=sorted(_checked.pop(nodeid)))


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    """Note how long a fixture takes to be made."""
    begin = time.perf_counter()
    yield
    if _WANTED.get("profile"):
        code = getattr(fixturedef.func, "__code__", None)
        place = [code.co_filename, code.co_firstlineno] if code else ["", 0]
        took = time.perf_counter() - begin
        _write(fixture=fixturedef.argname, scope=str(fixturedef.scope), place=place, seconds=took)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Profile a test with its fixtures."""
    if _profile is None:
        yield
        return
    _profile.enable()
    try:
        yield
    finally:
        _profile.disable()


def pytest_sessionfinish(exitstatus: int) -> None:
    """Note the functions that were profiled, and that the session came to its end."""
    if _profile is not None:
        _profile.create_stats()
        for place, (_, calls, own, whole, _callers) in _profile.stats.items():
            if place[0].startswith("/") and own >= 0.001:
                _write(function=list(place), calls=calls, own=own, whole=whole)
    _write(finished=int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Write what was covered, once nothing of the project runs any more."""
    if _coverage is None or os.getpid() != _PROCESS:
        return
    import coverage

    _coverage.stop()
    try:
        path = os.path.join(_FOLDER, f"coverage-{_PROCESS}.json")  # noqa: PTH118
        _coverage.json_report(outfile=path, ignore_errors=True)
    except coverage.CoverageException as error:
        _write(problem=f"coverage.py could not tell what was covered: {error}")
