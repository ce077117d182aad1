"""Between the database's JSON and the domain. The keys are those of the functions `…_json_v1` in the migrations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from workers.model import (
    CustomerId,
    Directory,
    DirectoryId,
    DirectoryStatus,
    Enqueued,
    Hint,
    Job,
    JobId,
    JobState,
    JobSummary,
    Order,
    Package,
    Recovery,
    Submission,
    SubmissionState,
)
from workers.outcome import (
    Deferred,
    Evidence,
    Failed,
    NeedsHuman,
    Outcome,
    Reason,
    Rejected,
    Skipped,
    Submitted,
    Unknown,
)
from workers.profile import Profile

Row = Mapping[str, Any]

_REASONS: Mapping[str, Reason] = {one.value: one for one in Reason}
_STATES: Mapping[type[Outcome], SubmissionState] = {
    Submitted: SubmissionState.SUBMITTED,
    Rejected: SubmissionState.REJECTED,
    NeedsHuman: SubmissionState.NEEDS_HUMAN,
    Skipped: SubmissionState.SKIPPED,
    Deferred: SubmissionState.DEFERRED,
    Failed: SubmissionState.FAILED,
    Unknown: SubmissionState.UNKNOWN,
}


def digest_order(order: Order) -> str:
    """Return the SHA-256 of what makes two orders the same order: canonical JSON of profile, places and priority."""
    body = {
        "profile": order.profile.model_dump(mode="json"),
        "directories": list(order.directories),
        "package": order.package,
        "priority": order.priority,
    }
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def clean(text: str) -> str:
    """Replace what Postgres cannot keep in a text: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def clean_evidence(evidence: Evidence) -> Evidence:
    """Clean every text of it: pages hold whatever they like."""
    texts = (evidence.screenshot, evidence.final_url, evidence.confirmation, evidence.listing_url)
    return Evidence(*(None if text is None else clean(text) for text in texts))


def state_of(outcome: Outcome) -> SubmissionState:
    """Return the state that an outcome puts its submission in."""
    return _STATES[type(outcome)]


def outcome_json(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Return what `record_outcome_v1` takes."""
    evidence = clean_evidence(outcome.evidence)
    return {
        "state": state_of(outcome),
        "reason": outcome.reason,
        "message": clean(outcome.message),
        "screenshot": evidence.screenshot,
        "final_url": evidence.final_url,
        "confirmation": evidence.confirmation,
        "listing_url": evidence.listing_url,
        "seconds": seconds,
        "delay": outcome.delay.total_seconds() if isinstance(outcome, Deferred) else None,
    }


def directory_json(directory: Directory) -> dict[str, Any]:
    """Return what `import_directories_v1` takes."""
    return {
        "id": directory.id,
        "name": directory.name,
        "site": directory.site,
        "submission_url": directory.submission_url,
        "status": directory.status,
        "category": directory.category,
        "domain_authority": directory.domain_authority,
        "method": directory.method,
        "trust": directory.trust,
        "pace": None if directory.pace is None else directory.pace.total_seconds(),
        "allows_automation": directory.allows_automation,
    }


def read_directory(row: Row) -> Directory:
    """Build a directory from `directory_json_v1`."""
    pace = row["pace"]
    return Directory(
        id=DirectoryId(row["id"]),
        name=row["name"],
        site=row["site"],
        submission_url=row["submission_url"],
        status=DirectoryStatus(row["status"]),
        category=row["category"],
        domain_authority=row["domain_authority"],
        method=row["method"],
        trust=row["trust"],
        pace=None if pace is None else timedelta(seconds=pace),
        allows_automation=row["allows_automation"],
    )


def read_summary(row: Row) -> JobSummary:
    """Build a summary from a row of `list_jobs_v1`."""
    return JobSummary(
        id=JobId(row["id"]),
        customer=row["customer"],
        state=JobState(row["state"]),
        package=Package(row["package"]),
        priority=row["priority"],
        created_at=datetime.fromisoformat(row["created_at"]),
        submissions={SubmissionState(state): count for state, count in row["submissions"].items()},
    )


def read_job(row: Row) -> Job:
    """Build a job with its submissions from `job_json_v1`."""
    return Job(
        id=JobId(row["id"]),
        customer_id=CustomerId(row["customer_id"]),
        customer=row["customer"],
        state=JobState(row["state"]),
        package=Package(row["package"]),
        priority=row["priority"],
        profile=Profile.model_validate(row["profile"]),
        submissions=tuple(_read_submission(one) for one in row["submissions"]),
        lease_epoch=row["lease_epoch"],
        recoveries=row["recoveries"],
        created_at=_read_moment(row["created_at"]),
        not_before=_read_moment(row["not_before"]),
        correlation_id=row["correlation_id"],
    )


def _read_submission(row: Row) -> Submission:
    return Submission(
        directory=read_directory(row["directory"]),
        state=SubmissionState(row["state"]),
        attempts=row["attempts"],
        reason=None if row["reason"] is None else _REASONS[row["reason"]],
        message=row["message"],
        evidence=Evidence(row["screenshot"], row["final_url"], row["confirmation"], row["listing_url"]),
        not_before=_read_moment(row["not_before"]),
        seconds=row["seconds"],
    )


def read_enqueued(row: Row) -> Enqueued:
    """Build the answer to an order from `enqueued_json_v1`."""
    return Enqueued(
        job_id=JobId(row["job_id"]),
        is_new=row["is_new"],
        priority=row["priority"],
        hint=row["hint"],
        directories=row["directories"],
        correlation_id=row["correlation_id"],
    )


def read_hint(row: Row) -> Hint:
    """Build a hint from one item of `due_hints_v1`."""
    return Hint(JobId(row["job_id"]), row["number"], row["priority"], row["correlation_id"])


def read_recovery(row: Row) -> Recovery:
    """Build a recovery from one item of `recover_stale_v1`."""
    return Recovery(JobId(row["job_id"]), JobState(row["state"]), row["unknown"])


def _read_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
