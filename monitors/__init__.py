"""Caretakers: plain async functions over ports, each returning a report of what it did."""
