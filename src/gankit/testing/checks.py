"""What the contract asks of a modality, one function a promise.

A check looks at one thing, and its name and first line say which. It raises
:class:`CheckFailed` with what is wrong and how to mend it.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import tomli_w
import torch
from torch import Tensor, nn

from gankit import config as configuration
from gankit.contract import (
    ENTRY_POINT_GROUP,
    PLUGIN_API,
    Batch,
    Categorical,
    CodecState,
    EvaluationData,
    Evaluator,
    Modality,
    Networks,
    Sample,
)
from gankit.engine.checkpoint import load_checkpoint
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.penalties import squared_gradient_norm
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.errors import GankitError
from gankit.metrics import GaussianStats, frechet_distance
from gankit.runs.provenance import RECORD
from gankit.testing.subject import BATCH, STEPS, CheckFailed, NotApplicable, Subject
from gankit.workflows.data import quiet

HEAVY = ("torch", "numpy", "scipy", "pandas", "sklearn")
"""What a plugin's hook module must not import, since it is imported to list plugins."""
MARKS = ("generated", "synthetic", "digitalsourcetype")
"""Words that tell a reader of a file what made it."""
FEW = 128
"""Items on each side of a distance, fewer where the data has fewer."""


def expect(held: object, what: str, mend: str) -> None:
    """Raises:
    CheckFailed: it did not hold.
    """
    if not held:
        raise CheckFailed(what, mend)


# --- What the plugin says of itself -------------------------------------------------------------


IMPORTED = """
import sys
path, heavy, *names = (argument.split("\\n") for argument in sys.argv[1:])
sys.path[:] = path
said, sys.stdout = sys.stdout, sys.stderr
for (name,) in names:
    __import__(name)
sys.stdout = said
print(*sorted({*heavy} & {*sys.modules}))
"""
"""Prints which of the modules in its second argument the import of the further ones brings."""


def light_import(s: Subject) -> None:
    """The module with the hooks imports nothing heavy."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    own = [p.module for p in points if p.dist and p.dist.name == s.plugin.distribution]
    names = own or re.split("[.:]", s.info.target)[:1]
    words = [IMPORTED, "\n".join(sys.path), "\n".join(HEAVY), *names]
    done = subprocess.run([sys.executable, "-c", *words], capture_output=True, text=True)
    mend = "Let the hook module hold the hooks alone; gankit imports the modality on first use"
    last = done.stderr.strip().rpartition("\n")[2]
    expect(not done.returncode, f"the hook module cannot be imported: {last}", mend)
    expect(not done.stdout.split(), f"the hook module imports {done.stdout.strip()}", mend)


def info(s: Subject) -> None:
    """The plugin's record is valid."""
    info = s.info
    fits = re.fullmatch(r"[a-z][a-z0-9-]*", info.name)
    expect(fits, f"the name {info.name!r} is awkward to type", "Use a-z, 0-9 and hyphens")
    one_line = info.summary.strip() and "\n" not in info.summary
    expect(one_line, f"the summary is {info.summary!r}", "Describe the plugin in one line")
    mend = f"Port it to {PLUGIN_API} and say so"
    expect(info.api == PLUGIN_API, f"it was written for plugin API {info.api}", mend)
    odd = [x for x in info.suffixes if not re.fullmatch(r"\.[a-z0-9.]+", x)]
    expect(not odd, f"suffixes are {', '.join(odd)}", "Write them in lower case, with the dot")


def target(s: Subject) -> None:
    """The record leads to the modality."""
    module, _, name = s.info.target.partition(":")
    mend = "Write package.module:Class"
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CheckFailed(f"target={s.info.target} leads nowhere: {error}", mend) from None
    fits, mend = isinstance(found, type) and issubclass(found, Modality), "Derive it from Modality"
    expect(fits, f"{s.info.target} is no gankit.contract.Modality", mend)


def recipes(s: Subject) -> None:
    """Every recipe loads, is described, and has valid settings; the default one exists."""
    known = {recipe.name: recipe for recipe in configuration.recipes(s.info)}
    default = s.info.default_recipe
    expect(default in known, f"there is no {default}.toml", "Add it, or set default_recipe")
    for name, recipe in known.items():
        described = recipe.about.get("summary")
        expect(described, f"recipe {name} has no summary", "Add one to its [recipe] table")
        try:
            configuration.resolve(s.info, s.modality.Settings, recipe=name)
        except GankitError as error:
            raise CheckFailed(f"recipe {name}: {error}", "Mend that line of it") from None


