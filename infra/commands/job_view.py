"""Jobs as people and programs see them on the command line."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from workers.model import Job, JobId, JobSummary
from workers.ports import EvidenceStore


def label(job_id: JobId) -> str:
    """Return the short name of a job for people."""
    return f"DIR-{job_id[:8]}"


def summary_facts(job: JobSummary) -> dict[str, Any]:
    """Return what the list tells of a job, for JSON."""
    return {
        "job_id": job.id,
        "label": label(job.id),
        "customer": job.customer,
        "state": job.state,
        "package": job.package,
        "priority": job.priority,
        "created_at": job.created_at.isoformat(),
        "submissions": dict(job.submissions),
    }


def summary_row(job: JobSummary) -> tuple[str, ...]:
    """Return what the list tells of a job, for the table."""
    counts = ", ".join(f"{count} {state}" for state, count in sorted(job.submissions.items()))
    created = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return (label(job.id), job.state, job.package, str(job.priority), job.customer, counts, created)


def job_facts(job: Job, evidence: EvidenceStore) -> dict[str, Any]:
    """Return everything of a job but the profile, which is personal data."""
    return {
        "job_id": job.id,
        "label": job.label,
        "customer": job.customer,
        "state": job.state,
        "package": job.package,
        "priority": job.priority,
        "created_at": _moment(job.created_at),
        "goes_on_at": _moment(job.not_before),
        "recoveries": job.recoveries,
        "correlation_id": job.correlation_id,
        "submissions": [
            {
                "directory": one.directory.id,
                "state": one.state,
                "reason": one.reason,
                "why": one.message or (one.reason.sentence if one.reason else ""),
                "attempts": one.attempts,
                "seconds": one.seconds,
                "goes_on_at": _moment(one.not_before),
                "confirmation": one.evidence.confirmation,
                "listing_url": one.evidence.listing_url,
                "final_url": one.evidence.final_url,
                "evidence": evidence.link(one.evidence.screenshot) if one.evidence.screenshot else None,
            }
            for one in job.submissions
        ],
    }


def submission_row(one: dict[str, Any]) -> tuple[str, ...]:
    """Return one of the submissions of `job_facts`, for the table."""
    seconds = "" if one["seconds"] is None else f"{one['seconds']:.1f}"
    return (one["directory"], one["state"], one["why"], str(one["attempts"]), seconds, one["evidence"] or "")


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def print_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table; of its columns the first two are never broken."""
    table = Table(box=box.SIMPLE)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number < 2, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # What is in the cells is data, never markup; what is piped on is cut at no terminal's edge.
    Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 240).print(table)
