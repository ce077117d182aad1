"""The scripts that run in pages, read once from the package. Values reach them as arguments only."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def script(name: str) -> str:
    """Return a script's source: one function expression of one argument."""
    source = files("workers.forms").joinpath("scripts", f"{name}.js").read_text(encoding="utf-8")
    return "\n".join(line for line in source.splitlines() if not line.startswith("//"))
