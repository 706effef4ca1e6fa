"""Texts as rows of tokens: byte-pair encoding learned on the texts, or characters."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from gankit.kit.autoencoders.ragged import PAD

START, END, SEPARATOR = range(PAD + 1, PAD + 4)
"""The begin and the end of a text, and what stands between the texts of a pair."""
SPECIAL = 4
"""Numbers below this one are no text."""
BYTES = 256

CHARACTERS_PER_TOKEN = 80
"""Characters of data for each token of the vocabulary, so that each is seen often enough."""
LEAST_TOKENS, MOST_TOKENS = 200, 8_192
"""The vocabulary by default, besides the bytes."""
LEAST_FREQUENCY = 3
"""Occurrences of a pair of tokens that becomes one."""
MOST_CHARACTERS = 60_000
"""Characters that are tokens, the most frequent; others are written as bytes."""


class Tokenizer:
    """Texts to numbers of tokens and back. Any text is encoded: what is no token is bytes of UTF-8.

    ``decode(encode(text)) == text``; numbers that are no UTF-8 decode to U+FFFD.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._bpe = _built(config) if config["kind"] == "bpe" else None
        self._characters: list[str] = config.get("characters", [])
        self._number = {c: SPECIAL + BYTES + i for i, c in enumerate(self._characters)}

    @classmethod
    def fit(cls, texts: Sequence[str], kind: str = "bpe", vocabulary: int = 0) -> Tokenizer:
        """Tokens of these texts; the same texts give the same tokens.

        Args:
            kind: ``bpe``, byte-pair encoding on bytes (Sennrich et al. 2016, arXiv 1508.07909), or
                ``chars``.
            vocabulary: byte-pair tokens besides the 256 bytes; 0 depends on the amount of text.
        """
        if kind == "chars":
            counts = Counter[str]()
            for text in texts:
                counts.update(text)
            found = sorted(counts, key=lambda c: (-counts[c], c))[:MOST_CHARACTERS]
            return cls({"kind": kind, "characters": found})
        amount = sum(map(len, texts)) // CHARACTERS_PER_TOKEN
        size = vocabulary or min(max(amount, LEAST_TOKENS), MOST_TOKENS)
        return cls({"kind": "bpe", **_trained(texts, BYTES + size)})

    @property
    def size(self) -> int:
        """Tokens in all, the special ones included."""
        if self._bpe is not None:
            return SPECIAL + int(self._bpe.get_vocab_size())
        return SPECIAL + BYTES + len(self._characters)

    def encode(self, text: str) -> list[int]:
        """Numbers of a text's tokens, from :data:`SPECIAL` on."""
        if self._bpe is not None:
            return [SPECIAL + i for i in self._bpe.encode(text).ids]
        found: list[int] = []
        for c in text:
            number = self._number.get(c)
            if number is None:
                found += (SPECIAL + b for b in c.encode("utf-8", "surrogatepass"))
            else:
                found.append(number)
        return found

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """As :meth:`encode`, of many texts."""
        if self._bpe is None:
            return [self.encode(text) for text in texts]
        return [[SPECIAL + i for i in e.ids] for e in self._bpe.encode_batch(list(texts))]

    def decode(self, row: Iterable[int]) -> str:
        """The text; special numbers are ignored."""
        numbers = [n - SPECIAL for n in row if n >= SPECIAL]
        if self._bpe is not None:
            return str(self._bpe.decode(numbers, skip_special_tokens=False))
        parts = [bytes([n]) if n < BYTES else self._characters[n - BYTES].encode() for n in numbers]
        return b"".join(parts).decode("utf-8", "replace")

    def pieces(self) -> list[str]:
        """What each token stands for, by its number: special tokens in angle brackets, bytes that
        are no character as ``<0xE4>``."""
        special = ["<pad>", "<start>", "<end>", "<separator>"]
        if self._bpe is None:
            return [*special, *map(_shown, range(BYTES)), *self._characters]
        return [*special, *(_spelled(self._bpe, i) for i in range(self._bpe.get_vocab_size()))]

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return self._config

    @classmethod
    def load(cls, state: dict[str, Any]) -> Tokenizer:
        """The inverse of :meth:`state`."""
        return cls(state)


def _shown(byte: int) -> str:
    return chr(byte) if byte < 128 else f"<0x{byte:02X}>"


def _spelled(bpe: Any, number: int) -> str:
    text: str = bpe.decode([number], skip_special_tokens=False)
    if "\ufffd" not in text:
        return text
    from tokenizers.pre_tokenizers import ByteLevel

    known = {c: i for i, c in enumerate(sorted(ByteLevel.alphabet()))}
    return "".join(f"<{known.get(c, 0):d}>" for c in bpe.id_to_token(number))


def _library() -> Any:
    # Its threads do not survive a fork, of which it warns; texts are short.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import tokenizers

    return tokenizers


def _trained(texts: Sequence[str], size: int) -> dict[str, Any]:
    library = _library()
    tokenizer = _empty(library, library.models.BPE())
    trainer = library.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=LEAST_FREQUENCY,
        show_progress=False,
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [m.split(" ") if isinstance(m, str) else list(m) for m in model["merges"]]
    vocabulary = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return {"vocabulary": vocabulary, "merges": merges}


def _built(config: dict[str, Any]) -> Any:
    library = _library()
    numbers = {token: i for i, token in enumerate(config["vocabulary"])}
    merges = [tuple(pair) for pair in config["merges"]]
    return _empty(library, library.models.BPE(vocab=numbers, merges=merges))


def _empty(library: Any, model: Any) -> Any:
    tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    return tokenizer
