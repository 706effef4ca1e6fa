"""Directions in latent space along which samples change most: closed-form factorisation of the
first layers (SeFa: Shen and Zhou 2021, arXiv 2007.06600, section 3).

For layers y = A z + b that take the latent, the directions are the eigenvectors of Aᵀ A: a step
along n of length t moves y by t A n, and the first eigenvectors move it farthest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gankit.engine.sampling.sampler import Sampler
from gankit.errors import GankitError

PROBES = 4
"""Seeds with which the layers that take the latent are found, and tested for being affine."""
SAME = 1e-3
"""Relative differences up to this are rounding."""


@dataclass(frozen=True)
class Directions:
    """Directions, the strongest first."""

    vectors: Tensor
    """(latent_dim, latent_dim), float32, of length 1, orthogonal; the component of largest
    magnitude is positive."""
    strengths: Tensor
    """(latent_dim,), each one's share of the squared change that all make together."""
    layers: tuple[str, ...]
    """The layers' names."""

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, number: int) -> Tensor:
        """Direction ``number``, from 1 on.

        Raises:
            GankitError: there is none.
        """
        if not 1 <= number <= len(self):
            raise GankitError(
                f"direction {number}: out of range", f"Use 1, the strongest, to {len(self)}"
            )
        return self.vectors[number - 1]


@dataclass(frozen=True)
class _Met:
    """A layer, with what it was called with."""

    name: str
    layer: nn.Module
    inputs: tuple[Any, ...]
    start: int
    """The first of the columns in which the input has the latent."""


def find_directions(sampler: Sampler) -> Directions:
    """The directions of a run's generator. Deterministic.

    The layers are found by running the generator: each with a weight whose input has the latent,
    up to its length, in its first or last columns, and whose output is affine in it. Their matrices
    count equally, each divided by its Frobenius norm.

    Raises:
        GankitError: no layer takes the latent.
    """
    generator, width = sampler.generator, sampler.latent_dim
    z, c = sampler.latents(range(PROBES)), sampler.draw_conditions(range(PROBES), {})
    matrices, names = [], []
    with torch.no_grad():
        for met in _layers(generator, z.to(sampler.device), c):
            matrix = _matrix(met, width)
            if matrix is not None and matrix.norm() > 0:
                matrices.append(matrix / matrix.norm())
                names.append(met.name)
    if not matrices:
        raise GankitError(
            f"the generator ({type(generator).__name__}) has no linear layer that takes the latent "
            "itself",
            "Directions are read off such layers; --between A:B works for any generator",
        )
    a = torch.cat(matrices)
    values, vectors = torch.linalg.eigh(a.T @ a)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1).T.contiguous()
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = vectors * largest.sign()
    return Directions(vectors.float(), (values / values.sum()).float(), tuple(names))


def _layers(generator: nn.Module, z: Tensor, c: Tensor | None) -> Iterator[_Met]:
    """The layers that get the latent."""
    met: list[_Met] = []

    def hook(name: str) -> Any:
        def see(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
            start = _start(inputs, z) if inputs else None
            if start is not None:
                met.append(_Met(name, layer, inputs, start))

        return see

    handles = [
        layer.register_forward_pre_hook(hook(name))
        for name, layer in generator.named_modules()
        if isinstance(weight := getattr(layer, "weight", None), Tensor) and weight.ndim > 1
    ]
    try:
        generator(z, None if c is None else c.to(z.device))
    finally:
        for handle in handles:
            handle.remove()
    yield from met


def _start(inputs: tuple[Any, ...], z: Tensor) -> int | None:
    """The column from which on an input has the latent; None where it has not."""
    given = inputs[0]
    if not isinstance(given, Tensor) or not given.is_floating_point() or len(given) != len(z):
        return None
    flat = given.flatten(1).float()
    for start in dict.fromkeys((0, flat.shape[1] - z.shape[1])):
        part = flat[:, start : start + z.shape[1]] if start >= 0 else flat[:, :0]
        if part.shape == z.shape and _parallel(part, z):
            return start
    return None


def _parallel(a: Tensor, b: Tensor) -> bool:
    """Whether rows are equal up to a positive factor, as after normalisation."""
    return bool((nn.functional.cosine_similarity(a, b, dim=1) > 1 - SAME**2).all())


def _matrix(met: _Met, width: int) -> Tensor | None:
    """The matrix A of a layer, (outputs, width), float64 on the CPU; None where it is not affine.

    It is what the layer makes of the unit vectors: weights may be scaled or reshaped within.
    """
    given, rest = met.inputs[0], met.inputs[1:]
    columns = slice(met.start, met.start + width)
    plain = given[:1].flatten(1).expand(width + 1, -1).clone()
    plain[:, columns] = 0
    plain[1:, columns] = torch.eye(width, dtype=plain.dtype, device=plain.device)
    try:
        out = _output(met.layer, plain.view(width + 1, *given.shape[1:]), rest)
        seen = _output(met.layer, given[:1], rest)
    except (RuntimeError, IndexError):  # it needs its batch
        return None
    matrix = (out[1:] - out[:1]).T
    expected = out[:1] + given[:1].flatten(1)[:, columns].double().cpu() @ matrix.T
    scale = (seen - out[:1]).abs().max()
    return matrix if bool((seen - expected).abs().max() <= 10 * SAME * scale) else None


def _output(layer: nn.Module, given: Tensor, rest: tuple[Any, ...]) -> Tensor:
    out = layer(given, *rest)
    if not isinstance(out, Tensor):
        raise IndexError("several outputs")
    return out.flatten(1).double().cpu()
