"""A run as it is served: its latest export, and what it can be asked for."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gankit.contract import Batch, ConditionInput, Rendering, ReservesKeys, Sample
from gankit.contract.codec import condition_inputs
from gankit.errors import GankitError
from gankit.runs.directory import UNTRAINED, Run
from gankit.runs.memorisation import memorisation_warning
from gankit.runs.model import GENERATOR
from gankit.runs.weights import BEST
from gankit.serve.cache import SizedCache
from gankit.serve.options import Option, options_of
from gankit.serve.query import Query
from gankit.serve.shown import Shown, show
from gankit.workflows.generate import Generated, doubts_about, save

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

CHECKED = 2.0
"""Seconds after which a run is looked at again for a newer export."""
SAMPLERS = 6
"""Combinations of sampling-time options that are kept ready."""
MOST_SEEDS = 10**9
"""Fresh samples begin at a random seed below this."""
FAINT = 0.5
"""A truncation by which it is seen whether a run's latents can be truncated."""

UNREADABLE = "a newer export cannot be read: these samples are from the one before it"


@dataclass(frozen=True)
class Drawn:
    """The samples of a query."""

    query: Query
    samples: Sequence[Sample[Any]]
    shown: Sequence[Shown]
    warnings: Sequence[str]
    trained: int
    """Training samples that the generator has seen."""


class Batches:
    """Batches of the generator, which several requests share.

    Args:
        kept: those of earlier requests.
    """

    def __init__(self, kept: SizedCache[Batch]) -> None:
        self.kept = kept
        self.computed = 0

    def get(self, key: tuple[object, ...], sampler: Sampler, number: int, where: Any) -> Batch:
        found = self.kept.get((*key, number))
        if found is None:
            found = sampler.block(number, where)
            size = found.x.nbytes + (0 if found.c is None else found.c.nbytes)
            self.kept.put((*key, number), found, size)
            self.computed += 1
        return found


