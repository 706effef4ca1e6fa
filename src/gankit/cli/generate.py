"""``gankit generate``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import (
    check_stdout,
    parse_where,
    print_json,
    show_warnings,
    state_provenance,
)
from gankit.cli._parts import Processes, chosen_shard, make, refuse, report
from gankit.cli._weights import Weights, state_weights
from gankit.errors import GankitError
from gankit.screen.console import err, out
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.workflows.walks import Walk


def generate(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            autocompletion=completion.sampling_settings,
            help="Sampling-time options of the plugin; `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Number of samples. \\[default: 64]")
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            "--per-class", metavar="N", min=1, help="N samples of each class, in place of -n."
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="KEY",
            autocompletion=completion.condition_names,
            help="The condition that --per-class counts by. \\[default: label, or the only one]",
        ),
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            autocompletion=completion.conditions,
            help="Condition on a value, e.g. label=7. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Sample i uses seed SEED+i, independent of -n. \\[default: 0]"),
    ] = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A:B[:C…]",
            help="Interpolate in latent space from seed A to seed B in N steps; a file of "
            "latents can stand for a seed.",
        ),
    ] = None,
    along: Annotated[
        str | None,
        typer.Option(
            metavar="K:FROM..TO",
            help="Steps along direction K of the run (see gankit directions), in standard "
            "deviations from the latent of --seed or --latent, e.g. 2:-3..3.",
        ),
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Style mixing: coarse stages of seeds A with fine stages of seeds B, e.g. "
            "0..5:10..14, for generators with stages.",
        ),
    ] = None,
    mix_from: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="STAGE", help="The first fine stage of --mix. \\[default: half of them]"
        ),
    ] = None,
    latent: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Generate from latents that gankit project found; FILE#2 for one."
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            metavar="PSI",
            help="Move latents towards their mean, 0 to 1: more typical, less varied. "
            "\\[default: 1, no truncation]",
        ),
    ] = None,
    film: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write a film in place of items, a frame a sample: .gif, .webp, .apng or .mp4.",
        ),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second of --film. \\[default: 12]")
    ] = None,
    out_: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A folder to make; a file of the plugin's formats (people.csv, people.csv.gz), a "
            "zip archive (made.zip), or - for standard output. \\[default: generated/RUN-001]",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.formats,
            help="Output format. \\[default: --out's, or the plugin's first]",
        ),
    ] = None,
    phase: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="warm-up: use the generator as it was before the adversarial game. "
            "\\[default: adversarial]",
            show_default=False,
        ),
    ] = "adversarial",
    watermark: Annotated[
        bool,
        typer.Option(
            "--watermark",
            help="Mark items imperceptibly with your key, where the plugin can: `gankit provenance "
            "inspect` finds the mark when metadata are gone.",
        ),
    ] = False,
    nproc: Processes = 1,
    parts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Write N files into the folder --out; items of a file each go into tar archives. "
            "Files that are there already are kept.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Make only every N-th part, from the K-th on, e.g. 3/16: for array jobs.",
        ),
    ] = None,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Generate from a trained run. Output files carry metadata marking them as synthetic."""
    from gankit.cli._progress import INCOMPLETE, KEPT, NOTHING, interruptible
    from gankit.contract import quiet
    from gankit.engine.clock import ADVERSARIAL
    from gankit.runs.directory import Run
    from gankit.workflows.films import FPS, film_target
    from gankit.workflows.films import film as write_film
    from gankit.workflows.generate import Sampling
    from gankit.workflows.generate import generate as write

    if per_class and n:
        raise GankitError("-n and --per-class both give a number of samples", "Use one of them")
    if by and not per_class:
        raise GankitError("--by has no meaning without --per-class", "Add --per-class N")
    if phase != ADVERSARIAL and weights != "best":
        raise GankitError(
            "--phase and --weights both choose the generator's weights", "Use one of them"
        )
    walk = walk_of(between, along, mix, mix_from, latent, seed, per_class)
    if film is None and fps is not None:
        raise GankitError("--fps has no meaning without --film", "Add --film FILE")
    if film is not None and (out_ is not None or format is not None):
        raise GankitError(
            "--film is written in place of items", "Leave out --out and --format, or --film"
        )
    refuse(
        bool(film),
        {"--nproc": nproc > 1, "--parts": parts, "--shard": shard, "--watermark": watermark},
    )
    piped = check_stdout(out_, json)
    own = None if film else chosen_shard(shard, nproc)
    conditions = parse_where(where or [])
    changed, psi = settings_and_truncation(settings or [], truncation)
    if film is not None:
        film_target(film, fps or FPS)  # before the run is loaded
    source = Run(run, weights=weights)
    count = walk.count(n, film is not None) if walk else n or 64
    sampling = Sampling(
        *(count, seed or 0, conditions, walk, changed),
        per_class=per_class or 0,
        by=by.strip(),
        phase=phase,
        truncation=psi,
        watermark=watermark,
    )
    given: dict[str, Any] = {"device": device, "overwrite": overwrite}
    lost = KEPT if parts or own else INCOMPLETE if piped else NOTHING
    with interruptible(lost) as meter:
        if film is not None:
            rate = FPS if fps is None else fps
            made = write_film(source, sampling, film, fps=rate, progress=meter, **given)
        elif parts or own:
            many: dict[str, Any] = {
                "parts": parts or 0,
                "shard": own,
                "nproc": nproc,
                "format": format,
            }
            done = make(source, sampling, out_, progress=meter, **many, **given)
        else:
            show = quiet if piped and out.is_terminal else meter
            made = write(source, sampling, out_, format=format, nproc=nproc, progress=show, **given)
    if phase == ADVERSARIAL:
        state_weights(source)
    if parts or own:
        report(done, json)
        return
    show_warnings(made.record)
    if json:
        print_json({"path": str(made.path), **made.record})
        return
    record = made.record
    told = [sampling.in_words()] if walk else []
    if not walk:
        first, last = record["seeds"]
        told = [f"seeds {first} to {last}" if first != last else f"seed {first}"]
        told += [f"{per_class:,} per {record['by']}"] if per_class else []
        told += [sampling.in_words()] if psi != 1 else []
    told += [f"{k}={v}" for k, v in [*conditions.items(), *changed.items()]]
    err.print(visible(", ".join(told)))
    counted = ", ".join(f"{k:,} {name}" for name, k in record.get("counted", {}).items())
    kind = "frames" if film is not None else "generated"
    line = f"{record['count']:,} {kind}{f' ({counted})' if counted else ''}"
    if piped:
        state_provenance(line, record)
    else:
        out.print(f"{line}: {visible(made.path)}")


