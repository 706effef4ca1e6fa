"""Training the heteroencoder: randomised SMILES in, canonical SMILES out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import get_worker_info

from gankit.contract import Fitting, Progress, quiet
from gankit.kit.cache import Cache
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.notations import Smiles
from gankit_molecule.codec.ragged import PAD, Ragged
from gankit_molecule.codec.snapshots import Snapshots, forget_snapshots
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.data.parallel import mapped
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.timing import Rows, computed, part_of

BATCH_SIZE = {"cpu": 128, "cuda": 2048}
LEARNING_RATE = 2e-3
"""For networks of :data:`REFERENCE_WIDTH`; falls with the square root of the width."""
REFERENCE_WIDTH = 256
WARMUP_STEPS = 200
DECAY = 0.7
"""Share of the training at its end in which the learning rate falls to 0."""
RANDOM_LATENT_SHARE = 0.1
"""Share of latents that are replaced by noise: the decoder learns to write some molecule where the
latent space is empty, too."""
VARIANTS = 3
"""Randomised SMILES of each molecule that the encoder is trained on."""
PREPARATION = 0.2
"""Share of the time for writing them; if that is not enough, a random subset is trained on."""
TOKENS = {"cpu": 10_000_000, "cuda": 600_000_000}
"""Tokens of training, by default, where the data is large."""
MAX_EPOCHS = {"cpu": 40.0, "cuda": 60.0}
UNUSED_FROM = 0.2
"""Share of the training after which the decoder should use its latents."""
LEAST_USE = 0.05
"""The share of a text's information that its latent gives, below which latents are not used."""
SNAPSHOT_SECONDS = 10.0
"""Time between two snapshots."""


@dataclass(frozen=True)
class Corpus:
    """Training molecules.

    Attributes:
        smiles: canonical SMILES.
        tokens: the same in the alphabet's notation, as numbers of tokens.
        c: conditions, (N, cond_dim).
    """

    smiles: Sequence[str]
    tokens: Ragged
    c: Tensor
    alphabet: Alphabet

    def subset(self, rows: Rows) -> Corpus:
        """Some of the molecules."""
        smiles = [self.smiles[i] for i in rows.tolist()]
        return Corpus(smiles, self.tokens.subset(rows), self.c[rows], self.alphabet)


@dataclass(frozen=True)
class Result:
    """The end of a training.

    Attributes:
        loss: the last batch's cross entropy per token, in nats.
        complete: whether it was as long as without a time limit.
    """

    loss: float
    complete: bool


def texts_of(
    smiles: Sequence[str], notation: Smiles, workers: int, progress: Progress = quiet
) -> list[str]:
    """Canonical SMILES in a notation."""
    # Processes that a data loader started may start no others.
    workers = workers if get_worker_info() is None else 1
    return list(mapped(notation.written, smiles, workers, "writing molecules", progress))


def trained_or_cached(
    networks: nn.Module, kind: str, key: str, cache: Cache, train: Callable[[], Result]
) -> float:
    """Loads the weights that an earlier run cached, or trains and caches them, unless a time limit
    cut the training short.

    Returns:
        The loss.
    """
    file = cache.path(kind, f"{key}.safetensors")
    if file is not None and file.is_file():
        try:
            tensors = load_file(file)
            loss = float(tensors.pop("loss"))
            networks.load_state_dict(tensors)
            return loss
        except Exception:  # noqa: BLE001 - a damaged file is written again
            pass
    result = train()
    if file is not None and result.complete:
        tensors = {k: v.contiguous() for k, v in networks.state_dict().items()}
        with cache.writing(file) as part:
            save_file({**tensors, "loss": torch.tensor(result.loss)}, part)
        forget_snapshots(cache, key)  # after that: nothing is lost if it is killed in between
    return result.loss


@torch.enable_grad()
def train(
    encoder: Encoder | None,
    decoder: Decoder,
    corpus: Corpus,
    settings: MoleculeSettings,
    fitting: Fitting,
    cache: Cache,
    key: str,
    rate: float = 1.0,
) -> Result:
    """Trains both networks from their current weights. With a time limit, the learning rate falls
    to 0 when the time is up, if the planned steps take longer.

    Args:
        encoder: None trains the decoder alone, with latents of 0.
        cache: keeps snapshots under ``key``, from which an interrupted training resumes.
        rate: factor of the learning rate.

    Raises:
        KeyboardInterrupt: the user has stopped; a snapshot has been saved.
    """
    device, planned = default_device(), corpus
    batch = BATCH_SIZE[device.type]
    epochs = epochs_of(settings.epochs, corpus.tokens)
    steps = max(math.ceil(epochs * len(corpus.tokens) / batch), 1)
    variants = None
    if encoder is not None:
        corpus, variants = _with_variants(corpus, settings.workers, part_of(fitting, PREPARATION))
    both = nn.ModuleList(part for part in (encoder, decoder) if part is not None)
    both = both.to(device).train()
    highest = rate * LEARNING_RATE * math.sqrt(REFERENCE_WIDTH / settings.width)
    optimiser = torch.optim.AdamW(both.parameters(), highest, (0.9, 0.99), weight_decay=1e-2)
    allowed = fitting.time_left()
    snapshots = Snapshots(both, optimiser, cache, key)
    done, loss, complete = snapshots.restore(complete_only=math.isinf(allowed))
    complete &= corpus is planned
    what = _label(encoder, allowed)
    first, saved, unused = done, time.monotonic(), False
    for step, chosen in enumerate(_batches(corpus.tokens.lengths, batch, steps, seed=0)):
        if step < first:
            continue
        if fitting.stopped():
            snapshots.save(done, loss, complete)
            raise KeyboardInterrupt
        left = _share_left(fitting.time_left(), allowed)
        if left == 0 and done > first:
            complete = False
            break
        now = _rate(step, steps, left)
        complete &= now == _rate(step, steps)
        torch.manual_seed(step)  # a resumed training draws the same numbers
        for group in optimiser.param_groups:
            group["lr"] = highest * now
        wanted = corpus.tokens.take(chosen).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=_bfloat16_is_fast(device)):
            if encoder is None or variants is None:
                z = torch.zeros(len(chosen), settings.latent, device=device)
            else:
                picks = np.random.default_rng(step).integers(0, VARIANTS, len(chosen))
                z = encoder(variants.take(VARIANTS * chosen + picks).to(device))
                z = with_noise(z, settings.smooth)
            logits = decoder(z, corpus.c[chosen].to(device), wanted).float()
        error = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)
        optimiser.zero_grad(set_to_none=True)
        error.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        done = step + 1
        if step % 20 == 0 or done == steps:
            loss = error.item()
            shown = max(done, round((1 - left) * steps))
            if encoder is not None and step >= UNUSED_FROM * steps and step % 100 == 0:
                order = torch.arange(len(z)).roll(1)
                own, others = use_of_latents(decoder, z, corpus.c[chosen].to(device), wanted, order)
                unused = 1 - own / others < LEAST_USE
            doubt = ", the decoder ignores the latents" if unused else ""
            fitting.progress(f"{what} (loss {loss:.2f}{doubt})", shown, steps)
        if time.monotonic() - saved > SNAPSHOT_SECONDS:
            snapshots.save(done, loss, complete)
            saved = time.monotonic()
    snapshots.save(done, loss, complete)
    both.cpu().eval()
    return Result(loss, complete)


