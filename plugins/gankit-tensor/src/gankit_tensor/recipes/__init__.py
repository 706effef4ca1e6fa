"""Recipes: preset configurations with known results."""
