import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from autoopt import compose
from autoopt.compose import library
from autoopt.errors import UsageError
from autoopt.guards import rows
from autoopt.meters import extract
from autoopt.proposers.search import discovery
from autoopt.review.untried import stems
from autoopt.scope import Scope

URL = "options.url=sqlite:///data/app.db"


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """A project with one slow query in a place that needs quotes, and a home without recipes."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "my queries").mkdir()
    (tmp_path / "my queries" / "sum.sql").write_text(
        "SELECT b, sum(a) FROM t WHERE b = 3 GROUP BY b ORDER BY b"
    )
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect("data/app.db")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b INTEGER)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, n % 100) for n in range(5000)])
        connection.commit()
    return {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "home")}


def composed(environ, *words):
    configs = []
    compose.run(["recipe=sql-latency", *words], environ, configs.append)
    return configs[0]


def shell(command):
    """Run as autoopt would: by bash in the checkout, with a scratch directory."""
    env = {"PATH": os.environ["PATH"], "AUTOOPT_SCRATCH": str(Path.cwd() / "scratch")}
    return subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True).stdout


def test_its_commands_give_a_metric_rows_and_parameters_in_the_scope(environ):
    config = composed(environ, "scope=my queries", URL, "options.repeats=2")
    prepared = shell(config.metric.prepare)
    timed = shell(config.metric.command)
    answered = shell(config.guards["rows"].command)
    found = discovery.parameters(shell(config.propose.discover))
    output = extract.Output(stdout=timed, stderr="", file=None, code=0, wall_s=1.0, cpu_s=1.0, peak_bytes=1)

    assert prepared == ""
    assert extract.extract(config.metric.extract, output) > 0
    assert set(extract.details(output)) == {"total_ms", "sum_ms", "index_build_s", "index_mb"}
    assert rows.parse(answered.encode())["sum"].rows == ([3, 122650],)
    assert found["idx_t_b"].line == "CREATE INDEX IF NOT EXISTS idx_t_b ON t (b);"
    assert {one.file for one in found.values()} == {"my queries/setup.sql"}
    assert Scope(("my queries",)).contains("my queries/setup.sql")


def test_its_profile_and_rewrites_name_the_files_of_the_scope(environ):
    Path("my queries/sum.sql").write_text(
        "SELECT x.b, (SELECT sum(y.a) FROM t AS y WHERE y.b = x.b) AS s FROM t AS x WHERE x.a < 9"
    )
    config = composed(environ, "scope=my queries", URL)
    edits = json.loads(shell(config.propose.rewrites))

    assert shell(config.profile.command).startswith("my queries/sum.sql: ")
    assert "rewrites" in config.propose.use
    assert {path for one in edits for path in one["edits"]} == {"my queries/sum.sql"}


def test_rows_of_a_change_that_only_adds_an_index_equal_the_base_and_others_do_not(environ):
    config = composed(environ, "scope=my queries", URL)
    command = config.guards["rows"].command
    base = rows.parse(shell(command).encode())
    Path("my queries/setup.sql").write_text("CREATE INDEX IF NOT EXISTS idx_t_b ON t (b);\n")
    indexed = rows.parse(shell(command).encode())
    Path("my queries/sum.sql").write_text("SELECT b, sum(a) FROM t WHERE b = 4 GROUP BY b ORDER BY b")
    changed = rows.parse(shell(command).encode())

    assert rows.difference(base, indexed, config.guards["rows"].tolerance) is None
    assert rows.difference(base, changed, config.guards["rows"].tolerance) is not None


def test_a_scope_of_several_places_reaches_the_commands_word_by_word(environ):
    Path("more").mkdir()
    Path("more/one.sql").write_text("SELECT 1")
    config = composed(environ, "scope=[my queries,more/*.sql]", URL)

    assert set(json.loads(shell(config.guards["rows"].command))) == {"sum", "one"}


def test_without_a_url_the_only_database_of_the_repository_is_taken(environ):
    config = composed(environ, "scope=my queries")

    assert "--url sqlite:///data/app.db " in config.metric.command
    assert shell(config.metric.cleanup) == ""


@pytest.mark.parametrize(("databases", "said"), [(0, "options.url=postgresql://"), (2, "say which")])
def test_without_a_url_and_without_one_database_it_says_how_to_give_one(environ, databases, said):
    Path("data/app.db").rename("kept")
    for number in range(databases):
        Path(f"data/{number}.sqlite").write_bytes(Path("kept").read_bytes())
    with pytest.raises(UsageError) as caught:
        composed(environ, "scope=my queries")

    assert "options.url" in str(caught.value) and said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "pattern", "unit", "direction"),
    [
        ("sql-latency", "total_ms", "ms", "lower"),
        ("sql-execution", "total_ms", "ms", "lower"),
        ("sql-cost", "total_cost", "cost", "lower"),
        ("sql-throughput", "total_tps", "tps", "higher"),
    ],
)
def test_what_is_measured_says_how_it_is_read(environ, recipe, pattern, unit, direction):
    url = "options.url=postgresql://me@localhost/app"
    metric = composed(environ, "scope=my queries", url, f"recipe={recipe}").metric

    assert (metric.extract.pattern, metric.unit, metric.direction.value) == (pattern, unit, direction)


@pytest.mark.parametrize("recipe", ["sql-execution", "sql-cost", "sql-throughput"])
@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("sqlite:///data/app.db", "a SQLite"),
        ("duckdb:///data/app.duckdb", "a DuckDB"),
        ("env:SHOP_URL", "a SQLite"),
        ("", "a SQLite"),
    ],
)
def test_a_number_of_a_server_is_refused_for_a_file_before_anything_runs(environ, recipe, url, engine):
    words = [f"options.url={url}"] if url else []
    with pytest.raises(UsageError) as caught:
        composed(
            environ | {"SHOP_URL": "sqlite:///data/app.db"}, "scope=my queries", f"recipe={recipe}", *words
        )

    said = str(caught.value)
    assert f"is PostgreSQL only, and options.url is {engine} database; use recipe=sql-latency" in said
    assert "\n" not in said


def test_a_server_that_an_environment_variable_names_may_be_measured_by_itself(environ):
    words = ("scope=my queries", "recipe=sql-cost", "options.url=env:SHOP_URL")

    for known in ({}, {"SHOP_URL": "postgresql://me@localhost/app"}):
        assert " --measure cost " in composed(environ | known, *words).metric.command


def test_copies_can_be_done_without(environ):
    url = "options.url=postgresql://me@localhost/app"
    config = composed(environ, "scope=my queries", url, "options.copy=none")

    commands = (config.metric.prepare, config.metric.command, config.guards["rows"].command)
    assert all(" --copy none " in command for command in (*commands, config.profile.command))


def test_every_select_of_a_file_is_compared_although_the_last_is_not_changed(environ):
    config = composed(environ, "scope=my queries", URL)
    command, path = config.guards["rows"].command, Path("my queries/sum.sql")
    asked = []
    for limit in (9, 9, 8):
        path.write_text(
            f"SELECT a FROM t WHERE b < {limit} ORDER BY a; SELECT max(a) FROM t; SELECT count(*) FROM t"
        )
        asked.append(rows.parse(shell(command).encode()))
    path.write_text("SELECT count(*) FROM t")
    fewer = rows.parse(shell(command).encode())

    assert set(asked[0]) == {"sum (SELECT 1)", "sum (SELECT 2)", "sum"} and asked[0]["sum"].rows == ([5000],)
    assert rows.difference(asked[0], asked[1], 0) is None
    assert "sum (SELECT 1)" in rows.difference(asked[0], asked[2], 0)
    assert rows.difference(asked[0], fewer, 0) is not None


def test_a_measure_that_is_none_is_refused_with_those_there_are(environ):
    with pytest.raises(UsageError) as caught:
        composed(environ, "scope=my queries", URL, "options.measure=speed")

    assert "options.measure: 'speed' is not possible; give latency, execution, cost or tps" in str(
        caught.value
    )


def test_its_help_has_an_example_for_each_engine(environ):
    (recipe,) = [
        one for one in library.visible(environ).lineage("sql-latency") if one.data.get("option_help")
    ]

    assert all(
        f"`{engine}://" in recipe.data["option_help"]["url"] for engine in ("sqlite", "duckdb", "postgresql")
    )


def test_what_the_recipe_searches_and_writes_is_known_to_its_review_and_its_next_steps(environ):
    config = composed(environ, "scope=my queries", URL)
    (settings,) = [kind for kind in config.vocabulary if kind.startswith("session settings")]
    ((pattern, todo),) = config.report.adopt.items()

    assert stems(settings) & stems("cache_size")
    assert Scope([pattern]).contains("my queries/setup.sql") and "your database" in todo
