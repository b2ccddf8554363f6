"""Every command that the README and the topics of `autoopt help` show, run or at least composed."""

import ast
import contextlib
import io
import os
import re
import sqlite3
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from support.documents import PAGES, ROOT, blocks, code, commands

from autoopt import cli, compose, places, reference
from autoopt import help as topics
from autoopt.compose import agents, hydra_run, overrides
from autoopt.compose import library as shelves
from autoopt.demos import demos
from autoopt.errors import AutooptError
from autoopt.proposers.search.sites import site

LANGUAGES = {"sh", "console", "yaml", "python", "text", "json", "sql"}
BOXES = """\
# Fewer boxes.
#
#   autoopt recipe=boxes scope=src
#
# No profile: it is quick. Bound memory with constraints.peak_mb.max=9.
defaults: [command, _self_]
goal: fewer boxes
scope: [src]
vocabulary: [stack, nest, fold, reuse]
metric:
  command: ls
  extract: {kind: wall}
  direction: lower
  unit: boxes
guards: {tests: {command: ls}}
propose: {use: [optuna, agent]}
"""
FILES = {
    "bench.py": "SIZE = 64\nprint(SIZE)\n",
    "report.py": "print(1)\n",
    "aggregate.py": "CHUNK_BYTES = 4096\nUSE_CACHE = False\n",
    "src/app/__init__.py": "",
    "src/etl/load.py": "x = 1\n",
    "train.py": 'import json\nlr = 0.1\nprint("val f1: 0.71")\nprint("loss: 0.3")\n',
    "params.yaml": "lr: 0.1\nmodel: {layers: [{depth: 3}]}\n",
    "queries/first.sql": "select 1;\n",
    "src/queries/first.sql": "select 1;\n",
    "data/day.csv": "1\n",
    "jobs/daily.py": "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
    'spark.range(3).write.parquet("out")\n',
    "jobs/spark-defaults.conf": "spark.sql.shuffle.partitions 200\n",
    "package.json": '{"scripts": {"build": "vite build"}}\n',
    "tests/test_app.py": "def test_app():\n    pass\n",
    "pyproject.toml": '[project]\nname = "app"\n[tool.app]\ncache = true\n',
    "app.py": "CHUNK = 8\ndef load(path, workers=2):\n    return open(path, buffering=-1)\n",
    "settings.json": '{"log": {"level": "info"}}\n',
    "setup.sql": "PRAGMA journal_mode = WAL;\nCREATE INDEX i ON orders(day);\n",
    "score.sh": "echo score 1.5 points\n",
    "words.txt": "many words\n",
    "run.sh": "python app.py --rounds 3\n",
    "tuning.env": "OMP_NUM_THREADS=1\n",
    ".autoopt/recipes/boxes.yaml": BOXES,
    "results.tsv": "commit\tval_bpb\tmemory_gb\tstatus\tdescription\nabcdef1\t2.0\t1\tkeep\tbaseline\n",
    ".auto/measure.sh": "echo METRIC total_ms=12\n",
    ".auto/log.jsonl": '{"type": "config", "name": "Sort", "metricName": "total_ms"}\n'
    '{"run": 1, "commit": "abc1234", "metric": 12, "status": "keep", "description": "base", "segment": 0}\n',
}
"""A repository in which all shown runs find what they ask for."""
ENDINGS = {".md", ".html", ".json", ".jsonl", ".xml", ".yaml", ".txt", ".tsv"}
SAMPLE = [
    *("recipe=command", "run_id=sample", "scope=bench.py", "metric.command=python3 bench.py"),
    *("metric.self_scored=yes", "metric.extract.kind=line", "metric.extract.pattern=1", "confirm=no"),
    *("metric.variation=none", "metric.probe=no", "metric.warmups=0", "guards.tests.command=null"),
    *("params.size.file=bench.py", "params.size.python=SIZE", "params.size.choices=[64,32,16]"),
    *("budget.experiments=2", "final.max_pairs=2", "final.leave_one_out=no"),
]
STANDS_FOR = {"RUN": "sample", "NAME": "command", "last": "sample"}
REFUSED = {
    "init$": "there is no terminal to ask at",
    "runs --follow": "needs a terminal",
    "show sample 1 --keep": "nothing to overrule",
    "try --hypothesis": "the budget of 2 experiments is spent",
}
"""Commands that want a terminal, or another run than the sample, and what they say here."""
FRONT_DOOR = ("README", "start")
ELSEWHERE = {"recipes check": ("test_packs.py", '"recipes", "check")')}
"""Commands that take seconds, and where they are run as they are shown."""
IN_THE_END = ("finish", "clean")
ADDED = {
    "init --yes": ["--no-run"],
    "clean": ["--yes"],
    "import": [
        "--print",
        "scope=train.py",
        "metric.command=ls",
        "metric.extract.kind=wall",
        "metric.direction=lower",
    ],
}
"""What a person would answer."""


