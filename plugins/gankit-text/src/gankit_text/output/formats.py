"""Writing texts: JSON lines, plain text, CSV and Parquet."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.contract import Codec, Provenance, Sample, Written
from gankit.errors import GankitError, did_you_mean
from gankit.kit.tables import TableWriter, json_line, provenance_metadata
from gankit_text.codec.forms import Form
from gankit_text.data.items import Text
from gankit_text.output.rows import Rows

FORMATS = ("jsonl", "txt", "csv", "parquet")
"""Output formats; the first is the default."""
FIRST = 5_000
"""Rows by which the columns of a table are chosen."""
FEW_DISTINCT = 0.5
"""The share of distinct texts below which repeats are doubted."""
MANY_EMPTY = 0.05
"""The share of empty texts that is doubted."""

Samples = Iterable[Sample[Text]]


def write(
    samples: Samples, target: Path, codec: Codec[Text], provenance: Provenance, format: str
) -> Written:
    """Writes texts below ``target`` as they come: ``texts.jsonl``, ``.txt``, ``.csv`` or
    ``.parquet``.

    Tables have the columns of the training data, and ``seed`` and ``generated``. Plain text has a
    text a line, or in blocks between blank lines where texts have several lines; a record beside it
    says that it is generated.

    Raises:
        GankitError: unknown format, or texts that it cannot hold.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    form = getattr(codec, "form", Form())
    counted = _Counted(samples)
    file = target / f"texts.{format}"
    writers: dict[str, Callable[[Samples, Path, Form, Provenance], None]] = {
        "jsonl": _json_lines,
        "txt": _plain,
        "csv": _csv,
        "parquet": _parquet,
    }
    writers[format](counted, file, form, provenance)
    return counted.written()


class _Counted:
    """Samples, counted as they pass."""

    def __init__(self, samples: Samples) -> None:
        self._samples, self.n, self.empty = samples, 0, 0
        self._seen = set[int]()

    def __iter__(self) -> Iterator[Sample[Text]]:
        for sample in self._samples:
            if not sample.real:
                self.n += 1
                self.empty += not sample.item.text.strip()
                self._seen.add(hash((sample.item.text, sample.item.pair)))
            yield sample

    def written(self) -> Written:
        warnings = []
        if self.n >= 20 and len(self._seen) < FEW_DISTINCT * self.n:
            warnings.append(
                f"only {len(self._seen):,} of {self.n:,} texts are distinct: train for longer, or "
                "generate with temperature=0.5"
            )
        if self.empty > MANY_EMPTY * max(self.n, 1):
            warnings.append(
                f"{self.empty:,} of {self.n:,} texts are empty: train the autoencoder for longer "
                "(epochs=…)"
            )
        return Written({"distinct": len(self._seen), "empty": self.empty}, warnings)


# --- JSON lines ---------------------------------------------------------------------------------


def _json_lines(samples: Samples, file: Path, form: Form, provenance: Provenance) -> None:
    rows = Rows(form)
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for sample in samples:
            out.write(json_line({k: v for k, v in rows.row(sample).items() if v is not None}))


# --- Plain text ---------------------------------------------------------------------------------


def _plain(samples: Samples, file: Path, form: Form, provenance: Provenance) -> None:
    if form.paired:
        raise GankitError("format=txt: plain text holds no pairs", "Use jsonl, csv or parquet")
    if form.blank:
        raise GankitError(
            "format=txt: the texts have blank lines, which separate texts in plain text",
            "Use jsonl, csv or parquet",
        )
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for sample in samples:
            out.write(f"{sample.item.text}\n\n" if form.lines else f"{sample.item.text}\n")


# --- Tables -------------------------------------------------------------------------------------


def _csv(samples: Samples, file: Path, form: Form, provenance: Provenance) -> None:
    found, names = _begun(samples, form)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, names, extrasaction="raise", lineterminator="\n")
        writer.writeheader()
        for row in found:
            _refuse_late(row, names)
            writer.writerow({key: _cell(value) for key, value in row.items()})


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value


def _parquet(samples: Samples, file: Path, form: Form, provenance: Provenance) -> None:
    found, names = _begun(samples, form)
    first = list(islice(found, FIRST))
    types = {name: _type([row.get(name) for row in first]) for name in names}
    types |= {"seed": pa.uint64(), "generated": pa.bool_()}
    schema = pa.schema(list(types.items()), provenance_metadata(provenance))
    with TableWriter(file, schema) as writer:
        for row in chain(first, found):
            _refuse_late(row, names)
            writer.write({k: _typed(k, v, types[k]) for k, v in row.items()})


def _begun(samples: Samples, form: Form) -> tuple[Iterator[dict[str, Any]], list[str]]:
    """The rows, and the columns of the first ones."""
    rows = Rows(form)
    stream = map(rows.row, samples)
    first = list(islice(stream, FIRST))
    names = list(dict.fromkeys(key for row in first for key in row)) or rows.least()
    last = [name for name in ("seed", "generated") if name in names]
    return chain(first, stream), [*(n for n in names if n not in last), *last]


def _refuse_late(row: dict[str, Any], names: list[str]) -> None:
    if late := [key for key in row if key not in names]:
        raise GankitError(
            f"column {late[0]!r} is not in the first {FIRST:,} rows", "Use --format jsonl"
        )


def _type(values: list[object]) -> Any:
    kinds = Counter(type(value) for value in values if value is not None)
    if kinds and all(issubclass(kind, bool) for kind in kinds):
        return pa.bool_()
    if kinds and all(issubclass(kind, int) and kind is not bool for kind in kinds):
        return pa.int64()
    if kinds and all(issubclass(kind, (int, float)) and kind is not bool for kind in kinds):
        return pa.float64()
    return pa.string()


def _typed(name: str, value: object, kind: Any) -> object:
    if value is None or not pa.types.is_string(kind):
        if isinstance(value, str):
            raise GankitError(
                f"column {name!r} has the text {value[:40]!r} after numbers", "Use --format jsonl"
            )
        return value
    return value if isinstance(value, str) else str(_cell(value))
