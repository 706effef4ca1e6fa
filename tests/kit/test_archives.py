"""Archives are read in place, within limits."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import random
import stat
import tarfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

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


def test_an_archive_in_a_reference_cycle_is_closed(tmp_path):
    packed(tmp_path / "a.zip", {"a.txt": b"a"})
    archive = ZipArchive(tmp_path / "a.zip", 10)
    file = archive._zip.fp
    archive.itself, archive.member = archive, archive._zip.open("a.txt")
    del archive
    gc.collect()
    assert file.closed


def test_names_made_on_windows_and_by_programs_that_write_utf8_unsaid(tmp_path):
    path = packed(tmp_path / "a.zip", {"cat\\1.txt": b"1", "dog\\": b"", "./b.txt": b"2"})
    data = path.read_bytes()
    path.write_bytes(data)
    assert ZipArchive(path, LIMIT).names == ["b.txt", "cat/1.txt"]
    assert ZipArchive(path, LIMIT).read("cat/1.txt") == b"1"
    packed(path, {"dög.txt": b"1"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        data[data.index(signature) + offset] &= ~8  # the flag "UTF-8"
    path.write_bytes(data)
    assert ZipArchive(path, LIMIT).names == ["dög.txt"]


def test_what_is_left_out_of_an_archive_is_said(tmp_path):
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("../up.txt", "/root.txt", "C:/x.txt", "a.txt", "a.txt", link):
            file.writestr(name, "x")
    archive = ZipArchive(path, LIMIT)
    assert archive.names == ["a.txt"]
    reasons = {issue.location: issue.reason for issue in archive.issues}
    assert reasons == {
        "../up.txt": archives.UNSAFE,
        "/root.txt": archives.UNSAFE,
        "C:/x.txt": archives.UNSAFE,
        "a.txt": archives.TWICE,
        "link.txt": archives.LINK,
    }


def tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                archive.addfile(info)
    return path


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_tars_are_read_in_place(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    packing = {"tar": "w", "tgz": "w:gz"}.get(ending, f"w:{ending[4:]}")
    tar(path, {"./b/2.txt": b"two", "a/1.txt": b"one" * 200, ".x": b"", "d": (tarfile.DIRTYPE, "")},
        packing)  # fmt: skip
    archive = archives.open_archive(path, LIMIT)
    assert archive.names == ["a/1.txt", "b/2.txt"]
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(archive.read, archive.names * 50))
    assert contents == [b"one" * 200, b"two"] * 50


def test_what_is_left_out_of_a_tar_is_said(tmp_path):
    path = tar(tmp_path / "a.tar", {
        "../up.txt": b"", "/etc/x.txt": b"", "link.txt": (tarfile.SYMTYPE, "/etc/passwd"),
        "hard.txt": (tarfile.LNKTYPE, "ok.txt"), "device": (tarfile.CHRTYPE, ""), "ok.txt": b"1",
        "big.txt": bytes(LIMIT + 1), "ok.txt ": b"2",
    })  # fmt: skip
    archive = archives.TarArchive(path, LIMIT)
    assert archive.names == ["big.txt", "ok.txt", "ok.txt "]
    assert {i.location: i.reason for i in archive.issues} == {
        "../up.txt": archives.UNSAFE,
        "/etc/x.txt": archives.UNSAFE,
        "link.txt": archives.LINK,
        "hard.txt": archives.LINK,
        "device": "not a plain file in the archive: left out",
    }
    with pytest.raises(UnreadableError, match="larger than 1,000 bytes"):
        archive.read("big.txt")


def test_a_compressed_tar_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "UNDOUBTED", 2**20)
    path = tar(tmp_path / "a.tar.gz", {"zeros.txt": bytes(8 * 2**20)}, "w:gz")
    with pytest.raises(GankitError, match=r"a\.tar\.gz: refused, its .* bytes unpack to more than"):
        archives.TarArchive(path, 2**30)
    noise = tar(tmp_path / "b.tar.gz", {"noise.txt": os.urandom(4 * 2**20)}, "w:gz")
    assert archives.TarArchive(noise, 2**30).names == ["noise.txt"]


def test_a_tar_that_is_cut_off(tmp_path):
    path = tar(tmp_path / "a.tar", {f"{i}.txt": bytes([i]) * 600 for i in range(4)})
    path.write_bytes(path.read_bytes()[: 3 * 1536 + 700])
    archive = archives.TarArchive(path, LIMIT)
    assert archive.names == ["0.txt", "1.txt", "2.txt"]
    assert "cut off" in archive.issues[0].reason or "damaged" in archive.issues[0].reason
    (tmp_path / "b.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(GankitError, match=r"b\.tar: not a readable tar archive"):
        archives.TarArchive(tmp_path / "b.tar", LIMIT)


def test_mutated_archives_are_read_or_refused(tmp_path):
    rng, messages = random.Random(16), []
    files = {f"{c}/{i}.txt": rng.randbytes(40) for c in "ab" for i in range(3)}
    plain, packed_tar = tar(tmp_path / "a.tar", files), tar(tmp_path / "a.tgz", files, "w:gz")
    sources = [packed(tmp_path / "a.zip", files), plain, packed_tar]
    for path in sources:
        content = path.read_bytes()
        for _ in range(120):
            data = bytearray(content)
            for _ in range(rng.randint(1, 5)):
                i = rng.randrange(len(data))
                if rng.random() < 0.2:
                    del data[i:]
                    data += b" "
                else:
                    data[i] = rng.randrange(256)
            path.write_bytes(data)
            try:
                archive = archives.open_archive(path, LIMIT)
                for name in archive.names:
                    with contextlib.suppress(UnreadableError):
                        archive.read(name)
            except GankitError as error:
                messages.append(str(error))
    assert messages
    assert all(map(str.isprintable, messages))
