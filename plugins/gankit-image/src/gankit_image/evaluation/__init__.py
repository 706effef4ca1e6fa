"""Feature extractors, class agreement, and the downstream classifier."""
