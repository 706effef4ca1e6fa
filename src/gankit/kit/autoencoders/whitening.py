"""Whitening: latents as coordinates in which the Gaussian that fits them is N(0, I)."""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-4
"""Ridge penalty of the regression on the conditions, relative to their variance of 1."""
MIN_NOISE = 0.05
"""Least standard deviation of the noise in the covariance, which keeps it well conditioned."""


class Whitening:
    """``z = x Lᵀ + mean + c @ slope`` and its inverse.

    The conditions' linear effect on a latent is removed, and the rest is whitened together with
    the noise that the decoder was trained with: directions that the noise hides carry no weight.
    """

    def __init__(self, latent: int, cond_dim: int) -> None:
        self.mean = torch.zeros(latent)
        self.slope = torch.zeros(cond_dim, latent)
        self.factor = torch.eye(latent)
        """Lower triangle L of the covariance ``L Lᵀ`` of residuals and noise."""

    @classmethod
    def fit(cls, z: Tensor, c: Tensor, noise: float) -> Whitening:
        """Fitted to latents and conditions in double precision.

        Args:
            noise: standard deviation of the decoder's noise.
        """
        mean = z.mean(0)
        centred = z - mean
        gram = c.T @ c + RIDGE * len(c) * torch.eye(c.shape[1], dtype=torch.float64)
        slope = torch.linalg.solve(gram, c.T @ centred)
        rest = centred - c @ slope
        added = cls.added(noise) * torch.eye(rest.shape[1]).double()
        fitted = cls(z.shape[1], c.shape[1])
        fitted.mean = mean.float()
        fitted.slope = slope.float().contiguous()
        fitted.factor = torch.linalg.cholesky(rest.T @ rest / len(rest) + added).float()
        fitted.factor = fitted.factor.contiguous()
        return fitted

    @staticmethod
    def added(noise: float) -> float:
        """The variance that noise of this standard deviation adds to each latent."""
        return max(noise, MIN_NOISE) ** 2

    def whiten(self, z: Tensor, c: Tensor) -> Tensor:
        """``x`` of latents in double precision; float32."""
        rest = z - self.mean - c.double() @ self.slope.double()
        x: Tensor = torch.linalg.solve_triangular(self.factor.double(), rest.T, upper=False).T
        return x.float().contiguous()

    def latents(self, x: Tensor, c: Tensor) -> Tensor:
        """The latents ``z`` of ``x``."""
        return x @ self.factor.T + self.mean + c @ self.slope

    def noisy(self, x: Tensor, noise: float) -> Tensor:
        """``x`` with fresh noise of this standard deviation in the latents."""
        drawn = noise * torch.randn_like(x)
        factor = self.factor.to(x.device)
        moved: Tensor = x + torch.linalg.solve_triangular(factor, drawn.T, upper=False).T
        return moved

    def state(self) -> dict[str, Tensor]:
        """The three tensors by name."""
        return {"mean": self.mean, "slope": self.slope, "factor": self.factor}

    @classmethod
    def load(cls, tensors: dict[str, Tensor]) -> Whitening:
        """The inverse of :meth:`state`."""
        loaded = cls(len(tensors["mean"]), len(tensors["slope"]))
        loaded.mean, loaded.slope, loaded.factor = (
            tensors[name] for name in ("mean", "slope", "factor")
        )
        return loaded
