"""Training with Ray Train, which starts the processes and joins them: gankit uses their group."""

from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

import gankit


def train(settings: dict) -> None:
    """What each of the processes does."""
    gankit.fit("image", "/data/photos", out="/data/runs/photos", **settings)


if __name__ == "__main__":
    TorchTrainer(
        train,
        train_loop_config={"time": "8h"},
        scaling_config=ScalingConfig(num_workers=16, use_gpu=True),
        run_config=RunConfig(name="gankit"),
    ).fit()
