"""Contract of `ports.JobStore`: orders and hints."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.store_world import ALPHA, BETA, GAMMA, NEW, PAUSED, PROFILE, World, directory, order
from workers.errors import DirectoryUnavailable, IdempotencyConflict, UnknownDirectory
from workers.model import DirectoryId, DirectoryStatus, Disposal, Hint, JobId, JobState, Order, Package

MINUTE = timedelta(minutes=1)
NOWHERE = JobId("00000000-0000-4000-8000-000000000000")


async def test_an_order_becomes_a_pending_job_with_its_plan(world: World) -> None:
    enqueued = await world.order(BETA, ALPHA, BETA)
    job = await world.store.read(enqueued.job_id)
    assert job
    assert (job.state, job.package, job.priority, job.customer) == (JobState.PENDING, Package.CUSTOM, 3, "shop-1")
    assert job.profile == PROFILE
    assert [one.directory.id for one in job.submissions] == [BETA, ALPHA]
    assert await world.states(job.id) == ["planned", "planned"]
    assert enqueued.is_new
    assert (enqueued.hint, enqueued.directories, enqueued.priority) == (1, 2, 3)
    assert job.correlation_id == enqueued.correlation_id == job.id
    assert job.created_at
    assert await world.events(job.id) == ["job.enqueued"]


async def test_an_order_keeps_its_own_priority_and_correlation(world: World) -> None:
    enqueued = await world.store.enqueue(replace(order(ALPHA), priority=1, correlation_id="basket-7"))
    assert (enqueued.priority, enqueued.correlation_id) == (1, "basket-7")


async def test_unfit_directories_are_named_all_at_once_and_nothing_is_stored(world: World) -> None:
    with pytest.raises(UnknownDirectory) as caught:
        await world.order(ALPHA, DirectoryId("nowhere"), PAUSED, DirectoryId("never"), NEW)
    assert caught.value.faults == (
        "nowhere: not in the catalogue",
        "never: not in the catalogue",
        "paused: its status is paused",
        "unverified: its status is needs_verification",
    )
    with pytest.raises(DirectoryUnavailable):
        await world.order(ALPHA, PAUSED)
    assert await world.store.due_hints(rehint_after=MINUTE) == []


async def test_a_package_takes_the_best_active_directories(world: World) -> None:
    await world.store.import_directories([directory(f"more-{n:02}", 10) for n in range(60)])
    enqueued = await world.store.enqueue(Order(PROFILE, "shop-1", package=Package.STARTER))
    job = await world.store.read(enqueued.job_id)
    assert job
    ids = [one.directory.id for one in job.submissions]
    assert ids[:5] == [ALPHA, BETA, GAMMA, "more-00", "more-01"]
    assert (len(ids), enqueued.directories, enqueued.priority) == (50, 50, 4)


async def test_a_package_without_any_active_directory_is_refused(world: World) -> None:
    for one in (ALPHA, BETA, GAMMA):
        await world.store.set_status(one, DirectoryStatus.PAUSED)
    with pytest.raises(DirectoryUnavailable):
        await world.store.enqueue(Order(PROFILE, "shop-1", package=Package.STARTER))


async def test_an_order_beyond_its_package_is_refused(world: World) -> None:
    with pytest.raises(DirectoryUnavailable, match="at most 500"):
        await world.order(*(DirectoryId(f"d-{n}") for n in range(501)))


async def test_a_known_key_with_the_same_order_brings_its_job_back(world: World) -> None:
    first = await world.order(ALPHA, key="k")
    again = await world.order(ALPHA, key="k")
    assert (again.job_id, again.is_new, again.directories) == (first.job_id, False, 1)
    other = await world.order(ALPHA, customer="shop-2", key="k")
    assert (other.job_id != first.job_id, other.is_new) == (True, True)


async def test_a_known_key_answers_even_when_its_directory_has_been_paused_since(world: World) -> None:
    first = await world.order(ALPHA, key="k")
    await world.store.set_status(ALPHA, DirectoryStatus.PAUSED)
    assert (await world.order(ALPHA, key="k")).job_id == first.job_id


async def test_a_known_key_with_another_order_is_refused(world: World) -> None:
    await world.order(ALPHA, key="k")
    with pytest.raises(IdempotencyConflict):
        await world.order(BETA, key="k")
    with pytest.raises(IdempotencyConflict):
        await world.store.enqueue(replace(order(ALPHA, key="k"), priority=1))


async def test_orders_with_one_key_at_the_same_moment_become_one_job(world: World) -> None:
    answers = await asyncio.gather(*(world.order(ALPHA, BETA, key="k") for _ in range(30)))
    assert len({one.job_id for one in answers}) == 1
    assert sum(one.is_new for one in answers) == 1


async def test_the_first_hint_is_due_until_it_was_sent(world: World) -> None:
    enqueued = await world.order(ALPHA)
    (hint,) = await world.store.due_hints(rehint_after=MINUTE)
    assert (hint.job_id, hint.number, hint.priority) == (enqueued.job_id, 2, 3)
    await world.store.hint_sent(hint)
    await world.pass_time(timedelta(seconds=50))
    assert await world.store.due_hints(rehint_after=MINUTE) == []


async def test_a_hint_that_could_not_be_sent_is_due_again_soon(world: World) -> None:
    await world.order(ALPHA)
    await world.store.due_hints(rehint_after=MINUTE)
    await world.pass_time(timedelta(seconds=6))
    (hint,) = await world.store.due_hints(rehint_after=MINUTE)
    assert hint.number == 3


async def test_unanswered_hints_are_sent_again_ever_more_seldom(world: World) -> None:
    enqueued = await world.order(ALPHA)
    await world.store.hint_sent(Hint(enqueued.job_id, 1, 3))
    waits = []
    for number in range(2, 8):
        waited = 0
        while not (hints := await world.store.due_hints(rehint_after=MINUTE)):
            await world.pass_time(MINUTE)
            waited += 1
        waits.append(waited)
        assert hints[0].number == number
        await world.store.hint_sent(hints[0])
    assert waits == [1, 2, 4, 8, 8, 8]


async def test_hints_come_by_priority_and_within_the_limit(world: World) -> None:
    for priority in (4, 2, 1, 3):
        await world.store.enqueue(replace(order(ALPHA), priority=priority))
    hints = await world.store.due_hints(rehint_after=MINUTE, limit=3)
    assert [one.priority for one in hints] == [1, 2, 3]


async def test_sweeps_at_the_same_moment_share_the_hints(world: World) -> None:
    for _ in range(10):
        await world.order(ALPHA)
    sweeps = await asyncio.gather(*(world.store.due_hints(rehint_after=MINUTE) for _ in range(5)))
    hinted = [hint.job_id for sweep in sweeps for hint in sweep]
    assert len(hinted) == len(set(hinted)) == 10


async def test_an_old_note_does_not_answer_for_a_newer_hint(world: World) -> None:
    enqueued = await world.order(ALPHA)
    await world.store.due_hints(rehint_after=MINUTE)
    await world.store.hint_sent(Hint(enqueued.job_id, 1, 3))
    await world.pass_time(timedelta(seconds=6))
    assert [one.number for one in await world.store.due_hints(rehint_after=MINUTE)] == [3]


async def test_a_hint_is_worth_a_run_while_its_job_waits_for_nobody(world: World) -> None:
    store, job_id = world.store, (await world.order(ALPHA)).job_id
    assert await store.dispatch(job_id, 1) is Disposal.DISPATCH
    assert await store.dispatch(job_id, 1) is Disposal.DISPATCH, "a redelivery after a crash must start the run"
    lease = await world.take(job_id)
    assert await store.dispatch(job_id, 1) is Disposal.DROP
    await world.pass_time(timedelta(seconds=181))
    assert await store.dispatch(job_id, 1) is Disposal.DISPATCH
    assert await store.cancel(lease.job_id) is JobState.CANCELLED
    assert await store.dispatch(job_id, 1) is Disposal.DROP


@pytest.mark.parametrize("job_id", [NOWHERE, JobId("no-uuid"), JobId("")])
async def test_a_hint_for_an_unknown_job_is_told_apart(world: World, job_id: JobId) -> None:
    assert await world.store.dispatch(job_id, 1) is Disposal.UNKNOWN_JOB
    assert await world.store.read(job_id) is None
    assert await world.store.cancel(job_id) is None


async def test_a_dispatch_tells_that_the_hint_was_sent(world: World) -> None:
    enqueued = await world.order(ALPHA)
    await world.store.dispatch(enqueued.job_id, 1)
    assert await world.store.due_hints(rehint_after=MINUTE) == []


async def test_in_flight_are_live_leases_and_recent_dispatches(world: World) -> None:
    store = world.store
    waiting, dispatched, held = [(await world.order(ALPHA)).job_id for _ in range(3)]
    await store.dispatch(dispatched, 1)
    await store.dispatch(held, 1)
    assert await store.count_in_flight(dispatch_grace=MINUTE) == 2
    await world.take(held)
    assert await store.count_in_flight(dispatch_grace=MINUTE) == 2
    await world.pass_time(timedelta(seconds=61))
    assert await store.count_in_flight(dispatch_grace=MINUTE) == 1
    await world.pass_time(timedelta(seconds=180))
    assert await store.count_in_flight(dispatch_grace=MINUTE) == 0
    assert await store.dispatch(waiting, 1) is Disposal.DISPATCH
