"""The networks: the cascade, which draws columns one after another, and one-shot."""
