"""What truncation trades: precision for recall, the lower ψ is.

Trains the recipe ``image/digits``, or takes a run, and prints a row a ψ: scores of as many samples
as were held out, of the same seeds, and the standard deviation over latents for one condition.

Usage: python benchmarks/truncation.py [--run RUN] [--psi 1 0.85 0.7 0.5 0]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import gankit
from gankit.contract import EvaluationData
from gankit.contract.evaluation import Extractor
from gankit.engine.sampling.previews import conditional_std
from gankit.metrics.evaluate import evaluate
from gankit.workflows.data import read_data

SCORES = ("frechet", "precision", "recall", "coverage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run with held-out items")
    parser.add_argument("--psi", type=float, nargs="+", default=[1, 0.85, 0.7, 0.5, 0])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.run:
            run = gankit.load(args.run)
        else:
            run = gankit.fit("image/digits", out=Path(folder) / "run", device="cpu")
        split = read_data(run.plugin, run.config)
        found = run.plugin.modality.evaluators(run.codec, run.settings)
        extractor = next(e for e in found if isinstance(e, Extractor))
        extractor.fit(split.train)
        print(f"| ψ | n | {' | '.join(SCORES)} | standard deviation |")
        print("|---|---|---|---|---|---|---|")
        for psi in args.psi:
            n = len(split.heldout)
            made = [*run.stream(n, truncation=psi, device="cpu")]
            data = EvaluationData(made, split.train, split.heldout)
            scores = evaluate([extractor], data, 0, only=["frechet", "manifold"])
            values = {score.name.partition("/")[0]: score.value for score in scores}
            spread = conditional_std(run.sampler("cpu").truncated(psi), conditions=10)
            cells = " | ".join(f"{values[name]:.3g}" for name in SCORES)
            print(f"| {psi:g} | {n} | {cells} | {spread:.3f} |")
        baselines = {s.name.partition("/")[0]: s.real_baseline for s in scores}
        print(f"| real | {n} | {' | '.join(f'{baselines[k]:.3g}' for k in SCORES)} | |")


if __name__ == "__main__":
    main()
