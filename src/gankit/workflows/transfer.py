"""Starting a run from another one's weights: ``gankit train DATA --from RUN``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit import config as configuration
from gankit.config import Config, Table
from gankit.contract import Codec, Conforms, Networks
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.plugins.records import LoadedModality
from gankit.runs.directory import Run, load_codec
from gankit.runs.model import CODEC, read_tensors
from gankit.workflows.conformity import conformed
from gankit.workflows.data import Split

if TYPE_CHECKING:
    from torch import Tensor

    from gankit.engine.transfer import Taken

LEAST = 0.05
"""The share of the generator's weights that has to fit."""
TRIED = 1000
"""Items that are encoded at once to see whether a codec fits."""


class Start:
    """The run that another one starts from.

    Args:
        place: a run directory, or a copied ``model`` folder.
        out: the directory of the run that starts.

    Raises:
        GankitError: there is no trained model, or it is the same run.
    """

    def __init__(self, place: str | Path, out: Path | None = None) -> None:
        refuse_itself(place, out)
        self.run = Run(place)
        self.path = self.run.path
        self.model = self.run.model
        self._taken_by_d: Taken | None = None
        self.warnings: list[str] = []
        """What else should be known."""
        if not self.run.samples_trained:
            raise GankitError(
                f"{self.path} has not been trained yet: its weights are random",
                f"Train it: gankit train --out {self.path}",
            )

    @property
    def plugin(self) -> str:
        return str(self.model["plugin"])

    def check(self, plugin: LoadedModality, config: Config) -> None:
        """Refuses what it cannot be a start for, before any data is read.

        Raises:
            GankitError: another plugin, or weights that would void a guarantee.
        """
        engine = config.engine
        check_plugin(self.path, self.plugin, plugin)
        if engine.transfer.codec == "source" and self.plugin != plugin.info.name:
            raise GankitError(
                f"transfer.codec=source: {self.path} is a run of plugin {self.plugin}, whose codec "
                f"is not for {plugin.info.name}",
                "Leave it out: a new codec is fitted",
            )
        if engine.privacy.epsilon and not (self.run.privacy or engine.transfer.public):
            raise GankitError(
                f"privacy.epsilon does not cover the data of {self.path}: its weights were trained "
                "without privacy",
                "Start from a private run, or set transfer.public=true if those data are public",
            )
        if engine.transfer.freeze_d and self._discriminator is None:
            raise GankitError(
                f"transfer.freeze_d={engine.transfer.freeze_d}: {self.path} has no discriminator, "
                "which is in a run's checkpoints",
                "Name the run directory that the model was copied from, or leave it out",
            )

    # --- The codec ------------------------------------------------------------------------------

    def codec(
        self, plugin: LoadedModality, config: Config, data: Split, name: object
    ) -> tuple[Codec[Any] | None, Split]:
        """Its codec and the data in its form, where the new run keeps that codec; else None.

        Raises:
            GankitError: the data do not fit a codec that has to be kept.
        """
        choice = config.engine.transfer.codec
        if choice == "fitted" or self.plugin != plugin.info.name:
            return None, data
        stored = read_tensors(self.run.model_folder / CODEC)
        codec = load_codec(plugin, self.run.model_folder, self.model, stored, config.settings)
        if choice == "auto" and codec.is_absolute:
            return None, data
        try:
            fitting = conformed(plugin.modality, codec, data.dataset.items, name, strict=True)
            found = data.over(fitting.items)
            _try(codec, found)
        except GankitError as error:
            if choice == "source" or codec.is_learned:
                raise GankitError(
                    f"the data do not fit the codec of {self.path}: {error.message}",
                    "Use data like its own, or transfer.codec=fitted for a new codec, in which "
                    "its weights mean less",
                ) from None
            self.warnings.append(
                f"a new codec is fitted, since the data do not fit that of {self.path}: "
                f"{error.message}"
            )
            return None, data
        return codec, found

    # --- The weights ----------------------------------------------------------------------------

    @property
    def _discriminator(self) -> Path | None:
        """The newest checkpoint, where there is one."""
        from gankit.engine.checkpoint import checkpoints

        found = checkpoints(self.path / "checkpoints") if self.run.table else []
        return found[-1] if found else None

    def apply(
        self,
        networks: Networks,
        codec: Codec[Any],
        plugin: LoadedModality,
        config: Config,
        fingerprint: str,
    ) -> dict[str, Any]:
        """Copies into freshly built networks what fits; the record of that.

        Args:
            codec: of the run that starts.
            fingerprint: of its data; empty under differential privacy.

        Raises:
            GankitError: nothing fits, a file is damaged, or layers to freeze are new.
        """
        from gankit.engine.transfer import same_columns, take_weights

        classes = same_columns(codec.layout.condition, self.run.layout.condition)
        file = self.run.generator_weights.file
        g = take_weights(networks.generator, _finite(read_tensors(file), file), classes=classes)
        if g.taken < LEAST * g.total:
            raise self._nothing_fits(g, plugin, config)
        d = None
        if self._discriminator is not None:
            weights = self._discriminator_weights()
            d = take_weights(networks.discriminator, weights, from_end=True, classes=classes)
        own = self.model["data"]
        if own["fingerprint"] and own["fingerprint"] == fingerprint:
            self._warn_of_heldout(config)
        about: dict[str, Any] = {
            "run": self.model["run"],
            "samples": self.run.samples_trained,
            "data": {"licence": own["licence"], "fingerprint": own["fingerprint"]},
            "generator": g.as_dict(),
            "discriminator": None if d is None else d.as_dict(),
        }
        if self.run.privacy:
            about["privacy"] = {k: self.run.privacy[k] for k in ("epsilon", "delta")}
        if earlier := self.model.get("started_from"):
            about["started_from"] = earlier
        self._taken_by_d = d
        return about

    def check_frozen(self, networks: Networks, layers: Sequence[str], count: int) -> None:
        """Refuses to freeze layers of the discriminator whose weights are new.

        Raises:
            GankitError: names one.
        """
        D, taken = networks.discriminator, self._taken_by_d
        for layer in layers:
            names = dict(D.get_submodule(layer).named_parameters(layer, recurse=False))
            if taken is None or not names.keys() <= taken.parameters:
                raise GankitError(
                    f"transfer.freeze_d={count}: {layer}, among the first {count} layers, does not "
                    f"fit the weights of {self.path} and is new",
                    "Use data and networks like its own, or leave transfer.freeze_d out",
                )

    def _discriminator_weights(self) -> dict[str, Tensor]:
        from gankit.engine.checkpoint import load_checkpoint

        folder = self.path / "checkpoints"
        try:
            found = load_checkpoint(folder, set_aside=False)
        except GankitError as error:
            raise GankitError(error.message, "Start from a copy of its model folder") from None
        assert found is not None  # there is one
        start = "discriminator/"
        weights = {k.removeprefix(start): v for k, v in found[0].items() if k.startswith(start)}
        return _finite(weights, folder)

    def _nothing_fits(self, found: Taken, plugin: LoadedModality, config: Config) -> GankitError:
        """The error for another architecture; says in which settings it differs."""
        ours = configuration.flatten(config.as_table())
        theirs = configuration.flatten(self.model["settings"])
        unlike = [
            key
            for key in plugin.modality.network_settings
            if json.dumps(ours.get(key)) != json.dumps(theirs.get(key))
        ]
        what = f"{found.taken:,} of {found.total:,} weights of the generator fit"
        if not unlike:
            names = self.model.get("networks", {}).get("generator", "")
            was = f"networks of its own ({names})" if names else "other networks"
            return GankitError(
                f"{self.path} was trained with {was}: {what}", "Use networks like those"
            )
        said = ", ".join(f"{k}={_word(theirs, k)} there, {_word(ours, k)} here" for k in unlike)
        words = " ".join(f"{k}={shlex.quote(_word(theirs, k))}" for k in unlike)
        return GankitError(
            f"{self.path} has another architecture ({said}): {what}",
            f"Use {words}",
        )

    def _warn_of_heldout(self, config: Config) -> None:
        """Says where it has been trained on what is now held out."""
        if not self.run.table:
            return
        ours, theirs = (configuration.flatten(t) for t in (config.as_table(), self.run.table))
        if any(ours.get(key) != theirs.get(key) for key in ("train.seed", "data.holdout")):
            self.warnings.append(
                f"{self.path} was trained on the same data with another train.seed or "
                "data.holdout: it has seen items that are held out now, and scores flatter"
            )


