"""Files, previews, and pictures of single rows."""
