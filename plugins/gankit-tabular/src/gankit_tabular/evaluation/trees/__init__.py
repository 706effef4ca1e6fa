"""Scores of entities with their rows, and of rows with those that belong to them."""
