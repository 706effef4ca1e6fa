"""Features of clips from a network with known weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit.metrics import fingerprint_weights, read_weights
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.waves import as_waves, by_shape

Values = np.ndarray[Any, Any]

Network = TypeVar("Network", bound=nn.Module)


class NetworkExtractor(Extractor[Clip]):
    """Features from a network that maps waveforms ``(N, T)`` to ``(N, D)``.

    Args:
        name: part of the names of scores.
        network: used in evaluation mode, on a GPU if there is one.
        rate: samples per second of its input; clips are mixed to mono and resampled.
        aliases: established names of scores with this network.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        rate: int,
        *,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.aliases = aliases or {}
        self.fingerprint = fingerprint_weights(network, f"{name} {rate} Hz")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.eval().to(self._device)
        self._rate = rate

    def features(self, items: Sequence[Clip]) -> Values:
        def embed(clips: Sequence[Clip]) -> Tensor:
            x = as_waves(clips, self._rate).to(self._device)
            embedded: Tensor = self._network(x).double().cpu()
            return embedded

        with torch.inference_mode():
            found: Values = by_shape(items, embed).numpy()
        return found


def read_state(setting: str, path: str, extractor: str) -> dict[str, Any]:
    """The weights at the path in a setting.

    Raises:
        GankitError: no path is set, or the file cannot be read.
    """
    if not path:
        raise GankitError(f"extractors={extractor} needs {setting}", "Set the path of the weights")
    return read_weights(path, setting)


def load_network(
    build: Callable[[], Network], state: dict[str, Any], setting: str, path: str, what: str
) -> Network:
    """A network with these weights. Nothing is drawn, which preserves random states.

    Args:
        what: the network, for messages.

    Raises:
        GankitError: the weights are those of another network.
    """
    with torch.device("meta"):
        network = build()
    expected = network.state_dict()
    missing = [k for k in expected if k not in state and not k.endswith("num_batches_tracked")]
    unknown = [k for k in state if k not in expected or not isinstance(state[k], Tensor)]
    shapes = [k for k in expected if k in state and k not in unknown]
    shapes = [k for k in shapes if state[k].shape != expected[k].shape]
    if missing or unknown or shapes:
        why = f"{missing[0]} is missing" if missing else ""
        why = why or (f"{unknown[0]} is unknown" if unknown else f"{shapes[0]} has another shape")
        raise GankitError(f"{setting}={path}: {why}", f"The file must hold {what}")
    counters = {k: torch.zeros((), dtype=torch.long) for k in expected if k not in state}
    network.load_state_dict({**state, **counters}, assign=True)
    return network.float()
