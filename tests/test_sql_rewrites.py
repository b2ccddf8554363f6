"""Every rewrite answers like the query it came from, on data with NULLs and duplicates, in real engines."""

import json
import random
import sqlite3
from contextlib import closing

import duckdb
import pytest
from support.postgres_server import server  # noqa: F401 - a fixture

from autoopt.instruments.sql import rewrites
from autoopt.instruments.sql.command import main
from autoopt.instruments.sql.database import engines, facts, location, plans
from autoopt.instruments.sql.rewrites import catalogue, source

SCHEMA = """
CREATE TABLE dept (id INTEGER PRIMARY KEY, name TEXT, city TEXT, opened DATE);
CREATE TABLE emp (id INTEGER PRIMARY KEY, dept INTEGER, boss INTEGER, name TEXT, pay INTEGER,
  rate DOUBLE PRECISION NOT NULL, hired TEXT, started DATE);
CREATE TABLE task (id INTEGER PRIMARY KEY, emp INTEGER NOT NULL, dept INTEGER, hours INTEGER, tag TEXT,
  score DOUBLE PRECISION);
"""
ENGINES = ("sqlite", "duckdb", "postgresql")
QUERIES = [
    """
    SELECT e.name, (SELECT SUM(t.hours) FROM task AS t WHERE t.emp = e.id) AS h, (SELECT COUNT(*)
    FROM task t WHERE t.emp = e.id AND t.hours > 2) AS n FROM emp AS e WHERE e.pay > 1 ORDER BY e.id
    """,
    """
    SELECT d.city, SUM((SELECT COUNT(t.hours) FROM task t WHERE t.dept = d.id)) FROM dept d GROUP BY
    d.city
    """,
    """
    SELECT e.id FROM emp e WHERE e.pay >= (SELECT 0.5 * AVG(f.pay) FROM emp f WHERE f.dept = e.dept)
    """,
    """
    SELECT e.id, (SELECT COALESCE(MAX(f.pay), -1) + COUNT(*) FROM emp f WHERE f.dept = e.dept AND
    f.boss = e.boss) AS m FROM emp e
    """,
    """SELECT e.id, (SELECT COUNT(f.pay) FROM emp f WHERE f.dept = e.dept) FROM emp e""",
    """
    SELECT e.id FROM emp e JOIN task t ON t.emp = e.id WHERE t.hours < (SELECT 0.9 * AVG(u.hours)
    FROM task u WHERE u.emp = e.id) AND e.rate > 1
    """,
    """
    SELECT e.id FROM emp e, dept d WHERE e.dept = d.id AND e.pay = (SELECT MAX(f.pay) FROM emp f
    WHERE f.dept = d.id)
    """,
    """
    SELECT d.id FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.id AND e.pay > 2)
    """,
    """
    SELECT d.id FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.id AND e.pay > 3)
    """,
    """
    SELECT e.id FROM emp e WHERE NOT EXISTS (SELECT * FROM task t WHERE t.dept = e.dept AND t.hours
    = 1)
    """,
    """
    SELECT e.id FROM emp e WHERE EXISTS (SELECT 1 FROM task t WHERE t.emp = e.id AND t.dept =
    e.dept)
    """,
    """SELECT e.id FROM emp e WHERE e.dept IN (SELECT t.dept FROM task t WHERE t.hours > 1)""",
    """
    SELECT e.id FROM emp e WHERE e.dept IN (SELECT DISTINCT t.dept FROM task t WHERE t.emp = e.id
    ORDER BY t.dept)
    """,
    """
    SELECT e.id FROM emp e WHERE e.dept NOT IN (SELECT t.dept FROM task t WHERE t.hours > 4)
    """,
    """
    SELECT e.id FROM emp e WHERE e.dept NOT IN (SELECT t.dept FROM task t WHERE t.hours > 4 AND
    t.dept IS NOT NULL)
    """,
    """
    SELECT e.id FROM emp e WHERE e.dept NOT IN (SELECT t.dept FROM task t WHERE t.hours > 400)
    """,
    """SELECT e.id FROM emp e WHERE e.id NOT IN (SELECT t.emp FROM task t WHERE t.tag = 'p')""",
    """
    SELECT e.id FROM emp e LEFT JOIN dept d ON d.id = e.dept WHERE d.id NOT IN (SELECT t.emp FROM
    task t WHERE t.tag = 'p')
    """,
    """SELECT e.id FROM emp e WHERE NOT (e.dept IN (SELECT t.dept FROM task t)) AND e.pay > 0""",
    """
    SELECT d.id, d.name FROM dept d WHERE (SELECT COUNT(*) FROM emp e WHERE e.dept = d.id) > 0
    """,
    """SELECT d.id FROM dept d WHERE 0 = (SELECT COUNT(e.pay) FROM emp e WHERE e.dept = d.id)""",
    """
    SELECT d.id, (SELECT COUNT(e.pay) FROM emp e WHERE e.dept = d.id) >= 1 AS some FROM dept d
    """,
    """SELECT e.id, t.id FROM emp e JOIN task t ON t.emp = e.id OR t.dept = e.dept""",
    """
    SELECT COUNT(*), SUM(t.hours) FROM emp e JOIN task t ON t.emp = e.id OR t.dept = e.dept WHERE
    e.pay > 1
    """,
    """
    SELECT t.tag, COUNT(*) AS n FROM task t WHERE t.tag = 'p' OR t.tag = 'q' GROUP BY t.tag HAVING
    COUNT(*) > 1 ORDER BY n DESC, t.tag
    """,
    """
    SELECT e.name, e.pay FROM emp e LEFT JOIN dept d ON d.id = e.dept WHERE d.city = 'x' OR e.pay =
    3 ORDER BY e.pay, e.id LIMIT 7
    """,
    """SELECT * FROM emp WHERE pay = 1 OR boss = 4 OR name IS NULL""",
    """SELECT count(*) FROM emp WHERE pay = 1 OR boss = 4""",
    """
    SELECT DISTINCT d.id, d.city FROM dept d JOIN emp e ON e.dept = d.id JOIN task t ON t.dept =
    d.id WHERE e.pay > 1 AND t.hours > 0
    """,
    """
    SELECT DISTINCT d.city FROM dept d JOIN emp e ON e.dept = d.id WHERE e.pay > 1 ORDER BY d.city
    """,
    """
    SELECT id, city FROM dept WHERE city = 'x' UNION SELECT id, city FROM dept WHERE city = 'y'
    """,
    """SELECT id, 'd' AS k FROM dept UNION SELECT id, 'e' FROM emp ORDER BY 2, 1""",
    """SELECT name FROM dept UNION SELECT name FROM emp""",
    """SELECT id, emp FROM task WHERE tag = 'p' UNION SELECT id, emp FROM task WHERE tag = 'q'""",
    """SELECT emp FROM task WHERE tag = 'p' UNION SELECT emp FROM task WHERE tag = 'q'""",
    """
    SELECT e.id FROM emp e WHERE e.dept IN (SELECT id FROM dept WHERE city = 'x' UNION SELECT dept
    FROM task WHERE hours = 3)
    """,
    """
    SELECT d.city, SUM(t.hours) AS h, COUNT(*) AS n, MIN(t.hours), MAX(t.score), AVG(t.score) FROM
    task t JOIN dept d ON d.id = t.dept WHERE t.hours > 0 GROUP BY d.city ORDER BY d.city
    """,
    """
    SELECT COUNT(t.hours), COUNT(*), SUM(t.score) FROM task t JOIN dept d ON d.id = t.dept WHERE
    d.city = 'zzz'
    """,
    """
    SELECT d.name, COUNT(*) FROM dept d, emp e, task t WHERE e.dept = d.id AND t.emp = e.id GROUP BY
    d.name
    """,
    """
    SELECT d.city, e.pay, SUM(t.hours) FROM dept d JOIN emp e ON e.dept = d.id JOIN task t ON t.emp
    = e.id GROUP BY d.city, e.pay HAVING SUM(t.hours) > 3
    """,
    """
    SELECT e.id, e.name, (SELECT COUNT(*) FROM task t WHERE t.emp = e.id) AS n FROM emp e ORDER BY
    e.pay DESC, e.id LIMIT 5
    """,
    """
    SELECT e.id, e.name AS who, d.name FROM emp e LEFT JOIN dept d ON d.id = e.dept ORDER BY e.rate,
    e.id LIMIT 5 OFFSET 2
    """,
    """
    SELECT id, n FROM (SELECT id, pay AS n FROM emp UNION ALL SELECT id, hours FROM task) AS u ORDER
    BY n, id LIMIT 6
    """,
    """
    SELECT id, pay AS n, 0 AS k FROM emp UNION ALL SELECT id, hours, 1 FROM task ORDER BY id, k
    LIMIT 6
    """,
    """SELECT e.id FROM emp e WHERE e.pay + 1 > 2 AND 3 >= e.boss - 5""",
    """SELECT e.id FROM emp e WHERE e.name LIKE '20%' OR e.name LIKE '21%'""",
    """SELECT e.id FROM emp e WHERE SUBSTR(e.name, 1, 2) = '20'""",
    {
        "sqlite": """
    SELECT id FROM emp WHERE strftime('%Y', hired) = '2021' OR strftime('%Y-%m', hired) = '2022-03'
    """,
        "duckdb": """
    SELECT id FROM emp WHERE year(started) = 2021 OR strftime(started, '%Y-%m') = '2022-03'
    """,
        "postgresql": """
    SELECT id FROM emp WHERE EXTRACT(year FROM started) = 2021 OR date_trunc('month', started) =
    '2022-03-01'
    """,
    },
    {
        "sqlite": """SELECT id FROM emp WHERE date(hired) >= '2021-05-11' AND date(hired) <= '2023-05-11'""",
        "postgresql": """
    SELECT id FROM emp WHERE EXTRACT(year FROM started) >= 2021 AND started::date <= DATE
    '2023-05-11' AND EXTRACT(year FROM started) < 2024 AND NOT EXTRACT(year FROM started) > 2022
    """,
        "duckdb": """
    SELECT id FROM emp WHERE EXTRACT(year FROM started) >= 2021 AND started::date <= DATE
    '2023-05-11' AND date_trunc('year', started) = DATE '2022-01-01'
    """,
    },
    """
    WITH big AS (SELECT dept, SUM(pay) AS s FROM emp GROUP BY dept) SELECT d.name, b.s FROM dept d
    JOIN big b ON b.dept = d.id WHERE b.s > (SELECT AVG(s) FROM big) AND d.city = 'x'
    """,
    """WITH r AS (SELECT id, dept FROM emp ORDER BY name) SELECT r.id FROM r WHERE r.dept = 3""",
    """
    SELECT e.id, t.id FROM emp e JOIN task t ON t.emp = e.id WHERE e.id < 10 AND t.hours BETWEEN 1
    AND 3
    """,
    """SELECT e.id FROM emp e JOIN task t ON t.emp = e.id WHERE e.id BETWEEN 3 AND 9""",
    """
    SELECT x.city, x.n FROM (SELECT d.city, COUNT(*) AS n FROM dept d GROUP BY d.city ORDER BY
    d.city) AS x WHERE x.n > 1 AND x.city = 'x'
    """,
    """SELECT DISTINCT id, name FROM emp WHERE pay > 1""",
    """
    SELECT name FROM emp WHERE id IN (SELECT emp FROM task GROUP BY emp HAVING COUNT(*) > 1) AND
    (pay = 1 OR pay = 2 OR pay = 3)
    """,
    """
    SELECT e.name FROM emp e WHERE e.id IN (SELECT t.emp FROM task t WHERE t.hours > 1 ORDER BY t.id
    LIMIT 5)
    """,
    """
    SELECT e.id, (SELECT MAX(t.hours) FROM task t WHERE t.emp = e.id AND t.dept = e.dept) FROM emp e
    LEFT JOIN dept d ON d.id = e.dept WHERE d.city = 'x'
    """,
    """
    SELECT e.dept, COUNT(*) FROM emp e WHERE e.pay > (SELECT AVG(f.pay) FROM emp f WHERE f.dept =
    e.dept) GROUP BY e.dept
    """,
    """
    SELECT "name" AS "My Name", Pay AS "select" FROM Emp WHERE DEPT IN (SELECT Id FROM Dept)
    """,
]