def everywhere():
    return [command for page in PAGES for command in commands(page)]


def settings_of(command):
    """The words of a run that is to be composed; None where it is something else."""
    program, *words = command.words
    if program != "autoopt" or command.reason or not any("recipe=" in word for word in words):
        return None
    return tuple(words[1:] if words[0] in ("doctor", "start") else words)


def subcommand_of(command):
    """The words after `autoopt`, where they are for a subcommand or a flag."""
    program, *words = command.words
    if program != "autoopt" or command.reason or settings_of(command):
        return None
    given = [word for word in words if not re.fullmatch(r"\[.*\]", word)]  # what may be left out
    words = [STANDS_FOR.get(word, "1" if word.isdecimal() else word) for word in given]
    return list(dict.fromkeys(words))  # `merge RUN RUN`: the same one twice


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with contextlib.closing(sqlite3.connect(tmp_path / "app" / "data" / "app.db")) as database:
        database.execute("create table orders (day)")
    monkeypatch.chdir(tmp_path / "app")
    for name in [name for name in os.environ if name.startswith(("AUTOOPT_R", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    git("init", "-q", "-b", "main")
    return tmp_path / "app"


def git(*words):
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True
    )


def said_by(words):
    """What the program prints, and its exit code."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = cli.main(list(words))
    return written.getvalue().decode(), code


def matching(table, line, otherwise):
    """What the first key that the line begins with stands for."""
    return next((found for begin, found in table.items() if re.match(begin, line)), otherwise)


def test_what_is_fenced_says_its_language_and_what_is_not_run_says_why():
    for page in PAGES:
        for block in blocks(page):
            assert block.language in LANGUAGES, block.place
            assert block.note in ("", "not run"), block.place
            assert block.note != "not run" or len(block.about.split()) > 3, f"{block.place}: no reason"
            if block.language == "text":
                assert not re.search(r"^(\$ )?autoopt ", block.text, re.M), (
                    f"{block.place}: commands, unchecked"
                )


def test_every_command_is_one_that_is_looked_at():
    known = {"autoopt", "pip", "pytest", "python", "cd", "source"}

    for command in everywhere():
        shown = f"{command.place}: {' '.join(command.words)}"
        assert command.words[0] in known or command.reason, shown
        if command.words[0] == "autoopt":  # also of those that are not run
            first = command.words[1]
            assert first in cli.SUBCOMMANDS or "=" in first or first.startswith("-"), shown


def test_the_runs_that_are_shown_can_be_started(project):
    """All are read and checked as the program does; of those met first, one of each recipe is composed, too.

    What each recipe's own comment shows is composed by the tests of the recipes.
    """
    environ, composed_before = {"HOME": str(project)}, set()
    library, agent_library = shelves.visible(environ), agents.visible(environ)
    for command in everywhere():
        if not (words := settings_of(command)):
            continue
        given, flags = overrides.sort(words)
        try:
            prepared = overrides.prepare(given, multirun="-m" in flags)
            hydra_run.check(prepared, library, agent_library)
        except AutooptError as error:
            pytest.fail(f"{command.place}: {error}")
        if command.place.startswith(FRONT_DOOR) and not composed_before.issuperset(prepared.chosen()):
            composed_before.update(prepared.chosen())
            assert composed(words, project, command.place).metric.command


def test_the_subcommands_it_shows_work_on_a_real_run(project, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(project.parent / "state"))
    git("init", "-q", "--bare", "../origin.git")
    git("remote", "add", "origin", "../origin.git")
    git("add", ".")
    git("commit", "-qm", "start")
    said, code = said_by(SAMPLE)
    assert code == 0, said

    said, code = said_by(["export", "sample", "--to", "jsonl", "--output", "other-run.jsonl"])
    assert code == 0, said

    shown = {}
    for command in everywhere():
        if words := subcommand_of(command):
            shown.setdefault(tuple(words), command.place)
    order = sorted(shown, key=lambda words: IN_THE_END.index(words[0]) if words[0] in IN_THE_END else -1)
    failed = [f"{shown[words]}: {wrong}" for words in order if (wrong := trouble(words))]
    assert not failed, "\n".join(failed)
    left = list((project.parent / "state" / "autoopt").glob("*/sample/journal.jsonl"))
    assert not left, "clean was not run"


def trouble(words):
    """What is wrong with a subcommand as it is shown; mostly empty."""
    line = " ".join(words)
    if words[0] == "demo":
        return "" if words[1:] in ((), ("list",)) or words[1] in demos() else f"{line}: no such demo"
    if line in ELSEWHERE:
        file, there = ELSEWHERE[line]
        return "" if there in (ROOT / "tests" / file).read_text() else f"{line}: not run elsewhere either"
    said, code = said_by([*words, *matching(ADDED, line, [])])
    refusal = matching(REFUSED, line, None)
    is_right = code == 0 if refusal is None else refusal in said
    return "" if is_right else f"autoopt {line}: {code}: {said[-300:]}"


def test_flags_that_are_shown_are_in_the_help_of_their_subcommand():
    for command in everywhere():
        words = list(command.words)
        if words[0] != "autoopt" or len(words) < 2 or words[1] not in cli.SUBCOMMANDS:
            continue
        about = cli._module(words[1]).__doc__
        for word in words[2:]:
            if word.startswith("--"):
                assert word.partition("=")[0] in about, f"{command.place}: {' '.join(words)}"


def test_extras_that_are_installed_are_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for page in PAGES:
        for wanted in re.findall(r"(?:autoopt|\.)\[([a-z,]+)\]", PAGES[page].read_text()):
            assert set(wanted.split(",")) <= set(extras), f"{page}: {wanted}"


def test_programs_of_the_project_that_are_shown_are_there_with_their_flags():
    shown = [command.words for command in everywhere() if command.words[0] == "python"]
    shown += [tuple(said.split()) for page in PAGES for said in code(page) if said.startswith("python ")]
    for words in shown:
        if words[1] == "-m" and words[2].startswith(("tests.", "autoopt.")) and "NAME" not in words[2]:
            found = find_spec(words[2])
            assert found is not None, words
            path = Path(found.origin)
            source = "".join(
                one.read_text()
                for one in ([*path.parent.glob("*.py")] if path.stem == "__init__" else [path])
            )
            assert all(word in source for word in words[3:] if word.startswith("--")), words
        elif words[1].startswith("tests/"):
            assert (ROOT / words[1]).is_file(), words


def test_commands_in_running_text_are_there():
    for page in PAGES:
        for said in code(page):
            words = said.split()
            if words[0] != "autoopt" or len(words) == 1 or "=" in words[1] or words[1].startswith("-"):
                continue
            assert words[1] in {*cli.SUBCOMMANDS, "TOPIC", "SUBCOMMAND"}, f"{page}: {said}"
            if words[1] == "help" and len(words) == 3 and words[2].islower():
                assert words[2] in topics.TOPICS or reference.about(words[2]), f"{page}: {said}"


def test_options_in_running_text_are_there():
    groups = {row.path.split(".")[0] for row in reference.rows() if "." in row.path}
    own = {"options", "params", "guards", "constraints"}
    for page in PAGES:
        for said in code(page):
            for path in re.findall(r"(?<![\w./{-])([a-z_]+(?:\.[a-zA-Z_<>]+)+)(?==|$|\s)", said):
                if path.split(".")[0] in groups - own and Path(path).suffix not in ENDINGS:
                    assert reference.about(path), f"{page}: {path}"


def test_links_lead_somewhere():
    for page, path in PAGES.items():
        text = path.read_text()
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith(("http:", "https:")):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.is_file(), f"{page}: {target}"
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.M)
            assert not anchor or anchor in map(slug, headings), f"{page}: {target}"


def slug(heading):
    """The anchor that a heading gets on a page."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_recipes_and_programs_that_are_shown_can_be_read(project):
    folder = project / ".autoopt" / "recipes"
    for page in PAGES:
        for block in blocks(page):
            if block.language == "python":
                ast.parse(block.text)
            elif block.language == "yaml" and not block.note:
                content = yaml.safe_load(block.text)
                text = block.text if "defaults" in content else f"defaults: [command, _self_]\n{block.text}"
                (folder / "shown.yaml").write_text(text)
                config = composed(("recipe=shown", "scope=.", "metric.command=true"), project, block.place)
                for name, options in config.params.items():
                    place = site(name, options, config.metric.env_file)
                    place.read((project / place.file).read_text())


def composed(words, project, place):
    configs = []
    try:
        compose.run(words, {"HOME": str(project)}, configs.append, vet=lambda materials, root: None)
    except AutooptError as error:
        pytest.fail(f"{place}: {error}")
    return configs[0]


def test_messages_that_are_explained_are_messages_of_the_program():
    source = "".join(path.read_text() for path in (ROOT / "autoopt").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # texts that are written in several pieces
    messages = re.findall(r"^### `(.*)`$", topics.source("troubleshooting"), re.M)

    assert len(messages) > 25
    assert len(set(messages)) == len(messages)
    assert not [message for message in messages if not all(part in source for part in message.split(" … "))]


def test_every_topic_is_a_file_with_a_title_and_none_is_forgotten():
    assert sorted(topics.TOPICS) == sorted(path.stem for path in (ROOT / "autoopt" / "help").glob("*.md"))
    for topic in topics.TOPICS:
        assert 5 < len(topics.title(topic)) < 90, topic
        assert len(topics.source(topic)) > 800, topic


def test_the_readme_is_a_front_door():
    text = PAGES["README"].read_text()

    assert len(text.splitlines()) <= 260
    for topic in topics.TOPICS:
        assert f"autoopt/help/{topic}.md" in text, topic
    for path in places.data_dir("recipes").glob("*.yaml"):
        assert f"`{path.stem}`" in text, path.stem
