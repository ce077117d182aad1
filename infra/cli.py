"""The command line, `fleet …`. Each noun's commands live in their own file under `infra/commands`."""

from __future__ import annotations

import sys

import typer

from infra.commands import bootstrap, directories, forms, jobs, migrate, stack
from workers.errors import FleetError

app = typer.Typer(
    name="fleet",
    help="Submits a business to many web directories, and proves what happened to each submission.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for noun in (bootstrap, directories, forms, jobs, migrate, stack):
    noun.register(app)


def main() -> None:
    """Run the command line; an error of ours is a sentence on stderr and exit code 1, not a traceback."""
    try:
        app()
    except FleetError as error:
        print(f"fleet: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