def generated(seed):
    rng = random.Random(seed)

    def maybe(value):
        return None if rng.random() < 0.2 else value

    def day():
        return maybe(f"20{rng.randrange(20, 25)}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}")

    depts = [(n, maybe(rng.choice("abc")), rng.choice("xy"), day()) for n in range(1, 9)]
    emps = [
        (
            *(n, maybe(rng.randrange(1, 11)), maybe(rng.randrange(1, 30))),
            *(maybe(rng.choice(["ann", "bob", "20x", "21y", "20z"])), maybe(rng.randrange(5))),
            *(float(rng.randrange(4)), day(), day()),
        )
        for n in range(1, 30)
    ]
    tasks = [
        (
            *(n, rng.randrange(1, 35), maybe(rng.randrange(1, 11)), maybe(rng.randrange(6))),
            *(maybe(rng.choice("pqr")), maybe(float(rng.randrange(5)))),
        )
        for n in range(1, 60)
    ]
    return {"dept": depts, "emp": emps, "task": tasks}


def fill(execute_many, mark, seed):
    for table, rows in generated(seed).items():
        execute_many(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(rows[0]))})", rows)


@pytest.fixture
def url(request, tmp_path):
    """Makes a database of an engine with generated rows; gives its URL."""

    def make(engine, seed=0):
        if engine == "postgresql":
            import psycopg

            address = request.getfixturevalue("server")
            with psycopg.connect(address) as connection:
                connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + SCHEMA)
                fill(connection.cursor().executemany, "%s", seed)
            return address
        path = tmp_path / f"{engine}.db"
        path.unlink(missing_ok=True)
        with closing(
            sqlite3.connect(path) if engine == "sqlite" else duckdb.connect(str(path))
        ) as connection:
            getattr(connection, "executescript", connection.execute)(SCHEMA)
            fill(connection.executemany, "?", seed)
            connection.commit()
        return f"{engine}:///{path}"

    return make


