import json
import subprocess
import sys

import pytest

from autoopt.guards.inventory import objections, parse


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answers(command, *words):
    words = [sys.executable, "-P", "-m", "autoopt.instruments.answers", "--command", command, *words]
    return subprocess.run(words, capture_output=True, check=False)


def of(project, code):
    """The inventory of a program, as the guard reads it."""
    (project / "program.py").write_text(code)
    done = answers(f"{sys.executable} program.py")
    assert done.returncode == 0, done.stderr.decode()
    return parse(done.stdout)


def test_another_answer_is_named_with_both_and_the_same_one_passes(project):
    base, same, other = (of(project, f"print('users', {n})\nprint('ok')") for n in ("17", "10 + 7", "18"))

    assert list(objections(base, same)) == []
    assert list(objections(base, other)) == ["line 1: users 17 → users 18"]


@pytest.mark.parametrize(
    "code",
    [
        "import time; print('took', time.perf_counter(), 's')",
        "import time; print(f'{time.perf_counter() % 1:.2f} seconds elapsed')",
        "import time; print('ended at', time.time())",
        "import time; print(time.strftime('%Y-%m-%d %H:%M:%S'), 'done')",
        "import os; print('in', os.getcwd(), os.environ.get('TMPDIR'))",
        "import random; print(random.random())",
        "import os; print('process', os.getpid())",
        "print(0.1 + 0.2)",
        "import gzip; gzip.open('out.csv.gz', 'wt').write('a,b')",
        "import secrets; open('out.bin', 'wb').write(bytes([0, 255]) + secrets.token_bytes(9))",
        "import time; open('out.bin', 'wb').write(bytes([0, int(time.time()) % 256]))",
        "import random, time; [print(random.random()) for _ in range(time.time_ns() // 10**7 % 5000)]",
    ],
)
def test_what_belongs_to_the_run_and_not_to_the_answer_may_differ(project, code):
    base = of(project, code + "\nprint('answer', 42)")
    later = of(project, code.replace("0.1 + 0.2", "0.3") + "\nprint('answer', 42)")

    assert list(objections(base, later)) == []


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("mean latency 50.008 ms", "mean latency 1.000 ms"),
        ("traffic 1200 MB", "traffic 99 MB"),
        ("uptime 17 h", "uptime 2 h"),
        ("served at 1450 req/s", "served at 1451 req/s"),
        ("mean duration: 3600.5", "mean duration: 3600.7"),
    ],
)
def test_what_looks_like_a_time_or_a_size_is_an_answer_where_both_runs_say_it(project, said, other):
    for code in ("print({!r})", "print('\\n' * 50, {!r})", "open('out.txt', 'w').write({!r})"):
        base, found = (of(project, f"print('ok'); {code.format(text)}") for text in (said, other))

        assert list(objections(base, base)) == []
        (objection,) = objections(base, found)
        assert said in objection and other in objection


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("took 1.234 s", "took 0.61 s"),
        ("took 0.0 s", "took 0.1 s"),
        ("parsed in 12 ms", "parsed in 9 ms"),
        ("load: 0.2 s", "load: 0.1 s"),
        ("memory: 120 MB", "memory: 99 MB"),
    ],
)
def test_a_time_that_was_measured_is_none_though_both_runs_measured_the_same(project, said, other):
    base, found = (of(project, f"print('ok'); print({text!r})") for text in (said, other))

    assert list(objections(base, found)) == []


def test_a_time_that_the_base_measured_may_be_equal_in_both_runs_of_a_change(project):
    measured = "import time; print(f'load: {time.perf_counter():.9f} s')"
    base, found = (of(project, code) for code in (f"{measured}; print('ok')", "print('load: 0.25 s\\nok')"))

    assert list(objections(base, found)) == []


def test_times_in_a_long_file_are_compared_too(project):
    write = "open('out.txt', 'w').write(''.join(f'{{n if n != {n} else 7}} ms\\n' for n in range(5000)))"
    base, found = (of(project, "print('ok'); " + write.format(n=n)) for n in (9999, 4321))

    assert [line.partition(":")[0] for line in objections(base, found)] == ["out.txt lines 4301 to 4325"]


def test_lines_whose_number_varies_do_not_hide_the_others(project):
    code = "import random; print('answer', {n})\nfor n in range(random.randrange(1, 999)): print(n)"
    base, found = (of(project, code.format(n=n)) for n in (1, 2))

    assert base.same["line 1"] == "answer 1"
    assert "line 1: answer 1 → answer 2" in list(objections(base, found))


@pytest.mark.parametrize("name", ["out.bin", "out.csv.gz"])
def test_files_that_hold_no_text_are_answers_where_both_runs_write_the_same(project, name):
    base, found = (of(project, f"open({name!r}, 'wb').write(bytes([0, 255, {n}]))") for n in (1, 2))

    assert [line.partition(":")[0] for line in objections(base, found)] == [name]


def test_text_files_that_it_writes_are_answers_too_compressed_or_not(project):
    write = "import gzip, os\nos.makedirs('out', exist_ok=True)\n"
    write += "open('out/a.csv', 'w').write('x,{n}\\n')\ngzip.open('b.txt.gz', 'wt').write('y,{n}\\n')\n"
    base, other = (of(project, write.format(n=n)) for n in (1, 2))

    assert [line.partition(":")[0] for line in objections(base, other)] == ["b.txt.gz", "out/a.csv"]


def test_every_line_of_a_long_output_counts(project):
    base, other = (of(project, f"for i in range(500): print(i if i != {n} else -1)") for n in (600, 450))

    assert [line.partition(":")[0] for line in objections(base, other)] == ["the lines after 40"]


@pytest.mark.parametrize("command", ["true", "echo 0.25 s", "echo took 3.5", "date +%s.%N"])
def test_with_neither_tests_nor_answers_it_says_what_to_give(project, command):
    refused, tested = answers(command, "--tests"), answers(command, "--tests", "pytest -q")

    assert refused.returncode == 2
    assert b"guards.tests.command=COMMAND, or guards.answers.command=null" in refused.stderr
    assert refused.stderr.count(b"\n") == 1
    assert json.loads(tested.stdout)["no_more"] == {}


def test_a_command_that_fails_gives_no_answers(project):
    done = answers("echo broken >&2; false | cat")

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"autoopt: the command ended with exit code 1: broken\n"
