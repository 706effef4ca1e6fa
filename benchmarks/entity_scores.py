"""Splits data, runs methods in processes of their own and scores what they make: what
``sequences.py`` and ``related.py`` share."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from entity_baselines import settings_of, trees_of
from entity_data import Data

from gankit.contract import EvaluationData, Extractor, Sample
from gankit.metrics import evaluate
from gankit_tabular.data.trees.items import Structure, Trees
from gankit_tabular.modality import TabularModality

HERE = Path(__file__).resolve().parent
FLOOR = "held-out entities"


def arguments(about: str, data: Sequence[str], methods: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("data", choices=data)
    parser.add_argument("file", type=Path, nargs="?", default=Path(), help="see entity_data.py")
    parser.add_argument("--methods", nargs="+", default=methods)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--most", type=int, default=0, help="a seeded part of so many entities")
    parser.add_argument("--peer-python", default=sys.executable, help="has deepecho")
    parser.add_argument("--ours", nargs="*", default=[], help="settings as train__samples=1000")
    return parser


def split(data: Data, seed: int, most: int) -> tuple[Trees, Trees]:
    """Training and held-out trees: a fifth of them, whole."""
    trees = trees_of(data.tables, data.settings)
    order = np.random.default_rng([seed, 1]).permutation(len(trees))[: most or None]
    held = len(order) // 5
    return trees.__getitems__(np.sort(order[held:])), trees.__getitems__(np.sort(order[:held]))


def made_by(
    method: str, train: Trees, data: Data, n: int, seed: int, options: argparse.Namespace
) -> tuple[Mapping[str, pa.Table], Mapping[str, float]]:
    """What a method makes, and what that took.

    Raises:
        CalledProcessError: it failed.
    """
    python = options.peer_python if method == "deepecho" else sys.executable
    own = dict(word.split("=", 1) for word in options.ours) if method == "gankit" else {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "train").mkdir()
        for name, rows in train.tables.items():
            pq.write_table(rows.table, folder / "train" / f"{name}.parquet")
        names = {"tables": list(train.tables)}
        more = {key: json.loads(value) for key, value in own.items()}
        (folder / "settings.json").write_text(json.dumps({**data.settings, **names, **more}))
        command = [python, str(HERE / "entity_methods.py"), method, str(folder)]
        subprocess.run([*command, "--n", str(n), "--seed", str(seed)], check=True,
                       capture_output=True, text=True)  # fmt: skip
        tables = {n: pq.read_table(folder / "made" / f"{n}.parquet") for n in train.tables}
        return tables, json.loads((folder / "measures.json").read_text())


def scores(
    made: Sequence[Any], train: Trees, heldout: Trees, settings: Mapping[str, Any], seed: int
) -> dict[str, tuple[float, float | None]]:
    """Every score with its baseline."""
    evaluators = TabularModality().evaluators(None, settings_of(settings))
    for source in evaluators:
        if isinstance(source, Extractor):
            source.fit(train)
    data = EvaluationData([Sample(t, 0, {}) for t in made], train, heldout)
    return {s.name: (s.value, s.real_baseline) for s in evaluate(evaluators, data, seed)}


def integrity(tables: Mapping[str, pa.Table], structure: Structure) -> str:
    """Orphans and repeated keys, counted by DuckDB, or by Arrow without it."""
    orphans = repeated = 0
    try:
        import duckdb
    except ModuleNotFoundError:
        duckdb = None
    for link in structure.links:
        if not link.parent:
            continue
        child, parent = tables[link.table], tables[link.parent]
        if duckdb is None:
            wanted = child.column(link.foreign).to_pylist()
            keys = parent.column(link.references).to_pylist()
            orphans += sum(k not in set(keys) for k in wanted)
            repeated += len(keys) - len(set(keys))
            continue
        with duckdb.connect() as base:
            base.register("child", child)
            base.register("parent", parent)
            orphans += base.execute(
                f'select count(*) from child c left join parent p on c."{link.foreign}" = '
                f'p."{link.references}" where p."{link.references}" is null'
            ).fetchone()[0]
            repeated += base.execute(
                f'select count(*) - count(distinct "{link.references}") from parent'
            ).fetchone()[0]
    by = "Arrow" if duckdb is None else f"DuckDB {duckdb.__version__}"
    return f"{orphans} orphans, {repeated} repeated keys ({by})"


def table(
    found: Mapping[str, Sequence[Mapping[str, tuple[float, float | None]]]],
    costs: Mapping[str, Sequence[Mapping[str, float]]],
    names: Sequence[str],
) -> str:
    """A Markdown table: a row for each score, a column for each method."""
    methods = list(found)
    first = found[methods[0]]
    lines = [f"| score | {' | '.join([*methods, FLOOR])} |", "|---" * (len(methods) + 2) + "|"]
    for name in names:
        if not any(name in one for each in found.values() for one in each):
            continue
        cells = [shown([one[name][0] for one in found[m] if name in one]) for m in methods]
        floors = [one[name][1] for one in first if name in one and one[name][1] is not None]
        lines.append(f"| {name} | {' | '.join([*cells, shown(floors)])} |")
    for what in ("fit s", "generate s", "peak MB"):
        cells = [f"{np.mean([one[what] for one in costs[m]]):,.0f}" for m in methods]
        lines.append(f"| {what.replace(' s', ', CPU s').replace(' MB', ', MB')} | "
                     f"{' | '.join([*cells, '–'])} |")  # fmt: skip
    return "\n".join(lines)


def shown(values: Sequence[float | None]) -> str:
    """A mean, with the standard deviation over seeds."""
    known = [v for v in values if v is not None]
    if not known:
        return "–"
    spread = f" ± {np.std(known, ddof=1):.3f}" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{spread}"


def compare(data: Data, options: argparse.Namespace, names: Sequence[str]) -> str:
    """The report of all methods."""
    found: dict[str, list[Mapping[str, tuple[float, float | None]]]] = {}
    costs: dict[str, list[Mapping[str, float]]] = {}
    notes = list[str]()
    for seed in range(options.seeds):
        train, heldout = split(data, seed, options.most)
        for method in options.methods:
            try:
                tables, cost = made_by(method, train, data, len(heldout), seed, options)
            except subprocess.CalledProcessError as error:
                last = (error.stderr.strip() or "no message").splitlines()[-1]
                notes.append(f"{method}, seed {seed}: failed: {last}")
                continue
            made = trees_of(tables, data.settings)
            found.setdefault(method, []).append(scores(made, train, heldout, data.settings, seed))
            costs.setdefault(method, []).append(cost)
            if not train.structure.is_sequence and not seed:
                notes.append(f"{method}: {integrity(tables, train.structure)}")
    rows = {n: len(r) for n, r in train.tables.items()}
    sizes = ", ".join(f"{n} {count:,}" for n, count in rows.items())
    about = (
        f"{options.data}: {len(train):,} entities to train on (rows: {sizes}), {len(heldout):,} "
        f"generated and as many held out; {options.seeds} seed{'s' * (options.seeds > 1)}."
    )
    listed = "\n".join(f"- {note}" for note in notes)
    return "\n\n".join(filter(None, [about, table(found, costs, names) if found else "", listed]))
