"""Compositions as tensors, and back."""
