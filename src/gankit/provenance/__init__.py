"""Signatures of generated output: the user's key, what it signs, and checking what was signed."""
