"""Reading: what a user points at becomes clips of one rate, duration and number of channels."""
