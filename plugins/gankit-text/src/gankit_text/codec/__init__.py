"""Texts to latents and back."""
