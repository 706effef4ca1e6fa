"""Fits one synthesiser to a table and draws rows, in a process of its own; ``tabular.py`` calls it.

    python benchmarks/table_methods.py 'tabular/default train.samples=1000' FOLDER --rows 500

reads ``FOLDER/train.parquet``, writes ``made.parquet`` and ``measures.json``:
processor seconds of fitting and of sampling (not of importing) and the peak of resident memory. It
needs no gankit for the packages of others, which run in an environment of their own: ``ctgan``
(its licence allows development benchmarks and forbids more) and ``mostlyai-engine``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}
os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # or ctgan's encoder runs in processes not counted here

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CONDITIONED = 2_000
"""Rows that are generated for a condition."""
WHITE_BOX = "white_box_membership_auc"
MISSING = "missing"
"""The category that ``ctgan`` gets for a missing value."""

Settings = Mapping[str, Any]
Draw = Callable[[int, Mapping[str, str]], pa.Table]
"""``draw(n, where)``: n rows, with the requested values where the model supports conditions."""
Fit = Callable[[pa.Table, int], Draw]
"""``fit(train, seed) -> draw``."""

OTHERS = ("mostlyai-engine", "CTGAN", "TVAE")
"""Methods of packages that gankit does not need."""
BASELINES = {
    "independent columns": "independent",
    "gaussian copula": "copula",
    "sequential trees": "trees",
}


def as_settings(words: list[str]) -> dict[str, Any]:
    """``key=value`` as on the command line, for :func:`gankit.fit`."""
    pairs = (word.split("=", 1) for word in words)
    return {k.replace(".", "__"): tomllib.loads(f"it = {v}")["it"] for k, v in pairs}


def method(text: str) -> Fit:
    """A method by its name; after the name of a model, settings as ``key=value``.

    Names are ``tabular/RECIPE``, those of :data:`BASELINES` and :data:`OTHERS`.
    """
    if text in BASELINES:
        return getattr(importlib.import_module("table_baselines"), BASELINES[text])  # type: ignore[no-any-return]
    name, *words = text.split()
    settings = as_settings(words)
    if name.startswith("tabular/"):
        return gankits(name, settings)
    if name == "mostlyai-engine":
        return mostlyai(settings)
    if name in OTHERS:
        return ctgan(name, settings)
    sys.exit(f"no method {name!r}")


def gankits(recipe: str, settings: Settings) -> Fit:
    import gankit
    import gankit.engine.trainer
    import gankit_tabular.modality  # noqa: F401  (imports are not counted)
    from gankit_tabular.data.rows import as_table

    def fit(train: pa.Table, seed: int) -> Draw:
        folder = tempfile.TemporaryDirectory()
        own = {"train__seed": seed, "train__threads": 1, **settings}
        run = gankit.fit(recipe, train, out=f"{folder.name}/run", **own)

        def draw(n: int, where: Mapping[str, str], _alive: object = folder) -> pa.Table:
            return as_table(run.sample(n, where=where), train.schema)

        draw.run = run  # type: ignore[attr-defined]
        return draw

    return fit


def ctgan(kind: str, settings: Settings) -> Fit:
    import ctgan as package
    import torch

    def fit(train: pa.Table, seed: int) -> Draw:
        torch.manual_seed(seed)
        np.random.seed(seed)
        frame = as_frame(train)
        words = list(frame.select_dtypes(exclude="number"))
        frame[words] = frame[words].fillna(MISSING)
        gaps = {c: f"{c} {MISSING}" for c in frame if frame[c].isna().any()}
        for column, gap in gaps.items():  # the package has no missing numbers
            frame[gap] = frame[column].isna().astype(str)
            frame[column] = frame[column].fillna(frame[column].mean())
        model = getattr(package, kind)(**settings)
        model.fit(frame, [*words, *gaps.values()])

        def draw(n: int, where: Mapping[str, str]) -> pa.Table:
            made = model.sample(n, *[word for pair in where.items() for word in pair])
            made[words] = made[words].replace(MISSING, None)
            for column, gap in gaps.items():
                made[column] = made[column].mask(made[gap] == "True")
            return from_frame(made, train.schema)

        return draw

    return fit


def mostlyai(settings: Settings) -> Fit:
    from mostlyai.engine import TabularARGN

    def fit(train: pa.Table, seed: int) -> Draw:
        model = TabularARGN(random_state=seed, device="cpu", **settings)
        model.fit(as_frame(train, dates=True))
        return lambda n, where: from_frame(model.sample(n), train.schema)

    return fit


def as_frame(table: pa.Table, dates: bool = False) -> Any:
    """A data frame; dates are seconds where the package has no dates."""
    for i, field in enumerate(table.schema):
        if pa.types.is_temporal(field.type):
            instants = table[i].cast(pa.timestamp("s"), safe=False)
            table = table.set_column(i, field.name, instants if dates else instants.cast("int64"))
    return table.to_pandas()


def from_frame(frame: Any, schema: pa.Schema) -> pa.Table:
    """The table of a frame of :func:`as_frame`; numbers of whole columns are rounded."""
    columns = []
    for field in schema:
        values = pa.array(frame[field.name], from_pandas=True)
        if pa.types.is_temporal(field.type):
            instants = values if pa.types.is_temporal(values.type) else values.cast("int64")
            values = instants.cast(pa.timestamp("s"), safe=False)
        columns.append(values.cast(field.type, safe=False))
    return pa.table(columns, schema=schema)


def hit_rate(draw: Draw, column: str, value: str) -> float:
    """The share of rows generated for a value that have it."""
    made = draw(CONDITIONED, {column: value}).column(column).to_pylist()
    return float(np.mean([str(v) == value for v in made]))


def white_box_auc(draw: Draw) -> dict[str, float]:
    """How well the model's own likelihood tells rows it was trained on from rows that it set aside;
    nothing without a likelihood."""
    if not hasattr(draw, "run"):
        return {}
    from gankit import GankitError

    try:
        found = draw.run.evaluate(only=(WHITE_BOX,), n=10, progress=False)
        return {WHITE_BOX: found[WHITE_BOX]}
    except (GankitError, KeyError):
        return {}


def spent() -> float:
    """Processor seconds of this process and those it has started and waited for."""
    both = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def peak() -> float:
    """MB that this process has held at most. getrusage() would count its parent's before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e3
    return float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("method")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="processor seconds; then it is killed")
    parser.add_argument("--where", default="", help="column=value that models condition on")
    args = parser.parse_args()
    if args.limit:
        resource.setrlimit(resource.RLIMIT_CPU, (args.limit, args.limit))
    train = pq.read_table(args.folder / "train.parquet")
    fit = method(args.method)
    import torch
    import torch._dynamo  # the first optimiser of a process would

    torch.set_num_threads(1)
    began = spent()
    draw = fit(train, args.seed)
    fitted = spent()
    made = draw(args.rows, {})
    measures = {"fit_s": fitted - began, "sample_s": spent() - fitted, "memory_mb": peak()}
    pq.write_table(made, args.folder / "made.parquet")
    measures |= white_box_auc(draw)
    if args.where and (args.method.startswith(("tabular/", "CTGAN"))):
        measures["requested"] = hit_rate(draw, *args.where.split("=", 1))
    (args.folder / "measures.json").write_text(json.dumps(measures))


if __name__ == "__main__":
    main()
