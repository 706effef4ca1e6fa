"""Molecules as latents of a heteroencoder, whitened, and back."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from gankit.contract import Batch, Codec, CodecState, Condition, Continuous, Layout, Progress
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.seeds import normal, uniform
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.conditions import Measured, condition_of, standardised, values_of
from gankit_molecule.codec.grammar import Automaton, Forced, Grammar, Rules
from gankit_molecule.codec.notations import NOTATIONS, understood
from gankit_molecule.codec.property_query import Asking, Wish, kept
from gankit_molecule.codec.ragged import Ragged
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.codec.tokens import SPECIAL, Alphabet
from gankit_molecule.codec.training import epochs_of, here, learn, learned, texts_of
from gankit_molecule.data.hashes import hashes_of, looked_up
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.data.properties import PROPERTIES, properties_of
from gankit_molecule.optimize.elites import Optimised
from gankit_molecule.optimize.objective import Expression, check_objective
from gankit_molecule.optimize.scorers import ByExpression
from gankit_molecule.optimize.search import Search
from gankit_molecule.settings import MoleculeSettings, check_ranges
from gankit_molecule.store import key_of, open_store

CPU = torch.device("cpu")
BLOCK = 512
"""Molecules that are written together."""
TRIES = 50
"""Times that a latent is decoded until there is a molecule that will do."""
MORE = 20
"""Times that it is decoded again, at the most, until that has the properties that are asked."""
WAY = 2**30
"""Streams from here on choose how a core is written, one for each time."""
RIDGE = 1e-4
"""Of the conditions' variance, which is 1."""
FAINTEST = 0.05
"""Noise that whitening reckons with at the least, so that it blows nothing up."""
KEPT = 0.9
"""Correlation of a latent with the one that is tried next."""
MOST_LATENTS = 2_000_000
"""Molecules from which the latents' covariance is taken, and whose latents are kept for the game:
64 numbers of 8 bytes each."""
FURTHER = 1.3
"""How much longer than the longest one read a molecule's text may be."""
LEARNT_AS = 4
"""Counts changes to how the autoencoder is trained, after which a kept one is not taken."""
WIDEST = 1e3
"""Coordinates of diverged networks are cut off here."""


