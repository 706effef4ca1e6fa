"""Exporting the averaged generator as a graph that runs without gankit."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Categorical, Progress, Provenance, Sample, quiet
from gankit.contract.codec import ProposesConditions
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.output import write_generated
from gankit.runs.provenance import now, software
from gankit.runs.targets import Target, expanded, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.generate import MEMORY_HINT, run_record
from gankit.workflows.graph_files import FORMATS, Parity, in_words

if TYPE_CHECKING:
    from gankit.contract import Condition
    from gankit.engine.sampling.graph import Exportable
    from gankit.engine.sampling.sampler import Sampler

FED = ("latent_dim", "inputs", "outputs", "conditions")
"""Of what a file states, what its record has too: browsers cannot read a graph's metadata."""
COMPARED = 8
"""Seeds, from 0 on, for which the written file is compared with torch."""


@dataclass(frozen=True)
class Exported:
    """An exported graph."""

    path: Path
    about: dict[str, Any]
    """What the file states of itself, as JSON: inputs, outputs, conditions, provenance."""
    parity: tuple[Parity, ...]
    """How far each output is from torch's; empty where nothing could run the file."""
    record: dict[str, Any]
    """The provenance record beside it."""

    def lines(self) -> list[str]:
        """What was written, in a few lines."""
        size = self.path.stat().st_size / 2**20
        opset = f", ONNX opset {self.about['opset']}" if "opset" in self.about else ""
        found = [f"{size:.1f} MB{opset}"]
        found += [f"input {name}: {text}" for name, text in self.about["inputs"].items()]
        found += [f"output {name}: {text}" for name, text in self.about["outputs"].items()]
        found += [f"not in the file: {text}" for text in self.about["left_out"]]
        found += [in_words(each, COMPARED) for each in self.parity]
        return found


def export_target(out: str | Path) -> Target:
    """Where an export goes.

    Raises:
        GankitError: the ending is none of :data:`FORMATS`, or it is a folder.
    """
    path = expanded(out)
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        endings = " or ".join(f".{name} ({kind.about})" for name, kind in FORMATS.items())
        raise GankitError(f"--out {out} is no file to export to", f"End the name in {endings}")
    if path.is_dir():
        raise GankitError(f"--out {out} is a folder", f"Name a file in it: {path / path.name}")
    return Target(path, format, single_file=True)


@translated(memory=MEMORY_HINT)
def export(
    run: Run, out: str | Path, *, overwrite: bool = False, progress: Progress = quiet
) -> Exported:
    """Writes the averaged generator and the codec's decoding as one graph, in float32 and for any
    number of samples, compares it with torch, and writes its provenance record beside it.

    Args:
        out: ends in ``.onnx`` or ``.pt2``.

    Raises:
        GankitError: for whatever the user can fix; the networks cannot be traced; the file
            computes something else than torch does.
    """
    from gankit.engine.sampling.graph import Exportable

    graph = Exportable.of(run.sampler("cpu"))  # refuses what has no graph, whatever the ending
    target = export_target(out)
    refuse_existing(target, overwrite)
    file = FORMATS[target.format]
    file.check()
    progress("tracing the generator", 0, 0)
    statement = Provenance(software(), run.model["run"], now(), run.plugin.modality.source_type)
    about = {**described(run, graph, statement), **file.facts}
    with tempfile.TemporaryDirectory(prefix="gankit-") as name:
        made = Path(name) / target.path.name
        parity = file.write(graph, made, about, statement.text(), range(COMPARED), progress)

        def write(samples: Iterable[Sample[Any]], folder: Path, provenance: Provenance) -> None:
            list(samples)
            shutil.move(made, folder / target.path.name)

        record = write_generated(
            *(run.plugin, (), target),
            codec=graph.sampler.codec,
            run=run.model["run"],
            record={
                **run_record(run, shares_model=True),
                "export": {key: about[key] for key in FED},
            },
            plugins=installed(),
            overwrite=overwrite,
            created=statement.created,
            write=write,
        )
    return Exported(target.path, about, parity, record)


def described(run: Run, graph: Exportable, statement: Provenance) -> dict[str, Any]:
    """What the file states of itself: enough to feed it, and to know where it comes from."""
    sampler, decoding = graph.sampler, graph.decoding
    condition = sampler.codec.layout.condition
    inputs = {"z": f"(N, {sampler.latent_dim}) float32: N(0, 1); of a seed: gankit.seeds.normal"}
    if condition is not None:
        inputs["c"] = f"(N, {condition.width}) float32: the conditions, see `conditions`"
    inputs |= {name: each.about for name, each in decoding.draws.items()}
    return {
        "software": statement.software,
        "run": statement.run,
        "plugin": run.plugin.info.name,
        "created": statement.created,
        "digital_source_type": statement.source_type,
        **run_record(run, shares_model=True),
        "latent_dim": sampler.latent_dim,
        "inputs": inputs,
        "outputs": dict(decoding.outputs),
        "conditions": fields(condition),
        "decoding": dict(decoding.decoding),
        "left_out": [*decoding.left_out, *not_exported(sampler)],
    }


def fields(condition: Condition | None) -> list[dict[str, Any]]:
    """Each field of a condition: which columns of ``c`` it has, and how a value is encoded."""
    found: list[dict[str, Any]] = []
    for field, block in condition.blocks() if condition is not None else ():
        place: Mapping[str, Any] = {"name": field.name, "start": block.start, "width": field.width}
        if isinstance(field, Categorical):
            how = "1 at start + the value's index, 0 elsewhere" + (
                "; all 0: not requested" if field.optional else ""
            )
            found.append({**place, "kind": "categorical", "values": [*field.values], "how": how})
        else:
            how = "(value - mean) / scale"
            scale = {"mean": field.mean, "scale": field.scale}
            found.append({**place, "kind": "continuous", **scale, "how": how})
    return found


def not_exported(sampler: Sampler) -> list[str]:
    """What ``gankit generate`` does beyond the generator and the decoding, a clause each."""
    found = []
    if sampler.resampler is not None:
        n = sampler.resampler.candidates
        found.append(f"choosing among {n} candidates for each seed by their density ratio")
    if sampler.likelihood is not None and isinstance(sampler.codec, ProposesConditions):
        found.append("meeting requests exactly, by choosing among candidates")
    if sampler.autocast is not None:
        found.append("bfloat16: the run generates in it, the file computes in float32")
    return found
