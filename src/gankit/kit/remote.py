"""Files at addresses, by fsspec: ``https://``, ``s3://``, ``gs://``, ``hf://`` and others.

Needs ``pip install 'gankit[remote]'`` and, but for the web, fsspec's package of the scheme. The
network is used for addresses that the user typed only. Secrets in an address stay in this process:
what is shown or stored is :attr:`Remote.shown`.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import posixpath
import re
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gankit.errors import ADDRESS, GankitError, without_password
from gankit.kit import remote_errors
from gankit.kit.folders import visible
from gankit.kit.remote_errors import NoRangesError, ShortError

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further attempt."""
TOGETHER = 16
"""Requests under way at once."""
MOST_FILES = 1_000_000
"""Files at an address."""
SILENCE = 60
"""Seconds without a byte after which a connection counts as broken."""

_BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")
_GLOB = re.compile(r"[*\[]")

T = TypeVar("T")
R = TypeVar("R")
_filesystems: dict[tuple[Any, ...], Any] = {}


def is_remote(source: object) -> bool:
    """Whether a source of data is an address of files; those of databases are not."""
    return isinstance(source, str) and ADDRESS.match(source) is not None


@dataclass(frozen=True)
class RemoteFile:
    """A file at an address.

    Attributes:
        name: relative to the data set, with slashes.
        path: for fsspec; may have secrets.
        size: in bytes; None where the server does not say it.
        version: the server's ETag, or when it was changed; empty where neither is known.
    """

    name: str
    path: str = field(repr=False)
    size: int | None
    version: str


