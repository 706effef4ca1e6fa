"""Tables from databases; from a real PostgreSQL server if one is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gankit.errors import GankitError, without_password
from gankit_tabular.data.databases import is_database
from gankit_tabular.data.sources import read_table

ROWS = [{"id": i, "city": ("Oslo", "Lima")[i % 2], "pay": i / 4} for i in range(60)]
CREATE = "create table people (id bigint, city text, pay double precision)"
QUERY = "select * from people where id < 40"


def query_table(source, query):
    return read_table(source, query=query)[0]


def test_is_database():
    for source in ("postgresql://h/x", "a/b.duckdb", "b.sqlite", "sqlite://x.db"):
        assert is_database(source)
    for source in ("people.csv", "folder", "https://x/y.csv"):
        assert not is_database(source)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "t.sqlite")) as database:
        database.execute(CREATE)
        database.executemany("insert into people values (:id, :city, :pay)", ROWS)
        database.commit()
    return tmp_path


def test_sqlite(files):
    table = query_table(str(files / "t.sqlite"), QUERY)
    assert table.to_pylist() == ROWS[:40]
    with pytest.raises(GankitError, match="readonly|read-only"):
        query_table(str(files / "t.sqlite"), "delete from people returning *")
    assert query_table(str(files / "t.sqlite"), "select * from people").num_rows == 60


def test_duckdb(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "t.duckdb")) as database:
        database.execute(CREATE)
        database.executemany("insert into people values ($id, $city, $pay)", ROWS)
    assert query_table(str(tmp_path / "t.duckdb"), QUERY).to_pylist() == ROWS[:40]
    # The rows do not depend on the order in which the database returns them.
    again = query_table(str(tmp_path / "t.duckdb"), f"{QUERY} order by pay desc")
    assert again.to_pylist() == ROWS[:40]


@pytest.mark.parametrize(
    ("name", "query", "message"),
    [
        ("t.sqlite", "", "t.sqlite: no query given"),
        ("gone.duckdb", "select 1", "no such database"),
        ("t.sqlite", "select * from peeple", "no such table: peeple"),
    ],
)
def test_errors(files, name, query, message):
    with pytest.raises(GankitError, match=message):
        query_table(str(files / name), query)
    with pytest.raises(GankitError, match="a list is not a database"):
        read_table(ROWS, query="select 1")


def test_passwords_are_not_shown():
    assert without_password("postgresql://me:p@ss/w:rd@host/x") == "postgresql://me@host/x"
    assert without_password("postgresql://host/x") == "postgresql://host/x"
    with pytest.raises(GankitError) as failed:
        query_table("postgresql://me:secret@127.0.0.1:9/x?connect_timeout=2", "select 1")
    assert "secret" not in str(failed.value)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a temporary server, on a port of the loopback."""
    pytest.importorskip("adbc_driver_postgresql")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not below pytest's folder, where another session of pytest removes permissions.
    folder = Path(tempfile.mkdtemp(prefix="gankit-postgres-"))
    secret = folder / "secret"
    secret.write_text("s3cret")
    as_user: list[str] = []
    if os.geteuid() == 0:  # it does not run as root
        if not (shutil.which("runuser") and shutil.which("setpriv")):
            pytest.skip("PostgreSQL does not run as root")
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
        secret.chmod(0o644)
    bin_ = Path(initdb).parent
    data = folder / "data"

    def run(*words: object) -> None:
        subprocess.run([*as_user, *map(str, words)], check=True, capture_output=True, cwd=folder)

    try:
        run(initdb, "-D", data, "-U", "gan", "--auth=scram-sha-256", f"--pwfile={secret}")
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.skip(f"PostgreSQL cannot be set up here: {error}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run(bin_ / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start")
    try:
        yield f"postgresql://gan:s3cret@127.0.0.1:{port}/postgres"
    finally:
        run(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_postgresql(server, tmp_path, gankit):
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(CREATE)
        values = ", ".join(f"({r['id']}, '{r['city']}', {r['pay']})" for r in ROWS)
        cursor.execute(f"insert into people values {values}")
        connection.commit()
    assert query_table(server, QUERY).to_pylist() == ROWS[:40]
    with pytest.raises(GankitError, match="peeple"):
        query_table(server, "select * from peeple")
    small = ["hidden=8", "train.samples=64", "train.batch=16", "train.threads=1"]
    train = ["train", "--plugin", "tabular", "--data", server, f"query={QUERY}", "--out", "run"]
    done = gankit(*train, *small)
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert b"s3cret" not in file.read_bytes(), file
    record = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert record["data"]["source"].startswith("postgresql://gan@127.0.0.1")
    again = gankit("evaluate", "run", "-n", 5, "--metrics", "coverage", PGPASSWORD="s3cret")
    assert again.returncode == 0, again.stderr
    refused = gankit("evaluate", "run", "-n", 5, PGPASSWORD="wrong")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