@pytest.fixture
def opened(url):
    """Opens such a database; gives the session and its facts."""
    sessions = []

    def open_(engine, seed=0):
        place = location.parse(url(engine, seed))
        sessions.append(engines.connect(place, place.path))
        known = facts.read(sessions[-1], engine)
        sessions[-1].forget()
        return sessions[-1], known

    yield open_
    for session in sessions:
        session.close()


def comparable(result):
    """The rows in any order; numbers as near as sums of floats in another order can be."""

    def value(item):
        plain = round(item, 9) if isinstance(item, float) else item
        kind = "" if isinstance(item, int | float) else type(item).__name__
        return (item is not None, kind, plain)

    return result.columns, sorted(tuple(map(value, row)) for row in result.rows)


def read(session, statement, known):
    return source.read(statement, (0, len(statement)), session.execute(statement).columns, known)


def told(statement, engine):
    return statement[engine] if isinstance(statement, dict) else statement


@pytest.mark.parametrize(("engine", "seed"), [("sqlite", 0), ("sqlite", 1), ("duckdb", 2), ("postgresql", 3)])
def test_every_rewrite_answers_like_its_query(engine, seed, opened):
    session, known = opened(engine, seed)
    used, wrong = set(), []
    for statement in (told(one, engine) for one in QUERIES if engine in one or isinstance(one, str)):
        wanted = comparable(session.execute(statement))
        parsed = read(session, statement, known)
        assert parsed is not None, statement
        for candidate in rewrites.candidates(parsed, known):
            try:
                found = comparable(session.execute(candidate.text))
            except engines.EngineError:  # as when it is looked at: such a rewrite is skipped
                session.forget()
                assert candidate.area.startswith("sqlglot"), candidate.text
                continue
            used.add(candidate.does.removesuffix(" everywhere").partition(" (place")[0])
            if found != wanted:
                wrong.append((statement, candidate.does, candidate.text))

    assert not wrong
    assert {one.does for one in catalogue.KNOWN} <= used


