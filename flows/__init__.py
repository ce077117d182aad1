"""Prefect, and only here: one short file per flow."""
