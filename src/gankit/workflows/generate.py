"""Generating from a trained run: a stream of samples, or files with their provenance.

The one way from a run to generated files: the command line, ``gankit augment`` and Python use it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Codec, Continuous, Progress, Sample, quiet
from gankit.contract.codec import classes
from gankit.engine.clock import ADVERSARIAL
from gankit.errors import GankitError, did_you_mean
from gankit.plugins.registry import installed
from gankit.runs.directory import Run, next_run
from gankit.runs.output import write_generated
from gankit.runs.provenance import versions
from gankit.runs.started import lineage
from gankit.runs.targets import Target, refuse_existing, resolve_target
from gankit.system_errors import translated
from gankit.workflows.improbable import UNKNOWN, improbable

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

MEMORY_HINT = "Close other programs, or choose another --device"
END_OF_SEEDS = 2**63
"""Seeds are below this."""
FAR = 4.0
"""Standard deviations from the training data's mean beyond which a requested number is doubted."""
LABEL = "label"
"""The condition whose classes are meant where none is named."""


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
    per_class: int = 0
    """So many samples of each class, one class after another, in place of ``n``; 0 for no such
    rule. Sample i still uses seed ``seed + i``."""
    by: str = ""
    """The condition whose classes these are; ``label`` or the only one by default."""
    phase: str = ADVERSARIAL
    """``warm-up`` for the generator as it was before the adversarial game."""

    def check(self) -> None:
        """Raises:
        GankitError: too few samples, or no two seeds.
        """
        if self.per_class < 0 or (self.by and not self.per_class):
            raise GankitError("no number of samples per class", "Use per_class of 1 or more")
        if self.n < 1:
            raise GankitError(f"n={self.n}: nothing to generate", "Use 1 or more")
        check_seeds(self.seed, self.n)
        if self.between is None:
            return
        if self.per_class:
            raise GankitError(
                "interpolation has one condition, not one per class", "Use per_class or between"
            )
        first, last = self.between
        if not all(0 <= end < END_OF_SEEDS for end in self.between):
            raise GankitError(
                f"seeds {first} and {last}: out of range", "Seeds are integers from 0 on"
            )
        if first == last:
            raise GankitError(f"both seeds are {first}", "Give two different seeds")
        if self.n < 2:
            raise GankitError("interpolation includes both ends", "Use n of 2 or more")

    def settled(self, codec: Codec[Any]) -> Sampling:
        """The same with ``by`` and ``n`` filled in, where there is a number per class.

        Raises:
            GankitError: the run has no such classes, or they are requested otherwise too.
        """
        if not self.per_class:
            return self
        known = {name: values for name, values in classes(codec).items() if values}
        if not known:
            raise GankitError(
                "this run is not conditioned on classes", "Use -n N in place of --per-class"
            )
        by = self.by or (LABEL if LABEL in known else "")
        if not by and len(known) > 1:
            raise GankitError(
                f"this run is conditioned on {len(known)} kinds of classes",
                f"Choose one: --by KEY, of {', '.join(known)}",
            )
        by = by or next(iter(known))
        if by not in known:
            raise GankitError(f"this run has no classes {by!r}", did_you_mean(by, [*known]))
        if by in self.where:
            raise GankitError(
                f"{by} is requested both as a condition and per class", "Use one of them"
            )
        n = self.per_class * len(known[by])
        check_seeds(self.seed, n)
        return dataclasses.replace(self, by=by, n=n)

    def draw(self, sampler: Sampler) -> Iterator[Sample[Any]]:
        """The samples, one after another."""
        settled = self.settled(sampler.codec)
        if self.between is not None:
            return sampler.interpolate(*self.between, self.n, self.where)
        if not self.per_class:
            return sampler.sample(self.n, self.seed, self.where)
        wanted = [{**self.where, settled.by: c} for c in classes(sampler.codec)[settled.by]]
        for i, where in enumerate(wanted):  # a wrong condition fails before any work
            sampler.draw_conditions([self.seed + i * self.per_class], where)
        return chain.from_iterable(
            sampler.sample(self.per_class, self.seed + i * self.per_class, where)
            for i, where in enumerate(wanted)
        )

    def record(self) -> dict[str, Any]:
        """What the provenance record states of it."""
        ends = self.between
        seeds = {"between": list(ends)} if ends else {"seeds": [self.seed, self.seed + self.n - 1]}
        changed = {"settings": dict(self.settings)} if self.settings else {}
        each = {"per_class": self.per_class, "by": self.by} if self.per_class else {}
        phase = {} if self.phase == ADVERSARIAL else {"phase": self.phase}
        return {**seeds, "where": dict(self.where), **each, **changed, **phase}


