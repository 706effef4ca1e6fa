"""Runs that fail beside healthy ones: what the guard sees, how soon, and what it heals.

    python benchmarks/guard.py run WORK [NAME ...] [--guard warn|heal|stop|off] [--seeds 0 1 2]
    python benchmarks/guard.py table WORK
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch

import gankit
from gankit.contract import Extractor
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.metrics.frechet import GaussianStats, frechet_distance
from gankit.metrics.manifold import manifold_scores
from gankit.metrics.memorisation import memorisation_scores
from gankit.workflows.data import read_data
from gankit.workflows.scoring import evaluators_of
from guard_runs import EVERYWHERE, FAILING, HEALTHY, Values

MOST = 500


def train(name: str, folder: Path, guard: str, seed: int) -> dict[str, Any]:
    failing = FAILING.get(name)
    healthy = HEALTHY[failing.of if failing else name]
    settings = {**EVERYWHERE, "train.burn_in": healthy.samples, **healthy.settings}
    settings["log.every"] = max(healthy.samples // 100, 1)
    if failing:
        settings |= failing.change
    if guard != "off":
        settings["guard.action"] = guard
    samples = settings.pop("train.samples", healthy.samples)
    networks = None if failing is None else failing.networks
    data = settings.pop("data", healthy.data)()
    began, ended = time.process_time(), "done"
    try:
        gankit.fit(healthy.recipe, data, out=folder, samples=samples, seed=seed, networks=networks,
                   progress=False, settings=settings)
    except GankitError as error:
        ended = str(error)
    seconds = time.process_time() - began
    run = gankit.load(folder, networks=networks, data=data)
    began = time.process_time()
    return {
        "name": name, "seed": seed, "guard": guard, "ended": ended, "cpu": round(seconds, 1),
        "samples": run.samples_trained, **score(run, data), "score_cpu": round(time.process_time() - began, 1),
    }


def score(run: Any, data: Any) -> dict[str, float]:
    split = read_data(run.plugin, run.config, data)
    n = min(len(split.heldout) // 2, MOST)
    made = list(run.stream(n))
    codec = run.codec if hasattr(run, "codec") else made
    from gankit.runs.directory import load_codec
    from gankit.runs.model import read_model
    codec = load_codec(run.plugin, run.model_folder, run.config.settings) if False else run.sampler("cpu").codec
    extractor = next(e for e in evaluators_of(run.plugin.modality, codec, run.config.settings, ()) if isinstance(e, Extractor))
    order = np.random.default_rng(0).permutation(len(split.heldout))
    real, other = (take(split.heldout, sorted(order[i * n:(i + 1) * n])) for i in (0, 1))
    known = take(split.train, sorted(np.random.default_rng(0).permutation(len(split.train))[:5000]))
    extractor.fit(split.train)
    items = [s.item for s in made]
    ok = [extractor.accepts(i) for i in items]
    out = {"n": n, "accepted": float(np.mean(ok))}
    if sum(ok) < 10:
        return out
    f = {k: extractor.features(v) for k, v in {"real": real, "other": other, "known": known, "made": [i for i, o in zip(items, ok) if o]}.items()}
    for key, end in (("made", ""), ("other", "_real")):
        found = manifold_scores(f["real"], f[key]) | memorisation_scores(f["known"], f[key], f["other"])
        found["frechet"] = frechet_distance(GaussianStats.of(f["real"]), GaussianStats.of(f[key]))
        out |= {k + end: round(float(v), 4) for k, v in found.items() if k in ("precision", "recall", "coverage", "copies", "frechet", "closer_to_train")}
    cond = codec.layout.condition
    if cond is not None and len(cond.fields) == 1 and hasattr(cond.fields[0], "values"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        lab = lambda xs: codec.encode(list(xs), np.random.default_rng(0)).c.argmax(1).numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(f["known"], lab(known))
        want = np.array([np.argmax(cond.encode(s.condition)) for s, o in zip(made, ok) if o])
        out["agreement"] = float((model.predict(f["made"]) == want).mean())
        out["agreement_real"] = float((model.predict(f["other"]) == lab(other)).mean())
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--guard", default="off")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    o = parser.parse_args()
    torch.set_num_threads(1)
    for seed in o.seeds:
        for name in o.names or [*HEALTHY, *FAILING]:
            folder = o.work / f"{name}-{o.guard}-{seed}"
            if (folder / "guard.json").exists():
                continue
            found = train(name, folder, o.guard, seed)
            (folder / "guard.json").write_text(json.dumps(found))
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
