"""Writing generated items with their provenance, as a folder, one file or to standard output.

Everything generated passes through :func:`write_generated`.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import operator
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from gankit.contract import Codec, Progress, Provenance, Sample, Written, quiet
from gankit.errors import GankitError, PluginError
from gankit.kit.files import json_bytes, sha256
from gankit.kit.folders import natural_key
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import Plugins
from gankit.plugins.write_guard import confined
from gankit.provenance.sealing import METADATA, Seal, seal
from gankit.runs.packing import add_record, compress, digests, pack, pack_items
from gankit.runs.provenance import RECORD, now, software
from gankit.runs.targets import (
    COMPRESSIONS,
    STAGING,
    UNCOUNTED,
    Target,
    is_empty,
    refuse_existing,
)
from gankit.system_errors import reason

Writer: TypeAlias = (
    "Callable[[Iterable[Sample[Any]], Path, Provenance], Mapping[str, int] | Written | None]"
)
"""``(samples, folder, provenance)``, as :meth:`Modality.write`."""


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
    way: str = "",
    created: str | None = None,
    first: int = 0,
    write: Writer | None = None,
    beside: Callable[[Path, Provenance], None] | None = None,
    composites: Sequence[str] = (),
    signing: Seal | None = None,
    progress: Progress = quiet,
    finish: Callable[[dict[str, Any]], None] = lambda full: None,
) -> dict[str, Any]:
    """Writes generated items with their provenance; the target appears whole or not at all.

    Args:
        codec: what decoded the items.
        run: name of the run that generated them.
        record: further entries of the provenance record (seeds, conditions, fingerprint).
        between: the seeds between which they were interpolated, if they were two.
        way: how latents were chosen, if not by seeds alone; for the files' metadata.
        created: when the request was made; now by default.
        first: number of the first item, by which tar archives name items.
        write: what writes them, in place of the modality.
        beside: writes further files into the folder; only where the target is one.
        composites: names of files that show real items beside generated ones.
        signing: what signs it; the user's key by default.
        progress: is told of signing; the samples are counted where they come from.
        finish: completes the record once everything is written.

    Returns:
        The provenance record.

    Raises:
        GankitError: the target exists, the format writes several files where one is wanted, or
            the disk is full or not writable.
        PluginError: the plugin wrote elsewhere, or counted what are no integers.
    """
    refuse_existing(target, overwrite)
    signing = seal() if signing is None else signing
    modality, path = plugin.modality, Path(os.path.abspath(target.path))
    statement = Provenance(software(), run, created or now(), modality.source_type, between, way)
    aside: Path | None = None
    try:
        aside = _staging(target, path)
        counter = _Counter(samples, target, aside)
        with confined(plugin.info.name, aside):
            if write is None:
                told = modality.write(counter, aside, codec, statement, target.format)
            else:
                told = write(counter, aside, statement)
        if beside is not None and not target.single_file:
            beside(aside, statement)
        warnings = [*record.get("warnings", ())]
        warnings += told.warnings if isinstance(told, Written) else ()
        counts = told.counts if isinstance(told, Written) else told
        counted = _counts(counts, plugin.info.name)
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
            **record,
            **({"warnings": warnings} if warnings else {}),
        }
        one = _one_file(aside, target, full) if target.single_file and not target.packing else None
        if target.packing in COMPRESSIONS:
            one = compress(_one_file(aside, target, full), target.packing)
        finish(full)
        plugins.call("gankit_outputs", folder=aside, record=copy.deepcopy(full))
        unsigned = signing.files(
            *(aside, statement),
            some_real=counter.some_real,
            in_archives=target.format == "zip",
            composites=composites,
            progress=progress,
        )
        if unsigned:
            full["warnings"] = [*full.get("warnings", ()), *unsigned]
        if target.packing == "zip":
            one = _packed(aside, path, signing, full)
        elif target.packing == "tar":
            one = pack_items(aside, aside / path.name, _items(aside), first, statement.text())
            (aside / METADATA).unlink(missing_ok=True)
        elif one is not None and target.format == "zip":
            inside = signing.record({**full, "files": digests(one)})
            add_record(one, json_bytes(inside).decode())
        full["files"] = {}
        for file in _files(aside):
            name = file.relative_to(aside).as_posix()
            if target.single_file:
                name = path.name if file == one else f"{path.name}.{file.name}"
            full["files"][name] = sha256(file)
        if target.stdout:
            assert one is not None
            _to_stdout(one, target.format)
        elif one is not None:
            _place_file(aside, one, path, target.record, json_bytes(signing.record(full)))
        else:
            (aside / RECORD).write_bytes(json_bytes(signing.record(full)))
            _place_folder(aside, path)
    except BrokenPipeError:  # whoever read standard output has had enough
        raise
    except OSError as error:
        place = "standard output" if target.stdout else path
        raise GankitError(
            f"cannot write {place}: {reason(error)}",
            "Choose another --out, or free some space",
        ) from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
    return full


def ending_of(
    plugin: LoadedModality, samples: Sequence[Sample[Any]], codec: Codec[Any], format: str
) -> str:
    """The ending of a file with many items in this format: ``tar`` where the format writes a file
    an item.

    Args:
        samples: two or more, to try it with.

    Raises:
        GankitError: they cannot be written.
    """
    about = Provenance(software(), "", now(), plugin.modality.source_type)
    with tempfile.TemporaryDirectory(prefix="gankit-") as name:
        aside, failure = Path(name), None
        try:
            with confined(plugin.info.name, aside):
                plugin.modality.write(samples, aside, codec, about, format)
        except GankitError as error:  # such as none of these few being valid
            failure = error
        found = _payload(aside, Target(aside, format, single_file=False))
        if failure is not None and not found:
            raise failure
        return found[0].suffix.removeprefix(".") if len(found) == 1 else "tar"


# --- One file -----------------------------------------------------------------------------------


def _payload(aside: Path, target: Target) -> list[Path]:
    """The files that the format wrote, without the rows about them."""
    return [file for file in _files(aside) if file.name != METADATA or target.format == METADATA]


def _one_file(aside: Path, target: Target, record: dict[str, Any]) -> Path:
    """The one file that the format wrote. The row about it, if any, moves into the record.

    Raises:
        GankitError: the format wrote several files, or of another kind.
    """
    found = _payload(aside, target)
    if len(found) != 1:
        raise _several(target, f"{len(found):,} files")
    _check_ending(found[0], target)
    rows = aside / METADATA
    if rows.is_file() and rows != found[0]:
        lines = rows.read_text(encoding="utf-8").splitlines()
        kept = [json.loads(line) for line in lines if line.strip()]
        record["items"] = [{k: v for k, v in row.items() if k != "file_name"} for row in kept]
        rows.unlink()
    return found[0]


def _items(aside: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The file of each item in their order, with its row of metadata."""
    rows = aside / METADATA
    if not rows.is_file():
        files = sorted(_files(aside), key=lambda p: natural_key(p.relative_to(aside).as_posix()))
        yield from ((file, {}) for file in files)
        return
    with rows.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield aside / row.pop("file_name"), row


