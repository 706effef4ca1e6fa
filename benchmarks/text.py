"""Texts: a latent GAN and a generator of tokens beside a language model at several temperatures.

    python benchmarks/text.py [--data FILE] [--latent RUN] [--direct RUN] [-n 550] [--seed 0]
        [--plot docs/assets/text-sweep.svg] [--set key=value ...]

Trains the recipes ``default`` and ``direct`` where no runs are given, and scores both with all that
stands beside them: held-out real texts, a Gaussian in the latents, encoded and decoded held-out
texts, the generator of tokens before the game, and a language model of the second run's texts and
tokens at six temperatures. CPU seconds are the process's own.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import gankit
from gankit.config import parse_overrides
from gankit.contract import EvaluationData, Sample, quiet
from gankit.metrics.evaluate import evaluate
from gankit.report.tradeoff import tradeoff_chart
from gankit.workflows.data import read_data
from gankit_text.evaluation.baselines import TEMPERATURES, name_at, writer_of
from gankit_text.evaluation.evaluators import evaluators
from gankit_text.evaluation.quality import FORWARD, REVERSE

SHOWN = (
    *(FORWARD, REVERSE, "frechet/wordllama", "self_bleu", "unique", "new_4grams"),
    *("copied_span", "copied_texts", "label_agreement", "length_distance", "character_distance"),
)
Columns = dict[str, dict[str, float]]
"""Scores by name, by model."""


def trained(recipe: str, path: str, data: str | None, seed: int, given: Mapping[str, Any]) -> Any:
    """A run, and what it cost where it is trained here."""
    if path:
        return gankit.load(path)
    start = time.process_time()
    out = Path("runs") / f"bench-text-{recipe}-{seed}"
    run = gankit.fit("text", data, recipe=recipe, out=out, seed=seed, settings=given)
    print(f"{recipe}: {time.process_time() - start:,.0f} CPU s")
    return run


def columns_of(run: Any, ours: str, n: int, seed: int) -> Columns:
    """The scores of a run, of its baselines and of real texts."""
    result = run.evaluate(n=n, seed=seed, overrides=["language_model=false"])
    found: Columns = {"real": {}, ours: {}}
    for score in result.scores:
        found[ours][score.name] = score.value
        if score.real_baseline is not None:
            found["real"][score.name] = score.real_baseline
        for name, value in score.baselines.items():
            found.setdefault(name, {})[score.name] = value
    return found


def sweep(run: Any, n: int, seed: int) -> Columns:
    """The scores of a language model of the run's texts at each temperature."""
    split = read_data(run.plugin, run.config, None, quiet)
    start = time.process_time()
    writer = writer_of(split.train, run.settings)
    print(f"language model: {time.process_time() - start:,.0f} CPU s")
    made = {name_at(t): writer.sample(n, seed, t) for t in TEMPERATURES}
    samples = {name: [Sample(x, i, {}) for i, x in enumerate(x)] for name, x in made.items()}
    data = EvaluationData(samples[name_at(1.0)], split.train, split.heldout)
    scores = evaluate(evaluators(None, run.settings), data, seed, baselines=samples)
    return {name: {s.name: s.baselines[name] for s in scores if name in s.baselines}
            for name in samples}  # fmt: skip


def table(columns: Columns) -> str:
    """Markdown, a row for each model."""
    lines = [f"| model | {' | '.join(SHOWN)} |", f"|---|{'---|' * len(SHOWN)}"]
    for name, scores in columns.items():
        cells = (f"{scores[key]:.3f}" if key in scores else "" for key in SHOWN)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(columns: Columns, file: Path) -> None:
    """Quality against diversity, as in a report."""
    rows = [
        {"model": name, **{key: scores[key] for key in (FORWARD, REVERSE)}}
        for name, scores in columns.items()
        if REVERSE in scores
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tradeoff_chart(rows, alone=True))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data")
    parser.add_argument(
        "--latent", default="", help="a trained run of the recipe default; none leaves it out"
    )
    parser.add_argument("--direct", default="", help="a trained run of the recipe direct")
    parser.add_argument("-n", type=int, default=550)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--set", action="append", default=[], help="settings of both runs")
    args = parser.parse_args(arguments)
    given = parse_overrides(args.set)
    columns: Columns = {}
    if args.latent != "none":
        latent = trained("default", args.latent, args.data, args.seed, given)
        columns |= columns_of(latent, "latent GAN", args.n, args.seed)
    direct = trained("direct", args.direct, args.data, args.seed, given)
    columns = columns_of(direct, "direct GAN", args.n, args.seed) | columns
    columns |= sweep(direct, args.n, args.seed)
    print(f"\nn={args.n}, seed {args.seed}\n\n{table(columns)}")
    if args.plot:
        plot(columns, args.plot)


if __name__ == "__main__":
    main()
