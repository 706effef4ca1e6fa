"""Molecules: training tokens and valid molecules a second, with a profile; and a character RNN.

    python benchmarks/molecule.py --data train.csv [--limit 20000] [--epochs 4] [-n 2000]
    python benchmarks/molecule.py --data train.csv --limit 20000 --epochs 4 --rnn

Trains the default recipe on molecules of the file, then draws ``n`` from it, and says what share of
the time goes where. ``--rnn`` then prints what ``gankit evaluate RUN rnn=true`` shows. CPU seconds
are the process's own; RDKit's processes are not in them.
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
from gankit.contract import Fitting
from gankit.kit.cache import Cache
from gankit.workflows.data import quiet
from gankit.workflows.evaluate import evaluate_path
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.ragged import Ragged
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import BATCH_SIZE, Corpus, default_device, train
from gankit_molecule.data.sources import read
from gankit_molecule.settings import MoleculeSettings

SHOWN = ("validity/raw", "unique", "novelty", "fcd", "intdiv", "snn", "frag", "scaf", "filters")


def untrained(
    alphabet: Alphabet, settings: MoleculeSettings, cond_dim: int
) -> tuple[Encoder, Decoder]:
    return (
        Encoder(len(alphabet), settings.latent, settings.width // 2),
        Decoder(len(alphabet), settings.latent, cond_dim, settings.width),
    )


def corpus_of(smiles: Sequence[str], alphabet: Alphabet, settings: MoleculeSettings) -> Corpus:
    tokens = Ragged(alphabet.encode(alphabet.notation.written(s)) for s in smiles)
    return Corpus(smiles, tokens, torch.zeros(len(smiles), len(settings.conditions)), alphabet)


def tokens_a_second(smiles: Sequence[str], settings: MoleculeSettings) -> None:
    """Tokens written in training, a processor second and a second."""
    alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary)
    pair = untrained(alphabet, settings, len(settings.conditions))
    corpus, few = (corpus_of(some, alphabet, settings) for some in (smiles, smiles[:2048]))
    times: list[tuple[int, float, float]] = []

    def note(what: str, done: int, total: int) -> None:
        if what.startswith("training the"):
            times.append((done, time.process_time(), time.perf_counter()))

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        train(*pair, few, settings, Fitting(), Cache(None), "")
    train(*pair, corpus, settings, Fitting(note), Cache(None), "")
    steps = times[-1][0] - times[0][0]
    length = float(corpus.tokens.lengths.mean())
    tokens = steps * BATCH_SIZE[default_device().type] * length
    cpu, wall = times[-1][1] - times[0][1], times[-1][2] - times[0][2]
    atoms = float(np.mean([len(Alphabet(()).split(s)) for s in smiles])) / length
    print(
        f"training: {tokens / cpu:,.0f} tokens a CPU s, {tokens / wall:,.0f} a second on "
        f"{torch.get_num_threads()} threads; a token is {atoms:.1f} atoms and bonds"
    )
    print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=8))


def drawn_a_second(run: gankit.Run, n: int) -> None:
    """Valid molecules, a processor second and a second."""
    next(iter(run.stream(1)))
    cpu, wall = time.process_time(), time.perf_counter()
    molecules = [sample.item for sample in run.stream(n, seed=1)]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    valid = sum(m.valid for m in molecules)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        list(run.stream(512, seed=1))
    networks = sum(e.self_cpu_time_total for e in seen.key_averages()) / 1e6
    print(
        f"drawing: {valid / cpu:,.0f} valid molecules a CPU s, {valid / wall:,.0f} a second; "
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
    tokens_a_second(smiles, settings)
    with tempfile.TemporaryDirectory() as folder:
        given = {"limit": args.limit, "epochs": args.epochs, "cache": "none"}
        run = gankit.fit("molecule", args.data, out=Path(folder) / "run", **given)
        drawn_a_second(run, args.n)
        if not args.rnn:
            return
        result = evaluate_path(run.path, n=args.n, overrides=["rnn=true"])
    rows = {s.name: [s.value, s.real_baseline, *s.beside.values()] for s in result.scores}
    print(f"| score | gankit | real | {' | '.join(result.beside)} |")
    for name in SHOWN:
        shown = (f"{value:.3f}" if value is not None else "" for value in rows.get(name, []))
        print(f"| {name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
