from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from workers import orders
from workers.adapters.memory_queue import MemoryQueue
from workers.errors import QueueUnavailable, StoreUnavailable, UnknownDirectory
from workers.model import DirectoryId, Enqueued, Hint, JobId, Order
from workers.orders import place_order
from workers.ports import JobStore
from workers.profile import parse_profile

ORDER = Order(
    profile=parse_profile(
        {
            "business_name": "Harbour Bakery",
            "website": "https://harbour-bakery.example",
            "email": "hello@harbour-bakery.example",
            "description": "Bread.",
        }
    ),
    customer="harbour-bakery.example",
    directories=(DirectoryId("sample-plain"),),
)
ENQUEUED = Enqueued(JobId("6b0f0000-0000-4000-8000-000000000001"), True, 3, 1, 1, "shop-42")


class ScriptedStore:
    """Answers an order as it is told, and notes what happened in which order."""

    def __init__(self, answer: Enqueued | Exception, events: list[str]) -> None:
        self.answer, self.events = answer, events
        self.is_away_after_enqueue = False

    async def enqueue(self, _order: Order) -> Enqueued:
        self.events.append("stored")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def hint_sent(self, hint: Hint) -> None:
        self.events.append(f"noted {hint.number}")
        if self.is_away_after_enqueue:
            raise StoreUnavailable


class NotingQueue(MemoryQueue):
    def __init__(self, events: list[str], error: Exception | None = None) -> None:
        super().__init__()
        self.events, self.error = events, error

    async def send(self, hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
        self.events.append("sent")
        if self.error:
            raise self.error
        await super().send(hint, delay=delay)


async def place(store: ScriptedStore, queue: MemoryQueue) -> Enqueued:
    return await place_order(cast("JobStore", store), queue, ORDER)


async def test_an_order_is_stored_then_hinted_then_noted() -> None:
    events: list[str] = []
    queue = NotingQueue(events)
    assert await place(ScriptedStore(ENQUEUED, events), queue) == ENQUEUED
    assert events == ["stored", "sent", "noted 1"]
    (message,) = await queue.receive("p3", limit=10, wait=timedelta(0))
    assert message.attributes == {"hint": "1", "correlation_id": "shop-42"}


async def test_an_order_that_was_placed_before_sends_nothing() -> None:
    events: list[str] = []
    again = Enqueued(ENQUEUED.job_id, False, 3, 1, 1, "shop-42")
    assert await place(ScriptedStore(again, events), NotingQueue(events)) == again
    assert events == ["stored"]


async def test_an_order_is_accepted_while_the_queue_is_away_and_its_hint_stays_due() -> None:
    events: list[str] = []
    assert await place(ScriptedStore(ENQUEUED, events), NotingQueue(events, QueueUnavailable())) == ENQUEUED
    assert events == ["stored", "sent"]


async def test_an_order_is_accepted_while_the_queue_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class HangingQueue(NotingQueue):
        async def send(self, _hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(orders, "_HINT_LIMIT", 0.05)
    events: list[str] = []
    assert await place(ScriptedStore(ENQUEUED, events), HangingQueue(events)) == ENQUEUED
    assert events == ["stored"]


async def test_an_order_is_accepted_when_the_database_goes_away_after_it_was_stored() -> None:
    events: list[str] = []
    store = ScriptedStore(ENQUEUED, events)
    store.is_away_after_enqueue = True
    assert await place(store, NotingQueue(events)) == ENQUEUED


@pytest.mark.parametrize("error", [StoreUnavailable(), UnknownDirectory("Unknown:", ["nowhere"])])
async def test_an_order_that_was_not_stored_sends_no_hint(error: Exception) -> None:
    events: list[str] = []
    queue = NotingQueue(events)
    with pytest.raises(type(error)):
        await place(ScriptedStore(error, events), queue)
    assert events == ["stored"]
    received: Sequence[object] = await queue.receive("p3", limit=10, wait=timedelta(0))
    assert not received
