"""Rows that belong together: an entity's rows in their order, or a row and its children."""
