from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from bench import flood
from support.survivors import alive

from autoopt.errors import ResourceError, UsageError
from autoopt.processes import Completed, complaint, cut_short, failure, plain, run, tail
from autoopt.processes.environment import clean_environment, read_assignments, read_regular
from autoopt.processes.logs import Logs

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")


def stay(mark: str, *, term: bool = True) -> str:
    """A command that sleeps under a name of its own."""
    trap = "" if term else "trap : TERM; "
    return f'bash -c "{trap}while :; do sleep 0.2; done" {mark}'


def go(command: str, tmp_path: Path, timeout_s: float | None = 30.0, **env: str) -> Completed:
    return run(command, cwd=tmp_path, env={**ENV, **env}, timeout_s=timeout_s, logs=tmp_path / "logs")


def test_output_exit_code_and_clocks_are_reported(tmp_path: Path) -> None:
    done = go("echo out; echo err >&2; sleep 0.3; exit 3", tmp_path)

    assert done.code == 3
    assert done.stdout.read_text() == "out\n"
    assert done.stderr.read_text() == "err\n"
    assert 0.3 <= done.wall_s < 5
    assert done.cpu_s < 0.25
    assert not (done.timed_out or done.overflowed or done.leftovers)


def test_cpu_time_and_memory_include_grandchildren(tmp_path: Path) -> None:
    script = tmp_path / "hungry.py"
    script.write_text("import time\nx = bytearray(200_000_000)\nwhile time.process_time() < 0.4: pass")
    done = go(f"bash -c '{sys.executable} {script}; true'; true", tmp_path)

    assert done.code == 0
    assert 0.4 <= done.cpu_s < 3
    assert 200e6 <= done.peak_bytes < 300e6


@linux
def test_cpu_time_includes_orphans(tmp_path: Path) -> None:
    script = tmp_path / "busy.py"
    script.write_text("import time\nwhile time.process_time() < 60: pass")
    done = go(f"(setsid {sys.executable} {script} &); sleep 0.5", tmp_path)

    assert done.leftovers == 1
    assert done.cpu_s > 0.1


def test_the_memory_of_autoopt_is_not_the_commands(tmp_path: Path) -> None:
    ballast = bytearray(300_000_000)
    done = go("true", tmp_path)

    assert done.peak_bytes < 60e6 < len(ballast)


def test_standard_input_is_empty_and_no_terminal(tmp_path: Path) -> None:
    assert go("cat; test ! -t 0 -a ! -t 1", tmp_path).code == 0


def test_the_environment_is_what_is_given_and_the_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    done = go("env", tmp_path, NAME="a=b c\nd")

    names = {line.partition("=")[0] for line in done.stdout.read_text().splitlines() if "=" in line}
    assert names <= {"PATH", "LC_ALL", "NAME", "PWD", "SHLVL", "_", "AUTOOPT_PROCESS"}
    assert "NAME=a=b c\nd" in done.stdout.read_text()


def test_outputs_can_be_opened_again_by_name(tmp_path: Path) -> None:
    done = go("echo one >&2; echo two | tee /dev/stderr; echo three >&2", tmp_path)

    assert done.stderr.read_text() == "one\ntwo\nthree\n"


def test_output_of_a_process_substitution_is_complete(tmp_path: Path) -> None:
    assert go("echo late > >(sleep 0.1; cat)", tmp_path).stdout.read_text() == "late\n"


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path, mark: str) -> None:
    started = time.monotonic()
    done = go(f"echo before; {stay(mark)}", tmp_path, 0.5)

    assert done.timed_out
    assert time.monotonic() - started < 2
    assert done.stdout.read_text() == "before\n"
    assert alive(mark) == []
    assert failure(done, "slow").timeout


def test_term_comes_before_kill(tmp_path: Path) -> None:
    done = go("trap 'echo tidy; exit 0' TERM; while :; do sleep 0.05; done", tmp_path, 0.3)

    assert done.timed_out
    assert done.stdout.read_text() == "tidy\n"


