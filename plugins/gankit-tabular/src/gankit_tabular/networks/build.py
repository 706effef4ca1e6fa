"""The networks for a codec, by the settings."""

from __future__ import annotations

from gankit.contract import Networks
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.trees.sequences import Sequences
from gankit_tabular.codec.trees.tree_codec import TreeCodec
from gankit_tabular.networks.cascade import Cascade
from gankit_tabular.networks.critic import Critic
from gankit_tabular.networks.levels import Level
from gankit_tabular.networks.one_shot import Discriminator, Generator
from gankit_tabular.networks.trees import Judge, PartShape, TreeGenerator
from gankit_tabular.settings import TabularSettings

MOST_UNITS, FEWEST_UNITS = 40_000, 16
"""Hidden units of a cascade in all, in tables of very many columns, and for a digit."""


def row_networks(codec: TableCodec, settings: TabularSettings) -> Networks:
    """The networks of single rows."""
    shape, cond_dim = (settings.hidden, settings.layers), codec.conditions.width
    seen, packed = (codec.columns, codec.blocks, cond_dim, *shape, settings.pack), settings.pack > 1
    if settings.generator == "cascade":
        blocks = codec.blocks, codec.condition_blocks
        units = _units(settings, len(codec.blocks))
        cascade = Cascade(codec.columns, *blocks, units, codec.relations.after())
        return Networks(
            *(cascade, Critic(*seen), cascade.digits),
            batch_dependent=packed,
            likelihood=cascade.nll,
            part_likelihood=cascade.part_nll,
        )
    generator = Generator(codec.blocks, cond_dim, settings.latent, *shape, settings.temperature)
    latents = settings.latent + codec.width
    return Networks(generator, Discriminator(*seen), latents, batch_dependent=packed)


def tree_networks(codec: TreeCodec, settings: TabularSettings) -> Networks:
    """The networks of sequences and of rows with those that belong to them."""
    shapes = []
    for p, part in enumerate(codec.parts):
        own = part.codec
        if own is None or not own.blocks:
            shapes.append(PartShape((), (), part.part.parent))
            continue
        told = own.condition_blocks if not p else ()
        shapes.append(
            PartShape(own.columns, own.blocks, part.part.parent, told, own.relations.after())
        )
    units = _units(settings, sum(len(shape.blocks) for shape in shapes))
    generator = TreeGenerator(
        *(shapes, codec.steps, units),
        alone=not codec.structure.is_sequence,
        levels=_levels(codec),
        follows=codec.follows,
    )
    return Networks(
        *(generator, Judge(codec.digits), generator.latent_dim),
        likelihood=generator.nll,
        by_likelihood=True,
        ragged=True,
    )


def _levels(codec: TreeCodec) -> list[Level]:
    """The numbers that a sequence's rows change, but for those that follow from others."""
    walks = codec.frame.walks if isinstance(codec.frame, Sequences) else ()
    if not walks:
        return []
    root, rows = (part.codec for part in codec.parts)
    assert root is not None
    assert rows is not None
    found = []
    for walk in walks:
        first, change = root.schema.names.index(walk.first), rows.schema.names.index(walk.name)
        if all(c.modelled or c.codes == 1 for c in (root.columns[first], rows.columns[change])):
            found.append(Level(first, change, walk.low, walk.high, walk.mean, walk.std))
    return found


def _units(settings: TabularSettings, digits: int) -> int:
    return min(settings.digit_units, max(MOST_UNITS // max(digits, 1), FEWEST_UNITS))
