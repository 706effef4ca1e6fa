#!/bin/bash
# One agent a machine; each starts a process for every GPU.
#SBATCH --job-name=gankit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --requeue
# SIGTERM two minutes before the end: the run is saved, and the job that is queued again resumes it.
#SBATCH --signal=TERM@120

set -euo pipefail
RUN=${RUN:-$SLURM_SUBMIT_DIR/runs/photos}
# sed reads all of the list: a pipe that closes early would end the script.
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)

# Processes that are started again find each other by a store of their own.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

srun torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" \
    --nproc-per-node "${PROCESSES:-gpu}" \
    --max-restarts 3 \
    --rdzv-id "$SLURM_JOB_ID" \
    --rdzv-backend c10d \
    --rdzv-endpoint "$HEAD:${PORT:-29500}" \
    -m gankit train --out "$RUN" "$@"
