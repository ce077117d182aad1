"""The in-memory twin of the database: the same behaviour, proved by the same contract suite. For tests and trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from workers.adapters import codec
from workers.adapters.memory_jobs import MemoryJobs
from workers.adapters.memory_tables import Clock, HistoryRow, IntentRow, JobRow, MemoryTables, ResultRow, utc_now
from workers.errors import StoreRefused
from workers.model import Directory, DirectoryId, DirectoryStatus, IntentAnswer, Lease, SubmissionState, WorkerId
from workers.outcome import Deferred, Outcome, Reason

_NOTHING_SENT = (SubmissionState.DEFERRED, SubmissionState.FAILED)
_SENT = (SubmissionState.SUBMITTED, SubmissionState.UNKNOWN)
_KNOWN = (SubmissionState.SUBMITTED, SubmissionState.REJECTED, SubmissionState.SKIPPED)


class MemoryStore(MemoryJobs):
    """Implements `ports.Store` in this process. `clock` stands for the database's clock.

    No method awaits anything, so each one is as atomic as a transaction.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(MemoryTables(clock))

    @property
    def history(self) -> Sequence[HistoryRow]:
        """What `queue_history` would hold."""
        return self.tables.history

    def _submission(self, lease: Lease, directory: DirectoryId) -> tuple[JobRow, ResultRow] | None:
        job = self.tables.held(lease)
        result = job.results.get(directory) if job else None
        return (job, result) if job and result else None

    async def begin_attempt(self, lease: Lease, directory: DirectoryId) -> int | None:
        """Count an attempt."""
        found = self._submission(lease, directory)
        if found is None or not found[1].state.is_open:
            return None
        job, result = found
        result.attempts += 1
        result.is_attempting = True
        self.tables.move_result(job, result, SubmissionState.PLANNED)
        return result.attempts

    async def commit_intent(self, lease: Lease, directory: DirectoryId) -> IntentAnswer:
        """Commit the decision to click."""
        found = self._submission(lease, directory)
        if found is None or not (found[1].state.is_open or found[1].state is SubmissionState.SUBMITTING):
            return IntentAnswer.LEASE_LOST
        job, result = found
        place = self.tables.directories[directory]
        is_active = place.status is DirectoryStatus.ACTIVE and place.allows_automation
        if result.state.is_open and not is_active:
            return IntentAnswer.NOT_ACTIVE
        earlier = self.tables.intents.get((job.customer, directory))
        if earlier is not None:
            is_known = earlier.outcome in _KNOWN
            return IntentAnswer.ALREADY_SUBMITTED if is_known else IntentAnswer.EARLIER_UNRESOLVED
        self.tables.intents[job.customer, directory] = IntentRow(job.id, lease.epoch)
        self.tables.move_result(job, result, SubmissionState.SUBMITTING)
        return IntentAnswer.COMMITTED

    async def void_intent(
        self,
        lease: Lease,
        directory: DirectoryId,
        proof: str,  # noqa: ARG002 (the twin keeps no voided intents)
    ) -> bool:
        """Take the intent back."""
        found = self._submission(lease, directory)
        if found is None or found[1].state is not SubmissionState.SUBMITTING:
            return False
        job, result = found
        del self.tables.intents[job.customer, directory]
        self.tables.move_result(job, result, SubmissionState.PLANNED)
        return True

    async def record(self, lease: Lease, directory: DirectoryId, outcome: Outcome, *, seconds: float) -> bool:
        """Write the outcome."""
        found = self._submission(lease, directory)
        if found is None:
            return False
        job, result = found
        is_sent = result.state is SubmissionState.SUBMITTING
        if not (is_sent or result.state.is_open):
            return (result.reason, result.message) == (outcome.reason, codec.clean(outcome.message))
        state = codec.state_of(outcome)
        if is_sent and state in _NOTHING_SENT:
            state = SubmissionState.UNKNOWN
        result.reason, result.message = outcome.reason, codec.clean(outcome.message)
        result.evidence = codec.clean_evidence(outcome.evidence)
        result.seconds, result.is_attempting = seconds, False
        self.tables.move_result(job, result, state)
        if isinstance(outcome, Deferred) and state is SubmissionState.DEFERRED:
            result.not_before = self.tables.clock() + outcome.delay
        self._resolve(job, directory, state, outcome.reason, is_sent=is_sent)
        return True

    def _resolve(
        self, job: JobRow, directory: DirectoryId, state: SubmissionState, reason: Reason, *, is_sent: bool
    ) -> None:
        """Tell the intent what became of the click; a refusal of what was entered frees the pair."""
        if not is_sent:
            if state in _SENT:
                self.tables.intents.setdefault((job.customer, directory), IntentRow(job.id, job.lease_epoch, state))
        elif state is SubmissionState.REJECTED and reason is Reason.VALIDATION_REFUSED:
            del self.tables.intents[job.customer, directory]
        else:
            self.tables.intents[job.customer, directory].outcome = state

    async def take_turn(self, directory: DirectoryId, *, pace: timedelta, wait_limit: timedelta) -> timedelta:
        """Reserve the next visit to a directory."""
        if directory not in self.tables.directories:
            raise StoreRefused(f"There is no directory {directory!r}.", "23503")
        now = self.tables.clock()
        visit = max(now, self.tables.next_visits.get(directory, now))
        if visit - now <= wait_limit:
            self.tables.next_visits[directory] = visit + pace
        return visit - now

    async def import_directories(self, directories: Sequence[Directory]) -> tuple[int, int]:
        """Insert or update by id."""
        known, new, changed = self.tables.directories, 0, 0
        for directory in {one.id: one for one in directories}.values():
            old = known.get(directory.id)
            merged = replace(directory, status=old.status) if old else directory
            new, changed = new + (old is None), changed + (old is not None and old != merged)
            known[directory.id] = merged
        return new, changed

    async def list_directories(self, status: DirectoryStatus | None = None) -> Sequence[Directory]:
        """Return the directories, best domain authority first."""
        wanted = [one for one in self.tables.directories.values() if status in (None, one.status)]
        return sorted(wanted, key=lambda one: (-one.domain_authority, one.id))

    async def read_directory(self, directory: DirectoryId) -> Directory | None:
        """Return one directory, or None."""
        return self.tables.directories.get(directory)

    async def set_status(self, directory: DirectoryId, status: DirectoryStatus) -> bool:
        """Set the status of one directory."""
        old = self.tables.directories.get(directory)
        if old is None:
            return False
        self.tables.directories[directory] = replace(old, status=status)
        return True

    async def worker_beat(self, worker_id: WorkerId, *, slots: int, busy: int, jobs: int) -> None:
        """Write the worker's sign of life."""
        self.tables.workers[worker_id] = (slots, busy, jobs, self.tables.clock())

    async def count_slots(self, *, within: timedelta) -> int:
        """Count the browser slots of the workers that gave a sign of life lately."""
        since = self.tables.clock() - within
        return sum(slots for slots, _, _, beat_at in self.tables.workers.values() if beat_at > since)

    async def note_message(self, *, queue: str, message_id: str, event: str, job_id: str | None, detail: str) -> None:
        """Append to the history what happened to a message."""
        self.tables.history.append(HistoryRow(event, job_id, detail=f"{queue} {message_id} {detail}"))

    async def ping(self) -> None:
        """Answer: this process does."""

    async def close(self) -> None:
        """Keep everything: a test may look at it afterwards."""
