"""Tables from MariaDB, with a real server if one is installed; and addresses."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gankit.errors import GankitError
from gankit_tabular.data.databases import is_database
from gankit_tabular.data.mysql import _arguments, _array, _joined, read_mysql
from gankit_tabular.data.sources import read_table


def query_table(source, query):
    return read_table(source, query=query)[0]


SECRET = "s3c/r@t:x"  # with characters that end a part of an address

pa = pytest.importorskip("pyarrow")
pymysql = pytest.importorskip("pymysql")


# --- Without a server ---------------------------------------------------------------------------


def test_addresses(monkeypatch):
    assert is_database("mysql://h/x")
    assert is_database("mariadb://h/x")
    found = _arguments(f"mysql://me:{SECRET}@db.example.org:3307/people")
    assert found["password"] == SECRET
    assert (found["user"], found["host"], found["port"]) == ("me", "db.example.org", 3307)
    assert _arguments("mysql://me:a%20b@[::1]/x%20y")["database"] == "x y"
    assert _arguments("mysql://me:a%20b@[::1]/x")["password"] == "a b"
    monkeypatch.setenv("MYSQL_PWD", "from outside")
    assert _arguments("mariadb://me@h/x")["password"] == "from outside"
    assert _arguments("mariadb://h/x")["user"] is None
    assert _arguments("mysql://me@h/x?ssl_ca=/a/b.pem")["ssl_ca"] == "/a/b.pem"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"mysql://me:{SECRET}@host", "is not a database address"),
        (f"mysql://me:{SECRET}@host:port/x", "is not a database address"),
        (f"mysql://me:{SECRET}@host/x?charset=latin1", "no option charset"),
        (f"mysql://me:{SECRET}@127.0.0.1:9/x", "connect"),
    ],
)
def test_errors_do_not_show_the_password(address, message):
    with pytest.raises(GankitError, match=message) as failed:
        query_table(address, "select 1")
    assert "s3c" not in str(failed.value)
    assert "r@t" not in str(failed.value)


def test_values_become_columns():
    whole = [_array(v, pa.int64()) for v in ([], [1, None], [b"\x01\x02"], [2**64 - 1])]
    joined = _joined(whole)
    assert joined.type == pa.uint64()
    assert joined.to_pylist() == [1, None, 258, 2**64 - 1]
    assert _joined(whole[:3]).type == pa.int64()
    assert _array([b"\xff\x00", None], pa.string()).to_pylist() == ["ff00", None]
    day = datetime.date(2024, 2, 29)
    assert _array([day, "0000-00-00"], pa.date32()).to_pylist() == [day, None]


# --- With a server ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a temporary server, on a port of the loopback."""
    daemon = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    setup = shutil.which("mariadb-install-db")
    if daemon is None or setup is None:
        pytest.skip("no MariaDB server is installed (Debian: mariadb-server)")
    folder = tmp_path_factory.mktemp("mariadb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    who = ["--user=root"] if os.geteuid() == 0 else []
    where = ["--no-defaults", f"--datadir={folder}/data", *who]
    try:
        subprocess.run(
            [setup, *where, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.skip(f"MariaDB cannot be set up here: {error}")
    local = [f"--socket={folder}/s", f"--port={port}", "--bind-address=127.0.0.1"]
    small = ["--innodb-buffer-pool-size=16M", f"--pid-file={folder}/pid"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([daemon, *where, *local, *small], stdout=log, stderr=log)
    try:
        _wait_for(process, folder / "s")
        with closing(pymysql.connect(unix_socket=f"{folder}/s", user="root")) as connection:
            cursor = connection.cursor()
            cursor.execute("create database people character set utf8mb4")
            cursor.execute("create user gan@'127.0.0.1' identified by %s", (SECRET,))
            cursor.execute("grant all on people.* to gan@'127.0.0.1'")
        yield f"mysql://gan:{SECRET}@127.0.0.1:{port}/people"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], place: Path) -> None:
    for _ in range(300):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(place)) == 0:
                return
        assert process.poll() is None, "the server exited"
        time.sleep(0.1)
    raise TimeoutError("the server does not respond")


def execute(server: str, *statements: str) -> None:
    with closing(pymysql.connect(**_arguments(server), autocommit=True)) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def test_every_type(server):
    execute(
        server,
        "set sql_mode = ''",
        "create table kinds (id int unsigned, big bigint unsigned, price decimal(12, 3),"
        " x double, yes bool, bits bit(9), day date, at datetime(6), took time, y year,"
        " mood enum('good', 'bad'), name varchar(40), doc json, raw varbinary(4), note text)",
        "insert into kinds values (4294967295, 18446744073709551615, -12345.678, 0.1, true,"
        " b'100000001', '2024-02-29', '2024-02-29 12:34:56.789012', '-26:00:01', 2031, 'bad',"
        " 'Zoë 🦉 \"q\"', '{\"a\": [1, null]}', x'00ff', ''),"
        " (0, 0, 0, -1e300, false, 0, '0000-00-00', null, null, null, null, '', null, null, null)",
    )
    table = query_table(server, "select * from kinds")
    other, row = table.to_pylist()
    assert row == {
        "id": 2**32 - 1,
        "big": 2**64 - 1,
        "price": -12345.678,
        "x": 0.1,
        "yes": 1,
        "bits": 257,
        "day": datetime.date(2024, 2, 29),
        "at": datetime.datetime(2024, 2, 29, 12, 34, 56, 789012),
        "took": -datetime.timedelta(hours=26, seconds=1),
        "y": 2031,
        "mood": "bad",
        "name": 'Zoë 🦉 "q"',
        "doc": '{"a": [1, null]}',
        "raw": "00ff",
        "note": "",
    }
    assert other["name"] == ""
    assert other["x"] == -1e300
    assert [k for k, v in other.items() if v is None] == [
        *("day", "at", "took", "y", "mood", "doc", "raw", "note")
    ]
    # Types do not depend on the rows.
    empty = read_mysql(server, "select * from kinds where false")
    assert {f.name: f.type for f in empty.schema} == {
        f.name: pa.int64() if f.name == "big" else f.type for f in table.schema
    }


def test_many_rows_are_sorted(server):
    query = "select seq as n, seq % 7 as d from seq_1_to_25000 order by d, n desc"
    table = query_table(server, query)
    assert table["n"].to_pylist() == list(range(1, 25_001))


def test_nothing_is_written(server):
    execute(server, "create table kept (n int)", "insert into kept values (1), (2)")
    for query in ("delete from kept", "insert into kept values (3)", "drop table kept"):
        with pytest.raises(GankitError, match="READ ONLY|returns no rows"):
            query_table(server, query)
    assert query_table(server, "select * from kept").num_rows == 2


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from peeple", "Table 'people.peeple' doesn't exist"),
        ("selekt 1", "SQL syntax"),
        ("set @a = 1", "the query returns no rows"),
        ("select 1 as a, 2 as a", "two columns named 'a'"),
        ("select 1; select 2", "SQL syntax"),
    ],
)
def test_failing_queries(server, query, message):
    with pytest.raises(GankitError, match=message) as failed:
        query_table(server, query)
    assert "s3c" not in str(failed.value)


def test_a_wrong_password(server):
    with pytest.raises(GankitError, match="Access denied for user 'gan'") as failed:
        read_table(server.replace(SECRET, "wr0ng"), query="select 1")
    assert "wr0ng" not in str(failed.value)


def test_a_run_keeps_no_password(server, tmp_path, gankit_here, monkeypatch):
    execute(
        server,
        "create table staff (age int, city varchar(20), pay decimal(8, 2))",
        "insert into staff select seq % 50, if(seq % 3, 'Oslo', null), seq / 4 from seq_1_to_200",
    )
    small = ["hidden=8", "train.samples=64", "train.batch=16", "train.threads=1"]
    train = ["train", "--plugin", "tabular", "--data", server, "query=select * from staff"]
    done = gankit_here(*train, "--out", "run", *small)
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    record = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert record["data"]["source"].startswith("mysql://gan@127.0.0.1")
    for word, code in ((SECRET, 0), ("wr0ng", 2)):
        monkeypatch.setenv("MYSQL_PWD", word)
        again = gankit_here("evaluate", "run", "-n", 5, "--metrics", "coverage")
        assert again.returncode == code, again.stderr
        assert "Traceback" not in again.stderr
        assert word not in again.stderr + again.stdout
