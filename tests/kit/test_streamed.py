"""Tar shards at addresses: the same files as on disk, by range requests, indexed once."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web import serving

from gankit.errors import GankitError
from gankit.kit.archives import TarArchive, UnreadableError
from gankit.kit.remote import Remote
from gankit.kit.streamed import FAR, RangeFile, remote_tree

fsspec = pytest.importorskip("fsspec")
MOST = 2**24
BIG = bytes(range(256)) * 16000
FILES = {
    **{f"a/{i:04}.png": bytes([i]) * (50 + i) for i in range(40)},
    **{f"a/{i:04}.cls": str(i % 3).encode() for i in range(40)},
    f"{'long/' * 40}name.png": b"deep",
    "big.png": BIG,
    "last.png": b"last",
}


def tar(files, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "d-0.tar").write_bytes(tar(FILES))
    with serving(tmp_path / "site") as server:
        yield server


def opened(address):
    remote = Remote(address)
    return remote_tree(remote, [file.name for file in remote.files], MOST)


@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(-1, 20_000)), max_size=12))
def test_a_range_file_reads_as_a_file(parts):
    content = bytes(range(251)) * 200
    fsspec.filesystem("memory").pipe("/range/a.bin", content)
    remote = Remote("memory://range/a.bin")
    file, plain = RangeFile(remote, remote.files[0]), io.BytesIO(content)
    for start, size in parts:
        assert file.seek(start) == plain.seek(start)
        assert file.read(size) == plain.read(size)
        assert file.tell() == plain.tell() or start > len(content)


def test_the_same_files_as_on_disk(web):
    here, there = TarArchive(web.root / "d-0.tar", MOST), opened(web.address("d-0.tar"))
    assert there.names == here.names == sorted(FILES)
    assert {name: there.read(name) for name in there.names} == FILES
    with pytest.raises(UnreadableError, match="no such file"):
        there.read("nope.png")


def test_large_files_are_passed_over(web):
    opened(web.address("d-0.tar"))
    assert web.moved < len(BIG) / 2


def test_headers_are_read_once(web):
    opened(web.address("d-0.tar"))
    web.requests.clear()
    there = opened(web.address("d-0.tar"))
    assert [method for method, *_ in web.requests] == ["HEAD"]
    assert there.read("a/0007.cls") == b"1"  # kept with the index
    assert [method for method, *_ in web.requests] == ["HEAD"]
    assert there.read("a/0007.png") == FILES["a/0007.png"]
    index = next((web.root.parent / "cache" / "remote-index").iterdir())
    index.write_text('{"members": 3}')
    assert opened(web.address("d-0.tar")).names == sorted(FILES)


def test_shards_with_the_same_names(web):
    (web.root / "d-1.tar").write_bytes(tar({"a/0000.png": b"another"}))
    there = opened(web.address("d-{0..1}.tar"))
    assert there.read("d-1.tar/a/0000.png") == b"another"
    assert there.read("d-0.tar/a/0000.png") == FILES["a/0000.png"]


def test_an_archive_that_is_cut_off(web):
    (web.root / "d-0.tar").write_bytes(tar(FILES)[: 20 * 1024 + 700])
    there = opened(web.address("d-0.tar"))
    assert 0 < len(there.names) < len(FILES)
    assert any("cut off" in issue.reason or "damaged" in issue.reason for issue in there.issues)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(tar(FILES), mtime=0), "a compressed archive cannot be read in parts"),
        (b"no archive at all" * 100, "not a readable tar archive"),
    ],
)
def test_what_cannot_be_read_in_parts(web, content, message):
    (web.root / "d-0.tar").write_bytes(content)
    with pytest.raises(GankitError, match=message) as caught:
        opened(web.address("d-0.tar"))
    assert web.address("d-0.tar") in caught.value.message


def test_single_files(web):
    (web.root / "one").mkdir()
    for name in ("x.png", "y.png"):
        (web.root / "one" / name).write_bytes(name.encode() * FAR)
    there = opened(web.address("one/"))
    assert {name: there.read(name)[:5] for name in there.names} == {
        "x.png": b"x.png", "y.png": b"y.png",
    }  # fmt: skip
    with pytest.raises(UnreadableError, match="larger than 9 bytes"):
        remote_tree(Remote(web.address("one/")), ["x.png"], 9).read("x.png")
