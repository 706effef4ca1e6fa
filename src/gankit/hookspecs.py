"""The pluggy hooks, on one page. A plugin is a module named in the entry point group ``gankit``::

    [project.entry-points.gankit]
    image = "gankit_image"

Each hook yields typed records; the host calls one implementation at a time, so that a plugin
that raises is reported and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from gankit.contract import PluginInfo

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

ENTRY_POINT_GROUP = "gankit"

hookspec = pluggy.HookspecMarker("gankit")
hookimpl = pluggy.HookimplMarker("gankit")


@dataclass(frozen=True)
class ObjectiveInfo:
    """A game: two functions ``(real_logits (N,), fake_logits (N,)) -> loss per pair (N,)``."""

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    generator_sees_reals: bool = False
    """Whether the generator's loss uses the real logits."""


@dataclass(frozen=True)
class PenaltyInfo:
    """A penalty on D: ``(discriminate, real, fake, c) -> (N,)``; weighted by ``loss.extra``."""

    name: str
    function: Callable[
        [Callable[[Tensor, Tensor | None], Tensor], Tensor, Tensor, Tensor | None], Tensor
    ]


@dataclass(frozen=True)
class MetricInfo:
    """A score of feature sets: ``(real (N, D), generated (M, D), rng) -> {name: value}``."""

    name: str
    function: Callable[
        [np.ndarray[Any, Any], np.ndarray[Any, Any], np.random.Generator], dict[str, float]
    ]


class Callback:
    """Follows a training run. Override what you need."""

    def started(self, run: Path, config: dict[str, Any]) -> None:
        """Training begins or resumes in the folder ``run``."""

    def tick(self, values: dict[str, Any]) -> None:
        """A line of ``metrics.jsonl``: numbers by name, and ``guard`` as text."""

    def preview(self, file: Path) -> None:
        """A preview was written."""

    def warning(self, message: str) -> None:
        """Something that whoever watches should know; training goes on."""

    def finished(self, status: str) -> None:
        """Training ended: ``done``, ``interrupted`` or ``failed``."""


class Hooks:
    """The specifications."""

    @hookspec
    def gankit_modalities(self) -> Iterable[PluginInfo]:
        """Modalities: what ``--plugin`` accepts.

        ::

            @hookimpl
            def gankit_modalities():
                yield PluginInfo("toy", "2-D point clouds", "gankit_toy.modality:ToyModality")
        """
        raise NotImplementedError

    @hookspec
    def gankit_objectives(self) -> Iterable[ObjectiveInfo]:
        """Objectives: what ``loss.objective`` accepts.

        ::

            @hookimpl
            def gankit_objectives():
                import torch.nn.functional as F

                yield ObjectiveInfo("logistic", lambda r, f: F.softplus(-r) + F.softplus(f),
                                    lambda r, f: F.softplus(-f))
        """
        raise NotImplementedError

    @hookspec
    def gankit_penalties(self) -> Iterable[PenaltyInfo]:
        """Penalties: what ``loss.extra`` accepts.

        ::

            @hookimpl
            def gankit_penalties():
                yield PenaltyInfo("drift", lambda D, real, fake, c: D(real, c).square())
        """
        raise NotImplementedError

    @hookspec
    def gankit_metrics(self) -> Iterable[MetricInfo]:
        """Scores of feature sets, for every modality's extractors.

        ::

            @hookimpl
            def gankit_metrics():
                yield MetricInfo("mean_gap", lambda real, fake, rng: {
                    "mean_gap": float(abs(real.mean(0) - fake.mean(0)).max())})
        """
        raise NotImplementedError

    @hookspec
    def gankit_callbacks(self) -> Iterable[Callback]:
        """Observers of training.

        ::

            @hookimpl
            def gankit_callbacks():
                yield MyTracker()
        """
        raise NotImplementedError

    @hookspec
    def gankit_outputs(self, folder: Path, record: dict[str, Any]) -> None:
        """Called once for every folder of generated files before it takes its final name.

        ``record`` is what ``provenance.json`` will say. The place to sign or watermark.

        ::

            @hookimpl
            def gankit_outputs(folder, record):
                (folder / "NOTICE").write_text("Synthetic data. " + record["software"])
        """

    @hookspec
    def gankit_commands(self, app: Any) -> None:
        """Adds commands to the Typer application ``app``.

        ::

            @hookimpl
            def gankit_commands(app):
                @app.command()
                def hello() -> None:
                    print("hello")
        """