def test_the_comparison_notices_a_wrong_answer(opened):
    session, _ = opened("sqlite")
    some = comparable(session.execute("SELECT id, pay FROM emp"))

    assert some == comparable(session.execute("SELECT id, pay FROM emp ORDER BY pay"))
    assert some != comparable(session.execute("SELECT id, COALESCE(pay, 0) AS pay FROM emp"))
    assert some != comparable(session.execute("SELECT id, pay AS p FROM emp"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "SELECT id FROM emp WHERE pay = 1 AND boss = 2",
            "SELECT e.id FROM emp AS e WHERE e.boss = 2 AND e.pay = 1",
        ),
        (
            "SELECT e.id FROM emp e JOIN dept d ON d.id = e.dept WHERE d.city = 'x'",
            "SELECT foo.id FROM emp AS foo JOIN dept AS bar ON bar.id = foo.dept WHERE bar.city = 'x'",
        ),
    ],
)
def test_plans_are_the_same_under_other_aliases_and_another_order_of_conditions(engine, one, other, opened):
    session, known = opened(engine)
    first, second = (
        plans.of(session, engine, text, source.aliases(source.qualified(text, known)))
        for text in (one, other)
    )

    assert first.same(second)


@pytest.mark.parametrize("engine", ENGINES)
def test_plans_that_read_or_compute_something_else_differ(engine, opened):
    session, _ = opened(engine)
    texts = [
        "SELECT id FROM emp WHERE pay = 1",
        "SELECT id FROM emp WHERE pay = 1 ORDER BY boss",
        "SELECT id FROM emp WHERE boss = 1",
        "SELECT id FROM task WHERE hours = 1",
        "SELECT id FROM emp WHERE pay = (SELECT MAX(pay) FROM emp)",
    ]
    found = [plans.of(session, engine, text) for text in texts]

    assert [first.same(second) for first in found for second in found].count(True) in (5, 7)
    assert not found[0].same(found[1])
    assert not found[0].same(found[4])


