"""Scores of generated clips, and the downstream model for augmentation."""
