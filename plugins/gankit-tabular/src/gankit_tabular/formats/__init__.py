"""Formats: how a column's cells are read as numbers, dates and texts, and written again."""