class Remote:
    """The files at an address, listed when this is created.

    May be sent to other processes, and used from several threads.

    Args:
        address: a file; a folder, with a slash at its end; several files with ``{000..099}``,
            ``{a,b}`` or, where the server lists files, ``*``.

    Raises:
        GankitError: a package is missing; nothing is there; it cannot be reached or entered.
    """

    def __init__(self, address: str) -> None:
        found = ADDRESS.match(address)
        assert found is not None, "see is_remote"
        self.shown = without_password(address)
        self.scheme = found.group(1).lower()
        if error := remote_errors.missing_package(self.scheme, self.shown):
            raise error
        self._options, plain = _without_userinfo(self.scheme, address, self.shown)
        names = [plain] if self._is_web and not _BRACES.search(plain) else list(_braces(plain))
        self.single = len(names) == 1 and not _GLOB.search(self._path_of(names[0]))
        found_files = self._tried(lambda: self._list(names))
        self.single = self.single and len(found_files) == 1 and not plain.endswith("/")
        self.files: Sequence[RemoteFile] = found_files
        if not self.files:
            raise GankitError(f"{self.shown}: no files there", "Check the address")

    @property
    def _is_web(self) -> bool:
        return self.scheme in ("http", "https")

    @property
    def total(self) -> int | None:
        """Bytes of all files; None where one is unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(s for s in sizes if s is not None)

    @property
    def fingerprint(self) -> str:
        """A hash of names, sizes and versions. The content is not read for it."""
        lines = [f"{f.name}\0{f.size}\0{f.version}" for f in self.files]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    @property
    def dated(self) -> bool:
        """Whether the server says versions and sizes of all files, so that a change is noticed."""
        return all(file.version and file.size is not None for file in self.files)

    def read(self, file: RemoteFile, start: int, end: int) -> bytes:
        """Bytes of a file.

        Raises:
            GankitError: they cannot be read, also after several attempts.
        """

        shown = self._name(file)

        def once() -> bytes:
            data = self._range(file, start, end)
            if len(data) < end - start:
                raise ShortError(f"only {start + len(data):,} of {file.size or end:,} bytes came")
            return data

        return self._tried(once, shown)

    def read_many(self, parts: Sequence[tuple[RemoteFile, int, int]]) -> list[bytes]:
        """Several ranges, requested together where fsspec's package allows it."""
        return list(self.mapped(lambda part: self.read(*part), parts))

    def mapped(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in order, of calls that wait for the server together."""
        if not self.filesystem.async_impl:
            yield from map(function, items)
            return
        pool = ThreadPoolExecutor(TOGETHER)
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)

    def download(self, file: RemoteFile, target: str, moved: Callable[[int], None]) -> None:
        """Copies a file; a target that exists is continued where that is possible.

        Args:
            moved: called with the number of bytes that came.
        """
        size = file.size
        if size is None or (self._is_web and not self.has_ranges(file)):
            self._tried(lambda: self.filesystem.get_file(file.path, target), self._name(file))
            came = os.path.getsize(target)
            if size is not None and came != size:
                error = ShortError(f"only {came:,} of {size:,} bytes came")
                raise remote_errors.failed(error, self.scheme, self._name(file))
            moved(came)
            return
        with open(target, "ab") as out:
            if out.tell() > size:
                out.truncate(0)
            moved(at := out.tell())
            while at < size:
                data = self.read(file, at, min(at + _PIECE, size))
                out.write(data)
                at += len(data)
                moved(len(data))
        info = self._tried(lambda: self.filesystem.info(file.path), self._name(file))
        now = _version(info) if self._is_web else file.version  # listings may word it otherwise
        if (_size(info), now) != (size, file.version):
            os.unlink(target)
            raise GankitError(
                f"{self._name(file)}: it changed while it was copied", "Run the same command again"
            )

    def has_ranges(self, file: RemoteFile) -> bool:
        """Whether the server can send a part of a file."""
        if not self._is_web or not file.size or file.size < 2:
            return not self._is_web or file.size is not None

        def once() -> bool:
            try:
                self._range(file, 1, 2)
            except NoRangesError:
                return False
            return True

        return self._tried(once)

    # --- fsspec ---------------------------------------------------------------------------------

    @property
    def filesystem(self) -> Any:
        """fsspec's, one a process: its connections do not survive a fork."""
        key = (os.getpid(), self.scheme, *sorted(map(repr, self._options.items())))
        if key not in _filesystems:
            import fsspec

            _filesystems[key] = fsspec.filesystem(self.scheme, **self._options)
        return _filesystems[key]

    def _range(self, file: RemoteFile, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        if not self._is_web:
            return bytes(self.filesystem.cat_file(file.path, start=start, end=end))
        try:  # unlike cat_file, this notices a server that answers with the whole file
            with self.filesystem.open(
                file.path, "rb", size=file.size or end, cache_type="none"
            ) as opened:
                opened.seek(start)
                return bytes(opened.read(end - start))
        except ValueError as error:
            if "range requests" in str(error):
                raise NoRangesError from None
            raise

    def _tried(self, action: Callable[[], T], shown: str = "") -> T:
        for attempt, pause in enumerate((*PAUSES, None), 1):
            try:
                return action()
            except GankitError:
                raise
            except Exception as error:  # noqa: BLE001 - every package has its own
                if pause is None or not remote_errors.is_broken(error):
                    raise remote_errors.failed(
                        error, self.scheme, shown or self.shown, attempt
                    ) from None
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _list(self, addresses: Sequence[str]) -> list[RemoteFile]:
        found: dict[str, dict[str, Any]] = {}
        for info in self.mapped(self._infos, addresses):
            found |= info
            if len(found) > MOST_FILES:
                raise GankitError(
                    f"{self.shown}: more than {MOST_FILES:,} files", "Pack them into .tar shards"
                )
        paths = list(found)
        root = _common_folder(paths)
        files = []
        for path in paths:
            name = urllib.parse.unquote(path[len(root) :]) if self._is_web else path[len(root) :]
            name = name.partition("?")[0] if self._is_web else name
            if visible(name):
                files.append(RemoteFile(name, path, _size(found[path]), _version(found[path])))
        return sorted(files, key=lambda file: file.name)

    def _infos(self, address: str) -> dict[str, dict[str, Any]]:
        """What the file system says of each file at an address without braces, by path."""
        files = self.filesystem
        path = files._strip_protocol(address)
        if _GLOB.search(self._path_of(address)):
            found = files.glob(path, detail=True)
            if not found:
                raise FileNotFoundError(path)
        elif address.endswith("/"):
            below = files.find(path.rstrip("/") + "/" if self._is_web else path, detail=True)
            found = {p: i for p, i in below.items() if not self._is_web or not re.search("[?#]", p)}
        else:
            info = files.info(path)
            if info.get("type") != "directory":
                return {path: info}
            found = files.find(path, detail=True)
        found = {p: info for p, info in found.items() if info.get("type") != "directory"}
        if self._is_web:  # a listing has names only
            found = dict(zip(found, self.mapped(files.info, found), strict=True))
        return found

    def _name(self, file: RemoteFile) -> str:
        """A file in messages."""
        return self.shown if self.single else f"{self.shown}, {file.name}"

    def _path_of(self, address: str) -> str:
        return address.partition("?")[0] if self._is_web else address


_PIECE = 2**23
"""Bytes that are requested together when a file is copied."""


def _without_userinfo(scheme: str, address: str, shown: str) -> tuple[dict[str, Any], str]:
    """fsspec's options for an address, and the address for it."""
    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=SILENCE)
        # Compressed on the way, a part of a file would be a part of something else.
        options["headers"] = {"Accept-Encoding": "identity"}
        options["client_kwargs"] = {"timeout": timeout, "trust_env": True}
        options["encoded"] = "%" in address
        return options, address
    host = re.match(r"\w+://([^/]*)@", address)
    if host is None or scheme in ("ftp", "sftp", "ssh", "hf"):
        return options, address
    if remote_errors.group(scheme) != "s3" or ":" not in host.group(1):
        raise GankitError(
            f"{shown}: {scheme}:// addresses take no user or password",
            remote_errors.ACCESS.get(remote_errors.group(scheme), "Leave them out"),
        )
    key, _, secret = host.group(1).partition(":")
    options |= {"key": urllib.parse.unquote(key), "secret": urllib.parse.unquote(secret)}
    return options, re.sub(r"^(\w+://)[^/]*@", r"\1", address)


def _braces(address: str) -> Iterator[str]:
    """``a{00..02}`` as ``a00``, ``a01`` and ``a02``; ``{x,y}`` as ``x`` and ``y``."""
    found = _BRACES.search(address)
    if found is None:
        yield address
        return
    low, high, listed = found.groups()
    if listed is None:
        count = int(high) - int(low) + 1
        if not 0 < count <= MOST_FILES:
            raise GankitError(
                f"{without_password(address)}: {{{low}..{high}}} is {max(count, 0):,} files",
                f"Use 1 to {MOST_FILES:,}",
            )
        parts: Iterable[str] = (str(n).zfill(len(low)) for n in range(int(low), int(high) + 1))
    else:
        parts = listed.split(",")
    for part, rest in itertools.product(parts, list(_braces(address[found.end() :]))):
        yield address[: found.start()] + part + rest


def _common_folder(paths: Sequence[str]) -> str:
    folders = [posixpath.dirname(path.partition("?")[0]) for path in paths]
    if not folders:
        return ""
    first, last = min(folders).split("/"), max(folders).split("/")
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(f"{part}/" for part, _ in same)


def _size(info: dict[str, Any]) -> int | None:
    size = info.get("size")
    return int(size) if isinstance(size, int | float) else None


def _version(info: dict[str, Any]) -> str:
    """The version of a file, whatever its system calls it."""
    for key in ("ETag", "etag", "blob_id", "generation", "md5Hash", "checksum", "LastModified",
                "Last-Modified", "last_modified", "mtime", "created", "updated"):  # fmt: skip
        if found := info.get(key):
            return f"{key} {found.isoformat() if hasattr(found, 'isoformat') else found}"
    return ""
