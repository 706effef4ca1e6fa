"""The content of ``model/``: all that generation needs, as safetensors and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Categorical, CodecState, Condition, Continuous, Layout
from gankit.errors import GankitError

if TYPE_CHECKING:
    from torch import Tensor


FORMAT = 2
"""Version of the run directory; others are refused."""

MODEL = "model.json"

GENERATOR, CODEC, RATIO = "generator.safetensors", "codec.safetensors", "ratio.safetensors"

POWER = "resampling/power"
"""Of the density ratio, among its weights."""


def codec_state(model: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> CodecState:
    """The codec's state from what ``model.json`` and ``codec.safetensors`` hold."""
    own = {k.removeprefix("codec/"): v for k, v in tensors.items() if k.startswith("codec/")}
    return CodecState(model["codec"], own)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        GankitError: the file is not there, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise GankitError(f"{path} cannot be read: {error}", "Restore it from a copy") from None


def check_format(path: Path, found: int) -> None:
    """Refuses what another version's gankit wrote.

    Raises:
        GankitError: names both formats.
    """
    if found > FORMAT:
        raise GankitError(
            f"{path} was written by a newer gankit (format {found}; this one reads up to {FORMAT})",
            "Upgrade gankit: pip install -U gankit",
        )
    if found < FORMAT:
        raise GankitError(
            f"{path} was written by an older gankit (format {found}; this one reads {FORMAT})",
            "Train the run again, or use the gankit it was trained with",
        )


def layout_to_json(layout: Layout) -> dict[str, Any]:
    fields = layout.condition.fields if layout.condition else ()
    return {
        "shape": list(layout.shape),
        "condition": [{"kind": type(f).__name__.lower(), **asdict(f)} for f in fields],
    }


def layout_from_json(value: Mapping[str, Any]) -> Layout:
    fields: list[Categorical | Continuous] = []
    for entry in value["condition"]:
        rest = {k: v for k, v in entry.items() if k != "kind"}
        if entry["kind"] == "categorical":
            fields.append(Categorical(**{**rest, "values": tuple(rest["values"])}))
        else:
            fields.append(Continuous(**rest))
    return Layout(tuple(value["shape"]), Condition(tuple(fields)) if fields else None)