def settings(s: Subject) -> None:
    """Settings are frozen, have defaults and docstrings, and survive run.toml."""
    cls = s.modality.Settings
    frozen = dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    expect(frozen, f"{cls.__name__} can change", "Make it a @dataclass(frozen=True)")
    bare = [x.name for x in dataclasses.fields(cls) if _has_no_default(x)]
    expect(not bare, f"no default: {', '.join(bare)}", "Give every setting one")
    silent = [x.key for x in configuration.describe(cls) if not x.meaning]
    expect(not silent, f"undocumented: {', '.join(silent)}", "Put a docstring under each field")
    unknown = set(s.modality.sampling_settings) - {x.key for x in configuration.describe(cls)}
    expect(not unknown, f"adjustable, and no setting: {', '.join(unknown)}", "Name settings")
    table = tomllib.loads(tomli_w.dumps(s.config.as_table()))
    again = configuration.from_run(table, cls).differences(s.config)
    expect(not again, f"run.toml changes {', '.join(again)}", "Use types that TOML has, or None")


# --- Reading ------------------------------------------------------------------------------------


def read(s: Subject) -> None:
    """Reading gives items, and the same fingerprint each time."""
    again = s.modality.read(s.source, s.settings, quiet)
    expect(len(s.found.items) > 0, "read found no items", "Raise GankitError where nothing is")
    expect(s.found.fingerprint, "the fingerprint is empty", "Hash the data")
    same = s.found.fingerprint == again.fingerprint
    expect(same, "two readings differ in fingerprint", "Hash content alone: no times, no addresses")
    expect(len(again.items) == len(s.found.items), "two readings differ in length", "Sort files")
    first, other = (s.encode([found.items[0]]).x for found in (s.found, again))
    same = torch.allclose(first.double(), other.double(), rtol=0, atol=0, equal_nan=True)
    expect(same, "two readings differ in their first item", "Read in a fixed order")


def read_refuses(s: Subject) -> None:
    """A path without usable data is the user's error, and the message names it."""
    empty = s.folder / "empty-folder"
    empty.mkdir(exist_ok=True)
    junk = [s.folder / f"junk{suffix}" for suffix in s.info.suffixes]
    for file in junk:
        file.write_bytes(b"\0junk\xff")
    for path in (s.folder / "not-there", empty, *junk):
        mend = f"Raise GankitError(message, hint) that names {path.name}"
        try:
            s.modality.read(str(path), s.settings, quiet)
        except GankitError as error:
            expect(path.name in str(error), f"the message does not name it: {error}", mend)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the wrong one
            raise CheckFailed(f"{path.name} raises {type(error).__name__}: {error}", mend) from None
        else:
            raise CheckFailed(f"read accepts {path.name}, which holds no data", mend)


# --- The codec ----------------------------------------------------------------------------------


def encode(s: Subject) -> None:
    """Encoded and prepared samples have the layout's shape, in finite float32."""
    items = s.items(BATCH)
    stored = s.encode(items)
    before = stored.x.clone()
    x, shape = s.codec.prepare(stored).x, (len(items), *s.codec.layout.shape)
    _is_float("prepare's x", x, shape, "Let encode, prepare and codec.layout.shape agree")
    for what, seeds in (("real", None), ("generated", range(len(items)))):
        density_ratio_input = s.codec.density_ratio_input(
            Batch(x, stored.c) if seeds else stored, seeds
        ).x
        _is_float(
            f"judged's x of {what} samples",
            density_ratio_input,
            shape,
            "Let it keep the layout's shape",
        )
    kept = torch.equal(before, stored.x)
    expect(kept, "prepare changes its input, which is kept", "Let it work on a copy")
    again = s.codec.encode(items, np.random.default_rng(1)).x
    fixed = torch.equal(again, stored.x) or not s.codec.deterministic
    mend = "Set deterministic=False, or draw in prepare"
    expect(fixed, "encode draws random numbers though the codec is deterministic", mend)


