"""Reading: whatever a user points at becomes standardised molecules, each of them once."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rdkit
from rdkit import RDConfig

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.columns import Listing, digest_of
from gankit_molecule.data.in_memory import from_memory
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.data.standardise import KINDS, UnusableError, standardise
from gankit_molecule.data.tables import PLAIN, READS, SUFFIXES, from_files, kind_of
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.store import Store, open_store

FEWEST = 2
"""Fewest different molecules that make a data set."""
FEWEST_KEPT = 2_000
"""Entries below which standardising takes no longer than keeping what it gave."""
WORTH = 20_000
"""Entries below which one process is done before others have begun."""
BATCH = 200_000
"""Entries that are standardised before they become a column."""
FORMAT = 1
"""Of what is kept for later runs, and of all that turns entries into molecules."""
NCI = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
LICENCE = "public domain: compounds of the US National Cancer Institute, as they come with RDKit"
RECORD = "provenance.json"
"""Lies in a folder that gankit wrote."""

_DECIDING = ("smiles_key", "name_key", "limit", "salts", "charges", "stereo", "isotopes",
             "inorganic", "most_atoms", "strict")  # fmt: skip
_SEED = 1_009

Ints = npt.NDArray[np.int64]


def read(
    source: object | None, settings: MoleculeSettings, progress: Progress
) -> Dataset[Molecule]:
    """The molecules of a path or of an object in memory; None is the 5,000 of RDKit's NCI file.

    Paths: a file of :data:`gankit_molecule.data.tables.SUFFIXES`, packed or not, or a folder of them.
    In memory: see :func:`gankit_molecule.data.in_memory.from_memory`. Of equal molecules the first one
    stays; but all stay of what gankit wrote, since how many differ is what evaluation tells.

    Raises:
        GankitError: nothing usable there, fewer than ``FEWEST`` molecules, or a setting out of its
            range; with ``settings.strict``, one entry that cannot be used.
    """
    _check(settings)
    found = _found(source)
    table, files = _standardised(found, settings, progress)
    issues = Issues(table, files)
    if settings.strict:
        _refuse_unusable(issues, found.where)
    items = Molecules(table.filter(_is_kept(table)))
    if len(items) < FEWEST:
        raise _too_few(items, issues, found.where)
    return Dataset(
        items,
        fingerprint=items.fingerprint(),
        description=_describe(items, table, found.name, settings.limit),
        licence=found.licence,
        issues=issues,
    )


class Molecules(Sequence[Molecule]):
    """Molecules that lie in Arrow's columns; each is made when it is asked for.

    Args:
        table: columns smiles and name; after ``:`` the names of values, float64 or text.
    """

    def __init__(self, table: pa.Table) -> None:
        names = [name for name in table.column_names if name.startswith(":")]
        self._table = table.select(["smiles", "name", *names]).combine_chunks()
        self._values = [name[1:] for name in names]

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Molecule: ...
    @overload
    def __getitem__(self, index: slice) -> list[Molecule]: ...
    def __getitem__(self, index: int | slice) -> Molecule | list[Molecule]:
        found = range(len(self))[index]
        return self.__getitems__([found])[0] if isinstance(found, int) else self.__getitems__(found)

    def __getitems__(self, indices: Iterable[int]) -> list[Molecule]:
        some = self._table.take(pa.array(indices, pa.int64()))
        smiles, names, *values = (column.to_pylist() for column in some.columns)
        rows = zip(*values, strict=True) if values else [()] * len(smiles)
        return [
            Molecule(s, {k: v for k, v in zip(self._values, row, strict=True) if v is not None}, n)
            for s, n, row in zip(smiles, names, rows, strict=True)
        ]

    def smiles(self) -> list[str]:
        """All SMILES."""
        found: list[str] = self._table.column("smiles").to_pylist()
        return found

    def names_of_values(self) -> list[str]:
        """What the data says of molecules, besides their structure."""
        return list(self._values)

    def fingerprint(self) -> str:
        """A hash of SMILES and values; names and the order of columns play no part."""
        columns = ["smiles", *(f":{name}" for name in sorted(self._values))]
        return digest_of(self._table.select(columns))


class Issues(Sequence[Issue]):
    """What was left out; duplicates, of which there may be very many, come last."""

    def __init__(self, table: pa.Table, files: Sequence[tuple[str, str]]) -> None:
        self._table, self._files = table, files
        kinds = table.column("kind").combine_chunks()
        out = np.flatnonzero(kinds.is_valid())
        same = np.asarray(kinds.take(pa.array(out)).to_numpy(zero_copy_only=False) == "same", bool)
        self._rows = np.concatenate([out[~same], out[same]])
        self.unusable = int((~same).sum())

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Issue: ...
    @overload
    def __getitem__(self, index: slice) -> list[Issue]: ...
    def __getitem__(self, index: int | slice) -> Issue | list[Issue]:
        found = self._rows[index]
        return [self._problem(int(i)) for i in found] if found.ndim else self._problem(int(found))

    def _problem(self, row: int) -> Issue:
        why = self._cell("why", row)
        if why is None:
            first = int(self._cell("same", row))
            near = self._cell("file", first) == self._cell("file", row)
            why = f"the same molecule as {self._where(first, near)}"
        return Issue(self._where(row), why)

    def _where(self, row: int, near: bool = False) -> str:
        """File and place; the place alone where it is in the same file."""
        name, unit = self._files[self._cell("file", row)]
        place = f"{unit} {self._cell('place', row)}"
        return place if near or not name else f"{name}, {place}"

    def _cell(self, column: str, row: int) -> Any:
        return self._table.column(column)[row].as_py()


# --- What there is ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """Files, or an object in memory.

    Attributes:
        where: what messages call it.
        name: what the description calls it.
        ours: gankit wrote it.
    """

    where: str
    name: str
    files: Sequence[Path] = ()
    thing: object = None
    ours: bool = False
    licence: str = ""

    def listing(self, settings: MoleculeSettings) -> Listing:
        """What lies there."""
        if self.files:
            return from_files(self.files, settings)
        return from_memory(self.thing, settings)


def _found(source: object | None) -> Found:
    if source is None:
        if not NCI.is_file():
            raise GankitError("RDKit came without its NCI molecules", "Name your own data")
        return Found("the built-in data", "RDKit's NCI file", [NCI], licence=LICENCE)
    if not isinstance(source, (str, Path)):
        return Found("the data", f"a {type(source).__name__} in memory", thing=source)
    path = Path(source).expanduser()
    if not path.exists():
        raise _missing(path)
    if path.is_dir():
        return Found(str(path), path.name, _folder(path), ours=(path / RECORD).is_file())
    if kind_of(path) not in SUFFIXES:
        kind = kind_of(path) or "such"
        raise GankitError(f"{path}: no molecules can be read from {kind} files", READS)
    return Found(str(path), path.name, [path], ours=(path.parent / RECORD).is_file())


def _folder(root: Path) -> list[Path]:
    """The files of molecules below a folder; texts only where there is nothing else."""
    there = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]
    if not there:
        raise GankitError(f"{root}: the folder is empty", READS)
    files = [path for path in there if kind_of(path) in SUFFIXES]
    if not files:
        raise GankitError(f"{root} has no file of molecules ({len(there):,} other files)", READS)
    return [path for path in files if kind_of(path) != PLAIN[-1]] or files


def _missing(path: Path) -> GankitError:
    if not path.parent.is_dir():
        return GankitError(f"{path}: no such path, and no folder {path.parent}", "Check it")
    there = [
        p
        for p in path.parent.iterdir()
        if kind_of(p) in SUFFIXES or (p.is_dir() and not p.name.startswith("."))
    ]
    near = did_you_mean(path.name, [p.name for p in there]) if there else READS
    return GankitError(f"{path}: no such file or folder", near)


# --- What it becomes ----------------------------------------------------------------------------


def _standardised(
    found: Found, settings: MoleculeSettings, progress: Progress
) -> tuple[pa.Table, Sequence[tuple[str, str]]]:
    """A row an entry that was looked at, from an earlier run or now, and the files' names.

    Columns: smiles (null where it is left out), name, kind and why (of what is left out, else
    null), same (the row of the molecule's first entry), file and place, and values after ``:``.
    """
    store = open_store(settings.cache)
    listing = None if found.files else found.listing(settings)
    kept = store.path("molecules", f"{_key(found, listing, settings)}.parquet")
    if kept is not None and (earlier := _load(kept)) is not None:
        return earlier
    listing = listing or found.listing(settings)
    if not len(listing.entries):
        raise GankitError(f"{found.where}: no entry there", READS)
    table = _standardise_all(listing, settings, found.ours, progress)
    if kept is not None and len(table) >= FEWEST_KEPT:
        _keep(table, listing.files, kept, store)
    return table, listing.files


def _standardise_all(
    listing: Listing, settings: MoleculeSettings, ours: bool, progress: Progress
) -> pa.Table:
    """All entries, or as many, drawn at random, as give ``settings.limit`` molecules."""
    n = len(listing.entries)
    limit = settings.limit if settings.limit < n else 0
    drawn = np.random.default_rng(_SEED).permutation(n) if limit else np.arange(n)
    found = _standardise(listing.entries.slice(0, 0), settings, progress)
    while (done := len(found)) < n and not (settings.strict and _unusable(found)):
        missing = limit - int(_news(found, ours).sum()) if limit else n
        if missing <= 0:
            break
        # A few more than are missing, since some will be left out.
        more = missing + missing // 16 + 16 if limit else n
        some = listing.entries.take(pa.array(drawn[done : done + min(more, BATCH)]))
        told = partial(_told, progress, done, 0 if limit else n)
        found = pa.concat_tables([found, _standardise(some, settings, told)])
    if limit:
        enough = np.searchsorted(np.cumsum(_news(found, ours)), limit) + 1
        found = found.slice(0, int(enough))
    drawn = drawn[: len(found)]
    order = np.argsort(drawn)
    found = found.take(pa.array(order))
    if not ours:
        found = _each_once(found)
    chosen = pa.array(drawn[order])
    for name in ("name", "file", "place"):
        found = found.append_column(name, listing.entries.column(name).take(chosen))
    kept = _is_kept(found)
    for name in listing.values.column_names[1:]:
        values = listing.values.column(name).take(chosen)
        found = found.append_column(f":{name}", pc.if_else(kept, values, None))
    return found.combine_chunks()


def _told(progress: Progress, before: int, of: int, what: str, done: int, total: int) -> None:
    progress(what, before + done, of or before + total)


def _standardise(entries: pa.Table, settings: MoleculeSettings, progress: Progress) -> pa.Table:
    """Columns smiles, kind, why and same of entries; the last one is still to be found."""
    texts = entries.column("text").fill_null("").to_pylist()
    whys = entries.column("why").to_pylist()
    workers = settings.workers or int(len(texts) < WORTH)
    found = mapped(standardise, texts, workers, "standardising molecules", progress, settings)
    smiles: list[str | None] = []
    kinds: list[str | None] = []
    for i, one in enumerate(found):
        if whys[i] is not None:
            one = UnusableError("unread", whys[i])
        smiles.append(None if isinstance(one, UnusableError) else one)
        kinds.append(one.kind if isinstance(one, UnusableError) else None)
        whys[i] = one.why if isinstance(one, UnusableError) else None
    columns = {"smiles": smiles, "kind": kinds, "why": whys}
    table = pa.table({k: pa.array(v, pa.large_string()) for k, v in columns.items()})
    return table.append_column("same", pa.nulls(len(texts), pa.int64()))


def _each_once(found: pa.Table) -> pa.Table:
    """The first of equal molecules stays; the others know its row."""
    news, first = _news(found, False), _firsts(found)
    same = pa.array(~news & (first >= 0))
    columns = {
        "smiles": pc.if_else(same, None, found.column("smiles")),
        "kind": pc.if_else(same, "same", found.column("kind")),
        "why": found.column("why"),
        "same": pc.if_else(same, pa.array(first), None),
    }
    return pa.table(columns).cast(found.schema)


def _news(found: pa.Table, ours: bool) -> npt.NDArray[np.bool_]:
    """Which rows are molecules that no row before them is; all that are molecules, if ours."""
    first = _firsts(found)
    return first >= 0 if ours else first == np.arange(len(first))


def _firsts(found: pa.Table) -> Ints:
    """Of each row, the first one with the same SMILES; -1 where there is none."""
    codes = found.column("smiles").combine_chunks().dictionary_encode().indices
    codes = codes.fill_null(-1).to_numpy(zero_copy_only=False)
    known, first = np.unique(codes, return_index=True)
    return np.where(codes < 0, -1, first[np.searchsorted(known, codes)])


def _is_kept(table: pa.Table) -> Any:
    return table.column("smiles").is_valid()


def _unusable(found: pa.Table) -> bool:
    return bool(found.column("why").null_count < len(found))


# --- Kept for later runs ------------------------------------------------------------------------


def _key(found: Found, listing: Listing | None, settings: MoleculeSettings) -> str:
    """A hash of all that decides what comes out: the data, the settings, and who reads it."""
    how = [FORMAT, rdkit.__version__, found.ours, *(getattr(settings, k) for k in _DECIDING)]
    digest = hashlib.sha256(repr(how).encode())
    for path in found.files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{path.name} {content}".encode("utf-8", "surrogateescape"))
    for table in (listing.entries, listing.values) if listing else ():
        digest.update(digest_of(table).encode())
    return digest.hexdigest()[:32]


def _load(path: Path) -> tuple[pa.Table, Sequence[tuple[str, str]]] | None:
    """What was kept, or None where that is nothing, or damaged."""
    try:
        table = pq.read_table(path, page_checksum_verification=True, memory_map=True)
        files = json.loads(table.schema.metadata[b"files"])
        return table.select(table.column_names), [(name, unit) for name, unit in files]
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


def _keep(table: pa.Table, files: Sequence[tuple[str, str]], path: Path, store: Store) -> None:
    told = table.replace_schema_metadata({"files": json.dumps(list(files))})
    with store.writing(path) as part:
        pq.write_table(told, part, compression="zstd", write_page_checksum=True)


# --- Saying -------------------------------------------------------------------------------------


def _check(settings: MoleculeSettings) -> None:
    """Settings lie in their ranges.

    Raises:
        GankitError: one does not.
    """
    for name, least in (("limit", 0), ("most_atoms", 1), ("workers", 0)):
        value = getattr(settings, name)
        if not isinstance(value, int) or value < least:
            raise GankitError(f"{name}={value}: out of range", f"Set {least} or more")
    if settings.limit == 1:
        raise GankitError("limit=1: too few", f"Set 0 for all, or {FEWEST} or more")


def _refuse_unusable(issues: Issues, where: str) -> None:
    if issues.unusable:
        first = issues[0].location
        if where.endswith(file := first.partition(", ")[0]):  # it is named already
            first = first.removeprefix(f"{file}, ")
        raise GankitError(
            f"{where}, {first}: {issues[0].reason}",
            "Mend or remove it, or set strict=false to leave such entries out",
        )


def _too_few(items: Molecules, issues: Issues, where: str) -> GankitError:
    total = len(items) + len(issues)
    hint = f"At least {FEWEST} different molecules are needed"
    if not len(items):
        first = f"the first problem: {issues[0].location}: {issues[0].reason}"
        message = f"{where}: none of {_many(total, 'entry')} can be used; {first}"
        changed = "" if issues.unusable else ", or change salts, inorganic or most_atoms"
        return GankitError(message, f"Mend them{changed}")
    if total > 1 and not issues.unusable:
        message = f"{where}: all {total:,} entries are the same molecule, {items[0].smiles}"
        return GankitError(message, hint)
    left_out = f"; left out: {len(issues):,}, e.g. {issues[0].reason}" if len(issues) else ""
    return GankitError(f"{where}: only one molecule{left_out}", hint)


def _describe(items: Molecules, table: pa.Table, name: str, limit: int) -> str:
    drawn = f", drawn by limit={limit}" if len(items) == limit else ""
    parts = [f"{_many(len(items), 'molecule')} of {name}{drawn}"]
    counted = Counter(table.column("kind").drop_null().to_pylist())
    if counted:
        kinds = ", ".join(f"{counted[k]:,} {called}" for k, called in KINDS.items() if counted[k])
        parts.append(f"left out {counted.total():,}: {kinds}")
    if names := items.names_of_values():
        more = ", …" if len(names) > 8 else ""
        parts.append(f"with {', '.join(names[:8])}{more}")
    return "; ".join(parts)


def _many(count: int, what: str) -> str:
    plural = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{count:,} {what if count == 1 else plural}"
