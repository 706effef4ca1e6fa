"""Settings; the docstring under each field is shown on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds
from gankit.kit.cache import Cache, open_cache
from gankit.kit.files import cache_folder


@dataclass(frozen=True)
class TextSettings:
    """Settings of the text plugin."""

    unit: Literal["auto", "line", "paragraph", "block", "file"] = "auto"
    """What is one item of a .txt file: a line; a paragraph, whose lines are joined; a block between
    blank lines, whose lines are kept, as of a poem; or the file. auto decides by the text, and says
    what it took."""
    column: str = "auto"
    """Column of texts in a table; auto looks for text, sentence, review, content and the like, then
    for the column with the longest texts."""
    label: str = "auto"
    """Column of classes to condition on; auto looks for label, class, category and the like, and
    takes the folders of .txt files; none for no classes."""
    conditions: tuple[str, ...] = ()
    """Columns of numbers to condition on."""
    pair: str = ""
    """Column of a second text, such as a translation: both are then one item."""
    encoding: str = "utf-8"
    """Encoding of text files, as Python names it; UTF-16 is found by its byte order mark."""
    split: str = "train"
    """Part of a folder's data set to use, by the names of its files and folders; all for all."""
    limit: Annotated[int, Bounds(0)] = 0
    """Texts to read, drawn at random with a fixed seed; 0 for all."""
    max_tokens: Annotated[int, Bounds(2, 4096)] = 64
    """Texts of more tokens are left out, counted, and said."""
    strict: bool = False
    """Whether one unusable entry is an error; otherwise such entries are skipped and listed."""
    cache: str = "auto"
    """Folder for trained autoencoders of later runs; auto is a folder in the system's cache, none
    caches nothing."""

    tokens: Literal["bpe", "chars"] = "bpe"
    """Tokens: byte-pair encoding learned on the texts, or characters; both write any text."""
    vocabulary: Annotated[int, Bounds(0, 32_768)] = 0
    """Tokens of the byte-pair encoding, besides the 256 bytes; 0 depends on the data's size."""
    model: Literal["latent", "direct"] = "latent"
    """latent: a GAN over the latents of a token autoencoder. direct: a generator of tokens (recipe
    direct)."""
    codec: Literal["gist", "exact"] = "gist"
    """What latents hold. gist: what a text is about, from which the decoder writes a text like it.
    exact: the tokens and their order, of which most can be written again, and which are harder to
    generate."""
    latent: Annotated[int, Bounds(2, 1024)] = 64
    """Dimensions of the latent space."""
    width: Annotated[int, Bounds(8, 4096)] = 256
    """Units of the autoencoder."""
    units: Annotated[int, Bounds(8, 4096)] = 256
    """Units of the generator and the discriminator."""
    smooth: Annotated[float, Bounds(0, 10)] = 0.4
    """Standard deviation of the noise on latents when the decoder is trained, relative to the
    latents: more makes more of the space readable, less preserves more of each text."""
    epochs: Annotated[float, Bounds(0, 10_000)] = 0
    """Epochs of the autoencoder's training; 0 depends on the data's size."""

    temperature: Annotated[float, Bounds(0, 10)] = 0.0
    """Sampling-time option: temperature of the decoder; 0 takes the most likely tokens."""

    language_model: bool = True
    """Whether evaluate also trains a language model on the same texts, and shows its scores at
    several temperatures as baselines. It is cached."""


def cache_of(settings: TextSettings) -> Cache:
    """The cache of the settings, outside :meth:`TextModality.fit_codec`.

    Raises:
        GankitError: the folder that the user named cannot be created.
    """
    return open_cache(settings.cache, cache_folder("text"))
