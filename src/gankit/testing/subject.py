"""The subject of the checks: a modality with small settings, and everything derived from it."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from gankit import config as configuration
from gankit.api.run import Run
from gankit.config import Config
from gankit.contract import (
    Batch,
    Codec,
    Dataset,
    Evaluator,
    Extractor,
    Fitting,
    Modality,
    Networks,
    PluginInfo,
    Sample,
    quiet,
)
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import Plugins, installed
from gankit.provenance.keys import Signer, generate
from gankit.provenance.sealing import Seal
from gankit.runs.output import write_generated
from gankit.runs.targets import Target
from gankit.workflows.train import train as run_training

BATCH = 16
"""Samples in the batches of the checks and in a training step."""
STEPS = 20
"""Steps of the training that the checks share."""

ENGINE: dict[str, Any] = {
    "train": {"batch": BATCH, "samples": STEPS * BATCH, "threads": 1},
    "penalty": {"gamma": 0.1},
    "augment": {"p": 0.3},
    "data": {"workers": 0},
    "log": {"every": BATCH, "preview": 10**9, "preview_count": 4},
    "checkpoint": {"minutes": 10**6},
}
"""The engine's settings, where a subject has no others."""


class CheckFailed(Exception):  # noqa: N818 - it says what happened, not that something broke
    """A modality violates the contract.

    Args:
        what: what is wrong.
        fix: what to do about it.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what, self.fix = what, fix

    def __str__(self) -> str:
        return f"{self.what.rstrip('.')}. {self.fix}"


class NotApplicable(Exception):  # noqa: N818
    """The check does not apply to the modality; says what is absent."""


def is_extractor(
    evaluator: Extractor[Any] | Evaluator[Any],
) -> TypeGuard[Extractor[Any]]:
    return isinstance(evaluator, Extractor)


@dataclass(eq=False)
class Subject:
    """A modality with its settings; what is derived from them is computed on first use.

    Args:
        plugin: the modality and where it comes from.
        config: its settings and the engine's.
        source: passed to :meth:`Modality.read`; None for the data that comes with the plugin.
        tolerance: how far an item may move in a round trip through decode and encode, as root
            mean square in units of the encoded data's standard deviation; None uses the codec's.
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
        """The tolerance that was given, or else the codec's own."""
        return self.codec.tolerance if self.tolerance is None else self.tolerance

    # --- Computed on first use ------------------------------------------------------------------

    @functools.cached_property
    def folder(self) -> Path:
        """A folder for what the checks write; removed with the subject."""
        path = Path(tempfile.mkdtemp(prefix="gankit-testing-"))
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return path

    @functools.cached_property
    def dataset(self) -> Dataset[Any]:
        """What :meth:`Modality.read` gives for the source."""
        return self.modality.read(self.source, self.settings, quiet)

    @functools.cached_property
    def codec(self) -> Codec[Any]:
        return self.fit()

    @functools.cached_property
    def evaluators(self) -> Sequence[Extractor[Any] | Evaluator[Any]]:
        return self.modality.evaluators(self.codec, self.settings)

    @property
    def extractors(self) -> list[Extractor[Any]]:
        """Raises NotApplicable where the modality brings none."""
        found = [e for e in self.evaluators if is_extractor(e)]
        if not found:
            raise NotApplicable("the modality has no extractor")
        return found

    @functools.cached_property
    def run(self) -> Run:
        """A run trained for a few steps."""
        return self.train("whole", STEPS * BATCH)

    @functools.cached_property
    def _seal(self) -> Seal:
        """Signs what is written, as a user's key does: files have to be readable all the same."""
        return Seal(Signer(*generate("conformance"), path=self.folder))

    # --- Computed afresh ------------------------------------------------------------------------

    def fit(self, items: Sequence[Any] | None = None, fitting: Fitting | None = None) -> Codec[Any]:
        """A codec for these items; for all of them by default."""
        torch.manual_seed(0)
        given = self.dataset.items if items is None else items
        return self.modality.fit_codec(given, self.settings, fitting or Fitting())

    def items(self, n: int, skip: int = 0) -> list[Any]:
        """``n`` items in an order that mixes classes, fewer where the data has fewer."""
        order = np.random.default_rng(0).permutation(len(self.dataset.items)).tolist()
        return [self.dataset.items[i] for i in order[skip : skip + n]]

    def encode(self, items: Sequence[Any]) -> Batch:
        """Items in storage form, always with the same random numbers."""
        return self.codec.encode(items, np.random.default_rng(0))

    def real(self, n: int = BATCH) -> Batch:
        """``n`` real samples as the discriminator's input."""
        return self.codec.prepare(self.encode(self.items(n)))

    def networks(self, perturbed: bool = True) -> Networks:
        """Fresh networks.

        Args:
            perturbed: add a little noise to every parameter, since layers initialised to zero
                hide those behind them.
        """
        networks = self.modality.build_networks(self.codec, self.settings)
        with torch.no_grad():
            for module in (networks.generator, networks.discriminator) if perturbed else ():
                for parameter in module.parameters():
                    parameter.add_(0.02 * torch.randn_like(parameter))
        return networks

    def latents(self, networks: Networks, n: int = BATCH) -> Tensor:
        return torch.randn(n, networks.latent_dim)

    def train(self, name: str, samples: int, judged: bool = True) -> Run:
        """Trains in a folder of that name up to so many samples, resuming a run that is there.

        Args:
            judged: whether it ends with a verdict, which takes time and changes no weights.
        """
        engine = self.config.engine
        length = dataclasses.replace(engine.train, samples=samples)
        log = engine.log if judged else dataclasses.replace(engine.log, verdict=0)
        config = dataclasses.replace(
            self.config, engine=dataclasses.replace(engine, train=length, log=log)
        )
        folder = self.folder / name
        run_training(self.plugin, config, folder, source=self.source, device="cpu")
        return self.open(folder, self.modality)

    def open(self, folder: Path, modality: Modality[Any] | None = None) -> Run:
        """A run on disk, with a fresh instance of the modality."""
        run = Run(folder)
        run.plugin = dataclasses.replace(self.plugin, modality=modality or type(self.modality)())
        return run

    def write(self, samples: Sequence[Sample[Any]], format: str) -> tuple[Path, dict[str, Any]]:
        """Writes samples into a folder; the folder and its provenance record."""
        folder = self.folder / f"written-{format}"
        record = write_generated(
            *(self.plugin, samples, Target(folder, format, single_file=False)),
            codec=self.codec,
            run="conformance",
            record={},
            plugins=Plugins([]),  # without the hooks of other plugins
            overwrite=True,
            signing=self._seal,
        )
        return folder, record
