"""The run directory: its files, and reading them back.

::

    runs/<plugin>-<recipe>-001/
        run.toml            the resolved configuration
        provenance.json     versions, data fingerprint, command, seed, device, status
        metrics.jsonl       one line a tick
        log.txt             what happened, with times
        previews/           what a person looks at
        checkpoints/        resumable training state
        model/              all that generation needs; may be copied elsewhere alone
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.contract import Codec, Layout
from gankit.errors import GankitError
from gankit.kit.files import read_json, write_atomic
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed
from gankit.runs.model import (
    CODEC,
    FORMAT,
    GENERATOR,
    MODEL,
    POWER,
    RATIO,
    check_format,
    codec_state,
    layout_from_json,
    read_tensors,
)
from gankit.runs.provenance import RECORD

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler


CONFIG, METRICS, LOG = "run.toml", "metrics.jsonl", "log.txt"
SCORES = "scores.json"


class Run:
    """A run on disk, or a copied ``model/`` folder.

    Args:
        path: the run directory, or a folder with ``model.json``.

    Raises:
        GankitError: it is no run, or one from a newer gankit.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise GankitError(f"no run at {self.path}", "`gankit runs list` shows the runs")
        alone = (self.path / MODEL).is_file()
        self.model_folder = self.path if alone else self.path / "model"
        if not alone and not (self.path / CONFIG).is_file():
            raise GankitError(
                f"{self.path} is not a run: it has no {CONFIG}",
                "`gankit runs list` shows the runs",
            )
        check_format(self.path / CONFIG, self.table.get("run", {}).get("format", FORMAT))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @functools.cached_property
    def table(self) -> dict[str, Any]:
        """The content of ``run.toml``; empty for a copied model."""
        file = self.path / CONFIG
        return configuration.read_toml(file) if file.is_file() else {}

    @functools.cached_property
    def record(self) -> dict[str, Any]:
        """The content of ``provenance.json``."""
        return read_json(self.path / RECORD) if (self.path / RECORD).is_file() else {}

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
        return configuration.from_run(self.table, self.plugin.modality.Settings)

    @functools.cached_property
    def settings(self) -> Any:
        """The plugin's settings that the model was trained with."""
        return configuration.validate(self.plugin.modality.Settings, self.model["settings"])

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
        model = read_json(file)
        check_format(file, model["format"])
        return model

    @property
    def privacy(self) -> dict[str, Any] | None:
        """The trained model's differential privacy: epsilon, delta and their assumptions."""
        if not (self.model_folder / GENERATOR).is_file():
            return None
        found: dict[str, Any] | None = self.model.get("privacy")
        return found

    @property
    def samples_trained(self) -> int:
        """Training samples that the stored generator has seen; 0 where time was up before."""
        from safetensors import safe_open

        with safe_open(self.model_folder / GENERATOR, framework="np") as file:
            return int((file.metadata() or {}).get("samples", 0))

    @property
    def layout(self) -> Layout:
        return layout_from_json(self.model["layout"])

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        return read_metrics(self.path)

    def scores(self) -> list[dict[str, Any]]:
        """The scores of the last ``gankit evaluate``."""
        file = self.path / SCORES
        return list(read_json(file)["scores"]) if file.is_file() else []

    @functools.cached_property
    def codec(self) -> Codec[Any]:
        """The run's own codec, with the settings it was trained with."""
        return self.load_codec(self.settings)

    def load_codec(self, settings: Any) -> Codec[Any]:
        """The run's own codec with these settings of the plugin."""
        tensors = read_tensors(self.model_folder / CODEC)
        return self.plugin.modality.load_codec(codec_state(self.model, tensors), settings)

    def sampler(
        self, device: str = "auto", settings: Mapping[str, object] | None = None
    ) -> Sampler:
        """The trained generator, ready to draw.

        Args:
            settings: overrides of the plugin's settings, among its ``sampling_settings``.

        Raises:
            GankitError: no model yet, a setting that cannot be overridden, or an unknown device.
        """
        import torch

        from gankit.engine.devices import choose_device
        from gankit.engine.sampling.conditions import ConditionTable
        from gankit.engine.sampling.sampler import Resampler, Sampler

        modality, model, place = self.plugin.modality, self.model, choose_device(device)
        resolved = configuration.adjust(
            *(modality.Settings, model["settings"], dict(settings or {})),
            *(modality.sampling_settings, self.plugin.info.name),
        )
        codec = self.load_codec(resolved)
        with torch.random.fork_rng(devices=[]):
            networks = modality.build_networks(codec, resolved)
        networks.generator.load_state_dict(read_tensors(self.model_folder / GENERATOR))
        tensors, conditions, resampler = read_tensors(self.model_folder / CODEC), None, None
        if "conditions/rows" in tensors:
            conditions = ConditionTable(tensors["conditions/rows"], tensors["conditions/weights"])
        if (self.model_folder / RATIO).is_file():
            weights = read_tensors(self.model_folder / RATIO)
            power = float(weights.pop(POWER, 1.0))
            networks.discriminator.load_state_dict(weights)
            ratio = networks.discriminator.to(place)
            resampler = Resampler(ratio, model["candidates"], power)
        return Sampler(
            *(networks.generator.to(place), codec, model["latent_dim"], place),
            conditions=conditions,
            resampler=resampler,
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
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
            found.append({**value, "samples": int(value["samples"])})
        except (ValueError, TypeError, KeyError):
            if number < len(lines):
                raise GankitError(
                    f"{file}, line {number}: not a line of metrics", "Fix or delete that line"
                ) from None
    return found


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
    write_atomic(path / CONFIG, tomli_w.dumps(table).encode())
