"""Reading: files and objects become a data set of standardised molecules, or an error."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import rdkit

from gankit.contract import Dataset, Progress
from gankit.errors import GankitError
from gankit.kit.cache import Cache
from gankit_molecule.data.columns import About, Listing, digest_of
from gankit_molecule.data.locations import Location, locate
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.pipeline import is_kept, standardise_all
from gankit_molecule.data.sequences import Issues, Molecules
from gankit_molecule.data.standardise import KINDS
from gankit_molecule.data.summary import facts_of, rows_of, warnings_of
from gankit_molecule.data.tables import READS
from gankit_molecule.settings import MoleculeSettings, cache_of

MIN_MOLECULES = 2
"""Distinct molecules of a data set."""
MIN_CACHED = 2_000
"""Entries below which standardising is as fast as reading the cache."""
CACHE_VERSION = 2
"""Of the cached table, and of everything that turns entries into molecules."""

_DECIDING = ("smiles_key", "name_key", "limit", "salts", "charges", "stereo", "isotopes",
             "inorganic", "most_atoms", "strict")  # fmt: skip


def read(
    source: object | None, settings: MoleculeSettings, progress: Progress
) -> Dataset[Molecule]:
    """The molecules of a path or of an object in memory; None is the 5,000 of RDKit's NCI file.

    Paths: a file of :data:`~gankit_molecule.data.tables.SUFFIXES`, compressed or not, or a folder
    of them. In memory: see :func:`~gankit_molecule.data.in_memory.from_memory`. The first of equal
    molecules is kept; files that gankit wrote keep all, since evaluation counts distinct ones.

    Raises:
        GankitError: nothing usable there, or fewer than ``MIN_MOLECULES``; with
            ``settings.strict``, one entry that cannot be used.
    """
    if settings.limit == 1:
        raise GankitError("limit=1: too few", f"Set 0 for all, or {MIN_MOLECULES} or more")
    found = locate(source)
    table, about = _standardised(found, settings, progress)
    issues = Issues(table, about.files)
    if settings.strict:
        _refuse_unusable(issues, found.where)
    items = Molecules(table.filter(is_kept(table)), about)
    if len(items) < MIN_MOLECULES:
        raise _too_few(items, issues, found.where)
    return Dataset(
        items,
        fingerprint=items.fingerprint(),
        description=_describe(items, table, found.name, settings.limit),
        licence=found.licence,
        issues=issues,
        facts={**found.facts, **facts_of(table, about, settings)},
        table=rows_of(items, table, settings),
        warnings=warnings_of(items, table, about, settings),
    )


def _standardised(
    found: Location, settings: MoleculeSettings, progress: Progress
) -> tuple[pa.Table, About]:
    """The table of :mod:`gankit_molecule.data.pipeline`, from the cache or computed now."""
    cache = cache_of(settings)
    listing = None if found.files else found.listing(settings)
    kept = cache.path("molecules", f"{_key(found, listing, settings)}.parquet")
    if kept is not None and (earlier := _load(kept)) is not None:
        return earlier
    listing = listing or found.listing(settings)
    if not len(listing.entries):
        raise GankitError(f"{found.where}: no entry there", READS)
    table = standardise_all(listing, settings, found.generated, progress)
    if kept is not None and len(table) >= MIN_CACHED:
        _save(table, listing.about, kept, cache)
    return table, listing.about


# --- The cache ----------------------------------------------------------------------------------


def _key(found: Location, listing: Listing | None, settings: MoleculeSettings) -> str:
    """A hash of everything that determines the table: data, settings and versions."""
    how = [CACHE_VERSION, rdkit.__version__, found.generated]
    how += [getattr(settings, k) for k in _DECIDING]
    digest = hashlib.sha256(repr(how).encode())
    for path in found.files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{path.name} {content}".encode("utf-8", "surrogateescape"))
    if listing is not None:
        digest.update(digest_of(listing.entries).encode())
        digest.update(_content_of(listing.cells))
    return digest.hexdigest()[:32]


def _content_of(table: pa.Table) -> bytes:
    """A table of any types, for a hash."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _load(path: Path) -> tuple[pa.Table, About] | None:
    """A cached table; None where there is none, or a damaged one."""
    try:
        table = pq.read_table(path, page_checksum_verification=True, memory_map=True)
        about = json.loads(table.schema.metadata[b"about"])
        about["files"] = [(name, unit) for name, unit in about["files"]]
        return table.select(table.column_names), About(**about)
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


def _save(table: pa.Table, about: About, path: Path, cache: Cache) -> None:
    named = table.replace_schema_metadata({"about": json.dumps(vars(about))})
    with cache.writing(path) as part:
        try:
            pq.write_table(named, part, compression="zstd", write_page_checksum=True)
        except pa.ArrowException:  # columns of types that Parquet has not
            part.unlink(missing_ok=True)


# --- Messages -----------------------------------------------------------------------------------


def _refuse_unusable(issues: Issues, where: str) -> None:
    if issues.unusable:
        first = issues[0].location
        if where.endswith(file := first.partition(", ")[0]):  # it is named already
            first = first.removeprefix(f"{file}, ")
        raise GankitError(
            f"{where}, {first}: {issues[0].reason}",
            "Fix or remove it, or set strict=false to skip such entries",
        )


def _too_few(items: Molecules, issues: Issues, where: str) -> GankitError:
    total = len(items) + len(issues)
    hint = f"At least {MIN_MOLECULES} distinct molecules are needed"
    if not len(items):
        first = f"the first problem: {issues[0].location}: {issues[0].reason}"
        message = f"{where}: none of {_many(total, 'entry')} can be used; {first}"
        changed = "" if issues.unusable else ", or change salts, inorganic or most_atoms"
        return GankitError(message, f"Fix them{changed}")
    if total > 1 and not issues.unusable:
        message = f"{where}: all {total:,} entries are the same molecule, {items[0].smiles}"
        return GankitError(message, hint)
    skipped = (
        f"; skipped: {len(issues):,}, e.g. {issues[0].location}: {issues[0].reason}"
        if len(issues)
        else ""
    )
    return GankitError(f"{where}: only one molecule{skipped}", hint)


def _describe(items: Molecules, table: pa.Table, name: str, limit: int) -> str:
    drawn = f", drawn by limit={limit}" if len(items) == limit else ""
    parts = [f"{_many(len(items), 'molecule')} of {name}{drawn}"]
    counted = Counter(table.column("kind").drop_null().to_pylist())
    if counted:
        kinds = ", ".join(f"{counted[k]:,} {called}" for k, called in KINDS.items() if counted[k])
        parts.append(f"skipped {counted.total():,}: {kinds}")
    if names := items.names_of_values():
        more = ", …" if len(names) > 8 else ""
        parts.append(f"with {', '.join(names[:8])}{more}")
    return "; ".join(parts)


def _many(count: int, what: str) -> str:
    plural = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{count:,} {what if count == 1 else plural}"
