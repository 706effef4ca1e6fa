"""Generated items in memory: a sequence that shows itself and becomes what other libraries take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, overload

from gankit.api.notebook import PLAYED, embedded, table
from gankit.contract import Converts, Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.workflows.generate import Sampling

SHOWN = 5
"""Items in a ``repr``."""
SHOWN_IN_A_NOTEBOOK = 100
"""Items in a notebook's preview."""
ROWS = 10
"""Rows of a table in a notebook."""
PLAYERS = 8
"""Items of a kind that is listened to, in a notebook."""
LONGEST = 100
"""Characters of an item in a ``repr``."""
METHODS = {"numpy": "to_numpy", "torch": "to_torch", "pil": "to_pil", "dataframe": "to_dataframe"}


class Samples(Sequence[Any]):
    """Generated items, and real ones in an augmented data set.

    A slice keeps the seeds and conditions, so that a part of the samples can be saved too.

    Args:
        samples: the items with their seeds and conditions.
        run: that generated them.
        sampling: how they were generated, if that is known.
        as_read: whether the items have the form of the data that they were read from, and not that
            of the run's.
    """

    def __init__(
        self,
        samples: Iterable[Sample[Any]],
        run: Run,
        sampling: Sampling | None = None,
        *,
        as_read: bool = False,
    ) -> None:
        self.samples, self.run, self.sampling = list(samples), run, sampling
        self.as_read = as_read

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Any]:
        return (_plain(sample.item) for sample in self.samples)

    @overload
    def __getitem__(self, i: int) -> Any: ...
    @overload
    def __getitem__(self, i: slice) -> Samples: ...
    def __getitem__(self, i: int | slice) -> Any:
        if isinstance(i, slice):
            return Samples(self.samples[i], self.run, self.sampling, as_read=self.as_read)
        return _plain(self.samples[i].item)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def seeds(self) -> list[int]:
        """The seed of each item; -1 for real ones."""
        return [-1 if sample.real else sample.seed for sample in self.samples]

    @property
    def filled(self) -> list[tuple[str, ...]]:
        """What of each item was missing and was drawn, in an imputed data set."""
        return [sample.filled for sample in self.samples]

    @property
    def conditions(self) -> list[dict[str, str | float]]:
        """What each item was generated for, by name; empty for unconditional runs."""
        return [dict(sample.condition) for sample in self.samples]

    # --- Conversion -----------------------------------------------------------------------------

    def to_numpy(self) -> Any:
        """The items as one array; its shape is the plugin's, such as ``(N, H, W, C)``.

        Raises:
            GankitError: these items have no such form; this holds for all conversions.
        """
        return self._converted("numpy")

    def to_torch(self) -> Any:
        """The items as one tensor, in the order of axes that torch uses."""
        import torch

        if "torch" in self._conversions() or "numpy" not in self._conversions():
            return self._converted("torch")
        array = self._converted("numpy")
        if array.dtype.kind not in "biuf":
            raise GankitError(
                "to_torch: these items are not numbers alone",
                f"Use {_listed(set(self._conversions()) - {'torch'})}",
            )
        return torch.from_numpy(array)

    def to_pil(self) -> list[Any]:
        """The items as Pillow pictures."""
        found: list[Any] = self._converted("pil")
        return found

    def to_dataframe(self) -> Any:
        """The items as rows of a pandas data frame."""
        return self._converted("dataframe")

    def _conversions(self) -> Sequence[str]:
        modality = self.run.plugin.modality
        return modality.conversions if isinstance(modality, Converts) else ()

    def _converted(self, to: str) -> Any:
        modality, known = self.run.plugin.modality, self._conversions()
        if not isinstance(modality, Converts) or to not in known:
            raise GankitError(
                f"{METHODS[to]}: plugin {self.run.plugin.info.name} has no such form of its items",
                f"Use {_listed(known)}" if known else "Use the items themselves: list(samples)",
            )
        try:
            items = [sample.item for sample in self.samples]
            return modality.convert(items, to, None if self.as_read else self.run.codec)
        except ImportError as error:
            package = (error.name or str(error)).partition(".")[0]
            raise GankitError(
                f"{METHODS[to]} needs the package {package}", f"pip install {package}"
            ) from None

    # --- Display --------------------------------------------------------------------------------

    def _title(self) -> str:
        real = sum(sample.real for sample in self.samples)
        if gaps := sum(len(sample.filled) for sample in self.samples):
            return f"{real:,} real items, {gaps:,} gaps in them filled by run {self.run.name}"
        count = f"{len(self) - real:,} synthetic item{'' if len(self) - real == 1 else 's'}"
        return (f"{real:,} real and " if real else "") + f"{count} of run {self.run.name}"

    def __repr__(self) -> str:
        lines = [self._title()]
        for sample in self.samples[:SHOWN]:
            text = " ".join(repr(sample.item).split())
            text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
            lines.append(f"  {'real' if sample.real else f'seed {sample.seed}'}: {text}")
        if len(self) > SHOWN:
            lines.append(f"  … and {len(self) - SHOWN:,} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The plugin's preview, players for what is listened to, and the first rows of a table."""
        modality, codec = self.run.plugin.modality, self.run.codec
        made = [sample.item for sample in self.samples if not sample.real]
        parts = [f"<p><b>{escape(self._title())}</b></p>"]
        if made:
            parts.append(embedded(modality.preview(made[:SHOWN_IN_A_NOTEBOOK], codec)))
            first = modality.render(made[0], codec)
            if first.media_type.startswith(PLAYED):
                parts += [embedded(modality.render(item, codec)) for item in made[:PLAYERS]]
        if "dataframe" in self._conversions():
            try:
                frame = self[:ROWS].to_dataframe()
            except GankitError:  # without pandas
                return "\n".join(parts)
            rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(False)]
            parts.append(table(rows, left_out=len(self) - len(rows)))
        return "\n".join(parts)


def _plain(item: Any) -> Any:
    """An item, a view of a table's row as a dictionary: pandas and json take no other mapping."""
    return dict(item) if isinstance(item, Mapping) else item


def _listed(conversions: Iterable[str]) -> str:
    return " or ".join(f".{METHODS[to]}()" for to in METHODS if to in conversions)
