"""Scores of clips: appearance and motion apart."""
