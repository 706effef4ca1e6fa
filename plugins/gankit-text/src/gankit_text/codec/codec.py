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
from gankit.kit.autoencoders import Ragged, Whitening, default_device
from gankit.seeds import uniform
from gankit_text.codec.autoencoder import Decoder, Encoder
from gankit_text.codec.conditions import LABEL, conformed, decoded, encoded
from gankit_text.codec.forms import Form
from gankit_text.codec.sequences import rows_of, text_of
from gankit_text.codec.tokens import END, PAD, SEPARATOR, START, Tokenizer
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

BATCH = 256
"""Texts that are encoded or written together."""
MAX_COORDINATE = 1e3
"""Coordinates of diverged networks are clamped to this range."""
STREAM = 1000
"""The first stream of the random numbers that decide tokens."""
CPU = torch.device("cpu")


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
        size, width = tokenizer.size, settings.width
        # In double precision, so that rounding hides how many are encoded together.
        self.encoder = Encoder(size, settings.latent, width // 2, longest).double().eval()
        self.decoder = Decoder(size, settings.latent, cond_dim, width, longest).eval()
        self.whitening = Whitening(settings.latent, cond_dim)
        self.barred = torch.zeros(size, dtype=torch.bool)
        """Tokens that no training text has: they are never written."""
        self.loss = math.nan

    # --- Encoding --------------------------------------------------------------------------------

    def encode(self, items: Sequence[Text], rng: np.random.Generator) -> Batch:
        """Float32 ``(N, latent)`` and the conditions."""
        condition = self.layout.condition
        c = encoded(items, condition)
        x = self.whitening.whiten(self.latents(items), c)
        return Batch(x, c if condition is not None else None)

    def encode_targets(self, items: Sequence[Text]) -> Tensor:
        """As :meth:`encode`, of items that may lack what the run is conditioned on."""
        c = encoded(items, self.layout.condition, lacking=True)
        return self.whitening.whiten(self.latents(items), c)

    def latents(self, items: Sequence[Text]) -> Tensor:
        """Latents before whitening, in double precision."""
        tokens = Ragged(rows_of(items, self.tokenizer))
        starts = range(0, len(items), BATCH)
        return self.encode_tokens(tokens.take(slice(i, i + BATCH)) for i in starts)

    @torch.no_grad()
    def encode_tokens(self, blocks: Iterable[Tensor], dtype: torch.dtype = torch.float64) -> Tensor:
        """Latents of blocks of tokens. Single precision is faster, where it does not matter how
        many are encoded together."""
        # A process that a loader forks can use no GPU, and no weights that were left on one.
        device = default_device() if get_worker_info() is None else CPU
        encoder = copy.deepcopy(self.encoder).to(device, dtype)
        found = [encoder(block.to(device)).cpu().double() for block in blocks]
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
        return Batch(self.whitening.whiten(z, c).to(batch.x.device), batch.c)

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
        bounded = x.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)
        z = self.whitening.latents(bounded, c)
        temperature = self.settings.temperature
        u = (
            torch.from_numpy(numbers_of(seeds, self.longest))
            if temperature
            else torch.zeros(len(x), self.longest, dtype=torch.float64)
        )
        decoder = self.decoder if device == CPU else copy.deepcopy(self.decoder).to(device)
        given = (value.to(device) for value in (z, c, u, self.barred))
        return decoder.write(*given, temperature=temperature).cpu()

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
        return conformed(items, self.layout.condition, self.form.paired)

    def health(
        self, items: Sequence[Text], heldout: bool, rng: np.random.Generator
    ) -> list[Health]:
        """See :func:`~gankit_text.codec.health.health_of`."""
        from gankit_text.codec.health import health_of

        return health_of(self, items, heldout, rng)

    # --- State -----------------------------------------------------------------------------------

    def state(self) -> CodecState:
        condition = self.layout.condition
        tensors = {f"encoder/{k}": _single(v) for k, v in self.encoder.state_dict().items()}
        tensors |= {f"decoder/{k}": v for k, v in self.decoder.state_dict().items()}
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
        for name, module in (("encoder", codec.encoder), ("decoder", codec.decoder)):
            begin = f"{name}/"
            module.load_state_dict(
                {k.removeprefix(begin): v for k, v in tensors.items() if k.startswith(begin)}
            )
        codec.whitening, codec.barred = Whitening.load(tensors), tensors["barred"].bool()
        codec.loss = config["loss"]
        return codec


def condition_from(fields: Sequence[Mapping[str, Any]]) -> Condition | None:
    """The condition whose fields were stored as mappings."""
    found = [
        Categorical(f["name"], tuple(f["values"])) if "values" in f else Continuous(**f)
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


def _single(x: Tensor) -> Tensor:
    return x.float() if x.is_floating_point() else x


__all__ = ["SEPARATOR", "TextCodec", "condition_from", "never_written", "numbers_of"]
