"""The migration runner, on real databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from infra.cli import app
from infra.local.postgres import LocalPostgres
from infra.migrate import MigrationRefused, load_migrations, migrate, read_status, roll_back
from tests.contract.store_world import ALPHA, furnish, order
from workers.adapters.postgres import open_postgres_store
from workers.errors import StoreUnavailable
from workers.settings import load_settings

_SCHEMA = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'schema_migrations'
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace AND conrelid <> 'schema_migrations'::regclass AND contype <> 'n'
UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'grant ' || proname || coalesce(proacl::text, '') FROM pg_proc
          WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'policy ' || tablename || policyname || roles::text || cmd || coalesce(qual, '') FROM pg_policies
          WHERE tablename <> 'schema_migrations'
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
ORDER BY 1
"""


async def schema(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(_SCHEMA)]
    finally:
        await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small migrations of a test's own."""
    write(tmp_path, "0001_first", "CREATE TABLE first (id integer);", "DROP TABLE first;")
    write(tmp_path, "0002_second", "CREATE TABLE second (id integer);", "DROP TABLE second;")
    return tmp_path


def write(folder: Path, name: str, up: str, down: str) -> None:
    (folder / f"{name}.sql").write_text(f"-- About {name}.\n\n-- up\n{up}\n\n-- down\n{down}\n")


async def test_up_down_up_leads_to_the_same_schema_and_leaves_nothing_between(empty_database_url: str) -> None:
    applied = await migrate(empty_database_url)
    full = await schema(empty_database_url)
    assert len(full) > 200
    undone = await roll_back(empty_database_url, len(applied))
    assert [one.name for one in undone] == [one.name for one in reversed(applied)]
    assert await schema(empty_database_url) == []
    await migrate(empty_database_url)
    assert await schema(empty_database_url) == full


async def test_each_step_down_and_up_again_restores_the_schema(empty_database_url: str) -> None:
    applied = await migrate(empty_database_url)
    full = await schema(empty_database_url)
    for steps in range(1, len(applied)):
        await roll_back(empty_database_url, steps)
        await migrate(empty_database_url)
        assert await schema(empty_database_url) == full, f"{steps} down and up again"


async def test_a_second_run_has_nothing_to_do(empty_database_url: str, folder: Path) -> None:
    assert [one.version for one in await migrate(empty_database_url, folder=folder)] == [1, 2]
    assert await migrate(empty_database_url, folder=folder) == []
    status = await read_status(empty_database_url, folder=folder)
    assert [one.name for one in status.applied] == ["0001_first", "0002_second"]
    assert status.pending == []
    assert all(one.took.total_seconds() >= 0 and one.applied_at.tzinfo for one in status.applied)


async def test_reading_the_status_changes_nothing(empty_database_url: str, folder: Path) -> None:
    status = await read_status(empty_database_url, folder=folder)
    assert ([one.version for one in status.pending], status.applied) == ([1, 2], [])
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetch("SELECT FROM pg_tables WHERE schemaname = 'public'") == []
    await connection.close()


async def test_many_migrators_at_once_apply_each_step_once(empty_database_url: str) -> None:
    runs = await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))
    assert sorted(len(run) for run in runs) == [0, 0, 0, 0, len(load_migrations())]


async def test_an_edited_applied_file_is_refused_and_nothing_runs(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    write(folder, "0001_first", "CREATE TABLE first (id bigint);", "DROP TABLE first;")
    write(folder, "0003_third", "CREATE TABLE third (id integer);", "DROP TABLE third;")
    for attempt in (migrate(empty_database_url, folder=folder), roll_back(empty_database_url, 1, folder=folder)):
        with pytest.raises(MigrationRefused, match=r"0001_first\.sql was edited"):
            await attempt
    with pytest.raises(MigrationRefused, match="was edited"):
        await read_status(empty_database_url, folder=folder)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT to_regclass('third')") is None
    await connection.close()


async def test_a_database_ahead_of_the_files_is_refused(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationRefused, match="0002_second"):
        await migrate(empty_database_url, folder=folder)


async def test_a_failing_step_is_undone_and_the_ones_before_it_stay(empty_database_url: str, folder: Path) -> None:
    write(folder, "0003_third", "CREATE TABLE third (id integer); SELECT 1 / 0;", "DROP TABLE third;")
    with pytest.raises(MigrationRefused, match=r"0003_third.sql failed.*division by zero"):
        await migrate(empty_database_url, folder=folder)
    status = await read_status(empty_database_url, folder=folder)
    assert ([one.version for one in status.applied], [one.version for one in status.pending]) == ([1, 2], [3])
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT to_regclass('third')") is None
    await connection.close()


@pytest.mark.parametrize("name", ["0004_gap", "third", "0003_Third"])
def test_badly_numbered_files_are_refused(folder: Path, name: str) -> None:
    write(folder, name, "SELECT 1;", "SELECT 1;")
    with pytest.raises(MigrationRefused):
        load_migrations(folder)


@pytest.mark.parametrize(
    "text", ["-- up\nSELECT 1;\n", "SELECT 1;\n-- down\nSELECT 1;\n", "-- down\nx\n-- up\ny\n", ""]
)
def test_a_file_without_both_parts_is_refused(folder: Path, text: str) -> None:
    (folder / "0003_third.sql").write_text(text)
    with pytest.raises(MigrationRefused, match="0003_third"):
        load_migrations(folder)


async def test_a_database_that_is_away_is_said_to_be(folder: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://fleet:x@127.0.0.1:1/none", folder=folder)


async def test_an_owner_who_is_no_superuser_can_migrate_and_work(
    postgres_server: LocalPostgres, migrated_template: str
) -> None:
    """As on a hosted database, whose roles exist already: row security is forced on the owner, too."""
    assert migrated_template
    admin = await asyncpg.connect(postgres_server.url())
    await admin.execute("CREATE ROLE modest LOGIN PASSWORD 'for this test only'")
    await admin.execute("GRANT anon, authenticated, service_role TO modest")
    await admin.execute("CREATE DATABASE modest OWNER modest")
    url = f"postgresql://modest:for%20this%20test%20only@127.0.0.1:{postgres_server.port}/modest"
    try:
        assert await migrate(url)
        assert await migrate(url) == []
        store = await open_postgres_store(load_settings({"store": "postgres", "database_url": url}))
        await furnish(store)
        enqueued = await store.enqueue(order(ALPHA))
        assert await store.read(enqueued.job_id)
        await store.close()
        assert len(await roll_back(url, 99)) == len(load_migrations())
    finally:
        await admin.execute("DROP DATABASE modest WITH (FORCE)")
        await admin.execute("DROP ROLE modest")
        await admin.close()


async def test_the_command_migrates_tells_and_undoes(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["migrate", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    names = [one.name for one in load_migrations()]
    assert f"-- {names[0]}\n" in await run("--dry-run")
    assert (await run("--status")).splitlines() == [f"pending  {name}" for name in names]
    assert (await run()).splitlines() == [f"applied {name}" for name in names]
    assert await run() == "The schema is up to date.\n"
    assert "Nothing would run" in await run("--dry-run")
    assert [line.split()[:2] for line in (await run("--status")).splitlines()] == [["applied", name] for name in names]
    assert await run("--down", "2") == f"undone {names[-1]}\nundone {names[-2]}\n"


def test_the_command_refuses_options_that_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://fleet:x@127.0.0.1:1/none")
    assert CliRunner().invoke(app, ["migrate", "--status", "--down", "1"]).exit_code == 2
