"""`fleet migrate`: brings the database's schema up to date, or says how it stands."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from workers.errors import SettingsInvalid

if TYPE_CHECKING:
    from infra.migrate import Migration, Status


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate_command)


def migrate_command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and change nothing.")] = False,
    down: Annotated[int, typer.Option("--down", min=0, help="Undo the last N migrations.")] = 0,
    status: Annotated[bool, typer.Option("--status", help="Print what is applied and what is pending.")] = False,
) -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from infra.migrate import migrate, read_status, roll_back

    if sum((dry_run, bool(down), status)) > 1:
        raise typer.BadParameter("--dry-run, --down and --status exclude each other.")
    url = _database_url()
    if down:
        _print("undone", asyncio.run(roll_back(url, down)), none="Nothing is applied.")
    elif dry_run:
        _print_sql(asyncio.run(read_status(url)).pending)
    elif status:
        _print_status(asyncio.run(read_status(url)))
    else:
        _print("applied", asyncio.run(migrate(url)), none="The schema is up to date.")


def _database_url() -> str:
    """Return the setting; migrating needs no other one, so that none has to be valid."""
    from workers.settings import load_settings

    settings = load_settings({"store": "memory"})
    if settings.database_url is None:
        raise SettingsInvalid("The settings are not valid:", ["DATABASE_URL must be set for `fleet migrate`"])
    return settings.database_url.get_secret_value()


def _print(done: str, migrations: list[Migration], *, none: str) -> None:
    for migration in migrations:
        print(f"{done} {migration.name}")
    if not migrations:
        print(none)


def _print_sql(pending: list[Migration]) -> None:
    for migration in pending:
        print(f"-- {migration.name}\n{migration.up.strip()}\n")
    if not pending:
        print("-- Nothing would run: the schema is up to date.")


def _print_status(status: Status) -> None:
    for applied in status.applied:
        milliseconds = applied.took.total_seconds() * 1000
        print(f"applied  {applied.name}  {applied.applied_at:%Y-%m-%d %H:%M:%S} UTC  {milliseconds:.0f} ms")
    for migration in status.pending:
        print(f"pending  {migration.name}")
