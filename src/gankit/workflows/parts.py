"""Generating in parts: by one process, several, or many machines, at any time and in any order.

Sample i uses seed ``seed + i``, so a part is nothing but a range of numbers: it is the same whoever
makes it, and parts together are what one process makes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import launched
from gankit.contract import ChecksSeeds, Progress, quiet
from gankit.errors import GankitError
from gankit.kit.files import sha256
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.model import CODEC, MODEL, RATIO, WARM_GENERATOR
from gankit.runs.output import ending_of, write_generated
from gankit.runs.parts import Parts, differences
from gankit.runs.provenance import now, software, versions
from gankit.runs.targets import Target, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    Sampling,
    counted,
    output_target,
    sampling_record,
)
from gankit.workflows.launch import use_own_gpu

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

MOST_PARTS = 99_999


@dataclass(frozen=True)
class Shard:
    """One of several processes that make parts: it makes every ``of``-th one."""

    number: int = 1
    """From 1 on."""
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            hint = f"Use 1/{self.of} to {self.of}/{self.of}" if self.of else "Use e.g. 3/16"
            raise GankitError(f"--shard {self}: there is no such shard", hint)

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``3/16``: the third of sixteen.

        Raises:
            GankitError: it is no such text.
        """
        if not (found := re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)):
            raise GankitError(f"--shard {text!r}: not K/N", "Use e.g. 3/16, the third of sixteen")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of_launcher(cls) -> Shard | None:
        """This process among those that a launcher such as torchrun started; None for a single
        one."""
        size = launched.size()
        return cls(launched.rank() + 1, size) if size > 1 else None

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class PartsMade:
    """What one process made of a request."""

    path: Path
    made: int
    """Parts that it made."""
    found: int
    """Those of its parts that were there already."""
    samples: int
    """Samples in those that it made."""
    record: dict[str, Any]
    """The record of all parts: complete once all are there."""

    @property
    def complete(self) -> Generated | None:
        """All of it; None while parts are missing."""
        return Generated(self.path, self.record) if self.record["complete"] else None


