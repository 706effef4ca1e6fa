"""Molecules as latents of a heteroencoder, whitened, and back."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from gankit.contract import (
    Batch,
    Codec,
    CodecState,
    Condition,
    ConditionInput,
    Conformed,
    Conforms,
    Continuous,
    DecodesInGraph,
    DecodingGraph,
    Describes,
    Draws,
    Health,
    Layout,
    ListsConditionInputs,
    ReportsHealth,
    SamplesConditions,
    TransformsDensityRatioInput,
)
from gankit.errors import GankitError
from gankit.kit.autoencoders import Whitening, default_device
from gankit.seeds import normal
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.conditions import Measured, conformed, standardised, values_of
from gankit_molecule.codec.health import Autoencoder, health_of
from gankit_molecule.codec.notations import understood
from gankit_molecule.codec.property_query import Constraint, PropertyQuery, subsample
from gankit_molecule.codec.requirements import Requirements
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.codec.tokens import SPECIAL, Alphabet
from gankit_molecule.codec.training import texts_of
from gankit_molecule.codec.writer import CPU, DECODE_BATCH_SIZE, Writer, longest_text, numbers_of
from gankit_molecule.codec.writing_graph import WritingGraph
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.optimize.elites import Elites
from gankit_molecule.optimize.objective import Expression, objective_of
from gankit_molecule.optimize.scorers import ByExpression
from gankit_molecule.settings import MoleculeSettings, cache_of

MAX_TRIES = 50
"""Decodings of a latent until there is an acceptable molecule."""
MAX_CONSTRAINED_TRIES = 20
"""Further decodings until it has the requested properties."""
RETRY_CORRELATION = 0.9
"""Correlation of a latent with the one that is decoded instead of it at a further try."""
MAX_COORDINATE = 1e3
"""Coordinates of diverged networks are clamped to this range."""


class MoleculeCodec(
    Codec[Molecule],
    SamplesConditions,
    ListsConditionInputs,
    TransformsDensityRatioInput,
    Describes,
    Conforms,
    DecodesInGraph,
    ReportsHealth,
):
    """Layout ``(latent,)``: the latents of a heteroencoder, whitened (see :class:`Whitening`).

    A molecule is written token by token, each sampled from the decoder, along the scaffold where
    the settings name one. Molecules that are invalid, lack the scaffold, or are not novel where
    that is required, are decoded again with other draws and partly other noise, unless ``raw`` is
    set.
    """

    decode_batch_size = DECODE_BATCH_SIZE
    tolerance = 2.0
    """One latent stands for many similar molecules, of which one is sampled."""
    is_learned = True

    def __init__(
        self,
        alphabet: Alphabet,
        longest: int,
        condition: Condition | None,
        settings: MoleculeSettings,
    ) -> None:
        cond_dim = condition.width if condition else 0
        self.alphabet, self.longest, self.settings = alphabet, longest, settings
        self.layout = Layout((settings.latent,), condition)
        # In double precision, so that rounding hides how many are encoded together.
        self.encoder = Encoder(len(alphabet), settings.latent, settings.width // 2).double().eval()
        self.decoder = Decoder(len(alphabet), settings.latent, cond_dim, settings.width).eval()
        self._scaffold = Scaffold(settings) if settings.scaffold else None
        self._writer = Writer(alphabet, self.decoder, longest, self._scaffold)
        self.whitening = Whitening(settings.latent, cond_dim)
        self.query = (
            None if condition is None else PropertyQuery(condition, torch.zeros(1, cond_dim))
        )
        fields = condition.fields if condition else ()
        self._scales = {f.name: f.scale for f in fields if isinstance(f, Continuous)}
        self.measured, self.key = Measured([f.name for f in fields if f.name in PROPERTIES]), ""
        self.loss, self.missing = math.nan, dict[str, int]()
        self.pretrained = ""
        """What the autoencoder was trained on before; empty where it started from nothing."""
        self.known: Tensor | None = None
        """Sorted hashes of the training molecules, int64; runs of earlier versions have none."""
        self.training_latents: tuple[dict[str, int], Tensor] = {}, torch.zeros(0, settings.latent)
        """Training molecules and their latents before whitening; only while the codec is fitted."""
        self.elites: Elites | None = None

    def set_elites(self, elites: Elites) -> None:
        """From now on training data and conditions are those of the best molecules found."""
        self.elites = elites
        if self.layout.condition is not None and elites.c is not None:
            self.query = PropertyQuery(self.layout.condition, subsample(elites.c))

    # --- Encoding --------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, items: Sequence[Molecule], rng: np.random.Generator) -> Batch:
        """Float32 ``(N, latent)`` and the conditions."""
        n, condition = len(items), self.layout.condition
        if not n:
            empty = None if condition is None else torch.zeros(0, condition.width)
            return Batch(torch.zeros(0, *self.layout.shape), empty)
        c = None
        if condition is not None:
            values = values_of(items, [f.name for f in condition.fields], self.measured)
            c = torch.from_numpy(standardised(values, condition))
        return Batch(self.latents([item.smiles for item in items], c), c)

    @torch.no_grad()
    def latents(self, smiles: Sequence[str], c: Tensor | None) -> Tensor:
        """``x`` of at least one molecule, whose conditions are given."""
        rows, z = self.training_latents
        if all(text in rows for text in smiles):
            z = z[[rows[text] for text in smiles]]
        else:
            texts = texts_of(smiles, self.alphabet.notation, self.settings.workers)
            z = self.encode_tokens(self._token_blocks(texts))
        return self.whitening.whiten(z, self._conditions(c, len(z)))

    def encode_tokens(self, blocks: Iterable[Tensor], dtype: torch.dtype = torch.float64) -> Tensor:
        """Latents of blocks of tokens, in double precision. Single precision is faster, where it
        does not matter how many are encoded together.
        """
        # A process that a loader forks can use no GPU, and no weights that were left on one.
        device = default_device() if get_worker_info() is None else CPU
        encoder = copy.deepcopy(self.encoder).to(device, dtype)
        return torch.cat([encoder(block.to(device)).cpu().double() for block in blocks])

    def _token_blocks(self, texts: Sequence[str]) -> Iterable[Tensor]:
        starts = range(0, len(texts), DECODE_BATCH_SIZE)
        return (self.alphabet.rows(texts[i : i + DECODE_BATCH_SIZE]) for i in starts)

    def prepare(self, batch: Batch) -> Batch:
        """With fresh noise, as the decoder saw latents in training."""
        batch = self._with_elites(batch)
        return Batch(self.noisy(batch.x), batch.c)

    def noisy(self, x: Tensor) -> Tensor:
        """Latents with fresh noise, as the decoder saw them in training."""
        return self.whitening.noisy(x, self.settings.smooth)

    def _with_elites(self, batch: Batch) -> Batch:
        return batch if self.elites is None else self.elites.mixed(batch, self.settings.pull)

    @torch.no_grad()
    def density_ratio_input(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """Latents of real molecules without noise; of generated ones the latents of the texts that
        are written from them first, valid or not. Two latents can differ in ways that no text
        shows.
        """
        if seeds is None:
            return self._with_elites(batch)
        given = None if batch.c is None else batch.c.cpu()
        x, c = _bounded(batch.x.cpu()), self._conditions(given, len(batch))
        texts = self._writer.write(
            self.whitening.latents(x, c), c, seeds, 0, self.settings.temperature, default_device()
        )
        z = self.encode_tokens(self._token_blocks(texts), torch.float32)
        return Batch(self.whitening.whiten(z, c).to(batch.x.device), batch.c)

    def _conditions(self, c: Tensor | None, n: int) -> Tensor:
        """``c``, or the empty conditions of ``n`` samples."""
        return torch.zeros(n, 0) if c is None else c.float()

    # --- Decoding --------------------------------------------------------------------------------

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Molecule]:
        """Molecules, each a function of its latent, its conditions and its seed. Those whose
        computed properties are not as requested are decoded again, and the nearest is taken.
        """
        found = [Molecule("", values, tries=0) for values in self._values(batch.c, len(batch))]
        found = self._retried(found, batch, seeds, range(1 if self.settings.raw else MAX_TRIES))
        constraints = [] if self.query is None else self.query.constraints(where or {})
        constraints = [each for each in constraints if each.name in PROPERTIES]
        if constraints and not self.settings.raw:
            attempts = range(MAX_TRIES, MAX_TRIES + MAX_CONSTRAINED_TRIES)
            found = self._retried(found, batch, seeds, attempts, constraints)
        return self._scored(found)

    @torch.no_grad()
    def _retried(
        self,
        items: Sequence[Molecule],
        batch: Batch,
        seeds: Sequence[int],
        attempts: range,
        constraints: Sequence[Constraint] = (),
    ) -> list[Molecule]:
        """Decodes samples again until they are acceptable, and keeps the best molecule of each."""
        known = self.known if self.settings.novel else None
        accepted = Requirements(self._scaffold, known, self._scales)
        x = _bounded(batch.x)
        c = self._conditions(batch.c, len(x))
        best, before = list(items), [m.tries or attempts.start for m in items]
        distance = np.array([accepted.distance(molecule, constraints) for molecule in items])
        for attempt in attempts:
            left = np.flatnonzero(distance > 0)
            if not len(left):
                break
            some = [seeds[i] for i in left.tolist()]
            moved = x[left]
            if attempt:
                noise = torch.from_numpy(normal(some, x.shape[1], attempt))
                moved = RETRY_CORRELATION * moved + math.sqrt(1 - RETRY_CORRELATION**2) * noise
            z = self.whitening.latents(moved, c[left])
            texts = self._writer.write(z, c[left], some, attempt, self.settings.temperature)
            for i, text in zip(left.tolist(), texts, strict=True):
                smiles = understood(text, self.alphabet.notation, self.settings)
                if smiles is not None:
                    tries = before[i] + attempt - attempts.start + 1
                    molecule = replace(items[i], smiles=smiles, tries=tries)
                    if (far := accepted.distance(molecule, constraints)) < distance[i]:
                        best[i], distance[i] = molecule, far
                if not best[i].smiles:
                    best[i] = replace(best[i], smiles=text)
        return best

    def _scored(self, items: list[Molecule]) -> list[Molecule]:
        """With scores by the objective, if it is an expression: no code that a run names is run."""
        objective = None if self.elites is None else objective_of(self.settings)
        if not isinstance(objective, Expression):
            return items
        valid = [m.smiles for m in items if m.valid]
        scores = dict(zip(valid, ByExpression(objective, workers=1).score(valid), strict=True))
        numbers = {smiles: s for smiles, s in scores.items() if isinstance(s, float)}
        return [replace(m, score=numbers.get(m.smiles) if m.valid else None) for m in items]

    def _values(self, c: Tensor | None, n: int) -> list[dict[str, str | float]]:
        """Each sample's conditions on the data's own columns, which cannot be computed."""
        condition = self.layout.condition
        if c is None or condition is None:
            return [{} for _ in range(n)]
        named = [condition.decode(row) for row in c.tolist()]
        return [{k: v for k, v in row.items() if k not in PROPERTIES} for row in named]

    def decoding_graph(self) -> DecodingGraph:
        most, temperature = longest_text(self.longest), self.settings.temperature
        module = WritingGraph(
            self.decoder, self.alphabet, self.whitening, temperature, MAX_COORDINATE
        )
        left_out = [f"writing again, up to {MAX_TRIES} times, what is invalid or not as required"]
        left_out += ["the scaffold"] if self._scaffold is not None else []
        return DecodingGraph(
            module,
            {"tokens": f"(N, {most}) int64: indices into decoding.tokens, up to the first <end>"},
            {
                "u": Draws(
                    f"(N, {most}) float64 in [0, 1): column k decides token k; of a seed: "
                    "gankit.seeds.uniform(seeds, 1000 + k)",
                    lambda seeds: torch.from_numpy(numbers_of(seeds, 0, most)),
                )
            },
            decoding={"tokens": [*self.alphabet.tokens], "notation": self.alphabet.name},
            left_out=left_out,
        )

    # --- Conditions and state --------------------------------------------------------------------

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        """Rows of ``c``: the requested properties, and the others as they occur with them."""
        return None if self.query is None else self.query.sample(where, seeds)

    def condition_inputs(self) -> list[ConditionInput]:
        return [] if self.query is None else self.query.inputs()

    def describe(self) -> Sequence[Mapping[str, str]]:
        """A row per condition, the pretraining if there was one, and the results of a search."""
        fields = self.layout.condition.fields if self.layout.condition else ()
        lines = [
            {
                "property": f.name,
                "mean": f"{f.mean:.3g}",
                "std": f"{f.scale:.3g}",
                "missing": f"{self.missing.get(f.name, 0):,}",
            }
            for f in fields
            if isinstance(f, Continuous)
        ]
        if self.pretrained:
            what = f"autoencoder pretrained on {self.pretrained.partition(';')[0]}"
            lines.append({"property": what, "mean": "", "std": "", "missing": ""})
        return [*lines, *(self.elites.describe() if self.elites is not None else ())]

    def health(
        self, items: Sequence[Molecule], heldout: bool, rng: np.random.Generator
    ) -> list[Health]:
        """See :func:`~gankit_molecule.codec.health.health_of`."""
        it = Autoencoder(
            *(self.decoder, self.alphabet, self.whitening, self.longest, self.settings)
        )
        return health_of(it, smiles_of(items), self.encode(items, rng), heldout, rng)

    def conform(self, items: Sequence[Molecule], strict: bool) -> Conformed[Molecule]:
        """Columns that are conditions have to be there, by name."""
        return conformed(items, self.layout.condition, strict)

    def state(self) -> CodecState:
        condition = self.layout.condition
        tensors = {f"encoder/{k}": _single(v) for k, v in self.encoder.state_dict().items()}
        tensors |= {f"decoder/{k}": v for k, v in self.decoder.state_dict().items()}
        tensors |= self.whitening.state()
        if self.query is not None:
            tensors["rows"] = self.query.rows
        if self.known is not None:
            tensors["known"] = self.known
        further: dict[str, object] = {}
        if self.elites is not None:
            further, more = self.elites.state()
            tensors |= more
        return CodecState(
            {
                "tokens": list(self.alphabet.tokens[len(SPECIAL) :]),
                "notation": self.alphabet.name,
                "longest": self.longest,
                "conditions": [asdict(f) for f in condition.fields] if condition else [],
                "properties": self.key,
                "loss": self.loss,
                "missing": self.missing,
                **({"pretrained": self.pretrained} if self.pretrained else {}),
                **further,
            },
            {k: v.contiguous() for k, v in tensors.items()},
        )

    @classmethod
    def load(cls, state: CodecState, settings: MoleculeSettings) -> MoleculeCodec:
        """The codec that :meth:`state` described."""
        config, tensors = state.config, state.tensors
        fields = tuple(Continuous(**f) for f in config["conditions"])
        condition = Condition(fields) if fields else None
        alphabet = Alphabet(config["tokens"], config["notation"])
        codec = cls(alphabet, config["longest"], condition, settings)
        for name, module in (("encoder", codec.encoder), ("decoder", codec.decoder)):
            weights = {
                k.removeprefix(f"{name}/"): v
                for k, v in tensors.items()
                if k.startswith(f"{name}/")
            }
            module.load_state_dict(weights)
        codec.whitening, codec.known = Whitening.load(tensors), tensors.get("known")
        if settings.novel and settings.raw:
            raise GankitError(
                "novel=true: not with raw=true, which keeps the first decoding",
                "Leave one of them out",
            )
        if settings.novel and codec.known is None:
            raise GankitError(
                "novel=true: the run was trained before its molecules' hashes were kept",
                "Leave novel out, or train again",
            )
        if condition is not None:
            codec.query = PropertyQuery(condition, tensors["rows"])
        codec.key, codec.loss = config["properties"], config["loss"]
        codec.missing, codec.pretrained = dict(config["missing"]), config.get("pretrained", "")
        if (elites := Elites.load(config, tensors)) is not None:
            codec.set_elites(elites)
        names, cache = codec.measured.names, cache_of(settings)
        codec.measured = Measured.stored(names, codec.key, cache) or codec.measured
        return codec


def _bounded(x: Tensor) -> Tensor:
    return x.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)


def _single(x: Tensor) -> Tensor:
    return x.float() if x.is_floating_point() else x