def encode_condition(s: Subject) -> None:
    """Encoded samples carry the layout's condition: one-hot classes and numbers, in float32."""
    condition, batch = s.codec.layout.condition, s.real()
    mend = "Give c exactly where codec.layout.condition is"
    expect((batch.c is None) == (condition is None), "the layout and encode's c disagree", mend)
    if condition is None or batch.c is None:
        raise NotApplicable("the layout has no condition")
    _is_float("c", batch.c, (len(batch), condition.width), "Match codec.layout.condition.width")
    for field, block in condition.blocks():
        c, mend = batch.c[:, block], "Use Classes.encode"
        full = c.sum(1) == 1
        if isinstance(field, Categorical) and field.optional:
            full |= c.sum(1) == 0
        one_hot = bool((c == c.bool()).all() and full.all())
        expect(one_hot or not isinstance(field, Categorical), f"{field.name} is not one-hot", mend)


def round_trip(s: Subject) -> None:
    """Decoding what was encoded gives the items back: encoded again, they are the same."""
    batch = s.real()
    n, items = len(batch), s.codec.decode(batch, range(len(batch)))
    expect(len(items) == n, f"{n} samples decode to {len(items)}", "Give an item for each")
    again = s.codec.prepare(s.encode(items))
    moved = _distance(again.x, batch.x)
    mend = "Let decode invert prepare(encode(...)), or widen Codec.tolerance and say why"
    expect(moved <= s.allowed, f"a round trip moves items by {moved:.3g} deviations", mend)
    if batch.c is not None and again.c is not None:
        asked = s.codec.layout.condition
        fields = asked.fields if asked else ()
        drawn = any(isinstance(f, Categorical) and f.optional for f in fields)
        # A trained decoder gives what is asked roughly: how well is a score, not a promise.
        kept = drawn or s.codec.is_learned or torch.allclose(batch.c, again.c, atol=1e-4)
        expect(kept, "a round trip changes conditions", "Let decode put c into the items")


def codec_state(s: Subject) -> None:
    """A codec comes back from JSON and tensors, in a process that never saw the data."""
    state = s.codec.state()
    mend = "Keep to JSON in config and plain, contiguous tensors in tensors"
    try:
        config = json.loads(json.dumps(state.config))
        tensors = safetensors.torch.load(safetensors.torch.save(state.tensors))
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailed(f"the codec's state cannot be stored: {error}", mend) from None
    codec = type(s.modality)().load_codec(CodecState(config, tensors), s.settings)
    mend = "Put all that load_codec needs into state(); nothing may stay behind in the modality"
    expect(codec.layout == s.codec.layout, "the loaded codec's layout differs", mend)
    x = codec.encode(s.items(BATCH), np.random.default_rng(0)).x
    expect(torch.equal(x, s.encode(s.items(BATCH)).x), "the loaded codec encodes otherwise", mend)
    batch = s.real()
    ours, theirs = (s.encode(c.decode(batch, range(len(batch)))).x for c in (s.codec, codec))
    expect(torch.equal(ours, theirs), "the loaded codec decodes otherwise", mend)


# --- Networks -----------------------------------------------------------------------------------


def shapes(s: Subject) -> None:
    """The generator gives samples of the layout's shape, the discriminator one logit each."""
    networks, real = s.networks(stirred=False), s.real()
    fake = networks.generator(s.latents(networks, len(real)), real.c)
    shape = (len(real), *s.codec.layout.shape)
    _is_float("the generator's output", fake, shape, "Build it from layout.shape")
    logits = networks.discriminator(real.x, real.c)
    _is_float("the logits", logits, (len(real),), "Squeeze the last axis; no sigmoid")
    theirs = {id(p) for p in networks.discriminator.parameters()}
    shared = [n for n, p in networks.generator.named_parameters() if id(p) in theirs]
    expect(not shared, f"G and D share {', '.join(shared)}", "Give each network its own")


def generator_determinism(s: Subject) -> None:
    """A generated sample depends on its own latent alone, and on nothing drawn inside."""
    networks, c = s.networks(), s.real().c
    G, z = networks.generator.eval(), s.latents(networks, BATCH if c is None else len(c))
    with torch.no_grad():
        whole, again = G(z, c), G(z, c)
        part = G(z[:3], None if c is None else c[:3])
    expect(torch.equal(whole, again), "the same latents give other samples", "Draw nothing in G")
    close = torch.allclose(whole[:3], part, rtol=1e-3, atol=1e-4)
    mend = "Let no layer of G mix the batch in evaluation mode"
    expect(close, "a sample changes with the size of its batch", mend)


