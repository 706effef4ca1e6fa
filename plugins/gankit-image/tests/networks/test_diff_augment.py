"""Tone and translation: what they change, and what they leave."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gankit_image.networks.augment import Augment
from gankit_image.networks.diff_augment import tone, translate


def chosen(*values: bool) -> Tensor:
    return torch.tensor(values)


def test_translation_moves_whole_pixels_and_fills_with_grey() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 2, 16, 24) + 5
    y = translate(x, torch.ones(64, dtype=torch.bool))
    seen = set()
    for before, after in zip(x, y, strict=True):
        rows, columns = (after[0] != 0).any(1), (after[0] != 0).any(0)
        height, width = int(rows.sum()), int(columns.sum())
        assert height >= 14
        assert width >= 21
        top, left = int(rows[0]), int(columns[0])  # 1 where the first row or column is kept
        inside = after[:, rows][:, :, columns]
        part = before[:, slice(16 - height, None) if top else slice(height), :][
            :, :, slice(24 - width, None) if left else slice(width)
        ]
        assert torch.equal(inside, part)
        seen.add((height, top, width, left))
    assert len(seen) > 8
    assert torch.equal(translate(x, torch.zeros(64, dtype=torch.bool)), x)


@pytest.mark.parametrize(("channels", "bands"), [(1, False), (3, False), (4, False), (4, True)])
def test_tone_is_linear_in_colours_and_keeps_hue_and_transparency(
    channels: int, bands: bool
) -> None:
    torch.manual_seed(0)
    x = torch.rand(3, channels, 8, 8) * 2 - 1
    y = tone(x, chosen(True, True, False), bands)
    assert torch.equal(y[2], x[2])
    assert not torch.allclose(y[:2, 0], x[:2, 0])
    if channels == 4 and not bands:
        assert torch.equal(y[:, 3], x[:, 3])
    if channels == 3:  # differences of channels keep their ratios
        a, b = (v[0, 0] - v[0, 1] for v in (x, y))
        ratio = b / a
        assert ratio.std() < 1e-3 * ratio.abs().max() + 1e-4
        assert ratio.mean() >= 0


def test_both_are_differentiable_and_stay_out_at_p_0() -> None:
    augment = Augment(("tone", "translation", "cutout"))
    x = torch.rand(2, 3, 4, 4, dtype=torch.double, requires_grad=True)
    assert torch.equal(augment(x, torch.tensor(0.0)), x)

    def fixed(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(x, torch.tensor(1.0, dtype=torch.double))

    assert torch.autograd.gradcheck(fixed, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: fixed(x).square(), x, fast_mode=True)
