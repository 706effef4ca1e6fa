"""Writing generated items with their provenance, as a folder or as one file.

Everything generated passes through :func:`write_generated`.
"""

from __future__ import annotations

import contextlib
import copy
import json
import operator
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.contract import Codec, Provenance, Sample, Written
from gankit.errors import GankitError, PluginError
from gankit.kit.files import sha256
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import Plugins
from gankit.plugins.write_guard import confined
from gankit.runs.provenance import RECORD, now, software

SIDECAR = ".provenance.json"
"""Appended to a file's name for the record next to it."""


@dataclass(frozen=True)
class Target:
    """Where generated items go, and in what format."""

    path: Path
    format: str
    single_file: bool
    """Whether ``path`` is the one file to write; otherwise it is a folder to make."""

    @property
    def record(self) -> Path:
        """Where the provenance record is written."""
        if self.single_file:
            return self.path.with_name(self.path.name + SIDECAR)
        return self.path / RECORD


def resolve_target(
    plugin: LoadedModality, out: Path, format: str | None = None, default: str | None = None
) -> Target:
    """The target that ``--out`` and ``--format`` mean: a path that ends in one of the modality's
    formats is a file, any other is a folder.

    Args:
        default: the format of a folder where none is given; the modality's first one by default.

    Raises:
        GankitError: the modality has no such format, or the two contradict each other.
    """
    formats = plugin.modality.formats
    if format is not None and format not in formats:
        raise GankitError(f"unknown format {format!r}", f"Known: {', '.join(formats)}")
    suffix = out.suffix.lower().removeprefix(".")
    if not suffix or out.is_dir():
        return Target(out, format or default or formats[0], single_file=False)
    if suffix in formats or (format is not None and format.startswith(suffix)):
        chosen = format or suffix
        if not chosen.startswith(suffix):
            raise GankitError(
                f"--out {out} and --format {format} contradict each other",
                f"Leave out --format, or end the name in .{format}",
            )
        return Target(out, chosen, single_file=True)
    if f".{suffix}" in {s.lower() for s in plugin.info.suffixes}:
        raise GankitError(
            f"plugin {plugin.info.name} cannot write {out.name}: it has no format {suffix!r}",
            f"Formats: {', '.join(formats)}. A name without an ending is a folder",
        )
    return Target(out, format or default or formats[0], single_file=False)


