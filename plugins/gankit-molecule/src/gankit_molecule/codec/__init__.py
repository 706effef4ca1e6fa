"""The codec: molecules as latents of a heteroencoder, and back."""
