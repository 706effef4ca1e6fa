"""Finds training that fails, and what is done about it."""
