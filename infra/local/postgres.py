"""A Postgres of our own, from plain binaries: set up, start, stop. Listens on loopback only, with a password.

The server is a child process; a lock in its folder tells whether a Fleet holds it. A server whose Fleet was
killed is found by the next start and stopped first, so one folder never has two.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic

import asyncpg
import psutil

from infra.local.postgres_home import PostgresHome, find_home
from workers.errors import StackError

USER = "fleet"
_START_LIMIT = 60.0  # seconds; a start after kill -9 replays the log first
_STOP_LIMIT = 10.0
_LEFTOVERS = ("lock file", "shared memory block is still in use")  # go by themselves once the dead are reaped
_PORT_TAKEN = "Address already in use"


class LocalPostgres:
    """One server in `folder`. Works as root and as a normal user; a second start finds the data of the first.

    `port` None means a free one. `is_durable` False trades safety in a power cut for speed: for tests.
    """

    def __init__(self, folder: Path, port: int | None = None, *, is_durable: bool = True) -> None:
        self._asked_folder = folder
        self._asked_port = port
        self._is_durable = is_durable
        self._home: PostgresHome | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self.port = port or 0

    @property
    def home(self) -> PostgresHome:
        """Where its files are; for root that may be elsewhere than asked for (see `postgres_home`)."""
        if self._home is None:
            self._home = find_home(self._asked_folder)
        return self._home

    @property
    def process_id(self) -> int | None:
        """The server's process id while it runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, with the password. Creates nothing."""
        password = self.home.password_file.read_text().strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Set the data folder up if it is new, start, and wait until connections are taken.

        Raises `StackError` with the tail of the log, or when a living Fleet runs this server already.
        """
        if self.process_id:
            return
        await self.stop()  # a server that died still holds the lock
        self._take_lock()
        try:
            await self._stop_orphan()
            if not self.home.data.exists():
                await self._set_up()
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop quickly (open connections are ended) and wait until the process is gone. Safe to call twice."""
        if self._process:
            await asyncio.to_thread(_end, self._process)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def remove(self) -> None:
        """Stop, and delete the data and everything else in the server's folders."""
        await self.stop()
        for folder in {self.home.folder, self._asked_folder}:
            shutil.rmtree(folder, ignore_errors=True)

    async def create_database(self, name: str) -> None:
        """Create a database if it is missing."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
            raise StackError(f"{name!r} is no name for a database: lower-case letters, digits and underscores only.")
        connection = await asyncpg.connect(self.url())
        try:
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    def _take_lock(self) -> None:
        """Hold the folder while this object lives; the kernel lets go of it however we end."""
        lock = os.open(self.home.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StackError(f"A Postgres of Fleet runs already in {self.home.folder}. Stop that one first.") from None
        self._lock = lock

    async def _stop_orphan(self) -> None:
        """Stop a server that outlived its Fleet: its lock is free, yet its process lives."""
        try:
            process = psutil.Process(int(self._postmaster()[0]))
            is_ours = str(self.home.data) in process.cmdline()
        except (IndexError, ValueError, psutil.Error):
            return
        if is_ours and process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.to_thread(_end, process)

    async def _set_up(self) -> None:
        """Run initdb beside the data folder and move the result there, so that half a set-up is never used."""
        home, draft = self.home, self.home.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        home.give(draft)
        home.password_file.unlink(missing_ok=True)
        home.password_file.touch(mode=0o600)
        home.give(home.password_file)
        home.password_file.write_text(secrets.token_urlsafe(24) + "\n")
        process = home.popen(
            "initdb",
            f"--pgdata={draft}",
            f"--username={USER}",
            f"--pwfile={home.password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        if await asyncio.to_thread(process.wait, _START_LIMIT):
            raise StackError(f"Postgres could not be set up in {home.folder}:\n{home.log_tail()}")
        draft.rename(home.data)

    async def _start(self) -> None:
        """Start the server; again while leftovers of a killed one go away, or a free port was taken meanwhile."""
        deadline = monotonic() + _START_LIMIT
        while True:
            self.port = self._asked_port or _free_port()
            printed = self.home.log.stat().st_size if self.home.log.exists() else 0
            self._process = self.home.popen("postgres", "-D", str(self.home.data), *self._options())
            if await self._is_ready(deadline):
                return
            text = self.home.log.read_bytes()[printed:].decode(errors="replace")
            may_pass = any(sign in text for sign in _LEFTOVERS) or (_PORT_TAKEN in text and not self._asked_port)
            if self.process_id or not may_pass or monotonic() > deadline:
                raise StackError(f"Postgres did not start in {self.home.folder}:\n{self.home.log_tail()}")
            await asyncio.sleep(0.2)

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,  # Prefect's server, the API and every worker hold a pool each
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_lock_waits": "on",
        }
        if not self._is_durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    async def _is_ready(self, deadline: float) -> bool:
        """Wait until the server says so in its pid file, as pg_ctl does; False when it ended or is too slow."""
        while self.process_id and monotonic() < deadline:
            lines = self._postmaster()
            if len(lines) >= 8 and lines[0] == str(self.process_id) and lines[7] == "ready":
                return True
            await asyncio.sleep(0.02)
        return False

    def _postmaster(self) -> list[str]:
        """Return the lines of the server's pid file: 1 its process, 8 its status; none when there is no file."""
        try:
            return [line.strip() for line in (self.home.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []


def _end(process: subprocess.Popen[bytes] | psutil.Process) -> None:
    """End a server: SIGINT ends its connections and flushes, SIGQUIT gives up flushing, then SIGKILL."""
    for step in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(step)
        with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            process.wait(_STOP_LIMIT)
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
