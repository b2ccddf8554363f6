import os
import sqlite3
from contextlib import closing

import duckdb
import pytest

from autoopt.detect import Place, databases
from autoopt.errors import UsageError
from autoopt.instruments.sql.database import location


def sqlite(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
        connection.commit()


def found(root):
    return databases.url(Place(root=root))


def test_the_only_database_is_found_by_its_content_wherever_it_is(tmp_path, monkeypatch):
    sqlite(tmp_path / "store" / "my app.db")
    (tmp_path / "store" / "thumbs.db").write_bytes(b"something else")
    (tmp_path / "empty.sqlite").touch()
    monkeypatch.chdir(tmp_path)

    assert found(tmp_path) == "sqlite:///store/my%20app.db"
    assert location.parse(found(tmp_path)).path == tmp_path / "store" / "my app.db"


def test_one_in_an_ignored_data_directory_counts_because_checkouts_link_to_it(tmp_path):
    (tmp_path / ".gitignore").write_text("data/\nbuild\n")
    (tmp_path / "data").mkdir()
    with duckdb.connect(str(tmp_path / "data" / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
    sqlite(tmp_path / "build" / "made.db")

    assert found(tmp_path) == "duckdb:///data/shop.duckdb"


def test_several_are_named_and_none_is_none(tmp_path):
    assert found(tmp_path) is None
    for name in "ab":
        sqlite(tmp_path / f"{name}.db")
    with pytest.raises(UsageError, match=r"2 databases were found .*options.url=sqlite:///a.db"):
        found(tmp_path)


def test_links_that_lead_out_and_pipes_are_left_alone(tmp_path):
    sqlite(tmp_path / "outside.db")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link.db").symlink_to(tmp_path / "outside.db")
    (tmp_path / "root" / "loop.db").symlink_to("loop.db")
    os.mkfifo(tmp_path / "root" / "pipe.db")

    assert found(tmp_path / "root") is None
