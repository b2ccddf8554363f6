import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from autoopt import cli
from autoopt.errors import Terminated


def run(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "autoopt", *words], capture_output=True, text=True, timeout=60, **options
    )


def run_in_shell(words):
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -m autoopt {words}', sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_version_and_the_help_are_printed_without_heavy_imports():
    code = (
        "import sys\nfrom autoopt.cli import main\n"
        "for flag in ('--version', '--help', '-h'): assert main([flag]) == 0\n"
        "heavy = {'hydra', 'omegaconf', 'yaml', 'optuna', 'numpy', 'rich', 'jinja2', 'dulwich', 'sh'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.startswith("autoopt 0.")
    assert "  metric.command (text, " in done.stdout
    assert done.stdout.endswith("LOADED []\n")


def test_every_subcommand_is_in_the_help(capsys):
    assert cli.main(["--help"]) == 0

    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in cli.SUBCOMMANDS)


def test_an_unknown_subcommand_is_refused_with_the_nearest(capsys):
    assert cli.main(["recpes"]) == 2
    assert capsys.readouterr().err.startswith("autoopt: recpes: no such subcommand; did you mean recipes?")


def test_a_mistake_is_one_line_and_exit_code_2(capsys):
    assert cli.main(["recipes", "show", "nobody-has-this"]) == 2

    err = capsys.readouterr().err
    assert err.startswith("autoopt: recipe: nobody-has-this: no such recipe.") and err.count("\n") == 1


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m autoopt --help | head -c 10; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.startswith("autoopt ma")


WAITING = """
import sys, time, types
from autoopt import cli
def main(words, environ):
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        print("closed", flush=True)
    return 0
sys.modules["autoopt.commands.run"] = module = types.ModuleType("autoopt.commands.run")
module.main = main
sys.exit(cli.main(["recipe=x"]))
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_cleanly_with_its_own_exit_code(number, code):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (code, "closed\n", "")


def test_a_signal_waits_until_a_subcommand_is_imported(monkeypatch):
    seen = []

    def importing(name):
        signal.raise_signal(signal.SIGINT)
        seen.append(f"{name} is imported")
        return SimpleNamespace(main=lambda words, environ: seen.append("begun") or 0)

    monkeypatch.setattr(cli, "_module", importing)

    assert cli.main(["runs"]) == 130
    assert seen == ["runs is imported"]


def test_an_ignored_hangup_stays_ignored():
    process = subprocess.Popen(
        ["bash", "-c", f"trap '' HUP; exec {sys.executable} -c \"$0\"", WAITING.replace("30", "0.5")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    assert cli.main(["recipes"]) == 0

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_termination_is_handled_like_an_interrupt_where_a_run_cleans_up():
    with pytest.raises(KeyboardInterrupt) as caught:
        raise Terminated(signal.SIGTERM)

    assert caught.value.exit_code == 143


def test_a_refusal_has_nothing_in_it_that_a_terminal_would_obey(capsys):
    assert cli.main(["import", "sly\x1b[2J\u202e.tsv"]) == 2

    err = capsys.readouterr().err
    assert err.startswith(r"autoopt: sly\x1b[2J\u202e.tsv: is not there") and err[:-1].isprintable()


def test_streams_that_are_closed_before_the_start_are_no_obstacle():
    done = run_in_shell("recipes list >&- <&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert run_in_shell("recpes 2>&- >&-").returncode == 2


def test_words_before_the_first_override_complete_to_subcommands():
    environ = {**os.environ, "COMP_LINE": "autoopt rec", "COMP_POINT": "11"}
    assert "recipes" in run("-sc", "query=bash", env=environ).stdout.split()


def test_a_terminal_without_the_characters_gets_others(tmp_path):
    (tmp_path / "larger.yaml").write_text("goal: ein gr\u00f6\u00dferer Wert \u2192 \u22123 %\n", "utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "AUTOOPT_RECIPES": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", "recipes", "list"], env=environ, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert b"ein gr??erer Wert -> -3 %" in done.stdout
