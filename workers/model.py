"""The domain: customers, directories, jobs, submissions. Words and states as in `docs/states.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from workers.outcome import Evidence, Reason
from workers.profile import Profile

JobId = NewType("JobId", str)  # a UUID
CustomerId = NewType("CustomerId", str)  # a UUID
DirectoryId = NewType("DirectoryId", str)  # a slug: lower-case letters, digits, hyphens
WorkerId = NewType("WorkerId", str)


class JobState(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobState.PENDING, JobState.IN_PROGRESS)


class SubmissionState(StrEnum):
    """Where one (job, directory) pair stands."""

    PLANNED = "planned"
    SUBMITTING = "submitting"  # the intent is committed, the outcome is not known yet
    DEFERRED = "deferred"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    NEEDS_HUMAN = "needs_human"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether an attempt may still be made without anybody's word."""
        return self in (SubmissionState.PLANNED, SubmissionState.DEFERRED)


class DirectoryStatus(StrEnum):
    """Whether a directory takes part. Only an active one is ever submitted to."""

    NEEDS_VERIFICATION = "needs_verification"
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class Package(StrEnum):
    """What a customer bought: how many directories, and how soon."""

    STARTER = "starter"
    GROWTH = "growth"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    CUSTOM = "custom"  # an order that names its directories

    @property
    def size(self) -> int:
        """The most directories that the package holds."""
        return _PACKAGES[self][0]

    @property
    def priority(self) -> int:
        """The queue that the package goes to unless the order says otherwise: 1 is served first, 4 last."""
        return _PACKAGES[self][1]


_PACKAGES: Mapping[Package, tuple[int, int]] = {
    Package.STARTER: (50, 4),
    Package.GROWTH: (100, 3),
    Package.PROFESSIONAL: (300, 2),
    Package.ENTERPRISE: (500, 1),
    Package.CUSTOM: (500, 3),
}

PRIORITIES = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Directory:
    """A site that takes listings. `pace` is the least time between two visits; None means the setting's."""

    id: DirectoryId
    name: str
    site: str
    submission_url: str
    status: DirectoryStatus = DirectoryStatus.NEEDS_VERIFICATION
    category: str = ""
    domain_authority: int = 0
    method: str = "web_form"
    trust: str = ""
    pace: timedelta | None = None
    allows_automation: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer asks for. Exactly one of `directories` and a package other than custom says where to."""

    profile: Profile
    customer: str  # the customer's reference in the shop; the same text is the same customer
    directories: tuple[DirectoryId, ...] = ()
    package: Package = Package.CUSTOM
    priority: int | None = None  # None: the package's
    idempotency_key: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The answer to an order. `is_new` is False when the idempotency key brought an earlier job back."""

    job_id: JobId
    is_new: bool
    priority: int
    hint: int
    directories: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Hint:
    """The message that says "look at this job"; `number` counts the hints of one job."""

    job_id: JobId
    number: int
    priority: int
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """One (job, directory) pair as the database holds it."""

    directory: Directory
    state: SubmissionState
    attempts: int = 0
    reason: Reason | None = None
    message: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    not_before: datetime | None = None
    seconds: float | None = None  # how long the last attempt took


@dataclass(frozen=True, slots=True)
class Job:
    """One order as the database holds it, with its submissions in the order of the plan."""

    id: JobId
    customer_id: CustomerId
    customer: str
    state: JobState
    package: Package
    priority: int
    profile: Profile
    submissions: tuple[Submission, ...]
    lease_epoch: int = 0
    recoveries: int = 0
    created_at: datetime | None = None
    not_before: datetime | None = None
    correlation_id: str = ""

    @property
    def label(self) -> str:
        """A short name for people, `DIR-1a2b3c4d`."""
        return f"DIR-{self.id[:8]}"


@dataclass(frozen=True, slots=True)
class JobSummary:
    """One line about a job: who, what, where it stands, and how many submissions are in which state."""

    id: JobId
    customer: str
    state: JobState
    package: Package
    priority: int
    created_at: datetime
    submissions: Mapping[SubmissionState, int]


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to a job. Every write carries the epoch and touches nothing if a newer one exists."""

    job_id: JobId
    epoch: int
    worker_id: WorkerId


class ClaimRefusal(StrEnum):
    """Why a job was not handed out."""

    UNKNOWN_JOB = "unknown_job"
    LEASED = "leased"  # another worker holds it
    NOT_DUE = "not_due"  # it waits for its `not_before`
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim: a lease with the job, or a refusal."""

    lease: Lease | None = None
    job: Job | None = None
    refusal: ClaimRefusal | None = None


class Beat(StrEnum):
    """The answer to a heartbeat."""

    GO_ON = "go_on"
    LOST = "lost"
    CANCELLED = "cancelled"


class IntentAnswer(StrEnum):
    """Whether the last click is allowed."""

    COMMITTED = "committed"
    LEASE_LOST = "lease_lost"
    ALREADY_SUBMITTED = "already_submitted"  # another job of this customer has it there
    EARLIER_UNRESOLVED = "earlier_unresolved"  # an intent without an outcome stands
    NOT_ACTIVE = "not_active"  # the directory takes no automated submissions now


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the sweep did with one stale job."""

    job_id: JobId
    state: JobState  # pending: given back; failed: its recoveries are spent
    unknown: int  # submissions that had an intent and no outcome


class Disposal(StrEnum):
    """What the consumer does with a hint, as the database sees the job."""

    DISPATCH = "dispatch"
    UNKNOWN_JOB = "unknown_job"
    DROP = "drop"  # finished, held by a live worker, or not due: the row will send a hint of its own
