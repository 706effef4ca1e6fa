"""The run that ``gankit.fit`` and ``gankit.load`` return."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.api.evaluation import Evaluation
from gankit.api.frames import Metrics
from gankit.api.notebook import embedded, table
from gankit.api.plot import Plot, plot
from gankit.api.samples import Samples
from gankit.contract import Rendering, Sample
from gankit.engine.clock import ADVERSARIAL
from gankit.errors import GankitError
from gankit.runs import directory
from gankit.runs.model import GENERATOR
from gankit.runs.verdict import in_words
from gankit.screen.meter import following
from gankit.workflows.augment import Augmented, augment
from gankit.workflows.evaluate import evaluate_path
from gankit.workflows.generate import Generated, Sampling, doubts_about, generate, save

PREVIEWS = {".png": "image/png", ".svg": "image/svg+xml"}
"""Previews that a notebook shows, by their ending."""


class Run(directory.Run):
    """A trained run, or a copied ``model/`` folder."""

    def stream(
        self,
        n: int | None = None,
        *,
        seed: int = 0,
        where: Mapping[str, object] | None = None,
        between: tuple[int, int] | None = None,
        per_class: int = 0,
        by: str = "",
        phase: str = ADVERSARIAL,
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
    ) -> Iterator[Sample[Any]]:
        """Generated items with their seeds and conditions, one after another; arguments as for
        :meth:`sample`.

        Interpolated items have seeds after both ends, and differ from what :meth:`sample` gives
        for them.
        """
        sampling = _sampling(n, seed, where, between, per_class, by, phase, settings)
        sampling.check()
        sampler = self.sampler(device, sampling.settings, sampling.phase)
        for doubt in doubts_about(self, sampler, sampling.where):
            warnings.warn(doubt, stacklevel=2)
        return sampling.draw(sampler)

    def sample(self, n: int | None = None, **arguments: Any) -> Samples:
        """``n`` generated items, 64 by default. Item i uses seed ``seed + i``, independent of
        ``n``.

        Args:
            per_class: so many of each class, one class after another, in place of ``n``.
            by: the condition whose classes these are; ``label`` or the only one by default.
            phase: ``warm-up`` for the generator as it was before the adversarial game.
            seed: of the first item; 0 by default.
            where: conditions by name, as ``{"label": "7"}``.
            between: two seeds to interpolate between in latent space, both ends included. All
                items have the first seed's condition, or ``where``; ``seed`` is unused.
            settings: overrides of the plugin's settings, among its ``sampling_settings``.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

        Raises:
            GankitError: no model yet, or an unknown condition or setting.
        """
        return Samples(self.stream(n, **arguments), self, arguments.get("between"))

    def generate(
        self,
        out: str | Path | None = None,
        n: int | None = None,
        *,
        seed: int = 0,
        where: Mapping[str, object] | None = None,
        between: tuple[int, int] | None = None,
        per_class: int = 0,
        by: str = "",
        phase: str = ADVERSARIAL,
        settings: Mapping[str, object] | None = None,
        format: str | None = None,
        device: str = "auto",
        overwrite: bool = False,
        progress: bool | None = None,
    ) -> Generated:
        """Generates into a folder or one file, with provenance, as ``gankit generate`` does.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        sampling = _sampling(n, seed, where, between, per_class, by, phase, settings)
        with following(progress) as show:
            return generate(
                *(self, sampling, out),
                format=format,
                device=device,
                overwrite=overwrite,
                progress=show,
            )

    def save(
        self,
        samples: Samples | Sequence[Sample[Any]],
        path: str | Path | None = None,
        *,
        format: str | None = None,
        overwrite: bool = False,
    ) -> Generated:
        """Writes what :meth:`sample` or :meth:`stream` returned, with provenance.

        Args:
            path: a path that ends in one of the modality's formats is a file, any other a folder.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        kept, between = samples, None
        if isinstance(samples, Samples):
            kept, between = samples.samples, samples.between
        if any(isinstance(sample, Sample) and sample.real for sample in kept):
            raise GankitError(
                "some of these items are real, and would be written as generated ones",
                "Use run.augment(data, out), which marks each",
            )
        return save(self, kept, path, between=between, format=format, overwrite=overwrite)

    def evaluate(self, *, progress: bool | None = None, **arguments: Any) -> Evaluation:
        """Scores of the run, as ``gankit evaluate`` computes them: ``found["frechet/NAME"]`` is a
        number, ``found.to_dataframe()`` has all, ``found.report(path)`` writes the page.

        Args:
            data: real data to compare with, a path or an object; by default, what was held out.
            progress: whether to show it; by default on a terminal and in a notebook.
            n, seed, only, device, overrides: as for :class:`gankit.workflows.evaluate.Options`.
        """
        given = {"networks": self.networks, "source": self.source, **arguments}
        with following(progress) as show:
            return Evaluation.of(evaluate_path(self.path, progress=show, **given))

    def augment(
        self,
        data: object,
        out: str | Path | None = None,
        *,
        format: str | None = None,
        overwrite: bool = False,
        progress: bool | None = None,
        **arguments: Any,
    ) -> Samples | Generated:
        """The real items of a data set with generated ones after them.

        Args:
            data: a path, or an object in memory; it is only read.
            out: the folder or file to write, as ``gankit augment`` does; None returns the items.
            progress: whether to show it; by default on a terminal and in a notebook.
            balance, factor, where, n, seed, keep_all, device: how much of what to
                generate, as for :class:`gankit.workflows.augment.Augmented`.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        with following(progress) as arguments["progress"]:
            if out is None:
                return Samples(Augmented(self, data, **arguments), self)
            return augment(self, data, out, format=format, overwrite=overwrite, **arguments)

    # --- What a run knows of itself -------------------------------------------------------------

    def metrics(self) -> Metrics:
        """The values of each tick of training; ``.to_dataframe()`` converts them."""
        return Metrics(super().metrics())

    def plot(self, *names: str) -> Plot:
        """Curves of training, one panel a value: the losses by default.

        Raises:
            GankitError: no such value was logged.
        """
        return plot(self.metrics(), names, title=self.name)

    def generator(self, device: str = "cpu") -> Any:
        """The trained generator as a torch module, ``(z, c) -> x``, in the networks' units."""
        return self.sampler(device).generator

    def _rows(self) -> list[tuple[str, str]]:
        """What is worth knowing at a glance."""
        data = self.record.get("data", {})
        trained = (self.model_folder / GENERATOR).is_file()
        rows = [
            ("plugin", self.plugin.info.name),
            ("data", str(data.get("description", ""))),
            ("samples", f"{self.samples_trained:,}" if trained else "not trained yet"),
            ("status", str(self.record.get("status", ""))),
            ("folder", str(self.path)),
        ]
        return [(key, value) for key, value in rows if value]

    def __repr__(self) -> str:
        return f"Run {self.name}: " + ", ".join(f"{k} {v}" for k, v in self._rows()[:-1])

    def _repr_html_(self) -> str:
        verdict = [("verdict", line) for line in in_words(self.verdict or {"scores": ()})]
        rows = [*self._rows(), *verdict]
        found = table([{"run": key, self.name: value} for key, value in rows])
        previews = sorted((self.path / "previews").glob("[0-9]*.*"))
        shown = [f for f in previews if f.suffix in PREVIEWS]
        if not shown:
            return found
        kind = PREVIEWS[shown[-1].suffix]
        return found + embedded(Rendering(kind, shown[-1].read_bytes()))


def _sampling(
    n: int | None,
    seed: int,
    where: Mapping[str, object] | None,
    between: tuple[int, int] | None,
    per_class: int,
    by: str,
    phase: str,
    settings: Mapping[str, object] | None,
) -> Sampling:
    if n is not None and per_class:
        raise GankitError("n and per_class both give a number of samples", "Use one of them")
    n = 64 if n is None else n
    conditions, changed = dict(where or {}), dict(settings or {})
    return Sampling(n, seed, conditions, between, changed, per_class=per_class, by=by, phase=phase)
