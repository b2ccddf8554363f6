import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.instruments.size import command


@pytest.fixture
def built(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, data in {
        "dist/index.html": b"<p>" * 100,
        "dist/app.3f2a.js": b"let a = 1;\n" * 50,
        "dist/app.js.map": b"m" * 5000,
        "dist/deep/style.css": b"p{}" * 10,
        "dist/empty.txt": b"",
        "src/app.js": b"x" * 99,
    }.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)
    return tmp_path


def numbers(capsys, *words):
    assert command.main(["total", *words]) == 0
    lines = [line.removeprefix("METRIC ").split("=") for line in capsys.readouterr().out.splitlines()]
    return {name: float(value) for name, value in lines}


def refused(capsys, *words):
    assert command.main(list(words)) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_the_sizes_of_all_matching_files_are_added_up(built, capsys):
    found = numbers(capsys, "--without", "**/*.map", "dist/**")

    assert found == {"bytes": 880, "raw_bytes": 880, "files": 4, "largest_bytes": 550}


def test_each_file_is_compressed_by_itself_and_always_to_the_same_size(built, capsys):
    first = numbers(capsys, "--compression", "gzip", "dist/*.html", "dist/**/*.css")
    os.utime("dist/index.html", (1, 1))

    expected = sum(len(gzip.compress(data, 9, mtime=0)) for data in (b"<p>" * 100, b"p{}" * 10))
    assert first["bytes"] == expected and first["raw_bytes"] == 330
    assert numbers(capsys, "--compression", "gzip", "dist/*.html", "dist/**/*.css") == first


@pytest.mark.parametrize(
    "pattern", ["dist/index.html", "./dist/index.html", "dist/i*.html", "dist//index.html"]
)
def test_a_file_is_named_by_its_path_or_a_glob(pattern, built, capsys):
    assert numbers(capsys, pattern)["bytes"] == 300


def test_a_file_that_two_patterns_name_counts_once(built, capsys):
    assert numbers(capsys, "dist", "dist/*.html", "--without=**/*.map **/*.js")["bytes"] == 330


def test_links_to_directories_are_not_entered(built, capsys):
    Path("dist/again").symlink_to(built / "dist")
    Path("dist/gone.js").symlink_to("nowhere")

    assert numbers(capsys, "dist/**")["files"] == 5


def test_nothing_to_weigh_is_said_with_the_options_to_give(built, capsys):
    said = refused(capsys, "total", "build/**", "out/*.js")

    assert said == (
        "autoopt: no file matches build/**, out/*.js; give options.files=GLOB, and what builds them as "
        "metric.prepare=COMMAND.\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["total", "../x"], "leaves the repository"),
        (["total", "/etc/*"], "is an absolute path"),
        (
            ["total", "--compression", "zip", "dist/**"],
            "options.compression: zip: there are none, gzip and brotli",
        ),
        (["weigh", "dist/**"], "invalid choice: 'weigh'"),
    ],
)
def test_mistakes_are_one_line(words, said, built, capsys):
    assert said in refused(capsys, *words)


def test_brotli_is_asked_for_where_it_is_missing(built, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "brotli", None)

    assert "pip install brotli" in refused(capsys, "total", "--compression", "brotli", "dist/**")


def test_the_biggest_files_come_first(built, capsys):
    command.main(["largest", "--top", "2", "dist/**"])
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "none bytes, share, bytes on disk, file"
    assert [line.split() for line in lines[1:]] == [
        ["5000", "85.0%", "5000", "dist/app.js.map"],
        ["550", "9.4%", "550", "dist/app.3f2a.js"],
    ]


def test_a_guard_is_told_of_pages_and_kinds_but_not_of_names_with_a_hash(built, capsys):
    command.main(["kinds", "--without", "**/*.map", "dist/**"])

    assert json.loads(capsys.readouterr().out)["no_fewer"] == {
        "dist/index.html": 1.0,
        "files of kind .css": 1.0,
        "files of kind .html": 1.0,
        "files of kind .js": 1.0,
    }


def test_it_runs_as_a_program(built):
    words = [sys.executable, "-P", "-m", "autoopt.instruments.size", "total", "dist/**/*.css"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert "METRIC bytes=30\n" in done.stdout