def batch_independence(s: Subject) -> None:
    """A logit depends on its own sample alone, unless samples_interact says otherwise."""
    networks, real = s.networks(), s.real()
    x = real.x.clone().requires_grad_()
    first = networks.discriminator(x, real.c)[0]
    (gradient,) = torch.autograd.grad(first, x, allow_unused=True, materialize_grads=True)
    alone = networks.batch_dependent or not gradient[1:].any()
    mend = "Set Networks.samples_interact=True, or take out batch normalisation and statistics"
    expect(alone, "a logit depends on its batch, which R1 and R2 rule out", mend)


def condition(s: Subject) -> None:
    """Both networks heed every field of the condition."""
    networks, real, asked = s.networks(), s.real(), s.codec.layout.condition
    if asked is None or real.c is None:
        raise NotApplicable("the layout has no condition")
    z = s.latents(networks, len(real))
    for field, block in asked.blocks():
        other = real.c.clone()
        if isinstance(field, Categorical) and field.optional:
            other[:, block] = torch.eye(field.width)[0]
        else:
            other[:, block] = other[:, block].roll(1, 1) if field.width > 1 else other[:, block] + 1
        for name, net, x in (
            ("generator", networks.generator, z),
            ("discriminator", networks.discriminator, real.x),
        ):
            with torch.no_grad():
                heeds = not torch.equal(net.eval()(x, real.c), net(x, other))
            expect(heeds, f"the {name} ignores {field.name}", "Feed it c, or leave the field out")


def gradients(s: Subject) -> None:
    """One step of each player reaches all of its parameters."""
    networks, real = s.networks(), s.real()
    # A relativistic game cannot see D's last bias: it cancels in the difference of logits.
    game = AdversarialLoss(networks, OBJECTIVES["nonsaturating"], LossTerms(zero_centred=False))
    given = real.x, real.c, s.latents(networks, len(real)), LossWeights(*torch.zeros(4))
    players = {"discriminator": game.discriminator_step, "generator": game.generator_step}
    mend = "Use it in forward, or set requires_grad=False"
    for name, step in players.items():
        module = getattr(networks, name)
        named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        expect(named, f"the {name} has nothing to train", "Give it parameters")
        found, _ = step([*named.values()], *given)
        finite = all(g.isfinite().all() for g in found)
        expect(finite, f"{name}: a gradient is not finite", "Guard divisions, roots and logs")
        dead = [n for n, g in zip(named, found, strict=True) if not g.any()]
        expect(not dead, f"{name}: no gradient reaches {', '.join(dead[:5])}", mend)


def second_derivatives(s: Subject) -> None:
    """The discriminator can be differentiated twice, as R1 and R2 need, and correctly."""
    networks, real = s.networks(), s.real()
    _penalty_is_smooth(networks, real)
    try:
        predicted, found = _slopes(networks.discriminator.double().eval(), real)
    except RuntimeError as error:  # PyTorch's for a mixture of precisions
        raise NotApplicable(f"D gives no float64 to measure the slope of R1 in: {error}") from None
    close = abs(predicted - found) <= 0.01 * predicted
    what = f"R1 has the slope {found:.4g}, and {predicted:.4g} by automatic differentiation"
    expect(close, what, "Give your own Function a backward that is differentiable itself")


def augment(s: Subject) -> None:
    """Augmentation does nothing at p = 0, keeps shapes, and can be differentiated twice."""
    networks, real = s.networks(), s.real()
    if (function := networks.augment) is None:
        raise NotApplicable("the networks bring no augmentation")
    off, on = torch.tensor(0.0), torch.tensor(1.0)
    same = torch.allclose(function(real.x, off), real.x, atol=1e-4)
    expect(same, "augmentation changes samples at p = 0", "Apply each change with probability p")
    _is_float("the augmented batch", function(real.x, on), tuple(real.x.shape), "Keep the shape")
    _penalty_is_smooth(networks, real, lambda x: function(x, on))


# --- Training and generating --------------------------------------------------------------------


