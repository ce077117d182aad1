"""`fleet bootstrap`: makes a Prefect server ready."""

from __future__ import annotations

import asyncio

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bootstrap)


def bootstrap() -> None:
    """Make the work pools, queues, automation and deployments on the Prefect server of PREFECT_API_URL. Repeatable."""
    from infra.bootstrap import bootstrap as make
    from workers.settings import load_settings

    asyncio.run(make(load_settings()))
