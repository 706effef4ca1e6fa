"""Files at addresses: listed, read in parts, copied, with what can go wrong in one line."""

from __future__ import annotations

import os
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web import serving

from gankit.errors import GankitError, without_password
from gankit.kit import copies, remote
from gankit.kit.copies import fits, local_copy
from gankit.kit.remote import Remote, is_remote

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "PAUSES", (0.01,) * 3)
    site = tmp_path / "site"
    (site / "in").mkdir(parents=True)
    (site / "a.bin").write_bytes(CONTENT)
    for name in ("x-0.csv", "x-1.csv", "x-2.csv", "notes.txt"):
        (site / "in" / name).write_text(f"{name}\n")
    with serving(site) as server:
        yield server


@pytest.fixture
def memory(tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    files = fsspec.filesystem("memory")
    files.pipe({"/box/in/x-0.csv": b"0\n", "/box/in/x-1.csv": b"1\n", "/box/a.bin": CONTENT})
    yield files
    files.rm("/box", recursive=True)


def names(address):
    return [file.name for file in Remote(address).files]


def error(address):
    with pytest.raises(GankitError) as caught:
        Remote(address)
    return str(caught.value)


def test_a_part_of_a_file_is_read_and_no_more(web):
    found = Remote(web.address("a.bin"))
    assert found.single
    assert found.dated
    assert found.total == len(CONTENT)
    assert found.read(found.files[0], 1000, 2000) == CONTENT[1000:2000]
    assert web.moved == 1000
    parts = [(found.files[0], i, i + 7) for i in range(0, 700, 7)]
    assert b"".join(found.read_many(parts)) == CONTENT[:700]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("in/x-{0..1}.csv", ["x-0.csv", "x-1.csv"]),
        ("in/{x-2.csv,notes.txt}", ["notes.txt", "x-2.csv"]),
        ("in/x-*.csv", ["x-0.csv", "x-1.csv", "x-2.csv"]),
        ("in/", ["notes.txt", "x-0.csv", "x-1.csv", "x-2.csv"]),
        ("in/x-0.csv?version=2", ["x-0.csv"]),
    ],
)
def test_several_files_on_the_web(web, address, expected):
    assert names(web.address(address)) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("memory://box/", ["a.bin", "in/x-0.csv", "in/x-1.csv"]),
        ("memory://box/in", ["x-0.csv", "x-1.csv"]),
        ("memory://box/*/x-*.csv", ["x-0.csv", "x-1.csv"]),
        ("memory://box/in/x-{1,0}.csv", ["x-0.csv", "x-1.csv"]),
    ],
)
def test_several_files_of_a_file_system(memory, address, expected):
    assert names(address) == expected
    folder = local_copy(Remote(address))
    assert all((folder / name).read_bytes() for name in expected)


def test_local_addresses_are_not_copied(tmp_path):
    (tmp_path / "a.csv").write_text("1\n")
    assert local_copy(Remote((tmp_path / "a.csv").as_uri())) == tmp_path / "a.csv"


def test_a_killed_connection_is_tried_again(web):
    found = Remote(web.address("a.bin"))
    web.kills, web.busy = 1, 1
    assert found.read(found.files[0], 0, 5000) == CONTENT[:5000]
    assert len([r for r in web.requests if r[0] == "GET"]) == 3


def test_a_connection_that_stays_dead_is_one_line(web):
    found = Remote(web.address("a.bin"))
    web.kills = 1000
    with pytest.raises(GankitError, match=r"a\.bin: no connection.* in 4 attempts.*it continues"):
        found.read(found.files[0], 0, 5000)


def test_a_copy_continues_where_it_was_interrupted(web, monkeypatch):
    monkeypatch.setattr(remote, "_PIECE", 2**16)
    found = Remote(web.address("a.bin"))
    web.kills = 0

    def stop(what, done, total):
        if done >= total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local_copy(found, stop)
    before, web.moved = web.moved, 0
    web.kills = 1
    assert local_copy(found).read_bytes() == CONTENT
    assert web.moved < len(CONTENT) - before + 2 * 2**16
    web.moved = 0
    assert local_copy(Remote(web.address("a.bin"))).read_bytes() == CONTENT
    assert web.moved == 0  # it is there already


