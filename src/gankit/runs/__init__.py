"""Runs on disk: the directory, what is recorded in it, and what is exported from it."""
