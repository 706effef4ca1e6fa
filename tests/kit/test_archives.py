"""Zip archives are read in memory, within limits."""

from __future__ import annotations

import zipfile

import pytest

from gankit.errors import GankitError
from gankit.kit import archives
from gankit.kit.archives import UnreadableError, ZipArchive

LIMIT = 1000


def packed(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def test_names_are_sorted_and_hidden_ones_left_out(tmp_path):
    files = {"b/2.txt": b"2", "a/1.txt": b"1", ".hidden": b"", "__MACOSX/a/1.txt": b"", "d/": b""}
    archive = ZipArchive(packed(tmp_path / "a.zip", files), LIMIT)
    assert archive.names == ["a/1.txt", "b/2.txt"]
    assert archive.read("a/1.txt") == b"1"


@pytest.mark.parametrize("name", ["../up.txt", "a/../../up.txt"])
def test_names_that_lead_out_of_the_archive_are_left_out(tmp_path, name):
    archive = ZipArchive(packed(tmp_path / "a.zip", {name: b"x", "in.txt": b"y"}), LIMIT)
    assert archive.names == ["in.txt"]
    with pytest.raises(UnreadableError, match="no such file"):
        archive.read(name)


def test_what_is_not_an_archive_is_an_error_with_its_path(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    with pytest.raises(GankitError, match=r"a\.zip: not a readable zip archive"):
        ZipArchive(tmp_path / "a.zip", LIMIT)


@pytest.mark.parametrize(("limit", "value"), [("MAX_ARCHIVE", 9), ("MAX_MEMBERS", 1)])
def test_an_archive_beyond_the_limits_is_refused(tmp_path, monkeypatch, limit, value):
    path = packed(tmp_path / "a.zip", {"a": b"12345", "b": b"12345"})
    ZipArchive(path, LIMIT)
    monkeypatch.setattr(archives, limit, value)
    with pytest.raises(GankitError, match="would unpack to 2 files and 10 bytes"):
        ZipArchive(path, LIMIT)


def test_a_member_beyond_the_limit_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"a": b"0" * (LIMIT + 1), "b": b"0" * LIMIT})
    archive = ZipArchive(path, LIMIT)
    assert len(archive.read("b")) == LIMIT
    with pytest.raises(UnreadableError, match="unpacks to more than 1,000 bytes"):
        archive.read("a")


def test_a_member_that_states_a_false_size_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"a": b"0" * (LIMIT + 1)})
    archive = ZipArchive(path, LIMIT)
    archive._members["a"].file_size = 1
    with pytest.raises(UnreadableError):
        archive.read("a")


def test_a_damaged_member_is_named(tmp_path):
    path = packed(tmp_path / "a.zip", {"a": b"content" * 20}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"contentcontent", b"contentCONTENT", 1))
    archive = ZipArchive(path, LIMIT)
    with pytest.raises(UnreadableError, match="damaged in the archive"):
        archive.read("a")
    with pytest.raises(GankitError, match=r"a\.zip, a: damaged in the archive .* Pack the archive"):
        archive.read_required("a")


def test_an_encrypted_member_is_named(tmp_path):
    path = packed(tmp_path / "a.zip", {"a": b"content"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1  # the flag "encrypted"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="encrypted"):
        ZipArchive(path, LIMIT).read("a")
