"""How Fleet is run: migrations, the embedded stack, the command line."""
