"""The files that the documentation gives for schedulers do what it says of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "launchers"
BIN = Path(sys.executable).parent
TOY = [
    *("--plugin", "toy", "--device", "cpu", "--samples", "320", "hidden=8", "layers=2"),
    *("d_layers=2", "count=200", "train.batch=32", "train.threads=1", "log.verdict=0"),
]


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run(words, folder, **more):
    done = subprocess.run(
        *(words,),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"} | more,
    )
    assert done.returncode == 0, done.stderr
    return done


def trained(folder: Path) -> int:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return int(json.loads(lines[-1])["samples"])


def test_slurm_starts_an_agent_on_each_machine(tmp_path, port):
    """srun starts as many tasks as there are nodes: here both are this machine."""
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    (stand_ins / "scontrol").write_text("#!/bin/sh\necho 127.0.0.1\necho other\n")
    (stand_ins / "srun").write_text('#!/bin/sh\n"$@" & one=$!\n"$@" && wait $one\n')
    for file in stand_ins.iterdir():
        file.chmod(0o755)
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "7"}
    run(
        ["bash", str(FILES / "slurm.sh"), *TOY],
        tmp_path,
        **job,
        SLURM_SUBMIT_DIR=str(tmp_path),
        PROCESSES="1",
        PORT=str(port),
        PATH=f"{stand_ins}:{BIN}:{os.environ['PATH']}",
    )
    assert trained(tmp_path / "runs" / "photos") == 320


def test_the_job_for_kubernetes_runs_with_what_its_operator_sets(tmp_path, port):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((FILES / "pytorchjob.yaml").read_text())
    worker = job["spec"]["pytorchReplicaSpecs"]["Worker"]
    (container,) = worker["template"]["spec"]["containers"]
    elastic = job["spec"]["elasticPolicy"]
    assert elastic["minReplicas"] == elastic["maxReplicas"] == worker["replicas"]
    assert container["args"][:2] == ["--plugin", "image"]
    assert container["args"][-2:] == ["--out", "/data/runs/photos"]
    assert container["volumeMounts"][0]["mountPath"] == "/data"
    words = [*container["command"], *TOY, "--out", str(tmp_path / "run")]
    run(
        [str(BIN / words[0]), *words[1:]],
        tmp_path,
        **{variable["name"]: variable["value"] for variable in container["env"]},
        PET_NNODES="1",
        PET_NPROC_PER_NODE="2",
        PET_RDZV_BACKEND=elastic["rdzvBackend"],
        PET_RDZV_ENDPOINT=f"127.0.0.1:{port}",
        PET_RDZV_ID="gankit",
        PET_MAX_RESTARTS=str(elastic["maxRestarts"]),
    )
    assert trained(tmp_path / "run") == 320


def test_the_script_for_ray_can_be_read():
    compile((FILES / "ray_train.py").read_text(), "ray_train.py", "exec")
