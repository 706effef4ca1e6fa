"""``gankit doctor``"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli._output import print_json
from gankit.errors import GankitError
from gankit.screen.console import duration, err, out, table
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.workflows.machine import Ability

LONG = 2 * 3600
"""Seconds of a run from which on there is advice."""


def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure nothing: versions, devices and plugins.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this installation, and measure what this machine can train."""
    found = _installation()
    if not json:
        _show_installation(found)
    if not quick:
        from gankit.workflows.machine import abilities

        measured = list(abilities(lambda name: err.print(f"measuring {name} …")))
        found["abilities"] = [ability.as_dict() for ability in measured]
        if not json:
            _show_abilities(measured, found["devices"])
    if json:
        print_json(found)


def _installation() -> dict[str, Any]:
    """Versions, devices, plugins and advice."""
    import shutil

    import torch

    from gankit.plugins.registry import installed
    from gankit.runs.provenance import versions

    devices: list[dict[str, Any]] = [
        {"device": "cpu", "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    ]
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        devices.append(
            {
                "device": f"cuda:{i}",
                "name": about.name,
                "memory_gib": round(about.total_memory / 2**30, 1),
                "bf16": torch.cuda.is_bf16_supported(),
            }
        )
    if torch.backends.mps.is_available():
        devices.append({"device": "mps"})
    compiler = next((c for c in ("c++", "g++", "clang++") if shutil.which(c)), None)
    plugins = {
        r.name: r.status if r.status == "ok" else f"{r.status}: {r.why}"
        for r in installed().records
    }
    advice = []
    if compiler is None:
        advice.append("no C++ compiler: train.compile=true will not work on the CPU")
    if not any(status == "ok" for status in plugins.values()):
        advice.append("no usable plugin; install one, e.g. pip install gankit-image")
    advice += [f"plugin {r.name}: {r.what_to_do}" for r in installed().records if r.status != "ok"]
    signatures, doubt = _signatures()
    advice += [doubt] if doubt else []
    free = shutil.disk_usage(".").free / 2**30
    if free < 1:
        advice.append(f"only {free:.1f} GiB of disk free here")
    return {
        "versions": versions(),
        "devices": devices,
        "compiler": compiler,
        "disk_free_gib": round(free, 1),
        "plugins": plugins,
        "signatures": signatures,
        "advice": advice,
    }


def _signatures() -> tuple[str, str]:
    """How outputs are signed, and what is wrong with that, if anything. Makes no key."""
    from gankit.provenance.content_credentials import available
    from gankit.provenance.keys import KEY, SIGN, common_name, is_self_signed, own_paths, signer

    named, key = os.environ.get(KEY), own_paths()[0]
    off = os.environ.get(SIGN, "").strip().lower() == "off"
    if not (off or named or key.exists()):
        return f"with a key that the first output makes: {key}", ""
    try:
        found = signer()
    except GankitError as error:
        return "cannot be signed", f"signatures: {error}"
    if found is None:
        return f"off ({SIGN})", ""
    kind = "self-signed" if is_self_signed(found.chain) else "issued by an authority"
    until = f"{found.chain[0].not_valid_after_utc:%Y-%m-%d}"
    lacking = "" if available() else "c2pa-python cannot be loaded: no content credentials"
    return f"{common_name(found.chain[0])}, {kind}, until {until} ({found.path})", lacking


def _show_installation(found: dict[str, Any]) -> None:
    for name, value in found["versions"].items():
        out.print(f"{name + ':':12}{value}")
    for device in found["devices"]:
        rest = ", ".join(f"{k} {v}" for k, v in device.items() if k != "device")
        out.print(f"{device['device'] + ':':12}{rest}")
    if len(found["devices"]) == 1:
        out.print(f"{'gpu:':12}none: training runs on the CPU")
    out.print(f"{'compiler:':12}{found['compiler'] or 'none'}")
    out.print(f"{'disk:':12}{found['disk_free_gib']:.0f} GiB free here")
    out.print(visible(f"{'signatures:':12}{found['signatures']}"))
    for name, status in found["plugins"].items():
        out.print(f"plugin {name + ':':12}{status}")
    out.print("\n".join(f"- {line}" for line in found["advice"]) or "No problems found")


def _show_abilities(found: Sequence[Ability], devices: list[dict[str, Any]]) -> None:
    from gankit.workflows.machine import in_words

    gpu = "" if len(devices) == 1 else str(devices[1].get("name", devices[1]["device"]))
    out.print(f"\n{in_words(found, gpu)}")
    out.print("Measured now, for the recipes that own data get here, on built-in data:")
    cells: list[list[object]] = [
        [
            f"{ability.plugin}/{ability.recipe}",
            ability.problem
            or f"about {duration(ability.seconds or 0)}{' (projected)' * ability.projected}",
            ability.summary,
        ]
        for ability in found
    ]
    table(["recipe", "time", "for"], cells)
    if any((ability.seconds or 0) > LONG for ability in found):
        out.print("Any of them can be given less time: --time 30m")
