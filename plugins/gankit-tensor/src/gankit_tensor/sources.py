"""Reading: objects in memory, .npy, .npz and .pt files."""

from __future__ import annotations

import hashlib
import tokenize
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Dataset, Issue
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import no_such_path
from gankit_tensor.item import Array, Item
from gankit_tensor.settings import TensorSettings

FEWEST = 8
"""Fewest items in a data set."""
SUFFIXES = (".npz", ".npy", ".pt")
C_KEYS = ("c", "label", "labels", "y", "target")
MOST_CLASSES = 1000
"""Integers of more different values are numbers, not labels."""
LABEL = "label"
_GIVE = "Give an array or tensor (N, …), a pair (x, c), or a .npy, .npz or .pt file"
# Headers of NumPy files are Python expressions.
_DAMAGED = (
    *(OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, SyntaxError),
    *(tokenize.TokenError, zipfile.BadZipFile),
)


def read(source: object | None, settings: TensorSettings) -> Dataset[Item]:
    """The items of a source; None is scikit-learn's wine data.

    Raises:
        GankitError: it is not there, cannot be read, or has too few items.
    """
    licence, where = "", "the data"
    if source is None:
        from sklearn.datasets import load_wine

        wine = load_wine()
        x, c = wine.data, np.array([str(wine.target_names[t]) for t in wine.target])
        where, licence = "the wine data", "CC BY 4.0"
    elif isinstance(source, str | Path):
        path = _file(Path(source))
        (x, c), where = _arrays(_loaded(path), settings, str(path)), str(path)
    else:
        x, c = _arrays(source, settings, where)
    return _dataset(_numbers(x, where), c, settings, where, licence)


def _file(path: Path) -> Path:
    """The file to read: of a folder, the only one of a kind that is read.

    Raises:
        GankitError: there is none, or there are several.
    """
    if not path.exists():
        raise no_such_path(path)
    if not path.is_dir():
        return path
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if len(found) != 1:
        names = ", ".join(p.name for p in found[:5]) or "none"
        raise GankitError(f"{path} has {len(found)} files of arrays ({names})", "Name one file")
    return found[0]


