"""The pretrained autoencoder, from which a run on few molecules starts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gankit.contract import Continuous
from gankit_molecule.codec.tokens import SPECIAL, Alphabet
from gankit_molecule.data.hashes import hashes_of, key_of, looked_up
from gankit_molecule.settings import MoleculeSettings

if TYPE_CHECKING:
    from gankit_molecule.codec.codec import MoleculeCodec

FILE = Path(__file__).parents[1] / "pretrained" / "nci.safetensors"
MOST = 5_000
"""Training molecules from which on an autoencoder is trained from scratch."""
MOST_SHARED = 0.1
"""Share of the training molecules that may be among those of the pretraining: otherwise held-out
ones would be, too, and no score would be of unseen molecules."""


@dataclass(frozen=True)
class Pretrained:
    """An autoencoder of other molecules.

    Attributes:
        about: what it was trained on.
        tokens: of its alphabet, without the special ones.
        known: sorted hashes of its molecules, int64.
        key: a hash of all.
    """

    about: str
    tokens: tuple[str, ...]
    notation: str
    latent: int
    width: int
    conditions: tuple[Continuous, ...]
    tensors: dict[str, Tensor]
    known: np.ndarray[Any, np.dtype[np.int64]]
    key: str

    @classmethod
    def load(cls, file: Path = FILE) -> Pretrained:
        """The autoencoder of a file that :func:`save` wrote."""
        with safe_open(file, "pt") as opened:
            config = json.loads(opened.metadata()["codec"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        known = tensors.pop("known").numpy()
        return cls(
            config["about"],
            tuple(config["tokens"]),
            config["notation"],
            config["latent"],
            config["width"],
            tuple(Continuous(**field) for field in config["conditions"]),
            {name: tensor.float() for name, tensor in tensors.items()},
            known,
            key_of(config, (), file.read_bytes()),
        )

    def fits(self, settings: MoleculeSettings) -> bool:
        """Whether an autoencoder of these settings is of the same form."""
        wanted = settings.notation, settings.latent, settings.width
        return wanted == (self.notation, self.latent, self.width)

    def shares(self, smiles: Sequence[str]) -> bool:
        """Whether too many of the molecules were used for pretraining."""
        return float(looked_up(hashes_of(smiles), self.known)[1].mean()) > MOST_SHARED

    def extended(self, texts: Sequence[str]) -> Alphabet:
        """Its alphabet, with the atoms, bonds and labels of the texts that it lacks."""
        own = Alphabet(self.tokens, self.notation)
        found = {part: None for text in texts for part in own.split(text)}
        return Alphabet([*self.tokens, *(t for t in found if t not in self.tokens)], self.notation)

    def start(self, codec: MoleculeCodec) -> None:
        """Copies the weights to a codec with an :meth:`extended` alphabet. Its conditions are in
        units of its own data, so that the weights of those are converted; conditions that are new
        have no effect yet, and tokens that are new are unlikely.
        """
        own = dict(self.tensors)
        added = len(codec.alphabet) - len(SPECIAL) - len(self.tokens)
        for name in ("encoder/embed.weight", "decoder/embed.weight", "decoder/logits.weight"):
            own[name] = _longer(own[name], own[name].mean(0), added)
        own["decoder/logits.bias"] = _longer(
            own["decoder/logits.bias"], own["decoder/logits.bias"].min(), added
        )
        first = "decoder/context.0"
        fields = codec.layout.condition.fields if codec.layout.condition else ()
        own[f"{first}.weight"], own[f"{first}.bias"] = self._conditioned(
            own[f"{first}.weight"], own[f"{first}.bias"], fields
        )
        for kind, network in (("encoder", codec.encoder), ("decoder", codec.decoder)):
            _load(network, {k: v for k, v in own.items() if k.startswith(f"{kind}/")})

    def _conditioned(
        self, weight: Tensor, bias: Tensor, fields: Sequence[Any]
    ) -> tuple[Tensor, Tensor]:
        """The layer that reads latents and standardised conditions, for other means and scales: an
        own value v is (v · scale + mean − its mean) / its scale there; a condition that is not
        given there is at its mean."""
        before = {f.name: (f, weight[:, self.latent + i]) for i, f in enumerate(self.conditions)}
        columns = []
        for field in fields:
            column = torch.zeros(len(weight))
            if field.name in before:
                known, effect = before[field.name]
                column = effect * (field.scale / known.scale)
                bias = bias + effect * ((field.mean - known.mean) / known.scale)
            columns.append(column)
        return torch.cat([weight[:, : self.latent], *(c[:, None] for c in columns)], 1), bias


def pretrained_for(smiles: Sequence[str], settings: MoleculeSettings) -> Pretrained | None:
    """The autoencoder to start from; None where one is trained from scratch."""
    if settings.pretrained == "none" or len(smiles) >= MOST:
        return None
    found = Pretrained.load()
    return found if found.fits(settings) and not found.shares(smiles) else None


def save(codec: MoleculeCodec, file: Path, about: str) -> None:
    """Writes a codec's autoencoder in half precision, with its alphabet and conditions."""
    state, settings = codec.state(), codec.settings
    fields = codec.layout.condition.fields if codec.layout.condition else ()
    config = {
        "about": about,
        "tokens": state.config["tokens"],
        "notation": codec.alphabet.name,
        "latent": settings.latent,
        "width": settings.width,
        "conditions": [asdict(f) for f in fields],
    }
    tensors = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in state.tensors.items()
        if name.startswith(("encoder/", "decoder/")) or name == "known"
    }
    file.parent.mkdir(exist_ok=True)
    save_file(tensors, file, {"codec": json.dumps(config)})


def _longer(tensor: Tensor, row: Tensor, added: int) -> Tensor:
    """With copies of a row at its end."""
    return torch.cat([tensor, row.expand(added, *tensor.shape[1:])])


def _load(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    network.load_state_dict({name.partition("/")[2]: t for name, t in tensors.items()})
