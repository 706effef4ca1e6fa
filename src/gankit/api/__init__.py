"""gankit from Python: what ``import gankit`` offers, loaded on first use."""
