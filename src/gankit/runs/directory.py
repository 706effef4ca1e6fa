"""The run directory: its files, and reading them back.

::

    runs/<plugin>-<recipe>-001/
        run.toml            the resolved configuration
        provenance.json     versions, data fingerprint, command, seed, device, status
        metrics.jsonl       one line a tick
        log.txt             what happened, with times
        previews/           what a person looks at
        checkpoints/        resumable training state
        verdict.json        scores of a few hundred samples at the end of training
        model/              all that generation needs; may be copied elsewhere alone
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.contract import Codec, Layout
from gankit.contract.codec import sample_conditions
from gankit.engine.clock import ADVERSARIAL, WARM_UP
from gankit.errors import GankitError
from gankit.kit.files import read_json, write_atomic
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed
from gankit.runs import checks
from gankit.runs.checks import check, damaged, mismatch, using
from gankit.runs.model import (
    CODEC,
    FORMAT,
    GENERATOR,
    MODEL,
    POWER,
    RATIO,
    WARM_GENERATOR,
    check_format,
    codec_state,
    layout_from_json,
    load_weights,
    read_model,
    read_tensors,
    refuse_without_networks,
)
from gankit.runs.provenance import RECORD
from gankit.runs.verdict import VERDICT
from gankit.runs.weights import BEST, Weights, checked, weights_in

if TYPE_CHECKING:
    from torch import Tensor

    from gankit.engine.own_networks import OwnNetworks
    from gankit.engine.sampling.sampler import Sampler

CONFIG, METRICS, LOG = "run.toml", "metrics.jsonl", "log.txt"
SCORES = "scores.json"
UNTRAINED = "the generator is untrained: its run saw no samples"
"""Said of whatever comes from such a run."""
LONGEST_LINE = 2**20
"""Characters of a line of metrics."""
LARGEST_METRICS = 2**27
"""Bytes of all of them: a line every 30 seconds for some months."""


class Run:
    """A run on disk, or a copied ``model/`` folder.

    Args:
        path: the run directory, or a folder with ``model.json``.
        networks: those that it was trained with, where they were the user's own.
        source: the data as an object in memory, where it was trained on one.
        weights: ``best`` or ``latest``: of the generator, where the best ones by held-out distance
            are not the latest.

    Raises:
        GankitError: it is no run, or one from a newer gankit; no such weights.
    """

    def __init__(
        self,
        path: str | Path,
        networks: OwnNetworks | None = None,
        source: object = None,
        weights: str = BEST,
    ) -> None:
        self.path, self.networks, self.source = Path(path), networks, source
        self.weights = checked(weights)
        if not self.path.is_dir():
            raise GankitError(f"no run at {self.path}", "`gankit runs list` shows the runs")
        alone = (self.path / MODEL).is_file()
        self.model_folder = self.path if alone else self.path / "model"
        if not alone and not (self.path / CONFIG).is_file():
            raise GankitError(
                f"{self.path} is not a run: it has no {CONFIG}",
                "`gankit runs list` shows the runs",
            )
        if self.table:
            check_format(self.path / CONFIG, self.table["run"].get("format", FORMAT))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @functools.cached_property
    def table(self) -> dict[str, Any]:
        """The content of ``run.toml``; empty for a copied model."""
        file = self.path / CONFIG
        if not file.is_file():
            return {}
        table = configuration.read_toml(file)
        check(table, checks.RUN, file)
        return table

    @functools.cached_property
    def record(self) -> dict[str, Any]:
        """The content of ``provenance.json``."""
        return read_record(self.path)

    @functools.cached_property
    def plugin(self) -> LoadedModality:
        name = self.table["run"]["plugin"] if self.table else self.model["plugin"]
        return installed().modality(name)

    @functools.cached_property
    def config(self) -> configuration.Config:
        """The configuration it was trained with.

        Raises:
            GankitError: this is a copied model, which has none.
        """
        if not self.table:
            raise GankitError(f"{self.path} is a model without its run", "Name the run directory")
        with _named(self.path / CONFIG):
            return configuration.from_run(self.table, self.plugin.modality.Settings)

    @property
    def trained_settings(self) -> dict[str, Any]:
        """The content of ``settings`` in ``model.json``, completed."""
        return configuration.completed(self.plugin.modality.Settings, self.model["settings"])

    @functools.cached_property
    def settings(self) -> Any:
        """The plugin's settings that the model was trained with."""
        with _named(self.model_folder / MODEL):
            return configuration.validate(self.plugin.modality.Settings, self.trained_settings)

    @functools.cached_property
    def model(self) -> dict[str, Any]:
        """The content of ``model.json``.

        Raises:
            GankitError: nothing has been trained yet.
        """
        file = self.model_folder / MODEL
        if not file.is_file() or not (self.model_folder / GENERATOR).is_file():
            raise GankitError(
                f"{self.path} has no trained model yet", f"Train it: gankit train --out {self.path}"
            )
        return read_model(self.model_folder)

    @property
    def has_model(self) -> bool:
        """Whether there is a generator, which may have seen no samples."""
        return (self.model_folder / GENERATOR).is_file()

    @property
    def privacy(self) -> dict[str, Any] | None:
        """The trained model's differential privacy: epsilon, delta and their assumptions."""
        if not self.has_model:
            return None
        found: dict[str, Any] | None = self.model.get("privacy")
        return found

    @property
    def samples_trained(self) -> int:
        """Training samples that the generator in use has seen; 0 where time was up before."""
        return self.generator_weights.samples

    @property
    def generator_weights(self) -> Weights:
        """The weights in use, of those that are there now."""
        return weights_in(self.model_folder, self.weights)

    @property
    def layout(self) -> Layout:
        with using(self.model_folder / MODEL, "has no valid layout"):
            return layout_from_json(self.model["layout"])

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        return read_metrics(self.path)

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """What the last ``gankit evaluate`` found, maybe of an earlier model; None for nothing."""
        file = self.path / SCORES
        if not file.is_file():
            return None
        found: dict[str, Any] = read_json(file)
        check(found, checks.SCORES, file)
        return found

    def scores(self) -> list[dict[str, Any]]:
        """The scores of the last ``gankit evaluate``."""
        return list((self.evaluation or {}).get("scores", ()))

    @property
    def verdict(self) -> dict[str, Any] | None:
        """The scores of a few hundred samples at the end of training, with warnings; None where
        there are none of the model as it is."""
        file = self.path / VERDICT
        if not file.is_file():
            return None
        found = read_json(file)
        check(found, checks.VERDICT, file)
        return found if found["samples"] == self.samples_trained else None

    @functools.cached_property
    def codec(self) -> Codec[Any]:
        """The run's own codec, with the settings it was trained with."""
        return self.load_codec(self.settings)

    def load_codec(self, settings: Any) -> Codec[Any]:
        """The run's own codec with these settings of the plugin."""
        tensors = read_tensors(self.model_folder / CODEC)
        return load_codec(self.plugin, self.model_folder, self.model, tensors, settings)

    @property
    def has_warm_up(self) -> bool:
        """Whether there is the generator as it was before the adversarial game."""
        return (self.model_folder / WARM_GENERATOR).is_file()

    def sampler(
        self,
        device: str = "auto",
        settings: Mapping[str, object] | None = None,
        phase: str = ADVERSARIAL,
    ) -> Sampler:
        """The trained generator, ready to draw.

        Args:
            settings: overrides of the plugin's settings, among its ``sampling_settings``.
            phase: ``warm-up`` for the generator as it was before the adversarial game, without
                resampling.

        Raises:
            GankitError: no model yet, a setting that cannot be overridden, or an unknown device
                or phase.
        """
        import torch

        from gankit.engine.devices import choose_device
        from gankit.engine.own_networks import own_networks
        from gankit.engine.sampling.conditions import ConditionTable
        from gankit.engine.sampling.sampler import Resampler, Sampler

        if phase not in (WARM_UP, ADVERSARIAL):
            raise GankitError(f"no phase {phase!r}", f"Use {WARM_UP} or {ADVERSARIAL}")
        warm = phase == WARM_UP
        modality, model, place = self.plugin.modality, self.model, choose_device(device)
        if warm and not self.has_warm_up:
            raise GankitError(
                f"{self.path} has no generator of its warm-up",
                "One is kept where an adversarial game follows a warm-up (train.warm_up)",
            )
        resolved = configuration.adjust(
            *(modality.Settings, self.trained_settings, dict(settings or {})),
            *(modality.sampling_settings, self.plugin.info.name),
        )
        if place.type == "cpu" and (threads := model.get("threads", 0)):
            torch.set_num_threads(threads)  # those it was trained with: sums depend on it
        stored = read_tensors(self.model_folder / CODEC)
        codec = load_codec(self.plugin, self.model_folder, model, stored, resolved)
        told = self.model_folder / MODEL
        with torch.random.fork_rng(devices=[]), using(told, "gives no networks"):
            if self.networks is None:
                refuse_without_networks(self.path, model)
                networks = modality.build_networks(codec, resolved)
            else:
                networks = own_networks(self.networks, codec)
        if networks.latent_dim != model["latent_dim"]:
            if self.networks is not None:
                raise GankitError(
                    f"the generator takes a latent of width {networks.latent_dim}, the one that "
                    f"{self.path} was trained with took {model['latent_dim']}",
                    "Pass networks like those it was trained with",
                )
            why = f"latent_dim is {model['latent_dim']}, its settings give {networks.latent_dim}"
            raise damaged(told, why)
        chosen = self.generator_weights
        file = self.model_folder / WARM_GENERATOR if warm else chosen.file
        own = self.networks is not None
        load_weights(networks.generator, read_tensors(file), file, own)
        conditions, resampler = None, None
        if "conditions/rows" in stored:
            with using(self.model_folder / CODEC, "has no valid conditions"):
                conditions = ConditionTable(stored["conditions/rows"], stored["conditions/weights"])
                conditions.check(codec.layout)
        elif codec.layout.condition is not None and sample_conditions(codec, {}, [0]) is None:
            raise damaged(self.model_folder / CODEC, "it has no conditions")
        # The density ratio is that of the best weights.
        if (self.model_folder / RATIO).is_file() and not warm and chosen.name == BEST:
            weights = read_tensors(self.model_folder / RATIO)
            with using(self.model_folder / RATIO, "has no valid power"):
                power = float(weights.pop(POWER, 1.0))
            load_weights(networks.discriminator, weights, self.model_folder / RATIO, own)
            ratio = networks.discriminator.to(place)
            resampler = Resampler(ratio, model["candidates"], power)
        return Sampler(
            *(networks.generator.to(place), codec, model["latent_dim"], place),
            conditions=conditions,
            resampler=resampler,
            likelihood=networks.likelihood,
            part_likelihood=networks.part_likelihood,
            autocast=torch.bfloat16 if model["precision"] == "bf16" else None,
        )


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's ``metrics.jsonl``. A last line that is cut off, as a full disk leaves
    it, is dropped.

    Raises:
        GankitError: another line is damaged.
    """
    file = folder / METRICS
    if not file.is_file():
        return []
    if (size := file.stat().st_size) > LARGEST_METRICS:
        raise damaged(file, f"{size:,} bytes are too many")
    found: list[dict[str, Any]] = []
    torn = 0
    with file.open(encoding="utf-8", errors="replace") as opened:
        for number, line in enumerate(iter(lambda: opened.readline(LONGEST_LINE), ""), 1):
            if torn:
                raise GankitError(
                    f"{file}, line {torn}: not a line of metrics", "Fix or delete that line"
                )
            try:
                value = json.loads(line)
                if isinstance(value, dict) and float(value.get("samples", "?")).is_integer():
                    value["samples"] = int(value["samples"])
            except (ValueError, TypeError, OverflowError, RecursionError):
                value = None
            if mismatch(value, checks.METRICS) or value["samples"] < 0:
                torn = number
            else:
                found.append(value)
    return found


def read_record(folder: Path) -> dict[str, Any]:
    """The content of a run's ``provenance.json``; empty where there is none.

    Raises:
        GankitError: it is damaged.
    """
    file = folder / RECORD
    if not file.is_file():
        return {}
    record = read_json(file)
    check(record, checks.RECORD, file)
    return record


def load_codec(
    plugin: LoadedModality,
    folder: Path,
    model: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: Any,
) -> Codec[Any]:
    """The codec of a ``model/`` folder.

    Raises:
        GankitError: the plugin cannot load what is stored there.
    """
    with using(folder / MODEL, f"holds no codec that plugin {plugin.info.name} can load"):
        return plugin.modality.load_codec(codec_state(model, tensors), settings)


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    """Names the file in what is wrong with its settings."""
    try:
        yield
    except GankitError as error:
        raise GankitError(f"{file}: {error.message}", error.hint) from error


def privacy_in_words(record: Mapping[str, Any]) -> str:
    """One line on a model's differential privacy."""
    return (
        f"differentially private weights, epsilon {record['epsilon']:.3g}, delta "
        f"{record['delta']:.2g} (DP-SGD: clip {record['clip']:g}, noise multiplier "
        f"{record['noise_multiplier']:.3g}, Poisson rate {record['sampling_rate']:.3g}, "
        f"{record['steps']:,} steps; {record['accountant']})"
    )


# --- Listing and making -------------------------------------------------------------------------


def find_runs(folder: Path) -> list[Path]:
    """Run directories below ``folder``, oldest name first."""
    if not folder.is_dir():
        return []
    return sorted(p.parent for p in folder.glob(f"*/{CONFIG}"))


def next_run(folder: Path, stem: str) -> Path:
    """``folder/stem-001``, or the first number that is free."""
    taken = [
        int(m[1])
        for p in (folder.iterdir() if folder.is_dir() else ())
        if (m := re.fullmatch(re.escape(stem) + r"-(\d+)", p.name))
    ]
    return folder / f"{stem}-{max(taken, default=0) + 1:03d}"


def write_config(path: Path, config: configuration.Config) -> None:
    """Writes ``run.toml``."""
    import tomli_w

    table = config.as_table()
    table["run"]["format"] = FORMAT
    # Paths are URIs where they are not UTF-8; a setting that is not is refused when it is read.
    write_atomic(path / CONFIG, tomli_w.dumps(table).encode(errors="surrogateescape"))
