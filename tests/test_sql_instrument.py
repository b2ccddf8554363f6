import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from support.postgres_server import server  # noqa: F401 - a fixture

from autoopt.instruments.sql import candidates
from autoopt.instruments.sql.command import main
from autoopt.instruments.sql.database import catalog, engines, location
from autoopt.instruments.sql.rows import plain
from autoopt.instruments.sql.text import names, ordering, queries, statements

SQLITE = "sqlite:///data/app.db"
DUCKDB = "duckdb:///data/app.duckdb"
PEOPLE = "SELECT id, name, score FROM people ORDER BY score DESC, id LIMIT 3;"

_SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, team INTEGER, score DOUBLE PRECISION);
CREATE TABLE visits (id INTEGER PRIMARY KEY, person INTEGER NOT NULL, day TEXT, minutes INTEGER);
"""
_PEOPLE = [(n, f"n{n % 7}", n % 5, None if n % 50 == 0 else n * 0.5) for n in range(1, 401)]
_VISITS = [(n, 1 + n % 400, f"2024-{1 + n % 12:02}-01", n % 90) for n in range(1, 2001)]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A checkout with one query, a database of each embedded engine, and a scratch directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "people.sql").write_text(PEOPLE)
    with closing(sqlite3.connect("data/app.db")) as connection:
        connection.executescript(_SCHEMA)
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", _PEOPLE)
        connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", _VISITS)
        connection.commit()
    return tmp_path


@pytest.fixture
def duck(project):
    with duckdb.connect("data/app.duckdb") as connection:
        connection.execute(_SCHEMA)
        connection.execute(
            "INSERT INTO people SELECT n, 'n' || n % 7, n % 5, CASE WHEN n % 50 > 0 THEN n * 0.5 END "
            "FROM range(1, 401) AS r(n)"
        )
        connection.execute(
            "INSERT INTO visits SELECT n, 1 + n % 400, '2024-01-01', n % 90 FROM range(1, 2001) AS r(n)"
        )
    return project


@pytest.fixture
def call(project, capsys):
    """Run a subcommand; gives exit code, output and complaints."""

    def run(*argv, scratch="scratch"):
        environ = {"AUTOOPT_SCRATCH": str(project / scratch)} if scratch else {}
        code = main(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def metrics(output):
    lines = [line.removeprefix("METRIC ").split("=") for line in output.splitlines()]
    return {name: float(value) for name, value in lines}


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


# The command line.


def test_it_runs_as_a_module_and_prints_the_total_and_each_query(project):
    (project / "q" / "count.sql").write_text("SELECT count(*) FROM visits")
    command = [sys.executable, "-P", "-m", "autoopt.instruments.sql", "time", "--url", SQLITE, "q"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = metrics(done.stdout)

    assert list(found) == ["total_ms", "count_ms", "people_ms", "index_build_s", "index_mb"]
    assert found["total_ms"] == pytest.approx(found["count_ms"] + found["people_ms"], abs=1e-3)
    assert done.stderr == ""


def test_timing_loads_neither_sqlglot_nor_the_drivers_of_other_engines(project):
    script = (
        "import sys; from autoopt.instruments.sql.command import main; "
        f"code = main(['time', '--url', '{SQLITE}', 'q'], {{}}); "
        "print(code, {'sqlglot', 'duckdb', 'psycopg', 'autoopt.schema'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.split("\n")[0] == "0 set()"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["time", "q"], "options.url is not given"),
        (["time", "--url", "mysql://x/y", "q"], "no database URL; use sqlite:///data/app.db"),
        (["time", "--url", "data/app.db", "q"], "no database URL"),
        (["time", "--url", "sqlite://data/app.db", "q"], "three slashes"),
        (["time", "--url", "sqlite:///", "q"], "three slashes"),
        (["time", "--url", "sqlite:///nowhere.db", "q"], "workspace.link=[nowhere.db]"),
        (["time", "--url", "duckdb:///nowhere.db", "q"], "workspace.link=[nowhere.db]"),
        (["time", "--url", "oracle://me:hunter2@host/x", "q"], "oracle://me:***@host/x"),
        (["time", "--url", SQLITE, "absent"], "no such file or directory: absent"),
        (["time", "--url", SQLITE, "data"], "no *.sql files in data"),
        (["time", "--url", SQLITE, "--repeats", "0", "q"], "options.repeats"),
        (["time", "--url", SQLITE], "PATH"),
        (["tim", "--url", SQLITE, "q"], "tim"),
        (["time", "--url", "sqlite:///q/people.sql", "q"], "file is not a database"),
        (["time", "--url", "duckdb:///q/people.sql", "q"], "DuckDB cannot open the file"),
        (["time", "--url", "postgresql://localhost:1/x", "q"], "no connection to PostgreSQL"),
        (["time", "--url", "postgresql://localhost/x?nonsense=1", "q"], "nonsense"),
    ],
)
def test_bad_input_is_one_line_that_names_the_fix(call, argv, said):
    code, out, err = call(*argv)

    assert code == (4 if "no connection" in said else 2)
    assert said in err
    assert err.startswith("autoopt: ") and err.count("\n") == 1
    assert out == ""


def test_a_missing_package_is_one_line_that_says_how_to_install_it(call, duck, monkeypatch):
    for package in ("duckdb", "psycopg", "sqlglot"):
        monkeypatch.setitem(sys.modules, package, None)
    failures = [
        call("time", "--url", DUCKDB, "q"),
        call("time", "--url", "postgresql://localhost/x", "q"),
        call("rows", "--url", SQLITE, "q"),
        call("candidates", "--url", SQLITE, "q"),
    ]

    assert [code for code, _, _ in failures] == [2, 2, 2, 2]
    assert all("pip install 'autoopt[sql]'" in err and err.count("\n") == 1 for _, _, err in failures)


@pytest.mark.parametrize("url", [SQLITE, DUCKDB])
@pytest.mark.parametrize("subcommand", ["time", "rows"])
def test_a_failing_query_names_its_file_and_the_error(call, duck, subcommand, url):
    (duck / "q" / "bad.sql").write_text("SELECT nothing\nFROM people")
    code, _, err = call(subcommand, "--url", url, "q")

    assert code == 1
    assert err.startswith("autoopt: q/bad.sql: ") and "nothing" in err and err.count("\n") == 1


def test_a_bad_line_of_setup_sql_fails_at_prepare(call, project):
    (project / "q" / "setup.sql").write_text("CREATE INDEX IF NOT EXISTS i ON people (nothing);")
    code, _, err = call("prepare", "--url", SQLITE, "q")

    assert code == 1
    assert err.startswith("autoopt: q/setup.sql: ") and "nothing" in err
    assert list((project / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t AS SELECT 1",
        "UPDATE people SET name = ''",
        "ATTACH 'data/app.db' AS a",
        "DROP TABLE t",
    ],
)
def test_setup_sql_may_hold_settings_indexes_and_analyze_only(call, project, text):
    (project / "q" / "setup.sql").write_text(text)
    code, _, err = call("prepare", "--url", SQLITE, "q")

    assert code == 2
    assert "it may hold SET, PRAGMA, CREATE INDEX and ANALYZE" in err


def test_prepare_needs_a_place_for_the_copy_and_the_others_make_one(call, project):
    code, _, err = call("prepare", "--url", SQLITE, "q", scratch="")
    assert code == 2 and "AUTOOPT_SCRATCH" in err
    assert call("time", "--url", SQLITE, "q", scratch="")[0] == 0


# Finding queries.


def test_paths_may_be_files_directories_and_globs(call, project):
    (project / "q" / "deep").mkdir()
    (project / "q" / "deep" / "more.sql").write_text("SELECT 1")
    (project / "q" / "notes.txt").write_text("not SQL")
    (project / "q" / ".venv").mkdir()
    (project / "q" / ".venv" / "foreign.sql").write_text("SELECT 1")

    def called(*paths):
        return list(json.loads(call("rows", "--url", SQLITE, *paths)[1]))

    assert called("q") == ["more", "people"]
    assert called("q/people.sql") == ["people"]
    assert called("q/*") == ["people"]
    assert called("q/**/*.sql", "q/people.sql") == ["more", "people"]


def test_queries_of_one_name_and_one_called_total_are_told_apart_by_their_paths(call, project):
    (project / "q" / "old").mkdir()
    (project / "q" / "old" / "people.sql").write_text("SELECT 1")
    (project / "q" / "total.sql").write_text("SELECT 1")
    found = metrics(call("time", "--url", SQLITE, "q")[1])

    assert {name for name in found if name.endswith("_ms")} == {
        "total_ms",
        "query_q_old_people_ms",
        "query_q_people_ms",
        "query_q_total_ms",
    }


def test_a_file_without_a_select_is_refused(call, project):
    (project / "q" / "empty.sql").write_text("-- nothing yet\n")
    code, _, err = call("time", "--url", SQLITE, "q")

    assert code == 2
    assert "q/empty.sql: no SELECT in it" in err


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("SELECT 1; SELECT 2;", ("SELECT 1", "SELECT 2")),
        (
            "SELECT ';' , \";\", `;`; -- ;\n/* ; */ SELECT 2",
            ("SELECT ';' , \";\", `;`", "-- ;\n/* ; */ SELECT 2"),
        ),
        ("SELECT 'it''s;'; ;;", ("SELECT 'it''s;'",)),
        (r"SELECT E'\';' ; SELECT DATE'2024-01-01\'", (r"SELECT E'\';'", r"SELECT DATE'2024-01-01\'")),
        ("SELECT $$a;b$$, $x$ $$;$$ $x$; SELECT $1", ("SELECT $$a;b$$, $x$ $$;$$ $x$", "SELECT $1")),
        ("-- only a comment", ()),
    ],
)
def test_statements_end_at_semicolons_outside_quotes_and_comments(text, parts):
    assert statements.split(text) == parts


def test_every_statement_of_a_file_runs_and_every_select_answers(call, project):
    (project / "q" / "people.sql").write_text(
        "CREATE TEMP TABLE best AS SELECT * FROM people WHERE score > 195;\n"
        "SELECT 'this one too' AS s;\nSELECT count(*) AS n FROM best;\nDROP TABLE best;"
    )
    found = json.loads(call("rows", "--url", SQLITE, "q")[1])

    assert found == {
        "people": {"ordered": False, "keys": None, "columns": ["n"], "rows": [[9]]},
        "people (SELECT 1)": {"ordered": False, "keys": None, "columns": ["s"], "rows": [["this one too"]]},
    }
    assert call("time", "--repeats", "3", "--url", SQLITE, "q")[0] == 0


# Copies.


@pytest.mark.parametrize("url", [SQLITE, DUCKDB])
def test_the_users_database_and_its_directory_stay_byte_identical(call, duck, url):
    before = digest(duck / "data")
    (duck / "q" / "setup.sql").write_text("CREATE INDEX IF NOT EXISTS i ON visits (person);\n")
    codes = [
        call(subcommand, "--url", url, "q")[0] for subcommand in ("prepare", "time", "rows", "candidates")
    ]
    (duck / "q" / "people.sql").write_text("INSERT INTO people VALUES (9999, '', 0, 0); SELECT 1")
    writing = call("time", "--url", url, "q")

    assert codes == [0, 0, 0, 0]
    assert writing[0] == 1 and "read" in writing[2].lower()
    assert digest(duck / "data") == before


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (SQLITE, "ATTACH 'data/app.db' AS a; SELECT 1"),
        (SQLITE, "/* x */ ATTACH 'data/app.db' AS a; SELECT 1"),
        (DUCKDB, "COPY people TO 'data/out.csv'; SELECT 1"),
        (DUCKDB, "EXPORT DATABASE 'data/out'; SELECT 1"),
    ],
)
def test_queries_reach_no_file_but_the_copy(call, duck, url, text):
    before = digest(duck / "data")
    (duck / "q" / "people.sql").write_text(text)
    code, _, err = call("time", "--url", url, "q")

    assert code == 2
    assert "is not allowed in a query" in err
    assert digest(duck / "data") == before


def test_indexes_go_into_the_copy_with_statistics(call, project):
    (project / "q" / "setup.sql").write_text("CREATE INDEX IF NOT EXISTS i ON visits (person);\n")
    assert call("prepare", "--url", SQLITE, "q")[0] == 0
    (copy,) = project.glob("scratch/*/database")
    with closing(sqlite3.connect(copy)) as connection:
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM visits WHERE person = 1").fetchone()[3]
        analyzed = connection.execute("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'i'").fetchone()[0]

    assert "USING INDEX i" in plan
    assert analyzed == 1


def test_session_settings_hold_for_every_connection(call, project):
    (project / "q" / "setup.sql").write_text(
        "PRAGMA case_sensitive_like = ON;\nPRAGMA journal_mode = DELETE;\n"
    )
    (project / "q" / "people.sql").write_text("SELECT 'A' LIKE 'a' AS same")

    assert json.loads(call("rows", "--url", SQLITE, "q")[1])["people"]["rows"] == [[0]]


def test_the_copy_is_made_once_and_again_when_database_or_setup_change(call, project):
    def copies():
        assert call("time", "--url", SQLITE, "q")[0] == 0
        return [path.name for path in (project / "scratch").iterdir()]

    first = copies()
    again = copies()
    (project / "q" / "setup.sql").write_text("CREATE INDEX IF NOT EXISTS i ON visits (person);")
    indexed = copies()
    with closing(sqlite3.connect("data/app.db")) as connection:
        connection.execute("INSERT INTO people VALUES (5000, 'new', 1, 1e9)")
        connection.commit()
    changed = copies()

    assert first == again
    assert len({*first, *indexed, *changed}) == 3
    assert len(changed) == 1
    assert json.loads(call("rows", "--url", SQLITE, "q")[1])["people"]["rows"][0] == [5000, "new", 1e9]


def test_a_database_in_use_is_copied_as_its_last_commit_left_it(call, project):
    with closing(sqlite3.connect("data/app.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO people VALUES (5000, 'committed', 1, 1e9)")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO people VALUES (5001, 'open', 1, 2e9)")
        before = digest(project / "data")
        code, out, _ = call("rows", "--url", SQLITE, "q")
        after = digest(project / "data")
        writer.execute("ROLLBACK")

    assert code == 0
    assert json.loads(out)["people"]["rows"][0] == [5000, "committed", 1e9]
    assert {name: before[name] for name in ("app.db", "app.db-wal")} == {
        name: after[name] for name in ("app.db", "app.db-wal")
    }


def test_a_wal_left_by_a_crash_counts_and_nothing_appears_beside_it(call, project):
    with closing(sqlite3.connect("data/app.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO people VALUES (5000, 'committed', 1, 1e9)")
        (project / "crashed").mkdir()
        for name in ("app.db", "app.db-wal"):
            shutil.copyfile(f"data/{name}", f"crashed/{name}")
    before = digest(project / "crashed")
    code, out, _ = call("rows", "--url", "sqlite:///crashed/app.db", "q")

    assert code == 0
    assert json.loads(out)["people"]["rows"][0][0] == 5000
    assert digest(project / "crashed") == before


def test_a_duckdb_log_that_was_not_checkpointed_counts(call, duck):
    with duckdb.connect("data/app.duckdb") as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO people VALUES (5000, 'logged', 1, 1e9)")
    before = digest(duck / "data")
    code, out, _ = call("rows", "--url", DUCKDB, "q")

    assert "app.duckdb.wal" in before
    assert code == 0
    assert json.loads(out)["people"]["rows"][0][:2] == [5000, "logged"]
    assert digest(duck / "data") == before


def test_a_duckdb_file_that_somebody_writes_is_refused_in_one_line(call, duck):
    holder = "import duckdb, sys; c = duckdb.connect('data/app.duckdb'); print(1, flush=True); input()"
    command = [sys.executable, "-c", holder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        code, _, err = call("time", "--url", DUCKDB, "q")
        process.stdin.close()

    assert code == 2
    assert "DuckDB cannot open the file" in err and "lock" in err and err.count("\n") == 1


def test_a_wal_database_that_nobody_has_open_gets_no_files_beside_it(call, project):
    with closing(sqlite3.connect("data/app.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    before = digest(project / "data")

    assert call("rows", "--url", SQLITE, "q")[0] == 0
    assert digest(project / "data") == before


def test_a_linked_absolute_or_oddly_named_database_is_found(call, project):
    odd = project / "data" / "a b#c%.db"
    shutil.copyfile("data/app.db", odd)
    (project / "link").symlink_to(project / "data")
    outputs = [
        call("rows", "--url", url, "q")
        for url in (
            SQLITE,
            "sqlite:///link/app.db",
            f"sqlite:////{odd.parent}/app.db",
            "sqlite:///data/a b%23c%25.db",
        )
    ]

    assert [code for code, _, _ in outputs] == [0] * 4
    assert len({out for _, out, _ in outputs}) == 1


# Timing.


def test_the_clock_covers_fetching_and_repeats_take_the_fastest(call, project):
    (project / "q" / "people.sql").write_text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT i FROM n"
    )
    (project / "q" / "quick.sql").write_text("SELECT 1")
    once = metrics(call("time", "--url", SQLITE, "q")[1])
    often = metrics(call("time", "--url", SQLITE, "--repeats", "4", "q")[1])

    assert once["people_ms"] > 50 * once["quick_ms"]
    assert once["people_ms"] > 10
    assert often["total_ms"] == pytest.approx(often["people_ms"] + often["quick_ms"], abs=1e-3)
    assert often["people_ms"] < 1.5 * once["people_ms"]


def test_duckdb_is_timed_on_its_copy_or_in_memory(call, duck):
    assert metrics(call("time", "--url", DUCKDB, "q")[1])["people_ms"] > 0
    (duck / "q" / "people.sql").write_text("SELECT sum(i) FROM range(10) AS r(i)")
    assert metrics(call("time", "--url", "duckdb:///:memory:", "q")[1])["people_ms"] > 0


# Rows.


@pytest.mark.parametrize("url", [SQLITE, DUCKDB])
def test_rows_come_with_columns_order_and_nulls(call, duck, url):
    (duck / "q" / "nulls.sql").write_text("SELECT score, team FROM people WHERE id IN (50, 51) ORDER BY id")
    found = json.loads(call("rows", "--url", url, "q")[1])

    assert found["people"] == {
        "ordered": True,
        "keys": [2, 0],
        "columns": ["id", "name", "score"],
        "rows": [[399, "n0", 199.5], [398, "n6", 199.0], [397, "n5", 198.5]],
    }
    assert found["nulls"] == {
        "ordered": True,
        "keys": None,
        "columns": ["score", "team"],
        "rows": [[None, 0], [25.5, 1]],
    }


def test_every_kind_of_duckdb_value_becomes_json(call, duck):
    (duck / "q" / "people.sql").write_text(
        "SELECT 1.50::DECIMAL(9,2) AS d, 100::DECIMAL(9,2) AS e, 'NaN'::DOUBLE AS n, '-inf'::DOUBLE AS i, "
        "DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 01:02:03' AS t, 'ab'::BLOB AS b, [1, NULL] AS l, "
        "{'k': 1.25::DECIMAL(3,2)} AS s, true AS yes, 170141183460469231731687303715884105727 AS h, "
        "INTERVAL 90 MINUTE AS v, '\u00e9' AS u"
    )
    (row,) = json.loads(call("rows", "--url", DUCKDB, "q")[1])["people"]["rows"]

    assert row[:4] == ["1.5", "100", "NaN", "-Infinity"]
    assert row[4:9] == ["2024-02-29", "2024-02-29T01:02:03", "6162", [1, None], {"k": "1.25"}]
    assert row[9:] == [True, 2**127 - 1, "1:30:00", "é"]


def test_decimals_keep_every_digit():
    from decimal import Decimal

    assert plain(Decimal("12345678901234567890.1230")) == "12345678901234567890.123"
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("NaN")) == "NaN"


@pytest.mark.parametrize(
    ("statement", "columns", "expected"),
    [
        ("SELECT a FROM t", ["a"], (False, None)),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", ["a"], (False, None)),
        ("SELECT a, b FROM t ORDER BY 2 DESC, a", ["a", "b"], (True, [1, 0])),
        ("SELECT a AS x, b FROM t ORDER BY x NULLS LAST", ["x", "b"], (True, [0])),
        ("SELECT t.a, u.a FROM t, u ORDER BY t.a", ["a", "a"], (True, [0])),
        ("SELECT t.a, u.a FROM t, u ORDER BY a", ["a", "a"], (True, None)),
        ("SELECT a AS b, b AS c FROM t ORDER BY b", ["b", "c"], (True, [0])),
        ("SELECT a AS b, b AS c FROM t ORDER BY t.b", ["b", "c"], (True, [1])),
        ("SELECT a, count(*) FROM t GROUP BY a ORDER BY count(*) DESC", ["a", "count(*)"], (True, [1])),
        ("SELECT lower(a) AS a, b FROM t ORDER BY LOWER(t.a)", ["a", "b"], (True, None)),
        ("SELECT a FROM t ORDER BY a COLLATE NOCASE", ["a"], (True, None)),
        ("SELECT a FROM t ORDER BY a, c", ["a"], (True, None)),
        ("SELECT * FROM t ORDER BY B", ["a", "b"], (True, [1])),
        ("SELECT * FROM t ORDER BY t.b", ["a", "b"], (True, [1])),
        ("SELECT *, -b AS c FROM t ORDER BY t.b", ["a", "b", "c"], (True, None)),
        ("SELECT a FROM t LEFT JOIN u USING (a) ORDER BY u.a", ["a"], (True, None)),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY a", ["a"], (True, [0])),
        ("WITH x AS (SELECT a FROM t) SELECT a FROM x ORDER BY 1 LIMIT 3", ["a"], (True, [0])),
        ("(SELECT a FROM t ORDER BY a)", ["a"], (True, [0])),
        ("SELECT a FROM t ORDER BY 2", ["a"], (True, None)),
        ("SELECT !! FROM t ORDER BY a", ["a"], (True, None)),
        ("SELECT !! FROM t", ["a"], (False, None)),
    ],
)
def test_the_order_a_query_promises(statement, columns, expected):
    order = ordering.of(statement, "sqlite", columns)

    assert (order.ordered, order.keys) == expected


def test_order_by_all_is_every_column_in_duckdb():
    assert ordering.of("FROM t SELECT a, b ORDER BY ALL", "duckdb", ["a", "b"]).keys == [0, 1]


# Candidates.


def lines(project, query, schema="", engine="sqlite"):
    """The index columns proposed for one query, best first, as `table (columns)`."""
    (project / "q" / "people.sql").write_text(query)
    with closing(sqlite3.connect("data/app.db")) as connection:
        connection.executescript(schema)
    where = location.parse(SQLITE)
    workload = queries.load(["q"], engine)
    with closing(engines.connect(where, where.path)) as session:
        found = candidates.find(session, engine, workload, Path("q/setup.sql"))
    created = [site["line"] for site in found.values() if "CREATE INDEX" in site.get("line", "")]
    for line in created:  # whatever is proposed must be valid
        with closing(sqlite3.connect("data/app.db")) as connection:
            connection.execute("BEGIN")
            connection.execute(line)
    return [line.partition(" ON ")[2].rstrip(";") for line in created]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELECT * FROM visits WHERE person = 7", ["visits (person)"]),
        ("SELECT * FROM visits AS v WHERE v.person IN (1, 2) AND minutes > 5", ["visits (person, minutes)"]),
        ("SELECT * FROM visits WHERE 'x' < day AND 3 = person", ["visits (person, day)"]),
        ("SELECT * FROM visits WHERE person = 7 ORDER BY day DESC LIMIT 5", ["visits (person, day)"]),
        ("SELECT * FROM visits ORDER BY 3, minutes LIMIT 5", []),
        ("SELECT day FROM visits GROUP BY day", ["visits (day)"]),
        (
            "SELECT * FROM people p JOIN visits v ON v.person = p.id WHERE p.team = 1",
            ["visits (person)", "people (team)"],
        ),
        ("SELECT *, (SELECT max(day) FROM visits WHERE person = p.id) FROM people p", ["visits (person)"]),
        (
            "SELECT * FROM people p WHERE EXISTS (SELECT 1 FROM visits v WHERE p.id = v.person)",
            ["visits (person)"],
        ),
        (
            "WITH x AS (SELECT person AS who, day FROM visits) SELECT * FROM x WHERE who = 3",
            ["visits (person)"],
        ),
        ("WITH x(w, d) AS (SELECT person, day FROM visits) SELECT * FROM x WHERE w = 3", ["visits (person)"]),
        ("SELECT * FROM (SELECT * FROM visits) AS s WHERE s.person = 3", ["visits (person)"]),
        (
            "SELECT * FROM people AS a JOIN visits AS b USING (id) WHERE minutes BETWEEN 1 AND 2",
            ["visits (minutes)"],
        ),
        ("SELECT * FROM VISITS WHERE Person = 7", ["visits (person)"]),
    ],
)
def test_indexes_follow_from_what_the_queries_ask(project, query, wanted):
    found = lines(project, query)

    assert [line for line in wanted if line not in found] == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM people WHERE id = 3",
        "SELECT * FROM people WHERE id = 3 AND team = 2",
        "SELECT * FROM people WHERE team = 1 OR score > 4",
        "SELECT * FROM people WHERE NOT team = 1",
        "SELECT * FROM people WHERE team + 1 = 3",
        "SELECT * FROM people WHERE team = score",
        "SELECT * FROM people WHERE lower(name) = 'x'",
        "SELECT team = 1 FROM people",
        "SELECT * FROM json_each('[1]') WHERE value = 1",
        "WITH people AS (SELECT 1 AS team) SELECT * FROM people WHERE team = 1",
        "SELECT * FROM sqlite_schema WHERE name = 'x'",
    ],
)
def test_no_index_is_proposed_that_could_not_help(project, query):
    assert lines(project, query) == []


def test_indexes_that_are_there_already_are_not_proposed_again(project):
    query = "SELECT * FROM visits WHERE person = 1 AND day = 'x' AND minutes > 3"
    fresh = lines(project, query)
    present = lines(project, query, "CREATE INDEX there ON visits (day, person, minutes)")
    partial = lines(
        project, query, "DROP INDEX there; CREATE INDEX there ON visits (day, person) WHERE minutes > 9"
    )

    assert fresh == ["visits (day, person, minutes)", "visits (day, person)"]
    assert present == []
    assert partial == fresh


def test_small_tables_get_no_index(project):
    schema = "CREATE TABLE small (a INTEGER, b INTEGER); INSERT INTO small VALUES (1, 2), (3, 4);"

    assert lines(project, "SELECT * FROM small WHERE a = 1", schema) == []


def test_views_are_looked_through(project):
    schema = """
    CREATE VIEW busy AS SELECT v.person AS who, v.day FROM visits AS v WHERE v.minutes > 30;
    CREATE VIEW busier AS SELECT * FROM busy;
    """

    assert "visits (person, minutes)" in lines(project, "SELECT * FROM busier WHERE who = 4", schema)


def test_names_that_need_quotes_get_them_and_taken_names_are_avoided(project):
    schema = """
    CREATE TABLE "order" ("group" INTEGER, "the day" TEXT);
    INSERT INTO "order" SELECT id, day FROM visits;
    CREATE TABLE idx_visits_person (a INTEGER);
    CREATE INDEX idx_visits_minutes ON people (name);
    """
    query = 'SELECT * FROM "order" AS o WHERE o."group" = 1 AND "the day" > 2; '
    query += "SELECT * FROM visits WHERE minutes = 3 ; SELECT 1 FROM visits WHERE person = 1"
    found = lines(project, query, schema)

    assert '"order" ("group", "the day")' in found
    assert "visits (minutes)" in found
    assert "visits (person)" in found


def test_words_that_mean_something_to_an_engine_are_quoted(project):
    with duckdb.connect() as connection:
        listed = connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
        for (word,) in listed:
            name = names.identifier(word)
            with closing(sqlite3.connect(":memory:")) as other:
                for engine in (connection, other):
                    engine.execute(f'CREATE TABLE "{word}" ("{word}" INTEGER)')
                    engine.execute(f"CREATE INDEX i ON {name} ({name})")
                    engine.execute(f'DROP TABLE "{word}"')

    assert len(listed) > 100
    assert names.identifier("l_partkey") == "l_partkey"


def test_long_index_names_stay_short_and_different():
    column = "x" * 50
    one, other = (names.index("table", (column, last), ()) for last in ("a" * 20, "b" * 20))

    assert one != other
    assert len(one) == len(other) == names.MAX_LENGTH


def test_the_largest_tables_and_the_most_used_columns_come_first_and_few_are_proposed(project):
    columns = ", ".join(f"c{n} INTEGER" for n in range(30))
    rows = "INSERT INTO wide SELECT " + ", ".join(["id"] * 30) + " FROM visits"
    asked = "; ".join(f"SELECT 1 FROM wide WHERE c{n} = 1" for n in range(30))
    (project / "q" / "other.sql").write_text("SELECT * FROM wide WHERE c7 = 3")
    found = lines(
        project, f"SELECT * FROM people WHERE team = 1; {asked}", f"CREATE TABLE wide ({columns}); {rows}"
    )

    assert len(found) == candidates.MAX_INDEXES
    assert found[0] == "wide (c7)"
    assert "people (team)" not in found


def test_candidates_are_parameters_with_files_in_the_scope(call, project):
    (project / "q" / "people.sql").write_text("SELECT * FROM visits WHERE person = 7")
    code, out, _ = call("candidates", "--url", SQLITE, "q")
    found = json.loads(out)

    assert code == 0
    assert found["idx_visits_person"] == {
        "file": "q/setup.sql",
        "line": "CREATE INDEX IF NOT EXISTS idx_visits_person ON visits (person);",
        "first": [True],
    }
    assert found["analyze"]["line"] == "ANALYZE;"
    assert found["cache_size"]["sql"] == "PRAGMA cache_size" and found["cache_size"]["choices"][0] is None
    assert set(found["cache_size"]["first"]) <= set(found["cache_size"]["choices"])
    assert not (project / "q" / "setup.sql").exists()


@pytest.mark.parametrize(
    ("paths", "place"),
    [
        (["q"], "q/setup.sql"),
        (["q/*.sql"], "q/setup.sql"),
        (["./q/"], "q/setup.sql"),
        (["**/*.sql"], "q/setup.sql"),
        (["q/people.sql", "q/setup.sql"], "q/setup.sql"),
        (["q/people.sql", "q/sub/setup.sql"], "q/sub/setup.sql"),
    ],
)
def test_setup_sql_goes_where_the_scope_has_room(call, project, paths, place):
    found = json.loads(call("candidates", "--url", SQLITE, *paths)[1])

    assert {site["file"] for site in found.values()} == {place}


def test_a_scope_without_room_for_setup_sql_is_told_how_to_make_some(call, project):
    code, _, err = call("candidates", "--url", SQLITE, "q/p*.sql")

    assert code == 2
    assert "has no room for a setup.sql" in err and "q/setup.sql" in err


def test_every_setting_proposed_for_an_embedded_engine_is_one_it_accepts(call, duck):
    for url in (SQLITE, DUCKDB):
        found = json.loads(call("candidates", "--url", url, "q")[1])
        settings = [
            (site["sql"], value) for site in found.values() if "sql" in site for value in site["choices"][1:]
        ]
        text = "".join(f"{sql} = {json.dumps(value).strip(chr(34))};\n" for sql, value in settings)
        (duck / "q" / "setup.sql").write_text(text)

        assert len(settings) > 4
        assert call("time", "--url", url, "q")[::2] == (0, "")
        (duck / "q" / "setup.sql").unlink()


def test_duckdb_gets_single_column_indexes_for_equality_only(call, duck):
    (duck / "q" / "people.sql").write_text(
        "SELECT * FROM visits v JOIN people p ON p.id = v.person WHERE v.person = 7 "
        "AND v.minutes > 3 AND v.id = 4"
    )
    with duckdb.connect("data/app.duckdb") as connection:
        connection.execute("CREATE VIEW w AS SELECT day AS d FROM visits")
    (duck / "q" / "view.sql").write_text("SELECT * FROM w WHERE d = '2024-01-01'")
    found = json.loads(call("candidates", "--url", DUCKDB, "q")[1])

    assert {name for name in found if name.startswith("idx_")} == {"idx_visits_person", "idx_visits_day"}


def test_duckdb_catalog_knows_keys_and_indexes(duck):
    with duckdb.connect("data/app.duckdb") as connection:
        connection.execute('CREATE TABLE "Odd" (a INTEGER, "b c" INTEGER, UNIQUE (a))')
        connection.execute('CREATE INDEX i ON "Odd" ("b c")')
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.people (x INTEGER)")
    with closing(engines.connect(location.parse(DUCKDB), Path("data/app.duckdb"))) as session:
        found = catalog.read(session, "duckdb")

    assert found.tables["people"].unique == {("id",)}
    assert found.tables["people"].rows == 400
    assert found.tables["odd"].indexes == (("a",), ("b c",))
    assert found.tables["other.people"].columns == {"x": "x"}


# PostgreSQL.


@pytest.fixture(scope="module")
def postgres(server):  # noqa: F811 - the fixture
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        connection.execute(
            "INSERT INTO people SELECT n, 'n' || n % 7, n % 5, CASE WHEN n % 50 > 0 THEN n * 0.5 END "
            "FROM generate_series(1, 400) AS r(n)"
        )
    return server


def test_postgresql_answers_like_the_others(call, postgres):
    assert call("prepare", "--url", postgres, "q")[::2] == (0, "")
    found = json.loads(call("rows", "--url", postgres, "q")[1])["people"]

    assert found["columns"] == ["id", "name", "score"]
    assert found["keys"] == [2, 0]
    assert found["rows"] == [[50, "n1", None], [100, "n2", None], [150, "n3", None]]
    assert metrics(call("time", "--url", postgres, "--repeats", "2", "q")[1])["people_ms"] > 0


def test_postgresql_settings_last_for_the_session_and_those_of_a_query_do_not(call, project, postgres):
    (project / "q" / "setup.sql").write_text("SET work_mem = 65536;\n")
    (project / "q" / "people.sql").write_text("SET work_mem = 128; SELECT current_setting('work_mem')")
    (project / "q" / "second.sql").write_text("SELECT current_setting('work_mem'), 5 % 3, '100%' AS p")
    found = json.loads(call("rows", "--url", postgres, "q")[1])

    assert found["people"]["rows"] == [["128kB"]]
    assert found["second"]["rows"] == [["64MB", 2, "100%"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DELETE FROM people; SELECT 1", 2),
        ("COMMIT; SELECT 1", 2),
        ("BEGIN READ WRITE; SELECT 1", 2),
        ("SET TRANSACTION READ WRITE; SELECT 1", 2),
        ("SET /* x */ TRANSACTION READ WRITE; SELECT 1", 2),
        ("SET transaction_read_only = off; SELECT 1", 2),
        ("WITH gone AS (DELETE FROM people RETURNING 1) SELECT * FROM gone", 1),
        ("SELECT set_config('transaction_read_only', 'off', false); SELECT 1", 1),
        ("SELECT nextval('counter')", 1),
    ],
)
def test_postgresql_is_never_written_to(call, project, postgres, text, code):
    import psycopg

    (project / "q" / "people.sql").write_text(text)
    assert call("time", "--url", postgres, "q")[0] == code

    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (400,)


def test_every_setting_proposed_for_postgresql_is_one_it_accepts(call, project, postgres):
    found = json.loads(call("candidates", "--url", postgres, "q")[1])
    sites = [site for site in found.values() if "sql" in site]
    settings = [(site["sql"], value) for site in sites for value in site["choices"][1:]]
    (project / "q" / "setup.sql").write_text("".join(f"{sql} = {value};\n" for sql, value in settings))

    assert {"work_mem", "jit", "random_page_cost"} <= set(found)
    assert found["jit"]["choices"] in ([None, "off"], [None, "on"])
    assert call("time", "--url", postgres, "q")[::2] == (0, "")


def test_postgresql_values_become_json(call, project, postgres):
    (project / "q" / "people.sql").write_text(
        "SELECT 1.50::numeric, 'NaN'::float8, '\\x6162'::bytea, date '2024-02-29', array[1, null], "
        "'{\"a\": [1]}'::jsonb, int4range(1, 3), '127.0.0.1'::inet, interval '1 day'"
    )
    (row,) = json.loads(call("rows", "--url", postgres, "q")[1])["people"]["rows"]

    assert row[:6] == ["1.5", "NaN", "6162", "2024-02-29", [1, None], {"a": [1]}]
    assert row[6:] == ["[1, 3)", "127.0.0.1", "1 day, 0:00:00"]


def test_a_failing_postgresql_query_names_its_file(call, project, postgres):
    (project / "q" / "people.sql").write_text("SELECT nothing FROM people")
    code, _, err = call("time", "--url", postgres, "q")

    assert code == 1
    assert 'q/people.sql: column "nothing" does not exist' in err and err.count("\n") == 1
