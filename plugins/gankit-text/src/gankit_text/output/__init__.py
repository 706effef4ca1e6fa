"""Writing and showing texts."""
