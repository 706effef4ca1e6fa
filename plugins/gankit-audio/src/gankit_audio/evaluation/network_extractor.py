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
    """Features from a network that maps waves ``(N, T)`` to ``(N, D)``.

    Args:
        name: scores carry it.
        network: used in evaluation mode, on the GPU where there is one.
        rate: samples a second that it takes; clips are mixed to mono and resampled.
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


def read_state(setting: str, given: str, wanted_by: str) -> dict[str, Any]:
    if not given:
        raise GankitError(f"{wanted_by} needs {setting}", "Give the path of the weights")
    return read_weights(given, setting)


def load_network(
    build: Callable[[], Network], state: dict[str, Any], setting: str, given: str, what: str
) -> Network:
    """A network with these weights; nothing is drawn, so the run's random numbers stay."""
    with torch.device("meta"):
        network = build()
    wanted = network.state_dict()
    missing = [k for k in wanted if k not in state and not k.endswith("num_batches_tracked")]
    wrong = [k for k in state if k not in wanted or not isinstance(state[k], Tensor)]
    shapes = [k for k in wanted if k in state and k not in wrong]
    shapes = [k for k in shapes if state[k].shape != wanted[k].shape]
    if missing or wrong or shapes:
        why = f"{missing[0]} is missing" if missing else ""
        why = why or (f"{wrong[0]} has no place" if wrong else f"{shapes[0]} has another shape")
        raise GankitError(f"{setting}={given}: {why}", f"The file must hold {what}")
    counters = {k: torch.zeros((), dtype=torch.long) for k in wanted if k not in state}
    network.load_state_dict({**state, **counters}, assign=True)
    return network.float()