class Served:
    """A run, ready to draw from. All but :meth:`fresh` is for one thread.

    Args:
        path: the run directory, or a copied model folder.
        name: by which it is addressed.
        device: as for ``gankit generate``.
        cache: bytes of renderings that are kept, and as many of batches.
        weights: ``best`` or ``latest``: of the generator.

    Raises:
        GankitError: no model, or one that cannot be loaded.
    """

    def __init__(
        self, path: str | Path, name: str, device: str, cache: int, weights: str = BEST
    ) -> None:
        self.path, self.name, self.device = Path(path), name, device
        self.weights = weights
        self.items: SizedCache[Rendering] = SizedCache(cache)
        self._batches: SizedCache[Batch] = SizedCache(cache)
        self._lock, self._next = threading.Lock(), 0
        self._checked = 0.0
        self._load()

    @property
    def address(self) -> str:
        """The page's path on the server."""
        return f"/run/{quote(self.name, safe='')}"

    @property
    def warning(self) -> str:
        """What whoever looks at samples should know; empty for nothing."""
        return ". ".join(filter(None, [UNREADABLE if self._unreadable else "", self._found]))

    # --- The latest export ------------------------------------------------------------------------

    def refresh(self) -> None:
        """Loads a newer export, where training has written one. One that cannot be read yet is
        tried again later."""
        now = time.monotonic()
        if now - self._checked < CHECKED:
            return
        self._checked = now
        if _stamp(self.run) == self._stamp:
            self._unreadable = False
            return
        try:
            self._load()
        except GankitError:
            if not (self.run.model_folder / GENERATOR).is_file():
                raise
            self._unreadable = True

    def _load(self) -> None:
        run = Run(self.path, weights=self.weights)
        stamp = _stamp(run)
        sampler = run.sampler(self.device)
        self.run, self._stamp, self._checked = run, stamp, time.monotonic()
        self.trained, self.threads = run.samples_trained, int(run.model.get("threads", 0))
        self.plugin, self.modality = run.plugin.info.name, run.plugin.modality
        self.data = str(run.record.get("data", {}).get("description", ""))
        self.training = run.record.get("status") == "training"
        self.private = bool(run.privacy)
        self._found = memorisation_warning(run) if self.trained else UNTRAINED
        self._unreadable = False
        self.inputs: list[ConditionInput] = condition_inputs(sampler.codec)
        self.options: list[Option] = options_of(self.modality, run.trained_settings)
        self.batch_size = int(sampler.codec.decode_batch_size)
        self.truncates = _truncates(sampler)
        self.rows = False
        self._samplers: OrderedDict[object, Sampler] = OrderedDict([(((), 1.0), sampler)])
        self._doubts: dict[object, Sequence[str]] = {}

    def _sampler(self, query: Query) -> Sampler:
        key = query.settings, query.truncation
        if key not in self._samplers:
            self._samplers[key] = query.sampling().sampler(self.run, self.device)
        self._samplers.move_to_end(key)
        while len(self._samplers) > SAMPLERS:
            self._samplers.popitem(last=False)
        return self._samplers[key]

    # --- Drawing ----------------------------------------------------------------------------------

    def fresh(self, n: int) -> int:
        """A seed from which on ``n`` samples are fresh: the first one is random, later ones follow
        it, so that requests that come together share a batch."""
        size = self.batch_size
        with self._lock:
            if not self._next:
                self._next = secrets.randbelow(MOST_SEEDS // size) * size
            left = size - self._next % size
            start = self._next + (left if left < n <= size else 0)
            self._next = start + n
        return start

    def batches(self) -> Batches:
        """Those that the requests of one moment share."""
        return Batches(self._batches)

    def draw(self, query: Query, batches: Batches | None = None) -> Drawn:
        """The samples of a query whose number and seed are settled.

        Raises:
            GankitError: an unknown condition or option, or one that no item can have.
        """
        self.refresh()
        sampler = self._sampler(query)
        samples = self._samples(query, sampler, batches or self.batches())
        shown = [self._shown(sample, sampler, query.item(i), i) for i, sample in enumerate(samples)]
        self.rows = bool(shown) and shown[0].kind == "row"
        return Drawn(query, samples, shown, self._doubted(query, sampler), self.trained)

    def _samples(self, query: Query, sampler: Sampler, batches: Batches) -> list[Sample[Any]]:
        sampling = query.sampling()
        sampling.check()
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)  # sums depend on it, and another run changed it
        if isinstance(sampler.codec, ReservesKeys):
            sampler.codec.reserve(())  # each request is a data set of its own
        if query.between is not None:
            return list(sampling.draw(sampler))
        where = dict(query.where)
        sampler.draw_conditions([sampling.seed], where)  # a wrong condition fails before any work
        key = (self._stamp, query.settings, query.truncation, query.where)
        return [
            sample
            for number, seeds in sampler.blocks(query.n, sampling.seed)
            for sample in sampler.from_block(batches.get(key, sampler, number, where), seeds, where)
        ]

    def _shown(self, sample: Sample[Any], sampler: Sampler, query: Query, i: int) -> Shown:
        address = f"{self.address}/item?{query.text()}&i={i if query.between else 0}"
        address += f"&v={self.trained}"
        found = show(sample, self.modality, sampler.codec, address, query.rendered)
        if found.rendering is not None:
            self.items.put(address, found.rendering, len(found.rendering.content))
        return found

    def item(self, query: Query, i: int, address: str) -> Rendering:
        """The rendering of one sample, which may be there still.

        Raises:
            GankitError: there is none.
        """
        if (kept := self.items.get(address)) is not None:
            return kept
        drawn = self.draw(query)
        if not 0 <= i < len(drawn.shown):
            raise GankitError(f"i={i}: no such sample", f"Use 0 to {len(drawn.shown) - 1}")
        found = drawn.shown[i].rendering
        if found is None:
            raise GankitError("these items are rows, which have no file each", "Download them")
        return found

    def sheet(self, query: Query) -> Rendering:
        """The plugin's own picture or page of many samples. Real items are not shown."""
        drawn = self.draw(replace(query, rendered=False))
        codec = self._sampler(query).codec
        shown = self.modality.preview([s.item for s in drawn.samples], codec, ())
        return Rendering("text/html", shown.page.encode()) if shown.page else shown

    def save(self, query: Query, target: Path, format: str | None) -> Generated:
        """Writes samples with their provenance, as ``gankit generate`` does."""
        drawn = self.draw(replace(query, rendered=False))
        sampling = query.sampling()
        return save(self.run, drawn.samples, target, sampling=sampling, format=format)

    def _doubted(self, query: Query, sampler: Sampler) -> Sequence[str]:
        if not query.where:
            return ()
        if query.where not in self._doubts:
            if len(self._doubts) > 1000:
                self._doubts.clear()
            self._doubts[query.where] = doubts_about(self.run, sampler, dict(query.where))
        return self._doubts[query.where]

    def facts(self) -> Mapping[str, Any]:
        """What the API states of it."""
        return {
            "name": self.name,
            "plugin": self.plugin,
            "samples_trained": self.trained,
            "training": self.training,
            "private": self.private,
            "warning": self.warning,
            "data": self.data,
            "conditions": [
                {
                    "name": one.name,
                    **({"values": list(one.values)} if one.values else {}),
                    **({} if one.low is None else {"low": one.low, "high": one.high}),
                    **({"ranges": True} if one.ranges else {}),
                    **({"example": one.example} if one.example else {}),
                }
                for one in self.inputs
            ],
            "options": [option.key for option in self.options],
            "truncation": self.truncates,
            "formats": list(self.modality.formats),
        }


def served_runs(
    paths: Sequence[Path], device: str, cache: int, weights: str = BEST
) -> list[Served]:
    """The runs by distinct names, those of their folders.

    Raises:
        GankitError: one is no run or has no model, or is given twice.
    """
    found: dict[str, Served] = {}
    for path in paths:
        if any(path.resolve() == other.path.resolve() for other in found.values()):
            raise GankitError(f"{path} is given twice", "Give each run once")
        stem = path.resolve().name
        if stem == "model":
            stem = path.resolve().parent.name
        names = [stem, *(f"{stem}-{i}" for i in range(2, len(paths) + 1))]
        name = next(one for one in names if one not in found)
        found[name] = Served(path, name, device, max(cache // len(paths), 1), weights)
    return list(found.values())


def _stamp(run: Run) -> tuple[int, int]:
    try:
        about = run.generator_weights.file.stat()
    except (OSError, GankitError):
        return 0, 0
    return about.st_mtime_ns, about.st_size


def _truncates(sampler: Sampler) -> bool:
    try:
        sampler.truncated(FAINT)
    except GankitError:
        return False
    return True
