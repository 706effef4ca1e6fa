"""Scores, simpler models to compare with, and the downstream model."""
