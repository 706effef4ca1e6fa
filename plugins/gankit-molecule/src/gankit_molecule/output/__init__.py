"""Writing and drawing molecules."""
