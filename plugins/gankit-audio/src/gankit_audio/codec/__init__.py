"""Clips to tensors and back."""
