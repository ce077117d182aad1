"""The rows of the in-memory twin, and what moves them: the counterpart of the tables and their triggers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workers.model import (
    CustomerId,
    Directory,
    DirectoryId,
    Job,
    JobId,
    JobState,
    Lease,
    Package,
    Submission,
    SubmissionState,
    WorkerId,
)
from workers.outcome import Evidence, Reason
from workers.profile import Profile

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(slots=True)
class ResultRow:
    """One row of `job_results`."""

    directory: DirectoryId
    state: SubmissionState = SubmissionState.PLANNED
    attempts: int = 0
    is_attempting: bool = False
    reason: Reason | None = None
    message: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    not_before: datetime | None = None
    seconds: float | None = None


@dataclass(slots=True)
class JobRow:
    """One row of `jobs`, with its results by directory in the order of the plan."""

    id: JobId
    customer: str
    package: Package
    priority: int
    profile: Profile
    correlation_id: str
    idempotency_key: str | None
    body_hash: str
    created_at: datetime
    not_before: datetime
    results: dict[DirectoryId, ResultRow]
    state: JobState = JobState.PENDING
    lease_epoch: int = 0
    lease_until: datetime | None = None
    worker_id: WorkerId | None = None
    recoveries: int = 0
    is_cancelling: bool = False
    hint: int = 1
    hint_taken_until: datetime | None = None
    hint_sent_at: datetime | None = None
    hints_unanswered: int = 0
    dispatched_at: datetime | None = None

    @property
    def open_results(self) -> list[ResultRow]:
        """Submissions that may still be attempted."""
        return [one for one in self.results.values() if one.state.is_open]


@dataclass(slots=True)
class IntentRow:
    """One row of `intents` that is not voided."""

    job_id: JobId
    epoch: int
    outcome: SubmissionState | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of `queue_history`."""

    event: str
    job_id: str | None
    directory: DirectoryId | None = None
    from_state: str | None = None
    to_state: str | None = None
    reason: str | None = None
    detail: str = ""


class MemoryTables:
    """All rows, and the moves that write history. `clock` is the database's clock."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.customers: dict[str, CustomerId] = {}
        self.directories: dict[DirectoryId, Directory] = {}
        self.jobs: dict[JobId, JobRow] = {}
        self.intents: dict[tuple[str, DirectoryId], IntentRow] = {}
        self.next_visits: dict[DirectoryId, datetime] = {}
        self.workers: dict[WorkerId, tuple[int, int, int, datetime]] = {}
        self.history: list[HistoryRow] = []

    def customer_id(self, reference: str) -> CustomerId:
        """Return the customer's id; an unknown one is new."""
        return self.customers.setdefault(reference, CustomerId(str(uuid.uuid4())))

    def held(self, lease: Lease) -> JobRow | None:
        """Return the job when this epoch holds it."""
        job = self.jobs.get(lease.job_id)
        is_held = job is not None and job.lease_epoch == lease.epoch and job.state is JobState.IN_PROGRESS
        return job if is_held else None

    def is_leased(self, job: JobRow) -> bool:
        """Whether the job's lease runs."""
        return job.lease_until is not None and job.lease_until > self.clock()

    def move_job(self, job: JobRow, state: JobState, event: str, *, due: datetime | None = None) -> None:
        """End a job, or give it back (pending, due at `due`)."""
        self.history.append(HistoryRow(event, job.id, None, job.state, state))
        job.state = state
        job.lease_until, job.is_cancelling = None, False
        job.not_before = due or self.clock()
        job.hint_sent_at, job.hint_taken_until, job.hints_unanswered, job.dispatched_at = None, None, 0, None

    def move_result(self, job: JobRow, result: ResultRow, state: SubmissionState) -> None:
        """Put a submission into a state."""
        if result.state is not state:
            event = f"submission.{state}"
            self.history.append(HistoryRow(event, job.id, result.directory, result.state, state, result.reason))
        result.state = state
        result.not_before = None

    def close_open(self, job: JobRow, state: SubmissionState, reason: Reason | None = None, message: str = "") -> None:
        """End whatever is open in this state."""
        for result in job.open_results:
            result.reason, result.message, result.is_attempting = reason, message, False
            self.move_result(job, result, state)

    def lose_intents(self, job: JobRow) -> int:
        """Make the intents without an outcome unknown, and return how many."""
        lost = [one for one in job.results.values() if one.state is SubmissionState.SUBMITTING]
        for result in lost:
            result.reason, result.message = Reason.WORKER_LOST, Reason.WORKER_LOST.sentence
            result.is_attempting = False
            self.move_result(job, result, SubmissionState.UNKNOWN)
            self.intents[job.customer, result.directory].outcome = SubmissionState.UNKNOWN
        return len(lost)

    def judge(self, job: JobRow) -> JobState:
        """Return what the submissions make of their job."""
        states = {one.state for one in job.results.values()}
        if job.open_results:
            return JobState.PENDING
        return JobState.FAILED if SubmissionState.FAILED in states else JobState.COMPLETED

    def view(self, job: JobRow) -> Job:
        """Return the job as the application reads it."""
        return Job(
            id=job.id,
            customer_id=self.customer_id(job.customer),
            customer=job.customer,
            state=job.state,
            package=job.package,
            priority=job.priority,
            profile=job.profile,
            submissions=tuple(self._view_result(one) for one in job.results.values()),
            lease_epoch=job.lease_epoch,
            recoveries=job.recoveries,
            created_at=job.created_at,
            not_before=job.not_before if job.state is JobState.PENDING else None,
            correlation_id=job.correlation_id,
        )

    def _view_result(self, result: ResultRow) -> Submission:
        return Submission(
            directory=self.directories[result.directory],
            state=result.state,
            attempts=result.attempts,
            reason=result.reason,
            message=result.message,
            evidence=result.evidence,
            not_before=result.not_before,
            seconds=result.seconds,
        )


def doubled(delay: timedelta, hints: int) -> timedelta:
    """Return how long to wait before a hint is sent again: doubling with each, up to eight times."""
    return delay * min(8, 1 << max(0, min(hints, 10) - 1))
