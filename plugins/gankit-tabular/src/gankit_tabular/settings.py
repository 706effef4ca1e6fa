"""Settings of the tabular plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from gankit.contract import Before, Bounds
from gankit_tabular.codec.resolution import TWO_DIGITS, Resolution


@dataclass(frozen=True)
class SequenceSettings:
    """How a table's rows make sequences."""

    entity: str = ""
    """Column that says whose row it is: a patient, a machine. Its rows are then one item, and
    ``-n`` counts entities."""
    order: str = ""
    """Column by which the rows of an entity follow each other: a date, a time, a number. By default
    their order in the file."""
    constants: tuple[str, ...] = ()
    """Columns that must be the same in all rows of an entity; those that are so in the data are
    found anyway."""


@dataclass(frozen=True)
class TabularSettings:
    """Settings of the tabular plugin."""

    target: str = ""
    """Column to predict; the last one by default. Used by scores only."""
    groups: tuple[str, ...] = ()
    """Columns that define groups of people, e.g. ``["sex", "race"]``. Used by scores only."""
    numbers: tuple[str, ...] = ()
    """Columns to treat as numbers."""
    categories: tuple[str, ...] = ()
    """Columns to treat as categories."""
    identifiers: tuple[str, ...] = ()
    """Columns to treat as identifiers: their values are synthesised, never learned."""
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    ordinals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Ordered categories, least first: ``ordinals={size=["S","M","L"]}``; an empty list means
    natural sort order."""
    constraints: tuple[str, ...] = ()
    """Rules that every generated row follows: ``"a <= b"``, ``"total = price + tax"``,
    ``"together: country, city"``, ``"unique: id"``."""
    encoding: str = ""
    """Encoding of text files, such as ``cp1252``; detected by default. Bytes that cannot be
    decoded become replacement characters, and are counted."""
    query: str = ""
    """SQL query, if the data is a database: ``query='select * from people'``."""
    delimiter: str = ""
    """Between the values of a line, such as ``;`` or ``\\t``; detected by default."""
    sheet: str = ""
    """The sheet of an Excel workbook, by name or number; the first one with cells by default."""
    split: str = "train"
    """Of a folder with ``train.csv`` and ``test.csv`` or with such folders, or of a workbook with
    such sheets, the part that is read; ``all`` reads every part."""
    na_values: tuple[str, ...] = ()
    """More texts that stand for a missing value in text files: ``na_values=["-","n/a"]``."""
    keep_default_na: bool = True
    """Whether ``NA``, ``NaN``, ``null``, ``None``, ``?`` and the like stand for missing values in
    text files; otherwise only empty cells and ``na_values`` do."""
    sequence: SequenceSettings = field(default_factory=SequenceSettings)
    """Rows that follow each other."""
    children: tuple[str, ...] = ()
    """Tables whose rows belong to those of the first, or of one another, and the column that says
    to which: ``children=["orders.csv on customer_id"]``."""
    orphans: Literal["refuse", "drop"] = "refuse"
    """What becomes of rows of ``children`` whose parent is not there: ``drop`` leaves them out, and
    counts them."""
    longest: Annotated[int, Bounds(1)] = 1000
    """Rows of an entity, or of a row's descendants together, at most; those beyond are left out of
    training, and counted."""
    rare: Annotated[int, Bounds(0)] = 0
    """Categories of fewer training rows than this are merged before training: texts as ``other``,
    other values as missing ones; 0 keeps all. Not those of ``ordinals``."""
    memory: Annotated[float, Bounds(0)] = 1.0
    """Gigabytes of a table that are kept in memory; a larger one goes to a temporary file."""
    generator: Annotated[Literal["cascade", "one-shot"], Before("one-shot")] = "cascade"
    """``cascade`` draws the columns one after another; ``one-shot`` all at once."""
    digit_units: Annotated[int, Bounds(1)] = 64
    """Hidden units for each digit of the cascade; fewer in tables of more than about 300 columns,
    for memory."""
    bins: Annotated[int, Bounds(1)] = 8
    """Quantile bins of a number with many values, for ``generator=one-shot``; the cascade has two
    digits."""
    hidden: Annotated[int, Bounds(1)] = 256
    """Units of a hidden layer, in both networks of ``one-shot`` and in the discriminator."""
    layers: Annotated[int, Bounds(1)] = 2
    """Hidden layers, in both networks."""
    latent: Annotated[int, Bounds(1)] = 128
    """Dimensions of the latent z, without the Gumbel noise."""
    temperature: Annotated[float, Bounds(0, exclusive=True)] = 0.2
    """Temperature of the softmax over a column's codes while training."""
    pack: Annotated[int, Bounds(1)] = 1
    """Rows that the discriminator sees together (PacGAN); above 1 it can detect mode collapse."""

    @property
    def has_trees(self) -> bool:
        """Whether an item is more than a row: an entity, or a row with those that belong to it."""
        return bool(self.sequence.entity or self.children)

    def resolution(self) -> Resolution:
        """How finely the generator's columns are coded."""
        return TWO_DIGITS if self.generator == "cascade" else Resolution(self.bins)

    def kinds(self) -> dict[str, str]:
        """The kinds that the user has set, by column."""
        kinds = dict.fromkeys(self.numbers, "number")
        kinds |= dict.fromkeys((*self.categories, *self.ordinals), "category")
        return kinds | dict.fromkeys(self.identifiers, "identifier")
