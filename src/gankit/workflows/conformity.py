"""Whether another data set fits a run: by its codec's schema, or by its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Augmentable, Codec, Conformed, Conforms, Dataset
from gankit.contract.codec import classes, conform
from gankit.errors import GankitError, without_password

LOOKED_AT = 2000
"""Items whose attributes are looked at, evenly spread: reading an item may take long."""
NAMED = 5
"""Classes that a message names."""


def conformed(
    modality: object,
    codec: Codec[Any],
    items: Sequence[Any],
    source: object,
    *,
    strict: bool = False,
    dataset: Dataset[Any] | None = None,
) -> Conformed[Any]:
    """Items of another data set in the form of the codec's, with what differed.

    Args:
        modality: the run's.
        source: the data set's name in messages.
        strict: whether everything in ``items`` must have a place in generated items.
        dataset: what was read, whose own warnings are passed on.

    Raises:
        GankitError: they do not fit; the message names the source.
    """
    name = named(source)
    own = list(dataset.warnings) if dataset is not None else []
    try:
        found = conform(codec, items, strict)
    except GankitError as error:
        if error.message.startswith(name):
            raise
        raise GankitError(f"{name}: {error.message}", error.hint) from None
    warnings = [w if w.startswith(name) else f"{name}: {w}" for w in found.warnings]
    if not isinstance(codec, Conforms):
        warnings += _class_warnings(modality, codec, items, name, strict)
    return Conformed(found.items, [*own, *warnings])


def attribute_warnings(
    modality: object, real: Sequence[Any], generated: Sequence[Any], names: tuple[object, object]
) -> list[str]:
    """What one of two data sets has and the other lacks, by name.

    Args:
        names: of the real data and of the generated, in messages.
    """
    if not isinstance(modality, Augmentable):
        return []
    ours, theirs = (set(_attributes(modality, items)) for items in (real, generated))
    if not ours or not theirs:  # without labels, say, on one side
        gone = sorted(ours | theirs)
        if not gone:
            return []
        which, other = names if ours else names[::-1]
        return [f"{named(other)} has no {_listed(gone)}, which {named(which)} has"]
    found = []
    for missing, (which, other) in ((ours - theirs, names), (theirs - ours, names[::-1])):
        if missing:
            what = _listed(sorted(missing))
            found.append(f"{named(other)} has no {what}, which {named(which)} has")
    return found


def _class_warnings(
    modality: object, codec: Codec[Any], items: Sequence[Any], source: str, strict: bool
) -> list[str]:
    """Conditions that the items lack, and classes that the run does not know.

    Raises:
        GankitError: the run knows none of the classes, and is strict.
    """
    known, warnings = classes(codec), []
    if not known or not isinstance(modality, Augmentable) or not len(items):
        return []
    seen = _attributes(modality, items)
    for name, values in known.items():
        if name not in seen:
            warnings.append(f"{source} has no {name}, which the run is conditioned on")
            continue
        unknown = {v: None for v in seen[name] if v not in set(values)}
        if not unknown:
            continue
        listed = _listed([*unknown])
        if strict and len(unknown) == len(seen[name]):
            raise GankitError(
                f"{source}: the run knows none of its values of {name}: {listed}",
                f"The run knows {_listed(values)}. Use data of the kind that it was trained on",
            )
        warnings.append(f"{source}: the run does not know {name} {listed}")
    return warnings


def _attributes(modality: Augmentable, items: Sequence[Any]) -> Mapping[str, list[str]]:
    """The attributes of some of the items: the values of each, in the order in which they occur."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(len(items), LOOKED_AT)).astype(int))
    found: dict[str, dict[str, None]] = {}
    for i in chosen.tolist():
        for name, value in modality.attributes(items[i]).items():
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                found.setdefault(name, {})[text] = None
    return {name: list(values) for name, values in found.items()}


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return ", ".join(values[:NAMED]) + more


def named(source: object) -> str:
    if isinstance(source, str | Path):
        return without_password(str(source))
    return "the data"
