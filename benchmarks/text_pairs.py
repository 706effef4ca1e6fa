"""Translation: are generated pairs of sentences worth adding to a small bitext?

    python benchmarks/text_pairs.py --data FOLDER_OR_TABLE [--columns source,target] [--factor 1]
        [--seeds 2] [--settings key=value ...]

The data is a folder of message catalogs (``*.po``), such as those of one language in the wheel of
Django, or a table with two columns of texts. A fifth is set aside. The recipe ``default`` is
trained on the rest as pairs, and a language model of pairs beside it; each generates ``factor``
times as many. A small sequence-to-sequence network with attention is then trained, with as many
steps, on the real pairs alone, with those of either model, and on the real pairs twice with some
words dropped, and scored by BLEU and chrF (sacrebleu) on what was set aside.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import sacrebleu
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import gankit
from gankit.config import parse_overrides
from gankit_text.codec.tokens import END, PAD, START, Tokenizer
from gankit_text.data.items import Text
from gankit_text.evaluation.baselines import writer_of

Pairs = list[tuple[str, str]]
WIDTH, BATCH, STEPS, LONGEST = 128, 32, 400, 40
HELD_OUT = 0.2
DROPPED = 0.1


def catalogs(folder: Path) -> Pairs:
    """The messages of all catalogs, and their translations: each once, plain ones only."""
    found = {}
    for file in sorted(folder.rglob("*.po")):
        for source, target in messages(file.read_text(encoding="utf-8")):
            if source and target and "\n" not in source and len(source) <= 90:
                found.setdefault(source, target)
    return list(found.items())


def messages(text: str) -> Iterator[tuple[str, str]]:
    """The entries of a catalog that have one form, and are not marked as doubtful."""
    for entry in re.split(r"\n\s*\n", text):
        if "msgid_plural" in entry or "fuzzy" in entry or "msgctxt" in entry:
            continue
        both = [re.search(rf'^{key} ((?:".*"\s*)+)', entry, re.M) for key in ("msgid", "msgstr")]
        if all(both):
            yield tuple(
                "".join(map(ast.literal_eval, re.findall(r'".*"', m[1]))) for m in both if m
            )  # type: ignore[misc]


def table(file: Path, columns: str) -> Pairs:
    """Two columns of a CSV, TSV or JSONL file."""
    source, target = columns.split(",")
    items = gankit_items(file, source, target)
    return [(item.text, item.pair or "") for item in items]


def gankit_items(file: Path, source: str, target: str) -> Sequence[Text]:
    from gankit.contract import quiet
    from gankit_text.data.sources import read
    from gankit_text.settings import TextSettings

    return read(str(file), TextSettings(column=source, pair=target), quiet).items


class Translator(nn.Module):
    """A GRU encoder and a GRU decoder with dot-product attention, over shared tokens."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, WIDTH, padding_idx=PAD)
        self.encoder = nn.GRU(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.joined = nn.Linear(2 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.3)
        self.bias = nn.Parameter(torch.zeros(size))

    def read(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, last = self.encoder(self.dropout(self.embedding(source)))
        return h, source == PAD, torch.cat([last[0], last[1]], 1)[None]

    def write(
        self, before: Tensor, h: Tensor, absent: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        d, state = self.decoder(self.dropout(self.embedding(before)), state)
        weights = (d @ h.transpose(1, 2) / WIDTH**0.5).masked_fill(absent[:, None], -1e9).softmax(2)
        joined = torch.tanh(self.joined(torch.cat([d, weights @ h], 2)))
        return self.dropout(joined) @ self.embedding.weight.T + self.bias, state


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])


def bleu(train: Pairs, test: Pairs, tokenizer: Tokenizer, seed: int) -> tuple[float, float]:
    """BLEU and chrF of a translator trained on these pairs."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Translator(tokenizer.size).train()
    rows = [[tokenizer.encode(text)[:LONGEST] for text in pair] for pair in train]
    rows = [row for row in rows if all(row)]
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step / STEPS)
        some = [rows[i] for i in rng.integers(0, len(rows), BATCH)]
        before = padded([[START, *target] for _, target in some])
        after = padded([[*target, END] for _, target in some])
        logits, _ = model.write(before, *model.read(padded([source for source, _ in some])))
        loss = cross_entropy(
            logits.flatten(0, 1), after.flatten(), ignore_index=PAD, label_smoothing=0.1
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    said = translated(model.eval(), [source for source, _ in test], tokenizer)
    wanted = [[target for _, target in test]]
    return (
        sacrebleu.corpus_bleu(said, wanted).score,
        sacrebleu.corpus_chrf(said, wanted).score,
    )


@torch.inference_mode()
def translated(model: Translator, sources: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """The most likely token after token."""
    h, absent, state = model.read(padded([tokenizer.encode(s)[:LONGEST] for s in sources]))
    token = torch.full((len(sources), 1), START)
    written = []
    for _ in range(LONGEST):
        logits, state = model.write(token, h, absent, state)
        token = logits.argmax(2)
        written.append(token)
    rows = torch.cat(written, 1).tolist()
    return [tokenizer.decode(r[: r.index(END)] if END in r else r) for r in rows]


def dropped(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """Pairs whose sources lack about a tenth of their words."""
    found = []
    for source, target in pairs:
        words = source.split()
        kept = [word for word in words if rng.random() >= DROPPED] or words
        found.append((" ".join(kept), target))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--columns", default="source,target")
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--settings", nargs="*", default=[])
    args = parser.parse_args(arguments)
    pairs = catalogs(args.data) if args.data.is_dir() else table(args.data, args.columns)
    order = np.random.default_rng(0).permutation(len(pairs))
    aside = round(HELD_OUT * len(pairs))
    test, train = ([pairs[i] for i in part] for part in (order[:aside], order[aside:]))
    print(f"{len(train):,} pairs to train on, {len(test):,} set aside")
    start, rows = time.process_time(), [{"source": s, "target": t} for s, t in train]
    given: dict[str, Any] = parse_overrides(args.settings)
    columns = {"column": "source", "pair": "target", "label": "none"}
    with tempfile.TemporaryDirectory() as folder:
        run = gankit.fit("text", rows, out=Path(folder) / "run", settings={**columns, **given})
        n = round(args.factor * len(train))
        ours = [(s.item.text, s.item.pair or "") for s in run.stream(n)]
        print(f"gankit: {time.process_time() - start:,.0f} CPU s")
        start = time.process_time()
        writer = writer_of([Text(s, pair=t) for s, t in train], run.settings)
        likely = [(item.text, item.pair or "") for item in writer.sample(n, 0, 0.8)]
        print(f"language model: {time.process_time() - start:,.0f} CPU s")
    for source, target in ours[:5]:
        print(f"- {source!r} = {target!r}")
    sets = {
        "real": train,
        "real + generated": [*train, *ours],
        "real + language model t=0.8": [*train, *likely],
        "real, words dropped": [*train, *dropped(train, np.random.default_rng(0))],
    }
    tokenizer = Tokenizer.fit([text for pair in train for text in pair], "bpe", 600)
    print("\n| trained on | pairs | BLEU | chrF |\n|---|---|---|---|")
    for name, these in sets.items():
        scores = np.array([bleu(these, test, tokenizer, seed) for seed in range(args.seeds)])
        cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(scores.mean(0), scores.std(0), strict=True)]
        print(f"| {name} | {len(these):,} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
