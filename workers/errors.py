"""The tree of errors. What happened to a submission is a value (`workers.outcome`), not one of these.

    FleetError
    ├── SettingsInvalid          the settings contradict each other or are incomplete
    ├── ProfileInvalid           a profile was refused; names every fault
    ├── CatalogueInvalid         a catalogue file was refused; names every fault
    ├── UnknownDirectory         an order names a directory that the catalogue does not have
    ├── DirectoryUnavailable     an order names a directory that takes no submissions now
    ├── IdempotencyConflict      the same key came with another order
    ├── PoisonMessage            a queue message that can never become work
    ├── LeaseLost                another holder, or nobody, has the job now
    ├── IntentRefused            the database does not allow the last click
    ├── ServiceUnavailable       something we depend on is away         (may be tried again)
    │   ├── StoreUnavailable     Postgres or Supabase
    │   ├── QueueUnavailable     SQS
    │   └── BrowserUnavailable   Chromium died, hangs or cannot start
    ├── StoreRefused             the database answered with an error of its own
    ├── ChromiumMissing          no Chromium on this machine
    └── StackError               a part of the embedded stack did not start or died

Whether a call may be tried again is the attribute `is_retryable`, so that nobody needs a ladder of `isinstance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class FleetError(Exception):
    """Something in Fleet went wrong."""

    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or type(self).__name__)


class FaultsError(FleetError):
    """Several faults at once: `faults` holds one sentence each."""

    def __init__(self, message: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join([message, *(f"  - {fault}" for fault in self.faults)]))


class SettingsInvalid(FaultsError):
    """The settings contradict each other or are incomplete."""


class ProfileInvalid(FaultsError):
    """The profile was refused; nothing was stored."""


class CatalogueInvalid(FaultsError):
    """The catalogue file was refused; nothing was imported."""


class UnknownDirectory(FaultsError):
    """The order names a directory that the catalogue does not have; nothing was stored."""


class DirectoryUnavailable(FaultsError):
    """The order names a directory that takes no submissions now; nothing was stored."""


class IdempotencyConflict(FleetError):
    """This idempotency key was used before, with another order."""


class PoisonMessage(FleetError):
    """The queue message can never become work."""


class LeaseLost(FleetError):
    """This worker no longer holds the job: its lease is over or another worker has a newer epoch."""


class IntentRefused(FleetError):
    """The database does not allow the last click: this customer has, or may have, a submission there already."""


class ServiceUnavailable(FleetError):
    """Something that Fleet depends on is away."""

    is_retryable = True


class StoreUnavailable(ServiceUnavailable):
    """The database is away."""


class QueueUnavailable(ServiceUnavailable):
    """The queue is away."""


class BrowserUnavailable(ServiceUnavailable):
    """The browser died, hangs or cannot be started."""


class StoreRefused(FleetError):
    """The database answered with an error of its own; `code` is its SQLSTATE."""

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class ChromiumMissing(FleetError):
    """No Chromium was found. Install one (`apt-get install chromium-headless-shell`) or name one in FLEET_CHROMIUM."""


class StackError(FleetError):
    """A part of the embedded stack did not start or died."""
