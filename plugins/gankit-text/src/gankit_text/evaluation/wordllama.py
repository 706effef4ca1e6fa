"""Text embeddings of wordllama's files, read directly: its own loader would go online."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit_text.data.items import Text

WEIGHTS = "weights/l2_supercat_256.safetensors"
TOKENS = "tokenizers/l2_supercat_tokenizer_config.json"
Values = np.ndarray[Any, np.dtype[np.float64]]


class WordLlama(Extractor[Text]):
    """The mean of static token embeddings of a distilled language model, 256 numbers.

    It knows topics and words, mostly English ones, and is blind to their order: a text and its
    words shuffled have nearly the same features. Read its scores beside those of a language model.
    """

    name = "wordllama"
    backbone = "wordllama-l2-supercat-256"

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A hash of both files."""
        found = hashlib.sha256()
        for file in self._files:
            found.update(file.read_bytes())
        return found.hexdigest()[:16]

    @cached_property
    def _files(self) -> tuple[Path, Path]:
        spec = find_spec("wordllama")
        folder = Path(spec.origin).parent if spec and spec.origin else Path()
        weights, tokens = folder / WEIGHTS, folder / TOKENS
        if not (weights.is_file() and tokens.is_file()):
            raise GankitError(
                "the files of wordllama are missing", "Install it: pip install wordllama"
            )
        return weights, tokens

    @cached_property
    def _model(self) -> tuple[Any, np.ndarray[Any, np.dtype[np.float32]]]:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        weights, tokens = self._files
        tokenizer = Tokenizer.from_file(str(tokens))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        (table,) = load_file(weights).values()
        return tokenizer, table.astype(np.float32)

    def accepts(self, item: Text) -> bool:
        return bool(item.text.strip())

    def features(self, items: Sequence[Text]) -> Values:
        tokenizer, table = self._model
        found = np.zeros((len(items), table.shape[1]))
        encoded = tokenizer.encode_batch([i.text for i in items], add_special_tokens=False)
        for row, one in enumerate(encoded):
            if one.ids:
                found[row] = table[np.minimum(one.ids, len(table) - 1)].mean(0, dtype=np.float64)
        return found
