"""Contract of `ports.JobStore`: claims, leases, settling, cancelling, recovering."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.contract.store_world import ALPHA, BETA, GAMMA, LEASE, World
from workers.model import (
    Beat,
    ClaimRefusal,
    DirectoryId,
    Disposal,
    IntentAnswer,
    JobId,
    JobState,
    Lease,
    Recovery,
    WorkerId,
)
from workers.outcome import Deferred, Evidence, Failed, Outcome, Reason, Submitted

OVER = LEASE + timedelta(seconds=1)
LATER = timedelta(seconds=60)

SUBMITTED = Submitted(Reason.CONFIRMED, "Thank you!", Evidence(confirmation="Thank you!"))
FAILED = Failed(Reason.DIRECTORY_ERROR, "Three times 500.")
DEFERRED = Deferred(Reason.NAVIGATION_TIMEOUT, "No answer.", delay=LATER)


async def submit(world: World, lease: Lease, directory: DirectoryId) -> None:
    await world.store.begin_attempt(lease, directory)
    assert await world.store.commit_intent(lease, directory) is IntentAnswer.COMMITTED
    assert await world.store.record(lease, directory, SUBMITTED, seconds=1.5)


async def record(world: World, lease: Lease, directory: DirectoryId, outcome: Outcome) -> None:
    await world.store.begin_attempt(lease, directory)
    assert await world.store.record(lease, directory, outcome, seconds=1.5)


async def test_a_claim_hands_out_the_job_with_a_new_epoch(world: World) -> None:
    enqueued = await world.order(ALPHA, BETA)
    claim = await world.claim(enqueued.job_id)
    assert claim.lease == Lease(enqueued.job_id, 1, WorkerId("worker-1"))
    assert claim.job
    assert (claim.job.state, claim.job.lease_epoch) == (JobState.IN_PROGRESS, 1)
    assert [one.directory.id for one in claim.job.submissions] == [ALPHA, BETA]
    assert await world.events(enqueued.job_id) == ["job.enqueued", "job.claimed"]


async def test_of_many_claims_at_the_same_moment_one_wins(world: World) -> None:
    enqueued = await world.order(ALPHA)
    claims = await asyncio.gather(*(world.claim(enqueued.job_id, f"worker-{n}") for n in range(50)))
    assert sum(one.lease is not None for one in claims) == 1
    assert {one.refusal for one in claims} == {None, ClaimRefusal.LEASED}
    assert await world.events(enqueued.job_id) == ["job.enqueued", "job.claimed"]


async def test_five_hundred_duplicates_of_a_hint_make_one_claim(world: World) -> None:
    enqueued = await world.order(ALPHA)
    slots = asyncio.Semaphore(20)

    async def deliver(number: int) -> bool:
        async with slots:
            if await world.store.dispatch(enqueued.job_id, 1) is not Disposal.DISPATCH:
                return False
            return (await world.claim(enqueued.job_id, f"worker-{number}")).lease is not None

    assert sum(await asyncio.gather(*(deliver(number) for number in range(500)))) == 1
    job = await world.store.read(enqueued.job_id)
    assert job
    assert (job.lease_epoch, job.recoveries) == (1, 0)


async def test_claims_are_refused_with_the_reason(world: World) -> None:
    assert (await world.claim(JobId("no-uuid"))).refusal is ClaimRefusal.UNKNOWN_JOB
    lease = await world.hold(ALPHA)
    assert (await world.claim(lease.job_id)).refusal is ClaimRefusal.LEASED
    await record(world, lease, ALPHA, DEFERRED)
    assert await world.store.settle(lease) is JobState.PENDING
    assert (await world.claim(lease.job_id)).refusal is ClaimRefusal.NOT_DUE
    await world.pass_time(LATER)
    lease = await world.take(lease.job_id)
    await submit(world, lease, ALPHA)
    assert await world.store.settle(lease) is JobState.COMPLETED
    assert (await world.claim(lease.job_id)).refusal is ClaimRefusal.FINISHED
    assert (await world.claim(lease.job_id, is_retry=True)).refusal is ClaimRefusal.FINISHED


async def test_a_heartbeat_prolongs_the_lease(world: World) -> None:
    lease = await world.hold()
    await world.pass_time(timedelta(seconds=170))
    assert await world.store.beat(lease, extend=LEASE) is Beat.GO_ON
    await world.pass_time(timedelta(seconds=170))
    assert (await world.claim(lease.job_id, "worker-2")).refusal is ClaimRefusal.LEASED


async def test_a_job_whose_lease_is_over_may_be_claimed_and_fences_its_old_holder(world: World) -> None:
    store, old = world.store, await world.hold(ALPHA, BETA, GAMMA)
    assert await store.commit_intent(old, ALPHA) is IntentAnswer.COMMITTED
    await world.pass_time(OVER)
    claim = await world.claim(old.job_id, "worker-2")
    assert claim.job
    assert claim.lease
    assert (claim.lease.epoch, claim.job.recoveries) == (2, 1)
    assert [one.state for one in claim.job.submissions] == ["unknown", "planned", "planned"]
    assert claim.job.submissions[0].reason is Reason.WORKER_LOST

    before = await store.read(old.job_id)
    history = await world.read_history(old.job_id)
    assert await store.beat(old, extend=LEASE) is Beat.LOST
    assert await store.begin_attempt(old, BETA) is None
    assert await store.commit_intent(old, BETA) is IntentAnswer.LEASE_LOST
    assert await store.void_intent(old, ALPHA, "nothing was sent") is False
    assert await store.record(old, ALPHA, SUBMITTED, seconds=1) is False
    assert await store.release(old) is None
    assert await store.settle(old) is None
    assert await store.read(old.job_id) == before, "a write by an old epoch took effect"
    assert await world.read_history(old.job_id) == history
    assert await store.beat(claim.lease, extend=LEASE) is Beat.GO_ON


async def test_a_worker_that_was_only_slow_goes_on_while_nobody_took_its_job(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.pass_time(OVER)
    assert await world.store.beat(lease, extend=LEASE) is Beat.GO_ON
    assert await world.store.recover_stale(max_recoveries=3) == []


async def test_settling_follows_the_submissions(world: World) -> None:
    lease = await world.hold(ALPHA, BETA, GAMMA)
    await submit(world, lease, ALPHA)
    await record(world, lease, BETA, FAILED)
    assert await world.store.settle(lease) is JobState.PENDING, "gamma is open"
    lease = await world.take(lease.job_id)
    await record(world, lease, GAMMA, DEFERRED)
    assert await world.store.settle(lease) is JobState.PENDING
    job = await world.store.read(lease.job_id)
    assert job
    assert job.not_before == job.submissions[2].not_before is not None
    await world.pass_time(LATER)
    lease = await world.take(lease.job_id)
    await submit(world, lease, GAMMA)
    assert await world.store.settle(lease) is JobState.FAILED
    assert await world.store.settle(lease) is JobState.FAILED, "the same call after a lost answer"


async def test_a_deferred_submission_is_planned_again_when_it_is_due(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await record(world, lease, ALPHA, DEFERRED)
    await record(world, lease, BETA, Deferred(Reason.PACE, delay=LATER * 5))
    await world.store.settle(lease)
    await world.pass_time(LATER)
    claim = await world.claim(lease.job_id)
    assert claim.job
    assert [one.state for one in claim.job.submissions] == ["planned", "deferred"]
    assert claim.lease
    await record(world, claim.lease, ALPHA, DEFERRED)
    await world.store.settle(claim.lease)
    claim = await world.claim(lease.job_id, is_retry=True)
    assert claim.job
    assert [one.state for one in claim.job.submissions] == ["planned", "planned"], "an operator does not wait"


async def test_a_settled_job_that_waits_is_hinted_when_it_is_due(world: World) -> None:
    lease = await world.hold(ALPHA)
    await record(world, lease, ALPHA, DEFERRED)
    await world.store.settle(lease)
    assert await world.store.due_hints(rehint_after=LATER) == []
    await world.pass_time(LATER)
    assert [one.job_id for one in await world.store.due_hints(rehint_after=LATER)] == [lease.job_id]


async def test_settling_never_leaves_an_intent_behind(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.store.commit_intent(lease, ALPHA)
    assert await world.store.settle(lease) is JobState.COMPLETED
    assert await world.states(lease.job_id) == ["unknown"]


async def test_a_released_job_is_due_now_and_its_unfinished_attempts_do_not_count(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await world.store.begin_attempt(lease, ALPHA)
    await record(world, lease, BETA, DEFERRED)
    assert await world.store.release(lease) is JobState.PENDING
    assert await world.store.release(lease) is JobState.PENDING, "the same call after a lost answer"
    lease = await world.take(lease.job_id, "worker-2")
    job = await world.store.read(lease.job_id)
    assert job
    assert [one.attempts for one in job.submissions] == [0, 1]
    assert (lease.epoch, job.recoveries) == (2, 0)


async def test_a_retry_opens_only_what_failed(world: World) -> None:
    lease = await world.hold(ALPHA, BETA, GAMMA)
    await submit(world, lease, ALPHA)
    await record(world, lease, BETA, FAILED)
    await world.store.commit_intent(lease, GAMMA)
    assert await world.store.settle(lease) is JobState.FAILED
    assert (await world.claim(lease.job_id)).refusal is ClaimRefusal.FINISHED
    claim = await world.claim(lease.job_id, is_retry=True)
    assert claim.job
    assert [one.state for one in claim.job.submissions] == ["submitted", "planned", "unknown"]
    assert (claim.job.submissions[1].attempts, claim.job.submissions[1].reason) == (0, None)
    assert (await world.events(lease.job_id))[-3:] == ["submission.planned", "job.reopened", "job.claimed"]


async def test_a_pending_job_is_cancelled_at_once(world: World) -> None:
    enqueued = await world.order(ALPHA, BETA)
    assert await world.store.cancel(enqueued.job_id) is JobState.CANCELLED
    assert await world.store.cancel(enqueued.job_id) is JobState.CANCELLED
    assert await world.states(enqueued.job_id) == ["cancelled", "cancelled"]
    assert (await world.claim(enqueued.job_id)).refusal is ClaimRefusal.FINISHED
    assert await world.store.due_hints(rehint_after=LATER) == []


async def test_a_job_in_progress_is_cancelled_at_its_next_heartbeat(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await submit(world, lease, ALPHA)
    assert await world.store.cancel(lease.job_id) is JobState.IN_PROGRESS
    assert await world.store.beat(lease, extend=LEASE) is Beat.CANCELLED
    assert await world.store.settle(lease) is JobState.CANCELLED
    assert await world.states(lease.job_id) == ["submitted", "cancelled"]


async def test_a_cancelled_job_whose_worker_died_ends_cancelled(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await world.store.commit_intent(lease, ALPHA)
    await world.store.cancel(lease.job_id)
    await world.pass_time(OVER)
    assert await world.store.recover_stale(max_recoveries=3) == [Recovery(lease.job_id, JobState.CANCELLED, 1)]
    assert await world.states(lease.job_id) == ["unknown", "cancelled"]


async def test_a_released_job_that_shall_be_cancelled_is(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.store.cancel(lease.job_id)
    assert await world.store.release(lease) is JobState.CANCELLED
    assert await world.store.release(lease) is JobState.CANCELLED, "the same call after a lost answer"
    assert await world.states(lease.job_id) == ["cancelled"]


async def test_a_finished_job_stays_as_it_is_when_it_is_cancelled(world: World) -> None:
    lease = await world.hold(ALPHA)
    await submit(world, lease, ALPHA)
    await world.store.settle(lease)
    assert await world.store.cancel(lease.job_id) is JobState.COMPLETED


async def test_the_sweep_takes_back_what_is_stale_and_ends_what_is_spent(world: World) -> None:
    """Three jobs, three fates: one still held, one stale, one whose recoveries are spent."""
    spent = await world.hold(ALPHA, BETA, customer="spent")
    await submit(world, spent, ALPHA)
    for _ in range(2):
        await world.pass_time(OVER)
        await world.store.recover_stale(max_recoveries=2)
        spent = await world.take(spent.job_id)
    stale = await world.hold(ALPHA, BETA, customer="stale")
    await world.store.commit_intent(stale, ALPHA)
    await world.pass_time(OVER)
    young = await world.hold(ALPHA, customer="young")

    recoveries = await world.store.recover_stale(max_recoveries=2)
    assert {one.job_id: (one.state, one.unknown) for one in recoveries} == {
        spent.job_id: (JobState.FAILED, 0),
        stale.job_id: (JobState.PENDING, 1),
    }
    assert await world.states(spent.job_id) == ["submitted", "failed"]
    job = await world.store.read(spent.job_id)
    assert job
    assert job.submissions[1].reason is Reason.INTERNAL_ERROR
    assert job.submissions[1].message == "The job lost its worker 3 times."
    assert await world.states(stale.job_id) == ["unknown", "planned"]
    assert await world.store.beat(young, extend=LEASE) is Beat.GO_ON
    assert [one.job_id for one in await world.store.due_hints(rehint_after=LATER)] == [stale.job_id]
    reopened = await world.claim(spent.job_id, is_retry=True)
    assert reopened.job
    assert reopened.job.recoveries == 0


async def test_a_claim_ends_a_job_whose_recoveries_are_spent_as_the_sweep_does(world: World) -> None:
    lease = await world.hold(ALPHA, BETA, GAMMA)
    await submit(world, lease, ALPHA)
    for _ in range(2):
        await world.pass_time(OVER)
        claim = await world.claim(lease.job_id, max_recoveries=2)
        assert claim.lease, claim.refusal
        lease = claim.lease
    assert await world.store.commit_intent(lease, BETA) is IntentAnswer.COMMITTED
    await world.pass_time(OVER)
    assert (await world.claim(lease.job_id, max_recoveries=2)).refusal is ClaimRefusal.FINISHED
    job = await world.store.read(lease.job_id)
    assert job
    assert (job.state, job.recoveries) == (JobState.FAILED, 3)
    assert await world.states(lease.job_id) == ["submitted", "unknown", "failed"]
    assert job.submissions[2].reason is Reason.INTERNAL_ERROR
    assert job.submissions[2].message == "The job lost its worker 3 times."
    assert (await world.events(lease.job_id))[-1] == "job.given_up"
    assert await world.store.settle(lease) is None, "its last worker may still be there"


async def test_a_cancelled_job_whose_worker_died_is_not_claimed(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.store.cancel(lease.job_id)
    await world.pass_time(OVER)
    assert (await world.claim(lease.job_id)).refusal is ClaimRefusal.FINISHED
    assert await world.states(lease.job_id) == ["cancelled"]
    assert await world.store.settle(lease) is None, "its last worker may still be there"


async def test_an_attempt_that_a_crash_used_still_counts_after_a_release(world: World) -> None:
    lease = await world.hold(ALPHA)
    assert await world.store.begin_attempt(lease, ALPHA) == 1
    await world.pass_time(OVER)
    lease = await world.take(lease.job_id, "worker-2")
    await world.store.release(lease)
    job = await world.store.read(lease.job_id)
    assert job
    assert job.submissions[0].attempts == 1


async def test_a_paused_worker_finds_its_job_lost_after_the_sweep(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.pass_time(OVER)
    await world.store.recover_stale(max_recoveries=3)
    assert await world.store.beat(lease, extend=LEASE) is Beat.LOST
    assert await world.store.settle(lease) is None
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.LEASE_LOST


async def test_sweeps_at_the_same_moment_recover_each_job_once(world: World) -> None:
    leases = [await world.hold(ALPHA, customer=f"shop-{n}") for n in range(20)]
    await world.pass_time(OVER)
    sweeps = await asyncio.gather(*(world.store.recover_stale(max_recoveries=3) for _ in range(5)))
    recovered = [one.job_id for sweep in sweeps for one in sweep]
    assert sorted(recovered) == sorted(lease.job_id for lease in leases)
    for lease in leases:
        assert (await world.events(lease.job_id)).count("job.recovered") == 1


async def test_a_sweep_stops_at_its_limit(world: World) -> None:
    for number in range(5):
        await world.hold(ALPHA, customer=f"shop-{number}")
    await world.pass_time(OVER)
    assert len(await world.store.recover_stale(max_recoveries=3, limit=3)) == 3
    assert len(await world.store.recover_stale(max_recoveries=3, limit=3)) == 2


async def test_each_transition_has_exactly_one_history_row(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await submit(world, lease, ALPHA)
    await record(world, lease, BETA, DEFERRED)
    await world.store.settle(lease)
    await world.store.cancel(lease.job_id)
    rows = await world.read_history(lease.job_id)
    assert [(one.event, one.directory, one.from_state, one.to_state) for one in rows] == [
        ("job.enqueued", None, None, "pending"),
        ("job.claimed", None, "pending", "in_progress"),
        ("submission.submitting", ALPHA, "planned", "submitting"),
        ("submission.submitted", ALPHA, "submitting", "submitted"),
        ("submission.deferred", BETA, "planned", "deferred"),
        ("job.settled", None, "in_progress", "pending"),
        ("submission.cancelled", BETA, "deferred", "cancelled"),
        ("job.cancelled", None, "pending", "cancelled"),
    ]
