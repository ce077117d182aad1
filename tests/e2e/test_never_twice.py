"""However often an order or its message comes, a directory gets one submission of one customer."""

from __future__ import annotations

import uuid

from tests.fixtures.stack import RunningStack, order, states
from workers.model import Hint, SubmissionState
from workers.orders import place_order
from workers.outcome import Reason

SLUGS = ("plain", "positional", "limits")


async def test_the_same_order_enqueued_twice_is_one_job(stack: RunningStack) -> None:
    await stack.reset_sites()
    twice = order(*SLUGS, key=uuid.uuid4().hex)
    async with stack.fleet() as fleet:
        first = await place_order(fleet.store, fleet.queue, twice)
        second = await place_order(fleet.store, fleet.queue, twice)
        assert (second.job_id, second.is_new) == (first.job_id, False)
        await stack.until_ended(fleet, first.job_id)
    assert await stack.accepted() == dict.fromkeys(SLUGS, 1)


async def test_a_second_order_of_the_same_customer_sends_nothing(stack: RunningStack) -> None:
    await stack.reset_sites()
    customer = uuid.uuid4().hex
    async with stack.fleet() as fleet:
        for _ in range(2):
            enqueued = await place_order(fleet.store, fleet.queue, order(*SLUGS, customer=customer))
            job = await stack.until_ended(fleet, enqueued.job_id)
    assert {(one.state, one.reason) for one in job.submissions} == {
        (SubmissionState.SKIPPED, Reason.ALREADY_SUBMITTED)
    }, states(job)
    assert await stack.accepted() == dict.fromkeys(SLUGS, 1)


async def test_messages_that_are_delivered_twice_do_no_harm(stack: RunningStack) -> None:
    await stack.reset_sites()
    async with stack.fleet() as fleet:
        enqueued = await place_order(fleet.store, fleet.queue, order(*SLUGS))
        hint = Hint(enqueued.job_id, enqueued.hint, enqueued.priority, enqueued.correlation_id)
        await fleet.queue.send(hint)
        job = await stack.until_ended(fleet, enqueued.job_id)
        await fleet.queue.send(hint)
        after_it = await place_order(fleet.store, fleet.queue, order("honeypot"))
        await stack.until_ended(fleet, after_it.job_id)  # so the second message was looked at, too
        now = await fleet.store.read(enqueued.job_id)
    assert now is not None
    assert states(now) == states(job)
    assert await stack.accepted() == dict.fromkeys((*SLUGS, "honeypot"), 1)
