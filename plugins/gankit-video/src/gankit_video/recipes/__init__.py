"""Recipes of the video plugin."""
