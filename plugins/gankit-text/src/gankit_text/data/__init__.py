"""Reading: files, tables and objects in memory become texts."""
