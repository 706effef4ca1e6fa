"""Scores, baselines, and the downstream model."""