def test_a_command_that_ignores_term_is_killed(tmp_path: Path, mark: str) -> None:
    started = time.monotonic()
    done = go(f"trap '' TERM; {stay(mark, term=False)}", tmp_path, 0.3)

    assert done.timed_out
    assert time.monotonic() - started < 5
    assert alive(mark) == []


LEFT_BEHIND = {
    "background": "{0} &",
    "disowned": "{0} & disown",
    "own session": "setsid {0} &",
    "double fork": "(setsid bash -c '({1}) & exit' &)",
    "ignores term": "setsid {2} &",
    "nohup with the outputs": "nohup {0} >/dev/null 2>&1 &",
}


@linux
@pytest.mark.parametrize("how", LEFT_BEHIND)
@pytest.mark.parametrize("end", ["normal", "timeout"])
def test_nothing_is_left_behind(tmp_path: Path, mark: str, how: str, end: str) -> None:
    command = LEFT_BEHIND[how].format(stay(mark), f"exec -a {mark} sleep 300", stay(mark, term=False))
    done = go(f"{command}\nsleep {0.1 if end == 'normal' else 30}", tmp_path, 0.4)

    assert done.timed_out == (end == "timeout")
    assert done.leftovers >= 1
    assert alive(mark) == []


def test_the_command_cannot_hit_its_supervisor_by_group(tmp_path: Path) -> None:
    done = go("kill -TERM 0; sleep 30", tmp_path)

    assert complaint(done) == "killed by SIGTERM"


@linux
def test_a_command_that_kills_its_supervisor_has_failed_and_leaves_nothing(tmp_path: Path, mark: str) -> None:
    done = go(f"{stay(mark)} & kill -9 $PPID; {stay(mark)}", tmp_path)

    time.sleep(0.1)
    assert complaint(done) == "killed by SIGKILL (out of memory?)"
    assert alive(mark) == []


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_of_output_is_cut_off(tmp_path: Path, stream: str) -> None:
    done = go(f"yes >&{1 if stream == 'stdout' else 2}", tmp_path)

    assert done.overflowed
    assert getattr(done, stream).stat().st_size == 64 << 20
    assert complaint(done) == "ended because it printed more than 64 MB"


@linux
def test_output_does_not_pass_through_the_memory_of_autoopt(tmp_path: Path) -> None:
    found = flood.flood(tmp_path, 200)

    assert found.overflowed
    assert found.grown_mb < 20


def test_output_that_just_fits_is_kept(tmp_path: Path) -> None:
    done = go(f"head -c {64 << 20} /dev/zero", tmp_path)

    assert not done.overflowed
    assert done.code == 0
    assert done.stdout.stat().st_size == 64 << 20


def test_an_interrupt_ends_the_tree_and_is_passed_on(tmp_path: Path, mark: str) -> None:
    timer = threading.Timer(
        0.5, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    )
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        go(f"setsid {stay(mark)} & {stay(mark)}", tmp_path)

    assert alive(mark) == []


@linux
@pytest.mark.parametrize("how", ["own session", "ignores term", "double fork"])
def test_nothing_survives_when_autoopt_is_killed(tmp_path: Path, mark: str, how: str) -> None:
    command = LEFT_BEHIND[how].format(stay(mark), f"exec -a {mark} sleep 300", stay(mark, term=False))
    script = f"""
        import os
        from pathlib import Path
        from autoopt.processes import run
        run({command + chr(10) + stay(mark)!r}, cwd=Path({str(tmp_path)!r}), env={ENV!r}, timeout_s=None,
            logs=Path({str(tmp_path / "logs")!r}))
    """
    code = textwrap.dedent(script)
    (tmp_path / "loop.py").write_text(code)  # not on a command line, which would carry the mark
    autoopt = subprocess.Popen([sys.executable, str(tmp_path / "loop.py")])
    _until(lambda: len(alive(mark)) >= 2)
    autoopt.kill()
    autoopt.wait()

    _until(lambda: not alive(mark))


def _until(condition: object, limit_s: float = 10.0) -> None:
    assert callable(condition)
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_no_descriptors_and_no_threads_are_leaked(tmp_path: Path) -> None:
    go("true", tmp_path)
    descriptors, threads = len(list(Path("/dev/fd").iterdir())), set(threading.enumerate())
    for _ in range(5):
        go("true", tmp_path)

    assert len(list(Path("/dev/fd").iterdir())) == descriptors
    _until(lambda: set(threading.enumerate()) <= threads)


