"""Clips as tensors: 8 bits in storage, [-1, 1] for the networks, and back."""

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
    ComparesSamples,
    Condition,
    Conformed,
    Conforms,
    Continuous,
    DecodesInGraph,
    DecodingGraph,
    EncodesTargets,
    Layout,
)
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import natural_key
from gankit_video.data.fitting import fitted
from gankit_video.data.items import LABEL, Clip

if TYPE_CHECKING:
    from gankit_video.settings import VideoSettings

MOST_CLASSES = 4096
"""With more labels than this, they are probably names of single clips."""
COARSE = 8
"""Side of the pooled frames that samples are compared in."""


class VideoCodec(Codec[Clip], ComparesSamples, Conforms, DecodesInGraph, EncodesTargets):
    """Layout ``(T, C, H, W)``, conditioned on the label if there are labels, and on numbers if the
    settings name them. Values 0 to 255 become -1 to 1.

    Args:
        shape: frames, channels, height and width.
        fps: at which generated clips play.
        labels: the classes; none for an unconditional codec.
        numbers: further conditions.
        mirror: whether :meth:`prepare` flips half of the clips.
        how: how frames of another aspect ratio are fitted.
    """

    is_absolute = True
    decode_batch_size = 32

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        fps: float = 12.0,
        labels: Sequence[str] = (),
        numbers: Sequence[Continuous] = (),
        mirror: bool = False,
        how: str = "crop",
    ) -> None:
        self.shape, self.fps, self.mirror, self.how = shape, fps, mirror, how
        self.labels, self.numbers = tuple(labels), tuple(numbers)
        fields: list[Categorical | Continuous] = list(self.numbers)
        if self.labels:
            fields.insert(0, Categorical(LABEL, self.labels))
        self.layout = Layout(shape, Condition(tuple(fields)) if fields else None)

    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Storage ``(N, T, C, H, W)`` uint8 and conditions; frames of another size are fitted.

        Raises:
            GankitError: a clip has too few frames, no label, or one that the codec was not fitted
                to.
        """
        condition = self.layout.condition
        c = None
        if condition is not None:
            rows = [condition.encode(self._conditions(item)) for item in items]
            c = torch.tensor(rows).float().reshape(len(items), condition.width)
        return Batch(self._stored(items), c)

    def encode_targets(self, items: Sequence[Clip]) -> torch.Tensor:
        """In [-1, 1], never mirrored; labels are not used."""
        return _scaled(self._stored(items))

    def _stored(self, items: Sequence[Clip]) -> torch.Tensor:
        frames, channels, height, width = self.shape
        stack = np.empty((len(items), frames, height, width, channels), np.uint8)
        for row, item in zip(stack, items, strict=True):
            if len(item.frames) < frames:
                raise GankitError(
                    f"clip {item.name}: {len(item.frames)} frames, and the run's have {frames}",
                    "Give longer clips",
                )
            row[:] = fitted(item.frames[:frames], (height, width), channels, self.how)
        return torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 1, 4, 2, 3)))

    def _conditions(self, item: Clip) -> dict[str, object]:
        found: dict[str, object] = {}
        if self.labels:
            if item.label is None:
                raise GankitError(
                    f"clip {item.name}: no label, and the run is conditioned on labels",
                    "Use labelled data, or train with conditional=false",
                )
            found[LABEL] = item.label
        for field in self.numbers:
            if field.name not in item.values:
                raise GankitError(
                    f"clip {item.name}: no {field.name}, and the run is conditioned on it",
                    f"Give every clip a number in the column {field.name}",
                )
            found[field.name] = item.values[field.name]
        return found

    def prepare(self, batch: Batch) -> Batch:
        x = _scaled(batch.x)
        if self.mirror:
            flipped = torch.rand(x.shape[0], 1, 1, 1, 1, device=x.device) < 0.5
            x = torch.where(flipped, x.flip(4), x)
        return Batch(x, batch.c)

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Clip]:
        """Rounded, and clamped to 0 to 255. Nothing is random: ``seeds`` are unused."""
        frames = _Pixels()(batch.x.detach().float().nan_to_num(0.0).cpu()).numpy()
        condition = self.layout.condition
        clips = []
        for i, each in enumerate(frames):
            values: dict[str, Any] = {}
            if condition is not None and batch.c is not None:
                values = condition.decode(batch.c[i].tolist())
            label = values.pop(LABEL, None) if self.labels else None
            clips.append(Clip(each, self.fps, label, values))
        return clips

    def decoding_graph(self) -> DecodingGraph:
        frames, channels, height, width = self.shape
        about = (
            f"(N, {frames}, {height}, {width}, {channels}) uint8: frames, rows, columns, channels; "
            f"{'RGB' if channels == 3 else 'grey'}, 0 to 255, at {self.fps:g} frames per second"
        )
        return DecodingGraph(_Pixels(), {"frames": about}, decoding={"fps": self.fps})

    def comparable(self, batch: Batch) -> torch.Tensor:
        """Coarse frames, four over the clip, beside what changes between neighbours of all."""
        x = batch.x.float().mean(2)  # (N, T, H, W)
        side = min(COARSE, *x.shape[2:])
        few = x[:, :: max(1, x.shape[1] // 4)]
        moved = (x[:, 1:] - x[:, :-1]).abs().mean(1, keepdim=True)
        both = torch.cat([few, moved * 4], 1)
        return torch.nn.functional.adaptive_avg_pool2d(both, side).flatten(1)

    def conform(self, items: Sequence[Clip], strict: bool) -> Conformed[Clip]:
        """Clips of other sizes are converted, with a warning.

        Raises:
            GankitError: clips that are too short.
        """
        if not len(items):
            return Conformed(items)
        frames, channels, height, width = self.shape
        count, *size, own = items[0].frames.shape
        if count < frames:
            raise GankitError(
                f"the clips have {count} frames, and the run's {frames}",
                f"Read them with frames={frames}",
            )
        if (count, *size, own) == (frames, height, width, channels):
            return Conformed(items)
        said = f"{count} frames of {size[1]}×{size[0]} {'RGB' if own == 3 else 'grey'}"
        return Conformed(items, [f"The clips have {said}, and become {self} as the run's are."])

    def __str__(self) -> str:
        frames, channels, height, width = self.shape
        return f"{frames} frames of {width}×{height} {'RGB' if channels == 3 else 'grey'}"

    def state(self) -> CodecState:
        return CodecState(
            {
                "shape": list(self.shape),
                "fps": self.fps,
                "labels": list(self.labels),
                "numbers": [[f.name, f.mean, f.scale] for f in self.numbers],
                "mirror": self.mirror,
                "fit": self.how,
            }
        )

    @classmethod
    def from_state(cls, state: CodecState) -> VideoCodec:
        """The codec of :meth:`state`.

        Raises:
            GankitError: the state is incomplete or contradicts itself.
        """
        config: dict[str, Any] = state.config
        try:
            frames, channels, height, width = (int(n) for n in config["shape"])
            if min(frames, height, width) < 1 or channels not in (1, 3):
                raise ValueError("no such shape")
            return cls(
                (frames, channels, height, width),
                float(config["fps"]),
                [str(label) for label in config["labels"]],
                [Continuous(str(n), float(m), float(s)) for n, m, s in config["numbers"]],
                bool(config["mirror"]),
                str(config["fit"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GankitError(
                f"the run's video codec is damaged ({error!r})", "Copy the run's model folder again"
            ) from None


class _Pixels(torch.nn.Module):
    """``(N, T, C, H, W)`` in [-1, 1] to ``(N, T, H, W, C)``, uint8."""

    def forward(self, x: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        return ((x + 1) * 127.5).clamp(0, 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2)


def _scaled(x: torch.Tensor) -> torch.Tensor:
    return x.float() / 127.5 - 1


def fit_codec(items: Sequence[Clip], settings: VideoSettings) -> VideoCodec:
    """The codec for clips of one shape, as :func:`gankit_video.data.sources.read` returns them.

    Raises:
        GankitError: ``conditional=true`` without labels, more than ``MOST_CLASSES`` of them, or a
            column that is not there.
    """
    clips = [items[i] for i in range(len(items))]
    frames, height, width, channels = clips[0].frames.shape
    return VideoCodec(
        (frames, channels, height, width),
        clips[0].fps,
        _classes([clip.label for clip in clips], settings),
        [_number(name, clips) for name in settings.columns],
        settings.mirror,
        settings.fit,
    )


def _number(name: str, clips: Sequence[Clip]) -> Continuous:
    if any(name not in clip.values for clip in clips):
        known = sorted(set.intersection(*(set(clip.values) for clip in clips)))
        hint = did_you_mean(name, known) if known else "The clips have no numbers beside labels"
        raise GankitError(f"columns={name}: not every clip has such a number", hint)
    values = np.array([clip.values[name] for clip in clips])
    scale = float(values.std())
    return Continuous(name, float(values.mean()), scale if scale > 1e-12 else 1.0)


def _classes(labels: Sequence[str | None], settings: VideoSettings) -> list[str]:
    """The classes to condition on, in natural order; none for an unconditional run."""
    if settings.conditional is False:
        return []
    known = [label for label in labels if label is not None]
    classes = sorted(set(known), key=natural_key)
    if len(known) < len(labels) or not classes:
        if settings.conditional is True:
            raise GankitError(
                "conditional=true, but not every clip has a label",
                "Sort them into one folder per class, set label_key, or remove conditional",
            )
        return []
    if len(classes) > MOST_CLASSES:
        raise GankitError(
            f"{len(classes):,} different labels are too many to condition on",
            f"At most {MOST_CLASSES:,}: set another label_key, or conditional=false",
        )
    return [] if len(classes) == 1 and settings.conditional == "auto" else classes