@torch.no_grad()
def use_of_latents(
    decoder: Decoder, z: Tensor, c: Tensor, tokens: Tensor, order: Tensor
) -> tuple[float, float]:
    """The cross entropy of tokens (N, T) per token, in nats: with their latents z (N, latent), and
    with those of others, in another order. They are alike where the decoder ignores its latents.
    """

    def error(z: Tensor) -> float:
        logits = decoder(z, c, tokens).float()
        return float(cross_entropy(logits.flatten(0, 1), tokens.flatten(), ignore_index=PAD))

    return error(z), error(z[order])


def with_noise(z: Tensor, noise: float) -> Tensor:
    """Latents with noise; a share of them replaced by noise of the same variance."""
    noisy = z + noise * torch.randn_like(z)
    replaced = torch.rand(len(z), 1, device=z.device) < RANDOM_LATENT_SHARE
    return torch.where(replaced, math.sqrt(1 + noise**2) * torch.randn_like(z), noisy)


def _with_variants(corpus: Corpus, workers: int, fitting: Fitting) -> tuple[Corpus, Ragged]:
    """``VARIANTS`` of each molecule, one after another, and the molecules: a random subset if there
    is no time for all.
    """
    order, found = computed(
        _variants, corpus.smiles, workers, "writing randomised SMILES", fitting, corpus.alphabet
    )
    variants = Ragged(variant for variants in found for variant in variants)
    rows = order[: len(variants) // VARIANTS]
    if not (np.diff(rows) > 0).all():
        ascending = np.argsort(rows)
        rows = rows[ascending]
        variants = variants.subset((VARIANTS * ascending[:, None] + np.arange(VARIANTS)).ravel())
    return corpus if len(rows) == len(order) else corpus.subset(rows), variants


def _variants(smiles: str, alphabet: Alphabet) -> list[list[int]]:
    found = alphabet.notation.randomised(smiles, VARIANTS)
    return [alphabet.encode(text or alphabet.notation.written(smiles)) for text in found]


def _batches(lengths: np.ndarray[Any, Any], batch: int, steps: int, seed: int) -> Iterator[Rows]:
    """Indices of molecules of similar length, so that little is padding; each once per epoch."""
    rng, given = np.random.default_rng(seed), 0
    while given < steps:
        order = rng.permutation(len(lengths))
        parts = np.array_split(order, max(len(order) // (50 * batch), 1))
        order = np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in parts])
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        if len(batches) > 1 and len(batches[-1]) < batch // 4:
            batches.pop()  # too few for batch normalisation
        for i in rng.permutation(len(batches))[: steps - given]:
            yield batches[i]
        given += len(batches)


def default_device() -> torch.device:
    """Where the heteroencoder is trained and encodes."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def epochs_of(setting: float, tokens: Ragged) -> float:
    """Passes over the data; for the setting 0 they depend on the data's size."""
    device = default_device().type
    return setting or min(TOKENS[device] / tokens.lengths.sum(), MAX_EPOCHS[device])


def _rate(step: int, steps: int, left: float = 1.0) -> float:
    """The learning rate's factor: rises, holds, and falls to 0 at the end.

    Args:
        left: share of the time that is left.
    """
    return min((step + 1) / WARMUP_STEPS, 1.0) * min(
        (steps - step) / (DECAY * steps), left / DECAY, 1.0
    )


def _share_left(left: float, allowed: float) -> float:
    if math.isinf(allowed):
        return 1.0
    return min(max(left / allowed, 0.0), 1.0) if allowed > 0 else 0.0


def _label(encoder: Encoder | None, allowed: float) -> str:
    what = f"training the {'character RNN' if encoder is None else 'SMILES autoencoder'}"
    if math.isinf(allowed):
        return what
    amount = f"{allowed / 60:.0f} min" if allowed >= 60 else f"{max(allowed, 0):.0f} s"
    return f"{what}, {amount} of the budget"


def _bfloat16_is_fast(device: torch.device) -> bool:
    return device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
