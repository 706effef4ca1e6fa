"""Clips as tensors, and back."""
