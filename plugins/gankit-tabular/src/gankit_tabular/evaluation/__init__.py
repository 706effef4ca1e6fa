"""Scores of generated rows, and the downstream model."""
