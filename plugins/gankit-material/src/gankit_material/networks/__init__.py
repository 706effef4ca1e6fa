"""The generator of compositions and its discriminator."""
