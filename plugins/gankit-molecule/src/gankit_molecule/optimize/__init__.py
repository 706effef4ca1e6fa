"""Searching for molecules that score high by an objective."""
