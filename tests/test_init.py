"""Setting a run up in a conversation: what is found, how a number is found again, and what is written."""

import errno
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
from rich.console import Console

from autoopt import compose
from autoopt.cli import main
from autoopt.errors import UsageError
from autoopt.init import bounds, draft, guesses, reading, setups, showing, steps, talk, terms
from autoopt.meters.extract import Output, extract
from autoopt.schema import BudgetConfig, Config, Direction, ExtractConfig, Extraction, MetricConfig
from autoopt.testing import recipe_text


def screen(stdout, stderr=""):
    return reading.Screen(
        Output(stdout=stdout, stderr=stderr, file=None, code=0, wall_s=1.5, cpu_s=1.25, peak_bytes=9_000_000)
    )


def mark_at(found, line, value):
    return next(one for one in found.marks if one.line.number == line and one.value == value)


@pytest.mark.parametrize(
    ("said", "line", "value", "kind", "pattern"),
    [
        ("hello\ntotal: 12.5 ms\n", 2, 12.5, "regex", r"^total: +(\S+)"),
        ("METRIC f1=0.9\nMETRIC n=2\n", 1, 0.9, "named", "f1"),
        ('{"a": {"t": 1.5}, "b": [3, {"t": 1.5}]}\n', 1, 3, "json", "b[0]"),
        ('{\n "n": 2,\n "time_s": 3.25\n}\n', 3, 3.25, "json", "time_s"),
        ("12\n13\n14.5\n", 3, 14.5, "line", "-1"),
        ("Ran 5 tests in 0.123s\n\nOK\n", 1, 0.123, "regex", r"^Ran +\S+ +tests +in +([-+.\deE]+)s"),
        ("2026-11-23 10:00:01 /tmp/x/y total=5\n", 1, 5, "regex", r"^\S+ +\S+ +\S+ +total=(\S+)"),
        ("12.5 ms median\n3 ms mean\n", 1, 12.5, "regex", r"^(\S+) +ms +median"),
        ("loss (a+b) [%]: 4.5\n", 1, 4.5, "regex", r"^loss +\(a\+b\) +\[%\]: +(\S+)"),
    ],
)
def test_a_number_is_found_again_by_what_stands_around_it(said, line, value, kind, pattern):
    found = screen(said)
    best = reading.of_mark(found, mark_at(found, line, value))[0]

    assert (best.extract.kind.value, best.extract.pattern) == (kind, pattern)
    assert extract(best.extract, found.output) == value


def test_other_numbers_in_its_place_are_found_by_the_same_extraction():
    first, second = (
        screen("at 10:01 run 7 took 12.5 ms (3 runs)\n"),
        screen("at 11:59 run 81 took 9 ms (4 runs)\n"),
    )
    best = reading.of_mark(first, mark_at(first, 1, 12.5))[0]

    assert extract(best.extract, second.output) == 9


def test_the_second_of_two_equal_numbers_in_json_has_its_own_path():
    found = screen('{"a": {"t": 1.5}, "b": [3, {"t": 1.5}]}\n')
    paths = [reading.of_mark(found, mark)[0].extract.pattern for mark in found.marks]

    assert paths == ["a.t", "b[0]", "b[1].t"]


def test_lines_that_look_alike_are_told_and_the_first_or_last_can_be_taken():
    found = screen("".join(f"epoch {n} loss 0.{n}\n" for n in (1, 2, 3)))
    last = reading.of_mark(found, mark_at(found, 3, 0.3))[0]
    between = mark_at(found, 2, 0.2)

    assert last.note == "3 lines look like this (1: 0.1, 2: 0.2, 3: 0.3); this takes the last"
    assert extract(last.extract, screen("epoch 1 loss 0.8\nepoch 2 loss 0.7\n").output) == 0.7
    assert reading.of_mark(found, between) == []
    assert "neither the first nor the last" in reading.unclear(found, between)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("v1.2.3 of 2026-11-23, 10:00:01\n", None),
        ("commit 3a7f9c1 in 1,234 ms\n", None),
        ("read 3 files\ntotal time 4.5 s\n", 4.5),
        ("1 2\nMETRIC ms=7\nscore 3\n", 7),
        ("warming up 3\n8.25\n", 8.25),
        ("a 1\nb 2\n", None),
    ],
)
def test_the_likely_number_is_proposed_and_dates_and_versions_are_none(said, value):
    mark = reading.guess(screen(said))

    assert (mark and mark.value) == value


