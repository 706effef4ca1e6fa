"""Texts as latents of a token autoencoder, whitened, and back."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Conformed,
    Conforms,
    Continuous,
    Describes,
    EncodesTargets,
    Health,
    Layout,
    ReportsHealth,
    TransformsDensityRatioInput,
)
from gankit.kit.autoencoders import PAD, Ragged, Whitening, default_device
from gankit.seeds import uniform
from gankit_text.codec.autoencoder import Autoencoder
from gankit_text.codec.conditions import LABEL, conformed, decoded, encoded
from gankit_text.codec.forms import Form
from gankit_text.codec.health import health_of
from gankit_text.codec.sequences import rows_of, text_of
from gankit_text.codec.tokens import END, START, Tokenizer
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

BATCH = 256
"""Texts that are encoded or written together."""
MAX_COORDINATE = 1e3
"""Coordinates of diverged networks are clamped to this range."""
STREAM = 1000
"""The first stream of the random numbers that decide tokens."""
CPU = torch.device("cpu")
WEIGHTS = "autoencoder/"


def numbers_of(seeds: Sequence[int], most: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers in [0, 1) that decide tokens, (N, most), each row a function of its seed."""
    return np.stack([uniform(seeds, STREAM + k) for k in range(most)], 1)


class TextCodec(
    Codec[Text],
    TransformsDensityRatioInput,
    EncodesTargets,
    Describes,
    Conforms,
    ReportsHealth,
):
    """Layout ``(latent,)``: the latents of a token autoencoder, whitened together with the noise
    that its decoder was trained with.

    Args:
        longest: tokens of the longest training text, its end included: none is written longer.
        form: what the training texts look like.
    """

    decode_batch_size = BATCH
    tolerance = 2.0
    """The noise makes one latent stand for similar texts."""
    is_learned = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        longest: int,
        condition: Condition | None,
        form: Form,
        settings: TextSettings,
    ) -> None:
        cond_dim = condition.width if condition else 0
        self.tokenizer, self.longest, self.form, self.settings = tokenizer, longest, form, settings
        self.layout = Layout((settings.latent,), condition)
        size = tokenizer.size
        self.autoencoder = Autoencoder(
            size,
            settings.latent,
            cond_dim,
            settings.width,
            longest,
            settings.codec == "exact",
        ).eval()
        self.whitening = Whitening(settings.latent, 0)
        self.barred = torch.zeros(size, dtype=torch.bool)
        """Tokens that no training text has: they are never written."""
        self.loss = math.nan

    # --- Encoding --------------------------------------------------------------------------------

    def encode(self, items: Sequence[Text], rng: np.random.Generator) -> Batch:
        """Float32 ``(N, latent)`` and the conditions."""
        condition = self.layout.condition
        x = self.encode_targets(items)
        return Batch(x, None if condition is None else encoded(items, condition))

    def encode_targets(self, items: Sequence[Text]) -> Tensor:
        """Latents without noise."""
        z = self.latents(items)
        return self.whitening.whiten(z, z[:, :0])

    def latents(self, items: Sequence[Text]) -> Tensor:
        """Latents before whitening, in double precision."""
        tokens = Ragged(rows_of(items, self.tokenizer))
        starts = range(0, len(items), BATCH)
        return self.encode_tokens(tokens.take(slice(i, i + BATCH)) for i in starts)

    @torch.no_grad()
    def encode_tokens(self, blocks: Iterable[Tensor], dtype: torch.dtype = torch.float64) -> Tensor:
        """Latents of blocks of tokens, in double precision, so that rounding hides how many are
        encoded together. Single precision is faster, where that does not matter."""
        # A process that a loader forks can use no GPU, and no weights that were left on one.
        device = default_device() if get_worker_info() is None else CPU
        network = copy.deepcopy(self.autoencoder).to(device, dtype)
        found = [network.encode(block.to(device)).cpu().double() for block in blocks]
        return torch.cat(found) if found else torch.zeros(0, self.settings.latent).double()

    def prepare(self, batch: Batch) -> Batch:
        """With fresh noise, as the decoder saw latents in training."""
        return Batch(self.whitening.noisy(batch.x, self.settings.smooth), batch.c)

    @torch.no_grad()
    def density_ratio_input(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """Latents of real texts without noise; of generated ones, of the texts that are written of
        them. Two latents can differ in ways that no text shows."""
        if seeds is None:
            return batch
        c = self._conditions(batch)
        x = batch.x.cpu()
        tokens = self._written(x, c, seeds, default_device())
        # What is encoded is what a text's own tokens would be, not the way it was written.
        rows = rows_of(self._texts(tokens, Batch(x, batch.c)), self.tokenizer)
        z = self.encode_tokens([Ragged(rows).take()], torch.float32)
        return Batch(self.whitening.whiten(z, z[:, :0]).to(batch.x.device), batch.c)

    def _conditions(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch), 0) if batch.c is None else batch.c.float().cpu()

    # --- Decoding --------------------------------------------------------------------------------

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Text]:
        """Texts, each a function of its latent, its conditions and its seed."""
        found: list[Text] = []
        for i in range(0, len(batch), BATCH):
            some = batch[i : i + BATCH]
            tokens = self._written(some.x, self._conditions(some), seeds[i : i + BATCH], CPU)
            found += self._texts(tokens, some)
        return found

    def _written(self, x: Tensor, c: Tensor, seeds: Sequence[int], device: torch.device) -> Tensor:
        """Tokens (N, T); on the CPU in double precision, so that rounding hides how many are
        written together."""
        bounded = x.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE).double()
        z = bounded @ self.whitening.factor.double().T + self.whitening.mean.double()
        temperature = self.settings.temperature
        u = torch.zeros(len(x), self.longest, dtype=torch.float64)
        if temperature:
            u = torch.from_numpy(numbers_of(seeds, self.longest))
        dtype = torch.float64 if device == CPU else torch.float32
        network = copy.deepcopy(self.autoencoder).to(device, dtype)
        z, c = z.to(device, dtype), c.to(device, dtype)
        barred = self.barred.to(device)
        return network.write(z, c, u.to(device), barred, temperature).cpu()

    def _texts(self, tokens: Tensor, batch: Batch) -> list[Text]:
        named = decoded(batch.c, self.layout.condition, len(tokens))
        found = []
        for row, values in zip(tokens.tolist(), named, strict=True):
            text, pair = text_of(row, self.tokenizer)
            numbers = {k: v for k, v in values.items() if isinstance(v, float)}
            label = values.get(LABEL)
            found.append(
                Text(
                    self.form.applied(text),
                    None if label is None else str(label),
                    numbers,
                    self.form.applied(pair or "") if self.form.paired else None,
                )
            )
        return found

    # --- About -----------------------------------------------------------------------------------

    def describe(self) -> Sequence[Mapping[str, str]]:
        """A row for the tokens, and one for each condition."""
        kind = "byte-pair tokens" if self.settings.tokens == "bpe" else "characters and bytes"
        used = int((~self.barred).sum())
        rows = [{"part": kind, "about": f"{used:,} in use; texts of up to {self.longest - 1}"}]
        for f in self.layout.condition.fields if self.layout.condition else ():
            about = (
                f"{len(f.values):,} classes"
                if isinstance(f, Categorical)
                else f"mean {f.mean:.3g}, standard deviation {f.scale:.3g}"
            )
            rows.append({"part": f.name, "about": about})
        return rows

    def conform(self, items: Sequence[Text], strict: bool) -> Conformed[Text]:
        """Other data need the conditions, and pairs where the run has pairs."""
        return conformed(items, self.layout.condition, self.form.paired, strict)

    def health(
        self, items: Sequence[Text], heldout: bool, rng: np.random.Generator
    ) -> list[Health]:
        """See :func:`~gankit_text.codec.health.health_of`."""
        tokens = Ragged(rows_of(items, self.tokenizer)).take()
        x, c = self.encode_targets(items), encoded(items, self.layout.condition)
        return health_of(
            self.autoencoder,
            self.whitening,
            self.barred,
            self.settings.smooth,
            x,
            c,
            tokens,
            heldout,
            rng,
        )

    # --- State -----------------------------------------------------------------------------------

    def state(self) -> CodecState:
        condition = self.layout.condition
        tensors = {f"{WEIGHTS}{k}": v for k, v in self.autoencoder.state_dict().items()}
        tensors |= {**self.whitening.state(), "barred": self.barred}
        fields = condition.fields if condition else ()
        return CodecState(
            {
                "tokens": self.tokenizer.state(),
                "longest": self.longest,
                "conditions": [asdict(f) for f in fields],
                "form": asdict(self.form),
                "loss": self.loss,
            },
            {k: v.contiguous() for k, v in tensors.items()},
        )

    @classmethod
    def load(cls, state: CodecState, settings: TextSettings) -> TextCodec:
        """The codec that :meth:`state` described."""
        config, tensors = state.config, state.tensors
        codec = cls(
            Tokenizer.load(config["tokens"]),
            config["longest"],
            condition_from(config["conditions"]),
            Form.load(config["form"]),
            settings,
        )
        weights = {k: v for k, v in tensors.items() if k.startswith(WEIGHTS)}
        codec.autoencoder.load_state_dict({k.removeprefix(WEIGHTS): v for k, v in weights.items()})
        codec.whitening, codec.barred = Whitening.load(tensors), tensors["barred"].bool()
        codec.loss = config["loss"]
        return codec


def condition_from(fields: Sequence[Mapping[str, Any]]) -> Condition | None:
    """The condition whose fields were stored as mappings."""
    found = [
        Categorical(**{**f, "values": tuple(f["values"])}) if "values" in f else Continuous(**f)
        for f in fields
    ]
    return Condition(tuple(found)) if found else None


def never_written(tokens: Ragged, size: int) -> Tensor:
    """Tokens (size,) that no text has, and those that stand for no part of one."""
    barred = torch.ones(size, dtype=torch.bool)
    barred[torch.unique(tokens.take())] = False
    barred[[PAD, START]] = True
    barred[END] = False
    return barred