class MoleculeCodec(Codec[Molecule]):
    """Layout ``(latent,)``: what a heteroencoder's latent has beyond what the conditions say of
    it, with the noise that the decoder learnt to read through, whitened together. So the Gaussian
    that fits the latents is N(0, I), and what noise hides from the decoder weighs nothing.

    A molecule is written token after token, each drawn by the decoder, along the core where the
    settings name a scaffold. What is no molecule, lacks the core or is known where only new ones
    are wanted is written again, with other draws and partly other noise, unless ``raw`` is set;
    and so is what has not the properties that are asked.
    """

    decode_batch_size = BLOCK
    tolerance = 2.0
    """One latent stands for many molecules that are alike, of which one is drawn."""
    is_learned = True

    def __init__(
        self,
        alphabet: Alphabet,
        longest: int,
        condition: Condition | None,
        settings: MoleculeSettings,
    ) -> None:
        _check(settings)
        told = condition.width if condition else 0
        self.alphabet, self.longest, self.settings = alphabet, longest, settings
        self.layout = Layout((settings.latent,), condition)
        # In double precision, so that rounding hides how many are encoded together.
        self.encoder = Encoder(len(alphabet), settings.latent, settings.width // 2).double().eval()
        self.decoder = Decoder(len(alphabet), settings.latent, told, settings.width).eval()
        self._effects = alphabet.grammar()
        self._scaffold = Scaffold(settings) if settings.scaffold else None
        self._automaton = (
            None if self._scaffold is None else Automaton(alphabet, self._scaffold.ways(alphabet))
        )
        self.mean = torch.zeros(settings.latent)
        self.slope = torch.zeros(told, settings.latent)
        """What the conditions say of a latent: ``c @ slope``."""
        self.factor = torch.eye(settings.latent)
        """Lower triangle L of the covariance ``L Lᵀ`` of the rest and the noise."""
        self.asking = None if condition is None else Asking(condition, torch.zeros(1, told))
        names = [f.name for f in condition.fields] if condition else []
        quantities = [f for f in condition.fields if isinstance(f, Continuous)] if condition else []
        self._scales = {f.name: f.scale for f in quantities}
        self.measured, self.key = Measured([n for n in names if n in PROPERTIES]), ""
        self.loss, self.missing = math.nan, dict[str, int]()
        self.known: Tensor | None = None
        """Sorted hashes of the training molecules, int64; runs of earlier versions have none."""
        self._decoded: tuple[Sequence[int], Batch] | None = None
        """What was decoded last, and the seeds for which: what is asked is said only afterwards, to
        :meth:`settle`, which then has neither latents nor conditions to decode again."""
        self._read: tuple[dict[str, int], Tensor] = {}, torch.zeros(0, settings.latent)
        """Training molecules' latents before whitening, while the codec lives that was fitted."""
        self.optimised: Optimised | None = None

    @classmethod
    def fit(
        cls, items: Sequence[Molecule], settings: MoleculeSettings, progress: Progress
    ) -> MoleculeCodec:
        """Trains the heteroencoder, or takes what an earlier run with the same data and settings
        trained, from the cache.
        """
        _check(settings)
        objective = check_objective(settings)
        smiles, names = smiles_of(items), list(dict.fromkeys(settings.conditions))
        search = None
        if objective is not None:
            search = Search(objective, settings, smiles, open_store(settings.cache))
            search.begin(progress)
        measured, key = Measured.of(
            smiles,
            [name for name in names if name in PROPERTIES],
            settings.workers,
            open_store(settings.cache),
            progress,
        )
        values = values_of(items, names, measured)
        condition = condition_of(items, values, names)
        c = torch.from_numpy(standardised(values, condition))
        notation = NOTATIONS[settings.notation]()
        texts = texts_of(smiles, notation, settings.workers, progress)
        alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary, texts)
        written = Ragged(map(alphabet.encode, texts))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # what is kept for later runs depends on no run's seed
            codec = cls(alphabet, int(written.lengths.max()), condition, settings)
            codec.loss = codec._learn(smiles, written, c, progress)
        codec.measured, codec.key = measured, key
        codec.known = torch.from_numpy(np.unique(hashes_of(smiles)))
        codec._whiten(smiles, written, c, progress)
        if condition is not None:
            codec.asking = Asking(condition, kept(c))
        codec.missing = {
            name: int(n) for name, n in zip(names, np.isnan(values).sum(0), strict=True) if n
        }
        if search is not None:
            found = search.run(codec, take(items, search.rows), progress)
            codec._aim(Optimised(found))
        return codec

    def relearn(
        self, smiles: Sequence[str], c: Tensor | None, epochs: float, progress: Progress
    ) -> None:
        """Trains the heteroencoder on, with these molecules alone, and whitens their latents."""
        texts = texts_of(smiles, self.alphabet.notation, self.settings.workers, progress)
        written = Ragged(map(self.alphabet.encode, texts))
        told, settings = self._told(c, len(smiles)), self.settings
        with torch.random.fork_rng(devices=[]):
            self.settings = replace(settings, epochs=epochs)
            self.loss = self._learn(smiles, written, told, progress)
            self.settings = settings
        self._whiten(smiles, written, told, progress)

    def _aim(self, optimised: Optimised) -> None:
        """From now on training sees the best molecules, and they are what is asked for."""
        self.optimised = optimised
        self.layout = optimised.layout(self.layout)
        if self.layout.condition is not None and optimised.c is not None:
            self.asking = Asking(self.layout.condition, kept(optimised.c))

    def _learn(
        self, smiles: Sequence[str], written: Ragged, c: Tensor, progress: Progress
    ) -> float:
        """Trains the heteroencoder, or takes its weights from the cache; the loss."""
        store, key = open_store(self.settings.cache), self._key(smiles, written, c)
        both = torch.nn.ModuleList([self.encoder.float(), self.decoder])
        known = smiles, written, c, self.alphabet, self.settings
        loss = learned(
            both,
            store.path("autoencoders", f"{key}.safetensors"),
            store,
            lambda: learn(self.encoder, self.decoder, *known, progress, store, key),
        )
        self.encoder.double()
        return loss

    def _key(self, smiles: Sequence[str], written: Ragged, c: Tensor) -> str:
        """A hash of all that decides what is learnt."""
        s = self.settings
        epochs = epochs_of(s.epochs, written)
        decides = [LEARNT_AS, s.notation, s.latent, s.width, s.smooth, round(epochs, 6)]
        return key_of([*decides, self.alphabet.tokens], smiles, c.numpy().tobytes())

    @torch.no_grad()
    def _whiten(
        self, smiles: Sequence[str], written: Ragged, c: Tensor, progress: Progress
    ) -> None:
        used = np.linspace(0, len(written) - 1, min(len(written), MOST_LATENTS)).astype(np.int64)

        def blocks() -> Iterator[Tensor]:
            for i in range(0, len(used), BLOCK):
                progress("reading molecules", i, len(used))
                yield written.take(used[i : i + BLOCK])
            progress("reading molecules", len(used), len(used))

        latents, told = self._encoded(blocks()), c[torch.from_numpy(used)].double()
        self._read = {smiles[row]: i for i, row in enumerate(used.tolist())}, latents
        self.mean = latents.mean(0).float()
        centred = latents - latents.mean(0)
        gram = told.T @ told + RIDGE * len(told) * torch.eye(told.shape[1], dtype=torch.float64)
        slope = torch.linalg.solve(gram, told.T @ centred)
        rest = centred - told @ slope
        noise = max(self.settings.smooth, FAINTEST) ** 2 * torch.eye(rest.shape[1]).double()
        covariance = rest.T @ rest / len(rest) + noise
        self.slope = slope.float().contiguous()
        self.factor = torch.linalg.cholesky(covariance).float().contiguous()

    def _encoded(self, blocks: Iterable[Tensor], dtype: torch.dtype = torch.float64) -> Tensor:
        """Latents of blocks of tokens, one after another, in double precision; single is quicker,
        where it does not matter how many are encoded together.
        """
        # A process that a loader forks can use no GPU, and no weights that were left on one.
        device = here() if get_worker_info() is None else torch.device("cpu")
        encoder = copy.deepcopy(self.encoder).to(device, dtype)
        return torch.cat([encoder(block.to(device)).cpu().double() for block in blocks])

    def _told(self, c: Tensor | None, n: int) -> Tensor:
        return torch.zeros(n, 0) if c is None else c.float()

    # --- To tensors and back ---------------------------------------------------------------------

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
        """``x`` of molecules, at least one, whose conditions are known."""
        known, read = self._read
        if all(text in known for text in smiles):
            return self._whitened(read[[known[text] for text in smiles]], c)
        written = texts_of(smiles, self.alphabet.notation, self.settings.workers)
        blocks = (written[i : i + BLOCK] for i in range(0, len(written), BLOCK))
        return self._whitened(self._encoded(map(self.alphabet.rows, blocks)), c)

    def _whitened(self, z: Tensor, c: Tensor | None) -> Tensor:
        n = len(z)
        rest = z - self.mean - self._told(c, n).double() @ self.slope.double()
        x: Tensor = torch.linalg.solve_triangular(self.factor.double(), rest.T, upper=False).T
        return x.float().contiguous()

    def prepare(self, batch: Batch) -> Batch:
        """With new noise each time, as the decoder saw latents in training."""
        batch = self._aimed(batch)
        return Batch(self.noisy(batch.x), batch.c)

    def _aimed(self, batch: Batch) -> Batch:
        """With the best molecules found in place of these, where there is an objective."""
        if self.optimised is None:
            return batch
        return self.optimised.instead_of(batch, self.settings.pull)

    def noisy(self, x: Tensor) -> Tensor:
        """Latents as the decoder saw them in training, with new noise."""
        noise = self.settings.smooth * torch.randn_like(x)
        factor = self.factor.to(x.device)
        moved: Tensor = x + torch.linalg.solve_triangular(factor, noise.T, upper=False).T
        return moved

    @torch.no_grad()
    def density_ratio_input(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """Latents of real molecules without noise; of generated ones those of the texts that are
        written from them first, valid or not. Two latents can differ in what no text shows.
        """
        if seeds is None:
            return self._aimed(batch)
        told = None if batch.c is None else batch.c.cpu()
        x, c = _bounded(batch.x.cpu()), self._told(told, len(batch))
        texts = self._write(self._latent(x, c), c, seeds, 0, here())
        rows = (self.alphabet.rows(texts[i : i + BLOCK]) for i in range(0, len(texts), BLOCK))
        z = self._encoded(rows, torch.float32)
        return Batch(self._whitened(z, told).to(batch.x.device), batch.c)

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Molecule]:
        """Molecules, each a function of its latent, its conditions and its seed."""
        self._decoded = (tuple(seeds), batch)
        none = [Molecule("", values, tries=0) for values in self._values(batch.c, len(batch))]
        found = self._sought(none, batch, seeds, range(1 if self.settings.raw else TRIES))
        return self._scored(found)

    def settle(
        self, items: list[Molecule], where: Mapping[str, object], seeds: Sequence[int]
    ) -> list[Molecule]:
        """Molecules just decoded, and others for those whose computed properties are not as asked;
        of several that are not, the one that comes nearest.
        """
        wishes = [] if self.asking is None else self.asking.wishes(where)
        wishes = [wish for wish in wishes if wish.name in PROPERTIES]
        decoded = self._decoded
        if not wishes or self.settings.raw or decoded is None or decoded[0] != tuple(seeds):
            return items
        found = self._sought(items, decoded[1], seeds, range(TRIES, TRIES + MORE), wishes)
        return self._scored(found)

    @torch.no_grad()
    def _sought(
        self,
        items: Sequence[Molecule],
        batch: Batch,
        seeds: Sequence[int],
        attempts: range,
        wishes: Sequence[Wish] = (),
    ) -> list[Molecule]:
        """The items, each decoded again until one will do, or else the one that came nearest."""
        x = _bounded(batch.x)
        c = self._told(batch.c, len(x))
        best, before = list(items), [m.tries or attempts.start for m in items]
        off = np.array([self._off(molecule, wishes) for molecule in items])
        for attempt in attempts:
            left = np.flatnonzero(off > 0)
            if not len(left):
                break
            of = [seeds[i] for i in left.tolist()]
            tried = x[left]
            if attempt:
                noise = torch.from_numpy(normal(of, x.shape[1], attempt))
                tried = KEPT * tried + math.sqrt(1 - KEPT**2) * noise
            written = self._write(self._latent(tried, c[left]), c[left], of, attempt)
            for i, text in zip(left.tolist(), written, strict=True):
                smiles = understood(text, self.alphabet.notation, self.settings)
                if smiles is not None:
                    tries = before[i] + attempt - attempts.start + 1
                    molecule = replace(items[i], smiles=smiles, tries=tries)
                    if (far := self._off(molecule, wishes)) < off[i]:
                        best[i], off[i] = molecule, far
                if not best[i].smiles:
                    best[i] = replace(best[i], smiles=text)
        return best

    def _off(self, molecule: Molecule, wishes: Sequence[Wish]) -> float:
        """How far a molecule is from one that will do: 0 where it is one; infinite where there is
        none, it lacks the core, or it is known and only new ones are wanted; otherwise how far its
        properties are from those asked, in deviations.
        """
        if not molecule.valid:
            return math.inf
        if self._scaffold is not None and not self._scaffold.held_by(molecule.smiles):
            return math.inf
        if self.settings.novel and self._knows(molecule.smiles):
            return math.inf
        if not wishes:
            return 0.0
        values = properties_of(molecule.smiles, [wish.name for wish in wishes])
        return max(
            wish.miss(value, self._scales[wish.name])
            for wish, value in zip(wishes, values, strict=True)
        )

    def _knows(self, smiles: str) -> bool:
        assert self.known is not None  # or the settings would have been refused
        return bool(looked_up(hashes_of([smiles]), self.known.numpy())[1][0])

    def _scored(self, items: list[Molecule]) -> list[Molecule]:
        """With their scores, where an expression gives them: no code that a run names is run."""
        objective = None if self.optimised is None else check_objective(self.settings)
        if not isinstance(objective, Expression):
            return items
        valid = [m.smiles for m in items if m.valid]
        scores = dict(zip(valid, ByExpression(objective, workers=1).score(valid), strict=True))
        numbers = {smiles: s for smiles, s in scores.items() if isinstance(s, float)}
        return [replace(m, score=numbers.get(m.smiles) if m.valid else None) for m in items]

    def _latent(self, x: Tensor, c: Tensor) -> Tensor:
        return x @ self.factor.T + self.mean + c @ self.slope

    def _values(self, c: Tensor | None, n: int) -> list[dict[str, str | float]]:
        """What each was asked to have in the data's own columns, which no one can measure."""
        condition = self.layout.condition
        if c is None or condition is None:
            return [{} for _ in range(n)]
        named = [condition.decode(row) for row in c.tolist()]
        return [{k: v for k, v in row.items() if k not in PROPERTIES} for row in named]

    def _write(
        self,
        z: Tensor,
        c: Tensor,
        seeds: Sequence[int],
        attempt: int,
        device: torch.device = CPU,
    ) -> list[str]:
        """One text a latent. Rounding can decide a token, so what is kept is written on the CPU."""
        device = CPU if self._automaton is not None else device
        decoder = self.decoder if device == CPU else copy.deepcopy(self.decoder).to(device)
        most = int(self.longest * FURTHER) + 1
        if self._automaton is not None:
            most += max(len(way.parts) for way in self._automaton.ways)
        texts: list[str] = []
        for i in range(0, len(z), BLOCK):
            some = seeds[i : i + BLOCK]
            u = np.stack([uniform(some, 1000 * (attempt + 1) + k) for k in range(most)], 1)
            tokens = decoder.write(
                z[i : i + BLOCK].to(device),
                c[i : i + BLOCK].to(device),
                torch.from_numpy(u).to(device),
                self.settings.temperature,
                self._rules(some, attempt, device),
            )
            texts += [self.alphabet.decode(row) for row in tokens.tolist()]
        return texts

    def _rules(self, seeds: Sequence[int], attempt: int, device: torch.device) -> Rules:
        """What may be written for these seeds."""
        if self._automaton is None:
            return Grammar(self._effects, len(seeds), device)
        chosen = (uniform(seeds, WAY + attempt) * len(self._automaton.ways)).astype(np.int64)
        return Forced(self._automaton, chosen.tolist())

    # --- What is asked, and what is kept ---------------------------------------------------------

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        """Rows of ``c``: the asked properties, and others as training molecules have with them."""
        return None if self.asking is None else self.asking.draw(where, seeds)

    def describe(self) -> Sequence[Mapping[str, str]]:
        """A line for each property that can be asked for, and of what a search found."""
        fields = self.layout.condition.fields if self.layout.condition else ()
        lines = [
            {
                "property": f.name,
                "mean": f"{f.mean:.3g}",
                "deviation": f"{f.scale:.3g}",
                "missing": f"{self.missing.get(f.name, 0):,}",
            }
            for f in fields
            if isinstance(f, Continuous)
        ]
        return [*lines, *(self.optimised.describe() if self.optimised is not None else ())]

    def state(self) -> CodecState:
        condition = self.layout.condition
        tensors = {f"encoder/{k}": _single(v) for k, v in self.encoder.state_dict().items()}
        tensors |= {f"decoder/{k}": v for k, v in self.decoder.state_dict().items()}
        tensors |= {"mean": self.mean, "slope": self.slope, "factor": self.factor}
        if self.asking is not None:
            tensors["rows"] = self.asking.rows
        if self.known is not None:
            tensors["known"] = self.known
        further: dict[str, object] = {}
        if self.optimised is not None:
            further, more = self.optimised.state()
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
        codec.mean, codec.slope = tensors["mean"], tensors["slope"]
        codec.factor, codec.known = tensors["factor"], tensors.get("known")
        if settings.novel and settings.raw:
            raise GankitError(
                "novel=true: not with raw=true, which keeps what is written first",
                "Leave one of them out",
            )
        if settings.novel and codec.known is None:
            raise GankitError(
                "novel=true: the run was trained before its molecules' hashes were kept",
                "Leave novel out, or train again",
            )
        if condition is not None:
            codec.asking = Asking(condition, tensors["rows"])
        codec.key, codec.loss = config["properties"], config["loss"]
        codec.missing = dict(config["missing"])
        if (optimised := Optimised.load(config, tensors)) is not None:
            codec._aim(optimised)
        names, store = codec.measured.names, open_store(settings.cache)
        codec.measured = Measured.stored(names, codec.key, store) or codec.measured
        return codec


def _bounded(x: Tensor) -> Tensor:
    return x.nan_to_num(0.0).clamp(-WIDEST, WIDEST)


def _single(x: Tensor) -> Tensor:
    return x.float() if x.is_floating_point() else x


def _check(settings: MoleculeSettings) -> None:
    if settings.scaffold:
        Scaffold(settings)
    check_ranges(
        ("vocabulary", settings.vocabulary, 0, 10_000),
        ("latent", settings.latent, 2, 1024),
        ("width", settings.width, 8, 4096),
        ("units", settings.units, 8, 4096),
        ("smooth", settings.smooth, 0, 10),
        ("epochs", settings.epochs, 0, 10_000),
        ("temperature", settings.temperature, 0, 10),
    )