@pytest.mark.parametrize(
    ("said", "unit", "direction"),
    [
        ("total: 12.5 ms\n", "ms", Direction.lower),
        ("val_f1=0.83\n", "val_f1", Direction.higher),
        ('{"total_ms": 3}\n', "ms", Direction.lower),
        ("12.5 MB/s\n", "MB/s", Direction.higher),
        ("score 1.5 points\n", "points", Direction.higher),
        ("errors: 4\n", "errors", Direction.lower),
    ],
)
def test_unit_and_direction_are_guessed_from_the_words_beside_the_number(said, unit, direction):
    found = screen(said)
    best = reading.of_mark(found, reading.guess(found))[0]

    assert guesses.unit(best) == unit
    assert guesses.direction(best, unit, "") is direction


def test_output_is_numbered_marked_without_colour_and_harmless():
    lines = [f"line {n}" for n in range(1, 200)] + ["x" * 300 + " 4.5 \x1b[31m" + "y" * 300]
    found = screen("\n".join(lines), "oh\x07 no\n")
    shown = list(showing.screen(found, mark_at(found, 200, 4.5), 60))

    assert any(">>4.5<<" in line for line in shown)
    assert "  (! is standard error)" in shown and any(line.endswith("! oh no") for line in shown)
    assert max(map(len, shown)) < 60 and len(shown) <= showing.MOST + 5
    assert not re.search(r"[\x00-\x1f]", "".join(shown))


def test_budgets_and_constraints_are_read_as_people_write_them():
    assert bounds.budget("20 experiments, 2h 30m or $5") == {
        "budget.experiments": "20",
        "budget.wall": "2h30m",
        "budget.cost_usd": "5",
    }
    assert bounds.budget("500k tokens") == {"budget.experiments": "null", "budget.tokens": "500000"}
    assert bounds.constraints("peak_mb <= 500, cpu_s +10%, f1 -5%, errors no worse") == {
        "constraints.peak_mb.max": "500",
        "constraints.cpu_s.max_regression": "0.1",
        "constraints.f1.max_regression": "0.05",
        "constraints.f1.direction": "higher",
        "constraints.errors.max_regression": "0",
    }
    many = Config(metric=MetricConfig(command="x"), budget=BudgetConfig(experiments=12_000, wall="2h"))
    assert bounds.budget(terms._budget(many)) == {"budget.experiments": "12000", "budget.wall": "2h"}
    for read, said in (
        (bounds.budget, "soon"),
        (bounds.budget, "0"),
        (bounds.constraints, "fast"),
        (bounds.constraints, "a <= 5%"),
    ):
        with pytest.raises(UsageError):
            read(said)


def test_an_answer_can_be_given_beforehand_as_it_would_be_typed():
    assert terms.spelled("budget", "12 or 6m") == {"budget.experiments": "12", "budget.wall": "6m"}
    assert terms.spelled("constraints", "peak_mb <= 90") == {"constraints.peak_mb.max": "90"}
    assert terms.spelled("constraints", "none") == {}
    assert terms.spelled("simplicity", "strict") == {"line_gain": "0.001"}
    for key, value in (("simplicity", "short names"), ("budget", "{wall: 1h}"), ("budget.wall", "1h")):
        assert terms.spelled(key, value) == {key: value}


def test_other_numbers_do_not_have_the_one_that_is_improved():
    ran = draft.Ran(output=screen("x").output, details={"total_ms": 3.0, "wall_s": 2.0}, problem="")
    named = MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.named, pattern="total_ms"))
    timed = MetricConfig(command="x", extract=ExtractConfig(kind=Extraction.wall))

    assert steps.numbers(ran, Config(metric=named)) == "wall_s (2)"
    assert steps.numbers(ran, Config(metric=timed)) == "total_ms (3)"


