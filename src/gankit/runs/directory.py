"""The run directory: what lies where, atomic writes, and reading back.

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.contract import Layout, Sample
from gankit.errors import GankitError
from gankit.kit.files import read_json, write_atomic
from gankit.plugins.registry import LoadedModality, installed
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
MOST_SEED = 2**63
"""Seeds between two of which items are made lie below this."""


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
            raise GankitError(f"no run at {self.path}", "`gankit runs list` shows what is there")
        alone = (self.path / MODEL).is_file()
        self.model_folder = self.path if alone else self.path / "model"
        if not alone and not (self.path / CONFIG).is_file():
            raise GankitError(
                f"{self.path} is not a run: it has no {CONFIG}",
                "`gankit runs list` shows what is there",
            )
        check_format(self.path / CONFIG, self.table.get("run", {}).get("format", FORMAT))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @functools.cached_property
    def table(self) -> dict[str, Any]:
        """What ``run.toml`` says; empty for a copied model."""
        file = self.path / CONFIG
        return configuration.read_toml(file) if file.is_file() else {}

    @functools.cached_property
    def record(self) -> dict[str, Any]:
        """What ``provenance.json`` says."""
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
        """What ``model.json`` says.

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
        """What differential privacy the trained model has: epsilon, delta and what they rest on."""
        if not (self.model_folder / GENERATOR).is_file():
            return None
        found: dict[str, Any] | None = self.model.get("privacy")
        return found

    @property
    def layout(self) -> Layout:
        return layout_from_json(self.model["layout"])

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        file = self.path / METRICS
        if not file.is_file():
            return []
        return [json.loads(line) for line in file.read_text().splitlines() if line]

    def scores(self) -> list[dict[str, Any]]:
        """What the last ``gankit evaluate`` found."""
        file = self.path / SCORES
        return list(read_json(file)["scores"]) if file.is_file() else []

    def sampler(
        self, device: str = "auto", settings: Mapping[str, object] | None = None
    ) -> Sampler:
        """The trained generator, ready to draw.

        Args:
            settings: of the plugin, given again: its modality's ``sampling_settings``.
        """
        import torch

        from gankit.engine.devices import choose_device
        from gankit.engine.sampling.conditions import ConditionTable
        from gankit.engine.sampling.sampler import Sampler

        modality, model = self.plugin.modality, self.model
        resolved = configuration.adjust(
            modality.Settings,
            model["settings"],
            dict(settings or {}),
            modality.sampling_settings,
            self.plugin.info.name,
        )
        tensors = read_tensors(self.model_folder / CODEC)
        codec = modality.load_codec(codec_state(model, tensors), resolved)
        with torch.random.fork_rng(devices=[]):
            networks = modality.build_networks(codec.layout, resolved)
        networks.generator.load_state_dict(read_tensors(self.model_folder / GENERATOR))
        conditions = None
        if "conditions/rows" in tensors:
            conditions = ConditionTable(tensors["conditions/rows"], tensors["conditions/weights"])
        where = choose_device(device)
        ratio, power = None, 1.0
        if (self.model_folder / RATIO).is_file():
            weights = read_tensors(self.model_folder / RATIO)
            power = float(weights.pop(POWER, 1.0))
            networks.discriminator.load_state_dict(weights)
            ratio = networks.discriminator.to(where)
        return Sampler(
            networks.generator.to(where),
            codec,
            model["latent_dim"],
            conditions,
            where,
            ratio,
            model.get("candidates", 1),
            torch.bfloat16 if model.get("precision") == "bf16" else None,
            power,
        )

    def stream(
        self,
        n: int,
        *,
        seed: int = 0,
        where: Mapping[str, object] | None = None,
        between: tuple[int, int] | None = None,
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
    ) -> Iterator[Sample[Any]]:
        """Generated items with their seeds and conditions, one after another; see :meth:`sample`.

        Those between two seeds have seeds after both, and are not what :meth:`sample` gives for
        them.
        """
        if n < 1:
            raise GankitError(f"cannot generate {n} items", "Ask for at least one")
        if between is None:
            return self.sampler(device, settings).sample(n, seed, where)
        first, last = between
        if not all(0 <= end < MOST_SEED for end in between):
            raise GankitError(f"no seeds: {first} and {last}", "Seeds are whole numbers from 0")
        if first == last:
            raise GankitError(f"nothing lies between seed {first} and itself", "Name two seeds")
        if n < 2:
            raise GankitError(
                "both ends are among what lies between two seeds", "Ask for 2 or more"
            )
        return self.sampler(device, settings).between(first, last, n, where)

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        where: Mapping[str, object] | None = None,
        between: tuple[int, int] | None = None,
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
    ) -> list[Any]:
        """``n`` generated items; item i is that of seed ``seed + i``, whatever ``n`` is.

        Args:
            where: asked conditions, by name.
            between: two seeds: the items go from the first one's to the second one's, both among
                them, on the great circle through their latents. All have the first one's
                condition, or what is asked. ``seed`` then means nothing.
            settings: of the plugin, given again for this; its modality says which may be.

        Raises:
            GankitError: no model yet, or a condition or setting the run does not know.
        """
        found = self.stream(
            n, seed=seed, where=where, between=between, settings=settings, device=device
        )
        return [s.item for s in found]


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
