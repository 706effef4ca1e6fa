"""A verb a file, called by the command line and by Python; none writes to a terminal."""