def test_the_command_inherits_no_descriptors(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        done = go("echo /dev/fd/*", tmp_path)

    # 3 is the shell's own, open while it lists the directory.
    assert set(done.stdout.read_text().split()) <= {f"/dev/fd/{number}" for number in range(4)}


def test_the_start_of_the_supervisor_is_not_part_of_the_wall_time(tmp_path: Path) -> None:
    walls = sorted(go("true", tmp_path).wall_s for _ in range(5))

    assert walls[0] < 0.02


@linux
def test_memory_shortage_takes_the_command_first(tmp_path: Path) -> None:
    assert go("cat /proc/self/oom_score_adj", tmp_path).stdout.read_text() == "500\n"


def test_a_missing_directory_is_an_error_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"not be started in .*nowhere"):
        run("true", cwd=tmp_path / "nowhere", env=ENV, timeout_s=1, logs=tmp_path / "logs")


def test_a_missing_shell_is_an_error_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="bash is not on the PATH"):
        go("true", tmp_path, PATH=str(tmp_path))


@pytest.mark.parametrize(
    ("command", "env"), [("echo \0", {}), ("true", {"A": "b\0C=d"}), ("true", {"A=": "b"})]
)
def test_what_no_program_can_be_given_is_refused(tmp_path: Path, command: str, env: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot hold NUL"):
        go(command, tmp_path, **env)


@linux
def test_a_full_disk_is_not_blamed_on_the_command(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "stdout").symlink_to("/dev/full")
    with pytest.raises(ResourceError, match="No space left on device"):
        go("echo x; sleep 30", tmp_path)


def test_a_long_command_and_a_large_environment_are_passed(tmp_path: Path) -> None:
    done = go(f"echo {'x' * 100_000} | wc -c; echo ${{#BIG}}", tmp_path, BIG="y" * 100_000)

    assert done.stdout.read_text().split() == ["100001", "100000"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", None),
        ("exit 1", "exit code 1"),
        ("exit 255", "exit code 255"),
        ("no-such-program", "exit code 127 (command not found)"),
        ("/etc/passwd", "exit code 126 (not executable)"),
        ("kill -9 $$", "killed by SIGKILL (out of memory?)"),
        ("bash -c 'kill -9 $$'; exit $?", "killed by SIGKILL (out of memory?)"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
    ],
)
def test_complaints_are_for_people(tmp_path: Path, command: str, said: str | None) -> None:
    done = go(command, tmp_path)

    assert complaint(done) == said
    assert cut_short(done) == (said if said and "killed" in said else None)


def test_the_tail_shares_its_lines_between_both_outputs(tmp_path: Path) -> None:
    done = go("seq 100; seq 200 300 >&2", tmp_path)

    assert tail(done, 4) == "99\n100\n299\n300"
    assert tail(go("seq 3; seq 200 300 >&2", tmp_path), 6).startswith("1\n2\n3\n298")


def test_the_tail_is_readable_and_bounded(tmp_path: Path) -> None:
    done = go(
        r"printf '\033[31mred\033[0m 10%%\rred 99%%\n\xff\a'; head -c 3000000 /dev/zero | tr '\0' x >&2",
        tmp_path,
    )

    assert tail(done).startswith("red 99%\n�\nxxx")
    assert len(tail(done)) < 1000


def test_escape_sequences_are_removed() -> None:
    assert plain("\x1b[32m0.53\x1b[0m \x1b]0;title\x07a\x1b(b\r\n\x00") == "0.53 a(b\n"


def test_only_listed_variables_pass_and_home_is_private(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "AWS_SECRET_ACCESS_KEY": "s",
        "PGPASSWORD": "p",
        "PGHOST": "db",
        "HOME": "/root",
        "LANG": "de_DE",
    }
    clean = clean_environment(environ, tmp_path, {"MINE": "1", "TERM": "vt100"})

    assert not {"AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "LANG"} & clean.keys()
    assert (clean["PATH"], clean["PGHOST"], clean["MINE"], clean["TERM"]) == ("/bin", "db", "1", "vt100")
    assert clean["HOME"] == clean["TMPDIR"] == str(tmp_path)
    assert Path(clean["PYTHONPYCACHEPREFIX"]).is_relative_to(tmp_path)


def test_tools_find_what_is_in_the_real_home(tmp_path: Path) -> None:
    (tmp_path / "real" / ".cargo").mkdir(parents=True)
    environ = {"HOME": str(tmp_path / "real"), "GOPATH": "/go"}
    clean = clean_environment(environ, tmp_path / "scratch", {})

    assert clean["CARGO_HOME"] == str(tmp_path / "real" / ".cargo")
    assert clean["GOPATH"] == "/go"
    assert "RUSTUP_HOME" not in clean


def test_python_leaves_no_compiled_files_beside_the_sources(tmp_path: Path) -> None:
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    tree.mkdir()
    (tree / "module.py").write_text("")
    env = clean_environment(os.environ, scratch, {})
    done = run(
        f"{sys.executable} -c 'import module'", cwd=tree, env=env, timeout_s=30, logs=tmp_path / "logs"
    )

    assert done.code == 0
    assert [path.name for path in tree.iterdir()] == ["module.py"]
    assert list(scratch.rglob("module*.pyc"))


def test_assignments_are_read_literally_and_only_those_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "tuning.env"
    file.write_text(
        "# A=0\nA=1\nexport B='two words'\nC=$(rm -rf /)\nLD_PRELOAD=x\nA = 5\nD=\nA=3\r\nE=a=b\n"
    )
    found = read_assignments(file, {"A", "B", "C", "D", "E", "F"})

    assert found == {"A": "3", "B": "two words", "C": "$(rm -rf /)", "D": "", "E": "a=b"}
    assert read_assignments(tmp_path / "none.env", {"A"}) == {}


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_bytes(b"12345")
    link.symlink_to(file)
    os.mkfifo(pipe)

    assert read_regular(file, 5) == b"12345"
    assert [read_regular(path, 4) for path in (file, link, pipe, tmp_path, tmp_path / "none")] == [None] * 5


def test_logs_keep_the_latest_and_the_latest_failures(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs", keep=2, keep_failed=3)
    for number in range(20):
        path = logs.open("sample")
        (path / "stdout").write_text("x")
        logs.close(path, failed=number % 2 == 1)

    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == [
        "000016-sample-failed",
        "000017-sample",
        "000018-sample-failed",
        "000019-sample",
        "000020-sample-failed",
    ]


def test_logs_go_on_counting_and_are_shortened(tmp_path: Path) -> None:
    first = Logs(tmp_path).open("a b/c")
    (first / "stdout").write_bytes(b"begin" + bytes(10_000_000) + b"end")
    Logs(tmp_path).close(first, failed=False)

    assert first.name == "000001-a-b-c"
    assert Logs(tmp_path).open("d").name == "000002-d"
    content = (first / "stdout").read_bytes()
    assert len(content) < 600_000
    assert content.startswith(b"begin") and content.endswith(b"end") and b"bytes left out" in content


def test_logs_that_cannot_be_written_are_an_error_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match=r"file/stdout cannot be written: File exists"):
        run("true", cwd=tmp_path, env=ENV, timeout_s=1, logs=tmp_path / "file")
    with pytest.raises(ResourceError, match=r"file/000001-x cannot be made"):
        Logs(tmp_path / "file").open("x")


def test_an_interrupt_while_a_command_is_started_is_not_lost(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal, sys, time
        from pathlib import Path
        from autoopt.processes import run
        # What Python runs in the parent after a fork is where it swallows exceptions.
        os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT) or time.sleep(0.05))
        try:
            run("sleep 30", cwd=Path("."), env=dict(os.environ), timeout_s=None, logs=Path({str(tmp_path)!r}))
        except KeyboardInterrupt:
            sys.exit(7)
    """)

    done = subprocess.run([sys.executable, "-c", script], timeout=20, check=False)

    assert done.returncode == 7
