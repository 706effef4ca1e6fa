"""Generating from a trained run: a stream of samples, or files with their provenance.

The one way from a run to generated files: the command line, ``gankit augment`` and Python use it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Codec, Continuous, Progress, Sample, quiet
from gankit.contract.codec import classes
from gankit.engine.clock import ADVERSARIAL
from gankit.errors import GankitError, did_you_mean
from gankit.plugins.registry import installed
from gankit.runs.consent import consent_in
from gankit.runs.directory import Run, next_run
from gankit.runs.memorisation import memorisation_warning
from gankit.runs.output import write_generated
from gankit.runs.provenance import versions
from gankit.runs.started import lineage
from gankit.runs.targets import Target, is_one_file, one_file, refuse_existing, resolve_target
from gankit.system_errors import translated
from gankit.workflows import watermarks
from gankit.workflows.improbable import UNKNOWN, improbable
from gankit.workflows.pool import Pool, SampleSource
from gankit.workflows.scoring import BACKBONES, backbones_in
from gankit.workflows.sheets import MixSheet
from gankit.workflows.walks import END_OF_SEEDS, Between, Mix, Walk

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

MEMORY_HINT = "Close other programs, or choose another --device"
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
    walk: Walk | None = None
    """Latents other than those of consecutive seeds; ``seed`` is unused, unless it starts there."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Overrides of the plugin's settings, among its ``sampling_settings``."""
    per_class: int = 0
    """So many samples of each class, one class after another, in place of ``n``; 0 for no such
    rule. Sample i still uses seed ``seed + i``."""
    by: str = ""
    """The condition whose classes these are; ``label`` or the only one by default."""
    phase: str = ADVERSARIAL
    """``warm-up`` for the generator as it was before the adversarial game."""
    truncation: float = 1.0
    """ψ of the truncation trick, 0 to 1: latents are moved towards their mean, z → ψ z."""
    watermark: bool = False
    """Whether items get the user's invisible watermark, see :mod:`gankit.workflows.watermarks`."""

    def check(self) -> None:
        """Raises:
        GankitError: too few samples, a truncation out of range, or a walk that makes no sense.
        """
        if not 0 <= self.truncation <= 1:
            raise GankitError(
                f"truncation={self.truncation:g}: out of range",
                "Use 0 (the mean) to 1 (no truncation)",
            )
        if self.per_class < 0 or (self.by and not self.per_class):
            raise GankitError("no number of samples per class", "Use per_class of 1 or more")
        if self.n < 1:
            raise GankitError(f"n={self.n}: nothing to generate", "Use 1 or more")
        check_seeds(self.seed, self.n)
        if self.walk is None:
            return
        if self.per_class:
            raise GankitError(
                "chosen latents have one condition each, not one per class",
                "Use per_class, or between, along, mix or latent",
            )
        self.walk.check(self.n)

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

    def draw(
        self, sampler: Sampler, among: range | None = None, source: SampleSource | None = None
    ) -> Iterator[Sample[Any]]:
        """The samples, one after another.

        Args:
            among: only those of these numbers, from 0 on.
            source: what draws them, if not the sampler.
        """
        source = source or sampler
        if self.walk is not None:
            return self.walk.draw(sampler, self.n, self.where)
        requests = self.requests(sampler.codec)
        for where, some in requests:  # a wrong condition fails before any work
            sampler.draw_conditions([self.seed + some.start], where)
        if among is not None:
            requests = [(w, range(max(s.start, among.start), min(s.stop, among.stop)))
                        for w, s in requests]  # fmt: skip
        return chain.from_iterable(
            source.sample(len(some), self.seed + some.start, where)
            for where, some in requests
            if some
        )

    def requests(self, codec: Codec[Any]) -> list[tuple[Mapping[str, object], range]]:
        """Each condition with the numbers of its samples, from 0 on."""
        settled = self.settled(codec)
        if not self.per_class:
            return [(self.where, range(settled.n))]
        starts = range(0, settled.n, self.per_class)
        return [
            ({**self.where, settled.by: value}, range(start, start + self.per_class))
            for value, start in zip(classes(codec)[settled.by], starts, strict=True)
        ]

    def record(self) -> dict[str, Any]:
        """What the provenance record states of it."""
        walk = self.walk
        seeds = walk.record() if walk else {"seeds": [self.seed, self.seed + self.n - 1]}
        changed = {"settings": dict(self.settings)} if self.settings else {}
        each = {"per_class": self.per_class, "by": self.by} if self.per_class else {}
        phase = {} if self.phase == ADVERSARIAL else {"phase": self.phase}
        truncated = {} if self.truncation == 1 else {"truncation": self.truncation}
        where, mark = {"where": dict(self.where)}, watermarks.record() if self.watermark else {}
        return {**seeds, **where, **each, **truncated, **changed, **phase, **mark}

    @property
    def pair(self) -> tuple[int, int] | None:
        """The two seeds of an interpolation; None for anything else."""
        stops = self.walk.path if isinstance(self.walk, Between) else ()
        match stops:
            case (int(first), int(last)):
                return first, last
        return None

    def in_words(self) -> str:
        """How the latents were chosen, if not by seeds alone; for files' metadata."""
        parts = [self.walk.in_words()] if self.walk else []
        parts += [f"truncation {self.truncation:g}"] if self.truncation != 1 else []
        return ", ".join(parts)

    def sampler(self, run: Run, device: str = "auto") -> Sampler:
        """The run's generator, ready to draw these samples.

        Raises:
            GankitError: as for :meth:`Run.sampler`; the generator's latents cannot be truncated, or
            its items carry no watermark.
        """
        if self.watermark:
            watermarks.refuse_unable(run)
        return run.sampler(device, self.settings, self.phase).truncated(self.truncation)

    def marked(self, run: Run, samples: Iterator[Sample[Any]]) -> Iterator[Sample[Any]]:
        """The samples, with the watermark where it is requested."""
        return watermarks.marked(run, samples) if self.watermark else samples


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
    nproc: int = 1,
    progress: Progress = quiet,
) -> Generated:
    """Generates into a folder or one file, with provenance.

    Args:
        out: a path that ends in one of the modality's formats is a file, ``x.zip`` an archive, the
            text ``-`` standard output, any other path a folder; ``generated/RUN-001`` by default.
        nproc: processes that draw the samples; the output is the same with any number.

    Raises:
        GankitError: for whatever the user can fix.
    """
    sampling.check()
    if sampling.walk is not None and nproc > 1:
        raise GankitError("chosen latents are drawn by one process", "Leave out --nproc")
    target = output_target(run, out, format)
    refuse_existing(target, overwrite)
    sampler = sampling.sampler(run, device)
    sampling = sampling.settled(sampler.codec)
    with Pool(
        *(run, sampler, nproc), device=device, settings=sampling.settings, phase=sampling.phase
    ) as source:
        drawn = sampling.draw(sampler, source=source)
        samples = counted(sampling.marked(run, drawn), sampling.n, progress)
        beside = None
        if isinstance(sampling.walk, Mix) and not target.single_file:
            mixed = MixSheet(run, sampler, sampling.walk, sampling.where)
            samples, beside = mixed.watching(samples), mixed.write
        record = write_generated(
            *(run.plugin, samples, target),
            codec=sampler.codec,
            run=run.model["run"],
            record=sampling_record(run, sampler, sampling),
            plugins=installed(),
            progress=progress,
            overwrite=overwrite,
            between=sampling.pair,
            way=sampling.in_words(),
            beside=beside,
        )
    return Generated(target.path, record)


