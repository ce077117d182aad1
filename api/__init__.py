"""The HTTP face of Fleet."""
