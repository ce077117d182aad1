"""Contract of `ports.JobStore.list_jobs`: what an operator sees of the latest jobs."""

from __future__ import annotations

from tests.contract.store_world import ALPHA, BETA, World
from workers.model import JobState, Package, SubmissionState


async def test_the_latest_jobs_are_listed_newest_first(world: World) -> None:
    first = await world.order(ALPHA, BETA, customer="shop-1")
    second = await world.order(BETA, customer="shop-2")
    assert [job.id for job in await world.store.list_jobs(10)] == [second.job_id, first.job_id]
    assert [job.id for job in await world.store.list_jobs(1)] == [second.job_id]


async def test_a_listed_job_says_how_many_submissions_are_in_which_state(world: World) -> None:
    enqueued = await world.order(ALPHA, BETA)
    (listed,) = await world.store.list_jobs()
    assert (listed.customer, listed.package, listed.priority) == ("shop-1", Package.CUSTOM, 3)
    assert (listed.state, listed.submissions) == (JobState.PENDING, {SubmissionState.PLANNED: 2})
    await world.store.cancel(enqueued.job_id)
    (listed,) = await world.store.list_jobs()
    assert (listed.state, listed.submissions) == (JobState.CANCELLED, {SubmissionState.CANCELLED: 2})
    assert listed.created_at.tzinfo


async def test_without_jobs_the_list_is_empty(world: World) -> None:
    assert await world.store.list_jobs() == []
