"""Optimising an objective by reinforcement, as ORGAN: the baseline of ``molecule/optimize``.

    python benchmarks/molecule_organ.py --objective qed
    python benchmarks/molecule_organ.py --objective benchmarks/molecule_scorer.py:score

A character RNN of the recipe's size is trained by maximum likelihood on the built-in molecules and
then is the policy (Guimaraes et al. 2017, "Objective-Reinforced Generative Adversarial Networks").
The reward of a text is λ D + (1 - λ) objective, divided by its count in the batch. D is trained at
the same time to separate generated texts from the data's. Unlike in the paper, the reward is given
at the end of a text (REINFORCE with a running mean as the baseline), not by Monte Carlo roll-outs,
which would take twenty times the calls. It may score as many molecules as the recipe; repeated
molecules cost no call.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter

os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from gankit.contract import quiet
from gankit.kit.autoencoders import PAD
from gankit.kit.cache import Cache
from gankit_molecule.codec.autoencoder import Encoder
from gankit_molecule.data.sources import read
from gankit_molecule.evaluation.moses import describe, internal_diversity, novelty, uniqueness
from gankit_molecule.evaluation.rnn import CharacterRNN
from gankit_molecule.optimize.objective import read_objective
from gankit_molecule.optimize.scorers import Scorer, scorer_of
from gankit_molecule.settings import MoleculeSettings

BATCH = 64
RATE = 1e-4
STEPS_MOST = 5000


def log_likelihood(rnn: CharacterRNN, rows: Tensor) -> Tensor:
    """Of each text, (N,)."""
    inputs = torch.zeros(len(rows), rnn.settings.latent), torch.zeros(len(rows), 0)
    logits = rnn.decoder(*inputs, rows)
    lost = cross_entropy(logits.flatten(0, 1), rows.flatten(), ignore_index=PAD, reduction="none")
    return -lost.view_as(rows).sum(1)


class Scores:
    """Scores of valid molecules, each computed once; 0 for those that have none."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.known = scorer, dict[str, float]()

    def of(self, smiles: list[str]) -> list[float]:
        new = [s for s in dict.fromkeys(smiles) if s not in self.known]
        if new:
            found = self.scorer.score(new)
            self.known |= {
                s: v if isinstance(v, float) else 0.0 for s, v in zip(new, found, strict=True)
            }
        return [self.known[s] for s in smiles]


def reinforce(rnn: CharacterRNN, scores: Scores, calls: int, share: float) -> int:
    """Trains the policy until the calls are used up; returns the number of steps."""
    discriminator = nn.Sequential(Encoder(len(rnn.alphabet), 64, 128), nn.Linear(64, 1))
    policy = torch.optim.Adam(rnn.decoder.parameters(), RATE)
    critic = torch.optim.Adam(discriminator.parameters(), 1e-3)
    rng, mean, step, texts = np.random.default_rng(0), 0.0, 0, rnn.corpus.tokens
    while len(scores.known) < calls and step < STEPS_MOST:
        rows = rnn.write(range(step * BATCH, (step + 1) * BATCH), ruled=False)
        made = rnn.molecules(rows)
        valued = iter(scores.of([m.smiles for m in made if m.valid]))
        objective = torch.tensor([next(valued) if m.valid else 0.0 for m in made])
        often = Counter(m.smiles for m in made)
        real = texts.take(rng.integers(0, len(texts), BATCH))
        logits = [discriminator(x).squeeze(1) for x in (rows, real)]
        critic.zero_grad()
        (softplus(logits[0]).mean() + softplus(-logits[1]).mean()).backward()
        critic.step()
        copies = torch.tensor([float(often[m.smiles]) for m in made])
        reward = (share * logits[0].detach().sigmoid() + (1 - share) * objective) / copies
        mean = float(reward.mean()) if step == 0 else 0.9 * mean + 0.1 * float(reward.mean())
        policy.zero_grad()
        (-(reward - mean) * log_likelihood(rnn, rows)).mean().backward()
        nn.utils.clip_grad_norm_(rnn.decoder.parameters(), 1.0)
        policy.step()
        step += 1
        if step % 50 == 0:
            valid = np.mean([m.valid for m in made])
            print(f"{step} steps, {len(scores.known):,} calls, valid {valid:.2f}, "
                  f"objective {float(objective.mean()):.3f}", flush=True)  # fmt: skip
    return step


def row(name: str, rnn: CharacterRNN, scores: Scores, known: set[str], n: int) -> None:
    """Scores of ``n`` valid molecules."""
    smiles: list[str] = []
    drawn = 0
    while len(smiles) < n:
        made = rnn.molecules(rnn.write(range(10**6 + drawn, 10**6 + drawn + 512)))
        smiles += [m.smiles for m in made if m.valid]
        drawn += len(made)
    valid, smiles = len(smiles) / drawn, smiles[:n]
    values = np.array(scores.of(smiles))
    best = np.sort(np.array(scores.of(list(set(smiles)))))[-100:]
    bits = np.stack([d.bits for s in smiles if (d := describe(s)) is not None])
    print(
        f"| {name} | {values.mean():.3f} | {best.mean():.3f} | {uniqueness(smiles):.3f} | "
        f"{novelty(smiles, known):.3f} | {internal_diversity(bits):.3f} | {valid:.3f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--objective", default="qed")
    parser.add_argument("--data", help="a file of molecules; the built-in ones without it")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--share", type=float, nargs="+", default=[0.5], help="λ, one run each")
    parser.add_argument("--epochs", type=float, default=0)
    parser.add_argument("-n", type=int, default=1_000)
    args = parser.parse_args()
    settings = MoleculeSettings(cache="none", epochs=args.epochs)
    smiles = [m.smiles for m in read(args.data, settings, quiet).items]
    scorer = scorer_of(read_objective(args.objective), settings, Cache(None))
    head = ("policy", "mean", "top 100", "different", "novel", "IntDiv", "valid at first")
    for share in args.share:
        torch.manual_seed(0)
        rnn, scores = CharacterRNN(smiles, settings, quiet), Scores(scorer)
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        row("maximum likelihood", rnn, Scores(scorer), set(smiles), args.n)
        steps = reinforce(rnn, scores, args.calls, share)
        about = f"ORGAN, λ {share:g}, {len(scores.known):,} calls in {steps:,} steps"
        row(about, rnn, scores, set(smiles), args.n)
    scorer.close()


if __name__ == "__main__":
    main()
