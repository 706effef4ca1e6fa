"""The Python API: ``gankit.fit``, ``gankit.load`` and the run that they return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit import config as configuration
from gankit.contract import Callback, Sample
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs import directory
from gankit.runs.scores import Evaluation
from gankit.workflows.data import IN_MEMORY
from gankit.workflows.evaluate import evaluate_path
from gankit.workflows.generate import Generated, Sampling, generate, save
from gankit.workflows.train import train


class Samples(list[Any]):
    """Generated items; a list that remembers the seed and condition of each in ``samples``, and
    the seeds they were interpolated between, if they were."""

    def __init__(
        self, samples: Iterable[Sample[Any]], between: tuple[int, int] | None = None
    ) -> None:
        self.samples, self.between = list(samples), between
        super().__init__(sample.item for sample in self.samples)


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
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
    ) -> Iterator[Sample[Any]]:
        """Generated items with their seeds and conditions, one after another; arguments as for
        :meth:`sample`.

        Interpolated items have seeds after both ends, and differ from what :meth:`sample` gives
        for them.
        """
        sampling = _sampling(n, seed, where, between, per_class, by, settings)
        sampling.check()
        return sampling.draw(self.sampler(device, sampling.settings))

    def sample(self, n: int | None = None, **arguments: Any) -> Samples:
        """``n`` generated items, 64 by default. Item i uses seed ``seed + i``, independent of
        ``n``.

        Args:
            per_class: so many of each class, one class after another, in place of ``n``.
            by: the condition whose classes these are; ``label`` or the only one by default.
            seed: of the first item; 0 by default.
            where: conditions by name, as ``{"label": "7"}``.
            between: two seeds to interpolate between in latent space, both ends included. All
                items have the first seed's condition, or ``where``; ``seed`` is unused.
            settings: overrides of the plugin's settings, among its ``sampling_settings``.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

        Raises:
            GankitError: no model yet, or an unknown condition or setting.
        """
        return Samples(self.stream(n, **arguments), arguments.get("between"))

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
        settings: Mapping[str, object] | None = None,
        format: str | None = None,
        device: str = "auto",
        overwrite: bool = False,
    ) -> Generated:
        """Generates into a folder or one file, with provenance, as ``gankit generate`` does.

        Raises:
            GankitError: for whatever the caller can fix.
        """
        sampling = _sampling(n, seed, where, between, per_class, by, settings)
        return generate(self, sampling, out, format=format, device=device, overwrite=overwrite)

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
        return save(self, kept, path, between=between, format=format, overwrite=overwrite)

    def evaluate(self, **arguments: Any) -> Evaluation:
        """Scores of the run, as ``gankit evaluate`` computes them; ``.scores`` has the numbers.

        Args:
            data, n, seed, only, device, overrides: as for
                :func:`gankit.workflows.evaluate.evaluate_path`.
        """
        return evaluate_path(self.path, **arguments)


def _sampling(
    n: int | None,
    seed: int,
    where: Mapping[str, object] | None,
    between: tuple[int, int] | None,
    per_class: int,
    by: str,
    settings: Mapping[str, object] | None,
) -> Sampling:
    if n is not None and per_class:
        raise GankitError("n and per_class both give a number of samples", "Use one of them")
    n = 64 if n is None else n
    conditions, changed = dict(where or {}), dict(settings or {})
    return Sampling(n, seed, conditions, between, changed, per_class=per_class, by=by)


def fit(
    plugin: str,
    data: object = None,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Trains and returns the run, as ``gankit train`` does.

    Args:
        plugin: ``"image"``, or ``"image/dcgan"`` with a recipe.
        data: a path, an object the plugin reads, or None for its built-in data.
        out: the run directory; an existing one is resumed.
        settings: any setting; dots become double underscores (``train__samples=1000``).

    Raises:
        GankitError: for whatever the caller can fix.
        KeyboardInterrupt: after Ctrl-C, once everything is saved; the same call resumes.
    """
    name, _, named = plugin.partition("/")
    loaded = installed().modality(name)
    layer: configuration.Table = {}
    for key, value in settings.items():
        *path, last = key.split("__")
        inner = layer
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    config = configuration.resolve(
        loaded.info,
        loaded.modality.Settings,
        recipe=recipe or named or None,
        files=[layer],
        data=None if data is None else str(data) if isinstance(data, str | Path) else IN_MEMORY,
    )
    folder = Path(out) if out else directory.next_run(Path("runs"), f"{name}-{config.recipe}")
    status = train(loaded, config, folder, source=data, device=device, callbacks=callbacks)
    if status == "interrupted":
        raise KeyboardInterrupt(f"saved in {folder}")
    return Run(folder)
