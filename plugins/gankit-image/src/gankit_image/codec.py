"""Images as tensors: integers in storage, [-1, 1] before the networks, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gankit.contract import Batch, Categorical, Codec, CodecState, Condition, Layout, Progress
from gankit.errors import GankitError
from gankit.kit.folders import natural_key
from gankit_image.items import Image
from gankit_image.pixels import PixelFormat, fit

if TYPE_CHECKING:
    from gankit_image.items import Pixels
    from gankit_image.settings import ImageSettings

LABEL = "label"
"""The name of the condition."""
MOST_CLASSES = 4096
"""More labels than this are taken for names of single images."""


class ImageCodec(Codec[Image]):
    """Layout ``(C, H, W)``, conditioned on the class where there are labels.

    Storage is uint8, or int32 for 16 bits (torch indexes uint16 on few devices only). What D sees
    is ``2 v / peak - 1``, with a mirror image in half of the cases where ``mirror`` is set.
    """

    def __init__(
        self,
        format: PixelFormat,
        labels: Sequence[str] = (),
        mirror: bool = False,
        how: str = "crop",
    ) -> None:
        self.format = format
        self.labels = tuple(labels)
        self.mirror = mirror
        self.how = how
        condition = Condition((Categorical(LABEL, self.labels),)) if labels else None
        self.layout = Layout((format.channels, format.height, format.width), condition)
        self._index: dict[str | None, int] = {label: i for i, label in enumerate(self.labels)}

    def encode(self, items: Sequence[Image], rng: np.random.Generator) -> Batch:
        """Integers ``(N, C, H, W)`` and one-hot float32; images of another format are fitted.

        Raises:
            GankitError: an image has no label, or one that the codec was not fitted on.
        """
        pixels = [fit(item.pixels, self.format, self.how) for item in items]
        stack = np.stack(pixels) if pixels else np.empty((0, *self.format.shape), np.uint8)
        stack = stack.astype(np.uint8 if self.format.bits == 8 else np.int32, copy=False)
        x = torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 3, 1, 2)))
        if self.layout.condition is None:
            return Batch(x)
        c = torch.zeros(len(items), len(self.labels))
        c[torch.arange(len(items)), torch.tensor([self._class(i) for i in items]).long()] = 1
        return Batch(x, c)

    def prepare(self, batch: Batch) -> Batch:
        x = batch.x.float() / (self.format.peak / 2) - 1
        if self.mirror:
            # Drawn and chosen on the device, so that the host never waits for it.
            turned = torch.rand(x.shape[0], 1, 1, 1, device=x.device) < 0.5
            x = torch.where(turned, x.flip(3), x)
        return Batch(x, batch.c)

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Image]:
        """Rounded and clamped to the image's range; nothing is drawn, so ``seeds`` are unused."""
        x = (batch.x.detach().float().nan_to_num(0.0) + 1) * (self.format.peak / 2)
        x = x.round().clamp(0, self.format.peak).permute(0, 2, 3, 1)
        pixels: Pixels = x.cpu().numpy().astype(self.format.dtype)
        if self.labels and batch.c is not None:
            labels = [self.labels[i] for i in batch.c.argmax(1).tolist()]
            return [Image(p, label) for p, label in zip(pixels, labels, strict=True)]
        return [Image(p) for p in pixels]

    def state(self) -> CodecState:
        return CodecState(
            {
                "height": self.format.height,
                "width": self.format.width,
                "channels": self.format.channels,
                "bits": self.format.bits,
                "labels": list(self.labels),
                "mirror": self.mirror,
                "fit": self.how,
            }
        )

    @classmethod
    def from_state(cls, state: CodecState) -> ImageCodec:
        """The codec that :meth:`state` described.

        Raises:
            GankitError: the description is incomplete.
        """
        config: dict[str, Any] = state.config
        try:
            format = PixelFormat(*(int(config[k]) for k in ("height", "width", "channels", "bits")))
            return cls(
                format, [str(v) for v in config["labels"]], bool(config["mirror"]), config["fit"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GankitError(
                f"the run's image codec is damaged ({error!r})", "Copy the run's model folder again"
            ) from None

    def _class(self, item: Image) -> int:
        index = self._index.get(item.label)
        if index is not None:
            return index
        condition = self.layout.condition
        if item.label is None or condition is None:
            raise GankitError(
                f"image {item.name}: no label, and the run is conditioned on labels",
                "Use labelled data, or train with conditional=false",
            )
        condition.fields[0].encode(item.label)  # raises, and names the nearest classes
        raise AssertionError


def fit_codec(items: Sequence[Image], settings: ImageSettings, progress: Progress) -> ImageCodec:
    """The codec for images that :func:`gankit_image.sources.read` brought to one format.

    Raises:
        GankitError: ``conditional=true`` without labels, or more than ``MOST_CLASSES`` of them.
    """
    labels = [items[i].label for i in range(len(items))]
    progress("collecting labels", len(labels), len(labels))
    return ImageCodec(
        PixelFormat.of(items[0].pixels), _classes(labels, settings), settings.mirror, settings.fit
    )


def _classes(labels: Sequence[str | None], settings: ImageSettings) -> list[str]:
    """The classes to condition on, in natural order; none where the run is unconditional."""
    if settings.conditional is False:
        return []
    known = [label for label in labels if label is not None]
    classes = sorted(set(known), key=natural_key)
    if len(known) < len(labels) or not classes:
        if settings.conditional is True:
            raise GankitError(
                "conditional=true, but the images have no labels",
                "Sort them into one folder a class, set label_key, or drop conditional",
            )
        return []
    if len(classes) > MOST_CLASSES:
        raise GankitError(
            f"{len(classes):,} different labels are too many to condition on",
            f"At most {MOST_CLASSES:,}: set another label_key, or conditional=false",
        )
    if len(classes) == 1 and settings.conditional == "auto":
        return []
    return classes
