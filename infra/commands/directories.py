"""`fleet directories …`: the catalogue of directories."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from workers.model import Directory, DirectoryId, DirectoryStatus

if TYPE_CHECKING:
    from workers.ports import Catalogue

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Slug = Annotated[str, typer.Argument(help="The directory's slug.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The catalogue of directories.", no_args_is_help=True)
    group.command("import")(import_file)
    group.command("list")(list_directories)
    group.command("show")(show)
    group.command("activate")(activate)
    group.command("pause")(pause)
    app.add_typer(group, name="directories")


def import_file(
    file: Annotated[
        Path | None, typer.Argument(help="A .csv or .yaml file; without one, the data that Fleet ships with.")
    ] = None,
) -> None:
    """Add the directories of a file, or update them; the status of a known one stays as it is."""
    from workers.directories.catalogue_file import read_catalogue
    from workers.directories.seed import SEED

    directories = read_catalogue(file or SEED)
    new, changed = _with_catalogue(lambda catalogue: catalogue.import_directories(directories))
    print(f"{new} new, {changed} changed, {len(directories) - new - changed} as before")


def list_directories(
    status: Annotated[DirectoryStatus | None, typer.Option(help="Only those of this status.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the directories, best domain authority first."""
    directories = _with_catalogue(lambda catalogue: catalogue.list_directories(status))
    if as_json:
        print(json.dumps([_as_json(directory) for directory in directories], indent=2))
    elif directories:
        _print_table(directories)
    else:
        print("No directories." if status is None else f"No directories with status {status}.")


def show(slug: Slug, *, as_json: AsJson = False) -> None:
    """Show what is known of one directory."""
    directory = _with_catalogue(lambda catalogue: _find(catalogue, slug))
    facts = _as_json(directory)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<18} {'–' if value in (None, '') else value}")


def activate(slug: Slug) -> None:
    """Let a directory take part: somebody looked at it, and submissions to it may begin."""
    _set_status(slug, DirectoryStatus.ACTIVE)


def pause(slug: Slug) -> None:
    """Let a directory rest: nothing new is ordered for it."""
    _set_status(slug, DirectoryStatus.PAUSED)


def _set_status(slug: str, status: DirectoryStatus) -> None:
    async def change(catalogue: Catalogue) -> DirectoryStatus:
        before = (await _find(catalogue, slug)).status
        await catalogue.set_status(DirectoryId(slug), status)
        return before

    print(f"{slug}: {_with_catalogue(change)} → {status}")


async def _find(catalogue: Catalogue, slug: str) -> Directory:
    """Return a directory, or raise `UnknownDirectory` with the nearest slugs."""
    from difflib import get_close_matches

    from workers.errors import UnknownDirectory

    directory = await catalogue.read_directory(DirectoryId(slug))
    if directory is None:
        near = get_close_matches(slug, [known.id for known in await catalogue.list_directories()], n=3)
        hints = [f"did you mean {', '.join(near)}?"] if near else ["`fleet directories list` prints all"]
        raise UnknownDirectory(f"The catalogue has no directory {slug!r}:", hints)
    return directory


def _with_catalogue(action: Callable[[Catalogue], Awaitable[T]]) -> T:
    from workers.bootstrap import current_fleet

    async def run() -> T:
        async with current_fleet() as fleet:
            return await action(fleet.store)

    return asyncio.run(run())


def _as_json(directory: Directory) -> dict[str, Any]:
    from dataclasses import asdict

    facts = asdict(directory)
    return {**facts, "pace": None if directory.pace is None else directory.pace.total_seconds()}


def _print_table(directories: Sequence[Directory]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for heading in ("slug", "name", "category", "status", "DA"):
        table.add_column(heading, no_wrap=heading in ("slug", "status", "DA"))
    for one in directories:
        table.add_row(one.id, one.name, one.category, one.status, str(one.domain_authority))
    # Names are data, so nothing in them is markup; what is piped on is cut at no terminal's edge.
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(table)
    print(f"{len(directories)} {'directory' if len(directories) == 1 else 'directories'}")
