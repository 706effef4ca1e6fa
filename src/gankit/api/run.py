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
from gankit.api.sampling import sampling_of
from gankit.contract import Rendering, Sample
from gankit.engine.sampling.directions import Directions, find_directions
from gankit.engine.sampling.projection import Effort
from gankit.errors import GankitError
from gankit.runs import directory
from gankit.runs.memorisation import memorisation_warning
from gankit.runs.model import GENERATOR
from gankit.runs.verdict import in_words
from gankit.screen.meter import following
from gankit.workflows.augment import Augmented, augment
from gankit.workflows.evaluate import evaluate_path
from gankit.workflows.export import Exported, export
from gankit.workflows.films import FPS, film
from gankit.workflows.generate import Generated, Sampling, doubts_about, generate, save
from gankit.workflows.impute import Imputation, check_number, impute
from gankit.workflows.parts import PartsMade, Shard, generate_parts
from gankit.workflows.project import Projection, project


def _doubt(text: str, doubt: bool) -> None:
    if doubt:
        warnings.warn(text, stacklevel=3)


PREVIEWS = {".png": "image/png", ".svg": "image/svg+xml"}
"""Previews that a notebook shows, by their ending."""


class Run(directory.Run):
    """A trained run, or a copied ``model/`` folder."""

    def using(self, weights: str) -> Run:
        """The same run with other weights of its generator.

        Args:
            weights: ``best`` by held-out distance, as by default, or ``latest``; the same where the
                latest are the best.

        Raises:
            GankitError: no such weights.
        """
        return Run(self.path, self.networks, self.source, weights)

    def stream(self, n: int | None = None, **arguments: Any) -> Iterator[Sample[Any]]:
        """Generated items with their seeds and conditions, one after another; arguments as for
        :meth:`sample`.

        Items whose latents are chosen (interpolated, say) have other seeds, and differ from what
        :meth:`sample` gives for those.
        """
        sampling, device = sampling_of(n, **arguments)
        return self._stream(sampling, device)

    def _stream(self, sampling: Sampling, device: str) -> Iterator[Sample[Any]]:
        sampling.check()
        sampler = sampling.sampler(self, device)
        walk = sampling.walk
        doubts = doubts_about(self, sampler, sampling.where)
        copied = memorisation_warning(self)
        doubts = [*([copied] if copied else []), *doubts, *(walk.doubts(self) if walk else ())]
        for doubt in doubts:
            warnings.warn(doubt, stacklevel=3)
        return sampling.marked(self, sampling.draw(sampler))

    def sample(self, n: int | None = None, **arguments: Any) -> Samples:
        """``n`` generated items, 64 by default. Item i uses seed ``seed + i``, independent of
        ``n``.

        Args:
            per_class: so many of each class, one class after another, in place of ``n``.
            by: the condition whose classes these are; ``label`` or the only one by default.
            phase: ``warm-up`` for the generator as it was before the adversarial game.
            seed: of the first item; 0 by default.
            where: conditions by name, as ``{"label": "7"}``.
            between: seeds to interpolate between in latent space, ``(3, 17)`` or more of them,
                all included. All items have the first one's condition, or ``where``. What
                :meth:`project` found, or a file of latents, can stand for a seed.
            along: ``(direction, first, last)``: steps along one of :meth:`directions`, numbered
                from 1 on, from the latent of ``seed``; 7 by default.
            mix: ``(coarse, fine)``: lists of seeds; each of the first with each of the second,
                where the generator has stages; ``(coarse, fine, stage)`` names the first fine one.
            latent: what :meth:`project` found, or a file of latents, to generate from.
            watermark: whether items get your invisible watermark, where the plugin has one.
            truncation: 0 to 1: moves latents towards their mean, for typical items at the cost of
                variety; 1 changes nothing.
            settings: overrides of the plugin's settings, among its ``sampling_settings``.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

        Raises:
            GankitError: no model yet, or an unknown condition or setting.
        """
        sampling, device = sampling_of(n, **arguments)
        return Samples(self._stream(sampling, device), self, sampling)

    def generate(
        self,
        out: str | Path | None = None,
        n: int | None = None,
        *,
        format: str | None = None,
        overwrite: bool = False,
        nproc: int = 1,
        progress: bool | None = None,
        **arguments: Any,
    ) -> Generated:
        """Generates into a folder or one file, with provenance, as ``gankit generate`` does.

        Args:
            out: as for ``gankit generate --out``.
            nproc: processes that draw the samples; the output is the same with any number. As the
                processes import the main module, a script needs ``if __name__ == "__main__":``.
            arguments: as for :meth:`sample`.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        sampling, device = sampling_of(n, **arguments)
        with following(progress) as show:
            return generate(
                *(self, sampling, out),
                format=format,
                device=device,
                overwrite=overwrite,
                nproc=nproc,
                progress=show,
            )

    def generate_parts(
        self,
        out: str | Path,
        n: int,
        *,
        parts: int = 0,
        shard: str = "",
        format: str | None = None,
        overwrite: bool = False,
        progress: bool | None = None,
        **arguments: Any,
    ) -> PartsMade:
        """Generates into a folder of files with a part of the samples each, as ``gankit generate
        --parts`` does. Parts that are there already are kept.

        Args:
            parts: files in all; as many as there are shards by default.
            shard: ``3/16`` makes every 16th part, from the third on; all by default.
            arguments: as for :meth:`sample`.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        sampling, device = sampling_of(n, **arguments)
        with following(progress) as show:
            return generate_parts(
                *(self, sampling, out),
                parts=parts,
                shard=Shard.parse(shard) if shard else None,
                format=format,
                device=device,
                overwrite=overwrite,
                progress=show,
            )

    def film(
        self,
        path: str | Path,
        n: int | None = None,
        *,
        fps: float = FPS,
        overwrite: bool = False,
        progress: bool | None = None,
        **arguments: Any,
    ) -> Generated:
        """Generates a film, a frame an item, with its provenance record beside it.

        Args:
            path: ends in ``.gif``, ``.webp``, ``.apng`` or ``.mp4``; the last needs ``ffmpeg``.
            n: frames; 64 by default.
            fps: frames per second.
            arguments: as for :meth:`sample`; ``between`` or ``along`` is needed.

        Raises:
            GankitError: for whatever the caller can fix, such as items that are no pictures.
        """
        sampling, device = sampling_of(n, film=True, **arguments)
        with following(progress) as show:
            return film(
                *(self, sampling, path),
                fps=fps,
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
        kept, sampling = samples, None
        if isinstance(samples, Samples):
            kept, sampling = samples.samples, samples.sampling
        if any(isinstance(sample, Sample) and sample.real for sample in kept):
            raise GankitError(
                "some of these items are real, and would be written as generated ones",
                "Use run.augment(data, out), which marks each",
            )
        return save(self, kept, path, sampling=sampling, format=format, overwrite=overwrite)

    def evaluate(self, *, progress: bool | None = None, **arguments: Any) -> Evaluation:
        """Scores of the run, as ``gankit evaluate`` computes them: ``found["frechet/NAME"]`` is a
        number, ``found.to_dataframe()`` has all, ``found.report(path)`` writes the page.

        Args:
            data: real data to compare with, a path or an object; by default, what was held out.
            progress: whether to show it; by default on a terminal and in a notebook.
            n, seed, only, device, weights, overrides: as for
                :class:`gankit.workflows.evaluate.Options`.
        """
        own = {"networks": self.networks, "source": self.source, "weights": self.weights}
        given = {**own, **arguments}
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

    def impute(
        self,
        data: object,
        out: str | Path | None = None,
        *,
        m: int = 1,
        format: str | None = None,
        mark: bool = True,
        overwrite: bool = False,
        progress: bool | None = None,
        **arguments: Any,
    ) -> Samples | list[Samples] | list[Generated]:
        """A data set with its gaps filled, each drawn given all that is there.

        Args:
            data: a path, or an object in memory such as a data frame; it is only read.
            out: the folder or file to write, as ``gankit impute`` does; None returns the items,
                whose ``.to_dataframe()`` has all columns of the data.
            m: imputations, each drawn anew; of several, a list is returned.
            mark: whether each written item states what of it was filled.
            progress: whether to show it; by default on a terminal and in a notebook.
            seed, candidates, settings, device: as for
                :class:`gankit.workflows.impute.Imputation`.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        with following(progress) as arguments["progress"]:
            if out is not None:
                arguments |= {"format": format, "mark": mark, "overwrite": overwrite}
                return impute(self, data, out, m=m, say=_doubt, **arguments)
            check_number(m)
            made, found = Imputation(self, data, **arguments), list[Samples]()
            for text in made.warnings:
                _doubt(text, True)
            for number in range(m):
                found.append(Samples(made.draw(number), self, as_read=True))
                for text in made.doubts():
                    _doubt(text, True)
        return found[0] if m == 1 else found

    def export(
        self, out: str | Path, *, overwrite: bool = False, progress: bool | None = None
    ) -> Exported:
        """Writes the averaged generator and the decoding as one graph that runs without gankit, as
        ``gankit export`` does: ``.about`` of the result is what the file states of itself.

        Args:
            out: ends in ``.onnx`` (needs ``pip install 'gankit[onnx]'``) or ``.pt2``.
            progress: whether to show it; by default on a terminal and in a notebook.

        Raises:
            GankitError: for whatever the caller can fix; the networks cannot be traced; the file
                computes something else than torch does.
        """
        with following(progress) as show:
            return export(self, out, overwrite=overwrite, progress=show)

    def project(
        self,
        data: object,
        out: str | Path | None = None,
        *,
        n: int | None = None,
        where: Mapping[str, object] | None = None,
        device: str = "auto",
        overwrite: bool = False,
        progress: bool | None = None,
        **effort: Any,
    ) -> Projection:
        """Latents whose items are as near as possible to given ones.

        ``found = run.project("photo.png")`` has the reconstruction as ``found[0].item``, and can
        stand for a seed: ``run.sample(between=(found, 17))``.

        Args:
            data: a file, a folder or an object in memory.
            out: the folder to write, as ``gankit project`` does; None writes nothing.
            n: the first so many items; all by default.
            where: the condition; by default each item's own, or the best.
            progress: whether to show it; by default on a terminal and in a notebook.
            effort: ``steps``, ``starts``, ``seeds``, ``lr``, ``prior``, as for
                :class:`gankit.engine.sampling.projection.Effort`.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        with following(progress) as show:
            found = project(
                *(self, data, out),
                n=n,
                where=where,
                effort=Effort(**effort),
                device=device,
                write=out is not None,
                overwrite=overwrite,
                progress=show,
            )
        for warning in found.warnings:
            warnings.warn(warning, stacklevel=2)
        return found

    def directions(self, device: str = "auto") -> Directions:
        """Directions in latent space along which items change most, the strongest first:
        ``.vectors`` and ``.strengths`` are tensors. ``run.sample(along=(1, -3, 3))`` walks along
        the first one.

        Raises:
            GankitError: the generator has no layer that they could be read off.
        """
        return find_directions(self.sampler(device))

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
