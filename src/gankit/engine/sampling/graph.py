"""A sampler as one module of tensors: what is exported, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import DecodesInGraph, DecodingGraph
from gankit.engine.sampling.sampler import Sampler

LATENT, CONDITION, CODES = "z", "c", "x"
"""Names of inputs, and of the one output where the codec has no graph."""


class SamplerGraph(nn.Module):
    """``(z (N, latent_dim), c (N, width) where there are conditions, *draws)`` to the decoded
    tensors: the generator in float32, then the codec's graph."""

    def __init__(self, generator: nn.Module, conditional: bool, decoding: nn.Module) -> None:
        super().__init__()
        self.generator, self.conditional, self.decoding = generator, conditional, decoding

    def forward(self, z: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        c, draws = (rest[0], rest[1:]) if self.conditional else (None, rest)
        found = self.decoding(self.generator(z, c), c, *draws)
        return found if isinstance(found, tuple) else (found,)


class Unchanged(nn.Module):
    """The codes of a codec that has no graph."""

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        return x + 0  # an output of its own


@dataclass(frozen=True)
class Exportable:
    """A sampler's graph with its inputs and outputs."""

    module: SamplerGraph
    """In evaluation mode, on the CPU, in float32."""
    decoding: DecodingGraph
    inputs: tuple[str, ...]
    sampler: Sampler

    @classmethod
    def of(cls, sampler: Sampler) -> Exportable:
        """The graph of a sampler on the CPU."""
        codec = sampler.codec
        if isinstance(codec, DecodesInGraph):
            decoding = codec.decoding_graph()
        else:
            shape = ", ".join(["N", *map(str, codec.layout.shape)])
            decoding = DecodingGraph(
                Unchanged(),
                {CODES: f"({shape}) float32: the codec's codes, which only its plugin decodes"},
                left_out=("decoding, since the plugin's codec has no graph",),
            )
        conditional = codec.layout.condition is not None
        module = SamplerGraph(sampler.generator, conditional, decoding.module).float().eval()
        inputs = (LATENT, *([CONDITION] if conditional else []), *decoding.draws)
        return cls(module.requires_grad_(False), decoding, inputs, sampler)

    def arguments(self, seeds: Sequence[int]) -> tuple[Tensor, ...]:
        """What ``gankit generate`` feeds for these seeds, without candidates."""
        c = self.sampler.draw_conditions(seeds, {})
        draws = [each.of_seeds(seeds) for each in self.decoding.draws.values()]
        given = [self.sampler.latents(seeds), *([] if c is None else [c]), *draws]
        return tuple(given)

    @torch.no_grad()
    def __call__(self, *arguments: Tensor) -> dict[str, Tensor]:
        """The outputs by name, as torch computes them."""
        return dict(zip(self.decoding.outputs, self.module(*arguments), strict=True))

    def program(self, seeds: Sequence[int]) -> Any:
        """The graph as ``torch.export`` traces it, for any number of samples."""
        n, given = torch.export.Dim("N"), self.arguments(seeds)
        shapes = ({0: n}, *([tuple({0: n} for _ in given[1:])] if given[1:] else []))

        def traced(strict: bool) -> Any:
            with torch.no_grad():  # networks may have a simpler way without gradients
                return torch.export.export(self.module, given, dynamic_shapes=shapes, strict=strict)

        try:
            return traced(strict=False)
        except Exception:  # noqa: BLE001 - the other way follows what this one cannot, as len(x)
            return traced(strict=True)
