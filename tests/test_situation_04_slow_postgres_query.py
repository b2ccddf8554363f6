"""A slow query on PostgreSQL becomes fast from the README alone, and the database stays as it was."""

import os
import re
import subprocess
import sys

import pytest
from support.postgres_server import dump, server  # noqa: F401 - a fixture

QUERY = """\
-- What each open customer of the region has bought, and when last.
SELECT c.id, c.name,
  (SELECT sum(s.amount) FROM sales AS s WHERE s.customer = c.id) AS bought,
  (SELECT max(s.day) FROM sales AS s WHERE s.customer = c.id) AS latest
FROM customers AS c
WHERE c.region = 7
ORDER BY c.id;
"""


@pytest.fixture
def url(server):  # noqa: F811 - the fixture
    """A shop's database, whose sales have a primary key and nothing else."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS app WITH (FORCE)")
        connection.execute("CREATE DATABASE app")
    url = server.rpartition("/")[0] + "/app"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE customers (id int PRIMARY KEY, name text, region int)")
        connection.execute("CREATE TABLE sales (id int PRIMARY KEY, customer int, day date, amount numeric)")
        connection.execute(
            "INSERT INTO customers SELECT n, 'customer ' || n, n % 100 FROM generate_series(1, 800) AS n"
        )
        connection.execute(
            "INSERT INTO sales SELECT n, n % 800, date '2024-01-01' + n % 365, n % 97 "
            "FROM generate_series(1, 60000) AS n"
        )
        connection.execute("VACUUM ANALYZE")
    return url


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "shop"
    (root / "queries").mkdir(parents=True)
    (root / "queries" / "sales_summary.sql").write_text(QUERY)
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def autoopt(project, *words):
    environ = {**os.environ, "XDG_STATE_HOME": str(project.parent / "state"), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "autoopt", *words],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )


def bloat(url):
    """Give the shop a table of which most rows are gone, and that was never vacuumed nor analysed."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bloated AS SELECT n, repeat('x', 900) AS t FROM generate_series(1, 60000) AS n"
        )
        connection.execute("DELETE FROM bloated WHERE n % 50 > 0")


def databases(url):
    import psycopg

    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


def test_an_index_or_a_rewrite_makes_it_many_times_faster_and_nothing_is_left(project, url):
    before, present = dump(url), databases(url)
    done = autoopt(
        project,
        *("recipe=sql-latency", "scope=queries", f"options.url={url}"),
        *("budget.experiments=2", "verdict.patience=quick", "constraints.index_mb.max=20"),
    )
    gain = re.search(r"([\d.]+) % faster \(95 %", done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert gain and float(gain[1]) > 60, done.stdout
    assert databases(url) == present
    assert dump(url) == before


def test_a_useless_index_is_not_kept_though_a_copy_is_quicker_than_the_database(project, url):
    import psycopg

    bloat(url)
    (project / "queries" / "sales_summary.sql").write_text("SELECT count(t) FROM bloated\n")
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "bloat"],
        cwd=project,
        check=True,
    )
    before, present = dump(url), databases(url)
    useless = "{u: {file: queries/setup.sql, line: 'CREATE INDEX u ON bloated (n);'}}"
    with psycopg.connect(url, autocommit=True) as somebody:
        somebody.execute("SELECT 1")
        done = autoopt(
            project,
            *("recipe=sql-execution", "scope=queries", f"options.url={url}", f"params={useless}"),
            *("propose.use=[optuna]", "propose.discover=null", "budget.experiments=1"),
            *("verdict.patience=quick", "options.repeats=5"),
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "REVERT" in done.stdout and "KEEP" not in done.stdout, done.stdout
    assert databases(url) == present and dump(url) == before
