"""Tables from files, databases and memory, as sequences of rows."""