def walk_of(
    between: str | None,
    along: str | None,
    mix: str | None,
    mix_from: int | None,
    latent: str | None,
    seed: int | None,
    per_class: int | None,
) -> Walk | None:
    """The latents that the options choose, other than those of consecutive seeds.

    Raises:
        GankitError: they contradict each other, or cannot be read.
    """
    from gankit.workflows.walks import (
        Given,
        choose_walk,
        parse_along,
        parse_between,
        parse_latents,
        parse_mix,
    )

    if mix_from is not None and mix is None:
        raise GankitError("--mix-from has no meaning without --mix", "Add --mix A:B")
    file = None if latent is None else parse_latents(latent)
    if file is not None and seed is not None:
        raise GankitError("--latent and --seed both choose the latent", "Use one of them")
    start = file if file is not None else seed or 0
    given = {
        "--between": parse_between(between) if between else None,
        "--along": parse_along(along, start) if along else None,
        "--mix": parse_mix(mix, mix_from) if mix else None,
        "--latent": Given(file) if file is not None and not along else None,
    }
    walk, name = choose_walk(**given), next((k for k, v in given.items() if v), "")
    if walk is not None and seed is not None and not walk.takes_seed:
        raise GankitError(f"{name} and --seed both name seeds", "Use one of them")
    if walk is not None and per_class:
        what = "interpolates with one condition" if between else "chooses the latents"
        raise GankitError(f"{name} {what}", f"Use {name} or --per-class")
    return walk


def settings_and_truncation(
    words: list[str], truncation: float | None
) -> tuple[dict[str, Any], float]:
    """The plugin's settings, and the truncation, which may stand among them.

    Raises:
        GankitError: it is given twice, or no number.
    """
    from gankit.config import parse_overrides

    settings = parse_overrides(words)
    if "truncation" not in settings:
        return settings, 1.0 if truncation is None else truncation
    if truncation is not None:
        raise GankitError("truncation and --truncation are the same", "Give one of them")
    value = settings.pop("truncation")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise GankitError(f"truncation={value}: not a number", "Use 0 to 1, e.g. truncation=0.7")
    return settings, float(value)