def resume(s: Subject) -> None:
    """Training in two parts ends, bit for bit, where training in one does."""
    s.train("parts", STEPS * BATCH // 2)
    parts, whole = (
        load_checkpoint(run.path / "checkpoints")
        for run in (s.train("parts", STEPS * BATCH), s.run)
    )
    assert parts is not None and whole is not None  # noqa: PT018 - no test, but mypy's hint
    other = [k for k, v in whole[0].items() if not torch.equal(parts[0][k], v)]
    mend = (
        "Draw from torch's default generator, or from the rng and seeds that are handed in; keep "
        "what changes in training in parameters and buffers"
    )
    expect(not other, f"{len(other)} tensors differ after resuming, {other[:3]} among them", mend)


def sampling(s: Subject) -> None:
    """An item depends on its seed alone, also in a copy of the model folder."""
    copy = s.folder / "copied-model"  # opened by a modality that knows nothing of the training
    shutil.copytree(s.run.model_folder, copy, dirs_exist_ok=True)
    first = s.encode(s.run.sample(6)).x
    mend = "Let decode draw from a sample's own seed, and state() hold all that it needs"
    expect(torch.equal(first, s.encode(s.run.sample(6)).x), "two samplings differ", mend)
    some = s.encode(s.run.sample(3, seed=2)).x
    expect(torch.equal(first[2:5], some), "items change with what is asked beside them", mend)
    away = s.encode(s.open(copy).sample(6)).x
    expect(torch.equal(first, away), "a copied model folder generates other items", mend)


def write_read(s: Subject) -> None:
    """What is written can be read again, in every format."""
    samples = list(s.run.stream(24))
    written = _rows(s, [sample.item for sample in samples])
    for format in s.modality.formats:
        folder, record = s.write(samples, format)
        n, mend = record["count"], "Write every sample of the stream"
        expect(n == len(samples), f"{format}: {n} of {len(samples)} samples are written", mend)
        items = _read_written(s, folder, format)
        n, mend = len(items), "Write a sample an entry; let read pass over seeds and marks"
        expect(n == len(samples), f"{format}: {len(samples)} samples come back as {n}", mend)
        lost, mend = torch.cdist(written, _rows(s, items)).amin(1).max(), "Keep range and condition"
        expect(lost <= s.allowed, f"{format}: writing moves a sample by {lost:.3g}", mend)


def bad_items(s: Subject) -> None:
    """A damaged file or row is named, not passed over in silence."""
    folder, _ = s.write(list(s.run.stream(24)), s.modality.formats[0])
    files = [p for p in sorted(folder.rglob("*")) if p.suffix in s.info.suffixes]
    if not files:
        raise NotApplicable(f"{s.modality.formats[0]} has no file that read takes by its suffix")
    file, junk = files[0], b"\0junk\xff\n"
    whole = file.read_bytes()
    text = b"\0" not in whole and len(files) == 1  # one file of rows, or a file an item
    file.write_bytes(whole.rstrip(b"\n") + b"\n" + junk if text else junk)
    mend = f"Give a Problem(where, why) for it, with {file.name} in where, or raise GankitError"
    try:
        issues = s.modality.read(str(folder), s.settings, quiet).issues
    except GankitError as error:
        expect(file.name in str(error), f"the message does not name {file.name}: {error}", mend)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the wrong one
        raise CheckFailed(f"damage raises {type(error).__name__}: {error}", mend) from None
    else:
        named = any(file.name in problem.location for problem in issues)
        expect(named, f"damage in {file.name} is passed over in silence", mend)


def confinement(s: Subject) -> None:
    """Nothing is written outside the folder that the plugin is given."""
    # Every check runs so confined; here is all that may write, once more and from the start.
    samples, target = list(s.run.stream(4)), s.folder / "confined"
    target.mkdir(exist_ok=True)
    found = s.modality.read(s.source, s.settings, quiet)
    codec = s.modality.fit_codec(found.items, s.settings, quiet)
    s.modality.build_networks(codec.layout, s.settings)
    file = s.modality.preview(s.items(4), target / "preview")
    s.modality.preview_beside(s.items(4), found.items, target / "beside")
    s.modality.animate([file, file], target / "film")
    for format in s.modality.formats:
        s.write(samples, format)


def provenance(s: Subject) -> None:
    """Generated files say of themselves that they were generated."""
    folder, _ = s.write(list(s.run.stream(24)), s.modality.formats[0])
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != RECORD]
    expect(files, "write leaves no file", "Write below target")
    marked = any(mark.encode() in p.read_bytes().lower() for p in files for mark in MARKS)
    mend = "Put provenance.text() into the files' metadata, or a column that says so"
    expect(marked, "no written file says that it was generated", mend)


