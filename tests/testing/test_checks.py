"""The conformance kit: a correct modality passes, each planted fault is found."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from vectors import MLP, VectorCodec, VectorModality

from gankit.contract import (
    Batch,
    CodecState,
    ConditionInput,
    Dataset,
    EvaluationData,
    Evaluator,
    Extractor,
    Fitting,
    Health,
    Issue,
    Layout,
    Networks,
    PluginInfo,
    Progress,
    Rendering,
    Sample,
    WatermarkSearch,
)
from gankit.errors import GankitError, PluginError
from gankit.plugins.records import LoadedModality
from gankit.testing import CHECKS, Check, CheckFailed, ModalityTests, Subject, run_check, run_checks

BY_NAME = {check.name: check for check in CHECKS}
Number = tuple[float, int]


# --- A correct modality -------------------------------------------------------------------------


class Identity(Extractor[Number]):
    name, fingerprint = "identity", "1"

    def features(self, items: Sequence[Number]) -> np.ndarray[Any, Any]:
        return np.array(items, dtype=np.float64)


class Mean(Evaluator[Number]):
    name = "mean"

    def evaluate(self, data: EvaluationData[Number], rng: Any) -> dict[str, float]:
        return {"mean": float(np.mean([sample.item[0] for sample in data.generated]))}


@dataclasses.dataclass(frozen=True)
class NumberSettings:
    steep: float = 1.0
    """How steep."""


def noisy(x: Tensor, p: Tensor) -> Tensor:
    return x + p * 0.1 * torch.randn_like(x)


class Numbers(VectorModality):
    """``VectorModality`` with what the engine's tests do without."""

    Settings: type = NumberSettings
    codec: type[VectorCodec] = VectorCodec
    extractors: tuple[type[Extractor[Number]], ...] = (Identity,)
    conversions: Sequence[str] = ("numpy",)

    def read(self, source: Any, settings: Any, progress: Progress) -> Dataset[Any]:
        if source is None:
            return super().read(None, settings, progress)
        items, issues = [], []
        try:
            lines = (Path(source) / "numbers.jsonl").read_bytes().splitlines()
        except OSError as error:
            raise GankitError(f"cannot read {source}: {error.strerror}", "Check it") from None
        for i, line in enumerate(lines, start=1):
            try:
                items.append(tuple(json.loads(line)[:2]))
            except ValueError as error:
                issues.append(Issue(f"numbers.jsonl, line {i}", str(error)))
        return Dataset(items, "of a file", issues=issues)

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> VectorCodec:
        return self.codec()

    def load_codec(self, state: CodecState, settings: Any) -> VectorCodec:
        return self.codec()

    def build_networks(self, codec: Any, settings: Any) -> Networks:
        G = MLP(4, 2)

        def nll(x: Tensor, c: Tensor | None) -> Tensor:
            """Of a Gaussian around the generator's output for z = 0."""
            return 0.5 * (x - G(x.new_zeros(len(x), 4), c)).square().sum(1)

        return Networks(G, MLP(2, 1), latent_dim=4, augment_input=noisy, likelihood=nll)

    def convert(self, items: Sequence[Number], to: str, codec: Any) -> Any:
        return np.array(items)

    def watermark(self, item: Number, key: bytes) -> Number:
        return item[0] + 1e-9 * key[0], item[1]

    def find_watermark(self, content: bytes, key: bytes) -> WatermarkSearch | None:
        return None

    def evaluators(self, codec: Any, settings: Any) -> Sequence[Any]:
        return *(extractor() for extractor in self.extractors), Mean()

    def write(
        self, samples: Iterable[Sample[Any]], target: Path, codec: Any, provenance: Any, format: str
    ) -> None:
        rows = ([*s.item, s.seed, {"generated": True}] for s in samples)
        (target / "numbers.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="session", autouse=True)
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packages of plugins: one that imports little, and one that imports torch."""
    folder = tmp_path_factory.mktemp("hooks")
    for package, line, recipe in (("light", "import json", ""), ("heavy", "import torch", "x = 1")):
        (folder / package / "recipes").mkdir(parents=True)
        (folder / package / "__init__.py").write_text(line)
        (folder / package / "modality.py").write_text("from vectors import MLP, VectorModality")
        (folder / package / "recipes" / "__init__.py").touch()
        (folder / package / "recipes" / "default.toml").write_text(
            f"{recipe}\n[recipe]\nsummary = 'numbers'\n"
        )
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


INFO = PluginInfo(
    "numbers",
    "numbers in, numbers out",
    "light.modality:VectorModality",
    api=2,
    suffixes=(".jsonl",),
    recipes="light.recipes",
)


def loaded(modality: type[Numbers] = Numbers, **changes: Any) -> LoadedModality:
    return LoadedModality(dataclasses.replace(INFO, **changes), modality(), "gankit", "0")


@pytest.fixture(scope="module")
def correct() -> Subject:
    return Subject.of(loaded())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_correct_modality_passes(check: Check, correct: Subject) -> None:
    result = run_check(correct, check)
    # Its codec is not trained; the one of `Learning` is.
    trained = check.name in ("budget", "codec-health")
    assert result.status == ("skipped" if trained else "passed"), result.message


class LearnedCodec(VectorCodec):
    """Its scale is learned in small steps."""

    is_learned = True

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def prepare(self, batch: Batch) -> Batch:
        return super().prepare(Batch(batch.x / self.scale, batch.c))

    def decode(self, batch: Batch, seeds: Sequence[int], where: Any = None) -> list[Number]:
        return super().decode(Batch(batch.x * self.scale, batch.c), seeds)

    def health(self, items: Sequence[Number], heldout: bool, rng: Any) -> list[Health]:
        return [Health("scale", self.scale, f"numbers are divided by {self.scale:.2f}")]

    def state(self) -> CodecState:
        return CodecState({"scale": self.scale})


class Learning(Numbers):
    """A modality with a trained codec, which ends with its time and when it is stopped."""

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> LearnedCodec:
        aim, scale = max(abs(x) for x, _ in items), 1.0
        for _ in range(100):
            if fitting.time_left() <= 0 or fitting.stopped():
                break
            scale += (aim - scale) / 10
        return LearnedCodec(scale)

    def load_codec(self, state: CodecState, settings: Any) -> LearnedCodec:
        return LearnedCodec(**state.config)


@pytest.fixture(scope="module")
def learning() -> Subject:
    return Subject.of(loaded(Learning))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_correct_modality_with_a_trained_codec_passes(check: Check, learning: Subject) -> None:
    """Distances are meaningless there: noise decodes to plausible items."""
    result = run_check(learning, check)
    assert result.status == ("skipped" if check.name == "distances" else "passed"), result.message


# --- Planted faults, and the messages of the checks that find them ------------------------------

Plant = Callable[[], LoadedModality]


def info(**changes: Any) -> Plant:
    return lambda: loaded(**changes)


def modality(**changes: Any) -> Plant:
    return lambda: loaded(type("Faulty", (Numbers,), changes))


def codec(**changes: Any) -> Plant:
    return modality(codec=type("FaultyCodec", (VectorCodec,), changes))


def healthy(*signs: Health) -> Plant:
    """A codec that reports these signs."""
    return codec(health=lambda self, *_: [*signs])


def spoiling(self: Any, *_: Any) -> list[Health]:
    """A report that changes the codec."""
    self.encode = lambda items, rng: Batch(torch.zeros(len(items), 2))
    return [Health("a", 1.0, "b")]


def generator(make: Callable[[], nn.Module]) -> Plant:
    return modality(build_networks=lambda self, *_: Networks(make(), MLP(2, 1), 4))


def discriminator(make: Callable[[], nn.Module]) -> Plant:
    return modality(build_networks=lambda self, *_: Networks(MLP(4, 2), make(), 4))


def augmentation(function: Callable[[Tensor, Tensor], Tensor]) -> Plant:
    return modality(
        build_networks=lambda self, *_: Networks(MLP(4, 2), MLP(2, 1), 4, augment_input=function)
    )


def likelihood(function: Callable[[Tensor, Tensor | None], Tensor]) -> Plant:
    return modality(
        build_networks=lambda self, *_: Networks(MLP(4, 2), MLP(2, 1), 4, likelihood=function)
    )


def rendering(method: str, *content: Any) -> Plant:
    """A modality whose ``render`` or ``preview`` gives something wrong."""
    given = content[0] if len(content) == 1 else Rendering(*content)
    return modality(**{method: lambda self, *_: given})


def extractor(function: Callable[[np.ndarray[Any, Any]], Any]) -> Plant:
    features = lambda self, items: function(np.array(items, dtype=np.float64))  # noqa: E731
    return modality(extractors=(type("Faulty", (Identity,), {"features": features}),))


class Changed(nn.Module):
    """A network with something done to its input, condition or output."""

    def __init__(
        self,
        net: nn.Module,
        x: Callable[[Tensor], Tensor] = lambda x: x,
        c: Callable[[Tensor], Tensor] = lambda c: c,
        y: Callable[[Tensor], Tensor] = lambda y: y,
    ) -> None:
        super().__init__()
        self.net, self.x, self.c, self.y = net, x, c, y

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.y(self.net(self.x(x), self.c(c)))


class Once(torch.autograd.Function):
    """The square, with a backward that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return 2 * ctx.saved_tensors[0] * gradient


def with_idle_parameter() -> nn.Module:
    net = MLP(4, 2)
    net.register_parameter("idle", nn.Parameter(torch.ones(1)))
    return net


def shared_networks(self: Any, codec: Any, settings: Any) -> Networks:
    G, D = MLP(4, 2), MLP(2, 1)
    D.register_parameter("shared", G.net[0].weight)  # type: ignore[arg-type]
    return Networks(G, D, 4)


@dataclasses.dataclass
class Loose:
    steep: float = 1.0
    """How steep."""


@dataclasses.dataclass(frozen=True)
class Silent:
    steep: float = 1.0


count = itertools.count()


def restless(self: Any, source: object, settings: Any, progress: Progress) -> Dataset[Any]:
    return Dataset([(1.0, 0)], str(next(count)))


def unsorted(self: Any, source: object, settings: Any, progress: Progress) -> Dataset[Any]:
    return Dataset([(float(next(count)), 0)] * 20, "fixed")


def hushed(self: Any, source: Any, settings: Any, progress: Progress) -> Dataset[Any]:
    return dataclasses.replace(Numbers.read(self, source, settings, progress), issues=())


def careless(self: Any, source: Any, settings: Any, progress: Progress) -> Dataset[Any]:
    if source is None:
        return Numbers.read(self, source, settings, progress)
    lines = (Path(source) / "numbers.jsonl").read_text(errors="replace").splitlines()
    return Dataset([*map(json.loads, lines)], "fixed")


def unguarded(self: Any, source: Any, settings: Any, progress: Progress) -> Dataset[Any]:
    return Dataset([tuple(json.loads(Path(source).read_text()))], "fixed")


def encoded(self: Any, items: Sequence[Number], rng: np.random.Generator) -> Batch:
    return VectorCodec.encode(self, items, rng)


def noisy_encode(self: Any, items: Sequence[Number], rng: np.random.Generator) -> Batch:
    batch = encoded(self, items, rng)
    return Batch(batch.x + float(rng.normal()), batch.c)


def soft_encode(self: Any, items: Sequence[Number], rng: np.random.Generator) -> Batch:
    batch = encoded(self, items, rng)
    assert batch.c is not None
    return Batch(batch.x, batch.c / 2)


def bare_encode(self: Any, items: Sequence[Number], rng: np.random.Generator) -> Batch:
    return Batch(encoded(self, items, rng).x)


def decoded(change: Callable[[Tensor], Tensor]) -> Callable[..., list[Number]]:
    return lambda self, batch, seeds, where=None: VectorCodec.decode(
        self, Batch(change(batch.x), batch.c), seeds
    )


class Shifted(VectorCodec):
    def encode(self, items: Sequence[Number], rng: np.random.Generator) -> Batch:
        batch = super().encode(items, rng)
        return Batch(batch.x + 1, batch.c)

    def decode(self, batch: Batch, seeds: Sequence[int], where: Any = None) -> list[Number]:
        return super().decode(Batch(batch.x - 1, batch.c), seeds)


class Forgetful(Numbers):
    """Keeps in memory what belongs into the codec's state."""

    fitted = False

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> VectorCodec:
        self.fitted = True
        return Shifted()

    def load_codec(self, state: CodecState, settings: Any) -> VectorCodec:
        return Shifted() if self.fitted else VectorCodec()


class Remembering(Learning):
    """Remembers the codec that was fitted or loaded last, in place of using the one it gets."""

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> LearnedCodec:
        self.last = super().fit_codec(items, settings, fitting)
        return self.last

    def load_codec(self, state: CodecState, settings: Any) -> LearnedCodec:
        self.last = super().load_codec(state, settings)
        return self.last


class RememberingNetworks(Remembering):
    def build_networks(self, codec: Any, settings: Any) -> Networks:
        networks = super().build_networks(codec, settings)
        with torch.no_grad():
            networks.generator.net[0].weight.mul_(self.last.scale)
        return networks


class RememberingFeatures(Remembering):
    def evaluators(self, codec: Any, settings: Any) -> Sequence[Any]:
        scale = self.last.scale
        features = lambda self, items: scale * np.array(items, dtype=np.float64)  # noqa: E731
        return [type("Scaled", (Identity,), {"features": features})()]


class RememberingPreview(Remembering):
    def preview(self, items: Sequence[Any], codec: Any, real: Sequence[Any] = ()) -> Rendering:
        return Rendering("text/plain", str(self.last.scale).encode())


def ignoring(*names: str) -> Callable[..., LearnedCodec]:
    """A ``fit_codec`` that does not use these functions of its ``Fitting``."""

    def fit_codec(self: Any, items: Sequence[Any], settings: Any, fitting: Fitting) -> LearnedCodec:
        return Learning.fit_codec(
            self, items, settings, dataclasses.replace(fitting, **{n: IGNORED[n] for n in names})
        )

    return fit_codec


IGNORED: dict[str, Any] = {"time_left": lambda: float("inf"), "stopped": lambda: False}


def learned(**changes: Any) -> Plant:
    return lambda: loaded(type("Faulty", (Learning,), changes))


def written(line: Callable[[Sample[Number]], Any], least: int = 0) -> Callable[..., None]:
    """A ``write`` that skips the first samples, and writes ``line`` of each other one."""

    def write(
        self: Any, samples: Iterable[Sample[Number]], target: Path, codec: Any, *rest: Any
    ) -> None:
        rows = [json.dumps(line(sample)) for sample in samples][least:]
        (target / "numbers.jsonl").write_text("\n".join(rows))

    return write


def said(**changes: Any) -> Callable[..., Dataset[Any]]:
    """A ``read`` that says something odd of the data."""

    def read(self: Any, source: Any, settings: Any, progress: Any) -> Dataset[Any]:
        found = VectorModality.read(self, source, settings, progress)
        return dataclasses.replace(found, **changes)

    return read


REAL = VectorModality().read(None, None, lambda *_: None).items

FAULTS: list[tuple[str, str, Plant]] = [
    ("light-import", "imports numpy torch", info(target="heavy.modality:VectorModality")),
    ("light-import", "cannot be imported: ModuleNotFoundError", info(target="gone.modality:X")),
    ("info", "awkward to type", info(name="My Plugin")),
    ("info", "the summary is", info(summary="two\nlines")),
    ("info", "plugin API 99", info(api=99)),
    ("info", "suffixes are JSONL", info(suffixes=("JSONL",))),
    ("info", "fails on an unknown file", info(recognises="light.modality:recognise")),
    ("info", "gives True", info(recognises="builtins:bool")),
    ("target", "leads nowhere", info(target="light.modality:Gone")),
    ("target", "not a gankit.contract.Modality", info(target="light.modality:MLP")),
    ("recipes", "there is no best.toml", info(default_recipe="best")),
    ("recipes", "unknown setting 'x'", info(recipes="heavy.recipes")),
    ("settings", "Loose can change", modality(Settings=Loose)),
    ("settings", "undocumented: steep", modality(Settings=Silent)),
    ("read", "differ in fingerprint", modality(read=restless)),
    ("read", "differ in their first item", modality(read=unsorted)),
    ("reading", "the fact 'labels' is 10", modality(read=said(facts={"labels": 10}))),
    ("reading", "the fact 'a' is 'two\\nlines'", modality(read=said(facts={"a": "two\nlines"}))),
    ("reading", "differ in their keys", modality(read=said(table=[{"a": "1"}, {"b": "1"}]))),
    ("reading", "has [1], which is not text", modality(read=said(table=[{"a": 1}]))),
    ("reading", "warnings is one text", modality(read=said(warnings="odd"))),
    ("reading", "is not one line", modality(read=said(warnings=[""]))),
    ("reading", "2 strata for 300 items", modality(read=said(strata=["a", "b"]))),
    ("read-refuses", "accepts not-there", modality(read=VectorModality.read)),
    ("read-refuses", "FileNotFoundError", modality(read=unguarded)),
    ("encode", "(16, 1)", codec(prepare=lambda self, b: Batch(b.x[:, :1], b.c))),
    ("encode", "torch.float64", codec(prepare=lambda self, b: Batch(b.x.double(), b.c))),
    ("encode", "not finite", codec(prepare=lambda self, b: Batch(b.x / 0, b.c))),
    ("encode", "comparable's features", codec(comparable=lambda self, b: b.x[:1])),
    ("encode", "density_ratio_input's x of generated",
     codec(density_ratio_input=lambda self, b, seeds=None: Batch(b.x[:, :1], b.c) if seeds else b)),
    ("encode", "prepare modifies its input",
     codec(prepare=lambda self, b: Batch(b.x.add_(1), b.c))),
    ("encode", "encode is random though the codec is deterministic", codec(encode=noisy_encode)),
    ("encode-condition", "not one-hot", codec(encode=soft_encode)),
    ("encode-condition", "disagree", codec(encode=bare_encode)),
    ("round-trip", "moves items by", codec(decode=decoded(lambda x: 2 * x))),
    ("round-trip", "16 samples decode to 1",
     codec(decode=lambda self, b, seeds, where=None: [(0.0, 0)])),
    ("round-trip", "changes conditions",
     codec(decode=lambda self, b, seeds, where=None: [(float(x[0]), 0) for x in b.x])),
    ("codec-state", "cannot be stored", codec(state=lambda self: CodecState({"seen": {1}}))),
    ("codec-state", "encodes differently", modality(load_codec=lambda self, *_: Shifted())),
    ("statelessness", "changes the first one's networks", lambda: loaded(RememberingNetworks)),
    ("statelessness", "changes the first one's features", lambda: loaded(RememberingFeatures)),
    ("statelessness", "changes the first one's preview", lambda: loaded(RememberingPreview)),
    ("budget", "fit_codec does not use fitting.time_left",
     learned(fit_codec=ignoring("time_left"))),
    ("budget", "fit_codec does not use fitting.stopped", learned(fit_codec=ignoring("stopped"))),
    ("budget", "a codec that ran out of time is not usable",
     learned(fit_codec=lambda self, items, settings, fitting: LearnedCodec(
         0.0 if not fitting.stopped() and fitting.time_left() < 9 else 1.0))),
    ("codec-health", "health reports nothing", healthy()),
    ("codec-health", "health's a is [nan]", healthy(Health("a", math.nan, "b"))),
    ("codec-health", "health's a is [1.0, inf]", healthy(Health("a", 1.0, "b", math.inf))),
    ("codec-health", "has 'b\\nc', which is not one line", healthy(Health("a", 1.0, "b\nc"))),
    ("codec-health", "has ' ', which is not one line", healthy(Health("a", 1.0, "b", 1.0, " "))),
    ("codec-health", "ends with a full stop", healthy(Health("a", 1.0, "b."))),
    ("codec-health", "repeats a name", healthy(Health("a", 1.0, "b"), Health("a", 2.0, "c"))),
    ("codec-health", "differs from one call to the next",
     codec(health=lambda self, *_: [Health("a", random.random(), "b")])),
    ("codec-health", "changes what the codec encodes", codec(health=spoiling)),
    ("shapes", "(16, 3)", generator(lambda: MLP(4, 3))),
    ("shapes", "the logits: torch.float32 of shape (16, 1, 2), not float32 (16, 1)",
     discriminator(lambda: Changed(MLP(2, 2), y=lambda y: y[:, None]))),
    ("shapes", "the logits: torch.float32 of shape (), not float32 (16,)",
     discriminator(lambda: Changed(MLP(2, 1), y=torch.mean))),
    ("shapes", "G and D share net.0.weight", modality(build_networks=shared_networks)),
    ("generator-determinism", "the same latents give different samples",
     generator(lambda: Changed(MLP(4, 2), y=lambda y: y + torch.randn_like(y)))),
    ("generator-determinism", "changes with the size of its batch",
     generator(lambda: Changed(MLP(4, 2), y=lambda y: y - y.mean(0)))),
    ("batch-independence", "depends on its batch", discriminator(lambda: MLP(2, 1, True))),
    ("condition", "generator ignores kind",
     generator(lambda: Changed(MLP(4, 2), c=torch.zeros_like))),
    ("condition", "discriminator ignores kind",
     discriminator(lambda: Changed(MLP(2, 1), c=torch.zeros_like))),
    ("gradients", "generator: no gradient reaches idle", generator(with_idle_parameter)),
    ("gradients", "discriminator: no gradient reaches net.net.0.weight",
     discriminator(lambda: Changed(MLP(2, 1), y=torch.sign))),
    ("second-derivatives", "R1 has no gradient",
     discriminator(lambda: Changed(MLP(2, 1), y=torch.detach))),
    ("second-derivatives", "R1 has the slope",
     discriminator(lambda: Changed(MLP(2, 1), y=Once.apply))),
    ("second-derivatives", "zero everywhere",
     discriminator(lambda: Changed(MLP(2, 1), x=Once.apply))),
    ("augment", "at p = 0", augmentation(lambda x, p: x + 0.1)),
    ("augment", "(16, 4)", augmentation(lambda x, p: x if p == 0 else torch.cat([x, x], 1))),
    ("augment", "R1 has no gradient", augmentation(lambda x, p: x if p == 0 else x.detach())),
    ("likelihood", "the likelihood: torch.float32 of shape (), not float32 (16,)",
     likelihood(lambda x, c: x.square().mean())),
    ("likelihood", "the likelihood has no gradient",
     likelihood(lambda x, c: x.square().sum(1).requires_grad_())),
    ("resume", "differ after resuming",
     codec(prepare=lambda self, b: Batch(b.x + random.random(), b.c))),
    ("sampling", "two calls of sample differ",
     codec(decode=decoded(lambda x: x + torch.randn_like(x)))),
    ("sampling", "items change with the number requested",
     codec(decode=decoded(lambda x: x - x.mean()))),
    ("sampling", "a copied model folder generates different items", lambda: loaded(Forgetful)),
    ("write-read", "23 of 24", modality(write=lambda self, samples, *rest: Numbers.write(
        self, itertools.islice(samples, 23), *rest))),
    ("write-read", "24 samples are read back as 23",
     modality(write=written(lambda s: [*s.item, s.seed], least=1))),
    ("write-read", "moves a sample", modality(write=written(lambda s: [s.item[0] + 9, s.item[1]]))),
    ("write-read", "moves a sample", modality(write=written(lambda s: [s.item[0], 0]))),
    ("write-read", "cannot be read again", modality(write=lambda self, samples, target, *_: (
        (target / "other").write_text(str(list(samples)))))),
    ("export", "torch.export cannot trace them",
     generator(lambda: Changed(MLP(4, 2), y=lambda y: y if y.sum() > 0 else -y))),
    ("requests", "kind=z is offered and refused",
     codec(condition_inputs=lambda self: [ConditionInput("kind", ("z",))])),
    ("watermark", "two marks by one key differ",
     modality(watermark=lambda self, item, key: (item[0] + next(count), item[1]))),
    ("watermark", "find_watermark(b'') is 1",
     modality(find_watermark=lambda self, content, key: 1)),
    ("bad-items", "damage in numbers.jsonl is skipped silently", modality(read=hushed)),
    ("bad-items", "damage raises JSONDecodeError", modality(read=careless)),
    ("confinement", "it tried to write /gankit-was-here, outside", modality(
        preview=lambda self, *_: Path("/gankit-was-here").touch())),
    ("confinement", "it tried to write /gankit-was-here, outside", modality(
        render=lambda self, *_: os.mkdir("/gankit-was-here"))),
    ("provenance", "no written file is marked as synthetic",
     modality(write=written(lambda s: s.item))),
    ("provenance", "leaves no file", modality(write=lambda self, *_: None)),
    ("render", "render of a real item is bytes", rendering("render", b"{}")),
    ("render", "render of a real item has the media type 'png'",
     rendering("render", "png", b"{}")),
    ("render", "render of a generated item has no content",
     modality(render=lambda self, item, codec: Rendering(
         "text/plain", b"" if item not in REAL else b"x"))),
    ("preview", "preview of 1 is PosixPath", rendering("preview", Path("preview.png"))),
    ("preview", "preview of 1 has no content", rendering("preview", "image/png", b"")),
    ("conversions", "there is no conversion 'arrow'", modality(conversions=("arrow",))),
    ("conversions", "3 real items become 2 as numpy",
     modality(convert=lambda self, items, to, codec: items[:2])),
    ("preview", "preview with real items has the media type ''",
     modality(preview=lambda self, items, codec, real=(): Rendering(
         "" if len(real) else "text/plain", b"x"))),
    ("features", "float32 of shape (16, 2)", extractor(lambda x: x.astype(np.float32))),
    ("features", "not finite", extractor(lambda x: x * np.nan)),
    ("features", "two calls differ", extractor(lambda x: x + next(count))),
    ("features", "does not accept 16 real items", modality(extractors=(
        type("Faulty", (Identity,), {"accepts": lambda self, item: False}),))),
    ("features", "changes with its neighbours", extractor(lambda x: x - x.mean(0))),
    ("distances", "real items are 0 apart, and 0 from noise", extractor(np.zeros_like)),
    ("evaluators", "baseline lazy gives 1 items instead of 128",
     modality(baselines=lambda self, train, *_: {"lazy": train[:1]})),
    ("evaluators", "mean is not a finite number", modality(evaluators=lambda self, *_: [
        type("Faulty", (Mean,), {"evaluate": lambda self, data, rng: {"mean": float("nan")}})()])),
    ("evaluators", "mean: the rows of details differ", modality(evaluators=lambda self, *_: [
        type("Faulty", (Mean,), {"details": lambda self, data, rng: [{"x": 1.0}]})()])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words", "plant"), FAULTS, ids=[f"{name}: {words}" for name, words, _ in FAULTS]
)
def test_a_planted_fault_is_found(name: str, words: str, plant: Plant) -> None:
    result = run_check(Subject.of(plant()), BY_NAME[name])
    assert result.status == "failed", result
    assert words in result.message
    if isinstance(result.exception, CheckFailed):
        assert result.exception.fix
        assert result.message.endswith(result.exception.fix)
    else:
        assert isinstance(result.exception, PluginError)
        assert "Write below the given folder" in result.message
    assert not Path("/gankit-was-here").exists()


def test_an_untrained_generator_may_give_no_item_that_an_extractor_accepts() -> None:
    subject = Subject.of(loaded())
    real = set(subject.dataset.items)
    picky = type("Picky", (Identity,), {"accepts": lambda self, item: item in real})
    result = run_check(Subject.of(modality(extractors=(picky,))()), BY_NAME["distances"])
    assert result.ok, result


def test_every_check_has_found_a_fault() -> None:
    assert {name for name, _, _ in FAULTS} == set(BY_NAME)


@pytest.mark.parametrize(
    "name",
    ["condition", "augment", "likelihood", "budget", "codec-health", "features", "evaluators"],
)
def test_checks_that_do_not_apply_are_skipped(name: str) -> None:
    class Plain(Numbers):
        def fit_codec(self, *_: Any) -> VectorCodec:
            plain = VectorCodec()
            plain.layout = Layout((2,))
            plain.encode = lambda items, rng: Batch(torch.zeros(len(items), 2))  # type: ignore[method-assign]
            return plain

        def build_networks(self, codec: Any, settings: Any) -> Networks:
            return Networks(nn.Linear(4, 2), nn.Linear(2, 1), 4)

        def evaluators(self, codec: Any, settings: Any) -> Sequence[Any]:
            return ()

    result = run_check(Subject.of(loaded(Plain)), BY_NAME[name])
    assert result.status == "skipped"
    assert result.message


# --- Running them -------------------------------------------------------------------------------


def broken(self: Any, *_: Any) -> Any:
    raise ZeroDivisionError("oh")


BROKEN = modality(fit_codec=broken)


def test_an_unexpected_exception_is_an_error_with_its_cause() -> None:
    result = run_check(Subject.of(BROKEN()), BY_NAME["encode"])
    assert (result.status, result.ok) == ("error", False)
    assert "ZeroDivisionError: oh" in result.message
    assert isinstance(result.exception, ZeroDivisionError)


def test_expected_failures_carry_their_reason() -> None:
    subject = Subject.of(BROKEN())
    result = run_check(subject, BY_NAME["encode"], {"encode": "not written yet"})
    assert (result.status, result.ok) == ("xfailed", True)
    assert result.message.startswith("not written yet (ZeroDivisionError")


def test_an_expected_failure_that_passes_is_a_failure(correct: Subject) -> None:
    result = run_check(correct, BY_NAME["encode"], {"encode": "not written yet"})
    assert (result.status, result.ok) == ("failed", False)
    assert "Remove it from expected_failures" in result.message


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"encodes": "why"}, "no check 'encodes'. Did you mean encode"),
        ({"encode": " "}, "no reason"),
    ],
)
def test_expected_failures_are_checked(correct: Subject, expected: Any, message: str) -> None:
    with pytest.raises(GankitError, match=message):
        run_checks(correct, expected)
    with pytest.raises(GankitError, match=message):
        type("TestIt", (ModalityTests,), {"expected_failures": expected})