def check_plugin(place: object, source: str, plugin: LoadedModality) -> None:
    """Refuses a run of a plugin whose weights are not for this one.

    Args:
        place: of the run to start from, and ``source`` its plugin.

    Raises:
        GankitError: it is one.
    """
    name, others = plugin.info.name, plugin.modality.transfers_from
    if source not in (name, *others):
        raise GankitError(
            f"{place} is a run of plugin {source}, not {name}",
            f"Start from a run of plugin {' or '.join([name, *others])}",
        )


def network_settings(run: Run, plugin: LoadedModality) -> Table:
    """The settings that decide a run's networks, as it was trained with them, as far as the plugin
    that starts from it has them too."""
    trained, own = run.trained_settings, plugin.modality.network_settings
    keys = [key for key in run.plugin.modality.network_settings if key in own]
    return {key: trained[key] for key in keys if key in trained}


def refuse_itself(place: str | Path, out: Path | None) -> None:
    """Refuses to start a run from itself.

    Raises:
        GankitError: it would.
    """
    path = Path(place).resolve()
    if out is not None and out.resolve() in (path, path.parent):
        raise GankitError(
            f"{place} cannot start from itself",
            f"To train it longer: gankit train --out {out}; or choose another --out",
        )


def _word(settings: Table, key: str) -> str:
    """A setting's value, as it is typed."""
    value = settings.get(key)
    return value if isinstance(value, str) else json.dumps(value)


def _try(codec: Codec[Any], data: Split) -> None:
    """Encodes items to see whether they fit: all of them, unless the codec itself checks.

    Raises:
        GankitError: one does not.
    """
    n, shape = len(data.dataset.items), codec.layout.shape
    for begin in range(0, 1 if isinstance(codec, Conforms) else n, TRIED):
        some = take(data.dataset.items, range(begin, min(begin + TRIED, n)))
        try:
            x = codec.encode(some, np.random.default_rng(0)).x
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise GankitError(" ".join(str(error).split())[:200] or type(error).__name__) from None
        if begin == 0:
            first = codec.encode(take(some, range(min(len(some), 2))), np.random.default_rng(0))
            if (found := tuple(codec.prepare(first).x.shape[1:])) != shape:
                raise GankitError(f"encoded items have shape {found}, not {shape}")
        del x


def _finite(weights: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    from gankit.runs.checks import damaged

    if not all(bool(w.isfinite().all()) for w in weights.values() if w.is_floating_point()):
        raise damaged(file, "its weights are not finite")
    return weights
