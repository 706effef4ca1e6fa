"""Molecules: training tokens and valid molecules per second, profiled; and a character RNN.

    python benchmarks/molecule.py --data train.csv [--limit 20000] [--epochs 4] [-n 2000]
    python benchmarks/molecule.py --data train.csv --limit 20000 --epochs 4 --rnn

Trains the default recipe on molecules of the file, then generates ``n`` from it, and profiles both.
``--rnn`` then prints the scores of ``gankit evaluate RUN rnn=true``. CPU seconds are the process's
own, without RDKit's processes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import gankit
from gankit.contract import Fitting, quiet
from gankit.kit.autoencoders import Ragged, default_device
from gankit.kit.cache import Cache
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import BATCH_SIZE, Corpus, texts_of, train
from gankit_molecule.data.sources import read
from gankit_molecule.settings import MoleculeSettings

SHOWN = ("validity/raw", "unique", "novelty", "fcd", "intdiv", "snn", "frag", "scaf", "filters")


def tokens_per_second(smiles: Sequence[str], settings: MoleculeSettings) -> None:
    """Tokens per processor second and per second in training."""
    alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary)
    cond_dim, times = len(settings.conditions), list[tuple[int, float, float]]()
    encoder = Encoder(len(alphabet), settings.latent, settings.width // 2)
    decoder = Decoder(len(alphabet), settings.latent, cond_dim, settings.width)

    def trained(smiles: Sequence[str], fitting: Fitting) -> Corpus:
        texts = texts_of(smiles, alphabet.notation, settings.workers)
        tokens = Ragged(map(alphabet.encode, texts))
        corpus = Corpus(smiles, tokens, torch.zeros(len(smiles), cond_dim), alphabet)
        train(encoder, decoder, corpus, settings, fitting, Cache(None), "")
        return corpus

    def note(what: str, done: int, total: int) -> None:
        if what.startswith("training"):
            times.append((done, time.process_time(), time.perf_counter()))

    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        trained(smiles[:2048], Fitting())
    length = float(trained(smiles, Fitting(note)).tokens.lengths.mean())
    steps = times[-1][0] - times[0][0]
    tokens = steps * BATCH_SIZE[default_device().type] * length
    cpu, wall = times[-1][1] - times[0][1], times[-1][2] - times[0][2]
    atoms = float(np.mean([len(Alphabet(()).split(s)) for s in smiles])) / length
    print(
        f"training: {tokens / cpu:,.0f} tokens per CPU s, {tokens / wall:,.0f} per second on "
        f"{torch.get_num_threads()} threads; a token is {atoms:.1f} atoms and bonds"
    )
    print(profiled.key_averages().table(sort_by="self_cpu_time_total", row_limit=8))


def generated_per_second(run: gankit.Run, n: int) -> None:
    """Valid molecules per processor second and per second."""
    next(iter(run.stream(1)))
    cpu, wall = time.process_time(), time.perf_counter()
    molecules = [sample.item for sample in run.stream(n, seed=1)]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    valid = sum(m.valid for m in molecules)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        list(run.stream(512, seed=1))
    networks = sum(e.self_cpu_time_total for e in profiled.key_averages()) / 1e6
    print(
        f"sampling: {valid / cpu:,.0f} valid molecules per CPU s, {valid / wall:,.0f} per second; "
        f"{np.mean([m.tries == 1 for m in molecules]):.3f} at the first try; "
        f"torch's share of 512: {networks:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=20_000)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("-n", type=int, default=2_000)
    parser.add_argument("--rnn", action="store_true")
    args = parser.parse_args()
    settings = MoleculeSettings(limit=args.limit, epochs=args.epochs, cache="none")
    smiles = [m.smiles for m in read(args.data, settings, quiet).items]
    print(f"{len(smiles):,} molecules; {torch.get_num_threads()} threads")
    tokens_per_second(smiles, settings)
    with tempfile.TemporaryDirectory() as folder:
        given = {"limit": args.limit, "epochs": args.epochs, "cache": "none"}
        run = gankit.fit("molecule", args.data, out=Path(folder) / "run", **given)
        generated_per_second(run, args.n)
        if not args.rnn:
            return
        result = run.evaluate(n=args.n, overrides=["rnn=true"])
    rows = {s.name: [s.value, s.real_baseline, *s.baselines.values()] for s in result.scores}
    print(f"| score | gankit | real | {' | '.join(result.baselines)} |")
    for name in SHOWN:
        shown = (f"{value:.3f}" if value is not None else "" for value in rows.get(name, []))
        print(f"| {name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
