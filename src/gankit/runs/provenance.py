"""Marks what is generated as generated. Every output passes through :func:`write_generated`."""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
import operator
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gankit.contract import Modality, Provenance, Sample
from gankit.errors import GankitError, PluginError, without_password
from gankit.plugins.registry import Plugins
from gankit.plugins.write_guard import confined

RECORD = "provenance.json"


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def software() -> str:
    return f"gankit {version('gankit')}"


def versions(*distributions: str) -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"python": platform.python_version()}
    for name in ("gankit", "torch", "numpy", *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a plugin that is checked where it lies
            found[name] = "not installed"
    return found


def command_line() -> list[str]:
    """The words of this process's command, without the path of the program."""
    return [Path(sys.argv[0]).name, *map(without_password, sys.argv[1:])]


def write_generated(
    modality: Modality[Any],
    samples: Iterable[Sample[Any]],
    target: Path,
    *,
    format: str,
    run: str,
    record: Mapping[str, Any],
    plugins: Plugins,
    overwrite: bool = False,
    between: tuple[int, int] | None = None,
    finish: Callable[[dict[str, Any]], None] = lambda full: None,
) -> dict[str, Any]:
    """Writes generated items with their marks; the folder appears whole or not at all.

    Args:
        target: the folder to make.
        format: one of ``modality.formats``.
        run: name of the run that generated.
        between: the seeds between which it interpolated, if it did.
        finish: completes the record once everything is written.
        record: what else ``provenance.json`` should say (seeds, conditions, fingerprint).

    Returns:
        What ``provenance.json`` says.

    Raises:
        GankitError: the target exists, the format is unknown, or the disk does not let us write.
    """
    if format not in modality.formats:
        raise GankitError(
            f"cannot write format {format!r}", f"Known: {', '.join(modality.formats)}"
        )
    refuse_existing(target, overwrite)
    target = Path(os.path.abspath(target))
    statement = Provenance(software(), run, now(), modality.source_type, between)
    aside = target.with_name(f".{target.name}.partial")
    count, plugin = _Counter(samples), str(record.get("plugin", type(modality).__name__))
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with confined(plugin, aside):
            counted = _counts(modality.write(count, aside, statement, format), plugin)
        full: dict[str, Any] = {
            "generated": True,
            "digital_source_type": statement.source_type,
            "software": statement.software,
            "created": statement.created,
            "run": run,
            "format": format,
            "count": count.seen,
            **({"counted": counted} if counted else {}),
            **record,
        }
        finish(full)
        plugins.call("gankit_outputs", folder=aside, record=copy.deepcopy(full))
        full["files"] = {
            p.relative_to(aside).as_posix(): _sha256(p)
            for p in sorted(aside.rglob("*"))
            if p.is_file()
        }
        (aside / RECORD).write_text(json.dumps(full, indent=1, ensure_ascii=False))
        if target.exists():
            shutil.rmtree(target)
        os.replace(aside, target)
    except OSError as error:
        raise GankitError(
            f"cannot write {target}: {error.strerror or error}",
            "Choose another --out, or make room",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return full


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Only what gankit generated is ever overwritten, and only when asked.

    Raises:
        GankitError: something is there already and may not be overwritten.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    record = target / RECORD
    try:
        generated = bool(json.loads(record.read_text(encoding="utf-8"))["generated"])
    except (OSError, ValueError, KeyError, TypeError):
        generated = False
    if not generated or target.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise GankitError(
            f"{target} exists already, and is no folder that gankit generated",
            "Choose another --out",
        )
    if not overwrite:
        raise GankitError(f"{target} exists already", "Choose another --out, or add --overwrite")


def _counts(found: object, plugin: str) -> dict[str, int]:
    """What a plugin counted, as plain numbers by name.

    Raises:
        PluginFault: one is no whole number.
    """
    if not isinstance(found, Mapping):
        return {}  # so that a plugin whose write gave something before it could count still works
    try:
        return {str(name): operator.index(n) for name, n in found.items()}
    except TypeError:
        raise PluginError(plugin, f"its write counted {dict(found)}, no whole numbers") from None


class _Counter:
    """Passes a stream on and counts it."""

    def __init__(self, samples: Iterable[Sample[Any]]) -> None:
        self.samples, self.seen = samples, 0

    def __iter__(self) -> Iterator[Sample[Any]]:
        for sample in self.samples:
            self.seen += 1
            yield sample


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
