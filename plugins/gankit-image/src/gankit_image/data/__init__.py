"""Reading: files and arrays as images of one format."""