# The subcommand.


@pytest.fixture
def find(tmp_path, monkeypatch, capsys, url):
    """Writes query files, runs `rewrites`; gives the edits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q").mkdir()

    def run(engine="sqlite", **files):
        for name, text in files.items():
            (tmp_path / "q" / f"{name}.sql").write_bytes(text.encode())
        code = main(["rewrites", "--url", url(engine), "q"], {"AUTOOPT_SCRATCH": str(tmp_path / "scratch")})
        captured = capsys.readouterr()
        assert (code, captured.err) == (0, "")
        return json.loads(captured.out)

    return run


CORRELATED = "SELECT e.id, (SELECT SUM(t.hours) FROM task AS t WHERE t.emp = e.id) AS h FROM emp AS e"


def test_an_edit_is_one_file_with_its_reason(find):
    first = find(a=CORRELATED)[0]

    assert first["description"] == "compute the subquery for all rows at once and join in q/a.sql"
    assert "should make q/a.sql faster because" in first["hypothesis"]
    assert first["area"] == "q/a.sql: correlated subquery"
    assert list(first["edits"]) == ["q/a.sql"]
    assert "LEFT JOIN" in first["edits"]["q/a.sql"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_query_that_no_rule_makes_another_plan_of_gives_nothing(engine, find):
    assert find(engine, a="SELECT id, pay FROM emp WHERE pay = 1 ORDER BY id") == []


def test_a_statement_sqlglot_cannot_read_is_left_alone(find):
    edits = find(a=f"{CORRELATED} WHERE e.name LIKE 'a' ESCAPE '!' COLLATE NOCASE", b=CORRELATED)

    assert {path for one in edits for path in one["edits"]} == {"q/b.sql"}


def test_comments_and_the_other_statements_of_a_file_stay(find):
    text = f"-- who\nPRAGMA cache_size=-4000;\n/* first */ SELECT 1;\n-- the page\n{CORRELATED};\n-- end\n"
    edits = [one["edits"]["q/a.sql"] for one in find(a=text)]

    assert edits
    for edit in edits:
        assert edit.startswith(text[: text.index("SELECT e.id") + len("SELECT")])
        assert edit.endswith(";\n-- end\n")


def test_line_ends_and_comments_within_the_query_stay(find):
    edit = find(a=CORRELATED.replace(" FROM emp", " /* all hours */\r\nFROM emp"))[0]["edits"]["q/a.sql"]

    assert "all hours" in edit
    assert edit.count("\n") == edit.count("\r\n") > 0


def test_setup_is_never_rewritten_but_holds(find):
    edits = find(setup="CREATE INDEX task_emp ON task (emp);", a=CORRELATED)

    assert {path for one in edits for path in one["edits"]} == {"q/a.sql"}


def test_the_slowest_query_comes_first(find):
    slow = CORRELATED + " CROSS JOIN task AS u CROSS JOIN task AS v"
    edits = find(quick=CORRELATED, slow=slow)

    assert list(edits[0]["edits"]) == ["q/slow.sql"]
    assert {path for one in edits for path in one["edits"]} == {"q/slow.sql", "q/quick.sql"}


def test_output_names_are_those_of_the_query(find, opened):
    text = 'SELECT id AS "My Id", count(*), SUM(pay) FROM Emp WHERE dept IN (SELECT Id FROM Dept) GROUP BY 1'
    session, _ = opened("sqlite")
    wanted = session.execute(text).columns
    edits = find(a=text)

    assert edits
    assert {session.execute(one["edits"]["q/a.sql"]).columns for one in edits} == {wanted}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rewrite_is_understood_when_it_is_read_again(engine, opened):
    session, known = opened(engine)
    for statement in (CORRELATED, QUERIES[23], QUERIES[36]):
        parsed = read(session, statement, known)
        for candidate in rewrites.candidates(parsed, known):
            again = source.rewritten(parsed, source.qualified(candidate.text, known), known)

            assert again == candidate.text


def test_keys_and_nullability_are_read_from_each_engine(opened):
    for engine in ENGINES[:2]:
        _, known = opened(engine)

        assert known.is_key("dept", ["id", "name"])
        assert not known.is_key("dept", ["name"])
        assert known.column("task", "EMP").nullable is False
        assert known.column("task", "dept").nullable is True
        assert known.column("emp", "pay").is_integer and known.column("emp", "rate").is_float


def test_constants_that_a_collation_takes_for_the_same_do_not_make_branches_disjoint(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, n INTEGER);"
            "INSERT INTO t VALUES (1, 'x', 1), (2, 'X', 1), (3, 'y', 2);"
        )
    place = location.parse(f"sqlite:///{tmp_path}/a.db")
    with closing(engines.connect(place, place.path)) as session:
        known = facts.read(session, "sqlite")
        for statement in (
            "SELECT id FROM t WHERE a = 'x' OR a = 'X'",
            "SELECT id FROM t WHERE n = '1' OR n = '01' OR n = 1",
            "SELECT id, a FROM t WHERE a = 'x' UNION SELECT id, a FROM t WHERE a = 'X'",
        ):
            wanted = comparable(session.execute(statement))
            for candidate in rewrites.candidates(read(session, statement, known), known):
                assert comparable(session.execute(candidate.text)) == wanted, candidate.text


# `plan`.


@pytest.mark.parametrize("engine", ENGINES)
def test_a_profile_names_the_slowest_query_first_with_its_plan(engine, url, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "a_quick.sql").write_text("SELECT 1 AS one")
    (tmp_path / "q" / "b_slow.sql").write_text(
        "SELECT COUNT(*) FROM task CROSS JOIN task b CROSS JOIN task c WHERE task.hours + b.hours > c.hours"
    )
    code = main(["plan", "--url", url(engine), "q"], {"AUTOOPT_SCRATCH": str(tmp_path / "scratch")})
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert lines[0].startswith("q/b_slow.sql: ") and "% of all queries" in lines[0]
    assert lines[1].startswith("  ") and "task" in "".join(lines)
    assert any(line.startswith("q/a_quick.sql: ") for line in lines)


def test_a_failing_query_is_named(url, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.sql").write_text("SELECT nowhere FROM emp")
    for act in ("plan", "rewrites"):
        assert main([act, "--url", url("sqlite"), "bad.sql"], {}) == 1
        assert "bad.sql: no such column: nowhere" in capsys.readouterr().err


def test_queries_are_loaded_with_their_spans():
    from autoopt.instruments.sql.text import statements

    text = " -- a\nSELECT 1 ; ; /* x */ SELECT ';' -- b\n"

    assert [text[begin:end] for begin, end in statements.spans(text)] == list(statements.split(text))
    assert statements.split(text) == ("-- a\nSELECT 1", "/* x */ SELECT ';' -- b")
