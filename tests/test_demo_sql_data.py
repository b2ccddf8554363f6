import json
import sqlite3
import time
from contextlib import closing

import pytest

from autoopt.demos import sql_latency
from autoopt.instruments.sql.command import main
from autoopt.instruments.sql.text import queries

URL = "sqlite:///data/shop.sqlite"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shop")
    begin = time.process_time()
    sql_latency.make(directory)
    return directory, time.process_time() - begin


@pytest.fixture
def shop(made, monkeypatch):
    """The sample project as working directory."""
    monkeypatch.chdir(made[0])
    return made[0]


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def work(shop, setup=""):
    """Steps of SQLite's virtual machine by query: what an index saves, however busy the machine is."""
    with closing(sqlite3.connect(shop / "data" / "shop.sqlite")) as source:
        copy = sqlite3.connect(":memory:")
        source.backup(copy)
    with closing(copy):
        if setup:
            copy.executescript(f"{setup}; ANALYZE;")
        return {query.name: _steps(copy, query) for query in queries.load(["src/queries"], "sqlite").queries}


def _steps(connection, query):
    count = 0

    def tick():
        nonlocal count
        count += 1

    connection.set_progress_handler(tick, 5_000)
    for statement in query.statements:
        connection.execute(statement).fetchall()
    connection.set_progress_handler(None, 0)
    return count


def test_it_is_a_project_with_queries_a_readme_and_ignored_data(shop):
    assert (shop / ".gitignore").read_text() == "data/\n"
    assert "setup.sql" in (shop / "README.md").read_text()
    assert 5 <= len(list((shop / "src" / "queries").glob("*.sql"))) <= 7
    assert not (shop / "src" / "queries" / "setup.sql").exists()


def test_making_it_takes_seconds_and_gives_the_same_data_every_time(made, tmp_path):
    directory, seconds = made
    sql_latency.make(tmp_path)

    assert seconds < 8
    assert dump(tmp_path / "data" / "shop.sqlite") == dump(directory / "data" / "shop.sqlite")


def test_the_tables_are_of_realistic_size_and_fit_together(shop):
    with closing(sqlite3.connect("data/shop.sqlite")) as connection:
        sizes = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("lineitem", "orders", "customer", "part", "supplier")
        }
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        top = connection.execute(
            "SELECT sum(n) FROM "
            "(SELECT count(*) AS n FROM orders GROUP BY o_custkey ORDER BY n DESC LIMIT 300)"
        ).fetchone()[0]
        indexes = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'index'").fetchone()[0]

    assert sizes["lineitem"] >= 100_000
    assert sizes["orders"] == sql_latency.ORDERS
    assert orphans == []
    assert top > 0.2 * sizes["orders"]  # a tenth of the customers
    assert indexes == 0


def test_every_query_answers_with_rows_and_promises_an_order_by_its_columns(shop, tmp_path, capsys):
    assert main(["rows", "--url", URL, "src/queries"], {"AUTOOPT_SCRATCH": str(tmp_path)}) == 0
    answers = json.loads(capsys.readouterr().out)

    assert all(answer["rows"] and answer["rows"] != [[None]] for answer in answers.values())
    assert all(answer["keys"] is not None for answer in answers.values() if answer["ordered"])


def test_some_of_the_first_proposed_indexes_save_much_and_some_nothing(shop, tmp_path, capsys):
    assert main(["candidates", "--url", URL, "src/queries"], {"AUTOOPT_SCRATCH": str(tmp_path)}) == 0
    found = json.loads(capsys.readouterr().out)
    indexes = [site["line"] for site in found.values() if site.get("line", "").startswith("CREATE INDEX")]
    before = sum(work(shop).values())
    gains = {line: 1 - sum(work(shop, line).values()) / before for line in indexes[:8]}
    helpful = [line for line in gains if gains[line] > 0.10]

    assert len(helpful) >= 3
    assert len([line for line in gains if gains[line] < 0.01]) >= 2
    assert sum(work(shop, "\n".join(helpful)).values()) < 0.3 * before


def test_its_overrides_choose_its_recipe_and_data():
    demo = sql_latency.DEMO

    assert demo.name == "sql-latency" and demo.extra == "sql"
    assert {f"recipe={demo.name}", "scope=src/queries", f"options.url={URL}"} <= set(demo.overrides)