def sampling_record(run: Run, sampler: Sampler, sampling: Sampling) -> dict[str, Any]:
    """What the provenance record of samples states of the run and of what was requested, with
    warnings.

    Raises:
        GankitError: no item can have what was requested.
    """
    walk = sampling.walk
    doubts = [*doubts_about(run, sampler, sampling.where), *(walk.doubts(run) if walk else ())]
    return {**run_record(run, doubts, phase=sampling.phase), **sampling.record()}


def counted(
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
            distance = _distance(number, where[number.name])
        except GankitError:  # the codec reads it in another way
            continue
        if distance > FAR:
            found.append(
                f"{number.name}={where[number.name]} is {distance:.0f} standard deviations from "
                f"the mean of the training data, {number.mean:g}: no such sample was seen"
            )
    return found


def _distance(number: Continuous, value: object) -> float:
    """Standard deviations from the mean to a value, or to the nearer end of a range, ``1..2``.

    Raises:
        GankitError: it is neither.
    """
    low, dots, high = str(value).partition("..")
    if not dots:
        return abs(number.encode(value)[0])
    above = number.encode(low)[0] if low else -math.inf
    below = number.encode(high)[0] if high else math.inf
    return max(above, -below, 0.0)


@translated(memory=MEMORY_HINT)
def save(
    run: Run,
    samples: Iterable[Sample[Any]],
    out: str | Path | None = None,
    *,
    sampling: Sampling | None = None,
    format: str | None = None,
    overwrite: bool = False,
) -> Generated:
    """Writes samples that were generated before, with provenance; arguments as for
    :func:`generate`.

    Args:
        sampling: how they were generated, if that is known.

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
            **run_record(run, phase=sampling.phase if sampling else ADVERSARIAL),
            **(sampling.record() if sampling else {}),
            "seeds": [sample.seed for sample in kept],
        },
        plugins=installed(),
        overwrite=overwrite,
        between=sampling.pair if sampling else None,
        way=sampling.in_words() if sampling else "",
    )
    return Generated(target.path, record)


def output_target(
    run: Run, out: str | Path | None, format: str | None = None, default: str | None = None
) -> Target:
    """Where a run's output goes.

    Raises:
        GankitError: one file is named for items that are several.
    """
    path = out or next_run(Path("generated"), run.model["run"])
    target = resolve_target(run.plugin, path, format, default)
    if is_one_file(target) and run.codec.several_files:  # a learned codec takes time to load
        raise one_file(target)
    return target


def run_record(
    run: Run,
    doubts: Sequence[str] = (),
    *,
    shares_model: bool = False,
    phase: str = ADVERSARIAL,
) -> dict[str, Any]:
    """What the provenance record of anything that a run generates states of the run.

    Args:
        doubts: warnings about the request, which stand beside those about the run.
        shares_model: whether this is a record of the model itself.
        phase: whose generator it is.
    """
    data, copied = run.model["data"], memorisation_warning(run, shares_model)
    warnings = [*([copied] if copied else []), *doubts]
    return {
        "versions": versions(run.plugin.distribution),
        "data_fingerprint": data["fingerprint"],
        "data_licence": data["licence"],
        **(run.generator_weights.record() if phase == ADVERSARIAL else {}),
        **({BACKBONES: sorted(shared)} if (shared := backbones_in(run.model)) else {}),
        **({"started_from": lineage(run.model)} if "started_from" in run.model else {}),
        **({"privacy": run.privacy} if run.privacy else {}),
        **consent_in(run.model),
        **({"warnings": warnings} if warnings else {}),
    }