def preview(s: Subject) -> None:
    """A preview is a file named after its target; a film of previews is one too, or None."""
    for n in (1, 4):
        target = s.folder / f"preview-{n}"
        file = s.modality.preview(s.items(n), target)
        fits = file.parent == target.parent and re.fullmatch(rf"{target.name}\.\w+", file.name)
        expect(fits, f"the preview is {file.name}", f"Write {target.name} plus a suffix")
        expect(_filled(file), f"{file.name} is empty or not there", "Write it before returning")
    real = s.modality.read(s.source, s.settings, quiet).items
    beside = s.modality.preview_beside(s.items(4), real, s.folder / "preview-beside")
    expect(_filled(beside), "preview_beside's file is not there", "Write it before returning")
    film = s.modality.animate([file, file], s.folder / "film")
    expect(film is None or _filled(film), "animate's file is not there", "Write it, or return None")


# --- Evaluating ---------------------------------------------------------------------------------


def features(s: Subject) -> None:
    """Features are finite, one row an item, and a row depends on its item alone."""
    items = s.items(BATCH)
    for extractor in s.extractors:
        name = extractor.name
        expect(name and extractor.fingerprint, f"{name!r}: no name or fingerprint", "Set both")
        left = sum(not extractor.accepts(item) for item in items)
        expect(not left, f"{name} does not take {left} real items", "Take all that read gives")
        rows, again, part = map(extractor.features, (items, items, items[:3]))
        fits = rows.ndim == 2 and len(rows) == len(items) and rows.dtype == np.float64
        expect(fits, f"{name}: {rows.dtype} of shape {rows.shape}", "Return float64 (N, D)")
        expect(np.isfinite(rows).all(), f"{name}: not finite", "Guard roots, logs and empty items")
        same = np.array_equal(rows, again)
        expect(same, f"{name}: two calls differ", "Draw weights from a fixed seed, in eval mode")
        alone = np.allclose(rows[:3], part, rtol=1e-3, atol=1e-4)
        expect(alone, f"{name}: a row changes with its neighbours", "Normalise by nothing in items")


