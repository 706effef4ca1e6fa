"""What is checked: a modality with small settings, and what it makes of them."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit import config as configuration
from gankit.config import Config
from gankit.contract import (
    Batch,
    Codec,
    Dataset,
    Evaluator,
    Extractor,
    Modality,
    Networks,
    PluginInfo,
    Sample,
)
from gankit.plugins.registry import LoadedModality, Plugins, installed
from gankit.runs.directory import Run
from gankit.runs.provenance import write_generated
from gankit.workflows import train as training
from gankit.workflows.data import quiet

BATCH = 16
"""Samples in the batches of the checks and in a training step."""
STEPS = 20
"""Steps of the training that the checks share."""

ENGINE: dict[str, Any] = {
    "train": {"batch": BATCH, "samples": STEPS * BATCH, "threads": 1},
    "loss": {"r1": 0.1, "r2": 0.1},
    "augment": {"p": 0.3},
    "data": {"workers": 0},
    "log": {"every": BATCH, "preview": 10**9, "preview_count": 4},
    "checkpoint": {"minutes": 10**6},
}
"""The engine's settings, where a subject has no others."""


class CheckFailed(Exception):  # noqa: N818 - it says what happened, not that something broke
    """A modality does not keep the contract.

    Args:
        what: what is wrong.
        mend: what to do about it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what, self.mend = what, mend

    def __str__(self) -> str:
        return f"{self.what.rstrip('.')}. {self.mend}"


class NotApplicable(Exception):  # noqa: N818
    """The modality has nothing that the check could look at; says what is absent."""


@dataclass(eq=False)
class Subject:
    """A modality with its settings; whatever is derived from them is made on first use.

    Args:
        plugin: the modality and where it comes from.
        config: its settings and the engine's.
        source: what :meth:`Modality.read` gets; None for the data that comes with the plugin.
        tolerance: how far an item may move in a round trip through decode and encode, as root
            mean square in units of the encoded data's standard deviation; None takes the codec's.
    """

    plugin: LoadedModality
    config: Config
    source: object = None
    tolerance: float | None = None

    @classmethod
    def of(
        cls,
        plugin: str | LoadedModality,
        settings: Mapping[str, Any] | None = None,
        source: object = None,
        tolerance: float | None = None,
    ) -> Subject:
        """A subject from a plugin's name, or from a modality that is not installed.

        Args:
            settings: as in a ``--config`` file: the plugin's own at the top, the engine's in
                their sections. Recipes are not applied.

        Raises:
            GankitError: no such plugin, an unknown setting, or one of the wrong type.
        """
        loaded = installed().modality(plugin) if isinstance(plugin, str) else plugin
        without_recipes = dataclasses.replace(loaded.info, recipes="")
        layers = [ENGINE, dict(settings or {})]
        config = configuration.resolve(without_recipes, loaded.modality.Settings, files=layers)
        return cls(loaded, config, source, tolerance)

    # --- Short names ----------------------------------------------------------------------------

    @property
    def info(self) -> PluginInfo:
        return self.plugin.info

    @property
    def modality(self) -> Modality[Any]:
        return self.plugin.modality

    @property
    def settings(self) -> Any:
        """The plugin's own settings, validated."""
        return self.config.settings

    @property
    def allowed(self) -> float:
        """The tolerance that was asked for, or else the codec's own."""
        return self.codec.tolerance if self.tolerance is None else self.tolerance

    # --- Made on first use ----------------------------------------------------------------------

    @functools.cached_property
    def folder(self) -> Path:
        """A folder for whatever the checks write; removed with the subject."""
        path = Path(tempfile.mkdtemp(prefix="gankit-testing-"))
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return path

    @functools.cached_property
    def found(self) -> Dataset[Any]:
        """What :meth:`Modality.read` makes of the source."""
        return self.modality.read(self.source, self.settings, quiet)

    @functools.cached_property
    def codec(self) -> Codec[Any]:
        return self.modality.fit_codec(self.found.items, self.settings, quiet)

    @functools.cached_property
    def evaluators(self) -> Sequence[Extractor[Any] | Evaluator[Any]]:
        return self.modality.evaluators(self.settings)

    @property
    def extractors(self) -> list[Extractor[Any]]:
        """Raises NotApplicable where the modality brings none."""
        found = [e for e in self.evaluators if isinstance(e, Extractor)]
        if not found:
            raise NotApplicable("the modality brings no extractor")
        return found

    @functools.cached_property
    def run(self) -> Run:
        """A run trained for a few steps."""
        return self.train("whole", STEPS * BATCH)

    # --- Made afresh ----------------------------------------------------------------------------

    def items(self, n: int, skip: int = 0) -> list[Any]:
        """``n`` items in an order that mixes classes, fewer where the data has fewer."""
        order = np.random.default_rng(0).permutation(len(self.found.items)).tolist()
        return [self.found.items[i] for i in order[skip : skip + n]]

    def encode(self, items: Sequence[Any]) -> Batch:
        """In storage form, with always the same random numbers."""
        return self.codec.encode(items, np.random.default_rng(0))

    def real(self, n: int = BATCH) -> Batch:
        """``n`` real samples as D sees them."""
        return self.codec.prepare(self.encode(self.items(n)))

    def networks(self, stirred: bool = True) -> Networks:
        """Fresh networks.

        Args:
            stirred: with a little noise on every parameter, since layers that start at zero hide
                what lies behind them.
        """
        networks = self.modality.build_networks(self.codec.layout, self.settings)
        with torch.no_grad():
            for module in (networks.generator, networks.discriminator) if stirred else ():
                for parameter in module.parameters():
                    parameter.add_(0.02 * torch.randn_like(parameter))
        return networks

    def latents(self, networks: Networks, n: int = BATCH) -> Tensor:
        return torch.randn(n, networks.latent_dim)

    def train(self, name: str, samples: int) -> Run:
        """Trains in a folder of that name up to so many samples, resuming what is there."""
        engine = self.config.engine
        length = dataclasses.replace(engine.train, samples=samples)
        config = dataclasses.replace(self.config, engine=dataclasses.replace(engine, train=length))
        folder = self.folder / name
        torch.manual_seed(0)  # a codec that is learnt draws before the engine sets its seed
        training.train(self.plugin, config, folder, source=self.source, device="cpu")
        return self.open(folder, self.modality)

    def open(self, folder: Path, modality: Modality[Any] | None = None) -> Run:
        """A run on disk, with a modality that remembers nothing of the training."""
        run = Run(folder)
        run.plugin = dataclasses.replace(self.plugin, modality=modality or type(self.modality)())
        return run

    def write(self, samples: Sequence[Sample[Any]], format: str) -> tuple[Path, dict[str, Any]]:
        """Generated files with their marks, and the record that lies beside them."""
        target = self.folder / f"written-{format}"
        record = write_generated(
            self.modality,
            samples,
            target,
            format=format,
            run="conformance",
            record={"plugin": self.info.name},
            plugins=Plugins([]),  # what other plugins do to files is not this one's doing
            overwrite=True,
        )
        return target, record
