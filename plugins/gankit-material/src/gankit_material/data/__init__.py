"""Reading formulas and crystal structures."""