def test_paths_are_read_as_they_are_shown():
    names = ["src", "lib/*.py", "my notes/a,b.txt", "it's"]

    assert draft.paths(draft.typed(names)) == draft.paths(draft.listed(names)) == names
    assert draft.paths("src lib, [ab].py") == ["src", "lib", "[ab].py"]


def files(root, **contents):
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sorted(contents)


@pytest.mark.parametrize(
    ("contents", "recipe", "scope"),
    [
        (
            {"shop/a.py": "x = 1\n", "tests/test_a.py": "def test(): ...\n"},
            "test-duration",
            ("tests", "shop"),
        ),
        ({"queries/a.sql": "select 1;\n", "app.db": "SQLite format 3\0"}, "sql-latency", ("queries",)),
        ({"score.sh": "echo 5\n", "words.txt": "a\n"}, "command", ("words.txt",)),
        ({"src/a/main.py": "if __name__ == '__main__': print(1)\n"}, "python-perf", ("src",)),
        ({"train.py": "print('f1=0.5')\n", "params.yaml": "C: 1\n"}, "ml-f1", ("params.yaml",)),
        ({"README": "nothing\n"}, "command", ()),
    ],
)
def test_what_fits_the_repository_is_proposed_first(tmp_path, contents, recipe, scope):
    found = setups.found(tmp_path, files(tmp_path, **contents), {})

    assert (found[0].recipe, found[0].scope) == (recipe, scope)
    assert found[-1].recipe == "command"


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    script = "echo 'reading 3 files'\necho 'best of 2: 1.5 points'\necho 'warning: 4 things' >&2\n"
    files(root, **{"score.sh": script, "words.txt": "a b\n"})
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    monkeypatch.chdir(root)
    for name, value in {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}.items():
        monkeypatch.setenv(name, value)
    return root


def everything_in(folder):
    return sorted(str(path) for path in folder.rglob("*") if ".git" not in path.parts)


