"""Extractors, evaluators, the baseline and the downstream model."""
