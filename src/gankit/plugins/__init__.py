"""Finding, installing, making and isolating plugins."""
