"""Reading: recordings become clips of one rate, duration and number of channels."""