def converse(root, answers, columns=60):
    """`autoopt init` at a terminal, an answer whenever a prompt waits: what was shown, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
        words = [sys.executable, "-m", "autoopt", "init"]
        os.chdir(root)
        time.sleep(0.1)  # until it has its size
        os.execve(sys.executable, words, {**environ, "TERM": "dumb"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    waiting, shown, seen, until = list(answers), "", 0, time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.02)[0]:
            if waiting and shown[seen:].endswith("> "):
                seen = len(shown)
                os.write(terminal, waiting.pop(0).encode())
            continue
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError as error:
            assert error.errno == errno.EIO  # its other end is closed
            break
        shown += piece.decode().replace("\r\n", "\n")
    else:
        os.kill(pid, signal.SIGKILL)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_conversation_writes_a_recipe_that_runs_unchanged_and_is_trusted(project):
    answers = [
        *("", "?", "fewer words", "nothing/*", "words.txt", "", ""),  # aim, goal, scope, command, run it
        *("<", "", "zzz", "warning", "best", "1.5", ""),  # back to the command; the number
        *("up", "higher", "7", "points", "none", "", "peak_mb <= 90", "none", "5, 1h", "strict"),
        *("command", "wrods", "n", "words", "y", ""),  # a name that is taken, then one more thought
    ]
    shown, code = converse(project, [f"{answer}\n" for answer in answers])
    written = project / ".autoopt" / "recipes" / "words.yaml"

    assert code == 0, shown
    assert "sh score.sh" in shown and ">>1.5<<" in shown and ">>4<<" in shown
    assert "zzz: no line has that" in shown and "matches no committed file" in shown
    assert max(map(len, shown.splitlines())) <= 60
    header = recipe_text.header(written)
    assert recipe_text.uses(header, "words") and not recipe_text.plain_pythons({"metric": {"command": "sh"}})
    assert everything_in(project) == sorted(
        map(str, [project / "score.sh", project / "words.txt", *written.parents[:2], written])
    )

    configs = []
    environ = dict(os.environ)
    compose.run(["recipe=words"], environ, configs.append)  # nobody is asked: it is trusted
    (config,) = configs
    assert (config.goal, config.scope, config.recipe) == ("fewer words", ["words.txt"], "words")
    assert config.metric.command == "bash score.sh"
    assert config.metric.extract.pattern == r"^best +of +\S+ +(\S+)"
    assert (config.metric.unit, config.metric.target) == ("points", None)
    assert config.metric.direction is Direction.higher
    assert (config.budget.experiments, config.budget.wall, config.line_gain) == (5, "1h", 0.001)
    assert config.constraints["peak_mb"].max == 90


def test_leaving_the_conversation_leaves_no_trace(project):
    before = everything_in(project.parent)
    shown, ended = converse(project, ["\n", "\x03"])

    assert ended == 130 and "nothing was written" in shown
    kept = [path for path in everything_in(project.parent) if "/state" not in path]
    assert kept == before
    assert not (project.parent / "state" / "autoopt" / "trust.json").exists()


@pytest.mark.parametrize("said", ["q\n", "?\nquit\n", ""])
def test_q_and_the_end_of_input_leave(monkeypatch, said):
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    shown = io.StringIO()
    with pytest.raises(talk.QuitError):
        talk.Person(Console(file=shown, width=40)).ask("goal", "The goal?", "a \x1b[2J b", "It helps.")

    assert "[a b] > " in shown.getvalue() and ("It helps." in shown.getvalue()) == said.startswith("?")


def test_without_a_terminal_what_is_missing_is_named(project, capsys):
    words = ["init", "metric.command=bash score.sh"]
    assert main(words) == 2
    assert "autoopt: scope: is missing, and there is no terminal" in capsys.readouterr().err

    assert main([*words, "scope=words.txt"]) == 2
    assert "autoopt: at: is missing" in capsys.readouterr().err
    assert not (project / ".autoopt").exists()


def test_all_can_be_said_beforehand_and_no_recipe_is_written_over(project, capsys):
    words = [
        "init",
        "metric.command=bash score.sh",
        "scope=words.txt",
        "at=warning",
        "name=mine",
        "sandbox=none",
    ]
    assert main([*words, "--yes"]) == 0
    written = (project / ".autoopt/recipes/mine.yaml").read_text()
    assert "stream: stderr" in written and "#    autoopt recipe=mine sandbox=none" in written
    assert "\nsandbox" not in written
    capsys.readouterr()

    assert main([*words, "--no-run"]) == 2
    assert "is there already; give --replace" in capsys.readouterr().err
    assert main([*words, "--no-run", "--print", "recipe=command", "metric.unit=%", "line_gain=0"]) == 0
    printed = capsys.readouterr().out
    assert "unit: '%'" in printed and "line_gain: 0  #" in printed


def test_how_an_agent_is_called_stays_on_the_command_line(project, capsys):
    words = [
        "init",
        "metric.command=bash score.sh",
        "scope=words.txt",
        "at=warning",
        "name=mine",
        "budget=2, 5m",
    ]
    assert main([*words, "--yes", "agent=command", "agent.command=./think {prompt_file}"]) == 0

    written = (project / ".autoopt/recipes/mine.yaml").read_text()
    assert "{agent: command}" in written and "experiments: 2" in written and "wall: 5m" in written
    assert "autoopt recipe=mine 'agent.command=./think {prompt_file}'" in written
    assert "think" not in written.partition("defaults:")[2]


def test_a_program_that_prints_its_own_number_needs_a_person_to_say_so(project, capsys):
    words = ["init", "metric.command=bash score.sh", "scope=score.sh", "--no-run", "--yes", "--print"]
    words += ["metric.extract.kind=line", "metric.extract.pattern=-1"]
    assert main(words) == 2
    assert "autoopt: metric.self_scored: is missing" in capsys.readouterr().err