def test_a_change_is_noticed(web):
    before = Remote(web.address("a.bin"))
    first = local_copy(before)
    (web.root / "a.bin").write_bytes(CONTENT[::-1])
    os.utime(web.root / "a.bin", (1, 1))
    after = Remote(web.address("a.bin"))
    assert after.fingerprint != before.fingerprint
    assert local_copy(after).read_bytes() == CONTENT[::-1]
    assert first.read_bytes() == CONTENT


def test_a_server_without_ranges(web):
    web.ranges = False
    found = Remote(web.address("a.bin"))
    assert not found.has_ranges(found.files[0])
    with pytest.raises(GankitError, match=r"whole files only.*data\.remote=copy"):
        found.read(found.files[0], 5, 10)
    assert local_copy(found).read_bytes() == CONTENT


def test_passwords_open_and_are_not_shown(web):
    web.password = "me:s3cret"
    assert "access denied (401). Put user and password" in error(web.address("a.bin"))
    found = Remote(web.address("a.bin").replace("//", "//me:s3cret@"))
    assert found.read(found.files[0], 0, 3) == CONTENT[:3]
    assert found.shown == web.address("a.bin")
    assert "s3cret" not in repr(found.files) + found.fingerprint + str(local_copy(found))
    wrong = web.address("a.bin").replace("//", "//me:wrong-1@")
    assert "wrong-1" not in error(wrong)


def test_it_may_go_to_another_process(web):
    found = deepcopy(Remote(web.address("a.bin")))  # as pickling does
    assert found.read(found.files[0], 0, 3) == CONTENT[:3]


def test_what_is_not_there(web, memory):
    assert error(web.address("b.bin")).endswith("b.bin: nothing is there. Check the address")
    assert "nothing is there" in error(web.address("in/y-*.csv"))
    assert "nothing is there" in error("memory://nowhere/x.csv")
    assert "no connection" in error("http://127.0.0.1:9/x.csv")


def test_packages_that_are_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name != "fsspec" else 1)
    assert "need s3fs, which is not installed. pip install s3fs" in error("s3://bucket/a.csv")
    assert "pip install 'gankit[remote]'" in error("https://example.org/a.csv")


def test_addresses_that_take_no_password(monkeypatch):
    monkeypatch.setattr("gankit.kit.remote_errors.missing_package", lambda *_: None)
    assert "gs:// addresses take no user" in (found := error("gs://me:s3cret@bucket/a.csv"))
    assert "s3cret" not in found


def test_data_that_is_not_copied_unasked(memory, monkeypatch):
    found = Remote("memory://box/a.bin")
    assert fits(found)
    monkeypatch.setattr(copies, "MOST", 10)
    assert not fits(found)


def test_without_a_cache_the_copy_is_temporary(memory, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", "")
    assert local_copy(Remote("memory://box/a.bin")).read_bytes() == CONTENT


SECRETS = [
    ("https://me:pw@host:80/a@b.tar", "https://host:80/a@b.tar"),
    ("--data=https://me:pw@host/x", "--data=https://host/x"),
    ("http://127.0.0.1:8000/x@y.tar", "http://127.0.0.1:8000/x@y.tar"),
    (
        "https://h/a?X-Amz-Signature=ab&X-Amz-Date=2&file=a.tar",
        "https://h/a?X-Amz-Date=2&file=a.tar",
    ),
    ("https://h/a.tar?sig=1&token=3", "https://h/a.tar"),
    ("https://h/a?k=0123456789abcdef0123456789abcdef&v=2", "https://h/a?v=2"),
    ("s3://AK:SEC/RET@bucket/x.csv", "s3://bucket/x.csv"),
    ("hf://datasets/me/it@main/x.parquet", "hf://datasets/me/it@main/x.parquet"),
    ("postgresql://me:se@cret@host/x", "postgresql://me@host/x"),
]


@pytest.mark.parametrize(("address", "shown"), SECRETS)
def test_secrets_are_left_out(address, shown):
    assert without_password(address) == shown
    assert without_password(shown) == shown


@given(st.text(st.characters(categories=["L", "N"]), min_size=6), st.sampled_from(["s3", "https"]))
def test_no_password_is_left(password, scheme):
    assert f":{password}@" not in without_password(f"{scheme}://user:{password}@host/x.csv")
    assert password not in without_password(f"{scheme}://h/?token={password}").partition("//h")[2]


def test_what_is_an_address_of_files():
    assert all(map(is_remote, ("s3://bucket/a", "HTTPS://h/a", "memory://a")))
    assert not any(map(is_remote, ("a.csv", "postgresql://h/x", "s3:/bucket", None, 3)))
