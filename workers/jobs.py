"""The one path of a job: claim → submit each → settle.

Prefect's flow and the tests call the same `run_job`. The database row decides everything; a run that comes too
late, twice or after a crash finds that out from the claim and does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from workers.attempt import AttemptStopped, attempt
from workers.errors import LeaseLost
from workers.fleet import Fleet
from workers.itinerary import Itinerary
from workers.log import bound, get_logger
from workers.model import ClaimRefusal, Directory, DirectoryStatus, Job, JobId, JobState, SubmissionState
from workers.outcome import Deferred, Outcome, Reason, Skipped
from workers.tenure import Stop, Tenure

log = get_logger("jobs")

Submit = Callable[[Tenure, Directory], Awaitable[Outcome]]
OnClaimed = Callable[[Tenure], Awaitable[None]]
OnOutcome = Callable[[Directory, Outcome], Awaitable[None]]


class JobEnd(StrEnum):
    """How one run of a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"  # something in it may be retried
    WAITING = "waiting"  # pending until its `not_before`
    CANCELLED = "cancelled"
    RELEASED = "released"  # given back at once because this worker drains
    LOST = "lost"  # another worker has it now, or nobody
    REFUSED = "refused"  # the claim was refused: see `refusal`


@dataclass(frozen=True, slots=True)
class JobReport:
    """What one run did. `job` is as the database holds it at the end; None only for an unknown job."""

    end: JobEnd
    job: Job | None = None
    refusal: ClaimRefusal | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller wants to do beside the work: Prefect wraps each attempt in a task and keeps its tables."""

    submit: Submit = attempt
    on_claimed: OnClaimed | None = None
    on_outcome: OnOutcome | None = None


async def run_job(fleet: Fleet, job_id: JobId, *, is_retry: bool = False, hooks: Hooks | None = None) -> JobReport:
    """Take the job, submit to each directory that is due, settle.

    Raises `StoreUnavailable` when the database stays away; the lease then ends by itself and the sweep goes on.
    """
    hooks = hooks or Hooks()
    with bound(job_id=job_id, worker_id=fleet.worker_id):
        lease, limit = fleet.settings.lease, fleet.settings.max_recoveries
        claim = await fleet.store.claim(job_id, fleet.worker_id, lease=lease, is_retry=is_retry, max_recoveries=limit)
        if claim.lease is None or claim.job is None:
            log.info("claim.refused", refusal=claim.refusal)
            return JobReport(JobEnd.REFUSED, await fleet.store.read(job_id), claim.refusal)
        log.info("job.claimed", epoch=claim.lease.epoch)
        tenure = Tenure(fleet, claim.lease, claim.job)
        async with tenure.held():
            if hooks.on_claimed:
                await hooks.on_claimed(tenure)
            await submit_each(tenure, hooks)
        return await settle(tenure)


async def submit_each(tenure: Tenure, hooks: Hooks) -> None:
    """Visit every directory that is due (the claim planned those; a deferred one still waits for its time).

    A job waits for at most as many slots as there are, so that jobs take turns.
    """
    due = [one.directory for one in tenure.job.submissions if one.state is SubmissionState.PLANNED]
    itinerary = Itinerary(due)
    visitors = min(tenure.fleet.settings.slots, len(due))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(visitors):
                group.create_task(_visit(tenure, itinerary, hooks))
    except ExceptionGroup as several:  # the first one ended the others; callers shall see it as it was raised
        raise several.exceptions[0] from several


async def _visit(tenure: Tenure, itinerary: Itinerary, hooks: Hooks) -> None:
    while len(itinerary) and not tenure.is_over:
        await tenure.sleep(itinerary.seconds_until_due())
        async with tenure.fleet.slots:
            directory = itinerary.next_due()
            if directory is None or tenure.is_over:
                continue
            try:
                await _submit_in_turn(tenure, directory, itinerary, hooks)
            except LeaseLost:
                tenure.stop(Stop.LOST)
            except AttemptStopped:
                return


async def _submit_in_turn(tenure: Tenure, directory: Directory, itinerary: Itinerary, hooks: Hooks) -> None:
    """Submit when it is the directory's turn, else put it back; a turn that is too far away defers it.

    A directory that was not active when the job was claimed is not visited; later changes meet the gate.
    """
    outcome: Outcome
    if directory.status is not DirectoryStatus.ACTIVE:
        outcome = Skipped(Reason.DIRECTORY_INACTIVE, Reason.DIRECTORY_INACTIVE.sentence)
        await _record_unvisited(tenure, directory, outcome)
    elif (wait := await _wait_for_turn(tenure, directory)) > tenure.fleet.settings.pace_wait_limit:
        outcome = Deferred(Reason.PACE, Reason.PACE.sentence, delay=wait)
        await _record_unvisited(tenure, directory, outcome)
    elif wait:
        return itinerary.postpone(directory, wait.total_seconds())
    else:
        outcome = await hooks.submit(tenure, directory)
    if hooks.on_outcome:
        await hooks.on_outcome(directory, outcome)
    return None


async def _record_unvisited(tenure: Tenure, directory: Directory, outcome: Outcome) -> None:
    if not await tenure.fleet.store.record(tenure.lease, directory.id, outcome, seconds=0):
        raise LeaseLost


async def _wait_for_turn(tenure: Tenure, directory: Directory) -> timedelta:
    pace = tenure.fleet.settings.pace if directory.pace is None else directory.pace
    if not pace:
        return timedelta(0)
    return await tenure.fleet.store.take_turn(directory.id, pace=pace, wait_limit=timedelta(0))


async def settle(tenure: Tenure) -> JobReport:
    """End the tenure: give the job back, or let the database set its state from its submissions."""
    store = tenure.fleet.store
    if tenure.stop_reason is Stop.DRAINED:
        state = await store.release(tenure.lease)
        end = JobEnd.RELEASED if state is JobState.PENDING else _END[state]
    else:
        end = _END[await store.settle(tenure.lease)]
    log.info("job.settled", end=end)
    return JobReport(end, await store.read(tenure.lease.job_id))


_END = {
    JobState.COMPLETED: JobEnd.COMPLETED,
    JobState.FAILED: JobEnd.FAILED,
    JobState.PENDING: JobEnd.WAITING,
    JobState.CANCELLED: JobEnd.CANCELLED,
    JobState.IN_PROGRESS: JobEnd.LOST,
    None: JobEnd.LOST,
}