@translated(memory=MEMORY_HINT)
def generate_parts(
    run: Run,
    sampling: Sampling,
    out: str | Path | None,
    *,
    parts: int = 0,
    shard: Shard | None = None,
    format: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> PartsMade:
    """Makes this shard's parts that are not there yet.

    Args:
        out: the folder, the same for all shards.
        parts: files in all; as many as there are shards by default.
        overwrite: replaces the folder, which a single shard does not.

    Raises:
        GankitError: for whatever the user can fix.
    """
    shard = shard or Shard()
    if launched.size() > 1:
        use_own_gpu(device)
    place = started(
        *(run, sampling, out, parts or shard.of),
        format=format, device=device, overwrite=overwrite, alone=shard.of == 1
    )  # fmt: skip
    own = [part for part in place if (part.number - shard.number) % shard.of == 0]
    missing = [part for part in own if place.record(part) is None]
    samples = sum(len(part.among) for part in missing)
    if missing:
        sampler = sampling.sampler(run, device)
        settled = sampling.settled(sampler.codec)
        done = 0

        def show(what: str, now: int, total: int) -> None:
            progress(what, done + now, samples)

        for part in missing:
            with place.making(part) as target:
                drawn = settled.marked(run, settled.draw(sampler, part.among))
                seeds = [settled.seed + part.among[0], settled.seed + part.among[-1]]
                record = write_generated(
                    *(run.plugin, counted(drawn, len(part.among), show), target),
                    codec=sampler.codec,
                    run=run.model["run"],
                    record={"part": f"{part.number}/{place.index['request']['parts']}",
                            "seeds": seeds},
                    plugins=installed(),
                    progress=progress,
                    overwrite=True,
                    way=settled.in_words(),
                    created=place.index["created"],
                    first=part.among.start,
                )  # fmt: skip
                place.made(part, record)
            done += len(part.among)
    record = place.finish() or dict(place.index)
    return PartsMade(place.target.path, len(missing), len(own) - len(missing), samples, record)


def started(
    run: Run,
    sampling: Sampling,
    out: str | Path | None,
    parts: int,
    *,
    format: str | None,
    device: str,
    overwrite: bool,
    alone: bool = True,
) -> Parts:
    """The folder for these parts, begun or found begun with the same request.

    Args:
        alone: whether no other process is at it.

    Raises:
        GankitError: nothing that can be made in parts, another request's folder, or anything else
            at its place.
    """
    from gankit.engine.devices import choose_device

    sampling.check()
    target = _folder(run, sampling, out, format)
    if overwrite and not alone:
        raise GankitError(
            "--overwrite with one shard of several would delete what others have made",
            f"Remove {target.path} yourself before the first one starts",
        )
    if overwrite:
        refuse_existing(target, overwrite=True)
        shutil.rmtree(target.path, ignore_errors=True)
    if run.codec.several_files:
        raise GankitError(
            "this run generates several files, which are not made in parts",
            "Leave out --parts and --shard; --nproc N without them uses several processes",
        )
    sampling = sampling.settled(run.codec)
    if not 1 <= parts <= min(sampling.n // 2, MOST_PARTS):
        most = min(sampling.n // 2, MOST_PARTS)
        raise GankitError(
            f"{parts:,} parts of {sampling.n:,} samples: a part has at least 2, and there are at "
            f"most {MOST_PARTS:,}",
            f"Use --parts 1 to {most}" if most else "Use a larger -n",
        )
    request = json.loads(json.dumps({
        "n": sampling.n,
        "parts": parts,
        "format": target.format,
        **sampling.record(),
        "run": run.model["run"],
        "model": _digest(run),
        "device": choose_device(device).type,
        **{k: v for k, v in versions(run.plugin.distribution).items() if k != "python"},
    }, default=str))  # fmt: skip
    if (found := Parts.started(target)) is None:
        sampler = sampling.sampler(run, device)
        if isinstance(sampler.codec, ChecksSeeds):
            for where, some in sampling.requests(sampler.codec):
                seeds = range(sampling.seed + some.start, sampling.seed + some.stop)
                sampler.codec.check_seeds(seeds, where)
        found = Parts.start(target, _index(run, sampler, sampling, target, request))
    if changed := differences(found.index["request"], request):
        raise GankitError(
            f"{target.path} has parts of another request: {_changes(changed, found, request)}",
            "Choose another --out, or repeat that request",
        )
    return found


def _folder(run: Run, sampling: Sampling, out: str | Path | None, format: str | None) -> Target:
    if sampling.walk is not None:
        raise GankitError(
            "chosen latents are not made in parts", "Leave out --parts, or generate from seeds"
        )
    if out is None:
        raise GankitError("parts need a folder that is the same each time", "Name it: --out FOLDER")
    target = output_target(run, out, format)
    if target.single_file:
        raise GankitError(
            f"--out {target.path} is one file, and parts are files in a folder",
            "Name a folder: a path without an ending; --format chooses what is in it",
        )
    return target


def _index(
    run: Run, sampler: Sampler, sampling: Sampling, target: Target, request: Mapping[str, Any]
) -> dict[str, Any]:
    """The record of a folder in which no part has been made."""
    record = sampling_record(run, sampler, sampling)
    few = list(islice(sampling.draw(sampler, range(2)), 2))
    return {
        "generated": True,
        "complete": False,
        "digital_source_type": run.plugin.modality.source_type,
        "software": software(),
        "created": now(),
        "run": run.model["run"],
        "plugin": run.plugin.info.name,
        "format": target.format,
        "count": 0,
        **record,
        "ending": ending_of(run.plugin, few, sampler.codec, target.format),
        "request": request,
        "parts": [],
        "files": {},
    }


def _digest(run: Run) -> str:
    """Of all files that samples depend on."""
    names = (MODEL, CODEC, run.generator_weights.file.name, WARM_GENERATOR, RATIO)
    files = [run.model_folder / name for name in names]
    hashes = [sha256(file) for file in files if file.is_file()]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _changes(changed: Sequence[str], found: Parts, request: Mapping[str, Any]) -> str:
    if "model" in changed:
        return f"{found.index['run']} was trained on since, or is another run"
    before = found.index["request"]
    return ", ".join(f"{key} {before.get(key)}, not {request.get(key)}" for key in changed)
