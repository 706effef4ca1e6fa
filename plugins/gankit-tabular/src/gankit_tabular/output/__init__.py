"""Files, previews and single rows to look at."""
