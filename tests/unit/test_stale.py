"""The sweep: takes back what is stale, sends what is due, and harms nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.stale import recover_stale_jobs
from tests.unit.workbench import Clock, directories, order_job
from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.memory_store import MemoryStore
from workers.errors import QueueUnavailable
from workers.model import JobState, SubmissionState, WorkerId
from workers.settings import Settings, load_settings

LEASE = timedelta(minutes=3)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(clock: Clock) -> MemoryStore:
    store = MemoryStore(clock)
    await store.import_directories(directories("a", "b"))
    return store


@pytest.fixture
def settings() -> Settings:
    return load_settings({"store": "memory", "max_recoveries": 1, "rehint_after": 60})


async def test_three_jobs_three_fates(store: MemoryStore, clock: Clock, settings: Settings) -> None:
    """One whose lease still runs, one whose lease is over, one whose recoveries are spent."""
    young, due, spent = [await order_job(store, ["a"], customer=f"customer-{n}") for n in range(3)]
    await store.claim(spent, WorkerId("lost"), lease=LEASE)
    clock.now += LEASE
    await recover_stale_jobs(store, MemoryQueue(), settings)
    for job in (due, spent):
        await store.claim(job, WorkerId("worker"), lease=LEASE)
    clock.now += LEASE
    await store.claim(young, WorkerId("worker"), lease=LEASE)
    report = await recover_stale_jobs(store, MemoryQueue(), settings)
    assert (report.recovered, report.ended) == ((due,), (spent,))
    states = [job.state for job in [await store.read(one) for one in (young, due, spent)] if job]
    assert states == [JobState.IN_PROGRESS, JobState.PENDING, JobState.FAILED]


async def test_an_intent_without_an_outcome_becomes_unknown(
    store: MemoryStore, clock: Clock, settings: Settings
) -> None:
    job_id = await order_job(store, ["a", "b"])
    claim = await store.claim(job_id, WorkerId("lost"), lease=LEASE)
    assert claim.lease is not None
    await store.begin_attempt(claim.lease, directories("a")[0].id)
    await store.commit_intent(claim.lease, directories("a")[0].id)
    clock.now += LEASE
    report = await recover_stale_jobs(store, MemoryQueue(), settings)
    job = await store.read(job_id)
    assert job is not None
    assert report.unknown == 1
    assert [one.state for one in job.submissions] == [SubmissionState.UNKNOWN, SubmissionState.PLANNED]


async def test_a_recovered_job_is_hinted_at_once(store: MemoryStore, clock: Clock, settings: Settings) -> None:
    queue = MemoryQueue()
    job_id = await order_job(store, ["a"])
    await store.claim(job_id, WorkerId("lost"), lease=LEASE)
    clock.now += LEASE
    report = await recover_stale_jobs(store, queue, settings)
    assert report.sent == 1
    assert sum((await queue.depths()).values()) == 1


async def test_a_hint_that_never_reached_the_queue_is_sent_by_the_sweep(
    store: MemoryStore, clock: Clock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = MemoryQueue()
    await order_job(store, ["a"])

    async def away(*_args: object, **_kwargs: object) -> None:
        raise QueueUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(queue, "send", away)
        assert (await recover_stale_jobs(store, queue, settings)).unsent == 1
    clock.now += timedelta(seconds=5)
    assert (await recover_stale_jobs(store, queue, settings)).sent == 1
    assert (await recover_stale_jobs(store, queue, settings)).sent == 0, "a hint that was just sent is not sent again"


async def test_more_hints_than_a_batch_go_out_in_one_sweep(store: MemoryStore, settings: Settings) -> None:
    queue = MemoryQueue()
    for number in range(101):
        await order_job(store, ["a"], customer=f"customer-{number}")
    assert (await recover_stale_jobs(store, queue, settings)).sent == 101
