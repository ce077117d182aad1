"""Why an order is refused, as errors: one place for both the database and its in-memory twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workers.errors import DirectoryUnavailable, FaultsError, FleetError, IdempotencyConflict, UnknownDirectory
from workers.model import Order


def check_places(order: Order) -> None:
    """Raise when an order names no directory although it has to, or more than its package holds."""
    size = order.package.size
    if len(set(order.directories)) > size:
        raise DirectoryUnavailable(
            "The order was refused; nothing was stored:",
            [f"package {order.package} holds at most {size} directories, the order names {len(order.directories)}"],
        )


def conflict(order: Order) -> FleetError:
    """Return the error for a key that came with another order."""
    return IdempotencyConflict(
        f"The idempotency key {order.idempotency_key!r} was used before, with another order. "
        "Use a new key for a new order; nothing was stored."
    )


def unfit_directories(order: Order, unknown: Sequence[str], unavailable: Mapping[str, str]) -> FaultsError:
    """Return one error that names every directory that cannot be had."""
    faults = [f"{directory}: not in the catalogue" for directory in unknown]
    faults += [f"{directory}: its status is {status}" for directory, status in sorted(unavailable.items())]
    if not faults:
        faults = [f"package {order.package}: no directory is active"]
    kind = UnknownDirectory if unknown else DirectoryUnavailable
    return kind("The order was refused; nothing was stored:", faults)
