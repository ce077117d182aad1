"""Straight to a Postgres with asyncpg: the embedded default, and the fast path beside Supabase."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from workers.adapters.rpc import CallUndone, error_from
from workers.adapters.store import DatabaseStore
from workers.errors import FleetError, SettingsInvalid, StoreUnavailable
from workers.settings import Settings

_CONNECT_LIMIT = 10.0  # seconds, also for a free connection of the pool
_ANSWER_LIMIT = 30.0
# The last is asyncpg's own confusion: the server ended the session in the middle of an answer.
_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# A call that waits longer than this for a lock or for its own end is undone by the server.
_SESSION = "SET ROLE service_role; SET lock_timeout = '5s'; SET statement_timeout = '15s'; SET timezone = 'UTC'"


class PostgresRpc:
    """Calls database functions over a pool of connections, as the role `service_role`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a function (see `rpc.Rpc`)."""
        names = ", ".join(f"{name} => ${number}" for number, name in enumerate(arguments, start=1))
        connection = await self._acquire()
        try:
            answer = await connection.fetchval(
                f"SELECT {function}({names})",
                *(_encode(value) for value in arguments.values()),
            )
        except _TROUBLE as error:
            # A traceback would print its cause, and with that the detail that `_translate` leaves out.
            raise _translate(error) from None
        finally:
            await self._pool.release(connection)
        return None if answer is None else json.loads(answer)

    async def close(self) -> None:
        """Close the pool; a connection that is still busy after some seconds is cut."""
        try:
            await self._pool.close()
        except _TROUBLE:
            self._pool.terminate()

    async def _acquire(self) -> Any:
        try:
            return await self._pool.acquire(timeout=_CONNECT_LIMIT)
        except _TROUBLE as error:
            raise CallUndone(f"No connection to the database: {error or type(error).__name__}") from error


async def open_postgres_store(settings: Settings) -> DatabaseStore:
    """Connect to `settings.database_url`. Raises `StoreUnavailable` when nothing answers there."""
    if settings.database_url is None:
        raise SettingsInvalid("The settings are not valid:", ["DATABASE_URL must be set"])
    try:
        pool = await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=1,
            max_size=settings.database_pool_size,
            timeout=_CONNECT_LIMIT,
            command_timeout=_ANSWER_LIMIT,
            init=_prepare,
            reset=_keep,
        )
    except _TROUBLE as error:
        raise StoreUnavailable(f"The database does not answer: {error or type(error).__name__}") from error
    return DatabaseStore(PostgresRpc(pool))


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.execute(_SESSION)


async def _keep(_connection: asyncpg.Connection) -> None:
    """Leave the session as it is: calls of functions change nothing in it, and a reset is a round trip."""


def _encode(value: Any) -> Any:
    """Objects and lists of objects travel as JSON text, lists of texts as arrays."""
    is_json = isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict))
    return json.dumps(value) if is_json else value


def _translate(error: Exception) -> FleetError:
    """Return our own error, without the detail: it quotes the refused row, with its customer's profile."""
    if isinstance(error, asyncpg.PostgresError):
        return error_from(getattr(error, "sqlstate", None) or "", error.args[0])
    return StoreUnavailable(f"The connection to the database was lost: {error or type(error).__name__}")
