"""CLAP models in the layout of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit.metrics import fingerprint_weights
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.network_extractor import (
    Values,
)
from gankit_audio.evaluation.waves import as_waves


class ClapExtractor(Extractor[Clip]):
    """Audio embeddings of a CLAP model (Wu et al. 2023), of unit length.

    Of clips above ten seconds the first ten are used.
    """

    name = "clap"

    def __init__(self, model: Any, prepare: Any, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._model, self._prepare = model, prepare
        self._rate = int(prepare.sampling_rate)

    def features(self, items: Sequence[Clip]) -> Values:
        parts = []
        with torch.inference_mode():
            for clip in items:
                # One at a time: their extractor pads clips to the longest of a batch.
                wave = as_waves([clip], self._rate)[0, : 10 * self._rate].numpy()
                inputs = self._prepare(wave, sampling_rate=self._rate, return_tensors="pt")
                found = self._model.get_audio_features(**inputs)
                found = found if isinstance(found, Tensor) else found.pooler_output
                parts.append(F.normalize(found.double(), dim=-1).cpu())
        features: Values = torch.cat(parts).numpy()
        return features


def clap(path: str) -> Extractor[Clip]:
    """Features of the CLAP model in a folder; nothing is downloaded.

    Raises:
        GankitError: transformers or the folder is missing, or it holds something else.
    """
    if not path:
        raise GankitError("extractors=clap needs clap_path", "Set the model's folder")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise GankitError(f"clap_path={path}: no such folder", "Set the model's folder")
    try:
        from transformers import ClapFeatureExtractor, ClapModel
    except ImportError:
        raise GankitError(
            "extractors=clap: no module transformers", "pip install 'gankit-audio[clap]'"
        ) from None
    try:
        model = ClapModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        prepare = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise GankitError(
            f"clap_path={path}: {(str(error).splitlines() or [type(error).__name__])[0]}",
            "It must hold config.json, preprocessor_config.json and model.safetensors",
        ) from error
    return ClapExtractor(model.eval(), prepare, fingerprint_weights(model, "clap"))
