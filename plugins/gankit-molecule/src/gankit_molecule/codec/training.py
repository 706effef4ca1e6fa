"""Training the heteroencoder: many ways to write a molecule in, its canonical one out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import get_worker_info

from gankit.contract import Progress
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.notations import Smiles
from gankit_molecule.codec.ragged import PAD, Ragged
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.data.parallel import mapped
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.store import Store

BATCH = {"cpu": 128, "cuda": 2048}
RATE = 2e-3
"""Of networks of :data:`USUAL` width; wider ones learn at less, by the square root."""
USUAL = 256
WARM = 200
"""Steps in which the learning rate rises."""
STRAY = 0.1
"""Share of latents that have nothing to do with their molecule: where the space is empty the
decoder learns to write some molecule all the same."""
WAYS = 3
"""Ways to write each molecule that the encoder sees."""
TOKENS = {"cpu": 10_000_000, "cuda": 600_000_000}
"""Tokens that are written, by default, where the data is large."""
MOST_EPOCHS = {"cpu": 40.0, "cuda": 60.0}
EACH = 10.0
"""Seconds between two snapshots."""


def texts_of(
    smiles: Sequence[str],
    notation: Smiles,
    workers: int,
    progress: Progress = lambda what, done, total: None,
) -> list[str]:
    """Canonical SMILES in a notation."""
    # Processes that a loader started may start no others.
    workers = workers if get_worker_info() is None else 1
    return list(mapped(notation.written, smiles, workers, "writing molecules", progress))


def learned(
    networks: nn.Module, file: Path | None, store: Store, learn: Callable[[], float]
) -> float:
    """Gives networks the weights that an earlier run kept, or lets them learn and keeps those.

    Returns:
        The loss.
    """
    if file is not None and file.is_file():
        try:
            tensors = load_file(file)
            loss = float(tensors.pop("loss"))
            networks.load_state_dict(tensors)
            return loss
        except Exception:  # noqa: BLE001 - a damaged file is written again
            pass
    loss = learn()
    if file is not None:
        tensors = {k: v.contiguous() for k, v in networks.state_dict().items()}
        with store.writing(file) as aside:
            save_file({**tensors, "loss": torch.tensor(loss)}, aside)
    return loss


def learn(
    encoder: Encoder | None,
    decoder: Decoder,
    smiles: Sequence[str],
    written: Ragged,
    c: Tensor,
    alphabet: Alphabet,
    settings: MoleculeSettings,
    progress: Progress,
    store: Store,
    key: str,
) -> float:
    """Trains both on all molecules, from their weights as they are.

    Args:
        encoder: None trains the decoder alone, whose latent is then always 0.
        smiles: canonical.
        written: the same as numbers of tokens.
        c: what the decoder is told of each, (N, told).
        store: keeps the state of training under ``key``, from which an interrupted one goes on.

    Returns:
        The last batch's cross entropy of a token, in nats.
    """
    device, epochs = here(), epochs_of(settings.epochs, written)
    batch = BATCH[device.type]
    ways = None if encoder is None else _all_ways(smiles, alphabet, settings.workers, progress)
    what = "learning to write" if encoder is None else "learning to read and write"
    both = nn.ModuleList(part for part in (encoder, decoder) if part is not None)
    both = both.to(device).train()
    highest = RATE * math.sqrt(USUAL / settings.width)
    optimiser = torch.optim.AdamW(both.parameters(), highest, (0.9, 0.99), weight_decay=1e-2)
    steps = max(math.ceil(epochs * len(written) / batch), 1)
    state = _State(both, optimiser, store, store.path("training", f"{key}.safetensors"))
    done, loss = state.restore()
    saved = time.monotonic()
    for step, chosen in enumerate(_batches(written.lengths, batch, steps, seed=0)):
        if step < done:
            continue
        torch.manual_seed(step)  # so that one that goes on draws what it would have drawn
        for group in optimiser.param_groups:
            group["lr"] = highest * _rate(step, steps)
        wanted = written.take(chosen).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=_fast(device)):
            if encoder is None or ways is None:
                z = torch.zeros(len(chosen), settings.latent, device=device)
            else:
                picks = np.random.default_rng(step).integers(0, WAYS, len(chosen))
                z = encoder(ways.take(WAYS * chosen + picks).to(device))
                z = smoothed(z, settings.smooth)
            logits = decoder(z, c[chosen].to(device), wanted).float()
        found = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)
        optimiser.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        if step % 20 == 0 or step + 1 == steps:
            loss = found.item()
            progress(f"{what} (loss {loss:.2f})", step + 1, steps)
        if time.monotonic() - saved > EACH:
            state.save(step + 1, loss)
            saved = time.monotonic()
    state.forget()
    both.cpu().eval()
    return loss


def smoothed(z: Tensor, smooth: float) -> Tensor:
    """Latents with noise; a few of them nothing but noise, of the same size."""
    noisy = z + smooth * torch.randn_like(z)
    stray = torch.rand(len(z), 1, device=z.device) < STRAY
    return torch.where(stray, math.sqrt(1 + smooth**2) * torch.randn_like(z), noisy)


def _all_ways(
    smiles: Sequence[str], alphabet: Alphabet, workers: int, progress: Progress
) -> Ragged:
    """``WAYS`` of each molecule, one after another."""
    say = "writing molecules in other ways"
    found = mapped(_ways, smiles, workers, say, progress, alphabet)
    return Ragged(way for ways in found for way in ways)


def _ways(smiles: str, alphabet: Alphabet) -> list[list[int]]:
    found = alphabet.notation.ways(smiles, WAYS)
    return [alphabet.encode(text or alphabet.notation.written(smiles)) for text in found]


def _batches(
    lengths: np.ndarray[Any, Any], batch: int, steps: int, seed: int
) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Indices of molecules of about one length, so that little is padding; all once an epoch."""
    rng, given = np.random.default_rng(seed), 0
    while given < steps:
        order = rng.permutation(len(lengths))
        parts = np.array_split(order, max(len(order) // (50 * batch), 1))
        order = np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in parts])
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        if len(batches) > 1 and len(batches[-1]) < batch // 4:
            batches.pop()  # batch normalisation of a few tells little
        for i in rng.permutation(len(batches))[: steps - given]:
            yield batches[i]
        given += len(batches)


