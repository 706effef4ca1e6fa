"""Files of latents: what projection finds, and what generating can start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import GankitError
from gankit.kit.files import sha256
from gankit.runs.checks import damaged
from gankit.runs.directory import Run
from gankit.runs.model import read_metadata, read_tensors

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Latent, Sampler

ENDING = ".safetensors"
Z, C = "z", "c"
"""The file's tensors: latents (N, latent_dim), and rows of conditions (N, width), if any."""


@dataclass(frozen=True)
class LatentFile:
    """A file of latents, or one latent in it."""

    path: Path
    number: int | None = None
    """From 0 on; None for all."""

    def __str__(self) -> str:
        return f"{self.path}" if self.number is None else f"{self.path}#{self.number}"

    def read(self, sampler: Sampler) -> list[Latent]:
        """The latents.

        Raises:
            GankitError: it is no such file, does not fit the run, or has no such number.
        """
        from gankit.engine.sampling.sampler import Latent

        if not self.path.is_file():
            raise GankitError(
                f"no file of latents at {self.path}", "`gankit project RUN ITEM` writes one"
            )
        tensors = read_tensors(self.path)
        z, c = tensors.get(Z), tensors.get(C)
        if z is None or z.ndim != 2 or not len(z) or not z.is_floating_point():
            raise GankitError(
                f"{self.path} holds no latents", "Name a file that `gankit project` wrote"
            )
        condition = sampler.codec.layout.condition
        width = 0 if condition is None else condition.width
        given = (z.shape[1], 0 if c is None else c.shape[-1])
        if given[0] != sampler.latent_dim or (c is not None and given[1] != width):
            raise GankitError(
                f"{self.path} holds latents of width {given[0]} with conditions of width "
                f"{given[1]}, and the run takes {sampler.latent_dim} and {width}",
                "Use latents that were projected with this run",
            )
        if not z.isfinite().all() or (c is not None and c.shape != (len(z), width)):
            raise damaged(self.path, "its latents are not finite, or its tensors do not match")
        if self.number is not None and not 0 <= self.number < len(z):
            raise GankitError(
                f"{self}: the file has {len(z)} latents",
                f"Use #0{f' to #{len(z) - 1}' if len(z) > 1 else ''}",
            )
        chosen = range(len(z)) if self.number is None else [self.number]
        return [Latent(z[i].float(), None if c is None else c[i].float()) for i in chosen]

    def doubts(self, run: Run) -> list[str]:
        """A warning where the latents were found with another generator than the run's."""
        stated = read_metadata(self.path).get("generator") if self.path.is_file() else None
        if stated is None or stated == sha256(run.generator_weights.file):
            return []
        return [f"{self.path} was found with another generator: it means something else here"]


def write_latents(path: Path, latents: Sequence[Latent], run: Run) -> None:
    """Writes latents with a mark of the run's generator.

    Raises:
        OSError: the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors = {Z: torch.stack([latent.z for latent in latents]).contiguous()}
    rows = [latent.c for latent in latents if latent.c is not None]
    if rows:
        tensors[C] = torch.stack(rows).contiguous()
    metadata = {"run": run.name, "generator": sha256(run.generator_weights.file)}
    path.write_bytes(save(tensors, metadata))
