"""Files, pictures and pages of generated materials."""