def here() -> torch.device:
    """Where the heteroencoder is trained and reads."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def epochs_of(asked: float, written: Ragged) -> float:
    """Passes over the data: those asked for, or what the data's size asks for."""
    device = here().type
    return asked or min(TOKENS[device] / written.lengths.sum(), MOST_EPOCHS[device])


def _rate(step: int, steps: int) -> float:
    """Rises, holds, and falls in the last seven tenths."""
    return min((step + 1) / WARM, 1.0) * min((steps - step) / (0.7 * steps), 1.0)


def _fast(device: torch.device) -> bool:
    """Whether numbers of 16 bits are quicker there."""
    return device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))


class _State:
    """Weights and the optimiser's moments in a file, and how far training has come."""

    def __init__(
        self,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        store: Store,
        file: Path | None,
    ) -> None:
        self.module, self.optimiser, self.store, self.file = module, optimiser, store, file

    def save(self, done: int, loss: float) -> None:
        if self.file is None:
            return
        tensors = {f"weights/{k}": v.contiguous() for k, v in self.module.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"moments/{i}/{k}": v for k, v in moments.items()}
        with self.store.writing(self.file) as aside:
            save_file(tensors, aside, {"done": str(done), "loss": repr(loss)})

    def restore(self) -> tuple[int, float]:
        """Steps done and the last loss; nothing done where there is no file, or a damaged one."""
        if self.file is None or not self.file.is_file():
            return 0, math.nan
        try:
            with safe_open(self.file, "pt") as file:
                about = file.metadata()
            tensors = load_file(self.file)
            weights, moments = {}, dict[int, dict[str, Tensor]]()
            for key, value in tensors.items():
                kind, _, name = key.partition("/")
                if kind == "weights":
                    weights[name] = value
                else:
                    number, _, name = name.partition("/")
                    moments.setdefault(int(number), {})[name] = value
            self.module.load_state_dict(weights)
            state = self.optimiser.state_dict() | {"state": moments}
            self.optimiser.load_state_dict(state)
            return int(about["done"]), float(about["loss"])
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
            return 0, math.nan

    def forget(self) -> None:
        """Training is done."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)
