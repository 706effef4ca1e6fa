"""Which column of a table holds the molecules and which their names: by name, then by content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.looks import is_selfies
from gankit_molecule.data.standardise import EXTENSION, MAX_LENGTH, parsed
from gankit_molecule.settings import MoleculeSettings

SMILES_KEYS = ("smiles", "canonical_smiles", "structure", "mol", "inchi")
"""Names of the column of molecules, tried in this order, in any case."""
NAME_KEYS = ("name", "id", "compound", "chembl_id", "zinc_id")
"""Likewise for the column of names."""
SAMPLE = 100
"""Cells that are looked at."""
MIN_SHARE, MIN_LENGTH = 0.5, 3
"""A column holds molecules if at least this share of its cells can be parsed, and these have so
many characters on average: letters such as C and N may stand for anything."""

Cells = Callable[[str], Sequence[str]]
"""The first cells of a column, by its name."""


@dataclass(frozen=True)
class Keys:
    """Indices of the columns of molecules and of names, and what is to be said of the choice."""

    text: int
    name: int | None
    how: str = ""
    """How the column of molecules was found; empty where its name said so."""
    warnings: Sequence[str] = field(default=())


def keys_of(
    columns: Sequence[str],
    texts: Sequence[str],
    where: str,
    settings: MoleculeSettings,
    cells: Cells,
) -> Keys:
    """The columns of molecules and of names.

    Args:
        texts: the columns that hold text.

    Raises:
        GankitError: two columns have the same name, or a named one is missing.
    """
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise GankitError(f"{where} has two columns named {twice[0]!r}", "Rename one")
    key, how, warnings = _molecules_in(columns, texts, where, settings, cells)
    name = key_in(columns, settings.name_key, NAME_KEYS)
    if name is None and settings.name_key != "auto":
        raise GankitError(
            f"{where} has no column {settings.name_key!r}",
            f"Set name_key. {_near(settings.name_key, columns)}",
        )
    index = None if name in (None, key) else columns.index(name)
    return Keys(columns.index(key), index, how, warnings)


def _molecules_in(
    columns: Sequence[str],
    texts: Sequence[str],
    where: str,
    settings: MoleculeSettings,
    cells: Cells,
) -> tuple[str, str, list[str]]:
    """The column of molecules, how it was found, and warnings."""
    if settings.smiles_key != "auto":
        key = key_in(columns, settings.smiles_key, ())
        if key is None:
            raise _no_column(columns, settings.smiles_key, where)
        if key not in texts:
            raise GankitError(f"{where}: column {key!r} holds no text", "Set smiles_key to another")
        return key, "", []
    usual = usual_keys(texts)
    shares = {name: share_of_molecules(cells(name)) for name in usual}
    key = next((name for name in usual if shares[name] > 0), None)
    how, warnings = "", []
    if key is None:
        others = {name: share_of_molecules(cells(name)) for name in texts if name not in usual}
        found = max(others, key=lambda name: others[name], default=None)
        if found is not None and others[found] >= MIN_SHARE:
            key = found
            how = "found by its content"
            if usual:
                warnings.append(
                    f"{where}: column {usual[0]!r} holds no molecules but {found!r} does, which "
                    "is used; set smiles_key if that is wrong"
                )
    key = key or next(iter(usual), None)
    if key is None:
        raise _no_column(columns, "auto", where)
    if more := [name for name in usual if name != key and shares[name] >= MIN_SHARE]:
        warnings.append(
            f"{where}: {' and '.join(repr(name) for name in [key, *more])} hold molecules; "
            f"{key!r} is used: set smiles_key for another"
        )
    return key, how, warnings


def usual_keys(columns: Sequence[str]) -> list[str]:
    """Columns whose names are those of molecules, the most usual name first."""
    lower = {column.strip().lower(): column for column in reversed(columns)}
    named = [lower[name] for name in SMILES_KEYS if name in lower]
    like = [c for c in columns if "smiles" in c.lower() or c.lower().startswith("inchi=")]
    return list(dict.fromkeys([*named[:2], *like, *named]))


def share_of_molecules(cells: Sequence[str]) -> float:
    """The share of non-empty cells that are molecules; 0 where they are too short or too few
    different ones to tell."""
    some = [cell.strip() for cell in cells if cell and cell.strip()][:SAMPLE]
    good = [cell for cell in some if is_molecule(cell)]
    if not good or sum(map(len, good)) < MIN_LENGTH * len(good):
        return 0.01 * bool(good)  # of a column that is named so, all the same
    return len(good) / len(some) if len(set(good)) >= min(3, len(good)) else 0.01


@lru_cache(maxsize=4096)
def is_molecule(text: str) -> bool:
    """Whether a text can be parsed: SMILES, CXSMILES, an InChI, or a mol block."""
    if "M  END" in text:
        return True
    if not text or len(text) > MAX_LENGTH:
        return False
    if text.startswith("InChI="):
        return True
    if extended := EXTENSION.fullmatch(text):
        text = extended[1]
    return text.isascii() and " " not in text and not is_selfies(text) and parsed(text) is not None


def _no_column(columns: Sequence[str], key: str, where: str) -> GankitError:
    missing = "column of SMILES" if key == "auto" else f"column {key!r}"
    listed = ", ".join(repr(name[:40]) for name in columns[:8]) or "none"
    more = ", …" if len(columns) > 8 else ""
    near = _near("smiles" if key == "auto" else key, columns)
    hint = f"Set smiles_key to the column of SMILES. {near}"
    return GankitError(f"{where} has no {missing}; it has {listed}{more}", hint)


def _near(key: str, columns: Sequence[str]) -> str:
    return did_you_mean(key.lower(), [column.lower() for column in columns])


def key_in(columns: Sequence[str], key: str, usual: Sequence[str]) -> str | None:
    """The column with the key's name, or for auto the first usual one, in any case."""
    lower = {column.strip().lower(): column for column in reversed(columns)}
    if key == "auto":
        return next((lower[name] for name in usual if name in lower), None)
    return key if key in columns else lower.get(key.strip().lower())
