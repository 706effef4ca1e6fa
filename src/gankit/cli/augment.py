"""``gankit augment``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gankit.cli._output import err, out, parse_where, print_json, table
from gankit.errors import GankitError


def augment(
    run: Annotated[Path, typer.Argument(help="A run directory, or a copied model folder.")],
    data: Annotated[str, typer.Option(metavar="REAL", help="The real data; it is only read.")],
    out_: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="The folder to make.")
    ] = None,
    balance: Annotated[
        str, typer.Option(metavar="KEY", help="Bring all classes of KEY level, e.g. label.")
    ] = "",
    factor: Annotated[
        float, typer.Option(metavar="F", help="Make the data set F times as large, e.g. 2.")
    ] = 0.0,
    n: Annotated[int, typer.Option("-n", min=0, help="How many to add.")] = 0,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Add only such items. Repeatable."),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure first what the addition is worth.")
    ] = False,
    test: Annotated[
        str | None, typer.Option(metavar="PATH", help="Untouched real data to measure on.")
    ] = None,
    target: Annotated[
        str, typer.Option(metavar="KEY", help="What to predict when measuring. [default: KEY]")
    ] = "",
    repeats: Annotated[int, typer.Option(min=2, help="Repetitions when measuring.")] = 5,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep near duplicates and unlikely items too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first item.")] = 0,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="How to write; as the data is, by default.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace what is at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a data set of real items and generated ones, each marked.

    Near duplicates of real items and items unlike any real one are dropped and counted.
    """
    from gankit.cli._display import Display
    from gankit.runs.directory import Run
    from gankit.workflows import augment as augmentation
    from gankit.workflows.candidates import plan
    from gankit.workflows.measure import measure as measure_worth
    from gankit.workflows.measure import verdict

    source, asked = Run(run), parse_where(where or [])
    if out_ is None and not measure:
        raise GankitError("where should it go?", "Name a folder: --out PATH")
    progress = Display(1, 0, {}).preparing
    result: dict[str, Any] = {}
    if measure:
        key = target or balance
        if not key:
            raise GankitError("what should be predicted?", "Name it: --target KEY or --balance KEY")
        measured = measure_worth(
            source,
            data,
            test=test,
            key=key,
            requests_of=lambda values: plan(
                values, balance=balance, factor=factor, where=asked, n=n
            ),
            repeats=repeats,
            seed=seed,
            device=device,
            progress=progress,
        )
        lines = verdict(measured)
        result["measured"] = [{"way": m.way, "scores": m.scores} for m in measured]
        result["repeats"] = repeats
        result["verdict"] = lines
        if not json:
            names = list(measured[0].scores)
            table(
                ["trained on", *names],
                [
                    [m.way, *(f"{m.scores[k][0]:.3f} ± {m.scores[k][1]:.3f}" for k in names)]
                    for m in measured
                ],
            )
            err.print(f"means and 95 % intervals over {repeats} repetitions, seed {seed}")
            out.print("\n".join(lines), markup=False)
    if out_ is not None:
        record = augmentation.augment(
            source,
            data,
            out_,
            balance=balance,
            factor=factor,
            where=asked,
            n=n,
            seed=seed,
            keep_all=keep_all,
            format=format,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
        result |= {"path": str(out_), **record}
        if not json:
            _tell(out_, record["augmented"])
    if json:
        print_json(result)


def _tell(path: Path, done: dict[str, Any]) -> None:
    made = done["generated"]
    err.print(f"real: {done['description']}", markup=False)
    out.print(f"{done['real']:,} real and {made['kept']:,} generated: {path}")
    for reason, count in made["dropped"].items():
        err.print(f"dropped {count:,}: {reason}")
    if made["missing"]:
        err.print(
            f"[yellow]warning:[/] {made['missing']:,} fewer than asked: too many were dropped"
        )