def write_generated(
    plugin: LoadedModality,
    samples: Iterable[Sample[Any]],
    target: Target,
    *,
    codec: Codec[Any],
    run: str,
    record: Mapping[str, Any],
    plugins: Plugins,
    overwrite: bool = False,
    between: tuple[int, int] | None = None,
    finish: Callable[[dict[str, Any]], None] = lambda full: None,
) -> dict[str, Any]:
    """Writes generated items with their provenance; the target appears whole or not at all.

    Args:
        codec: what decoded the items.
        run: name of the run that generated them.
        record: further entries of the provenance record (seeds, conditions, fingerprint).
        between: the seeds between which they were interpolated, if they were.
        finish: completes the record once everything is written.

    Returns:
        The provenance record.

    Raises:
        GankitError: the target exists, the format writes several files where one is wanted, or
            the disk is full or not writable.
        PluginError: the plugin wrote elsewhere, or counted what are no integers.
    """
    refuse_existing(target, overwrite)
    modality, path = plugin.modality, Path(os.path.abspath(target.path))
    statement = Provenance(software(), run, now(), modality.source_type, between)
    aside, counter = path.with_name(f".{path.name}.partial"), _Counter(samples)
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with confined(plugin.info.name, aside):
            told = modality.write(counter, aside, codec, statement, target.format)
        warnings = list(told.warnings) if isinstance(told, Written) else []
        counts = told.counts if isinstance(told, Written) else told
        counted = _counts(counts, plugin.info.name)
        written = _files(aside)
        if target.single_file and len(written) != 1:
            raise GankitError(
                f"format {target.format} writes {len(written):,} files, and {path.name} is one",
                "Name a folder: a path without an ending",
            )
        full: dict[str, Any] = {
            "generated": True,
            "digital_source_type": statement.source_type,
            "software": statement.software,
            "created": statement.created,
            "run": run,
            "plugin": plugin.info.name,
            "format": target.format,
            "count": counter.seen,
            **({"counted": counted} if counted else {}),
            **({"warnings": warnings} if warnings else {}),
            **record,
        }
        finish(full)
        plugins.call("gankit_outputs", folder=aside, record=copy.deepcopy(full))
        full["files"] = {}
        for file in _files(aside):
            name = file.relative_to(aside).as_posix()
            if target.single_file:
                name = path.name if file in written else f"{path.name}.{file.name}"
            full["files"][name] = sha256(file)
        text = json.dumps(full, indent=1, ensure_ascii=False)
        if target.single_file:
            _place_file(aside, written[0], path, text)
        else:
            (aside / RECORD).write_text(text, encoding="utf-8")
            _place_folder(aside, path)
    except OSError as error:
        raise GankitError(
            f"cannot write {path}: {error.strerror or error}",
            "Choose another --out, or free some space",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return full


def _place_folder(aside: Path, path: Path) -> None:
    """Moves the folder to its place. An empty one there is filled, not replaced: somebody may
    stand in it, or have set its permissions.
    """
    if path.is_dir() and not any(path.iterdir()):
        # The record comes first: no synthetic file is without one.
        for file in sorted(aside.iterdir(), key=lambda p: p.name != RECORD):
            os.replace(file, path / file.name)
        return
    if path.exists():
        shutil.rmtree(path)
    os.replace(aside, path)


def _place_file(aside: Path, file: Path, path: Path, record: str) -> None:
    """Moves the one file to its place, its record before it: no synthetic file is without one.
    Where one cannot be moved, all is as before.

    Args:
        aside: the folder with the file and what hooks added.
    """
    sidecar = path.with_name(path.name + SIDECAR)
    before = sidecar.read_bytes() if sidecar.is_file() else None
    moves = [(o, path.with_name(f"{path.name}.{o.name}")) for o in _files(aside) if o != file]
    (aside / RECORD).write_text(record, encoding="utf-8")
    moves += [(aside / RECORD, sidecar), (file, path)]
    done: list[Path] = []
    try:
        for source, place in moves:
            os.replace(source, place)
            done.append(place)
    except OSError:
        with contextlib.suppress(OSError):
            for place in done:
                place.unlink()
            if before is not None and sidecar in done:
                sidecar.write_bytes(before)
        raise


def refuse_existing(target: Target, overwrite: bool) -> None:
    """Only what gankit generated is ever overwritten, and only on request.

    Raises:
        GankitError: something is there already and may not be overwritten.
    """
    path = target.path
    try:
        there = [p for p in (path, *([target.record] if target.single_file else [])) if p.exists()]
    except OSError as error:  # a name that is too long
        raise GankitError(
            f"cannot write {path}: {error.strerror}", "Choose another --out"
        ) from None
    if not there or (path.is_dir() and not any(path.iterdir()) and not target.single_file):
        return
    try:
        generated = bool(json.loads(target.record.read_text(encoding="utf-8"))["generated"])
    except (OSError, ValueError, KeyError, TypeError):
        generated = False
    if not generated or path.resolve() in (Path.cwd(), *Path.cwd().parents):
        what = "file" if target.single_file else "folder"
        raise GankitError(
            f"{there[0]} exists already, and was not generated by gankit",
            f"Choose another --out: gankit replaces no {what} but its own",
        )
    if path.exists() and not overwrite:
        raise GankitError(f"{path} exists already", "Choose another --out, or add --overwrite")


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _counts(found: object, plugin: str) -> dict[str, int]:
    """A plugin's counts as integers by name.

    Raises:
        PluginError: one is no integer.
    """
    if not isinstance(found, Mapping):
        return {}
    try:
        return {str(name): operator.index(n) for name, n in found.items()}
    except TypeError:
        raise PluginError(
            plugin, f"its write counted {dict(found)}, which are no integers"
        ) from None


class _Counter:
    """Passes a stream on and counts it."""

    def __init__(self, samples: Iterable[Sample[Any]]) -> None:
        self.samples, self.seen = samples, 0

    def __iter__(self) -> Iterator[Sample[Any]]:
        for sample in self.samples:
            self.seen += 1
            yield sample
