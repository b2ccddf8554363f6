import os
import pty
import subprocess
import sys

import pytest

from autoopt import cli
from autoopt import help as topics


def said(capsys, *words):
    code = cli.main(["help", *words])
    out, err = capsys.readouterr()
    return code, out or err


def test_without_words_it_lists_every_topic_in_a_line(capsys):
    code, out = said(capsys)

    assert code == 0
    for topic in topics.TOPICS:
        assert f"  {topic} " in out
    assert max(map(len, out.splitlines())) <= 110


def test_a_topic_that_is_piped_is_markdown_whose_links_are_commands(capsys):
    code, out = said(capsys, "parameters")

    assert code == 0 and out.startswith("# Parameters")
    assert "`autoopt help parallel`" in out and "](" not in out
    assert "<!--" not in said(capsys, "results")[1] and "```sh" in out


def test_in_a_terminal_it_is_laid_out_as_wide_as_that_is():
    ours, theirs = pty.openpty()
    environ = {"TERM": "xterm", "PATH": os.environ["PATH"], "HOME": "/nowhere", "COLUMNS": "60"}
    words = [sys.executable, "-m", "autoopt", "help", "parameters"]
    with subprocess.Popen(words, stdout=theirs, stdin=theirs, env=environ) as program:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    text = shown.decode()

    assert program.returncode == 0
    assert "\x1b[1m" in text and "**" not in text and "```" not in text
    assert "autoopt help" in text and ".md" not in text


def test_an_option_is_explained_with_those_below_it(capsys):
    code, out = said(capsys, "metric.extract")

    assert code == 0
    assert "  metric.extract.kind (" in out and "  metric.extract.file (text)" in out and "budget" not in out


def test_names_of_your_own_stand_for_options_too(capsys):
    assert "Environment variables of the metric" in said(capsys, "metric.env.PYTHONPATH")[1]
    assert "Largest value a kept change may have" in said(capsys, "constraints.peak_mb.max")[1]


def test_a_subcommand_says_how_it_is_used(capsys):
    code, out = said(capsys, "finish")

    assert code == 0 and out.startswith("`autoopt finish RUN") and "--drop" in out


def test_what_is_nothing_is_refused_with_the_nearest(capsys):
    code, out = said(capsys, "troubleshoting")
    assert code == 2
    assert out == (
        "autoopt: help troubleshoting: no such topic, option or subcommand; did you mean troubleshooting?\n"
    )
    assert "did you mean metric.command?" in said(capsys, "metric.comand")[1]
    assert "`autoopt help search xyzzy` looks for it everywhere" in said(capsys, "xyzzy")[1]
    assert (
        "one topic at a time; `autoopt help search verdicts safety`" in said(capsys, "verdicts", "safety")[1]
    )


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        (
            "autoopt: metric.command: exit code 2, so there is no baseline to compare with",
            "so there is no base",
        ),
        ("autoopt: scope: srcs matches no committed file; write paths relative", "matches no committed file"),
        ("slurm", "Launchers"),
        ("how do I stop it", "Runs"),
    ],
)
def test_words_and_messages_lead_to_where_they_are_explained(wanted, first, capsys):
    code, out = said(capsys, "search", *wanted.split())

    assert code == 0
    head, text, *_ = out.splitlines()
    assert head.startswith("autoopt help ") and first in head
    assert 0 < len(text.strip()) < 170


def test_a_search_shows_one_passage_of_a_section_and_not_too_many():
    found = topics.search("the run is kept")

    assert 0 < len(found) <= 6
    assert len({(one.topic, one.heading) for one in found}) == len(found)


def test_an_excerpt_begins_where_the_words_are():
    passage = topics.Passage(
        topic="x", heading="", text="far " * 100 + "the needle lies here " + "hay " * 100
    )

    assert topics.excerpt(passage, "needle here", 60).startswith("… ")
    assert "needle lies here" in topics.excerpt(passage, "needle here", 80)
    assert len(topics.excerpt(passage, "needle", 60)) <= 64


def test_a_search_for_nothing_or_what_nobody_says_is_refused(capsys):
    assert said(capsys, "search") == (
        2,
        "autoopt: help search: no words; write `autoopt help search noisy machine`.\n",
    )
    assert "nothing says that" in said(capsys, "search", "flibbertigibbet")[1]
