"""Parquet files in the Hugging Face layout: encoded files in a column, names of classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def is_binary(kind: Any) -> bool:
    """Whether an Arrow type holds bytes."""
    import pyarrow.types as types

    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def class_names(
    metadata: Mapping[bytes, bytes] | None, column: str, *, is_label: bool = True
) -> Sequence[str]:
    """The names of a column's classes, where integers stand for them; else nothing.

    Args:
        metadata: the schema's: Hugging Face's ClassLabel, or the key ``classes``.
        column: its name.
        is_label: whether ``classes``, which names no column, is about this one.
    """
    metadata = metadata or {}
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[column]["names"]]
    except (KeyError, TypeError, ValueError):
        classes = metadata.get(b"classes", b"").decode("utf-8", "replace")
        return classes.split(",") if classes and is_label else ()


def class_name(value: object, names: Sequence[str]) -> object:
    """The name of a class that an integer stands for; any other value as it is, and None for
    Hugging Face's "not labelled", a negative number."""
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if value < 0:
            return None
        if value < len(names):
            return names[value]
    return value
