"""Reading: files and objects become standardised molecules."""
