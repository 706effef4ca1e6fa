"""Crystal structures: prototypes, assignment of elements, relaxation."""
