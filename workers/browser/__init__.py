"""Owns Chromium: finds, launches, lends, retires and reaps it."""