def distances(s: Subject) -> None:
    """Real items are nearer to real ones than what an untrained generator makes."""
    if s.codec.is_learned:
        raise NotApplicable("the codec is trained: it makes items of noise too")
    n = min(FEW, len(s.found.items) // 2)
    real, more, noise = s.items(n), s.items(n, skip=n), [x.item for x in _untrained(s, n)]
    for extractor in s.extractors:
        taken = [[x for x in items if extractor.accepts(x)] for items in (real, more, noise)]
        if len(taken[2]) < 2:
            continue  # what an untrained generator makes is no item at all
        reference, same, other = (GaussianStats.of(extractor.features(x)) for x in taken)
        floor, found = frechet_distance(reference, same), frechet_distance(reference, other)
        what = f"{extractor.name}: real items are {floor:.3g} apart, and {found:.3g} from noise"
        expect(floor < found, what, "Choose features that see what makes an item real")


def evaluators(s: Subject) -> None:
    """The modality's own scores are finite numbers, or absent; its rivals make what is asked."""
    n = min(FEW, len(s.found.items) // 2)
    for name, items in s.modality.baselines(s.items(n), s.settings, n, 0, quiet).items():
        expect(len(items) == n, f"rival {name}: {len(items)} items for {n}", "Make n of them")
    own = [e for e in s.evaluators if isinstance(e, Evaluator)]
    if not own:
        raise NotApplicable("the modality brings no scores of its own")
    data = EvaluationData(_untrained(s, n), s.items(n), s.items(n, skip=n))
    for evaluator in own:
        expect(evaluator.name, f"{type(evaluator).__name__} has no name", "Set it")
        scores: dict[str, Any] = {**evaluator.evaluate(data, np.random.default_rng(0))}
        odd = [k for k, v in scores.items() if not isinstance(v, float) or not np.isfinite(v)]
        mend = "Leave a score out where it does not apply; give floats otherwise"
        expect(not odd, f"{evaluator.name}: {', '.join(odd)} is no finite number", mend)


# --- What several checks share ------------------------------------------------------------------


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _is_float(what: str, x: Tensor, shape: tuple[int, ...], mend: str) -> None:
    fits = tuple(x.shape) == shape and x.dtype == torch.float32
    expect(fits, f"{what}: {x.dtype} of shape {tuple(x.shape)}, not float32 {shape}", mend)
    expect(x.isfinite().all(), f"{what}: not finite", "Guard divisions, roots and logs")


def _distance(a: Tensor, b: Tensor) -> float:
    """Root mean square of the difference, in standard deviations of ``b``."""
    return float((a - b).square().mean().sqrt() / b.std().clamp_min(1e-12))


def _read_written(s: Subject, folder: Path, format: str) -> list[Any]:
    try:
        found = s.modality.read(str(folder), s.settings, quiet).items
    except GankitError as error:
        mend = "Let read take a folder that write made: `gankit evaluate FOLDER` needs it"
        raise CheckFailed(f"{format} cannot be read again: {error}", mend) from None
    return [found[i] for i in range(len(found))]


def _rows(s: Subject, items: Sequence[Any]) -> Tensor:
    """A row an item, from x and c, so that distances are in standard deviations of real data."""
    batch, scale = s.encode(items), s.encode(s.items(FEW)).x.double().std().clamp_min(1e-12)
    x = batch.x.double().flatten(1) / scale
    return torch.cat([x / x.shape[1] ** 0.5, *([] if batch.c is None else [batch.c.double()])], 1)


def _penalty_is_smooth(
    networks: Networks, real: Batch, view: Callable[[Tensor], Tensor] = lambda x: x
) -> None:
    """The gradient of R1 in D's parameters exists, is finite, and is not zero."""
    mend = "Use differentiable operations; a Function of your own needs a differentiable backward"
    x = real.x.clone().requires_grad_()
    params = trainable(networks.discriminator)
    try:
        norm = squared_gradient_norm(networks.discriminator(view(x), real.c), x).mean()
        found = torch.autograd.grad(norm, params, allow_unused=True, materialize_grads=True)
    except RuntimeError as error:
        raise CheckFailed(f"R1 has no gradient: {error}", mend) from None
    expect(all(g.isfinite().all() for g in found), "R1's gradient is not finite", mend)
    expect(any(g.any() for g in found), "R1's gradient is zero everywhere", mend)


def _slopes(discriminator: nn.Module, real: Batch) -> tuple[float, float]:
    """R1's slope along its own gradient in D's parameters: from that gradient, and measured.

    In double precision a step can be so short that hardly a leaky ReLU changes sides.
    """
    x, params, step = real.x.double().requires_grad_(), trainable(discriminator), 1e-8
    c = None if real.c is None else real.c.double()

    def penalty() -> Tensor:
        torch.manual_seed(0)
        return squared_gradient_norm(discriminator(x, c), x).mean()

    gradient = torch.autograd.grad(penalty(), params, allow_unused=True, materialize_grads=True)
    length = float(torch.stack([g.square().sum() for g in gradient]).sum().sqrt())
    values = []
    for way in (step, -2 * step):
        torch._foreach_add_([p.data for p in params], list(gradient), alpha=way / length)
        values.append(penalty().item())
    return length, (values[0] - values[1]) / (2 * step)


@torch.no_grad()
def _untrained(s: Subject, n: int) -> list[Sample[Any]]:
    """What a generator makes before it has learnt anything, for the conditions of real items."""
    networks, batch = s.networks(stirred=False), s.real(n)
    batch.x = networks.generator.eval()(s.latents(networks, len(batch)), batch.c)
    asked = s.codec.layout.condition
    rows = batch.c.tolist() if asked and batch.c is not None else [None] * len(batch)
    items = s.codec.decode(batch, range(len(batch)))
    return [
        Sample(item, seed, asked.decode(row) if asked and row else {})
        for seed, (item, row) in enumerate(zip(items, rows, strict=True))
    ]


def _filled(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


# --- The list -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One promise of the contract."""

    name: str
    summary: str
    run: Callable[[Any], None]
    """Raises :class:`CheckFailed`, or :class:`NotApplicable`."""

    @classmethod
    def of(cls, function: Callable[[Any], None]) -> Check:
        summary = (function.__doc__ or "").partition("\n")[0]
        return cls(function.__name__.replace("_", "-"), summary, function)


CHECKS = tuple(
    map(
        Check.of,
        (
            light_import,
            info,
            target,
            recipes,
            settings,
            read,
            read_refuses,
            encode,
            encode_condition,
            round_trip,
            codec_state,
            shapes,
            generator_determinism,
            batch_independence,
            condition,
            gradients,
            second_derivatives,
            augment,
            resume,
            sampling,
            write_read,
            bad_items,
            confinement,
            provenance,
            preview,
            features,
            distances,
            evaluators,
        ),
    )
)
"""Every check, from what a plugin says of itself to what its scores say."""
