"""The catalogue of directories and its seed data."""
