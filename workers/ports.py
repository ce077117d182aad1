"""What the engine needs from outside, as Protocols. The adapters implement them; `memory` is the twin for tests.

Every write that belongs to a lease answers False (or a value that says so) when the lease's epoch is old, and
changes nothing then. Times are decided by the database's clock: callers pass durations, never moments.
All methods raise `StoreUnavailable` or `QueueUnavailable` when the service is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from workers.model import (
    Beat,
    Claim,
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
from workers.profile import Profile


class JobStore(Protocol):
    """Jobs and their leases."""

    async def enqueue(self, order: Order) -> Enqueued:
        """Store a job and its submissions in one transaction, with its first hint due.

        Raises `UnknownDirectory`, `DirectoryUnavailable` or `IdempotencyConflict`; nothing is stored then.
        """

    async def hint_sent(self, hint: Hint) -> None:
        """Note that this hint reached the queue, so that the sweep need not send it."""

    async def due_hints(self, *, rehint_after: timedelta, limit: int = 100) -> Sequence[Hint]:
        """Number and return the hints that have to be sent (again): the relay of the outbox.

        Due are pending jobs past their `not_before` whose last hint never reached the queue, or was sent
        longer than `rehint_after` ago and led to no claim; that wait doubles with each hint, up to eight times.
        Of two sweeps at once each hint goes to one, which has five seconds to send it.
        """

    async def dispatch(self, job_id: JobId, hint: int) -> Disposal:
        """Ask what a received hint is worth, and note the dispatch when it is worth a run."""

    async def count_in_flight(self, *, dispatch_grace: timedelta) -> int:
        """Count the jobs in progress under a live lease, or dispatched within `dispatch_grace` and unclaimed."""

    async def claim(
        self, job_id: JobId, worker_id: WorkerId, *, lease: timedelta, is_retry: bool = False, max_recoveries: int = 3
    ) -> Claim:
        """Take the job by compare-and-set, with a new epoch.

        With `is_retry` (an operator's wish) a job that waits is due now, and a failed one is opened again:
        its failed submissions are planned anew, everything else stays as it is. A job whose lease is over is
        taken from its lost worker, or ended as the sweep does when that happened `max_recoveries` times before.
        """

    async def beat(self, lease: Lease, *, extend: timedelta) -> Beat:
        """Prolong the lease."""

    async def settle(self, lease: Lease) -> JobState | None:
        """End the lease and set the job's state from its submissions; None when the lease was lost.

        Any open submission: pending until the earliest `not_before`. Else any failed: failed. Else completed.
        """

    async def release(self, lease: Lease) -> JobState | None:
        """Give the job back at once: pending and due now, its unfinished attempts not counted.

        Returns the job's state, which is cancelled when that was asked for; None when the lease was lost.
        """

    async def cancel(self, job_id: JobId) -> JobState | None:
        """Cancel: a pending job at once, one in progress at its next heartbeat. None: no such job."""

    async def read(self, job_id: JobId) -> Job | None:
        """Return the job with its submissions, or None."""

    async def list_jobs(self, limit: int = 20) -> Sequence[JobSummary]:
        """Return the latest jobs, newest first."""

    async def recover_stale(self, *, max_recoveries: int, limit: int = 50) -> Sequence[Recovery]:
        """Take back jobs whose lease is over; their intents without an outcome become unknown."""


class SubmissionStore(Protocol):
    """Attempts, intents and outcomes of single submissions."""

    async def begin_attempt(self, lease: Lease, directory: DirectoryId) -> int | None:
        """Count an attempt and return its number from 1; None when the lease was lost or it is not open."""

    async def commit_intent(self, lease: Lease, directory: DirectoryId) -> IntentAnswer:
        """Commit the decision to click the last button; unique for customer and directory.

        Only at a directory that is active and allows automation at this very moment.
        """

    async def void_intent(self, lease: Lease, directory: DirectoryId, proof: str) -> bool:
        """Take the intent back because the click provably sent nothing; the submission is planned again."""

    async def record(self, lease: Lease, directory: DirectoryId, outcome: Outcome, *, seconds: float) -> bool:
        """Write the outcome and its history row; False when the lease was lost."""

    async def take_turn(self, directory: DirectoryId, *, pace: timedelta, wait_limit: timedelta) -> timedelta:
        """Reserve the next visit to a directory, over all processes; return how long to wait for it.

        A wait longer than `wait_limit` is returned without reserving anything.
        """


class Catalogue(Protocol):
    """All directories that we know."""

    async def import_directories(self, directories: Sequence[Directory]) -> tuple[int, int]:
        """Insert or update by id; return how many were (new, changed). A status that is set stays as it is."""

    async def list_directories(self, status: DirectoryStatus | None = None) -> Sequence[Directory]:
        """Return the directories, best domain authority first."""

    async def read_directory(self, directory: DirectoryId) -> Directory | None:
        """Return one directory, or None."""

    async def set_status(self, directory: DirectoryId, status: DirectoryStatus) -> bool:
        """Set the status of one directory; False when there is none of that id."""


class WorkerRegistry(Protocol):
    """Who works, for health and for people."""

    async def worker_beat(self, worker_id: WorkerId, *, slots: int, busy: int, jobs: int) -> None:
        """Write the worker's sign of life. `slots` is 0 for a worker without browsers."""

    async def count_slots(self, *, within: timedelta) -> int:
        """Count the pages that the workers with a sign of life within that time may have open together."""

    async def note_message(self, *, queue: str, message_id: str, event: str, job_id: str | None, detail: str) -> None:
        """Append to `queue_history` what happened to a message (`message.dead_lettered`, …)."""

    async def ping(self) -> None:
        """Raise `StoreUnavailable` when the database does not answer."""


class Store(JobStore, SubmissionStore, Catalogue, WorkerRegistry, Protocol):
    """The whole database."""

    async def close(self) -> None:
        """Give all connections back."""


class Received(Protocol):
    """A message as it was received: `body` is raw, whatever it holds."""

    @property
    def body(self) -> str:
        """The raw body."""

    @property
    def message_id(self) -> str:
        """The queue's id of the message."""

    @property
    def queue(self) -> str:
        """The short name of the queue it came from: `p1` … `p4`, `dlq`."""

    @property
    def receipt(self) -> str:
        """What deletes it."""

    @property
    def attributes(self) -> dict[str, str]:
        """Its message attributes as text."""


class Queue(Protocol):
    """The hints' way: four queues by priority and one for dead letters."""

    async def ensure_queues(self) -> None:
        """Create what is missing; safe to call twice."""

    async def send(self, hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
        """Send one hint to its priority's queue. Delays beyond SQS's 15 minutes are cut to it."""

    async def receive(self, queue: str, *, limit: int, wait: timedelta) -> Sequence[Received]:
        """Receive up to `limit` messages (at most 10), waiting for the first one."""

    async def delete(self, message: Received) -> None:
        """Delete a received message."""

    async def bury(self, message: Received, reason: str) -> None:
        """Put the raw body on the DLQ with its reason, then delete the message."""

    async def depths(self) -> dict[str, int]:
        """Count the visible messages by queue. Raises `QueueUnavailable` rather than answer 0 unseen."""

    async def close(self) -> None:
        """Close the client."""


class Gate(Protocol):
    """What the form engine must pass before a click that may send the form."""

    async def commit_intent(self) -> None:
        """Allow the click, or raise `IntentRefused` or `LeaseLost`. One intent allows one click."""

    async def void_intent(self, proof: str) -> None:
        """Say that the click provably sent nothing (`proof` is kept), so that another may be asked for."""


class Submitter(Protocol):
    """Makes one attempt at one directory. Failures of the site are outcomes, not exceptions."""

    async def attempt(self, directory: Directory, profile: Profile, gate: Gate) -> Outcome:
        """Open, find, fill, pass the gate, click, judge. Raises `BrowserUnavailable` when the browser died."""


class EvidenceStore(Protocol):
    """Keeps proof."""

    async def save(self, data: bytes, *, suffix: str = ".png") -> str:
        """Keep one file and return its id (a UUID with the suffix)."""

    async def load(self, evidence_id: str) -> bytes | None:
        """Return the file, or None."""

    def link(self, evidence_id: str) -> str:
        """Return the address at which people see it."""
