"""The catalogue of directories: reading it from files, and the seed data that Fleet ships with."""
