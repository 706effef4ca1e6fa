"""The pluggy hooks, on one page. A plugin is a module named in the entry point group ``gankit``::

    [project.entry-points.gankit]
    image = "gankit_image"

Each hook yields typed records; the host calls one implementation at a time, so that a plugin
that raises is reported and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pluggy

from gankit.contract.evaluation import Metric
from gankit.contract.plugin import PluginInfo
from gankit.contract.training import Callback, Objective, Penalty

ENTRY_POINT_GROUP = "gankit"

hookspec = pluggy.HookspecMarker("gankit")
hookimpl = pluggy.HookimplMarker("gankit")


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
    def gankit_objectives(self) -> Iterable[Objective]:
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
    def gankit_penalties(self) -> Iterable[Penalty]:
        """Penalties: what ``loss.extra`` accepts.

        ::

            @hookimpl
            def gankit_penalties():
                yield PenaltyInfo("drift", lambda D, real, fake, c: D(real, c).square())
        """
        raise NotImplementedError

    @hookspec
    def gankit_metrics(self) -> Iterable[Metric]:
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
        """Called once for every folder of generated files before it gets its final name.

        ``record`` is the provenance record to be written. The place to sign or watermark.

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