def _loaded(path: Path) -> Any:
    """The content of a file.

    Raises:
        GankitError: it is damaged, or of another kind.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise GankitError(f"{path} is not a file of arrays", f"Use {', '.join(SUFFIXES)}")
    try:
        if suffix == ".pt":
            import torch

            return torch.load(path, map_location="cpu", weights_only=True)
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            return found if isinstance(found, np.ndarray) else dict(found)
    except _DAMAGED as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise GankitError(f"{path}: cannot be read ({reason})", "Save plain arrays") from None
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":
            raise
        raise GankitError(
            f"{path}: it holds more than tensors, which is not loaded", "Save tensors alone"
        ) from None


def _arrays(source: Any, settings: TensorSettings, where: str) -> tuple[Any, Any]:
    """Items and conditions (None without) of an object.

    Raises:
        GankitError: it has none.
    """
    if isinstance(source, Mapping):
        names = [str(name) for name in source]
        of_x = settings.x_key if settings.x_key in names else ""
        of_x = of_x or (names[0] if len(names) == 1 else "")
        if not of_x:
            raise GankitError(
                f"{where}: no array {settings.x_key!r}; it has {', '.join(names) or 'none'}",
                f"Set x_key. {did_you_mean(settings.x_key, names)}",
            )
        of_c = next((name for name in (settings.c_key, *C_KEYS) if name in names), None)
        numbers = [n for n in names if n[:1] == "c" and n[1:].isdecimal()]
        numbers.sort(key=lambda name: int(name[1:]))
        if of_c is None and numbers:
            return source[of_x], np.stack([np.asarray(source[n]) for n in numbers], 1)
        return source[of_x], None if of_c is None else source[of_c]
    if isinstance(source, tuple) and len(source) == 2:
        return source
    return source, None


def _numbers(x: Any, where: str) -> Array:
    """Items as an array of numbers.

    Raises:
        GankitError: they are none, or have several shapes.
    """
    try:
        if isinstance(x, Sequence) and not isinstance(x, str | bytes):
            x = np.stack([_array(one) for one in x])
        found = _array(x)
    except (ValueError, TypeError) as error:
        raise GankitError(f"{where}: no array of numbers ({error})", _GIVE) from None
    if found.dtype.kind not in "biuf" or found.ndim < 1:
        raise GankitError(f"{where}: {found.dtype} of shape {found.shape} is no numbers", _GIVE)
    if found.ndim == 1:
        found = found[:, None]
    if 0 in found.shape[1:]:
        raise GankitError(f"{where}: shape {found.shape} holds no numbers", _GIVE)
    return found.astype(np.uint8) if found.dtype == np.bool_ else found


def _array(value: Any) -> Array:
    if hasattr(value, "detach"):  # a tensor, on any device
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return np.asarray(value)


def _dataset(x: Array, c: Any, settings: TensorSettings, where: str, licence: str) -> Dataset[Item]:
    fields = _conditions(c, len(x), where) if c is not None and settings.conditional else {}
    finite = np.isfinite(x.reshape(len(x), -1)).all(1)
    for name, values in fields.items():
        if name != LABEL:
            finite &= np.isfinite(np.asarray(values, np.float64))
    issues = [Issue(f"item {i}", "a number is not finite") for i in np.flatnonzero(~finite)]
    good = np.flatnonzero(finite)
    if len(good) < FEWEST:
        why = f"; {issues[0].location}: {issues[0].reason}" if issues else ""
        raise GankitError(f"{where} has {len(good)} usable items{why}", f"Give at least {FEWEST}")
    items = [Item(x[i], {name: values[i] for name, values in fields.items()}) for i in good]
    labels = [item.c.get(LABEL) for item in items]
    shape = "×".join(map(str, x.shape[1:]))
    described = f"{len(items):,} arrays of {shape} {x.dtype}"
    if LABEL in fields:
        described += f", {len(set(labels))} labels"
    elif fields:
        described += f", conditioned on {len(fields)} number{'s' if len(fields) > 1 else ''}"
    digest = hashlib.sha256(np.ascontiguousarray(x[good]).tobytes())
    digest.update(repr([str(x.dtype), x.shape[1:], [list(i.c.values()) for i in items]]).encode())
    return Dataset(
        items,
        fingerprint=digest.hexdigest(),
        description=described,
        licence=licence,
        issues=issues,
        strata=labels if LABEL in fields else None,
    )


def _conditions(c: Any, count: int, where: str) -> dict[str, list[Any]]:
    """The values of each condition by its name: a label, or numbers.

    Raises:
        GankitError: there is not one for each item.
    """
    try:
        found = _array(list(map(_array, c))) if isinstance(c, Sequence) else _array(c)
    except (ValueError, TypeError) as error:
        raise GankitError(f"{where}: c is no array ({error})", _GIVE) from None
    if found.ndim not in (1, 2) or len(found) != count or found.dtype.kind not in "biufUSO":
        raise GankitError(
            f"{where}: c is {found.dtype} of shape {found.shape} for {count} items",
            "Every item needs one label, or a row of numbers",
        )
    if found.ndim == 1 and (found.dtype.kind in "USOb" or _few_integers(found)):
        return {LABEL: [str(value) for value in found.tolist()]}
    if found.dtype.kind not in "biuf":
        raise GankitError(f"{where}: c is a table of texts", "Give one label for each item")
    columns = found.reshape(count, -1).astype(np.float64)
    return {f"c{i}": columns[:, i].tolist() for i in range(columns.shape[1])}


def _few_integers(c: Array) -> bool:
    return c.dtype.kind in "iu" and len(np.unique(c)) <= MOST_CLASSES
