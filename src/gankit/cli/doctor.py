"""``gankit doctor``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gankit.cli._output import out, print_json


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check this installation: versions, devices, memory, plugins."""
    import os
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
    free = shutil.disk_usage(".").free / 2**30
    if free < 1:
        advice.append(f"only {free:.1f} GiB of disk free here")
    if json:
        print_json(
            {
                "versions": versions(),
                "devices": devices,
                "compiler": compiler,
                "disk_free_gib": round(free, 1),
                "plugins": plugins,
                "advice": advice,
            }
        )
        return
    for name, value in versions().items():
        out.print(f"{name + ':':12}{value}")
    for device in devices:
        rest = ", ".join(f"{k} {v}" for k, v in device.items() if k != "device")
        out.print(f"{device['device'] + ':':12}{rest}")
    out.print(f"{'compiler:':12}{compiler or 'none'}")
    out.print(f"{'disk:':12}{free:.0f} GiB free here")
    for name, status in plugins.items():
        out.print(f"plugin {name + ':':12}{status}")
    out.print("\n".join(f"- {line}" for line in advice) or "No problems found")
