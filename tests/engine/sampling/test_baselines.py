"""The Gaussian in the generator's place: it fits, and draws as the sampler does."""

from __future__ import annotations

import torch

from gankit.engine.sampling.baselines import GaussianGenerator


def test_the_fitted_gaussian_has_the_datas_regression_and_covariance() -> None:
    generator = torch.Generator().manual_seed(0)
    c = torch.randn(50_000, 2, generator=generator)
    noise = torch.randn(50_000, 3, generator=generator)
    slope = torch.tensor([[1.0, 0.0, -2.0], [0.5, 3.0, 0.0]])
    mix = torch.tensor([[1.0, 0.5, 0.0], [0.0, 2.0, 0.3], [0.0, 0.0, 0.1]])
    x = torch.tensor([4.0, -1.0, 0.0]) + c @ slope + noise @ mix
    fitted = GaussianGenerator.fit(x, c)
    torch.testing.assert_close(fitted.slope, slope, atol=0.03, rtol=0)
    torch.testing.assert_close(fitted.mean, torch.tensor([4.0, -1.0, 0.0]), atol=0.03, rtol=0)
    covariance = fitted.factor @ fitted.factor.T
    torch.testing.assert_close(covariance, mix.T @ mix, atol=0.05, rtol=0)


def test_it_has_the_shape_of_the_samples_and_needs_no_condition() -> None:
    x = torch.randn(500, 2, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1
    fitted = GaussianGenerator.fit(x, None)
    drawn = fitted(torch.randn(4000, 6, generator=torch.Generator().manual_seed(1)), None)
    assert drawn.shape == (4000, 2, 3)
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.2, rtol=0)
    torch.testing.assert_close(drawn.std(0), x.std(0), atol=0.2, rtol=0)


def test_constant_dimensions_and_conditions_do_no_harm() -> None:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 7
    drawn = GaussianGenerator.fit(x, torch.ones(200, 1))(torch.randn(50, 3), torch.ones(50, 1))
    assert drawn.isfinite().all()
    torch.testing.assert_close(drawn[:, 1], torch.full((50,), 7.0), atol=0.05, rtol=0)
