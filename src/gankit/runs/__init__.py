"""Runs on disk: the directory, its records, the exported model, and generated output."""