def check_seeds(first: int, n: int) -> None:
    """Whether ``n`` seeds from the first one on are in range.

    Raises:
        GankitError: they are not.
    """
    if n > END_OF_SEEDS:
        raise GankitError(f"{n:,} samples: there are no more than 2^63 seeds", "Use a smaller n")
    if not 0 <= first <= END_OF_SEEDS - n:
        raise GankitError(
            f"seed {first}: out of range",
            f"Use 0 to {END_OF_SEEDS - n} for {n:,} sample{'s' if n > 1 else ''}",
        )


@dataclass(frozen=True)
class Generated:
    """Generated files."""

    path: Path
    record: dict[str, Any]
    """The provenance record."""
    warnings: tuple[str, ...] = ()
    """Doubts, one sentence each."""

    def __repr__(self) -> str:
        augmented = self.record.get("augmented")
        real = f" ({augmented['real']:,} of them real)" if augmented else ""
        return f"{self.record['count']:,} items{real} in {self.path}"


@translated(memory=MEMORY_HINT)
def generate(
    run: Run,
    sampling: Sampling,
    out: str | Path | None = None,
    *,
    format: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> Generated:
    """Generates into a folder or one file, with provenance.

    Args:
        out: a path that ends in one of the modality's formats is a file, ``x.zip`` an archive, the
            text ``-`` standard output, any other path a folder; ``generated/RUN-001`` by default.

    Raises:
        GankitError: for whatever the user can fix.
    """
    sampling.check()
    target = output_target(run, out, format)
    refuse_existing(target, overwrite)
    sampler = run.sampler(device, sampling.settings, sampling.phase)
    sampling = sampling.settled(sampler.codec)
    doubts = doubts_about(run, sampler, sampling.where)
    warned = {"warnings": doubts} if doubts else {}
    record = write_generated(
        *(run.plugin, _counted(sampling.draw(sampler), sampling.n, progress), target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**run_record(run), **sampling.record(), **warned},
        plugins=installed(),
        overwrite=overwrite,
        between=sampling.between,
    )
    return Generated(target.path, record)


def _counted(
    samples: Iterable[Sample[Any]], total: int, progress: Progress
) -> Iterator[Sample[Any]]:
    """The same samples, with their number reported."""
    for done, sample in enumerate(samples, 1):
        progress("generating", done, total)
        yield sample
    progress("writing", 0, 0)


def doubts_about(run: Run, sampler: Sampler, where: Mapping[str, object]) -> list[str]:
    """Warnings about a request.

    Raises:
        GankitError: no item can have it.
    """
    items = run.model["data"].get("items", UNKNOWN)
    return [*far_from_data(sampler.codec, where), *improbable(sampler, where, items)]


def far_from_data(codec: Codec[Any], where: Mapping[str, object]) -> list[str]:
    """A warning for each number in a request that is far from those of the training data."""
    condition = codec.layout.condition
    found = []
    for number in condition.fields if condition is not None else ():
        if not isinstance(number, Continuous) or number.name not in where:
            continue
        try:
            distance = abs(number.encode(where[number.name])[0])
        except GankitError:  # the codec reads it in another way
            continue
        if distance > FAR:
            found.append(
                f"{number.name}={where[number.name]} is {distance:.0f} standard deviations from "
                f"the mean of the training data, {number.mean:g}: no such sample was seen"
            )
    return found


@translated(memory=MEMORY_HINT)
def save(
    run: Run,
    samples: Iterable[Sample[Any]],
    out: str | Path | None = None,
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
    run: Run, out: str | Path | None, format: str | None = None, default: str | None = None
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
        **({"started_from": lineage(run.model)} if "started_from" in run.model else {}),
        **({"privacy": run.privacy} if run.privacy else {}),
    }
