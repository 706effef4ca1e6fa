"""Writing and showing clips."""
