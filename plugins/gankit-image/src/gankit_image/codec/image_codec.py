"""Images as tensors: integers in storage, [-1, 1] for the networks, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Conformed,
    Continuous,
    DecodesInGraph,
    DecodingGraph,
    EncodesTargets,
    Layout,
    Progress,
)
from gankit.errors import GankitError
from gankit.kit.folders import natural_key
from gankit_image.codec.to_pixels import ToPixels
from gankit_image.data import labels as label_numbers
from gankit_image.data.facts import value_range
from gankit_image.data.images import Image
from gankit_image.data.labels import LABEL
from gankit_image.data.pixels import PixelFormat, fit

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

MOST_CLASSES = 4096
"""With more labels than this, they are probably names of single images."""


class ImageCodec(Codec[Image], EncodesTargets, DecodesInGraph):
    """Layout ``(C, H, W)``, conditioned on the label if there are labels.

    The discriminator's input is linear in the values: ``low`` becomes -1 and ``high`` becomes 1.
    Storage is uint8; int32 for 16 bits, since torch can index uint16 on few devices only; and
    float32 in [-1, 1] for numbers of 32 bits.

    Args:
        format: size, channels and type of numbers.
        labels: the classes; none for an unconditional codec, or one conditioned on numbers.
        mirror: whether :meth:`prepare` flips half of the images.
        how: how images of another aspect ratio are fitted, see :func:`fit`.
        low, high: of each channel; the range of the format's integers by default.
        numbers: conditions that are numbers, in place of classes.
        preview_bands: those to show as red, green and blue, from 0; the first three by default.
        clip: whether values beyond ``low`` and ``high`` are clipped, since the user set these.
    """

    is_absolute = True

    def __init__(
        self,
        format: PixelFormat,
        labels: Sequence[str] = (),
        mirror: bool = False,
        how: str = "crop",
        low: Sequence[float] = (),
        high: Sequence[float] = (),
        numbers: Sequence[Continuous] = (),
        clip: bool = False,
        preview_bands: Sequence[int] = (),
    ) -> None:
        self.format = format
        self.labels = tuple(labels)
        self.numbers = tuple(numbers)
        self.mirror = mirror
        self.how = how
        self.low = tuple(low) or (0.0,) * format.channels
        self.high = tuple(high) or (float(format.peak),) * format.channels
        self.clip = clip
        self.preview_bands = tuple(preview_bands)
        condition = None
        if self.numbers:
            condition = Condition(self.numbers)
        elif self.labels:
            condition = Condition((Categorical(LABEL, self.labels),))
        self.layout = Layout((format.channels, format.height, format.width), condition)
        self._to_pixels = ToPixels(format, self.low, self.high, self.has_own_range)
        self._index: dict[str | None, int] = {label: i for i, label in enumerate(self.labels)}
        half = [(b - a) / 2 for a, b in zip(self.low, self.high, strict=True)]
        self._low, self._half = np.array(self.low), np.array(half)
        # A number where all channels have the same: the usual case, and the cheaper one.
        self._shift = self.low[0] if len(set(self.low)) == 1 else _channels(self.low)
        self._scale = half[0] if len(set(half)) == 1 else _channels(half)

    @property
    def has_own_range(self) -> bool:
        """Whether values are 8 bits from 0 to 255, as files of pictures have them."""
        return self.format.bits == 8 and {*self.low} == {0.0} and {*self.high} == {255.0}

    def encode(self, items: Sequence[Image], rng: np.random.Generator) -> Batch:
        """Storage ``(N, C, H, W)`` and conditions; images of another format are converted.

        Raises:
            GankitError: an image has no label, or one that the codec was not fitted to.
        """
        x = self._stored(items)
        return Batch(x, None if self.layout.condition is None else self.encode_conditions(items))

    def encode_conditions(self, items: Sequence[Image]) -> torch.Tensor:
        """Conditions ``(N, width)``; errors as for :meth:`encode`."""
        if self.numbers:
            assert self.layout.condition is not None
            rows = [self.layout.condition.encode(self.values_of(item)) for item in items]
            return torch.tensor(rows).float().reshape(len(items), len(self.numbers))
        c = torch.zeros(len(items), len(self.labels))
        c[torch.arange(len(items)), torch.tensor([self._class(i) for i in items]).long()] = 1
        return c

    def encode_targets(self, items: Sequence[Image]) -> torch.Tensor:
        """In [-1, 1], never mirrored; labels are not used."""
        return self.scaled(self._stored(items))

    def _stored(self, items: Sequence[Image]) -> torch.Tensor:
        """Storage ``(N, C, H, W)``; images of another format are converted."""
        pixels = [fit(item.pixels, self.format, self.how) for item in items]
        stack = np.stack(pixels) if pixels else np.empty((0, *self.format.shape), np.uint8)
        if self.clip:
            stack = stack.clip(self.low, self.high)
        if self.format.bits == 32:
            stack = ((stack.astype(np.float64) - self._low) / self._half - 1).astype(np.float32)
        else:
            stack = stack.astype(np.uint8 if self.format.bits == 8 else np.int32, copy=False)
        return torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 3, 1, 2)))

    def prepare(self, batch: Batch) -> Batch:
        x = self.scaled(batch.x)
        if self.mirror:
            # Drawn and applied on the device, so that the host never waits.
            flipped = torch.rand(x.shape[0], 1, 1, 1, device=x.device) < 0.5
            x = torch.where(flipped, x.flip(3), x)
        return Batch(x, batch.c)

    def scaled(self, x: torch.Tensor) -> torch.Tensor:
        """Storage as float32 in [-1, 1]."""
        x = x.float()
        if self.format.bits == 32:
            return x
        scale = self._scale if isinstance(self._scale, float) else self._scale.to(x.device)
        if isinstance(self._shift, float):
            return (x - self._shift if self._shift else x) / scale - 1
        return (x - self._shift.to(x.device)) / scale - 1

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Image]:
        """In the data's type and units, rounded for integers, and clamped to the range. Nothing is
        random: ``seeds`` are unused, and ``where`` is exact in ``c`` already."""
        x = batch.x.detach().float().nan_to_num(0.0).cpu()
        pixels = self._to_pixels(x).numpy().astype(self.format.dtype)
        bands = self.format.channels == 4 and not self.format.alpha
        if self.layout.condition is None or batch.c is None:
            return [Image(p, bands=bands) for p in pixels]
        if self.numbers:
            rows = (self.layout.condition.decode(row) for row in batch.c.tolist())
            labels = [label_numbers.text([float(v) for v in row.values()]) for row in rows]
        else:
            labels = [self.labels[i] for i in batch.c.argmax(1).tolist()]
        return [Image(p, label, bands=bands) for p, label in zip(pixels, labels, strict=True)]

    def decoding_graph(self) -> DecodingGraph:
        shape = ", ".join(map(str, self.format.shape))
        numbers = str(self._to_pixels.numbers).removeprefix("torch.")
        low, high = f"{min(self.low):g}", f"{max(self.high):g}"
        about = (
            f"(N, {shape}) {numbers}: rows, columns, channels; {self.format.mode}, {low} to {high}"
        )
        return DecodingGraph(
            self._to_pixels, {"pixels": about}, decoding={"mode": self.format.mode}
        )

    def values_of(self, item: Image) -> dict[str, float]:
        """The numbers that an image is conditioned on.

        Raises:
            GankitError: it has none, or another count of them.
        """
        row = None if item.label is None else label_numbers.parse(item.label)
        names = ", ".join(field.name for field in self.numbers)
        if row is None or len(row) != len(self.numbers):
            label = "no label" if item.label is None else f"label {item.label}"
            raise GankitError(
                f"image {item.name}: {label}, and the run is conditioned on numbers ({names})",
                "Give every image its numbers, or train with conditional=false",
            )
        return {field.name: value for field, value in zip(self.numbers, row, strict=True)}

    def conform(self, items: Sequence[Image], strict: bool) -> Conformed[Image]:
        """Images of other sizes and depths of brightness are converted, with a warning.

        Raises:
            GankitError: other bands, or numbers in another unit.
        """
        if not len(items):
            return Conformed(items)
        own, other = self.format, items[0].format
        bands = other.channels if other.banded else 0
        if bands != (own.channels if own.banded else 0):
            raise GankitError(
                f"the images are {other.mode}, and the run's are {own.mode}",
                "Give images with the run's bands, in their order",
            )
        units = {f.dtype for f in (own, other) if f.kind != "u" or f.bits > 16}
        if units and own.kind != other.kind:
            raise GankitError(
                f"the images hold {other.dtype.name} numbers, and the run's {own.dtype.name}",
                "Give images in the run's unit",
            )
        if str(own) == str(other):
            return Conformed(items)
        return Conformed(items, [f"The images are {other}, and become {own} as the run's are."])

    def state(self) -> CodecState:
        return CodecState(
            {
                "height": self.format.height,
                "width": self.format.width,
                "channels": self.format.channels,
                "bits": self.format.bits,
                "kind": self.format.kind,
                "alpha": bool(self.format.alpha),
                "low": list(self.low),
                "high": list(self.high),
                "clip": self.clip,
                "preview_bands": list(self.preview_bands),
                "labels": list(self.labels),
                "numbers": [[f.name, f.mean, f.scale] for f in self.numbers],
                "mirror": self.mirror,
                "fit": self.how,
            }
        )

    @classmethod
    def from_state(cls, state: CodecState) -> ImageCodec:
        """The codec of :meth:`state`; without a range, it is the integers'.

        Raises:
            GankitError: the state is incomplete or contradicts itself.
        """
        config: dict[str, Any] = state.config
        try:
            height, width, channels, bits = (
                int(config[k]) for k in ("height", "width", "channels", "bits")
            )
            kind, alpha = str(config.get("kind", "u")), config.get("alpha")
            format = PixelFormat(height, width, channels, bits, kind, alpha)
            low, high = ([float(v) for v in config.get(k, ())] for k in ("low", "high"))
            if any(low_each >= top for low_each, top in zip(low, high, strict=True)):
                raise ValueError("an empty range of values")
            if format.bits not in (8, 16, 32) or (low and len(low) != format.channels):
                raise ValueError("its range or depth does not fit its channels")
            if any(not 0 <= band < format.channels for band in config.get("preview_bands", ())):
                raise ValueError("no such preview bands")
            return cls(
                *(format, [str(v) for v in config["labels"]], bool(config["mirror"])),
                *(config["fit"], low, high),
                [Continuous(str(n), float(m), float(s)) for n, m, s in config.get("numbers", ())],
                bool(config.get("clip", False)),
                [int(band) for band in config.get("preview_bands", ())],
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


def _channels(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


def fit_codec(items: Sequence[Image], settings: ImageSettings, progress: Progress) -> ImageCodec:
    """The codec for images of one format, as :func:`gankit_image.data.sources.read` returns them.

    Raises:
        GankitError: ``conditional=true`` without labels, or more than ``MOST_CLASSES`` of them.
    """
    labels = [items[i].label for i in range(len(items))]
    progress("collecting labels", len(labels), len(labels))
    format = items[0].format
    low, high = items[0].span or value_range(
        (items[i] for i in range(len(items))), format, settings
    )
    numbers = label_numbers.numbers(labels, settings)
    return ImageCodec(
        format,
        [] if numbers is not None else _classes(labels, settings),
        settings.mirror,
        settings.fit,
        low,
        high,
        () if numbers is None else _continuous(numbers, settings),
        bool(settings.value_range),
        _shown(format, settings),
    )


def _shown(format: PixelFormat, settings: ImageSettings) -> tuple[int, ...]:
    chosen = settings.preview_bands
    if not chosen:
        return ()
    if not format.banded:
        raise GankitError(
            f"preview_bands={list(chosen)}: the images are {format.mode} and have no bands",
            "Remove preview_bands",
        )
    if max(chosen) > format.channels:
        raise GankitError(
            f"preview_bands={list(chosen)}: {format.channels} bands are trained on",
            f"Use numbers from 1 to {format.channels}",
        )
    return tuple(band - 1 for band in chosen)


def _continuous(numbers: Any, settings: ImageSettings) -> list[Continuous]:
    names = label_numbers.names(settings.label_key, numbers.shape[1])
    means, scales = numbers.mean(0), numbers.std(0)
    return [
        Continuous(name, float(mean), float(scale) if scale > 1e-12 else 1.0)
        for name, mean, scale in zip(names, means, scales, strict=True)
    ]


def _classes(labels: Sequence[str | None], settings: ImageSettings) -> list[str]:
    """The classes to condition on, in natural order; none for an unconditional run."""
    if settings.conditional is False:
        return []
    known = [label for label in labels if label is not None]
    classes = sorted(set(known), key=natural_key)
    if len(known) < len(labels) or not classes:
        if settings.conditional is True:
            raise GankitError(
                "conditional=true, but the images have no labels",
                "Sort them into one folder per class, set label_key, or remove conditional",
            )
        return []
    if len(classes) > MOST_CLASSES:
        raise GankitError(
            f"{len(classes):,} different labels are too many to condition on",
            f"At most {MOST_CLASSES:,}: set another label_key, label_type=number, or "
            "conditional=false",
        )
    if len(classes) == 1 and settings.conditional == "auto":
        return []
    return classes
