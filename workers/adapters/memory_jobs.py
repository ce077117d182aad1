"""The in-memory twin of `ports.JobStore`."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from workers.adapters import codec
from workers.adapters.memory_tables import HistoryRow, JobRow, MemoryTables, ResultRow, doubled
from workers.adapters.refusals import check_places, conflict, unfit_directories
from workers.model import (
    Beat,
    Claim,
    ClaimRefusal,
    DirectoryId,
    DirectoryStatus,
    Disposal,
    Enqueued,
    Hint,
    JobId,
    JobState,
    JobSummary,
    Lease,
    Order,
    Recovery,
    SubmissionState,
    WorkerId,
)
from workers.model import Job as JobView
from workers.outcome import Reason

_HINT_TAKEN = timedelta(seconds=5)  # as in due_hints_v1


class MemoryJobs:
    """Jobs, hints and leases over `MemoryTables`."""

    def __init__(self, tables: MemoryTables) -> None:
        self.tables = tables

    async def enqueue(self, order: Order) -> Enqueued:
        """Store an order."""
        check_places(order)
        body_hash = codec.digest_order(order)
        for job in self.tables.jobs.values():
            if order.idempotency_key and (job.customer, job.idempotency_key) == (order.customer, order.idempotency_key):
                if job.body_hash != body_hash:
                    raise conflict(order)
                return _enqueued(job, is_new=False)
        chosen, job_id, now = self._choose(order), JobId(str(uuid.uuid4())), self.tables.clock()
        job = JobRow(
            id=job_id,
            customer=order.customer,
            package=order.package,
            priority=order.priority or order.package.priority,
            profile=order.profile,
            correlation_id=order.correlation_id or job_id,
            idempotency_key=order.idempotency_key,
            body_hash=body_hash,
            created_at=now,
            not_before=now,
            results={directory: ResultRow(directory) for directory in chosen},
        )
        self.tables.customer_id(order.customer)
        self.tables.jobs[job_id] = job
        self.tables.history.append(HistoryRow("job.enqueued", job_id, None, None, JobState.PENDING))
        return _enqueued(job, is_new=True)

    def _choose(self, order: Order) -> list[DirectoryId]:
        known = self.tables.directories
        named = list(dict.fromkeys(order.directories))
        unknown = [one for one in named if one not in known]
        states = {one: known[one].status for one in named if one in known}
        unavailable: dict[str, str] = {
            one: status for one, status in states.items() if status is not DirectoryStatus.ACTIVE
        }
        if not named:
            able = [one for one in known.values() if one.status is DirectoryStatus.ACTIVE and one.allows_automation]
            best = sorted(able, key=lambda one: (-one.domain_authority, one.id))
            named = [one.id for one in best[: order.package.size]]
        if unknown or unavailable or not named:
            raise unfit_directories(order, unknown, unavailable)
        return named

    async def hint_sent(self, hint: Hint) -> None:
        """Note that this hint reached the queue."""
        job = self.tables.jobs.get(hint.job_id)
        if job and job.hint == hint.number and job.hint_sent_at is None:
            job.hint_sent_at, job.hint_taken_until = self.tables.clock(), None
            job.hints_unanswered += 1

    async def due_hints(self, *, rehint_after: timedelta, limit: int = 100) -> Sequence[Hint]:
        """Number and return the hints that have to be sent (again)."""
        due = [job for job in self.tables.jobs.values() if self._is_hint_due(job, rehint_after)]
        due.sort(key=lambda job: (job.priority, job.not_before))
        for job in due[:limit]:
            job.hint += 1
            job.hint_sent_at, job.hint_taken_until = None, self.tables.clock() + _HINT_TAKEN
        return [Hint(job.id, job.hint, job.priority, job.correlation_id) for job in due[:limit]]

    def _is_hint_due(self, job: JobRow, rehint_after: timedelta) -> bool:
        now = self.tables.clock()
        if job.state is not JobState.PENDING or job.not_before > now:
            return False
        if job.hint_taken_until and job.hint_taken_until > now:
            return False
        return job.hint_sent_at is None or job.hint_sent_at <= now - doubled(rehint_after, job.hints_unanswered)

    async def dispatch(self, job_id: JobId, hint: int) -> Disposal:
        """Ask what a received hint is worth, and note the dispatch."""
        job, now = self.tables.jobs.get(job_id), self.tables.clock()
        if job is None:
            return Disposal.UNKNOWN_JOB
        is_due = job.state is JobState.PENDING and job.not_before <= now
        is_stale = job.state is JobState.IN_PROGRESS and not self.tables.is_leased(job)
        if not (is_due or is_stale):
            return Disposal.DROP
        job.dispatched_at = now
        if job.hint == hint:
            job.hint_sent_at = job.hint_sent_at or now
        return Disposal.DISPATCH

    async def count_in_flight(self, *, dispatch_grace: timedelta) -> int:
        """Count the jobs in progress or on their way to a worker."""
        since = self.tables.clock() - dispatch_grace
        return sum(
            self.tables.is_leased(job)
            or (job.state is JobState.PENDING and job.dispatched_at is not None and job.dispatched_at > since)
            for job in self.tables.jobs.values()
        )

    async def claim(
        self, job_id: JobId, worker_id: WorkerId, *, lease: timedelta, is_retry: bool = False, max_recoveries: int = 3
    ) -> Claim:
        """Take the job by compare-and-set."""
        job = self.tables.jobs.get(job_id)
        refusal = self._refuse_claim(job, is_retry=is_retry)
        if job is None or refusal:
            return Claim(refusal=refusal)
        if job.state is JobState.IN_PROGRESS:
            self.tables.lose_intents(job)
            if self._end_lost(job, max_recoveries):
                return Claim(refusal=ClaimRefusal.FINISHED)
            job.recoveries += 1
        elif job.state is JobState.FAILED:
            self._reopen(job)
        for result in job.open_results:
            is_due = result.not_before is None or result.not_before <= self.tables.clock()
            if is_due or is_retry:
                self.tables.move_result(job, result, SubmissionState.PLANNED)
        self.tables.history.append(HistoryRow("job.claimed", job.id, None, job.state, JobState.IN_PROGRESS))
        job.state, job.worker_id, job.dispatched_at = JobState.IN_PROGRESS, worker_id, None
        job.lease_epoch += 1
        job.lease_until = self.tables.clock() + lease
        return Claim(lease=Lease(job.id, job.lease_epoch, worker_id), job=self.tables.view(job))

    def _refuse_claim(self, job: JobRow | None, *, is_retry: bool) -> ClaimRefusal | None:
        if job is None:
            return ClaimRefusal.UNKNOWN_JOB
        if self.tables.is_leased(job):
            return ClaimRefusal.LEASED
        if job.state is JobState.PENDING and job.not_before > self.tables.clock() and not is_retry:
            return ClaimRefusal.NOT_DUE
        if job.state.is_final and not (job.state is JobState.FAILED and is_retry):
            return ClaimRefusal.FINISHED
        return None

    def _reopen(self, job: JobRow) -> None:
        for result in job.results.values():
            if result.state is SubmissionState.FAILED:
                result.attempts, result.reason, result.message = 0, None, ""
                self.tables.move_result(job, result, SubmissionState.PLANNED)
        job.recoveries = 0
        self.tables.move_job(job, JobState.PENDING, "job.reopened")

    async def beat(self, lease: Lease, *, extend: timedelta) -> Beat:
        """Prolong the lease."""
        job = self.tables.held(lease)
        if job is None:
            return Beat.LOST
        job.lease_until = self.tables.clock() + extend
        return Beat.CANCELLED if job.is_cancelling else Beat.GO_ON

    async def settle(self, lease: Lease) -> JobState | None:
        """End the lease and set the job's state."""
        job = self.tables.held(lease)
        if job is None:
            return self._left_as(lease)
        self.tables.lose_intents(job)
        if job.is_cancelling:
            return self._cancel_now(job)
        now = self.tables.clock()
        due = min((one.not_before or now for one in job.open_results), default=now)
        self.tables.move_job(job, self.tables.judge(job), "job.settled", due=due)
        return job.state

    def _left_as(self, lease: Lease) -> JobState | None:
        """Return the state that the job was left in under this epoch."""
        job = self.tables.jobs.get(lease.job_id)
        return job.state if job and job.lease_epoch == lease.epoch else None

    async def release(self, lease: Lease) -> JobState | None:
        """Give the job back at once."""
        job = self.tables.held(lease)
        if job is None:
            return self._left_as(lease)
        self.tables.lose_intents(job)
        if job.is_cancelling:
            return self._cancel_now(job)
        for result in job.results.values():
            result.attempts -= result.is_attempting
            result.is_attempting = False
        self.tables.move_job(job, JobState.PENDING, "job.released")
        return job.state

    async def cancel(self, job_id: JobId) -> JobState | None:
        """Cancel the job."""
        job = self.tables.jobs.get(job_id)
        if job is None or job.state.is_final:
            return job.state if job else None
        if not self.tables.is_leased(job):
            self.tables.lose_intents(job)
            return self._cancel_now(job)
        if not job.is_cancelling:
            self.tables.history.append(HistoryRow("job.cancel_requested", job.id, None, job.state, job.state))
        job.is_cancelling = True
        return job.state

    def _cancel_now(self, job: JobRow) -> JobState:
        self.tables.close_open(job, SubmissionState.CANCELLED)
        self.tables.move_job(job, JobState.CANCELLED, "job.cancelled")
        return job.state

    async def read(self, job_id: JobId) -> JobView | None:
        """Return the job with its submissions, or None."""
        job = self.tables.jobs.get(job_id)
        return self.tables.view(job) if job else None

    async def list_jobs(self, limit: int = 20) -> Sequence[JobSummary]:
        """Return the latest jobs, newest first."""
        latest = sorted(self.tables.jobs.values(), key=lambda job: (-job.created_at.timestamp(), job.id))
        return [_summary(job) for job in latest[:limit]]

    async def recover_stale(self, *, max_recoveries: int, limit: int = 50) -> Sequence[Recovery]:
        """Take back jobs whose lease is over."""
        held = [job for job in self.tables.jobs.values() if job.state is JobState.IN_PROGRESS]
        stale = [job for job in held if not self.tables.is_leased(job)]
        stale.sort(key=lambda job: job.lease_until or self.tables.clock())
        return [self._recover(job, max_recoveries) for job in stale[:limit]]

    def _recover(self, job: JobRow, max_recoveries: int) -> Recovery:
        lost = self.tables.lose_intents(job)
        if not self._end_lost(job, max_recoveries):
            self.tables.move_job(job, JobState.PENDING, "job.recovered")
            job.lease_epoch += 1
            job.recoveries += 1
        return Recovery(job.id, job.state, lost)

    def _end_lost(self, job: JobRow, max_recoveries: int) -> bool:
        """End a job that lost its worker when it shall not go on, and say whether it did."""
        for result in job.results.values():
            result.is_attempting = False
        if job.is_cancelling:
            self._cancel_now(job)
        elif job.recoveries >= max_recoveries:
            message = f"The job lost its worker {job.recoveries + 1} times."
            self.tables.close_open(job, SubmissionState.FAILED, Reason.INTERNAL_ERROR, message)
            self.tables.move_job(job, self.tables.judge(job), "job.given_up")
        else:
            return False
        job.lease_epoch += 1
        job.recoveries += 1
        return True


def _enqueued(job: JobRow, *, is_new: bool) -> Enqueued:
    return Enqueued(job.id, is_new, job.priority, job.hint, len(job.results), job.correlation_id)


def _summary(job: JobRow) -> JobSummary:
    states = Counter(result.state for result in job.results.values())
    return JobSummary(job.id, job.customer, job.state, job.package, job.priority, job.created_at, states)
