"""Quality against diversity: forward and reverse scores, beside a language model's sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Sample
from gankit_text.data.items import Text
from gankit_text.evaluation.base import Scores, TextEvaluator, TextSet, sets, some, training_texts
from gankit_text.evaluation.baselines import TEMPERATURES, name_at, writer_of
from gankit_text.evaluation.ngram_model import NgramModel
from gankit_text.settings import TextSettings

FORWARD, REVERSE = "forward_lm_bits", "reverse_lm_bits"
CLEARLY = 0.02
"""Bits per character by which a model has to be better in one of both scores."""


class Quality(TextEvaluator):
    """How well language models of characters predict the texts, and real texts after them.

    - ``forward_lm_bits``: bits per character of the texts under a model of the training texts:
      quality. Below the real baseline, texts are more predictable than real ones, as they are where
      a model repeats frequent phrases or copies.
    - ``reverse_lm_bits``: bits per character of held-out texts under a model of the scored ones:
      quality and diversity (reverse perplexity of Zhao et al. 2018, arXiv 1706.04223). Its baseline
      is a model of as many training texts.

    The models are n-gram counts, so that neither scores samples of itself: the language model
    among the baselines is a recurrent network over the run's tokens.
    """

    name = "language-model"
    lower_is_better: Mapping[str, bool] = {FORWARD: True, REVERSE: True}
    meanings: Mapping[str, str] = {
        FORWARD: "bits per character under a character model of the training texts: quality; far "
        "below the real baseline is repetitive or copied",
        REVERSE: "bits per character of held-out texts under a character model of these texts: "
        "lower is more like the data in quality and diversity",
    }

    def __init__(self, settings: TextSettings) -> None:
        self._settings = settings
        self._forward: tuple[object, NgramModel] | None = None
        self._rows: list[Mapping[str, object]] = []

    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        forward = self._of_training(data, rng)
        real = TextSet(some(data.train, len(generated), rng))
        return {
            FORWARD: forward.bits_per_character(generated.texts),
            f"{FORWARD}_real": forward.bits_per_character(heldout.texts),
            REVERSE: NgramModel(generated.texts).bits_per_character(heldout.texts),
            f"{REVERSE}_real": NgramModel(real.texts).bits_per_character(heldout.texts),
        }

    def _of_training(self, data: EvaluationData[Text], rng: np.random.Generator) -> NgramModel:
        """Fitted once, whichever texts are scored."""
        if self._forward is None or self._forward[0] is not data.train:
            self._forward = data.train, NgramModel(training_texts(data, rng))
        return self._forward[1]

    def details(
        self, data: EvaluationData[Text], rng: np.random.Generator
    ) -> Sequence[Mapping[str, object]]:
        """The generator, real texts, and the language model at each temperature: quality against
        diversity."""
        if not self._settings.language_model or len(data.train) < 2:
            return ()
        own = self.evaluate(data, rng)
        if REVERSE not in own:
            return ()
        writer = writer_of(data.train, self._settings)
        self._rows = [
            {"model": "generated", FORWARD: own[FORWARD], REVERSE: own[REVERSE]},
            {"model": "real", FORWARD: own[f"{FORWARD}_real"], REVERSE: own[f"{REVERSE}_real"]},
        ]
        for temperature in TEMPERATURES:
            made = writer.sample(len(data.generated), data.generated[0].seed, temperature)
            samples = [Sample(item, i, {}) for i, item in enumerate(made)]
            compared = EvaluationData(samples, data.train, data.heldout)
            generated, heldout = sets(compared, np.random.default_rng(0))
            forward = self._of_training(data, rng).bits_per_character(generated.texts)
            reverse = NgramModel(generated.texts).bits_per_character(heldout.texts)
            self._rows.append({"model": name_at(temperature), FORWARD: forward, REVERSE: reverse})
        return self._rows

    def warnings(self, data: EvaluationData[Text]) -> Sequence[str]:
        """Says so where likelihood wins; only after :meth:`details`, which trains the model."""
        return dominated(self._rows)


def dominated(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """A sentence on whether the language model is better in quality and diversity at once.

    Args:
        rows: of :meth:`Quality.details`: the generator, real texts, and the language model.
    """
    if not rows:
        return []
    ours, others = rows[0], rows[2:]
    found = [
        row
        for row in others
        if _bits(row, FORWARD) <= _bits(ours, FORWARD)
        and _bits(row, REVERSE) <= _bits(ours, REVERSE)
        and max(_bits(ours, key) - _bits(row, key) for key in (FORWARD, REVERSE)) > CLEARLY
    ]
    if not found:
        return []
    best = min(found, key=lambda row: _bits(row, REVERSE))
    return [
        f"likelihood wins: a {best['model']} trained on the same texts is better in quality "
        f"({_bits(best, FORWARD):.2f} against {_bits(ours, FORWARD):.2f} bits per character) and "
        f"in diversity ({_bits(best, REVERSE):.2f} against {_bits(ours, REVERSE):.2f}). If you "
        "need plain texts, use a language model; docs/how-to/text.md states what this is for"
    ]


def _bits(row: Mapping[str, object], key: str) -> float:
    value = row[key]
    assert isinstance(value, float)
    return value
