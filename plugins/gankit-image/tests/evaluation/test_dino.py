"""DINO's vision transformer, with random weights in the layout of the published ones."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from gankit.errors import GankitError
from gankit_image.data.images import Image
from gankit_image.evaluation.dino import VisionTransformer, dino

WIDTH, DEPTH, PATCH, GRID = 128, 2, 4, 4


def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, WIDTH),
        "pos_embed": (1, GRID**2 + 1, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }
    for i in range(DEPTH):
        for name, outputs, inputs in (
            ("attn.qkv", 3 * WIDTH, WIDTH),
            ("attn.proj", WIDTH, WIDTH),
            ("mlp.fc1", 4 * WIDTH, WIDTH),
            ("mlp.fc2", WIDTH, 4 * WIDTH),
        ):
            shapes[f"blocks.{i}.{name}.weight"] = (outputs, inputs)
            shapes[f"blocks.{i}.{name}.bias"] = (outputs,)
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{i}.{name}.{w}": (WIDTH,) for w in ("weight", "bias")}
    return {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}


def images(n: int = 3) -> list[Image]:
    rng = np.random.default_rng(0)
    return [Image(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)) for _ in range(n)]


def reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The same network out of PyTorch's own layers."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x / 255 - mean[:, None, None]) / std[:, None, None]
    patches = F.unfold(x, PATCH, stride=PATCH).transpose(1, 2)
    h = patches @ state["patch_embed.proj.weight"].flatten(1).t() + state["patch_embed.proj.bias"]
    h = torch.cat([state["cls_token"].expand(len(x), -1, -1), h], 1) + state["pos_embed"]
    for i in range(DEPTH):
        block = {
            k.removeprefix(f"blocks.{i}."): v
            for k, v in state.items()
            if k.startswith(f"blocks.{i}.")
        }
        attention = nn.MultiheadAttention(WIDTH, WIDTH // 64, batch_first=True)
        attention.load_state_dict(
            {
                "in_proj_weight": block["attn.qkv.weight"],
                "in_proj_bias": block["attn.qkv.bias"],
                "out_proj.weight": block["attn.proj.weight"],
                "out_proj.bias": block["attn.proj.bias"],
            }
        )

        def norm(h: Tensor, name: str, block: dict[str, Tensor] = block) -> Tensor:
            return F.layer_norm(h, (WIDTH,), block[f"{name}.weight"], block[f"{name}.bias"], 1e-6)

        y = norm(h, "norm1")
        h = h + attention(y, y, y)[0]
        y = F.linear(norm(h, "norm2"), block["mlp.fc1.weight"], block["mlp.fc1.bias"])
        y = 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))
        h = h + F.linear(y, block["mlp.fc2.weight"], block["mlp.fc2.bias"])
    return F.layer_norm(h, (WIDTH,), state["norm.weight"], state["norm.bias"], 1e-6)[:, 0]


def test_the_forward_pass_is_a_vision_transformers() -> None:
    state, x = weights(), 255 * torch.rand(2, 3, GRID * PATCH, GRID * PATCH)
    network = VisionTransformer(state)
    assert (network.side, network.depth, network.width) == (16, DEPTH, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(network(x), reference(state, x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
def test_published_files_are_read(prefix: str, tmp_path: Path) -> None:
    state = {f"{prefix}{k}": v for k, v in weights().items()}
    state |= {"module.head.mlp.0.weight": torch.zeros(2, 2)} if prefix else {}
    torch.save({"teacher": state, "epoch": 3} if prefix else state, tmp_path / "dino.pth")
    save_file(weights(), tmp_path / "dino.safetensors")
    one, two = (dino(str(tmp_path / f"dino.{end}")) for end in ("pth", "safetensors"))
    assert one.name == one.backbone == "dino"
    assert one.fingerprint == two.fingerprint
    found = one.features(images())
    assert found.shape == (3, WIDTH)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, two.features(images()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "dino_weights=.*: no such file"),
        ({"a": torch.zeros(1)}, r"no DINO \(patch_embed.proj.weight\)"),
        ({k: v for k, v in weights().items() if "blocks.1.mlp.fc2" not in k}, "no DINO.*blocks.1"),
        (weights() | {"pos_embed": torch.zeros(1, 3, WIDTH)}, "no DINO"),
        ([1, 2], "no DINO"),
    ],
)
def test_other_files_are_refused(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        torch.save(content, path)
    with pytest.raises(GankitError, match=message):
        dino(str(path))


def test_without_a_path_it_says_what_it_needs() -> None:
    with pytest.raises(GankitError, match="dino_weights"):
        dino("")
