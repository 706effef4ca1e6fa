"""Fits one method to entities or related tables and generates as many, in a process of its own;
``sequences.py`` and ``related.py`` call it.

    python benchmarks/entity_methods.py gankit FOLDER --seed 0

reads the tables ``FOLDER/train/*.parquet`` with ``FOLDER/settings.json``, writes
``FOLDER/made/*.parquet`` and ``measures.json``: processor seconds of fitting and of generating, and
the peak of resident memory. ``deepecho`` (its licence allows development benchmarks and forbids
more) runs in an environment of its own and needs no gankit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from table_methods import peak, spent

Tables = dict[str, pa.Table]


def gankits(tables: Tables, settings: dict[str, Any], n: int, seed: int, folder: Path) -> Any:
    import gankit

    more = {"train__threads": 1, "log__verdict": 0, **settings}
    data = next(iter(tables.values())) if len(tables) == 1 else dict(tables)
    shutil.rmtree(folder / "run", ignore_errors=True)
    run = gankit.fit("tabular", data, out=folder / "run", train__seed=seed, **more)

    def draw() -> Tables:
        from gankit_tabular.data.trees.items import as_trees

        trees = as_trees([sample.item for sample in run.sample(n).samples])
        return {name: rows.table for name, rows in trees.tables.items()}

    return draw


def baseline(name: str) -> Any:
    def fit(tables: Tables, settings: dict[str, Any], n: int, seed: int, folder: Path) -> Any:
        import entity_baselines

        return lambda: getattr(entity_baselines, name)(tables, settings, n, seed)

    return fit


def deepecho(tables: Tables, settings: dict[str, Any], n: int, seed: int, folder: Path) -> Any:
    import pandas as pd
    import torch
    from deepecho import PARModel

    torch.manual_seed(seed)
    np.random.seed(seed)
    frame = next(iter(tables.values())).to_pandas()
    entity, order = settings["sequence__entity"], settings.get("sequence__order")
    if order:  # differences, since the package would have to extrapolate the order itself
        at = frame[order]
        at = at.astype("int64") // 10**9 if pd.api.types.is_datetime64_any_dtype(at) else at
        frame[order] = at.groupby(frame[entity]).diff()
        first = at.groupby(frame[entity]).transform("first")
        frame["first"] = first
        frame[order] = frame[order].fillna(0)
    values = frame.groupby(entity).nunique(dropna=False)
    same = [c for c in values if (values[c] == 1).all()]
    if order and order in same:
        same.remove(order)
    words = set(settings.get("categories", ())) | set(frame.select_dtypes(exclude="number"))
    for column in frame:
        if column in words:
            frame[column] = frame[column].astype(str)
        elif frame[column].isna().any():
            frame[column] = frame[column].astype(float)
    kinds = {c: "categorical" if c in words else "continuous" for c in frame if c != entity}
    # An entity of one row cannot train it.
    frame = frame[frame.groupby(entity)[entity].transform("size") > 1]
    model = PARModel(epochs=int(os.environ.get("EPOCHS", "128")), cuda=False, verbose=False)
    model.fit(frame, [entity], same, kinds)

    def draw() -> Tables:
        contexts = frame.groupby(entity)[same].first()
        chosen = np.random.default_rng(seed).integers(len(contexts), size=n)
        drawn = contexts.iloc[chosen].reset_index(drop=True)
        drawn.insert(0, entity, [f"E{i}" for i in range(n)])
        made = model.sample(context=drawn)
        if order:
            steps = made.groupby(entity)[order].cumsum()
            made[order] = made["first"] + steps - made.groupby(entity)[order].transform("first")
            made = made.drop(columns="first")
        made = made.replace("nan", None)
        return {next(iter(tables)): pa.Table.from_pandas(made, preserve_index=False)}

    return draw


METHODS = {
    "gankit": gankits,
    "independent rows": baseline("independent"),
    "Markov chain of rows": baseline("markov"),
    "children of another parent": baseline("glued"),
    "deepecho": deepecho,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("method", choices=list(METHODS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, required=True, help="entities")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    settings = json.loads((args.folder / "settings.json").read_text())
    names = settings.pop("tables")
    tables = {name: pq.read_table(args.folder / "train" / f"{name}.parquet") for name in names}
    if args.method == "gankit":  # imports are not counted
        import gankit_tabular.modality  # noqa: F401
    started = spent()
    draw = METHODS[args.method](tables, settings, args.n, args.seed, args.folder)
    fitted = spent()
    made = draw()
    done = spent()
    (args.folder / "made").mkdir(exist_ok=True)
    for name, table in made.items():
        pq.write_table(table, args.folder / "made" / f"{name}.parquet")
    measures = {"fit s": fitted - started, "generate s": done - fitted, "peak MB": peak()}
    (args.folder / "measures.json").write_text(json.dumps(measures))


if __name__ == "__main__":
    sys.exit(main())
