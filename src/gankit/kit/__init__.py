"""What plugins may share. Modules with dependencies of their own import them when they are used."""
