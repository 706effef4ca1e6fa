"""A table's column of splits: only its training part is used."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gankit.kit.splits import left_out_text, split_column, split_in, split_of

OTHER_SPLIT = "of another split than train, which is left out"
"""The reason to skip an entry."""


def without_other_splits(entries: pa.Table, cells: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Entries, of which those are skipped that a column assigns to another part of the data set
    than training; and what is to be said of it.
    """
    texts = {
        name: pc.utf8_trim_whitespace(column.cast(pa.large_string()))
        for name, column in zip(cells.column_names, cells.columns, strict=True)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    }
    values = {name: pc.unique(column).to_pylist() for name, column in texts.items()}
    name = split_column(list(texts), values)
    parts = {v: split_of(v) or split_in(v) for v in values.get(name or "", ()) if v}
    if "train" not in parts.values():
        return entries, {}
    others = {value for value, part in parts.items() if part != "train"}
    if not others:
        return entries, {"split": f"train, by column {name!r}"}
    counts = pc.value_counts(texts[name]).to_pylist()
    left_out = {v["values"]: v["counts"] for v in counts if v["values"] in others}
    out = pc.fill_null(pc.is_in(texts[name], pa.array(sorted(others), pa.large_string())), False)
    why = pc.if_else(out, OTHER_SPLIT, entries.column("why")).cast(pa.large_string())
    said = f"train, by column {name!r}; {left_out_text(left_out, 'row')}"
    return entries.set_column(entries.column_names.index("why"), "why", why), {"split": said}
