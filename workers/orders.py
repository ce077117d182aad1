"""Takes an order in: the job is stored first, then its hint is sent."""

from __future__ import annotations

import asyncio

from workers.errors import QueueUnavailable, StoreUnavailable
from workers.log import bound, get_logger
from workers.model import Enqueued, Hint, Order
from workers.ports import JobStore, Queue

log = get_logger("orders")

_HINT_LIMIT = 5.0  # seconds; whoever placed the order waits for no more than that


async def place_order(store: JobStore, queue: Queue, order: Order) -> Enqueued:
    """Store the job and its submissions in one transaction, then send the first hint.

    From the moment that the job is stored the order is accepted. When the hint cannot be sent, or that it was sent
    cannot be noted, the sweep sends it (again); a second hint is harmless. An order that was placed before (same
    idempotency key, same content) brings its job back and sends nothing.

    Raises what `JobStore.enqueue` raises; nothing is stored then.
    """
    enqueued = await store.enqueue(order)
    with bound(job_id=enqueued.job_id, correlation_id=enqueued.correlation_id):
        if not enqueued.is_new:
            log.info("job.found")
            return enqueued
        log.info("job.enqueued", priority=enqueued.priority, directories=enqueued.directories)
        hint = Hint(enqueued.job_id, enqueued.hint, enqueued.priority, enqueued.correlation_id)
        try:
            await _send(queue, hint)
            await store.hint_sent(hint)
        except (QueueUnavailable, StoreUnavailable) as error:
            log.warning("hint.postponed", why=str(error))
    return enqueued


async def _send(queue: Queue, hint: Hint) -> None:
    try:
        async with asyncio.timeout(_HINT_LIMIT):
            await queue.send(hint)
    except TimeoutError:
        raise QueueUnavailable(f"The queue did not take the hint within {_HINT_LIMIT:g} s.") from None
