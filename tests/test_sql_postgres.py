"""Indexes, measures and copies on a real PostgreSQL server."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from support.postgres_server import dump, server  # noqa: F401 - a fixture

from autoopt.instruments.sql.command import main
from autoopt.instruments.sql.server import identity, programs

INDEX = "CREATE INDEX IF NOT EXISTS idx_sales_customer ON sales (customer);\n"
SALES = "SELECT day, sum(amount) FROM sales WHERE customer = 7 GROUP BY day ORDER BY day"


@pytest.fixture(scope="module")
def cluster(server):  # noqa: F811 - the fixture
    """Run SQL as the administrator; gives the rows."""
    psycopg = pytest.importorskip("psycopg")

    def run(statement, database="template1"):
        with psycopg.connect(f"{server.rpartition('/')[0]}/{database}", autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    run("CREATE ROLE weak LOGIN")
    run("CREATE ROLE maker LOGIN CREATEDB")
    run("CREATE DATABASE blank")
    run("CREATE TABLE sales (id int PRIMARY KEY, customer int, day date, amount numeric)", "blank")
    run(
        "INSERT INTO sales SELECT n, n % 500, date '2024-01-01' + n % 365, n % 97 "
        "FROM generate_series(1, 40000) AS n",
        "blank",
    )
    run(
        'CREATE SCHEMA other; CREATE TABLE other."Odd" AS SELECT n AS "Id", n % 90 AS k FROM sales, '
        "LATERAL (SELECT id AS n) AS x LIMIT 5000",
        "blank",
    )
    run("VACUUM ANALYZE", "blank")
    run(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public, other TO maker, weak; "
        "GRANT USAGE ON SCHEMA other TO maker, weak",
        "blank",
    )
    return run


@pytest.fixture
def app(cluster, server, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    """A fresh database `app`, a checkout with a query, and its URL."""
    for (name,) in cluster("SELECT datname FROM pg_database WHERE datname ~ '^(app$|autoopt_)'"):
        cluster(f'DROP DATABASE "{name}" WITH (FORCE)')
    cluster("CREATE DATABASE app TEMPLATE blank")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "sales.sql").write_text(SALES)
    return server.rpartition("/")[0] + "/app"


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state" / "run-1"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").touch()
    return folder


@pytest.fixture
def call(app, state, capsys):
    """Run a subcommand in a checkout of a run; gives exit code, output and complaints."""

    def run(subcommand, *argv, arm="a", url=app, state=state):
        environ = {"AUTOOPT_RUN": state.name, "AUTOOPT_SCRATCH": str(state / "bench" / arm / "home")}
        paths = [] if subcommand == "cleanup" else ["q"]
        code = main([subcommand, "--url", url, *argv, *paths], environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def copies(cluster):
    return lambda: [
        name
        for (name,) in cluster("SELECT datname FROM pg_database WHERE datname LIKE 'autoopt%' ORDER BY 1")
    ]


def as_role(url, role):
    return url.replace("//me@", f"//{role}@")


def metrics(output):
    lines = [line.removeprefix("METRIC ").split("=") for line in output.splitlines()]
    return {name: float(value) for name, value in lines}


def indexes(cluster, database="app"):
    return {
        name for (name,) in cluster("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'", database)
    }


# Measures.


def test_the_servers_time_comes_with_the_blocks_each_query_touches(call, tmp_path):
    (tmp_path / "q" / "all.sql").write_text("SET work_mem = '1MB'; SELECT count(*) FROM sales; SELECT 1")
    found = metrics(call("time", "--measure", "execution", "--repeats", "2")[1])

    assert found["total_ms"] == pytest.approx(found["all_ms"] + found["sales_ms"])
    assert found["total_blocks"] == found["all_blocks"] + found["sales_blocks"] > 200


def test_the_cost_is_the_same_every_time_and_less_with_an_index(call, tmp_path):
    costs = [metrics(call("time", "--measure", "cost")[1])["total_cost"] for _ in range(2)]
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    indexed = metrics(call("time", "--measure", "cost")[1])["total_cost"]

    assert costs[0] == costs[1]
    assert indexed < costs[0] / 2


@pytest.mark.parametrize("place", ["setup.sql", "sales.sql"])
def test_a_setting_that_says_what_things_cost_is_refused_where_cost_is_the_metric(call, tmp_path, place):
    text = "SET seq_page_cost = 0.01;\n" + (SALES if place == "sales.sql" else "")
    (tmp_path / "q" / place).write_text(text)
    code, _, err = call("time", "--measure", "cost")
    searched = json.loads(call("candidates", "--measure", "cost")[1])

    assert code == 1
    assert "seq_page_cost" in err and err.count("\n") == 1
    assert {"random_page_cost", "effective_cache_size", "jit"}.isdisjoint(searched) and "work_mem" in searched


def test_throughput_counts_passes_under_the_sessions_settings(call, tmp_path):
    if programs.find("pgbench") is None:
        pytest.skip("no pgbench on this machine; install PostgreSQL's programs to run this")
    (tmp_path / "q" / "setup.sql").write_text("SET work_mem = '7MB'; SET search_path TO public, other;\n")
    (tmp_path / "q" / "check.sql").write_text(
        "-- it's :odd\nSELECT 1 / (current_setting('work_mem') = '7MB')::int, k FROM \"Odd\" -- end\n"
        ";SET work_mem = '8MB'"
    )
    found = metrics(call("time", "--measure", "tps", "--seconds", "1", "--clients", "2")[1])

    assert found["total_tps"] > 10
    assert found["sales_ms"] > 0 and found["check_ms"] > 0


def test_a_query_that_fails_or_writes_in_pgbench_is_one_line(call, tmp_path, cluster):
    if programs.find("pgbench") is None:
        pytest.skip("no pgbench on this machine; install PostgreSQL's programs to run this")
    (tmp_path / "q" / "sales.sql").write_text("WITH x AS (DELETE FROM sales RETURNING 1) SELECT * FROM x")
    code, _, err = call("time", "--measure", "tps", "--seconds", "1")

    assert code == 1
    assert "read-only" in err and err.count("\n") == 1
    assert cluster("SELECT count(*) FROM sales", "app") == [(40000,)]


def test_measures_of_a_server_are_refused_for_files(capsys, tmp_path, monkeypatch):
    import sqlite3

    monkeypatch.chdir(tmp_path)
    sqlite3.connect("a.db").execute("CREATE TABLE t (a)")
    (tmp_path / "q.sql").write_text("SELECT 1")
    for measure in ("execution", "cost", "tps"):
        assert main(["time", "--url", "sqlite:///a.db", "--measure", measure, "q.sql"], {}) == 2
        said = capsys.readouterr().err
        assert f"options.measure={measure} is PostgreSQL only" in said and "recipe=sql-latency" in said


# Candidates.


def test_indexes_are_proposed_by_the_names_queries_use_and_can_be_made(call, tmp_path):
    (tmp_path / "q" / "odd.sql").write_text('SELECT k FROM other."Odd" WHERE "Id" = 4')
    found = json.loads(call("candidates")[1])
    created = [site["line"] for site in found.values() if "CREATE INDEX" in site.get("line", "")]
    (tmp_path / "q" / "setup.sql").write_text("\n".join(created))

    assert "CREATE INDEX IF NOT EXISTS idx_sales_customer ON sales (customer);" in created
    assert any('ON other."Odd" ("Id")' in line for line in created)
    assert "analyze" not in found
    assert call("prepare")[::2] == (0, "")


def test_present_keys_partial_indexes_and_views_are_understood(call, tmp_path, cluster):
    cluster(
        "CREATE INDEX p ON sales (customer) WHERE amount > 3; CREATE INDEX d ON sales (day) INCLUDE (id); "
        "CREATE VIEW v AS SELECT customer AS who, day AS at FROM sales",
        "app",
    )
    (tmp_path / "q" / "sales.sql").write_text(
        "SELECT * FROM v WHERE who = 3; SELECT * FROM public.sales WHERE id = 4; "
        "SELECT 1 FROM v WHERE at = '2024-01-01'"
    )
    found = json.loads(call("candidates")[1])

    assert {name for name in found if name.startswith("idx_")} == {"idx_sales_customer"}


def test_without_the_right_to_copy_no_index_is_proposed_and_it_is_said_why(call, app):
    code, out, err = call("candidates", url=as_role(app, "weak"))
    profile = call("plan", url=as_role(app, "weak"))[1]

    assert code == 0
    assert not any(name.startswith("idx_") for name in json.loads(out)) and "work_mem" in json.loads(out)
    assert "ALTER ROLE weak CREATEDB" in err and "ALTER ROLE weak CREATEDB" in profile


# Copies.


def test_an_index_goes_into_a_copy_of_each_checkout_and_is_dropped_with_it(
    call, tmp_path, app, cluster, copies
):
    before = dump(app)
    (tmp_path / "q" / "setup.sql").write_text("SET work_mem = '7MB';\n" + INDEX)
    codes = [call("prepare", arm=arm)[0] for arm in "ab"]
    made = copies()
    found = metrics(call("time")[1])
    plan = call("plan")[1]
    rows = call("rows")[1]

    assert codes == [0, 0] and len(made) == 2
    assert "idx_sales_customer" in plan
    assert 0 < found["index_build_s"] < 60 and 0.1 < found["index_mb"] < 10
    assert call("cleanup")[0] == 0 and copies() == []
    (tmp_path / "q" / "setup.sql").unlink()
    assert call("rows")[1] == rows and len(copies()) == 1
    assert call("cleanup")[0] == 0 and copies() == []
    assert dump(app) == before


def where_measured(call, tmp_path, *argv, arm="a"):
    (tmp_path / "q" / "place.sql").write_text("SELECT current_database()")
    ((name,),) = json.loads(call("rows", *argv, arm=arm)[1])["place"]["rows"]
    return name


def test_a_commit_without_an_index_is_measured_in_a_copy_too(call, tmp_path, copies):
    (tmp_path / "q" / "setup.sql").write_text("SET work_mem = '7MB';\n")
    call("prepare")
    found = metrics(call("time")[1])

    assert where_measured(call, tmp_path) == copies()[0]
    assert found["index_mb"] == found["index_build_s"] == 0


@pytest.mark.parametrize("others", ["nobody", "somebody"])
def test_both_commits_of_a_pair_have_tables_of_the_same_make(call, tmp_path, app, cluster, others):
    """A bloated table without statistics is another one after a dump: both commits see it, or neither."""
    import psycopg

    cluster(
        "CREATE TABLE bloated AS SELECT n, repeat('x', 500) AS t FROM generate_series(1, 20000) AS n", "app"
    )
    cluster("DELETE FROM bloated WHERE n % 20 > 0", "app")
    (tmp_path / "q" / "sales.sql").unlink()
    (tmp_path / "q" / "bloat.sql").write_text("SELECT count(t) FROM bloated")
    blocks = []
    with psycopg.connect(app if others == "somebody" else app.replace("/app", "/postgres")) as session:
        session.execute("SELECT 1")
        for arm, setup in (("a", ""), ("b", "CREATE INDEX useless ON bloated (n);"), ("b", "")):
            (tmp_path / "q" / "setup.sql").write_text(setup)
            measured = call("time", "--measure", "execution", arm=arm)
            blocks.append(metrics(measured[1])["total_blocks"])

    assert len(set(blocks)) == 1
    assert (blocks[0] < 300) == (others == "somebody")


def test_all_commits_of_a_run_see_the_rows_of_one_moment(call, tmp_path, cluster):
    (tmp_path / "q" / "sales.sql").write_text("SELECT count(*) FROM sales")
    base = call("rows")[1]
    cluster("DELETE FROM sales WHERE id % 2 = 0", "app")
    (tmp_path / "q" / "setup.sql").write_text("ANALYZE;")
    analyzed = [call("rows", arm=arm)[1] for arm in "ab"]
    (tmp_path / "q" / "setup.sql").write_text(INDEX + "ANALYZE;")
    indexed = [call("rows", arm=arm)[1] for arm in "ab"]

    assert {*analyzed, *indexed} == {base}


def test_whoever_wants_no_copies_gets_none_and_no_indexes(call, tmp_path, copies, app):
    before = dump(app)
    code, out, err = call("candidates", "--copy", "none")
    measured = where_measured(call, tmp_path, "--copy", "none")
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    refused = call("prepare", "--copy", "none")

    assert code == 0 and "options.copy is none" in err
    assert not any(name.startswith("idx_") for name in json.loads(out)) and "work_mem" in json.loads(out)
    assert measured == "app" and copies() == []
    assert refused[0] == 2 and "q/setup.sql: no index can be tried" in refused[2]
    assert dump(app) == before


def test_a_command_by_hand_takes_its_copy_away(app, tmp_path, capsys, copies):
    (tmp_path / "q" / "setup.sql").write_text("ANALYZE;\n" + INDEX)
    codes = [main(["rows", "--url", app, "q"], {})]
    (tmp_path / "q" / "setup.sql").write_text("CREATE INDEX i ON sales (nothing);")
    codes += [main(["rows", "--url", app, "q"], {})]

    assert codes == [0, 1] and "sales" in json.loads(capsys.readouterr().out)
    assert copies() == []


def test_a_database_that_cannot_be_copied_is_refused_with_what_can_be_done(call, app, cluster, copies):
    cluster(
        "REVOKE SELECT ON sales FROM maker; GRANT SELECT (customer, day, amount) ON sales TO maker", "app"
    )
    code, _, err = call("prepare", url=as_role(app, "maker"))

    assert code == 4 and "options.copy=none" in err and err.count("\n") == 1
    assert call("time", "--copy", "none", url=as_role(app, "maker"))[0] == 0


def test_another_commit_in_the_checkout_changes_the_copy_instead_of_making_it_again(
    call, tmp_path, cluster, copies
):
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    call("prepare")
    (copy,) = copies()
    born = cluster(f"SELECT oid FROM pg_database WHERE datname = '{copy}'")
    (tmp_path / "q" / "setup.sql").write_text("CREATE INDEX CONCURRENTLY ON sales (day);\n")
    call("prepare")

    assert indexes(cluster, copy) == {"sales_pkey", "sales_day_idx"}
    assert cluster(f"SELECT oid FROM pg_database WHERE datname = '{copy}'") == born


def test_statistics_that_one_commit_made_do_not_serve_the_next(call, tmp_path, cluster, copies):
    cluster("DELETE FROM pg_statistic", "app")
    (tmp_path / "q" / "setup.sql").write_text("CREATE INDEX i ON sales ((amount + 1)); ANALYZE;")
    call("prepare")
    (tmp_path / "q" / "sales.sql").write_text("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'sales'")
    first = json.loads(call("rows")[1])["sales"]["rows"]
    (tmp_path / "q" / "setup.sql").write_text(INDEX)

    assert first == [[True]] and len(copies()) == 2
    assert json.loads(call("rows")[1])["sales"]["rows"] == [[False]]


def test_the_copy_has_the_settings_of_the_database(call, tmp_path, cluster):
    cluster("ALTER DATABASE app SET search_path = other, public; ALTER DATABASE app SET work_mem = '9MB'")
    (tmp_path / "q" / "setup.sql").write_text("CREATE INDEX i ON public.sales (day);")
    (tmp_path / "q" / "sales.sql").write_text(
        'SELECT current_setting(\'work_mem\'), k, current_database() FROM "Odd" WHERE "Id" = 1'
    )
    ((work_mem, _, name),) = json.loads(call("rows")[1])["sales"]["rows"]

    assert work_mem == "9MB" and name.startswith("autoopt_run_1_")


def test_a_bad_line_of_setup_sql_fails_at_prepare_and_the_copy_stays_usable(call, tmp_path, copies):
    (tmp_path / "q" / "setup.sql").write_text("CREATE INDEX i ON sales (nothing);")
    code, _, err = call("prepare")
    (tmp_path / "q" / "setup.sql").write_text(INDEX)

    assert code == 1 and 'q/setup.sql: column "nothing" does not exist' in err
    assert call("time")[0] == 0 and len(copies()) == 1


@pytest.mark.parametrize("way", ["auto", "dump"])
def test_a_database_in_use_is_copied_by_a_dump(call, tmp_path, app, way, cluster):
    import psycopg

    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    rows = []
    with psycopg.connect(app) as somebody:
        somebody.execute("SELECT 1")
        refused = call("prepare", "--copy", "template") if way == "auto" else None
        code = call("prepare", "--copy", way)[0]
        rows = call("rows", "--copy", way)[1]

    assert code == 0 and len(json.loads(rows)["sales"]["rows"]) > 50
    if refused is not None:
        assert refused[0] == 4 and "options.copy=dump" in refused[2] and refused[2].count("\n") == 1


def test_a_database_of_somebody_else_is_copied_by_a_dump(call, tmp_path, app, copies):
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    code, _, err = call("time", url=as_role(app, "maker"))

    assert (code, err) == (0, "") and len(copies()) == 1


def test_a_role_that_may_make_no_copy_is_told_what_to_do_in_one_line(call, tmp_path, app, copies):
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    code, _, err = call("prepare", url=as_role(app, "weak"))

    assert code == 2 and err.count("\n") == 1
    assert "ALTER ROLE weak CREATEDB" in err and "options.allow_ddl" in err
    assert copies() == []


def test_a_command_killed_while_it_makes_the_copy_is_mended_by_the_next(call, tmp_path, state, app, copies):
    before = dump(app)
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    environ = {
        **os.environ,
        "AUTOOPT_RUN": state.name,
        "AUTOOPT_SCRATCH": str(state / "bench" / "a" / "home"),
    }
    command = [sys.executable, "-m", "autoopt.instruments.sql", "prepare", "--url", app, "q"]
    for delay_s in (0.15, 0.25, 0.35, 0.45):
        process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert call("time")[0] == 0 and len(copies()) == 1
    assert call("cleanup")[0] == 0 and copies() == []
    assert dump(app) == before


def test_copies_of_dead_runs_go_and_those_of_others_stay(call, tmp_path, cluster, copies, state):
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    gone, resting = tmp_path / "state" / "gone", tmp_path / "state" / "resting"
    for other in (gone, resting):
        other.mkdir()
        (other / "journal.jsonl").touch()
        call("prepare", state=other)
    (gone / "journal.jsonl").unlink()
    for path in sorted(gone.rglob("*"), reverse=True):
        path.rmdir()
    gone.rmdir()
    cluster("CREATE DATABASE autoopt_of_the_user")
    cluster("CREATE DATABASE autoopt_noted")
    cluster("COMMENT ON DATABASE autoopt_noted IS '{\"autoopt\": 1}'")
    call("cleanup")
    names = copies()

    assert {"autoopt_of_the_user", "autoopt_noted"} < set(names)
    assert [name for name in names if "resting" in name] and not [name for name in names if "gone" in name]


def test_a_run_that_rests_for_long_may_lose_its_copy_and_one_that_is_open_may_not(tmp_path):
    import fcntl

    state = tmp_path / "run"
    (state / "bench").mkdir(parents=True)
    (state / "journal.jsonl").touch()
    (state / "lock").touch()
    owner = identity.of({"AUTOOPT_RUN": "run", "AUTOOPT_SCRATCH": str(state / "bench" / "a" / "home")})
    fresh = owner.is_dead()
    os.utime(state / "journal.jsonl", (0, 0))
    rested = owner.is_dead()
    with (state / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        opened = owner.is_dead()

    assert (fresh, rested, opened) == (False, True, False)
    assert not identity.of({}).is_dead()


# Where DDL is allowed.


def test_indexes_are_made_in_place_where_allowed_and_gone_when_the_commit_is_another(
    call, tmp_path, cluster, copies, app
):
    before = dump(app)
    cluster("CREATE INDEX theirs ON sales (day)", "app")
    (tmp_path / "q" / "setup.sql").write_text(INDEX + "CREATE INDEX IF NOT EXISTS theirs ON sales (day);")
    indexed = call("time", "--allow-ddl", "app")
    present = indexes(cluster)
    (tmp_path / "q" / "setup.sql").unlink()
    plain = call("time", "--allow-ddl", "app", arm="b")

    assert present == {"sales_pkey", "theirs", "idx_sales_customer"}
    assert metrics(indexed[1])["index_mb"] > 0 and metrics(plain[1])["index_mb"] == 0
    assert indexes(cluster) == {"sales_pkey", "theirs"} and copies() == []
    cluster("DROP INDEX theirs", "app")
    assert dump(app) == before


def test_what_a_killed_run_left_in_place_goes_at_cleanup_and_by_the_next_run(
    call, tmp_path, cluster, app, state
):
    before = dump(app)
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    other = tmp_path / "state" / "other"
    other.mkdir()
    (other / "journal.jsonl").touch()
    call("prepare", "--allow-ddl", "app", state=other)
    busy = call("prepare", "--allow-ddl", "app")
    os.utime(other / "journal.jsonl", (0, 0))
    call("prepare", "--allow-ddl", "app")
    mended = indexes(cluster)
    call("cleanup", "--allow-ddl", "app")

    assert busy[0] == 5 and "run other" in busy[2] and busy[2].count("\n") == 1
    assert mended == {"sales_pkey", "idx_sales_customer"}
    assert dump(app) == before


def test_only_the_database_that_both_options_name_is_changed(call, tmp_path, cluster):
    (tmp_path / "q" / "setup.sql").write_text(INDEX)
    failures = [call(subcommand, "--allow-ddl", "blank") for subcommand in ("prepare", "time", "cleanup")]

    assert [code for code, _, _ in failures] == [2, 2, 2]
    assert all("options.allow_ddl is 'blank'" in err and err.count("\n") == 1 for _, _, err in failures)
    assert indexes(cluster) == indexes(cluster, "blank") == {"sales_pkey"}


# Passwords.


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunt@er2@127.0.0.1:1/x",
        "postgresql://me:hunt%40er2@127.0.0.1:1/x?nonsense=1",
        "postgresql://127.0.0.1:1/x?password=hunt@er2&user=me",
        "postgresql://me:hunt/er2@127.0.0.1:1/x",
    ],
)
def test_no_part_of_a_password_is_printed(capsys, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.sql").write_text("SELECT 1")
    codes = [main(["time", "--url", url, "q.sql"], {}), main(["cleanup", "--url", url], {})]
    said = capsys.readouterr().err

    assert all(codes) and "hunt" not in said and "er2" not in said
    assert said.count("\n") == 2


def test_a_url_may_stand_in_the_environment(call, app, tmp_path, capsys):
    argv = ["time", "--url", "env:DATABASE_URL", "q"]

    assert main(argv, {"DATABASE_URL": app}) == 0
    assert main(argv, {}) == 2
    assert "metric.pass_env=[DATABASE_URL]" in capsys.readouterr().err


def test_a_string_that_hides_a_second_statement_runs_nothing(call, tmp_path, cluster):
    (tmp_path / "q" / "sales.sql").write_text("SELECT '\\'' ; COMMIT; DELETE FROM sales; --'\n")
    refused = call("time")
    (tmp_path / "q" / "sales.sql").write_text("SET standard_conforming_strings = off; SELECT 1")

    assert call("time")[0] == 2
    assert cluster("SELECT count(*) FROM sales", "app") == [(40000,)], refused
