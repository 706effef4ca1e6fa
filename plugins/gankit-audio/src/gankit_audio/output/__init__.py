"""Writing clips, and showing them."""
