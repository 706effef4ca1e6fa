"""Runs that fail beside healthy ones: what the guard sees, how soon, and what it heals.

    python benchmarks/guard.py run WORK [NAME ...] [--part development|set-aside] [--seeds 0 1 2]
    python benchmarks/guard.py table WORK
    python benchmarks/guard.py trace WORK NAME [SIGNAL ...]
    python benchmarks/guard.py overhead [NAME ...] [--rounds 3]
    python benchmarks/guard.py quick

``run`` trains each run of guard_runs.py twice with the same seed, with ``guard.action=warn``, which
changes nothing, and with ``heal``; it goes on where it was stopped. ``quick`` does so for two of
them and prints the table. ``overhead`` pairs runs with the guard's default distances between
checks with runs without any check.

The score is a product of shares of what real items have: coverage of held-out items in the
features of the plugin's first extractor; where items have classes, the accuracy with which a linear
classifier of these features, trained on real items, finds the requested one; and originality: twice
the probability that a held-out item is nearer to the training items than a sample is, at most 1.
1 is real data. Generated samples are as many as
there are real ones beside them: half of what was held out, at most 500; the other half is the
baseline.

A run fails where its last weights score less than 75 % of the healthy run's with the same seed, and
is healed where what ``generate`` uses scores at least 90 % of it. It is found where a check gives a
state other than healthy or converged; for a healthy run that is a false alarm. Checks are fifty a
run. Thresholds were chosen on the development runs alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import torch
from guard_runs import CHECKS, EVERYWHERE, FAILING, HEALTHY, SET_ASIDE, healthy_of
from guard_scores import Record, scored

import gankit
from gankit.engine.guard.states import FAILED, WARNING
from gankit.errors import GankitError

FAILS, HEALED = 0.75, 0.9
ACTIONS = ("warn", "heal")
BAD = (WARNING, *FAILED)


def train(name: str, folder: Path, seed: int, guard: Mapping[str, Any]) -> Record:
    """Trains a run to its end, or to its failure."""
    failing = FAILING.get(name)
    healthy = HEALTHY[healthy_of(name)]
    settings = {**EVERYWHERE, "train.burn_in": healthy.samples}
    settings |= {"ema.half_life": healthy.samples // 20, **healthy.settings}
    settings |= {"log.every": max(healthy.samples // CHECKS, 1), **guard}
    settings |= failing.change if failing else {}
    networks = failing.networks if failing else None
    data = failing.data if failing and failing.data else healthy.data
    began, ended = time.process_time(), "done"
    try:
        gankit.fit(
            *(healthy.recipe, data()),
            out=folder,
            samples=healthy.samples,
            seed=seed,
            networks=networks,
            progress=False,
            settings=settings,
        )
    except GankitError as error:
        ended = str(error)
    return {"ended": ended, "cpu": round(time.process_time() - began, 2)}


def run(
    work: Path, names: Sequence[str], seeds: Sequence[int], actions: Sequence[str] = ACTIONS
) -> None:
    """Trains and scores whatever is not there yet."""
    for seed in seeds:
        for name in names:
            every = max(HEALTHY[healthy_of(name)].samples // CHECKS, 1)
            for action in actions:
                folder = work / f"{name}-{action}-{seed}"
                if (file := folder / "guard.json").exists():
                    continue
                same = work / f"{name}-warn-{seed}"
                if action == "heal" and (same / "guard.json").exists() and not failed(same):
                    continue  # nothing to heal: it would be the same run
                guard = {"guard.action": action, "guard.every": every}
                record: Record = {"name": name, "seed": seed, "action": action}
                record |= train(name, folder, seed, guard)
                record["best"] = scored(name, folder)
                record["latest"] = scored(name, folder, "latest")
                file.write_text(json.dumps(record))
                shown = {k: v for k, v in record.items() if k not in ("best", "latest")}
                shown |= {k: record[k]["score"] for k in ("best", "latest")}
                print(json.dumps(shown | {"seen": seen(folder)}), file=sys.stderr, flush=True)


# --- What was seen -------------------------------------------------------------------------------


def lines(folder: Path) -> list[Record]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def seen(folder: Path) -> list[tuple[int, str, str]]:
    """What happened to a run: samples, kind of event, state or what was done."""
    return [
        (line["samples"], event["kind"], event.get("state", "") + ": " + event["text"])
        for line in lines(folder)
        for event in line.get("events", ())
    ]


def failed(folder: Path) -> bool:
    """Whether a check found a state that is healed."""
    return any(line["guard"] in FAILED for line in lines(folder))


def alarm(folder: Path) -> tuple[float, str]:
    """The share of training after which the first bad state was seen, and the state."""
    ticks = lines(folder)
    for samples, kind, text in seen(folder):
        if kind == "state" and (state := text.partition(":")[0]) in BAD:
            return samples / ticks[-1]["samples"], state
    return float("nan"), ""


def table(work: Path) -> Iterator[str]:
    """Markdown: a row for each run, and the sums."""
    records = [json.loads(path.read_text()) for path in sorted(work.glob("*/guard.json"))]
    found = {(r["name"], r["action"], r["seed"]): r for r in records}
    seeds = sorted({r["seed"] for r in records})

    def scores(name: str, action: str, weights: str) -> dict[int, float]:
        keys = {seed: (name, action, seed) for seed in seeds}
        keys = {seed: key if key in found else (name, "warn", seed) for seed, key in keys.items()}
        return {seed: found[key][weights]["score"] for seed, key in keys.items() if key in found}

    yield "| run | part | seeds | score | failed | found | after | healed to | healed |"
    yield "|---|---|---|---|---|---|---|---|---|"
    sums = dict.fromkeys(("failed", "found", "healed", "healthy", "alarms", "kept"), 0)
    after = list[float]()
    for name in [*HEALTHY, *FAILING]:
        warn, heal = scores(name, "warn", "latest"), scores(name, "heal", "best")
        of = scores(healthy_of(name), "warn", "latest")
        both = [seed for seed in warn if seed in heal and seed in of]
        if not both:
            continue
        alarms = {seed: alarm(work / f"{name}-warn-{seed}") for seed in both}
        part = "set-aside" if healthy_of(name) in SET_ASIDE else "development"
        failed = [s for s in both if name in FAILING and warn[s] < FAILS * of[s]]
        of_interest = failed if name in FAILING else both
        rang = [s for s in of_interest if alarms[s][1]]
        good = [s for s in of_interest if heal[s] >= HEALED * of[s]]
        states = ", ".join(sorted({alarms[s][1] for s in rang})) or "—"
        when = statistics.median(alarms[s][0] for s in rang) if rang else float("nan")
        if name in FAILING:
            sums["failed"] += len(failed)
            sums["found"] += len(rang)
            sums["healed"] += len(good)
            after += [alarms[s][0] for s in rang]
        else:
            sums["healthy"] += len(both)
            sums["alarms"] += len(rang)
            sums["kept"] += len(good)
        cells = [
            *(name, part, str(len(both)), _mean([warn[s] for s in both])),
            f"{len(failed)} of {len(both)}" if name in FAILING else "",
            f"{len(rang)}: {states}" if rang else "0",
            f"{when:.0%}" if rang else "",
            _mean([heal[s] for s in both]),
            f"{len(good)} of {len(of_interest)}",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        f"{sums['failed']} runs failed; {sums['found']} of them were found, at the median after "
        f"{statistics.median(after) if after else float('nan'):.0%} of training, and "
        f"{sums['healed']} healed. Of {sums['healthy']} healthy runs, {sums['alarms']} had an "
        f"alarm, and {sums['kept']} kept their score with heal."
    )


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f}"


def trace(folder: Path, signals: Sequence[str]) -> None:
    """The signals at each check, one line each."""
    for line in lines(folder):
        if "heldout_distance" in line or "g_gradient" in line:
            values = {k: line[k] for k in signals if k in line}
            shown = " ".join(f"{k}={v:.3g}" for k, v in values.items())
            print(f"{line['samples']:>8} {line['guard']:<10} {shown}")


def overhead(names: Sequence[str], rounds: int) -> Iterator[str]:
    """Processor time with checks at their default distances, beside none, run in turn."""
    yield "| run | samples | checks | CPU s without | CPU s with | overhead |"
    yield "|---|---|---|---|---|---|"
    for name in names:
        spent: dict[str, list[float]] = {"without": [], "with": []}
        checks = 0
        with tempfile.TemporaryDirectory() as folder:  # imports, and reads the data
            train(name, Path(folder) / "run", 0, {"guard.action": "warn"})
        for i in range(rounds):
            for key in ("without", "with") if i % 2 else ("with", "without"):
                guard = {"guard.action": "warn", "guard.every": 0 if key == "with" else 10**9}
                with tempfile.TemporaryDirectory() as folder:
                    spent[key].append(train(name, Path(folder) / "run", 0, guard)["cpu"])
                    seen_here = sum("diversity" in line for line in lines(Path(folder) / "run"))
                checks = seen_here if key == "with" else checks
        ratios = [a / b - 1 for a, b in zip(spent["with"], spent["without"], strict=True)]
        a, b = (statistics.median(spent[key]) for key in ("without", "with"))
        ratio = statistics.median(ratios)
        samples = HEALTHY[name].samples
        yield f"| {name} | {samples:,} | {checks} | {a:.2f} | {b:.2f} | {ratio:+.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("run", "table", "trace"):
        verbs.add_parser(verb).add_argument("work", type=Path)
    verbs.add_parser("quick")
    verbs.choices["run"].add_argument("names", nargs="*")
    verbs.choices["run"].add_argument("--part", choices=("development", "set-aside"))
    verbs.choices["run"].add_argument("--seeds", type=int, nargs="*", default=[0])
    verbs.choices["run"].add_argument("--actions", nargs="*", choices=ACTIONS, default=ACTIONS)
    verbs.choices["trace"].add_argument("name")
    verbs.choices["trace"].add_argument("signals", nargs="*")
    verbs.add_parser("overhead").add_argument("names", nargs="*", default=["grid", "fashion"])
    verbs.choices["overhead"].add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.verb == "run":
        chosen = given.names or [*HEALTHY, *FAILING]
        if given.part:
            wanted = given.part == "set-aside"
            chosen = [name for name in chosen if (healthy_of(name) in SET_ASIDE) == wanted]
        run(given.work, chosen, given.seeds, given.actions)
    elif given.verb == "trace":
        trace(given.work / given.name, given.signals)
    elif given.verb == "overhead":
        print("\n".join(overhead(given.names, given.rounds)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder) if given.verb == "quick" else given.work
            if given.verb == "quick":
                run(work, ["ring", "ring-lr"], [0])
            print("\n".join(table(work)))


if __name__ == "__main__":
    main()
