"""Labels as columns of what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gankit.contract import Continuous, Sample
from gankit_image.data.images import Image
from gankit_image.data.labels import parse


@dataclass(frozen=True)
class Labels:
    """How labels are written: a class as text, a number, or a list of numbers."""

    key: str
    """The column; empty for no labels."""
    numbers: tuple[Continuous, ...] = ()

    @property
    def is_class(self) -> bool:
        return bool(self.key) and not self.numbers

    def row(self, sample: Sample[Image]) -> dict[str, Any]:
        """The label's part of a sample's row."""
        if not self.key:
            return {}
        if not self.numbers:
            label = sample.condition.get(self.key)
            return {self.key: None if label is None else str(label)}
        values: tuple[float, ...] | None
        if sample.real:
            values = None if sample.item.label is None else parse(sample.item.label)
        else:
            named = (sample.condition.get(field.name) for field in self.numbers)
            # Conditions are float32, which 7 digits determine.
            values = tuple(float(f"{float(v):.7g}") for v in named if v is not None)
        if values is None or len(values) != len(self.numbers):
            return {self.key: None}
        return {self.key: values[0] if len(values) == 1 else list(values)}