def _several(target: Target, what: str) -> GankitError:
    name = target.path.name
    if target.stdout:
        hint = "Name a file or a folder, or a --format of one file"
        return GankitError(f"format {target.format} writes {what}, and --out - takes one", hint)
    return GankitError(
        f"format {target.format} writes {what}, and {name} is one",
        f"Use -n 1, --out {Path(name).stem}.zip, or name a folder: a path without an ending",
    )


_SAME = {e: {*pair} for pair in ((".tif", ".tiff"), (".jpg", ".jpeg")) for e in pair}
"""Two spellings of one ending."""


def _check_ending(file: Path, target: Target) -> None:
    suffix = file.suffix.lower()
    if target.ending and f".{target.ending}" not in _SAME.get(suffix, {suffix}):
        raise GankitError(
            f"--out {target.path.name}: format {target.format} writes {file.suffix} files",
            f"End the name in {file.suffix}",
        )


def _packed(aside: Path, path: Path, signing: Seal, record: Mapping[str, Any]) -> Path:
    """Packs the folder, with its record inside; only the archive stays in the folder."""
    files = _files(aside)
    names = {file.relative_to(aside).as_posix(): sha256(file) for file in files}
    (aside / RECORD).write_bytes(json_bytes(signing.record({**record, "files": names})))
    archive = aside.with_name(f"{aside.name}.zip")
    try:
        pack(aside, [aside / RECORD, *files], archive)
        shutil.rmtree(aside)
        aside.mkdir()
        return Path(shutil.move(archive, aside / path.name))
    finally:
        archive.unlink(missing_ok=True)


