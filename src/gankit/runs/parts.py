"""Generated output in parts: a folder with a file per range of samples, and one provenance record.

Each part is there whole or not at all, whoever makes it and when. The record is written first, so
that no synthetic file is without one; it holds the request, by which parts of two requests are told
apart, and it is completed by whoever makes the last part.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.kit.files import LARGEST_RECORD, json_bytes, read_json, write_json
from gankit.provenance.sealing import seal
from gankit.runs.provenance import RECORD
from gankit.runs.targets import Target, refuse_existing

PENDING = ".gankit.parts"
"""The folder with the records and locks of parts, until all are there."""
OWN = ("file", "seeds", "count", "counted", "items", "bytes", "sha256")
"""What the record of all has of each part."""


@dataclass(frozen=True)
class Part:
    """A file of samples."""

    number: int
    """From 1 on."""
    among: range
    """The numbers of its samples, from 0 on."""
    path: Path


@dataclass(frozen=True)
class Parts:
    """A folder of parts.

    Args:
        target: the folder.
        index: its record, as :meth:`started` wrote it.
    """

    target: Target
    index: Mapping[str, Any]

    @classmethod
    def started(cls, target: Target) -> Parts | None:
        """The folder as it is; None where there is none yet.

        Raises:
            GankitError: something else is there, or its record is damaged.
        """
        if not target.record.is_file():
            refuse_existing(target, overwrite=False)
            return None
        index = read_json(target.record, LARGEST_RECORD)
        if not index.get("generated") or "request" not in index:
            refuse_existing(target, overwrite=False)
            return None
        return cls(target, index)

    @classmethod
    def start(cls, target: Target, index: Mapping[str, Any]) -> Parts:
        """The folder with this record, or the one that another process started just now."""
        folder = target.path
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{RECORD}.{os.getpid()}.{os.urandom(4).hex()}"
        aside.write_bytes(json_bytes(index))
        try:
            os.link(aside, target.record)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            with contextlib.suppress(FileExistsError), target.record.open("xb") as file:
                file.write(json_bytes(index))
        finally:
            aside.unlink()
        return cls(target, read_json(target.record, LARGEST_RECORD))

    def __iter__(self) -> Iterator[Part]:
        """All parts in order; their sizes differ by one sample at most."""
        about = self.index["request"]
        n, count, ending = about["n"], about["parts"], self.index["ending"]
        for i in range(count):
            name = f"part-{i + 1:05d}-of-{count:05d}.{ending}"
            among = range(i * n // count, (i + 1) * n // count)
            yield Part(i + 1, among, self.target.path / name)

    def of(self, part: Part) -> Target:
        """Where a part is written."""
        packing = "tar" if self.index["ending"] == "tar" else ""
        record = self.target.path / PENDING / f"{part.path.name}.json"
        return replace(
            self.target, path=part.path, single_file=True, packing=packing, record_path=record
        )

    def record(self, part: Part) -> dict[str, Any] | None:
        """What is known of a part; None where it is not there.

        Raises:
            GankitError: it was changed since it was written.
        """
        found = next((p for p in self.index["parts"] if p["file"] == part.path.name), None)
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self.of(part).record.read_bytes())
        if found is None or "bytes" not in found or not part.path.is_file():
            return None
        if (size := part.path.stat().st_size) != found["bytes"]:
            raise GankitError(
                f"{part.path} has {size:,} bytes, and had {found['bytes']:,} when it was written",
                "Remove it: the same command makes it again",
            )
        return dict(found)

    @contextlib.contextmanager
    def making(self, part: Part) -> Iterator[Target]:
        """Where to write a part, for one process at a time.

        Raises:
            GankitError: another one is at it.
        """
        from filelock import FileLock, Timeout

        target = self.of(part)
        target.record.parent.mkdir(exist_ok=True)
        lock = FileLock(target.record.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise GankitError(
                f"another process is writing {part.path}",
                "Wait for it: the same part was started twice",
            ) from None
        try:
            yield target
        finally:
            lock.release()

    def made(self, part: Part, record: Mapping[str, Any]) -> None:
        """Notes that a part is whole."""
        (sha256,) = (s for name, s in record["files"].items() if name == part.path.name)
        size = part.path.stat().st_size
        known = {**record, "file": part.path.name, "bytes": size, "sha256": sha256}
        write_json(self.of(part).record, known)

    def finish(self) -> dict[str, Any] | None:
        """Completes the record, once all parts are there; None before."""
        from filelock import FileLock

        with FileLock(self.target.path / f"{PENDING}.lock") as lock:
            found = replace(self, index=read_json(self.target.record, LARGEST_RECORD))._finished()
        Path(lock.lock_file).unlink(missing_ok=True)
        return found

    def _finished(self) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = []
        for part in self:
            if (record := self.record(part)) is None:
                return None
            found.append(record)
        pending = self.target.path / PENDING
        if self.index["complete"] and not pending.exists():
            return dict(self.index)
        warnings = dict.fromkeys(w for r in (self.index, *found) for w in r.get("warnings", ()))
        full = {
            **self.index,
            "complete": True,
            "count": sum(record["count"] for record in found),
            **({"warnings": list(warnings)} if warnings else {}),
            "parts": [{key: r[key] for key in OWN if key in r} for r in found],
            "files": {record["file"]: record["sha256"] for record in found},
        }
        full = seal().record(full)
        write_json(self.target.record, full)
        shutil.rmtree(pending, ignore_errors=True)
        for left in self.target.path.glob(f".{RECORD}.*"):  # of processes that were killed
            left.unlink(missing_ok=True)
        return full


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[str]:
    """The keys in which two requests differ."""
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]