def test_the_random_numbers_and_threads_of_the_caller_stay(correct: Subject) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    results = run_checks(correct)
    assert [result.check for result in results] == list(CHECKS)
    assert all(result.ok and result.seconds > 0 for result in results)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_every_check_runs_on_one_thread() -> None:
    """So that codecs are fitted with the same order of summation everywhere."""
    threads, seen = torch.get_num_threads(), []
    check = Check("threads", "Counts threads.", lambda _: seen.append(torch.get_num_threads()))
    torch.set_num_threads(2)
    try:
        assert run_check(Subject.of(BROKEN()), check).ok
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert seen == [1]


def test_what_the_checks_wrote_is_removed() -> None:
    subject = Subject.of(loaded())
    run_check(subject, BY_NAME["sampling"])
    folder = subject.folder
    assert list(folder.iterdir())
    del subject
    assert not folder.exists()


def test_pytest_is_needed_for_the_suite_alone() -> None:
    code = "import sys, gankit.testing; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- The suite ----------------------------------------------------------------------------------


class TestNumbers(ModalityTests):
    plugin = loaded()
    settings: ClassVar = {"steep": 2.0, "optim": {"lr": 1e-3}}


def test_the_suite_takes_settings_of_plugin_and_engine() -> None:
    subject = Subject.of(TestNumbers.plugin, TestNumbers.settings)
    assert subject.settings == NumberSettings(2.0)
    assert subject.config.engine.optim.lr == 1e-3
    with pytest.raises(GankitError, match="Did you mean steep"):
        Subject.of(loaded(), {"stepe": 1.0})


@pytest.mark.parametrize(
    ("plant", "expected", "outcome"),
    [
        (codec(decode=lambda self, b, seeds, where=None: []), {}, pytest.fail.Exception),
        (
            codec(decode=lambda self, b, seeds, where=None: []),
            {"round-trip": "so"},
            pytest.xfail.Exception,
        ),
        (BROKEN, {}, ZeroDivisionError),
    ],
)
def test_the_suite_reports_as_pytest_does(
    plant: Plant, expected: dict[str, str], outcome: type[BaseException]
) -> None:
    suite = type("TestIt", (ModalityTests,), {"plugin": plant(), "expected_failures": expected})()
    with pytest.raises(outcome):
        suite.test_conforms(BY_NAME["round-trip"])
