"""The networks of clips: those of images with time between."""

from __future__ import annotations

import pytest
import torch

from gankit.contract import Categorical, Condition, Layout
from gankit.errors import GankitError
from gankit_image.networks import build_networks as image_networks
from gankit_video.networks import build_networks
from gankit_video.networks.image_settings import as_image
from gankit_video.networks.layers import TemporalConv
from gankit_video.settings import VideoSettings

SETTINGS = VideoSettings(width=(8, 6), latent=5, motion=3, embedding=4, frames_judged=3)
CONDITION = Condition((Categorical("label", ("a", "b")),))
SHAPES = [(7, 1, 16, 16), (2, 3, 12, 20), (16, 1, 33, 18)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [None, CONDITION])
def test_shapes(shape, condition):
    networks = build_networks(Layout(shape, condition), SETTINGS)
    assert networks.latent_dim == 8
    c = None if condition is None else torch.eye(2)[[0, 1, 1]]
    x = networks.generator(torch.randn(3, 8), c)
    assert x.shape == (3, *shape)
    assert networks.discriminator(x, c).shape == (3, 2)


def trained(networks):
    """Weights as they may be after training: none of them zero."""
    for p in networks.generator.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return networks


@pytest.mark.parametrize("condition", [None, CONDITION])
def test_with_an_image_generators_weights_every_frame_is_its_image(condition):
    shape = (7, 3, 16, 24)
    image = trained(image_networks(Layout(shape[1:], condition), as_image(SETTINGS)))
    video = build_networks(Layout(shape, condition), SETTINGS)
    for mine, theirs in (
        (video.generator, image.generator),
        (video.discriminator, image.discriminator),
    ):
        found = mine.load_state_dict(theirs.state_dict(), strict=False)
        assert not found.unexpected_keys
        assert {name.partition(".")[0] for name in found.missing_keys} == {"motion", "temporal"}
    z, c = torch.randn(4, 8), None if condition is None else torch.eye(2)[[0, 1, 1, 0]]
    with torch.no_grad():
        clips = video.generator(z, c)
        pictures = image.generator(z[:, : SETTINGS.latent], c)
        # To the last bit where as many pictures are computed together.
        each = None if c is None else c.repeat_interleave(shape[0], 0)
        same = image.generator(z[:, : SETTINGS.latent].repeat_interleave(shape[0], 0), each)
        assert torch.equal(clips.flatten(0, 1), same)
        for t in range(shape[0]):
            torch.testing.assert_close(clips[:, t], pictures, rtol=1e-4, atol=1e-4)
        # And the first logit of such a clip is the image discriminator's.
        logits = video.discriminator(clips, c)[:, 0]
        torch.testing.assert_close(logits, image.discriminator(pictures, c))


def test_after_training_motion_moves_frames_and_nothing_else_would():
    networks = trained(build_networks(Layout((7, 1, 16, 16)), SETTINGS))
    G = networks.generator
    z = torch.randn(1, 8).repeat(2, 1)
    z[1, SETTINGS.latent :] += 1
    with torch.no_grad():
        still, moved = G(z)
    assert (still[1:] - still[:-1]).abs().max() > 1e-3
    assert (still - moved).abs().max() > 1e-3


def test_the_order_of_frames_matters_to_the_second_logit_only():
    networks = build_networks(Layout((6, 1, 16, 16)), SETTINGS)
    for p in networks.discriminator.motion.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randn(3, 6, 1, 16, 16)
    with torch.no_grad():
        first, second = networks.discriminator(x).unbind(1)
        chosen = networks.discriminator.chosen
        swapped = x[:, [0, 5, 2, 1, 4, 3]]  # of the judged frames 1, 3 and 5
        reversed_first, reversed_second = networks.discriminator(swapped).unbind(1)
        x[:, [t for t in range(6) if t not in chosen.tolist()]] = 0
        unseen_first, unseen_second = networks.discriminator(x).unbind(1)
    assert (second - reversed_second).abs().max() > 1e-4
    torch.testing.assert_close(first, reversed_first)
    torch.testing.assert_close(first, unseen_first)
    assert (second - unseen_second).abs().max() > 1e-4


def test_a_temporal_convolution_is_the_identity_and_then_a_depthwise_one():
    layer, x = TemporalConv(4), torch.randn(2 * 5, 4, 3, 3)
    assert torch.equal(layer(x, 5), x)
    torch.nn.init.normal_(layer.weight)
    kernel = layer.weight.t()[:, None, :, None, None]  # (C, 1, 3, 1, 1)
    clips = x.view(2, 5, 4, 3, 3).transpose(1, 2)
    padded = torch.nn.functional.pad(clips, (0, 0, 0, 0, 1, 1), mode="replicate")
    expected = clips + torch.nn.functional.conv3d(padded, kernel, groups=4)
    torch.testing.assert_close(layer(x, 5).view(2, 5, 4, 3, 3), expected.transpose(1, 2))


def test_penalties_can_be_differentiated_twice():
    networks = build_networks(Layout((4, 1, 16, 16), CONDITION), SETTINGS)
    x = torch.randn(2, 4, 1, 16, 16, requires_grad=True)
    logits = networks.discriminator(x, torch.eye(2))
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert networks.discriminator.motion.from_image.weight.grad.abs().max() > 0


def test_no_widths():
    with pytest.raises(GankitError, match="would have no stage"):
        build_networks(Layout((4, 1, 16, 16)), VideoSettings(width=()))