def _to_stdout(file: Path, format: str) -> None:
    """Copies a file to standard output.

    Raises:
        GankitError: it is binary, and standard output is a terminal.
        BrokenPipeError: nobody reads any more.
    """
    out = sys.stdout.buffer
    with file.open("rb") as source:
        if sys.stdout.isatty() and b"\0" in source.read(2**16):
            raise GankitError(
                f"format {format} is binary, and standard output is a terminal",
                "Redirect it: > FILE, or use --out FILE",
            )
        source.seek(0)
        shutil.copyfileobj(source, out)
    out.flush()


# --- Placing ------------------------------------------------------------------------------------


def _staging(target: Target, path: Path) -> Path:
    """A new, empty folder to write to: on the file system of the target, so that moving it into
    place is one step.

    A folder that is there already, and stays, is written to from within: it may be a mount point,
    and the folder around it not writable.
    """
    if target.stdout:
        return Path(tempfile.mkdtemp(prefix="gankit-"))
    inside = not target.single_file and path.is_dir() and _stays(path)
    aside = path / STAGING if inside else path.with_name(f".{path.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    return aside


def _stays(folder: Path) -> bool:
    """Whether a folder is filled, and not replaced: it is empty (somebody may stand in it, or have
    set its permissions), or cannot be replaced.
    """
    return is_empty(folder) or os.path.ismount(folder) or not os.access(folder.parent, os.W_OK)


def _place_folder(aside: Path, path: Path) -> None:
    """Moves the folder to its place."""
    if aside.parent == path:
        for old in path.iterdir():
            if old.name not in UNCOUNTED:
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        # The record comes first: no synthetic file is without one.
        for file in sorted(aside.iterdir(), key=lambda p: p.name != RECORD):
            _move(file, path / file.name)
        return
    path = path.resolve() if path.is_symlink() else path
    old = aside.with_name(f"{aside.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        _move(path, old)
    try:
        _move(aside, path)
    except OSError:
        if old.exists():
            _move(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move(source: Path, place: Path) -> None:
    """Renames a file or folder. Where that is on another file system, such as a mount point or a
    container's layer, it is copied first, and appears whole.
    """
    try:
        os.replace(source, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copied = place.with_name(f".{place.name}.copy")
        try:
            if source.is_dir():
                shutil.copytree(source, copied, symlinks=True)
            else:
                shutil.copy2(source, copied)
            os.replace(copied, place)
        finally:
            shutil.rmtree(copied, ignore_errors=True)
            copied.unlink(missing_ok=True)
        shutil.rmtree(source) if source.is_dir() else source.unlink()


def _place_file(aside: Path, file: Path, path: Path, sidecar: Path, record: bytes) -> None:
    """Moves the one file to its place, its record before it: no synthetic file is without one.
    Where one cannot be moved, all is as before.

    Args:
        aside: the folder with the file and what hooks added.
        sidecar: where the record goes.
    """
    before = sidecar.read_bytes() if sidecar.is_file() else None
    moves = [(o, path.with_name(f"{path.name}.{o.name}")) for o in _files(aside) if o != file]
    (aside / RECORD).write_bytes(record)
    moves += [(aside / RECORD, sidecar), (file, path)]
    done: list[Path] = []
    try:
        for source, place in moves:
            _move(source, place)
            done.append(place)
    except OSError:
        with contextlib.suppress(OSError):
            for place in done:
                place.unlink()
            if before is not None and sidecar in done:
                sidecar.write_bytes(before)
        raise


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
            plugin, f"its write counted {dict(found)}, which are not integers"
        ) from None


class _Counter:
    """Passes a stream on and counts it. Where one file is wanted and the format writes one for each
    sample, that is said before many are generated.
    """

    def __init__(self, samples: Iterable[Sample[Any]], target: Target, aside: Path) -> None:
        self.samples, self.seen, self.some_real = samples, 0, False
        self.target, self.aside = target, aside

    def __iter__(self) -> Iterator[Sample[Any]]:
        watched = self.target.single_file and self.target.packing not in ("zip", "tar")
        for sample in self.samples:
            if watched and self.seen in (1, 3):
                found = _payload(self.aside, self.target)
                if len(found) > 1:
                    raise _several(self.target, "a file per sample")
                if found:
                    _check_ending(found[0], self.target)
            self.seen += 1
            self.some_real |= sample.real
            yield sample
