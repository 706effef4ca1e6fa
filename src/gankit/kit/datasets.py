"""Data sets of other libraries, torch's and Hugging Face's, as plain lists that a plugin reads.

They are recognised by what they have, so that neither library needs to be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gankit.contract import Issue, Progress, quiet
from gankit.errors import GankitError
from gankit.kit.folders import printable, skip

EVERY = 100
"""Items between two calls of the progress callback."""


def is_dataset(source: object) -> bool:
    """Whether an object is a data set of torch or Hugging Face; also one that cannot be used,
    which :func:`gathered` refuses."""
    torch = sys.modules.get("torch.utils.data")
    if torch is not None and isinstance(source, torch.Dataset):
        return True
    return _is_hugging_face(source) or _splits(source) is not None


def gathered(
    source: Any, strict: bool = False, progress: Progress = quiet
) -> tuple[Any, list[Issue]]:
    """All items of a data set, in memory, and those that raised.

    Items that are mappings become a list of mappings, pairs ``(x, y)`` a pair of lists, anything
    else a list. Numbers of classes become their names where the data set knows them.

    Args:
        strict: whether an item may not raise.

    Raises:
        GankitError: it has no length or several splits, every item raises, or one that may not.
    """
    if (splits := _splits(source)) is not None:
        raise GankitError(
            f"the data set consists of splits: {', '.join(splits)}",
            f"Pass one of them: data[{splits[0]!r}]",
        )
    kind = type(source).__name__
    try:
        count = len(source)
    except (TypeError, NotImplementedError):
        raise GankitError(
            f"the data set {kind} is a stream without a length", "Pass a list of its items"
        ) from None
    items, issues = [], list[Issue]()
    for i in range(count):
        if i % EVERY == 0:
            progress("reading items", i, count)
        try:
            items.append(source[i])
        except Exception as error:  # noqa: BLE001 - it is the user's own code
            text = str(error).splitlines()[:1]
            why = printable(": ".join([type(error).__name__, *text]))
            issue = Issue(f"item {i}", f"it cannot be read ({why})")
            issues.append(skip(issue, f"data set {kind}", strict))
    if not items:
        why = f": {issues[0].location}: {issues[0].reason}" if issues else ""
        raise GankitError(f"the data set {kind} has no usable item{why}", "Fix the data set")
    return _plain(items, _class_names(source)), issues


def _is_hugging_face(source: object) -> bool:
    return hasattr(source, "features") and hasattr(source, "column_names")


def _splits(source: object) -> list[str] | None:
    """The names of splits, of a mapping from them to data sets."""
    if not isinstance(source, Mapping) or not source:
        return None
    found = all(_is_hugging_face(part) for part in source.values())
    return [str(name) for name in source] if found else None


def _class_names(source: Any) -> dict[str, Sequence[str]]:
    """The names of numbered classes by column; by "" of the second part of a pair."""
    found = {}
    features = getattr(source, "features", None)
    if isinstance(features, Mapping):
        found = {name: feature.names for name, feature in features.items() if _named(feature)}
    while (classes := getattr(source, "classes", None)) is None and hasattr(source, "dataset"):
        source = source.dataset  # of a subset
    if isinstance(classes, Sequence) and all(isinstance(name, str) for name in classes):
        found[""] = classes
    return found


def _named(feature: object) -> bool:
    names = getattr(feature, "names", None)
    return isinstance(names, Sequence) and all(isinstance(name, str) for name in names)


def _plain(items: list[Any], classes: Mapping[str, Sequence[str]]) -> Any:
    if all(isinstance(item, Mapping) for item in items):
        return [
            {key: _value(value, classes.get(key, ())) for key, value in item.items()}
            for item in items
        ]
    if all(isinstance(item, tuple) and len(item) == 1 for item in items):
        return [item[0] for item in items]
    if all(isinstance(item, tuple | list) and len(item) == 2 for item in items):
        names = classes.get("", ())
        return [item[0] for item in items], [_value(item[1], names) for item in items]
    return items


def _value(value: Any, names: Sequence[str]) -> Any:
    """A single value as Python's, a class by its name, a decoder's sound as array and rate."""
    if hasattr(value, "get_all_samples"):
        sound = value.get_all_samples()
        return {"array": sound.data.numpy(), "sampling_rate": sound.sample_rate}
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    return value
