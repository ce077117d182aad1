"""Writes `.env.example` from the settings: `python -m infra.setup.env_example`. A test compares the two."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from typing import Any

from infra.setup.environment import PROJECT
from workers.settings import Settings, variable

EXAMPLE = PROJECT / ".env.example"

_HEAD = """\
# Copy this file to .env and set what shall differ from the defaults, which are shown.
# Durations are seconds. More on each setting: docs/configuration.md
"""


def render() -> str:
    """Return the text of `.env.example`."""
    return "\n".join([_HEAD, *(_entry(name, field) for name, field in Settings.model_fields.items())])


def _entry(name: str, field: Any) -> str:
    comment = textwrap.fill(field.description or "", width=110, initial_indent="# ", subsequent_indent="# ")
    return f"{comment}\n# {variable(name)}={_shown(field.default)}\n"


def _shown(default: object) -> str:
    if default is None:
        return ""
    return f"{default.total_seconds():g}" if isinstance(default, timedelta) else str(default)


if __name__ == "__main__":
    EXAMPLE.write_text(render())
