"""Settings that give a known result."""
