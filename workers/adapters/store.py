"""The whole database (`ports.Store`), once for both transports: each method is one call of one database function."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, stop_after_delay, wait_random_exponential

from workers.adapters import codec
from workers.adapters.refusals import check_places, conflict, unfit_directories
from workers.adapters.rpc import CallUndone, Rpc
from workers.errors import StoreUnavailable
from workers.model import (
    Beat,
    Claim,
    ClaimRefusal,
    Directory,
    DirectoryId,
    DirectoryStatus,
    Disposal,
    Enqueued,
    Hint,
    IntentAnswer,
    Job,
    JobId,
    JobState,
    JobSummary,
    Lease,
    Order,
    Recovery,
    WorkerId,
)
from workers.outcome import Outcome

# The same call made twice does what one does not: count an attempt, take a lease, number a hint, append a line. After
# a lost answer these are not repeated; everything else finds what it did before and answers alike.
_ONCE = frozenset(
    {"begin_attempt_v1", "claim_job_v1", "due_hints_v1", "note_message_v1", "recover_stale_v1", "take_turn_v1"}
)


class DatabaseStore:
    """Implements `ports.Store` over an `Rpc`. A job id that is no UUID is one that the database does not know."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def enqueue(self, order: Order) -> Enqueued:
        """Store an order (see `ports.JobStore`)."""
        check_places(order)
        job_id = str(uuid.uuid4())
        answer = await self._call(
            "enqueue_job_v1",
            job_id=job_id,
            customer=codec.clean(order.customer),
            package=order.package,
            size=order.package.size,
            priority=order.priority or order.package.priority,
            profile=order.profile.model_dump(mode="json", exclude_defaults=True),
            directories=list(order.directories),
            idempotency_key=order.idempotency_key,
            body_hash=codec.digest_order(order),
            correlation_id=order.correlation_id or job_id,
        )
        match answer.get("refusal"):
            case None:
                return codec.read_enqueued(answer)
            case "idempotency_conflict":
                raise conflict(order)
            case _:
                raise unfit_directories(order, answer["unknown"], answer["unavailable"])

    async def hint_sent(self, hint: Hint) -> None:
        """Note that this hint reached the queue."""
        await self._call("hint_sent_v1", job_id=hint.job_id, hint=hint.number)

    async def due_hints(self, *, rehint_after: timedelta, limit: int = 100) -> Sequence[Hint]:
        """Number and return the hints that have to be sent (again)."""
        rows = await self._call("due_hints_v1", rehint_after=rehint_after.total_seconds(), max_hints=limit)
        return [codec.read_hint(row) for row in rows]

    async def dispatch(self, job_id: JobId, hint: int) -> Disposal:
        """Ask what a received hint is worth, and note the dispatch."""
        if not _is_uuid(job_id):
            return Disposal.UNKNOWN_JOB
        return Disposal(await self._call("dispatch_job_v1", job_id=job_id, hint=hint))

    async def count_in_flight(self, *, dispatch_grace: timedelta) -> int:
        """Count the jobs in progress or on their way to a worker."""
        return int(await self._call("count_in_flight_v1", dispatch_grace=dispatch_grace.total_seconds()))

    async def claim(
        self, job_id: JobId, worker_id: WorkerId, *, lease: timedelta, is_retry: bool = False, max_recoveries: int = 3
    ) -> Claim:
        """Take the job by compare-and-set."""
        if not _is_uuid(job_id):
            return Claim(refusal=ClaimRefusal.UNKNOWN_JOB)
        answer = await self._call(
            "claim_job_v1",
            job_id=job_id,
            worker_id=worker_id,
            lease=lease.total_seconds(),
            is_retry=is_retry,
            max_recoveries=max_recoveries,
        )
        if refusal := answer.get("refusal"):
            return Claim(refusal=ClaimRefusal(refusal))
        return Claim(lease=Lease(job_id, answer["epoch"], worker_id), job=codec.read_job(answer["job"]))

    async def beat(self, lease: Lease, *, extend: timedelta) -> Beat:
        """Prolong the lease."""
        return Beat(await self._call("beat_job_v1", **_held(lease), extend=extend.total_seconds()))

    async def settle(self, lease: Lease) -> JobState | None:
        """End the lease and set the job's state."""
        return _state(await self._call("settle_job_v1", **_held(lease)))

    async def release(self, lease: Lease) -> JobState | None:
        """Give the job back at once."""
        return _state(await self._call("release_job_v1", **_held(lease)))

    async def cancel(self, job_id: JobId) -> JobState | None:
        """Cancel the job."""
        return _state(await self._call("cancel_job_v1", job_id=job_id)) if _is_uuid(job_id) else None

    async def read(self, job_id: JobId) -> Job | None:
        """Return the job with its submissions, or None."""
        row = await self._call("read_job_v1", job_id=job_id) if _is_uuid(job_id) else None
        return codec.read_job(row) if row else None

    async def list_jobs(self, limit: int = 20) -> Sequence[JobSummary]:
        """Return the latest jobs, newest first."""
        return [codec.read_summary(row) for row in await self._call("list_jobs_v1", max_jobs=limit)]

    async def recover_stale(self, *, max_recoveries: int, limit: int = 50) -> Sequence[Recovery]:
        """Take back jobs whose lease is over."""
        rows = await self._call("recover_stale_v1", max_recoveries=max_recoveries, max_jobs=limit)
        return [codec.read_recovery(row) for row in rows]

    async def begin_attempt(self, lease: Lease, directory: DirectoryId) -> int | None:
        """Count an attempt."""
        number: int | None = await self._call("begin_attempt_v1", **_held(lease), directory=directory)
        return number

    async def commit_intent(self, lease: Lease, directory: DirectoryId) -> IntentAnswer:
        """Commit the decision to click; the token lets a repeat after a lost answer find its own intent."""
        token = str(uuid.uuid4())
        return IntentAnswer(await self._call("commit_intent_v1", **_held(lease), directory=directory, token=token))

    async def void_intent(self, lease: Lease, directory: DirectoryId, proof: str) -> bool:
        """Take the intent back."""
        return bool(await self._call("void_intent_v1", **_held(lease), directory=directory, proof=codec.clean(proof)))

    async def record(self, lease: Lease, directory: DirectoryId, outcome: Outcome, *, seconds: float) -> bool:
        """Write the outcome."""
        result = codec.outcome_json(outcome, seconds)
        return bool(await self._call("record_outcome_v1", **_held(lease), directory=directory, result=result))

    async def take_turn(self, directory: DirectoryId, *, pace: timedelta, wait_limit: timedelta) -> timedelta:
        """Reserve the next visit to a directory."""
        wait = await self._call(
            "take_turn_v1", directory=directory, pace=pace.total_seconds(), wait_limit=wait_limit.total_seconds()
        )
        return timedelta(seconds=wait)

    async def import_directories(self, directories: Sequence[Directory]) -> tuple[int, int]:
        """Insert or update by id."""
        if not directories:
            return 0, 0
        counts = await self._call("import_directories_v1", items=[codec.directory_json(one) for one in directories])
        return counts["new"], counts["changed"]

    async def list_directories(self, status: DirectoryStatus | None = None) -> Sequence[Directory]:
        """Return the directories, best domain authority first."""
        return [codec.read_directory(row) for row in await self._call("list_directories_v1", status=status)]

    async def read_directory(self, directory: DirectoryId) -> Directory | None:
        """Return one directory, or None."""
        row = await self._call("read_directory_v1", directory=directory)
        return codec.read_directory(row) if row else None

    async def set_status(self, directory: DirectoryId, status: DirectoryStatus) -> bool:
        """Set the status of one directory."""
        return bool(await self._call("set_directory_status_v1", directory=directory, status=status))

    async def worker_beat(self, worker_id: WorkerId, *, slots: int, busy: int, jobs: int) -> None:
        """Write the worker's sign of life."""
        await self._call("worker_beat_v1", worker_id=worker_id, slots=slots, busy=busy, jobs=jobs)

    async def count_slots(self, *, within: timedelta) -> int:
        """Count the pages that living workers may have open together."""
        return int(await self._call("count_slots_v1", within=within.total_seconds()))

    async def note_message(self, *, queue: str, message_id: str, event: str, job_id: str | None, detail: str) -> None:
        """Append to the history what happened to a message; a job id that is none is kept as text."""
        is_job = job_id is not None and _is_uuid(job_id)
        await self._call(
            "note_message_v1",
            queue=queue,
            message_id=codec.clean(message_id),
            event=event,
            job_id=job_id if is_job else None,
            detail=codec.clean(detail if is_job or job_id is None else f"{detail} (job_id {job_id})"),
        )

    async def ping(self) -> None:
        """Raise `StoreUnavailable` when the database does not answer."""
        await self._call("ping_v1")

    async def close(self) -> None:
        """Give all connections back."""
        await self._rpc.close()

    async def _call(self, function: str, **arguments: Any) -> Any:
        """Call with a few repeats over a second or so; longer outages are the caller's to sit out."""
        retrying = AsyncRetrying(
            retry=lambda state: _may_repeat(function, state),
            stop=stop_after_attempt(4) | stop_after_delay(5),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        return await retrying(self._rpc.call, function, **arguments)


def _may_repeat(function: str, state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, CallUndone) or (isinstance(error, StoreUnavailable) and function not in _ONCE)


def _held(lease: Lease) -> dict[str, Any]:
    return {"job_id": lease.job_id, "epoch": lease.epoch}


def _state(text: str | None) -> JobState | None:
    return None if text is None else JobState(text)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
