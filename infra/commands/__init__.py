"""The commands of `fleet`: one file per noun."""
