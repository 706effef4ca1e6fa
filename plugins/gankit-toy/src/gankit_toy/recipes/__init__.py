"""Recipes: what to type to get a known result."""
