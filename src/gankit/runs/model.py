"""The content of ``model/``: all that generation needs, as safetensors and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Categorical, CodecState, Condition, Continuous, Layout
from gankit.errors import GankitError
from gankit.kit.files import read_json
from gankit.plain_files import tensor_header
from gankit.runs import checks
from gankit.runs.checks import RESTORE, check, damaged, using

if TYPE_CHECKING:
    from torch import Tensor, nn


FORMAT = 2
"""Version of the run directory; others are refused."""

MODEL = "model.json"
PRECISIONS = ("fp32", "bf16")

GENERATOR, CODEC, RATIO = "generator.safetensors", "codec.safetensors", "ratio.safetensors"
LATEST_GENERATOR = "latest.safetensors"
"""The newest generator, where :data:`GENERATOR` is an earlier one that was better."""
WARM_GENERATOR = "warm-up.safetensors"
"""The generator as it was when the warm-up ended, where a game followed."""

POWER = "resampling/power"
"""Of the density ratio, among its weights."""


def codec_state(model: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> CodecState:
    """The codec's state from what ``model.json`` and ``codec.safetensors`` hold."""
    own = {k.removeprefix("codec/"): v for k, v in tensors.items() if k.startswith("codec/")}
    return CodecState(model["codec"], own)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        GankitError: the file is not there, or damaged: its header is checked against its size
            before anything is allocated.
    """
    from gankit.engine.checkpoint import load_tensors

    with using(path, "cannot be read"):
        if not path.is_file():
            raise GankitError(f"{path} is not there", RESTORE)
        return load_tensors(path)


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file.

    Raises:
        GankitError: the file is damaged.
    """
    with using(path, "cannot be read"):
        return dict(tensor_header(path).get("__metadata__") or {})


def read_model(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``, checked.

    Raises:
        GankitError: it is damaged, or another version's gankit wrote it.
    """
    file = folder / MODEL
    model = read_json(file)
    check(model, {"format": int}, file)
    check_format(file, model["format"])
    check(model, checks.MODEL, file)
    for key, most in (("latent_dim", 2**20), ("candidates", 2**20)):
        if not 1 <= model[key] <= most:
            raise damaged(file, f"{key} is {model[key]}, not between 1 and {most:,}")
    if not 0 <= model.get("threads", 0) <= 2**12:
        raise damaged(file, f"threads is {model['threads']}, not between 0 and {2**12:,}")
    if {"/", "\\", "\0"} & {*model["run"]} or model["run"] in (".", ".."):  # output is named by it
        raise damaged(file, f"run is {model['run'][:100]!r}, which is no name")
    if model["precision"] not in PRECISIONS:
        raise damaged(file, f"precision is {model['precision']!r}, not fp32 or bf16")
    return model


def refuse_without_networks(place: Path, model: Mapping[str, Any]) -> None:
    """Refuses a model whose networks were the user's own, and are not given.

    Raises:
        GankitError: names their classes.
    """
    if own := model.get("networks"):
        classes = " and ".join(own.values())
        raise GankitError(
            f"{place} was trained with networks of your own ({classes}), which are code and not "
            "stored",
            f"Use it from Python: gankit.load({str(place)!r}, networks=(G, D))",
        )


def load_weights(
    module: nn.Module, weights: Mapping[str, Tensor], file: Path, of_user: bool = False
) -> None:
    """Loads a network's weights.

    Args:
        of_user: whether the network is the user's own.

    Raises:
        GankitError: they are another network's, or not finite.
    """
    own = module.state_dict()
    unlike = [name for name in (*own, *weights) if (name in own) != (name in weights)]
    unlike += [
        name
        for name in own
        if name in weights
        and (own[name].shape, own[name].dtype) != (weights[name].shape, weights[name].dtype)
    ]
    if unlike and of_user:
        raise GankitError(
            f"{file} holds the weights of other networks: {len(unlike)} tensors differ, e.g. "
            f"{unlike[0].removeprefix('module.')!r}",
            "Pass networks like those it was trained with",
        )
    if unlike:
        raise GankitError(
            f"{file} does not fit {MODEL}: {len(unlike)} tensors differ, e.g. {unlike[0]!r}",
            RESTORE,
        )
    if not all(bool(w.isfinite().all()) for w in weights.values() if w.is_floating_point()):
        raise damaged(file, "its weights are not finite")
    module.load_state_dict(weights)


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
