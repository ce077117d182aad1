"""Brings a database's schema up to date: numbered SQL files, each applied once, in order, in its own transaction.

Every file has an `-- up` and a `-- down` part. What was applied is kept in `schema_migrations` with its checksum
and duration; a file that was edited afterwards is an error, since nobody could say what a database holds then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import asyncpg

from workers.errors import FleetError, StoreUnavailable

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 4_207_113  # any number, as long as it is always this one
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_PARTS = re.compile(r"^-- up$(.*)^-- down$(.*)", re.MULTILINE | re.DOTALL)

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    seconds double precision NOT NULL
);
ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY;
REVOKE ALL ON schema_migrations FROM PUBLIC;
DROP POLICY IF EXISTS migrator ON schema_migrations;
CREATE POLICY migrator ON schema_migrations TO CURRENT_USER USING (true) WITH CHECK (true);
"""


class MigrationRefused(FleetError):
    """The migrations on disk and the database do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    up: str
    down: str
    checksum: str  # SHA-256 of the whole file


@dataclass(frozen=True, slots=True)
class Applied:
    """What `schema_migrations` remembers of one migration."""

    version: int
    name: str
    checksum: str
    applied_at: datetime
    took: timedelta


@dataclass(frozen=True, slots=True)
class Status:
    """How a database stands to the files: what is applied, and what would run next, in order."""

    applied: list[Applied]
    pending: list[Migration]


def load_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read all migrations in order. Raises `MigrationRefused` for a gap, a bad name or a missing part."""
    migrations = [_load(path) for path in sorted(folder.glob("*.sql"))]
    if [one.version for one in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationRefused(f"The migrations in {folder.name} must be numbered 0001, 0002, … without gaps.")
    return migrations


def _load(path: Path) -> Migration:
    name, text = _NAME.fullmatch(path.name), path.read_text(encoding="utf-8")
    parts = _PARTS.search(text)
    if not name or not parts:
        raise MigrationRefused(
            f"{path.name}: a migration is named like 0001_words.sql and has the lines `-- up` and `-- down`."
        )
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(int(name[1]), path.stem, parts[1], parts[2], checksum)


async def migrate(database_url: str, *, folder: Path = FOLDER) -> list[Migration]:
    """Apply everything that is pending and return it. Two at once are safe: the second finds nothing to do.

    Raises `MigrationRefused` when an applied file was edited or is missing, or its SQL fails (that step is undone,
    the steps before it stay); `StoreUnavailable` when the database is away.
    """
    migrations = load_migrations(folder)
    async with _locked(database_url) as connection:
        await connection.execute(_LEDGER)
        pending = _compare(migrations, await _applied(connection))
        for migration in pending:
            await _apply(connection, migration)
    return pending


async def roll_back(database_url: str, steps: int, *, folder: Path = FOLDER) -> list[Migration]:
    """Undo the last `steps` migrations, newest first, and return them."""
    migrations = {one.version: one for one in load_migrations(folder)}
    async with _locked(database_url) as connection:
        await connection.execute(_LEDGER)
        applied = await _applied(connection)
        _compare(list(migrations.values()), applied)
        undone = [migrations[version] for version in sorted(applied, reverse=True)[:steps]]
        for migration in undone:
            await _undo(connection, migration)
    return undone


async def read_status(database_url: str, *, folder: Path = FOLDER) -> Status:
    """Compare without changing anything: the ledger is not even created."""
    migrations = load_migrations(folder)
    async with _connected(database_url) as connection:
        applied = await _applied(connection)
        return Status(list(applied.values()), _compare(migrations, applied))


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(database_url, timeout=30)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _locked(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect, and wait until no other migrator works on this database."""
    async with _connected(database_url) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield connection


async def _applied(connection: asyncpg.Connection) -> Mapping[int, Applied]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):
        return {}
    rows = await connection.fetch(
        "SELECT version, name, checksum, applied_at, seconds FROM schema_migrations ORDER BY version"
    )
    return {
        row["version"]: Applied(
            row["version"], row["name"], row["checksum"], row["applied_at"], timedelta(seconds=row["seconds"])
        )
        for row in rows
    }


def _compare(migrations: Sequence[Migration], applied: Mapping[int, Applied]) -> list[Migration]:
    """Return what is pending; refuse a database whose past differs from the files."""
    known = {one.version: one for one in migrations}
    for version, past in applied.items():
        if version not in known:
            raise MigrationRefused(
                f"The database has migration {past.name}, which is no file here: is this an old release?"
            )
        if known[version].checksum != past.checksum:
            raise MigrationRefused(
                f"{known[version].name}.sql was edited after it was applied on {past.applied_at:%Y-%m-%d}. "
                "Put the file back and write a new migration."
            )
    return [one for one in migrations if one.version not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    started = monotonic()
    async with _step(connection, migration):
        await connection.execute(migration.up)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, seconds) VALUES ($1, $2, $3, $4)",
            migration.version,
            migration.name,
            migration.checksum,
            monotonic() - started,
        )


async def _undo(connection: asyncpg.Connection, migration: Migration) -> None:
    async with _step(connection, migration):
        await connection.execute(migration.down)
        await connection.execute("DELETE FROM schema_migrations WHERE version = $1", migration.version)


@asynccontextmanager
async def _step(connection: asyncpg.Connection, migration: Migration) -> AsyncIterator[None]:
    """Run one migration as one transaction, and name it when it fails."""
    try:
        async with connection.transaction():
            yield
    except asyncpg.PostgresError as error:
        where = f" (near character {error.position})" if getattr(error, "position", None) else ""
        raise MigrationRefused(f"{migration.name}.sql failed and was undone: {error}{where}") from error
