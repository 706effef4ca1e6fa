"""Reading: films, folders of frames, arrays and the built-in clips."""
