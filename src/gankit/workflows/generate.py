"""Generating from a trained run: a stream of samples, or files with their provenance.

The one way from a run to generated files: the command line, ``gankit augment`` and Python use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Sample
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.directory import Run, next_run
from gankit.runs.output import Target, refuse_existing, resolve_target, write_generated
from gankit.runs.provenance import versions
from gankit.system_errors import translated

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

MEMORY_HINT = "Close other programs, or choose another --device"
END_OF_SEEDS = 2**63
"""Seeds are below this."""


@dataclass(frozen=True)
class Sampling:
    """What to generate."""

    n: int = 64
    seed: int = 0
    """Sample i uses seed ``seed + i``, independent of n."""
    where: Mapping[str, object] = field(default_factory=dict)
    """Conditions by name."""
    between: tuple[int, int] | None = None
    """Two seeds to interpolate between in latent space, both ends included. All samples have the
    first seed's condition, or ``where``; ``seed`` is unused."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Overrides of the plugin's settings, among its ``sampling_settings``."""

    def check(self) -> None:
        """Raises:
        GankitError: too few samples, or no two seeds.
        """
        if self.n < 1:
            raise GankitError(f"n={self.n}: nothing to generate", "Use 1 or more")
        if not 0 <= self.seed <= END_OF_SEEDS - self.n:
            raise GankitError(
                f"seed {self.seed}: out of range", f"Use 0 to {END_OF_SEEDS - self.n:,}"
            )
        if self.between is None:
            return
        first, last = self.between
        if not all(0 <= end < END_OF_SEEDS for end in self.between):
            raise GankitError(
                f"seeds {first} and {last}: out of range", "Seeds are integers from 0 on"
            )
        if first == last:
            raise GankitError(f"both seeds are {first}", "Give two different seeds")
        if self.n < 2:
            raise GankitError("interpolation includes both ends", "Use n of 2 or more")

    def draw(self, sampler: Sampler) -> Iterator[Sample[Any]]:
        """The samples, one after another."""
        if self.between is None:
            return sampler.sample(self.n, self.seed, self.where)
        return sampler.interpolate(*self.between, self.n, self.where)

    def record(self) -> dict[str, Any]:
        """What the provenance record states of it."""
        ends = self.between
        seeds = {"between": list(ends)} if ends else {"seeds": [self.seed, self.seed + self.n - 1]}
        changed = {"settings": dict(self.settings)} if self.settings else {}
        return {**seeds, "where": dict(self.where), **changed}


@dataclass(frozen=True)
class Generated:
    """Generated files."""

    path: Path
    record: dict[str, Any]
    """The provenance record."""


@translated(memory=MEMORY_HINT)
def generate(
    run: Run,
    sampling: Sampling,
    out: Path | None = None,
    *,
    format: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> Generated:
    """Generates into a folder or one file, with provenance.

    Args:
        out: a path that ends in one of the modality's formats is a file, any other a folder;
            ``generated/RUN-001`` by default.

    Raises:
        GankitError: for whatever the user can fix.
    """
    sampling.check()
    target = output_target(run, out, format)
    refuse_existing(target, overwrite)
    sampler = run.sampler(device, sampling.settings)
    record = write_generated(
        *(run.plugin, sampling.draw(sampler), target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**run_record(run), **sampling.record()},
        plugins=installed(),
        overwrite=overwrite,
        between=sampling.between,
    )
    return Generated(target.path, record)


@translated(memory=MEMORY_HINT)
def save(
    run: Run,
    samples: Iterable[Sample[Any]],
    out: Path | None = None,
    *,
    between: tuple[int, int] | None = None,
    format: str | None = None,
    overwrite: bool = False,
) -> Generated:
    """Writes samples that were generated before, with provenance; arguments as for
    :func:`generate`.

    Raises:
        GankitError: for whatever the user can fix.
    """
    target, kept = output_target(run, out, format), list(samples)
    if not kept or not all(isinstance(sample, Sample) for sample in kept):
        raise GankitError(
            "nothing to save" if not kept else "these are items without their seeds",
            "Pass what run.sample or run.stream returned",
        )
    record = write_generated(
        *(run.plugin, kept, target),
        codec=run.codec,
        run=run.model["run"],
        record={
            **run_record(run),
            **({"between": list(between)} if between else {}),
            "seeds": [sample.seed for sample in kept],
        },
        plugins=installed(),
        overwrite=overwrite,
        between=between,
    )
    return Generated(target.path, record)


def output_target(
    run: Run, out: Path | None, format: str | None = None, default: str | None = None
) -> Target:
    """Where a run's output goes."""
    path = out or next_run(Path("generated"), run.model["run"])
    return resolve_target(run.plugin, path, format, default)


def run_record(run: Run) -> dict[str, Any]:
    """What the provenance record of anything that a run generates states of the run."""
    data = run.model["data"]
    return {
        "versions": versions(run.plugin.distribution),
        "data_fingerprint": data["fingerprint"],
        "data_licence": data["licence"],
        **({"privacy": run.privacy} if run.privacy else {}),
    }
