"""The games, as pure functions of logits: loss per pair, shape (N,), both players minimise.

The classical game of Goodfellow et al. (2014, eq. 1) is
``min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]`` with ``D = sigmoid(logit)``. The discriminator
*maximises* it, so what it minimises here is the negative,
``softplus(-real) + softplus(fake)``, because ``-log sigmoid(a) = softplus(-a)`` and
``-log(1 - sigmoid(a)) = softplus(a)``.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gankit.contract import Objective


def _classical_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real) + F.softplus(fake)


OBJECTIVES: dict[str, Objective] = {
    o.name: o
    for o in (
        # Relativistic pairing (Jolicoeur-Martineau 2019; R3GAN, arXiv 2501.05441, eq. 2): each
        # real sample is compared with a fake one, so that no mode can be dropped for free.
        Objective(
            "rpgan",
            discriminator=lambda real, fake: F.softplus(fake - real),
            generator=lambda real, fake: F.softplus(real - fake),
            generator_sees_reals=True,
        ),
        # Goodfellow et al. 2014, section 3: G maximises log D(G(z)).
        Objective(
            "nonsaturating",
            discriminator=_classical_discriminator,
            generator=lambda real, fake: F.softplus(-fake),
        ),
        # Goodfellow et al. 2014, eq. 1: G minimises log(1 - D(G(z))); vanishes as D wins.
        Objective(
            "saturating",
            discriminator=_classical_discriminator,
            generator=lambda real, fake: -F.softplus(fake),
        ),
        # Lim & Ye 2017, eq. 7 and 8; Miyato et al. 2018, eq. 16 and 17.
        Objective(
            "hinge",
            discriminator=lambda real, fake: F.relu(1 - real) + F.relu(1 + fake),
            generator=lambda real, fake: -fake,
        ),
        # Mao et al. 2017, eq. 9 (a = 0, b = c = 1).
        Objective(
            "lsgan",
            discriminator=lambda real, fake: ((real - 1).square() + fake.square()) / 2,
            generator=lambda real, fake: (fake - 1).square() / 2,
        ),
        # Arjovsky et al. 2017, eq. 3; wants gradient_penalty.
        Objective(
            "wasserstein",
            discriminator=lambda real, fake: fake - real,
            generator=lambda real, fake: -fake,
        ),
    )
}
