"""How both transports call a database function, and what their errors mean.

Every function of the schema answers JSON (`jsonb`), takes named arguments, and is one transaction.
"""

from __future__ import annotations

from typing import Any, Protocol

from workers.errors import FleetError, StoreRefused, StoreUnavailable


class Rpc(Protocol):
    """A way to the database."""

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a function and return its answer as Python's JSON values.

        Raises `CallUndone` or `StoreUnavailable` when the database is away, `StoreRefused` for its own errors.
        """

    async def close(self) -> None:
        """Give all connections back."""


class CallUndone(StoreUnavailable):
    """The database is away, and this call has certainly changed nothing: any call may be made again."""


# SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html. The transaction was rolled back, and the
# same call may well pass in a moment: serialization failure, deadlock, read-only after a failover, no memory or
# connection left, lock or statement timeout, server starting or stopping.
_PASSING = ("40001", "40P01", "25006", "53", "55P03", "57014", "57P")
_CONNECTION = "08"
_DATA = "22"  # a value that does not fit: the message quotes it after a colon, and it may be a customer's
# PostgREST found no free connection or could not connect: https://docs.postgrest.org/en/stable/references/errors.html
_POSTGREST_AWAY = ("PGRST000", "PGRST001", "PGRST002", "PGRST003")


def error_from(code: str, message: str) -> FleetError:
    """Return the error for an SQLSTATE, a PostgREST code or an HTTP status."""
    if code.startswith(_DATA):
        message = message.partition(": ")[0]
    if code.startswith((*_PASSING, *_POSTGREST_AWAY)):
        return CallUndone(f"The database cannot serve now ({code}): {message}")
    if code.startswith(_CONNECTION) or (len(code) == 3 and code.startswith("5")):
        return StoreUnavailable(f"The connection to the database was lost ({code}): {message}")
    return StoreRefused(f"The database refused ({code}): {message}", code)
